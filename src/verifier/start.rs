//! Starting a check: one action of a person, at most one message.

use std::{
    fmt,
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tracing::Instrument;

use super::{
    Check, Facts, Inner, Verifier, over_limit, owner, plan,
    private::Private,
    record::{Admitted, Note},
    status::view,
};
use crate::{
    channel::Channel,
    check::{Digest, State, Status},
    error::{Error, ErrorKind, Result},
    ids::{Action, Binding, CheckId, KeyThumbprint, Subject},
    limiter::LimitFacts,
    phone::PhoneNumber,
    policy::{Policy, Section},
    store::{Claim, Created, Judge, NewCheck, Outcome, Record, Step},
};

/// What a check is asked for.
///
/// ```
/// use handset::{Action, PhoneNumber, Subject, verifier::StartRequest};
///
/// let request = StartRequest::new(
///     Subject::new("user-42")?,
///     PhoneNumber::parse("+37126123456", None)?,
///     Action::new("transfer")?,
/// )
/// .with_client_ip([203, 0, 113, 7].into());
/// # let _ = request;
/// # Ok::<(), handset::Error>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct StartRequest {
    /// Whom the check protects, and who alone may answer it.
    pub subject: Subject,
    /// The number of which possession is to be shown.
    pub phone: PhoneNumber,
    /// What the subject is trying to do.
    pub action: Action,
    /// The transaction that the proof will be good for.
    pub binding: Option<Binding>,
    /// The channel that the person asks for; the plan decides whether there is one.
    pub channel: Option<Channel>,
    /// The language that the person reads, as a BCP 47 tag.
    pub locale: Option<String>,
    /// The address for channels that write e-mail.
    pub email: Option<String>,
    /// The client's address.
    pub client_ip: Option<IpAddr>,
    /// The client's name for this request: the same name gets the same check.
    pub idempotency_key: Option<String>,
    /// The browser in which the check is answered, where that is somebody else than the subject; see
    /// [`with_browser`](Self::with_browser).
    pub browser: Option<Subject>,
    /// More facts for the policy.
    pub facts: Facts,
    /// The page that a device which comes back is sent on to: a URL of ours with a query, which is added to.
    pub(crate) return_page: Option<String>,
}

impl StartRequest {
    /// Asks `subject` to show possession of `phone` for `action`.
    #[must_use]
    pub fn new(subject: Subject, phone: PhoneNumber, action: Action) -> Self {
        Self {
            subject,
            phone,
            action,
            binding: None,
            channel: None,
            locale: None,
            email: None,
            client_ip: None,
            idempotency_key: None,
            browser: None,
            facts: Facts::default(),
            return_page: None,
        }
    }

    /// Binds the check, its code and its proof to a transaction.
    #[must_use]
    pub fn with_binding(mut self, binding: Binding) -> Self {
        self.binding = Some(binding);
        self
    }

    /// Asks for a channel.
    #[must_use]
    pub fn with_channel(mut self, channel: Channel) -> Self {
        self.channel = Some(channel);
        self
    }

    /// Says where the client is, for limits on addresses.
    #[must_use]
    pub fn with_client_ip(mut self, ip: IpAddr) -> Self {
        self.client_ip = Some(ip);
        self
    }

    /// Names the request, so that it can be repeated.
    #[must_use]
    pub fn with_idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// Says which browser the check is answered in: a name that this browser alone can show, by a cookie say. Where the subject is
    /// an account, which may be signing in elsewhere at the same time, a device that comes back has to be this browser's, and being
    /// the account's is not enough: [`Verifier::redirect`] is then called with this name.
    #[must_use]
    pub fn with_browser(mut self, browser: Subject) -> Self {
        self.browser = Some(browser);
        self
    }
}

/// Shows what an operator may see.
impl fmt::Debug for StartRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartRequest")
            .field("phone", &self.phone)
            .field("action", &self.action)
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}

impl Verifier {
    /// Starts a check and orders its first message.
    ///
    /// The same subject, number, action and binding have one pending check at a time: starting again returns it, and sends
    /// its message again only when [`Check::resend_after`] has passed. An idempotency key returns its check and sends
    /// nothing. When a provider fails, the next route of the plan is used. The order runs in a task of its own: a client that
    /// hangs up does not undo it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Denied`] by the policy, [`ErrorKind::RateLimited`] by a limit or a failure budget,
    /// [`ErrorKind::IdempotencyKeyReused`], [`ErrorKind::InvalidInput`] when the plan has no such channel,
    /// [`ErrorKind::Rejected`] when no provider serves the number, [`ErrorKind::Unavailable`] when none can be reached, or the
    /// store or the limiter cannot.
    pub async fn start(&self, request: StartRequest) -> Result<Check> {
        let now = self.inner.trusted_time()?;
        let claims = Claims::of(&self.inner, &request);
        let subject = request.subject.clone();
        let flight = claims.unkeyed.key;
        let begin = self.begin_apart(request.clone(), claims, now);
        let flown = self.inner.flights.entry(flight).or_try_insert_with(begin).await;
        let flown = flown.map_err(|error: Arc<Error>| Error::clone(&error))?;
        let is_fresh = flown.is_fresh();
        let mut begun = flown.into_value();
        if !is_fresh && claims.keyed.is_some() {
            // It was the start of another request, to which this one's key means nothing: the store knows whose the key is.
            begun = self.begin_apart(request, claims, now).await?;
        }
        self.inner.flights.invalidate(&flight).await;
        match begun {
            // Nobody can have done anything to it yet, so the store need not be asked.
            Begun { id, sent: Some(record) } if !matches!(record.judge, Judge::Poll) => {
                let private = self.inner.keys.of(&id).open(&id, &record.sealed)?;
                view(id, &record, private, None, self.inner.clock.read().now)
            }
            Begun { id, .. } => self.status(&subject, id).await,
        }
    }

    /// Begins in a task of its own, so that a client that hangs up does not undo it.
    async fn begin_apart(&self, request: StartRequest, claims: Claims, now: SystemTime) -> Result<Begun> {
        let verifier = self.clone();
        let task = tokio::spawn(async move { verifier.begin(request, claims, now).await }.in_current_span());
        task.await
            .unwrap_or_else(|source| Err(Error::new(ErrorKind::Unavailable, "the start broke off").with_source(source)))
    }

    async fn begin(&self, request: StartRequest, claims: Claims, now: SystemTime) -> Result<Begun> {
        let id = self.inner.keys.current().new_id()?;
        let mut note = Note::default();
        let mut admitted = self.admit(id, &request, &claims, &mut note, now).await;
        let mut found = None;
        if let Ok(Admitted::Joined(other) | Admitted::Repeated(other)) = &admitted {
            found = self.inner.store.load(*other, now).await?;
            if let Some(record) = &found
                && (self.give_up_abandoned(*other, record, now).await?
                    || self.give_up_spent(*other, record, now).await?)
            {
                (found, note) = (None, Note::default());
                admitted = self.admit(id, &request, &claims, &mut note, now).await;
            }
        }
        self.inner.record_start(note, &admitted);
        match admitted? {
            Admitted::New(private) => Ok(Begun { id, sent: self.send(id, *private, 0, 0).await? }),
            Admitted::Joined(id) => {
                let sent = match &found {
                    Some(record) => self.resend_if_due(id, record, request.client_ip, now).await?,
                    // It has begun just now.
                    None => None,
                };
                Ok(Begun { id, sent })
            }
            Admitted::Repeated(id) => Ok(Begun { id, sent: None }),
        }
    }

    /// Forgets a check whose first message has been on its way for longer than any order takes: the process that had it has ended, or
    /// could not write down that it went out. Nobody can answer it, and it would stand in the way of every other start. Its claims go
    /// with it: an idempotency key that still stood for it would get a check without a message, or none that is open.
    async fn give_up_abandoned(&self, id: CheckId, record: &Record, now: SystemTime) -> Result<bool> {
        if record.state.sent_at().is_some() || record.state.status_at(now) != Status::Pending {
            return Ok(false);
        }
        let private: Private = self.inner.keys.of(&id).open(&id, &record.sealed)?;
        if now < private.began_at + ABANDONED {
            return Ok(false);
        }
        tracing::warn!(check = %id, "a start was abandoned");
        self.inner.store.advance(id, Step::NotSent { leg: 0 }, now).await?;
        Ok(true)
    }

    /// Ends a check whose last attempts were reserved and never settled: those who made them have hung up, or their process has ended.
    /// No other answer to it counts, and until its time it would stand in the way of every other start. What nobody waits for counts
    /// as wrong.
    async fn give_up_spent(&self, id: CheckId, record: &Record, now: SystemTime) -> Result<bool> {
        if record.state.attempts_left() > 0 || record.state.status_at(now) != Status::Pending {
            return Ok(false);
        }
        for _ in 0..record.state.in_flight() {
            let change = self.inner.store.settle(id, Outcome::NoMatch, now).await?;
            self.inner.record_end(&id, &change, now);
        }
        Ok(true)
    }

    /// Asks the policy, the store and the limiter, in this order.
    async fn admit(
        &self,
        id: CheckId,
        request: &StartRequest,
        claims: &Claims,
        note: &mut Note,
        now: SystemTime,
    ) -> Result<Admitted> {
        let policy = self.inner.policy.load_full();
        let health = self.inner.health();
        let failures = self.failures(&policy, request, claims, now).await?;
        let facts = plan::of_first_message(request, &health, failures, now);
        note.decided(&self.inner, &id, &policy, request, &facts, now);
        let planned = plan::plan(&self.inner, &policy, &id, request, &facts, now)?;
        let attempts = planned.code.attempts;
        let private = Private::new(request, planned, now);
        let record = Record {
            owner: claims.owner,
            number: self.inner.keys.current().name("number", &[&request.phone.digits().to_be_bytes()]),
            context: self.inner.context(&id, &request.action, request.binding.as_ref()),
            state: State::new(attempts, private.expires_at),
            judge: Judge::Nobody,
            sealed: self.inner.keys.of(&id).seal(&id, &private)?,
        };
        let failures = policy.failure_budget();
        let check = NewCheck { id, record, keyed: claims.keyed, unkeyed: claims.unkeyed, failures: &failures };
        match self.inner.store.create(check, now).await? {
            Created::New => {
                let facts = LimitFacts {
                    phone: Some(&request.phone),
                    subject: Some(&request.subject),
                    ip: request.client_ip,
                    action: Some(&request.action),
                    provider: None,
                };
                if let Err(error) = self.inner.limit_start(&facts, private.is_test, &mut note.limits, now).await {
                    self.inner.store.advance(id, Step::NotSent { leg: 0 }, now).await?;
                    return Err(error);
                }
                Ok(Admitted::New(Box::new(private)))
            }
            Created::Existing { id, fingerprint, keyed: true } if claims.is_same(fingerprint) => {
                Ok(Admitted::Repeated(id))
            }
            Created::Existing { keyed: true, .. } => Err(Error::new(
                ErrorKind::IdempotencyKeyReused,
                "this idempotency key came with another request before; use a new one",
            )),
            Created::Existing { id, keyed: false, .. } => Ok(Admitted::Joined(id)),
            Created::BudgetSpent { retry_after } => Err(over_limit(retry_after)),
        }
    }

    /// How many answers of the subject were wrong of late, where a rule reads it and the application does not say it.
    async fn failures(
        &self,
        policy: &Policy,
        request: &StartRequest,
        claims: &Claims,
        now: SystemTime,
    ) -> Result<Option<u32>> {
        if request.facts.subject_failures.is_some() || !policy.reads(Section::Route, "subject.failures") {
            return Ok(None);
        }
        self.inner.store.failures(claims.owner, policy.failure_budget(), now).await.map(Some)
    }
}

impl Inner {
    /// The keyed hash of what a code is for.
    pub(super) fn context(&self, id: &CheckId, action: &Action, binding: Option<&Binding>) -> Digest {
        let parts = [Some(action.as_str().as_bytes()), binding.map(|binding| binding.as_str().as_bytes())];
        self.keys.of(id).name("context", &parts.into_iter().flatten().collect::<Vec<_>>())
    }
}

/// What came of a start: the check, and its record when a message has just gone out.
#[derive(Clone, Debug)]
pub(super) struct Begun {
    id: CheckId,
    sent: Option<Record>,
}

/// What a start holds on to, so that its repetition finds it.
#[derive(Clone, Copy)]
struct Claims {
    owner: Digest,
    keyed: Option<Claim>,
    unkeyed: Claim,
}

impl Claims {
    fn of(inner: &Inner, request: &StartRequest) -> Self {
        let keys = inner.keys.current();
        let owner = owner(keys, &request.subject);
        let binding = request.binding.as_ref().map_or("", Binding::as_str);
        let phone = request.phone.digits().to_be_bytes();
        let key = request.facts.key.as_ref().map_or("", KeyThumbprint::as_str);
        let action = request.action.as_str().as_bytes();
        // Each browser has a check of its own: what another one started is not for this one to come back with.
        let browser = request.browser.as_ref().map_or("", Subject::as_str);
        let parts: [&[u8]; 6] = [&owner, &phone, action, binding.as_bytes(), key.as_bytes(), browser.as_bytes()];
        let same = keys.name("same start", &parts);
        let channel = request.channel.map_or("", Channel::as_str);
        let fingerprint = keys.name("request", &[&same, channel.as_bytes()]);
        let keyed = request
            .idempotency_key
            .as_ref()
            .map(|key| Claim::new(keys.name("idempotency key", &[&owner, key.as_bytes()]), fingerprint));
        Self { owner, keyed, unkeyed: Claim::new(same, fingerprint) }
    }

    fn is_same(&self, fingerprint: Digest) -> bool {
        self.unkeyed.fingerprint == fingerprint
    }
}

/// Longer than every route of a plan may take together.
const ABANDONED: Duration = Duration::from_secs(60);
