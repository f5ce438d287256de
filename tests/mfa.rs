//! The phone step of a login, from the password to the login, and everything that is no login.
#![cfg(feature = "testing")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

#[path = "mfa/factors.rs"]
mod factors;
#[path = "mfa/kiosk.rs"]
mod kiosk;
#[path = "mfa/phones.rs"]
mod phones;
#[path = "mfa/states.rs"]
mod states;

use std::time::{Duration, SystemTime};

use handset::{
    Action, Channel, PhoneNumber, Subject, Verifier,
    proof::ProofKey,
    testing::ManualClock,
    verifier::{Ask, Choose, Done, Factor, MfaLogin, MfaStep, Over},
};

use kiosk::Kiosk;

const ADA: &str = "+37126123456";
const ADAS_OTHER: &str = "+37126123457";

/// A server that signs people in.
struct Desk {
    kiosk: Kiosk,
    clock: ManualClock,
    verifier: Verifier,
}

impl Desk {
    /// A server that tries these routes in turn, with more policy below.
    fn new(routes: &[&str], policy: &str) -> Self {
        let routes: Vec<_> = routes.iter().map(|channel| format!("kiosk/{channel}")).collect();
        let clock = ManualClock::new(SystemTime::UNIX_EPOCH + Duration::from_secs(1_777_636_800));
        let kiosk = Kiosk::default();
        let verifier = Verifier::builder()
            .policy("policy.toml", format!("version = 1\n[[route]]\nname = \"all\"\ntry = {routes:?}\n{policy}"))
            .proof_key(ProofKey::random().unwrap())
            .provider(kiosk.clone())
            .public_url("https://id.example.com")
            .clock(clock.clone())
            .build()
            .unwrap();
        Self { kiosk, clock, verifier }
    }

    fn by_sms() -> Self {
        Self::new(&["sms", "voice_code"], "")
    }

    /// Ada, after her password, with these numbers.
    fn ada(&self, phones: &[&str]) -> MfaLogin<'_> {
        self.login("ada", phones).after(Factor::Password)
    }

    fn login(&self, subject: &str, phones: &[&str]) -> MfaLogin<'_> {
        let phones = phones.iter().map(|phone| number(phone));
        MfaLogin::new(&self.verifier, Subject::new(subject).unwrap(), phones, Action::new("sign_in").unwrap())
    }

    fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn number(phone: &str) -> PhoneNumber {
    PhoneNumber::parse(phone, None).unwrap()
}

/// Another code of the same length.
fn wrong(code: &str) -> String {
    code.chars().map(|digit| if digit == '0' { '1' } else { '0' }).collect()
}

fn ask(step: MfaStep) -> Ask {
    match step {
        MfaStep::Ask(ask) => ask,
        other => panic!("not asked: {other:?}"),
    }
}

fn choose(step: MfaStep) -> Choose {
    match step {
        MfaStep::Choose(choose) => choose,
        other => panic!("nothing to choose: {other:?}"),
    }
}

fn done(step: MfaStep) -> Done {
    match step {
        MfaStep::Done(done) => done,
        other => panic!("not done: {other:?}"),
    }
}

fn over(step: MfaStep) -> Over {
    match step {
        MfaStep::Over(over) => over,
        other => panic!("not over: {other:?}"),
    }
}

#[tokio::test]
async fn a_password_and_a_code_are_a_login() {
    let desk = Desk::by_sms();
    let login = desk.ada(&[ADA]);
    let first = ask(MfaStep::begin(&login).await.unwrap());
    assert_eq!((first.number.masked.as_str(), first.check.channel), ("+371******56", Some(Channel::Sms)));

    desk.later(7);
    let done = done(first.pending.answer(&login, &desk.kiosk.code()).await.unwrap());
    assert_eq!((done.subject().as_str(), done.acr()), ("ada", "phone"));
    assert_eq!(done.amr(), ["pwd", "sms", "mfa"]);
    let began = SystemTime::UNIX_EPOCH + Duration::from_secs(1_777_636_800);
    assert_eq!(done.auth_time(), began + Duration::from_secs(7));
    let (proof, token) = done.into_parts();
    assert_eq!(*proof.phone(), number(ADA));
    assert_eq!(token.expose().matches('.').count(), 2);
}

#[tokio::test]
async fn a_wrong_code_is_asked_for_again_until_there_are_no_attempts() {
    let desk = Desk::by_sms();
    let login = desk.ada(&[ADA]);
    let mut asked = ask(MfaStep::begin(&login).await.unwrap());
    let (right, wrong) = (desk.kiosk.code(), wrong(&desk.kiosk.code()));
    for left in (1..5).rev() {
        asked = ask(asked.pending.answer(&login, &wrong).await.unwrap());
        assert_eq!((asked.incorrect, asked.check.attempts_left), (true, left));
    }
    assert_eq!(over(asked.pending.answer(&login, &wrong).await.unwrap()), Over::Failed);
    assert_eq!(over(asked.pending.answer(&login, &right).await.unwrap()), Over::Failed);
}
