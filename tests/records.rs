//! What a start leaves in the log of decisions, and what it does not.
#![cfg(feature = "testing")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

use std::{
    fs,
    io::{self},
    path::PathBuf,
    time::{Duration, SystemTime},
};

use handset::{
    Action, Binding, Channel, Error, ErrorKind, PhoneNumber, Secret, Subject, Verifier,
    policy::{Policy, RecordedSignal, Replayer, Signals},
    proof::ProofKey,
    record::{EndRecord, FileSink, Outcome, Record, Sink, StartRecord, StartResult, TracingSink},
    testing::{CodeBook, ManualClock},
    verifier::{Answer, Builder, Caller, Check, Ready, StartRequest},
};
use tokio::sync::mpsc;

/// 2026-05-01T12:00:00Z.
const NOW: Duration = Duration::from_secs(1_777_636_800);

const POLICY: &str = r#"
version = 1

[[limit]]
name = "sends per number"
on = "start"
key = ["phone"]
quota = "2/1h"

[[limit]]
name = "sends per network"
on = "start"
key = ["ip"]
quota = "100/1h"

[[route]]
name = "dear numbers"
when = { "phone.type" = "premium_rate" }
deny = "number_type"

[[route]]
name = "swapped"
when = { sim_swapped_at = { lt = "3d" } }
on_missing = "skip_rule"
deny = "sim_swap"

[[route]]
name = "europe"
when = { "phone.region" = ["LV", "LT", "EE"] }
try = ["code_book/sms", "code_book/voice_code"]
"#;

/// A verifier whose records arrive here.
struct Desk {
    book: CodeBook,
    clock: ManualClock,
    verifier: Verifier,
    records: mpsc::Receiver<Record>,
}

impl Desk {
    fn new(policy: &str) -> Self {
        Self::with(policy, |builder| builder)
    }

    fn with(policy: &str, more: impl FnOnce(Builder<Ready>) -> Builder<Ready>) -> Self {
        let (book, clock) = (CodeBook::default(), ManualClock::new(SystemTime::UNIX_EPOCH + NOW));
        let (sender, records) = mpsc::channel(64);
        let key = ProofKey::hs256(&Secret::new("a secret of thirty-two bytes or more")).unwrap();
        let builder = Verifier::builder()
            .policy("policy.toml", policy)
            .proof_key(key)
            .provider(book.clone())
            .clock(clock.clone())
            .record_to(sender);
        let verifier = more(builder).build().unwrap();
        Self { book, clock, verifier, records }
    }

    async fn start(&self, number: &str) -> Result<Check, Error> {
        self.verifier.start(request(number)).await
    }

    async fn answer(&self, check: &Check, code: &str) -> Answer {
        self.verifier.answer(&subject(), check.id, code, Caller::default()).await.unwrap()
    }

    fn wrong_code(&self) -> String {
        let code = self.book.last_code().unwrap();
        code.expose().chars().map(|digit| if digit == '0' { '1' } else { '0' }).collect()
    }

    async fn next(&mut self) -> Record {
        self.records.recv().await.unwrap()
    }

    async fn next_start(&mut self) -> StartRecord {
        match self.next().await {
            Record::Start(start) => *start,
            end => panic!("no start: {end}"),
        }
    }

    async fn next_end(&mut self) -> EndRecord {
        match self.next().await {
            Record::End(end) => end,
            start => panic!("no end: {start}"),
        }
    }
}

fn subject() -> Subject {
    Subject::new("ada.lovelace").unwrap()
}

fn request(number: &str) -> StartRequest {
    let phone = PhoneNumber::parse(number, None).unwrap();
    let mut request = StartRequest::new(subject(), phone, Action::new("transfer").unwrap());
    request.client_ip = Some([203, 0, 113, 77].into());
    request
}

#[tokio::test]
async fn a_start_and_its_end_are_two_lines_of_one_id() {
    let mut desk = Desk::new(POLICY);
    let mut request = request("+37126123456");
    request.channel = Some(Channel::VoiceCode);
    request.facts.amount = Some(4711);
    request.facts.signals = Signals::new().with_fresh("risk_score", 70).with_fresh("unheard_of", true);
    let check = desk.verifier.start(request).await.unwrap();
    let start = desk.next_start().await;
    assert_eq!(start.id, check.id.to_string());
    assert_eq!((start.at, start.result), (SystemTime::UNIX_EPOCH + NOW, StartResult::Started));
    assert_eq!(start.decision.policy, desk.verifier.policy().hash());
    assert_eq!(start.decision.rule.as_deref(), Some("europe"));
    assert_eq!(start.decision.routes, ["code_book/sms", "code_book/voice_code"]);
    assert_eq!((start.decision.matched.as_slice(), start.asked), ([2].as_slice(), Some(Channel::VoiceCode)));
    assert_eq!(start.limits, ["sends per number", "sends per network"]);
    let facts = &start.facts;
    assert_eq!((facts.action.as_deref(), facts.amount), (Some("transfer"), Some(4711)));
    assert_eq!((facts.phone_region.as_deref(), facts.phone_prefix.as_deref()), (Some("LV"), Some("+371261")));
    assert_eq!(facts.client_ip.unwrap().to_string(), "203.0.113.0/24");
    assert_eq!(facts.healthy, [("code_book".to_owned(), true)].into());
    assert_eq!(facts.signals, [("risk_score".to_owned(), RecordedSignal::Number(70))].into());

    desk.clock.advance(Duration::from_millis(21_748));
    let code = desk.book.last_code().unwrap();
    assert!(matches!(desk.answer(&check, code.expose()).await, Answer::Verified(_)));
    let end = desk.next_end().await;
    assert_eq!((end.id, end.outcome, end.ms), (start.id, Outcome::Verified, 21_748));
    assert_eq!((end.provider.as_deref(), end.channel, end.messages), (Some("code_book"), Some(Channel::VoiceCode), 1));
}

#[tokio::test]
async fn every_result_and_every_outcome_is_told() {
    let mut desk = Desk::new(POLICY);
    assert_eq!(desk.start("+12025550143").await.unwrap_err().kind(), ErrorKind::Denied);
    let denied = desk.next_start().await;
    assert_eq!((denied.result, denied.decision.deny.as_deref()), (StartResult::Denied, Some("no_route")));
    assert!(denied.decision.rule.is_none() && denied.decision.routes.is_empty() && denied.limits.is_empty());

    let check = desk.start("+37126123456").await.unwrap();
    let again = desk.start("+37126123456").await.unwrap();
    let (first, joined) = (desk.next_start().await, desk.next_start().await);
    assert_eq!((check.id, joined.result, &joined.id), (again.id, StartResult::Joined, &first.id));
    assert_eq!((&first.phone, &first.subject), (&joined.phone, &joined.subject));
    assert_ne!((&first.phone, first.id.as_str()), (&denied.phone, denied.id.as_str()));
    desk.verifier.cancel(&subject(), check.id).await.unwrap();
    assert_eq!(desk.next_end().await.outcome, Outcome::Cancelled);

    let check = desk.start("+37126123456").await.unwrap();
    assert_eq!(desk.next_start().await.result, StartResult::Started);
    for _ in 0..5 {
        desk.answer(&check, &desk.wrong_code()).await;
    }
    let failed = desk.next_end().await;
    assert_eq!((failed.id, failed.outcome), (check.id.to_string(), Outcome::Failed));

    assert_eq!(desk.start("+37126123456").await.unwrap_err().kind(), ErrorKind::RateLimited);
    let limited = desk.next_start().await;
    assert_eq!(
        (limited.result, limited.limits.as_slice()),
        (StartResult::Limited, ["sends per number".to_owned()].as_slice())
    );

    for _ in 0..2 {
        desk.book.fail_next(Error::new(ErrorKind::Unavailable, "out of order"));
    }
    assert_eq!(desk.start("+37126123457").await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(desk.next_start().await.result, StartResult::Started);
    let not_sent = desk.next_end().await;
    assert_eq!((not_sent.outcome, not_sent.provider, not_sent.messages), (Outcome::NotSent, None, 0));

    let mut email = request("+37126123458");
    email.channel = Some(Channel::Email);
    assert_eq!(desk.verifier.start(email).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(desk.next_start().await.result, StartResult::Refused);
}

#[tokio::test]
async fn d2_a_record_has_no_number_code_subject_or_address() {
    let mut desk = Desk::new(&format!("{POLICY}\n[signals]\nnote = {{ type = \"text\", expires = \"1h\" }}"));
    let mut request = request("+37126123456");
    request.action = Action::new("call-37126123456").unwrap();
    request.email = Some("ada@example.com".to_owned());
    request.locale = Some("lv-LV".to_owned());
    request.idempotency_key = Some("key-of-ada".to_owned());
    request.binding = Some(Binding::new("4711 EUR to Charles").unwrap());
    request.facts.client_platform = Some("+371 26 123 456".to_owned());
    request.facts.signals = Signals::new().with_fresh("note", "write to ada@example.com");
    let check = desk.verifier.start(request).await.unwrap();
    let code = desk.book.last_code().unwrap();
    desk.answer(&check, &desk.wrong_code()).await;
    desk.answer(&check, code.expose()).await;
    let (start, end) = (desk.next_start().await, desk.next_end().await);
    assert_eq!(start.facts.withheld, ["action", "client.platform", "note"]);
    for line in [Record::Start(Box::new(start)), Record::End(end)] {
        let shown = format!("{line} {line:?}");
        let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
        assert!(!shown.contains("26123456") && !digits.contains("26123456"), "{shown}");
        for personal in ["123456", "113.77", "ada", "lovelace", "example.com", "Charles", "4711", code.expose()] {
            assert!(!shown.contains(personal), "{personal}: {shown}");
        }
        assert_eq!(Record::parse(&line.to_string()).unwrap(), line);
    }
}

#[tokio::test]
async fn g3_the_same_policy_decides_a_record_the_same() {
    let mut desk = Desk::new(POLICY);
    let replayer = Replayer::new(&desk.verifier.policy());
    for (number, ago) in
        [("+37126123456", None), ("+37126123457", Some(86_400)), ("+12025550143", None), ("+4366012345678", Some(9))]
    {
        let mut request = request(number);
        if let Some(ago) = ago {
            let swapped = SystemTime::UNIX_EPOCH + NOW - Duration::from_secs(ago);
            request.facts.signals = Signals::new().with("sim_swapped_at", swapped, SystemTime::UNIX_EPOCH + NOW);
        }
        let _ = desk.verifier.start(request).await;
        let line = desk.next_start().await;
        let Record::Start(line) = Record::parse(&Record::Start(Box::new(line)).to_string()).unwrap() else {
            panic!("no start")
        };
        let replayed = replayer.ask(&line.facts, line.at).unwrap();
        assert!(replayed.is_sure, "{number}");
        let (again, said) = (replayed.evaluation, &line.decision);
        assert_eq!((again.policy, again.rule.map(|rule| rule.as_str())), (said.policy.as_str(), said.rule.as_deref()));
        let routes = || format!("try {}", said.routes.join(", "));
        assert_eq!(again.decision.to_string(), said.deny.as_ref().map_or_else(routes, |why| format!("deny {why}")));
        assert_eq!(replayed.missing.len(), usize::from(ago.is_none()));
    }
}

#[tokio::test]
async fn g2_what_the_shadow_would_do_otherwise_is_recorded() {
    let next = "version = 1\n[[route]]\nname = \"all by voice\"\ntry = [\"code_book/voice_code\"]";
    let policy = format!("{POLICY}\n[shadow]\nfile = \"next.toml\"");
    let sources = handset::policy::Sources::new("policy.toml", policy).with("next.toml", next);
    let mut desk = Desk::new(POLICY);
    desk.verifier.replace_policy_sources(&sources).unwrap();
    assert_eq!(desk.verifier.reload_counts().accepted, 1);
    desk.start("+37126123456").await.unwrap();
    let start = desk.next_start().await;
    let shadow = start.shadow.unwrap();
    assert_eq!(
        (shadow.rule.as_deref(), shadow.routes),
        (Some("all by voice"), vec!["code_book/voice_code".to_owned()])
    );
    assert_ne!(shadow.policy, start.decision.policy);
}

#[derive(Debug)]
struct Broken(&'static str);

impl Sink for Broken {
    fn write(&mut self, _: &Record) -> io::Result<()> {
        match self.0 {
            "fails" => Err(io::Error::other("the disk is full")),
            _ => panic!("a sink that panics"),
        }
    }
}

#[tokio::test]
async fn a_sink_that_fails_or_panics_fails_no_check() {
    let mut desk = Desk::with(POLICY, |builder| {
        builder.record_to(Broken("fails")).record_to(Broken("panics")).record_to(TracingSink::default())
    });
    let check = desk.start("+37126123456").await.unwrap();
    let code = desk.book.last_code().unwrap();
    assert!(matches!(desk.answer(&check, code.expose()).await, Answer::Verified(_)));
    desk.verifier.flush_records().await;
    assert_eq!(
        (desk.next_start().await.result, desk.next_end().await.outcome),
        (StartResult::Started, Outcome::Verified)
    );
    let counts = desk.verifier.record_counts();
    assert_eq!((counts.written, counts.failed, counts.dropped), (4, 2, 2));
}

#[tokio::test]
async fn a_file_that_is_moved_away_is_made_anew() {
    let folder = folder("rotate");
    let (path, moved) = (folder.join("decisions.jsonl"), folder.join("decisions.jsonl.1"));
    // A program that stopped in the middle of a line.
    fs::write(&path, "{\"v\":1,\"rec").unwrap();
    let desk = Desk::with(POLICY, |builder| builder.record_to(FileSink::open(&path).unwrap()));
    desk.start("+37126123456").await.unwrap();
    desk.verifier.flush_records().await;
    fs::rename(&path, &moved).unwrap();
    desk.start("+37126123457").await.unwrap();
    desk.verifier.flush_records().await;
    let lines = |path: &PathBuf| -> Vec<bool> {
        fs::read_to_string(path).unwrap().lines().map(|line| Record::parse(line).is_ok()).collect()
    };
    assert_eq!((lines(&moved), lines(&path)), (vec![false, true], vec![true]));
    assert_eq!(desk.verifier.record_counts().failed, 0);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn lines_of_other_versions_and_kinds_are_told_apart() {
    for (line, expected) in [
        ("", "not a decision record"),
        ("{}", "not a decision record"),
        (r#"{"v":2,"record":"start"}"#, "a record of version 2; this program reads version 1"),
        (r#"{"v":1,"record":"pause"}"#, "a record of the unknown kind `pause`"),
        (r#"{"v":1,"record":"end","id":"x"}"#, "not a decision record"),
    ] {
        assert_eq!(Record::parse(line).unwrap_err().to_string(), expected, "{line}");
    }
}

#[test]
fn a_policy_without_the_facts_of_a_record_says_so() {
    // Rules that look closer than what is kept: the answer is not sure, unless it is the same whatever was cut.
    let catalogue = handset::policy::Catalogue::new().with("code_book", [Channel::Sms, Channel::VoiceCode]);
    let policy = |prefix: &str, network: &str, deny: &str| {
        let text = format!(
            "version = 1\n[[route]]\nname = \"a\"\nwhen = {{ \"phone.prefix\" = \"{prefix}\" }}\n{deny}\n[[route]]\n\
             name = \"b\"\nwhen = {{ \"client.ip\" = {{ cidr = \"{network}\" }} }}\ntry = [\"code_book/sms\"]\n[[route]]\n\
             name = \"c\"\ndeny = \"c\""
        );
        Policy::parse("policy.toml", &text, &catalogue).unwrap()
    };
    let context_of = |policy: &Policy| {
        let (action, phone) = (Action::new("transfer").unwrap(), PhoneNumber::parse("+37126123456", None).unwrap());
        let now = SystemTime::UNIX_EPOCH + NOW;
        let context = handset::policy::Context::new(&action).phone(&phone).client_ip([203, 0, 113, 77].into()).at(now);
        let facts = handset::policy::RecordedFacts::of(policy, &context);
        let replayed = Replayer::new(policy)
            .ask(&facts, now)
            .map(|replayed| (replayed.is_sure, replayed.evaluation.rule.unwrap().to_string()));
        (replayed.unwrap(), policy.evaluate(handset::policy::Section::Route, &context).rule.unwrap().to_string())
    };
    for (prefix, network, sure) in [
        ("+371261", "10.0.0.0/8", true),
        ("+37126", "10.0.0.0/8", true),
        ("+37127", "203.0.113.0/24", true),
        ("+37127", "203.0.112.0/20", true),
        ("+3712612", "10.0.0.0/8", false),
        ("+371261999", "10.0.0.0/8", false),
        ("+37127", "203.0.113.64/26", false),
        ("+37127", "203.0.113.0/25", false),
        ("+37127", "203.0.114.0/25", true),
    ] {
        let ((is_sure, replayed), asked) = context_of(&policy(prefix, network, "deny = \"a\""));
        assert_eq!(is_sure, sure, "{prefix} {network}");
        assert!(!is_sure || replayed == asked, "{prefix} {network}");
    }
}

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("records-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}
