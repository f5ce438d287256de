//! Answering a check in this process: limit, reservation, comparison, settlement, and the proof of a right answer.
#![expect(clippy::expect_used, reason = "a benchmark that cannot run ends")]

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use handset::{
    Action, CheckId, PhoneNumber, Subject, Verifier,
    proof::ProofKey,
    testing::CodeBook,
    verifier::{Caller, StartRequest},
};
use tokio::runtime::Runtime;

fn answers(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut group = c.benchmark_group("code_match");
    // Each answer needs a check of its own, which takes longer to start than to answer.
    group.sampling_mode(SamplingMode::Flat).sample_size(20).measurement_time(Duration::from_millis(500));
    for (name, right) in [("right", true), ("wrong", false)] {
        group.bench_function(name, |b| {
            b.to_async(&runtime).iter_custom(|count| async move {
                let site = Site::new();
                let mut open = Vec::new();
                for _ in 0..count {
                    open.push(site.start(right).await);
                }
                let begin = Instant::now();
                for (subject, id, code) in &open {
                    let answer = site.verifier.answer(subject, *id, code, Caller::default()).await;
                    std::hint::black_box(answer.expect("an answer"));
                }
                begin.elapsed()
            });
        });
    }
    group.bench_function("unknown", |b| {
        let site = runtime.block_on(async { Site::new() });
        let (subject, id) = (Subject::new("ada").expect("a subject"), CheckId::random().expect("an id"));
        let (verifier, subject) = (&site.verifier, &subject);
        b.to_async(&runtime).iter(|| verifier.answer(subject, id, "123456", Caller::default()));
    });
    group.finish();
}

struct Site {
    verifier: Verifier,
    book: CodeBook,
}

impl Site {
    fn new() -> Self {
        let book = CodeBook::default();
        let builder = Verifier::builder().policy("policy.toml", POLICY);
        let builder = builder.proof_key(ProofKey::random().expect("a key")).provider(book.clone());
        Self { verifier: builder.build().expect("a verifier"), book }
    }

    /// Starts a check of a new subject with a new number, since both have failure budgets; returns it with a code.
    async fn start(&self, right: bool) -> (Subject, CheckId, String) {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let subject = Subject::new(format!("subject-{number}")).expect("a subject");
        let phone = PhoneNumber::parse(&format!("+3712{:07}", 1_000_000 + number % 8_000_000), None);
        let action = Action::new("sign_in").expect("an action");
        let request = StartRequest::new(subject.clone(), phone.expect("a number"), action);
        let check = self.verifier.start(request).await.expect("a check");
        let code = self.book.last_code().expect("a code").expose().to_owned();
        let wrong = code.bytes().rev().map(|digit| if digit == b'0' { '1' } else { '0' }).collect();
        (subject, check.id, if right { code } else { wrong })
    }
}

static NUMBER: AtomicU64 = AtomicU64::new(0);
const POLICY: &str = r#"
    version = 1
    [[limit]]
    name = "answers per subject"
    on = "answer"
    key = ["subject"]
    quota = "1000000/1s"
    [[route]]
    name = "everyone"
    try = ["code_book/sms"]
"#;

criterion_group!(benches, answers);
criterion_main!(benches);
