//! What a second thread is worth to answers of different checks: many of them in one go, the best of several rounds, since whatever
//! else runs on the machine slows one thread of two sooner than the only one.
#![expect(clippy::expect_used, clippy::print_stdout, reason = "a benchmark that talks, and ends when it cannot run")]

mod site;

use std::{
    thread,
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use handset::verifier::{Answer, Caller};
use site::{Open, Site};

fn main() {
    // In a test run, which is a try and measures nothing, the fewest.
    let (rounds, checks) = if std::env::args().any(|argument| argument == "--bench") { (7, 100_000) } else { (1, 100) };
    for (kind, code) in [("wrong", Open::wrong_code as fn(&Open) -> String), ("right", |open| open.code.clone())] {
        let best = |threads| (0..rounds).map(|_| round(checks, threads, code)).min().unwrap_or_default();
        let (one, two) = (best(1), best(2));
        println!("threads: {kind} answers on two threads, against one: {:.2}", one.as_secs_f64() / two.as_secs_f64());
    }
}

/// How long so many threads take for the answers to so many checks.
fn round(checks: usize, threads: usize, code: fn(&Open) -> String) -> Duration {
    let site = Site::new();
    let answers: Vec<_> = site.open_many(checks).into_iter().map(|open| (code(&open), open)).collect();
    let begin = Instant::now();
    thread::scope(|scope| {
        for part in answers.chunks(checks.div_ceil(threads)) {
            let verifier = &site.verifier;
            scope.spawn(move || {
                for (code, open) in part {
                    let answer = verifier.answer(&open.subject, open.id, code, Caller::default()).now_or_never();
                    let answer = answer.expect("nothing to wait for");
                    assert!(matches!(answer, Ok(Answer::Verified(_) | Answer::Incorrect { .. })));
                }
            });
        }
    });
    begin.elapsed()
}
