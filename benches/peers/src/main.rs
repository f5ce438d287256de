//! The same policy asked of handset, regorus and cedar-policy: how long a decision takes, as ratios.

mod engines;
mod table;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use engines::{Engines, Question};

fn main() {
    let as_json = std::env::args().any(|argument| argument == "--json");
    if !as_json {
        println!("| rules | request | {} |", Engines::NAMES.join(" | "));
        println!("|---:|---|{}", "---:|".repeat(Engines::NAMES.len()));
    }
    for count in [10, 100, 1000] {
        let rules = table::rules(count);
        let engines = Engines::new(&rules);
        agree(&engines, &rules);
        let last = table::matching(&rules[count - 1]);
        for (name, request) in [("no rule matches", table::ordinary()), ("the last rule matches", last)] {
            let measured = measured(engines.questions(&request));
            if as_json {
                for (engine, time) in Engines::NAMES.iter().zip(measured) {
                    println!(r#"{{"name": "policy/{count} rules, {name}/{engine}", "value": {time:.1}}}"#);
                }
                continue;
            }
            let [ours, peers @ ..] = measured;
            let ratios: Vec<_> = peers.iter().map(|peer| format!("{:.1} x", peer / ours)).collect();
            println!("| {count} | {name} | {ours:.0} ns | {} |", ratios.join(" | "));
        }
    }
}

/// What is compared says the same, or there is nothing to compare.
fn agree(engines: &Engines, rules: &[table::Ask]) {
    let (mut refused, mut all) = (0, 0);
    for request in table::samples(rules) {
        let answers = engines.questions(&request).map(|mut question| question());
        let shown = (&request.action, request.amount, request.currency, request.region, &request.phone);
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?} to {shown:?}");
        refused += usize::from(answers[0]);
        all += 1;
    }
    assert!(refused > 0 && refused < all, "{refused} of {all} are refused: that tells nothing apart");
}

/// Nanoseconds of each question: the best of many rounds, in each of which all have their turn.
fn measured<const N: usize>(mut questions: [Question<'_>; N]) -> [f64; N] {
    let times = questions.each_mut().map(|question| times_in(question, ROUND));
    let mut best = [f64::INFINITY; N];
    for _ in 0..ROUNDS {
        for ((question, times), best) in questions.iter_mut().zip(times).zip(&mut best) {
            let each = spent(question, times).as_secs_f64() * 1e9 / f64::from(times);
            *best = best.min(each);
        }
    }
    best
}

/// How often a question can be asked in so long a time.
fn times_in(question: &mut Question<'_>, long: Duration) -> u32 {
    let mut times = 1;
    while spent(question, times) < long && times < u32::MAX / 2 {
        times *= 2;
    }
    times
}

fn spent(question: &mut Question<'_>, times: u32) -> Duration {
    let started = Instant::now();
    for _ in 0..times {
        black_box(question());
    }
    started.elapsed()
}

const ROUNDS: usize = 60;
const ROUND: Duration = Duration::from_millis(10);
