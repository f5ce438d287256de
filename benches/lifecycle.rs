//! A check from its start to its proof in this process, and its start alone among few and among many live checks. The provider
//! answers at once.
#![expect(clippy::expect_used, reason = "a benchmark that cannot run ends")]

mod site;

use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use handset::verifier::{Answer, Caller};
use site::Site;

fn lifecycle(c: &mut Criterion) {
    let mut group = c.benchmark_group("lifecycle");
    group.sampling_mode(SamplingMode::Flat).sample_size(20).warm_up_time(Duration::from_millis(200));
    group.measurement_time(Duration::from_millis(500));
    let site = Site::new();
    group.bench_function("start to proof", |b| {
        b.iter_custom(|count| {
            let requests: Vec<_> = (0..count).map(|_| Site::request()).collect();
            let begin = Instant::now();
            for request in requests {
                let subject = request.subject.clone();
                let check = site.block_on(site.verifier.start(request)).expect("a check");
                let code = site.last_code();
                let answer = site.verifier.answer(&subject, check.id, &code, Caller::default());
                assert!(matches!(site.block_on(answer), Ok(Answer::Verified(_))));
            }
            begin.elapsed()
        });
    });
    for live in live_checks() {
        let site = Site::new();
        site.open_many(*live);
        group.bench_function(format!("start/{live}"), |b| {
            b.iter_custom(|count| {
                let requests: Vec<_> = (0..count).map(|_| Site::request()).collect();
                let begin = Instant::now();
                for request in requests {
                    site.block_on(site.verifier.start(request)).expect("a check");
                }
                begin.elapsed()
            });
        });
    }
    group.finish();
}

/// In a test run, which is a try and measures nothing, the fewest.
fn live_checks() -> &'static [usize] {
    if std::env::args().any(|argument| argument == "--bench") { &[1_000, 1_000_000] } else { &[1_000] }
}

criterion_group!(benches, lifecycle);
criterion_main!(benches);
