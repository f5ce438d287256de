//! Building a verifier: type state for what has no safe default, ordinary setters for the rest.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use http::Uri;
use moka::{future::Cache as Flights, sync::Cache as Polls};

use super::{
    Inner, Verifier,
    plan::Planned,
    private::{PlannedRoute, Private},
    reload::Reloads,
    start::StartRequest,
    sweep::Sweeper,
};
use crate::{
    channel::Channel,
    check::{Keyring, Keys, ServerKey},
    clock::{Clock, SteadyClock, SystemClock},
    error::{Error, ErrorKind, Result},
    ids::{Action, CheckId, Subject},
    limiter::{Limiter, LocalLimiter},
    phone::PhoneNumber,
    policy::{Catalogue, CodeRules, Policy, Sources},
    proof::{ProofKey, ProofKeys, Proofs},
    provider::{Provider, registry},
    record::{Records, Sink},
    store::{MemoryStore, Store},
};

/// Builds a [`Verifier`]. The policy and the key of proofs have no default; everything else has a safe one.
#[derive(Debug)]
#[must_use]
pub struct Builder<State> {
    state: State,
}

/// The policy is still missing.
#[derive(Debug)]
#[non_exhaustive]
pub struct WantsPolicy;

/// The key of proofs is still missing.
#[derive(Debug)]
pub struct WantsProofKey {
    policy: Sources,
}

/// Everything that has no default is there.
#[derive(Debug)]
pub struct Ready {
    policy: Sources,
    proof_keys: ProofKeys,
    providers: Vec<Arc<dyn Provider>>,
    store: Option<Arc<dyn Store>>,
    limiter: Option<Arc<dyn Limiter>>,
    clock: Arc<dyn Clock>,
    server_key: Option<ServerKey>,
    accepted_server_keys: Vec<ServerKey>,
    mount: String,
    public_url: Option<String>,
    return_page: Option<String>,
    issuer: String,
    audience: String,
    proof_lifetime: Duration,
    takes_test_numbers: bool,
    sinks: Vec<Box<dyn Sink>>,
}

impl Builder<WantsPolicy> {
    pub(super) fn new() -> Self {
        Self { state: WantsPolicy }
    }

    /// Takes the text of a policy file. `name` stands in the errors. It is loaded by [`build`](Builder::build), when the
    /// providers are known.
    pub fn policy(self, name: impl Into<String>, text: impl Into<String>) -> Builder<WantsProofKey> {
        self.policy_sources(Sources::new(name, text))
    }

    /// Takes a policy and the files that it names.
    pub fn policy_sources(self, policy: Sources) -> Builder<WantsProofKey> {
        Builder { state: WantsProofKey { policy } }
    }

    /// Reads a policy file and the files that it names.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] when it cannot be read.
    pub fn policy_file(self, path: impl AsRef<Path>) -> Result<Builder<WantsProofKey>> {
        let path = path.as_ref();
        let sources = Sources::read(path).map_err(|source| {
            let message = format!("the policy file `{}` cannot be read", path.display());
            Error::new(ErrorKind::Misconfigured, message).with_source(source)
        })?;
        Ok(self.policy_sources(sources))
    }
}

impl Builder<WantsProofKey> {
    /// Takes the key that signs proofs.
    pub fn proof_key(self, key: ProofKey) -> Builder<Ready> {
        self.proof_keys(ProofKeys::new(key))
    }

    /// Takes the key that signs proofs and those that are still accepted.
    pub fn proof_keys(self, proof_keys: ProofKeys) -> Builder<Ready> {
        let WantsProofKey { policy } = self.state;
        Builder {
            state: Ready {
                policy,
                proof_keys,
                providers: Vec::new(),
                store: None,
                limiter: None,
                clock: Arc::new(SystemClock),
                server_key: None,
                accepted_server_keys: Vec::new(),
                mount: "/handset".to_owned(),
                public_url: None,
                return_page: None,
                issuer: "handset".to_owned(),
                audience: "handset".to_owned(),
                proof_lifetime: Proofs::DEFAULT_LIFETIME,
                takes_test_numbers: false,
                sinks: Vec::new(),
            },
        }
    }
}

impl Builder<Ready> {
    /// Adds a provider that the policy may choose.
    pub fn provider(mut self, provider: impl Provider) -> Self {
        self.state.providers.push(Arc::new(provider));
        self
    }

    /// Where checks are remembered. Default: this process, [`MemoryStore`].
    pub fn store(mut self, store: impl Store) -> Self {
        self.state.store = Some(Arc::new(store));
        self
    }

    /// What counts requests. Default: this process, [`LocalLimiter`].
    pub fn limiter(mut self, limiter: impl Limiter) -> Self {
        self.state.limiter = Some(Arc::new(limiter));
        self
    }

    /// What tells the time. Default: the computer's clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.state.clock = Arc::new(clock);
        self
    }

    /// The key of codes and seals. Default: a random one, which is right for a store in memory; processes that share a
    /// store share this key.
    pub fn server_key(mut self, key: ServerKey) -> Self {
        self.state.server_key = Some(key);
        self
    }

    /// A server key that comes into use or goes out of it: what was begun under it goes on.
    ///
    /// To change the key where several processes share a store, first have all of them accept the new one, then use it and accept the
    /// old one, and take the old one away an hour later, or when the longest limit and proof have run out. Checks, callbacks, visitors
    /// and used proofs live through that. Failures and requests are counted anew under the new key; a login, or a step of the OpenID
    /// provider, that is under way at that moment begins again.
    pub fn also_accept_server_key(mut self, key: ServerKey) -> Self {
        self.state.accepted_server_keys.push(key);
        self
    }

    /// The path under which [`Endpoints`](crate::Endpoints) are mounted; challenges point there. Default `/handset`.
    pub fn mount(mut self, path: impl Into<String>) -> Self {
        self.state.mount = path.into();
        self
    }

    /// The origin under which the world reaches this application, such as `https://app.example.com`. Providers that call back or
    /// send devices here need it; it is never taken from a request.
    pub fn public_url(mut self, origin: impl Into<String>) -> Self {
        self.state.public_url = Some(origin.into());
        self
    }

    /// The page of the application that a device is sent on to when it comes back: a path such as `/transfer/done`. Without one
    /// it gets a short text.
    pub fn return_page(mut self, path: impl Into<String>) -> Self {
        self.state.return_page = Some(path.into());
        self
    }

    /// The `iss` of proofs. Default `handset`.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.state.issuer = issuer.into();
        self
    }

    /// The `aud` of proofs. Applications that share a key give themselves different ones. Default `handset`.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.state.audience = audience.into();
        self
    }

    /// How long a proof is good for. Default ten minutes; rules ask for less with `max_age`.
    pub fn proof_lifetime(mut self, lifetime: Duration) -> Self {
        self.state.proof_lifetime = lifetime;
        self
    }

    /// Adds a sink for [decision records](crate::record): a line for each start, and one for each end of a check. Each sink has a
    /// thread of its own; one that is slow or fails makes no check wait or fail.
    pub fn record_to(mut self, sink: impl Sink) -> Self {
        self.state.sinks.push(Box::new(sink));
        self
    }

    /// Takes the policy's `[test_numbers]` and the proofs of their checks, which show nothing: whoever knows the fixed code
    /// passes. Without it checks of such numbers are not started, and their proofs are refused. Not for production.
    pub fn danger_take_test_numbers(mut self) -> Self {
        self.state.takes_test_numbers = true;
        self
    }

    /// Loads the policy against the providers and puts everything together.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] with what is wrong and where: every fault of the policy file, two providers of one name,
    /// a mount that is no path, a proof lifetime of nothing.
    pub fn build(self) -> Result<Verifier> {
        let Self { state } = self;
        let (providers, catalogue) = catalogue(&state.providers)?;
        let policy = load(&state.policy, &catalogue)?;
        tracing::info!(policy = policy.hash(), "policy loaded");

        let server_key = state.server_key.map_or_else(ServerKey::random, Ok)?;
        let keys = Keyring::new(&server_key, &state.accepted_server_keys)?;
        let decoy = decoy(keys.current())?;
        let store = state.store.unwrap_or_else(|| Arc::new(MemoryStore::default()));
        let limiter = state.limiter.unwrap_or_else(|| Arc::new(LocalLimiter::default()));
        let clock = state.clock;
        let proofs = Arc::new(Proofs::new(state.proof_keys, state.issuer, state.audience, state.proof_lifetime)?);
        let _sweeper =
            Sweeper::start(Arc::clone(&store), Arc::clone(&limiter), Arc::clone(&proofs), Arc::clone(&clock))?;
        Ok(Verifier {
            inner: Arc::new(Inner {
                policy: ArcSwap::from_pointee(policy),
                catalogue,
                providers,
                _sweeper,
                limiter,
                store,
                clock: SteadyClock::new(clock),
                keys,
                proofs,
                // Entries leave when their start is done; the time limit is for a start whose client and task both went.
                flights: Flights::builder().time_to_live(FLIGHT).build(),
                decoy,
                mount: mount(&state.mount)?,
                public_url: state.public_url.map(public_url).transpose()?,
                return_page: state.return_page.map(return_page).transpose()?,
                polls: Polls::builder().time_to_live(POLL_PAUSE).build(),
                out_of_reach: Polls::builder().time_to_live(OUT_OF_REACH).build(),
                takes_test_numbers: state.takes_test_numbers,
                records: Records::start(state.sinks)?,
                reloads: Reloads::default(),
            }),
        })
    }
}

pub(super) fn load(sources: &Sources, catalogue: &Catalogue) -> Result<Policy> {
    Policy::compile(sources, catalogue)
        .map_err(|faults| Error::new(ErrorKind::Misconfigured, "the policy does not load").with_source(faults))
}

type Providers = BTreeMap<&'static str, Arc<dyn Provider>>;

fn catalogue(list: &[Arc<dyn Provider>]) -> Result<(Providers, Catalogue)> {
    let mut providers = Providers::new();
    let mut catalogue = Catalogue::new();
    for provider in list {
        let name = provider.name();
        catalogue = catalogue.with(name, provider.channels().iter().copied());
        if providers.insert(name, Arc::clone(provider)).is_some() {
            return Err(Error::new(ErrorKind::Misconfigured, format!("there are two providers named `{name}`")));
        }
    }
    Ok((providers, registry::with_vendors_own(catalogue)))
}

pub(crate) fn mount(path: &str) -> Result<String> {
    let path = path.trim_end_matches('/');
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    if !path.is_empty() && (!path.starts_with('/') || !path.bytes().all(plain)) {
        return Err(Error::new(
            ErrorKind::Misconfigured,
            "the mount is a path that begins with `/`, such as `/handset`",
        ));
    }
    Ok(path.to_owned())
}

pub(crate) fn public_url(origin: String) -> Result<String> {
    let uri: Option<Uri> = origin.parse().ok();
    let whole =
        |uri: &Uri| uri.scheme().is_some() && uri.host().is_some() && uri.path() == "/" && uri.query().is_none();
    match uri {
        Some(uri) if whole(&uri) => Ok(origin.trim_end_matches('/').to_owned()),
        _ => Err(Error::new(
            ErrorKind::Misconfigured,
            "the public URL is an origin without a path, such as `https://app.example.com`",
        )),
    }
}

pub(crate) fn return_page(path: String) -> Result<String> {
    // A path of our own origin: `//host` would be another one.
    let local =
        path.starts_with('/') && !path.starts_with("//") && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if local {
        return Ok(path);
    }
    Err(Error::new(ErrorKind::Misconfigured, "the return page is a path of this application, such as `/done`"))
}

/// A sealed check of nobody.
fn decoy(keys: &Keys) -> Result<(CheckId, crate::check::Sealed)> {
    let id = keys.new_id()?;
    let phone = PhoneNumber::parse("+12025550100", None)?;
    let request = StartRequest::new(Subject::new(id.to_string())?, phone, Action::new("decoy")?);
    let (provider, channel) = ("decoy".to_owned(), Channel::Sms);
    let routes = vec![PlannedRoute { provider, channel, preflight: false, digits: 6, message: None }];
    let planned = Planned { routes, code: CodeRules::default(), test: None };
    let private = Private::new(&request, planned, SystemTime::UNIX_EPOCH);
    Ok((id, keys.seal(&id, &private)?))
}

/// How long a vendor is left alone between two questions about the same check.
const POLL_PAUSE: Duration = Duration::from_secs(1);

/// For how long a provider that could not be reached counts as unhealthy.
const OUT_OF_REACH: Duration = Duration::from_secs(30);

/// How long a start may be under way.
const FLIGHT: Duration = Duration::from_secs(120);
