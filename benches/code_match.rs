//! Answering a check in this process: limit, reservation, comparison, settlement, and the proof of a right answer; among few and
//! among many live checks, on one thread and on two.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a benchmark that cannot run ends")]

mod site;

use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use criterion::{BenchmarkGroup, Criterion, SamplingMode, criterion_group, criterion_main, measurement::WallTime};
use futures_util::FutureExt;
use handset::{
    CheckId, ErrorKind, Result, Subject, Verifier,
    verifier::{Answer, Caller},
};
use site::{Open, Site};

fn answers(c: &mut Criterion) {
    let mut group = c.benchmark_group("code_match");
    // Each answer needs a check of its own, which takes longer to start than to answer.
    group.sampling_mode(SamplingMode::Flat).sample_size(20).warm_up_time(Duration::from_millis(200));
    group.measurement_time(Duration::from_millis(400));
    for live in live_checks() {
        let mut pool = Pool::new(*live);
        for threads in [1, 2] {
            pool.bench(
                &mut group,
                threads,
                "right",
                |open| open.code.clone(),
                |answer| matches!(answer, Ok(Answer::Verified(_))),
            );
            pool.bench(&mut group, threads, "wrong", Open::wrong_code, |answer| {
                matches!(answer, Ok(Answer::Incorrect { .. }))
            });
        }
        let stranger = Subject::new("ada").expect("a subject");
        pool.bench_ended(&mut group, "unknown", |_| (stranger.clone(), CheckId::random().expect("an id")));
        pool.site.clock.advance(Duration::from_secs(600));
        pool.bench_ended(&mut group, "expired", |open| (open.subject.clone(), open.id));
    }
    group.finish();
}

/// Checks that wait for an answer, in no order.
struct Pool {
    site: Site,
    open: Vec<Open>,
    live: usize,
    turn: usize,
}

impl Pool {
    fn new(live: usize) -> Self {
        let site = Site::new();
        Self { open: site.open_many(live), site, live, turn: 0 }
    }

    /// Answers checks from all over the pool, each once, and starts new ones in their place while nobody measures.
    fn bench(
        &mut self,
        group: &mut BenchmarkGroup<'_, WallTime>,
        threads: usize,
        name: &str,
        code: impl Fn(&Open) -> String,
        expected: impl Fn(&Result<Answer>) -> bool + Sync,
    ) {
        let name = if threads == 1 { name.to_owned() } else { format!("{name} on {threads} threads") };
        group.bench_function(format!("{name}/{}", self.live), |b| {
            b.iter_custom(|count| {
                let mut took = Duration::ZERO;
                let mut left = count as usize;
                while left > 0 {
                    let some = left.min(self.live / 2);
                    left -= some;
                    let answers: Vec<_> = self.take(some).into_iter().map(|open| (code(&open), open)).collect();
                    took += answer_all(&self.site.verifier, &answers, threads, &expected);
                    self.open.extend(self.site.open_many(some));
                }
                took
            });
        });
    }

    /// Answers where there is no open check, always the same number of them.
    fn bench_ended(
        &mut self,
        group: &mut BenchmarkGroup<'_, WallTime>,
        name: &str,
        mut whose: impl FnMut(&Open) -> (Subject, CheckId),
    ) {
        let mut asked = Vec::new();
        for _ in 0..self.live.min(50_000) {
            let at = self.turn();
            asked.push(whose(&self.open[at]));
        }
        let mut asked = asked.iter().cycle();
        group.bench_function(format!("{name}/{}", self.live), |b| {
            b.iter(|| {
                let (subject, id) = asked.next().expect("some");
                let answer = self.site.verifier.answer(subject, *id, "123456", Caller::default()).now_or_never();
                let error = answer.expect("nothing to wait for").expect_err("no open check");
                assert_eq!(error.kind(), ErrorKind::CheckEnded);
            });
        });
    }

    fn take(&mut self, count: usize) -> Vec<Open> {
        let mut taken = Vec::new();
        for _ in 0..count {
            let at = self.turn();
            taken.push(self.open.swap_remove(at));
        }
        taken
    }

    /// A place in the pool, each as likely as any other and the same in each run.
    fn turn(&mut self) -> usize {
        self.turn = self.turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.turn >> 33) % self.open.len()
    }
}

/// How long it takes `threads` to answer all of them, each its part.
fn answer_all(
    verifier: &Verifier,
    answers: &[(String, Open)],
    threads: usize,
    expected: &(impl Fn(&Result<Answer>) -> bool + Sync),
) -> Duration {
    let barrier = Barrier::new(threads);
    let part = |answers: &[(String, Open)]| {
        barrier.wait();
        let begin = Instant::now();
        for (code, open) in answers {
            let answer = verifier.answer(&open.subject, open.id, code, Caller::default()).now_or_never();
            assert!(expected(&answer.expect("nothing to wait for")));
        }
        begin.elapsed()
    };
    if threads == 1 {
        return part(answers);
    }
    thread::scope(|scope| {
        let parts = answers.chunks(answers.len().div_ceil(threads).max(1));
        // As many as wait at the barrier, whether there is something to do for each or not.
        let parts = parts.chain(std::iter::repeat([].as_slice())).take(threads);
        let part = &part;
        let running: Vec<_> = parts.map(|answers| scope.spawn(move || part(answers))).collect();
        running.into_iter().map(|thread| thread.join().expect("no panic")).max().unwrap_or_default()
    })
}

/// In a test run, which is a try and measures nothing, the fewest.
fn live_checks() -> &'static [usize] {
    if std::env::args().any(|argument| argument == "--bench") { &[1_000, 100_000, 1_000_000] } else { &[1_000] }
}

criterion_group!(benches, answers);
criterion_main!(benches);
