//! The phone step of a login, for identity servers in Rust.
//!
//! ```text
//!                 no number                      look, wait, resend, next
//!  begin ----+--------------> NoNumber               ,------.
//!  password, |  several                    choose    |      v   answer, look, wait, redirect
//!  not yet a +--------------> Choose ----------------+--> Ask ---------------------------> Done: now it is a login
//!  login     |  one                                  ^      |
//!            `---------------------------------------'      `--> Over: cancelled, expired, failed
//! ```
//!
//! Between two requests the server keeps a [`PendingLogin`], in the session or in a cookie of its own. It is sealed: it tells
//! nothing, and only the verifier that made it opens it, for the same subject, action and session, for
//! [a quarter of an hour](MfaStep::LIFETIME). An old copy of it brings nothing back: where a check stands is known by the store,
//! and a login that is done or called off is over for each of its copies.

mod login;
mod pending;
mod state;

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use serde::Serialize;

use super::Check;
use crate::{
    error::{Error, ErrorKind, Result},
    ids::Subject,
    policy::{Context, Section, StepUp},
    proof::{Proof, ProofToken},
};

pub use login::{Factor, MfaLogin};
pub use pending::PendingLogin;
use state::State;

/// Where the phone step of a login stands. Only [`Done`](Self::Done) is a login.
///
/// ```
/// # #[cfg(feature = "testing")] #[tokio::main] async fn main() -> handset::Result<()> {
/// use handset::{Action, PhoneNumber, Subject, Verifier, proof::ProofKey, testing::CodeBook};
/// use handset::verifier::{Factor, MfaLogin, MfaStep};
///
/// # let policy = "version = 1\n[[route]]\nname = \"everybody\"\ntry = [\"code_book/sms\"]";
/// # let book = CodeBook::default(); // a provider for tests
/// # let verifier =
/// #     Verifier::builder().policy("policy.toml", policy).proof_key(ProofKey::random()?).provider(book.clone()).build()?;
/// // Once the password is right, and made anew for each request that follows, from the server's own database:
/// let phones = [PhoneNumber::parse("+37126123456", None)?];
/// let login = MfaLogin::new(&verifier, Subject::new("ada")?, phones, Action::new("sign_in")?).after(Factor::Password);
///
/// let MfaStep::Ask(ask) = MfaStep::begin(&login).await? else { panic!("there is one number") };
/// assert_eq!(ask.number.masked, "+371******56");
/// let kept = serde_json::to_string(&ask.pending).unwrap(); // in the session, or in a cookie
///
/// // The next request: what the person typed.
/// let pending: handset::verifier::PendingLogin = serde_json::from_str(&kept).unwrap();
/// let code = book.last_code().unwrap();
/// let MfaStep::Done(done) = pending.answer(&login, code.expose()).await? else { panic!("the code was right") };
/// assert_eq!(done.acr(), "phone");
/// assert_eq!(done.amr(), ["pwd", "sms", "mfa"]);
///
/// // Said again, the same code and the same state are no second login.
/// assert!(matches!(pending.answer(&login, code.expose()).await?, MfaStep::Over(_)));
/// # Ok(()) }
/// # #[cfg(not(feature = "testing"))] fn main() {}
/// ```
#[derive(Debug)]
#[must_use]
#[expect(clippy::exhaustive_enums, reason = "a server handles every state of a login")]
#[expect(clippy::large_enum_variant, reason = "made once for a request and taken apart at once")]
pub enum MfaStep {
    /// There is no number to ask. Whether the person may enrol one now, or gives up, is the server's decision.
    NoNumber(NoNumber),
    /// The person says which number: go on with [`PendingLogin::choose`].
    Choose(Choose),
    /// The phone has been asked: show the prompt, and go on with [`PendingLogin::answer`] or [`PendingLogin::wait`].
    Ask(Ask),
    /// Possession was shown.
    Done(Done),
    /// It ended without a proof.
    Over(Over),
}

/// Why there is no number to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a server decides for each of them")]
pub enum NoNumber {
    /// The account has none.
    NoneEnrolled,
    /// Each was a factor of this login already, and would show nothing more.
    AllUsed,
}

/// The numbers of an account, to choose from.
#[derive(Debug)]
#[non_exhaustive]
pub struct Choose {
    /// To be kept until the next request.
    pub pending: PendingLogin,
    /// The numbers that may be asked, in the order in which they were given.
    pub numbers: Vec<MaskedNumber>,
}

/// What a person is asked.
#[derive(Debug)]
#[non_exhaustive]
pub struct Ask {
    /// To be kept until the next request, in place of the one before.
    pub pending: PendingLogin,
    /// The number that is asked.
    pub number: MaskedNumber,
    /// The numbers that may be asked, this one among them.
    pub numbers: Vec<MaskedNumber>,
    /// The prompt, the channel, what may be tried next, and until when.
    pub check: Check,
    /// Whether this follows a wrong answer.
    pub incorrect: bool,
}

/// A number of which only so much is shown as its owner needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MaskedNumber {
    /// Names it in forms, for this account and as long as the server key is the same. Tells nothing of the number.
    pub id: String,
    /// Such as `+371******56`.
    pub masked: String,
}

/// Why a login ended without a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Over {
    /// It was called off.
    Cancelled,
    /// Its time ran out, that of its check or its own.
    Expired,
    /// Every attempt was wrong, or nothing could be sent.
    Failed,
    /// It has been done already: this is a copy.
    Used,
    /// The number that was asked is not among the account's any more.
    NumberGone,
    /// What was shown is a factor that this login had before.
    SameFactor,
    /// What was shown is not of the class (`acr`) that the policy requires for the action.
    OtherClass,
}

/// A login whose phone step ended well.
///
/// There is no public constructor, and it is made from a proof only.
///
/// ```compile_fail,E0451
/// # use handset::verifier::Done;
/// fn forge(done: Done) -> Done { Done { amr: Vec::new(), ..done } }
/// ```
///
/// ```compile_fail,E0277
/// # use handset::verifier::Done;
/// fn read(text: &str) -> Done { serde_json::from_str(text).unwrap() }
/// ```
#[derive(Debug)]
pub struct Done {
    proof: Proof,
    token: ProofToken,
    amr: Vec<String>,
}

impl MfaStep {
    /// How long after [`begin`](Self::begin) a [`PendingLogin`] is good for: 15 minutes.
    pub const LIFETIME: Duration = Duration::from_secs(15 * 60);

    /// Begins the step: with one number the phone is asked at once, with several the person chooses first.
    ///
    /// Numbers that were a factor of this login before are left out: shown twice they are one factor.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Denied`] where a `[[step_up]]` rule of the policy denies the action, else as in
    /// [`Verifier::start`](super::Verifier::start): [`ErrorKind::RateLimited`] when the failure budget is spent, say.
    pub async fn begin(login: &MfaLogin<'_>) -> Result<Self> {
        let inner = &login.verifier.inner;
        let now = inner.trusted_time()?;
        if let StepUp::Deny { reason, .. } = login.required(now) {
            return Err(Error::new(ErrorKind::Denied, format!("the policy does not allow it: {reason}")));
        }
        let state = State::begin(login, now)?;
        match login.offered(&state.factors).as_slice() {
            [] if login.phones.is_empty() => Ok(Self::NoNumber(NoNumber::NoneEnrolled)),
            [] => Ok(Self::NoNumber(NoNumber::AllUsed)),
            [only] => state.ask(login, only).await,
            several => {
                let numbers = several.iter().map(|phone| login.mask(phone)).collect();
                Ok(Self::Choose(Choose { pending: PendingLogin::seal(login, &state)?, numbers }))
            }
        }
    }
}

impl MfaLogin<'_> {
    /// What the policy's `[[step_up]]` rules ask of the action.
    fn required(&self, now: SystemTime) -> StepUp {
        let policy = self.verifier.inner.policy.load();
        let context = self.facts.describe(Context::new(&self.action)).at(now);
        super::ask_shadow(&policy, Section::StepUp, &context);
        policy.step_up(&context)
    }
}

impl Done {
    /// Who logged in.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        self.proof.subject()
    }

    /// The authentication methods (RFC 8176): those of the factors before, that of the phone, and `mfa` where they are of more
    /// than one kind.
    #[must_use]
    pub fn amr(&self) -> &[String] {
        &self.amr
    }

    /// The authentication context class of the phone step: `phone`, or `email` where the policy's plan ended there.
    #[must_use]
    pub fn acr(&self) -> &str {
        self.proof.acr()
    }

    /// When possession was shown.
    #[must_use]
    pub fn auth_time(&self) -> SystemTime {
        self.proof.auth_time()
    }

    /// The evidence. It is bound to this login, so no other one takes it.
    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    /// The evidence, for this process and for others.
    pub fn into_parts(self) -> (Proof, ProofToken) {
        (self.proof, self.token)
    }
}

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancelled => "the login was called off",
            Self::Expired => "the login took too long",
            Self::Failed => "the phone step failed",
            Self::Used => "this login is done already",
            Self::NumberGone => "the number is not the account's any more",
            Self::SameFactor => "the phone step showed what was shown before",
            Self::OtherClass => "the phone step showed less than is required",
        })
    }
}
