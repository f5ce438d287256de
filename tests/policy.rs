//! What a policy says, the verifier does: settings of a route, signals, health, test numbers, a shadow.
#![cfg(feature = "testing")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::Write,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use handset::{
    Action, Error, ErrorKind, PhoneNumber, StepUpLayer, Subject, Verifier,
    layer::PROOF_HEADER,
    policy::{Signals, Sources},
    proof::ProofKey,
    testing::{CodeBook, ManualClock},
    verifier::{Answer, Builder, Caller, Check, Facts, Ready, StartRequest},
};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};

/// 2026-05-01T12:00:00Z.
const NOW: Duration = Duration::from_secs(1_777_636_800);

struct Bench {
    book: CodeBook,
    clock: ManualClock,
    verifier: Verifier,
}

impl Bench {
    fn new(policy: &str, change: impl FnOnce(Builder<Ready>) -> Builder<Ready>) -> Self {
        let (book, clock) = (CodeBook::default(), ManualClock::new(SystemTime::UNIX_EPOCH + NOW));
        let key = ProofKey::hs256(&handset::Secret::new("a secret of thirty-two bytes or more")).unwrap();
        let builder = Verifier::builder().policy("policy.toml", policy).proof_key(key);
        let verifier = change(builder.provider(book.clone()).clock(clock.clone())).build().unwrap();
        Self { book, clock, verifier }
    }

    async fn start(&self, number: &str, facts: Facts) -> Result<Check, Error> {
        let phone = PhoneNumber::parse(number, None).unwrap();
        let mut request = StartRequest::new(subject(), phone, Action::new("transfer").unwrap());
        request.facts = facts;
        self.verifier.start(request).await
    }

    async fn answer(&self, check: &Check, code: &str) -> Answer {
        self.verifier.answer(&subject(), check.id, code, Caller::default()).await.unwrap()
    }
}

fn subject() -> Subject {
    Subject::new("user-42").unwrap()
}

#[tokio::test]
async fn a_route_sets_digits_attempts_and_lifetime() {
    let bench = Bench::new(
        r#"
        version = 1
        [[route]]
        name = "careful"
        when = { phone.region = "LV" }
        try = ["code_book/sms"]
        digits = 8
        attempts = 2
        lifetime = "1m"
        [[route]]
        name = "others"
        try = ["code_book/sms"]
        "#,
        |builder| builder,
    );
    let check = bench.start("+37126123456", Facts::default()).await.unwrap();
    assert_eq!(bench.book.last_code().unwrap().expose().len(), 8);
    assert_eq!((check.attempts_left, check.expires_at), (2, SystemTime::UNIX_EPOCH + NOW + Duration::from_secs(60)));
    let check = bench.start("+12025550123", Facts::default()).await.unwrap();
    assert_eq!((bench.book.last_code().unwrap().expose().len(), check.attempts_left), (6, 5));
}

#[tokio::test]
async fn c7_signals_of_the_application_decide_about_a_start() {
    let bench = Bench::new(
        r#"
        version = 1
        [[route]]
        name = "swapped"
        when = { sim_swapped_at = { lt = "3d" } }
        on_missing = "assume_risky"
        deny = "sim_swap"
        [[route]]
        name = "others"
        try = ["code_book/sms"]
        "#,
        |builder| builder,
    );
    let now = SystemTime::UNIX_EPOCH + NOW;
    let swapped = |days: u64, observed: SystemTime| {
        Facts::default().with_signals(Signals::new().with(
            "sim_swapped_at",
            now - Duration::from_secs(days * 86_400),
            observed,
        ))
    };
    let denied = |started: Result<Check, Error>| started.unwrap_err().kind() == ErrorKind::Denied;
    assert!(denied(bench.start("+37126123456", Facts::default()).await), "nobody was asked");
    assert!(denied(bench.start("+37126123456", swapped(1, now)).await));
    assert!(
        denied(bench.start("+37126123456", swapped(9, now - Duration::from_secs(90_000))).await),
        "that was yesterday"
    );
    bench.start("+37126123456", swapped(9, now)).await.unwrap();
}

#[tokio::test]
async fn a_provider_that_could_not_be_reached_is_unhealthy_for_a_while() {
    let bench = Bench::new(
        r#"
        version = 1
        [[route]]
        name = "ill"
        when = { provider.code_book.healthy = false }
        deny = "ill"
        [[route]]
        name = "others"
        try = ["code_book/sms"]
        "#,
        |builder| builder,
    );
    bench.book.fail_next(Error::new(ErrorKind::Rejected, "not this number"));
    bench.start("+37126123456", Facts::default()).await.unwrap_err();
    bench.book.fail_next(Error::new(ErrorKind::Unavailable, "down"));
    assert_eq!(bench.start("+12025550123", Facts::default()).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(bench.start("+12025550124", Facts::default()).await.unwrap_err().kind(), ErrorKind::Denied);
}

const TESTERS: &str = r#"
    version = 1
    [test_numbers]
    numbers = ["+12025550100"]
    code = "000000"
    expires = 2026-05-02
    quota = "2/1h"
    [[step_up]]
    name = "all"
    require = { acr = "phone" }
    [[route]]
    name = "all"
    try = ["code_book/sms"]
"#;

/// What a guarded service says to a proof.
async fn guarded(verifier: &Verifier, proof: &str) -> StatusCode {
    let service =
        service_fn(|_: Request<Full<Bytes>>| async { Ok::<_, Error>(Response::new(Full::new(Bytes::new()))) });
    let guarded = StepUpLayer::new(verifier, Action::new("transfer").unwrap()).layer(service);
    let request = Request::get("/").header(PROOF_HEADER, proof).extension(subject());
    guarded.oneshot(request.body(Full::new(Bytes::new())).unwrap()).await.unwrap().status()
}

#[tokio::test]
async fn h3_a_test_number_is_sent_nothing_and_its_proof_is_good_for_tests_only() {
    let bench = Bench::new(TESTERS, Builder::danger_take_test_numbers);
    let check = bench.start("+12025550100", Facts::default()).await.unwrap();
    assert!(bench.book.messages().is_empty());
    assert!(matches!(bench.answer(&check, "123456").await, Answer::Incorrect { attempts_left: 4 }));
    let Answer::Verified(verified) = bench.answer(&check, "000000").await else { panic!("the code is right") };
    assert!(verified.proof.is_test());
    assert_eq!(guarded(&bench.verifier, verified.token.expose()).await, StatusCode::OK);

    let production = Bench::new(TESTERS, |builder| builder);
    assert_eq!(guarded(&production.verifier, verified.token.expose()).await, StatusCode::UNAUTHORIZED);
    let refused = production.start("+12025550100", Facts::default()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied);

    let real = bench.start("+12025550123", Facts::default()).await.unwrap();
    let code = bench.book.last_code().unwrap();
    let Answer::Verified(verified) = bench.answer(&real, code.expose()).await else { panic!("the code is right") };
    assert!(!verified.proof.is_test());
    assert_eq!(guarded(&production.verifier, verified.token.expose()).await, StatusCode::OK);
}

#[tokio::test]
async fn h3_test_numbers_have_their_own_limit_and_end() {
    let bench = Bench::new(TESTERS, Builder::danger_take_test_numbers);
    for _ in 0..2 {
        let check = bench.start("+12025550100", Facts::default()).await.unwrap();
        bench.verifier.cancel(&subject(), check.id).await.unwrap();
    }
    assert_eq!(bench.start("+12025550100", Facts::default()).await.unwrap_err().kind(), ErrorKind::RateLimited);
    bench.clock.advance(Duration::from_secs(86_400));
    bench.start("+12025550100", Facts::default()).await.unwrap();
    assert_eq!(bench.book.messages().len(), 1, "a number like others");
}

#[tokio::test]
async fn a_shadow_is_asked_and_logged_and_not_obeyed() {
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);
    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let bench = Bench::new(TESTERS, |builder| builder);
    let main = "version = 1\n[shadow]\nfile = \"next.toml\"\n[[route]]\nname = \"all\"\ntry = [\"code_book/sms\"]";
    let next = "version = 1\n[[route]]\nname = \"latvia\"\nwhen = { phone.region = \"LV\" }\ndeny = \"later\"\n\
                [[route]]\nname = \"all\"\ntry = [\"code_book/sms\"]";
    bench.verifier.replace_policy_sources(&Sources::new("policy.toml", main).with("next.toml", next)).unwrap();
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    bench.start("+12025550123", Facts::default()).await.unwrap();
    let said = || String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(!said().contains("shadow policy"), "{}", said());
    bench.start("+37126123456", Facts::default()).await.unwrap();
    assert!(
        said().contains("shadow_decision=deny later") && said().contains("decision=try code_book/sms"),
        "{}",
        said()
    );
    assert!(!said().contains("126123456"));
}
