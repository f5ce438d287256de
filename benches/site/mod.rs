//! What the benchmarks share: a verifier whose messages cost nothing, and checks that wait for their answers.
#![expect(dead_code, reason = "not every benchmark needs everything")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use futures_util::future::{BoxFuture, FutureExt, ready};
use handset::{
    Action, Channel, CheckId, PhoneNumber, Result, Subject, Verifier,
    check::Expected,
    limiter::LocalLimiter,
    proof::ProofKey,
    provider::{Handle, Order, Provider, Settle, Started},
    secret::{Code, Secret},
    store::MemoryStore,
    testing::ManualClock,
    verifier::{Answer, Caller, StartRequest},
};
use tokio::runtime::{Builder, Runtime};

/// A verifier in this process, with room for `live` checks and those that a benchmark adds.
pub(crate) struct Site {
    pub(crate) verifier: Verifier,
    pub(crate) clock: ManualClock,
    sent: LastCode,
    runtime: Runtime,
}

/// A check that waits, and its right code.
#[derive(Clone)]
pub(crate) struct Open {
    pub(crate) subject: Subject,
    pub(crate) id: CheckId,
    pub(crate) code: String,
}

/// Somebody with a proof.
pub(crate) struct Proven {
    pub(crate) subject: Subject,
    pub(crate) token: String,
}

impl Open {
    /// A code of the same length that is wrong in every digit.
    pub(crate) fn wrong_code(&self) -> String {
        self.code.bytes().map(|digit| if digit == b'0' { '1' } else { '0' }).collect()
    }
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::with_room(2_000_000)
    }

    pub(crate) fn with_room(checks: usize) -> Self {
        let secret = Secret::new("0123456789abcdef0123456789abcdef");
        Self::with(checks, ProofKey::hs256(&secret).expect("a key"))
    }

    pub(crate) fn with(checks: usize, key: ProofKey) -> Self {
        // On one thread: a start goes on in a task of its own, and waking another thread for it would be all that is seen.
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        let clock = ManualClock::new(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        let sent = LastCode::default();
        let verifier = Verifier::builder()
            .policy("policy.toml", POLICY)
            .proof_key(key)
            .provider(sent.clone())
            .store(MemoryStore::with_capacity(checks))
            // A number and a subject for each check.
            .limiter(LocalLimiter::with_capacity(checks.saturating_mul(10)))
            .clock(clock.clone())
            .build()
            .expect("a verifier");
        Self { verifier, clock, sent, runtime }
    }

    /// A request that no other one has anything in common with.
    pub(crate) fn request() -> StartRequest {
        Self::request_for("sign_in")
    }

    pub(crate) fn request_for(action: &str) -> StartRequest {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let subject = Subject::new(format!("subject-{number}")).expect("a subject");
        let phone = PhoneNumber::parse(&format!("+3712{:07}", number % 10_000_000), None);
        StartRequest::new(subject, phone.expect("a number"), Self::action(action))
    }

    pub(crate) fn action(name: &str) -> Action {
        Action::new(name).expect("an action")
    }

    /// Somebody who has shown possession for a transfer.
    pub(crate) fn proven(&self) -> Proven {
        let request = Self::request_for("transfer");
        let subject = request.subject.clone();
        let check = self.block_on(self.verifier.start(request)).expect("a check");
        let code = self.last_code();
        let answer = self.block_on(self.verifier.answer(&subject, check.id, &code, Caller::default()));
        let Ok(Answer::Verified(verified)) = answer else { unreachable!("it is the right code") };
        Proven { subject, token: verified.token.expose().to_owned() }
    }

    /// A check of a new subject with a new number, since both have failure budgets.
    pub(crate) fn open(&self) -> Open {
        let request = Self::request();
        let subject = request.subject.clone();
        let check = self.runtime.block_on(self.verifier.start(request)).expect("a check");
        Open { subject, id: check.id, code: self.last_code() }
    }

    pub(crate) fn open_many(&self, count: usize) -> Vec<Open> {
        (0..count).map(|_| self.open()).collect()
    }

    /// The code of the message that went out last.
    pub(crate) fn last_code(&self) -> String {
        self.sent.code()
    }

    pub(crate) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }
}

/// What an application of the middle size asks of a start and an answer.
const POLICY: &str = r#"
    version = 1
    [[limit]]
    name = "answers per subject"
    on = "answer"
    key = ["subject"]
    quota = "1000000/1s"
    [[limit]]
    name = "messages per number"
    on = "start"
    key = ["phone"]
    quota = "5/10m"
    [[step_up]]
    name = "transfers"
    when = { action = "transfer" }
    require = { acr = "phone" }
    [[route]]
    name = "everyone"
    try = ["last_code/sms", "last_code/voice_code"]
"#;

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A provider that delivers at once and remembers one code.
#[derive(Clone, Debug, Default)]
struct LastCode(Arc<Mutex<Option<Code>>>);

impl LastCode {
    fn code(&self) -> String {
        self.0.lock().expect("no panic").as_ref().expect("a code was sent").expose().to_owned()
    }
}

impl Provider for LastCode {
    fn name(&self) -> &'static str {
        "last_code"
    }

    fn channels(&self) -> &[Channel] {
        &[Channel::Sms, Channel::VoiceCode]
    }

    fn start<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Started>> {
        *self.0.lock().expect("no panic") = Some(order.code.clone());
        let expected = Expected::code(order.code.clone());
        ready(Ok(Started::new(Handle::new("1"), Settle::LocalCode(expected)))).boxed()
    }
}
