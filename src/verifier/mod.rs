//! The one type that applications hold: it runs a check from start to proof.
//!
//! ```text
//!  start ---> policy.route ---> store.create ---> limiter ---> provider.start ---> store.advance(sent)
//!             plan, or 403      or the check      or 429       or the next route
//!                               there is                       of the plan
//!  answer --> limiter ---> store.reserve_attempt ---> compare, or provider.judge ---> store.settle ---> proof
//! ```

mod answer;
mod address;
mod builder;
mod gate;
mod mfa;
mod once;
mod plan;
mod poll;
mod private;
mod ready;
mod record;
mod redirect;
mod reload;
mod report;
#[cfg(feature = "ui")]
mod sealed;
mod send;
mod start;
mod status;
mod sweep;
#[cfg(feature = "watch")]
mod watch;

use std::{
    collections::BTreeMap,
    fmt,
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use moka::{future::Cache as Flights, sync::Cache as Polls};
use serde_json::Value;

use crate::{
    channel::Channel,
    check::{Digest, Keyring, Keys, Sealed, Status},
    clock::SteadyClock,
    error::{Error, ErrorKind, Result},
    ids::{Action, CheckId, Subject},
    limiter::{Admission, LimitFacts, LimitKey, Limiter, Take},
    policy::{Catalogue, Context, Health, KeyPart, Limit, On, Policy, Section},
    proof::{Proof, ProofToken, Proofs},
    provider::{Prompt, Provider},
    record::{Counts, Records},
    store::Store,
};

pub use builder::{Builder, Ready, WantsPolicy, WantsProofKey};
#[cfg(feature = "cli")]
pub(crate) use builder::{mount, public_url, return_page};
pub use gate::Facts;
pub(crate) use gate::{Gate, SingleUse, Visit};
pub use mfa::{Ask, Choose, Done, Factor, MaskedNumber, MfaLogin, MfaStep, NoNumber, Over, PendingLogin};
pub use reload::ReloadCounts;
pub(crate) use report::Posted;
use start::Begun;
pub use start::StartRequest;
#[cfg(feature = "watch")]
#[cfg_attr(docsrs, doc(cfg(feature = "watch")))]
pub use watch::PolicyWatch;

/// Runs one check from start to proof. Cheap to clone; hold this.
///
/// ```
/// # #[cfg(feature = "testing")] #[tokio::main] async fn main() -> handset::Result<()> {
/// use handset::{Action, PhoneNumber, Subject, Verifier, proof::ProofKey};
/// use handset::{testing::CodeBook, verifier::{Answer, Caller, StartRequest}};
///
/// let book = CodeBook::default(); // a provider for tests
/// let policy = r#"
///     version = 1
///     [[route]]
///     name = "everybody"
///     try = ["code_book/sms"]
/// "#;
/// let verifier = Verifier::builder()
///     .policy("policy.toml", policy)
///     .proof_key(ProofKey::random()?)
///     .provider(book.clone())
///     .build()?;
///
/// let ada = Subject::new("ada")?;
/// let phone = PhoneNumber::parse("+37126123456", None)?;
/// let check = verifier.start(StartRequest::new(ada.clone(), phone, Action::new("sign_in")?)).await?;
/// let code = book.last_code().unwrap();
/// let answer = verifier.answer(&ada, check.id, code.expose(), Caller::default()).await?;
/// let Answer::Verified(verified) = answer else { panic!("the code was right") };
/// assert_eq!(verified.proof.phone(), &phone);
/// # Ok(()) }
/// # #[cfg(not(feature = "testing"))] fn main() {}
/// ```
#[derive(Clone)]
pub struct Verifier {
    inner: Arc<Inner>,
}

struct Inner {
    policy: ArcSwap<Policy>,
    catalogue: Catalogue,
    limiter: Arc<dyn Limiter>,
    store: Arc<dyn Store>,
    providers: BTreeMap<&'static str, Arc<dyn Provider>>,
    clock: SteadyClock,
    keys: Keyring,
    proofs: Arc<Proofs>,
    /// Starts that are under way: a second click joins the first.
    flights: Flights<Digest, Begun>,
    /// Opened in place of a check that does not exist, so that both take the same time.
    decoy: (CheckId, Sealed),
    mount: String,
    public_url: Option<String>,
    return_page: Option<String>,
    /// Checks whose vendor was asked a moment ago.
    polls: Polls<CheckId, ()>,
    /// Providers that could not be reached a while ago.
    out_of_reach: Polls<&'static str, ()>,
    takes_test_numbers: bool,
    records: Records,
    reloads: reload::Reloads,
    _sweeper: sweep::Sweeper,
}

/// A check as its subject sees it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Check {
    /// Its id.
    pub id: CheckId,
    /// Where it stands.
    pub status: Status,
    /// What it was started for.
    pub action: Action,
    /// How it reaches the phone; `None` until the first message is out.
    pub channel: Option<Channel>,
    /// The provider that reaches the phone. For operators; not sent to clients.
    pub provider: Option<String>,
    /// What the client must do next.
    pub prompt: Prompt,
    /// Whether the browser that opens the URL of the prompt comes back by itself, so that it may be opened in place of the page.
    pub comes_back: bool,
    /// How many answers may still be wrong.
    pub attempts_left: u8,
    /// When it ends by itself.
    pub expires_at: SystemTime,
    /// When the same message may be sent again, by starting once more.
    pub resend_after: Option<SystemTime>,
    /// The channels that [`Verifier::next`] goes on to, in this order.
    pub next_channels: Vec<Channel>,
    /// The proof, the first time that a verified check is asked for.
    pub verified: Option<Verified>,
}

/// A check that ended well.
#[derive(Debug)]
#[non_exhaustive]
pub struct Verified {
    /// The evidence, for this process.
    pub proof: Proof,
    /// The evidence, for others: hand it to the client, who shows it with its next request.
    pub token: ProofToken,
    /// How much longer the proof is good for.
    pub expires_in: Duration,
}

/// What came of an answer.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "an answer is right or wrong; everything else is an error")]
#[expect(clippy::large_enum_variant, reason = "made once for an answer and taken apart at once")]
pub enum Answer {
    /// It was right.
    Verified(Verified),
    /// It was wrong.
    Incorrect {
        /// How many more may be given.
        attempts_left: u8,
    },
}

impl Verifier {
    /// Starts to build a verifier.
    pub fn builder() -> Builder<WantsPolicy> {
        Builder::new()
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        self.inner.policy.load_full()
    }

    /// The public keys of proofs, as a JSON Web Key Set (RFC 7517).
    #[must_use]
    pub fn jwks(&self) -> Value {
        self.inner.proofs.jwks()
    }

    /// What became of the [decision records](crate::record) so far.
    #[must_use]
    pub fn record_counts(&self) -> Counts {
        self.inner.records.counts()
    }

    /// Waits until every sink has been handed the decision records of all that happened before: before a program stops, say. A
    /// sink that hangs is waited for, so put a time limit on it.
    pub async fn flush_records(&self) {
        self.inner.records.flush().await;
    }

    /// The path under which the endpoints are mounted, such as `/handset`.
    #[must_use]
    pub fn mount(&self) -> &str {
        &self.inner.mount
    }
}

impl Inner {
    /// The time, for everything that starts or judges something: refused while the clock stands behind what it has shown.
    fn trusted_time(&self) -> Result<SystemTime> {
        let reading = self.clock.read();
        if reading.went_back {
            tracing::error!("the system clock went back: nothing is started or judged until it catches up");
            return Err(Error::new(ErrorKind::Unavailable, "the system clock went back"));
        }
        Ok(reading.now)
    }

    /// What the store knows the subject of a check by.
    fn owner(&self, id: &CheckId, subject: &Subject) -> Digest {
        owner(self.keys.of(id), subject)
    }

    /// Takes one from every limit on `on` whose key is known: those that name the provider when there is one, the others
    /// when there is none. The first refusal ends it.
    async fn limit(&self, on: On, facts: &LimitFacts<'_>, now: SystemTime) -> Result<()> {
        self.limit_by(&self.policy.load_full(), on, facts, &mut Vec::new(), now).await
    }

    async fn limit_by(
        &self,
        policy: &Policy,
        on: On,
        facts: &LimitFacts<'_>,
        touched: &mut Vec<String>,
        now: SystemTime,
    ) -> Result<()> {
        let limits = policy
            .limits()
            .iter()
            .filter(|limit| limit.on == on && limit.key.contains(&KeyPart::Provider) == facts.provider.is_some());
        self.count(limits, facts, touched, now).await
    }

    /// Takes one from the limits on messages: those of the policy, or that of its test numbers.
    async fn limit_start(
        &self,
        facts: &LimitFacts<'_>,
        is_test: bool,
        touched: &mut Vec<String>,
        now: SystemTime,
    ) -> Result<()> {
        let policy = self.policy.load_full();
        match policy.test_numbers() {
            Some(numbers) if is_test => self.count([&numbers.limit], facts, touched, now).await,
            _ => self.limit_by(&policy, On::Start, facts, touched, now).await,
        }
    }

    /// Takes one from each limit that has a key here, up to the one that refuses, and names them in `touched`.
    async fn count<'a>(
        &self,
        limits: impl IntoIterator<Item = &'a Limit>,
        facts: &LimitFacts<'_>,
        touched: &mut Vec<String>,
        now: SystemTime,
    ) -> Result<()> {
        let take = |limit| LimitKey::of(self.keys.current(), limit, facts).map(|key| Take::new(limit, key));
        let takes: Vec<Take<'_>> = limits.into_iter().filter_map(take).collect();
        if takes.is_empty() {
            return Ok(());
        }
        let admission = self.limiter.check(&takes, now).await;
        let asked = match &admission {
            Ok(Admission::Refused { place, .. }) => place + 1,
            _ => takes.len(),
        };
        touched.extend(takes.iter().take(asked).map(|take| take.limit.name.to_string()));
        match admission? {
            Admission::Granted => Ok(()),
            Admission::Refused { place, retry_after } => {
                let limit = takes.get(place).map(|take| take.limit.name.as_str()).unwrap_or_default();
                tracing::info!(limit, wait = retry_after.as_secs(), "over a limit");
                Err(over_limit(retry_after))
            }
        }
    }

    /// Which providers could be reached of late.
    fn health(&self) -> Health {
        let healthy = |name: &&'static str| !self.out_of_reach.contains_key(*name);
        self.providers.keys().fold(Health::new(), |health, name| health.with(*name, healthy(name)))
    }
}

/// Asks the policy's shadow the same, and tells where it would answer otherwise.
fn ask_shadow(policy: &Policy, section: Section, context: &Context<'_>) {
    if let Some((ours, shadow)) = policy.shadow_difference(section, context) {
        tracing::info!(
            policy = ours.policy,
            shadow = shadow.policy,
            %section,
            rule = ?ours.rule,
            decision = %ours.decision,
            shadow_rule = ?shadow.rule,
            shadow_decision = %shadow.decision,
            "the shadow policy would decide otherwise"
        );
    }
}

fn owner(keys: &Keys, subject: &Subject) -> Digest {
    keys.name("subject", &[subject.as_str().as_bytes()])
}

fn over_limit(retry_after: Duration) -> Error {
    Error::new(ErrorKind::RateLimited, "too many requests; try again later").with_retry_after(retry_after)
}

/// The one answer to a check that is unknown, another subject's, expired or over.
pub(crate) fn ended() -> Error {
    Error::new(ErrorKind::CheckEnded, "there is no open check of this id: it ended, or it never was; start another one")
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("policy", &self.inner.policy.load().hash())
            .field("providers", &self.inner.providers.keys())
            .field("store", &self.inner.store)
            .field("limiter", &self.inner.limiter)
            .finish_non_exhaustive()
    }
}

/// Where a request came from, as far as limits care.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Caller {
    /// The client's address, if the application knows it. Behind a proxy that is not the peer of the connection.
    pub ip: Option<IpAddr>,
}

impl Caller {
    /// A caller at an address.
    #[must_use]
    pub fn at(ip: IpAddr) -> Self {
        Self { ip: Some(ip) }
    }
}
