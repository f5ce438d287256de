//! What every server serves: a verifier, and what its handlers say.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use handset::{
    Action, Proof, Secret, StepUpLayer, Subject, Verifier,
    proof::ProofKey,
    testing::{CodeBook, ManualClock},
    verifier::{Builder, Ready},
};

/// Long enough for a loaded machine; nothing waits for it to pass unless something is broken.
pub(super) const PATIENCE: Duration = Duration::from_secs(40);

/// Where the clock stands: in the transcript there are times.
const AGE: Duration = Duration::from_secs(1_900_000_000);

/// Who asks. The applications trust this header in place of a session.
pub(super) const USER: &str = "x-user";

/// `transfer` needs a proof, `balance` needs nothing, `withdraw` is not allowed.
const POLICY: &str = r#"
version = 1

[[step_up]]
name = "transfers"
when = { action = "transfer" }
require = { acr = "phone", max_age = "5m", single_use = true }

[[step_up]]
name = "withdrawals"
when = { action = "withdraw" }
deny = "closed"

[[route]]
name = "everyone"
try = ["code_book/sms", "code_book/voice_code"]
"#;

/// A verifier whose clock stands still and whose codes can be read.
pub(super) struct Site {
    pub(super) verifier: Verifier,
    pub(super) book: CodeBook,
}

impl Site {
    pub(super) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(super) fn with(more: impl FnOnce(Builder<Ready>) -> Builder<Ready>) -> Self {
        let (book, clock) = (CodeBook::default(), ManualClock::new(SystemTime::UNIX_EPOCH + AGE));
        let key = ProofKey::es256_pem(&Secret::new(include_str!("../../src/proof/testdata/es256.pem"))).unwrap();
        let builder = Verifier::builder().policy("policy.toml", POLICY).proof_key(key);
        let verifier = more(builder.provider(book.clone()).clock(clock)).build().unwrap();
        Self { verifier, book }
    }

    /// The code of the last message.
    pub(super) fn code(&self) -> String {
        self.book.last_code().unwrap().expose().to_owned()
    }
}

pub(super) fn guard(verifier: &Verifier, action: &str) -> StepUpLayer {
    StepUpLayer::new(verifier, Action::new(action).unwrap())
}

/// The subject that a sign-in would have found.
pub(super) fn signed_in(user: Option<&str>) -> Option<Subject> {
    user.map(|name| Subject::new(name).unwrap())
}

/// What a handler says about its proof.
pub(super) fn seen(proof: Option<Arc<Proof>>) -> String {
    match proof {
        Some(proof) => format!("{} has shown {} for {}\n", proof.subject().as_str(), proof.phone(), proof.action()),
        None => "nothing was asked\n".to_owned(),
    }
}
