//! Deciding a log of recorded starts again, on every processor: 1,000,000 records of 1,000 different starts. Unoptimized
//! builds, which only see whether it runs, read 10,000.
#![expect(clippy::expect_used, reason = "a benchmark that cannot run ends")]

use std::{
    fmt::Write as _,
    io::{self, Read},
};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use handset::{
    Action, PhoneNumber, Subject, Verifier,
    policy::Policy,
    proof::ProofKey,
    record::{Record, Replay},
    testing::CodeBook,
    verifier::StartRequest,
};
use tokio::{runtime::Runtime, sync::mpsc};

fn replay(c: &mut Criterion) {
    let (policy, starts) = Runtime::new().expect("a runtime").block_on(recorded());
    let candidate = policy_of(&verifier(&POLICY.replace("\"LV\"", "\"EE\""), None));
    let records = if cfg!(debug_assertions) { 10_000 } else { 1_000_000 };
    let log = || Repeated { block: starts.as_bytes(), at: 0, left: records / STARTS };

    let mut group = c.benchmark_group("replay");
    group.sample_size(10).throughput(Throughput::Elements(records as u64));
    for (name, replay) in [
        ("with what was decided", Replay::new(&candidate)),
        ("with a baseline", Replay::new(&candidate).with_baseline(&policy)),
    ] {
        let report = replay.run(log(), &mut |_| {}).expect("a log");
        assert_eq!((report.starts, report.unreadable), (records as u64, 0));
        assert!(report.changed() > 0, "nothing changes");
        group.bench_function(format!("{records} records, compared {name}"), |b| {
            b.iter(|| replay.run(log(), &mut |_| {}));
        });
    }
    group.finish();
}

/// The lines of different starts, and the policy that decided them.
async fn recorded() -> (Policy, String) {
    let (sender, mut records) = mpsc::channel(2 * STARTS);
    let verifier = verifier(POLICY, Some(sender));
    for start in 0..STARTS {
        let subject = Subject::new(format!("user-{start}")).expect("a subject");
        let home = ["+3712612", "+3725012", "+3706123"].get(start % 3).expect("one of three");
        let phone = PhoneNumber::parse(&format!("{home}{start:04}"), None).expect("a number");
        let action = Action::new(if start % 2 == 0 { "sign_in" } else { "transfer" }).expect("an action");
        let mut request = StartRequest::new(subject, phone, action).with_client_ip([192, 0, 2, 1].into());
        request.facts.amount = Some(i64::try_from(start).expect("a small number"));
        // Many a start is refused: that is a record, too.
        let _ = verifier.start(request).await;
    }
    let mut lines = String::new();
    let mut starts = 0;
    while starts < STARTS {
        if let Record::Start(start) = records.recv().await.expect("a record") {
            writeln!(lines, "{}", Record::Start(start)).expect("a string takes everything");
            starts += 1;
        }
    }
    (policy_of(&verifier), lines)
}

fn verifier(policy: &str, records: Option<mpsc::Sender<Record>>) -> Verifier {
    let builder = Verifier::builder().policy("policy.toml", policy);
    let builder = builder.proof_key(ProofKey::random().expect("a key")).provider(CodeBook::default());
    let builder = match records {
        Some(sender) => builder.record_to(sender),
        None => builder,
    };
    builder.build().expect("a verifier")
}

fn policy_of(verifier: &Verifier) -> Policy {
    Policy::clone(&verifier.policy())
}

/// A block of lines, so many times.
struct Repeated<'a> {
    block: &'a [u8],
    at: usize,
    left: usize,
}

impl Read for Repeated<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.block.len() {
            (self.at, self.left) = (0, self.left - 1);
        }
        if self.left == 0 {
            return Ok(0);
        }
        let read = self.block.get(self.at..).unwrap_or_default().read(buffer)?;
        self.at += read;
        Ok(read)
    }
}

const STARTS: usize = 1_000;

const POLICY: &str = r#"
version = 1

[[limit]]
name = "many"
on = "start"
key = ["subject"]
quota = "100/1h"

[[route]]
name = "large transfers"
when = { action = "transfer", amount = { gte = 900 } }
deny = "amount"

[[route]]
name = "latvia"
when = { "phone.region" = "LV", client.ip = { cidr = "192.0.2.0/24" } }
try = ["code_book/sms", "code_book/voice_code"]

[[route]]
name = "mobiles"
when = { "phone.type" = "mobile" }
try = ["code_book/voice_code"]
"#;

criterion_group!(benches, replay);
criterion_main!(benches);
