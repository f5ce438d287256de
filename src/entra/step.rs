//! The step itself: what it remembers between requests, and how it goes on.
//!
//! All of it travels with the browser, encrypted under the server key and bound to a cookie of this one step. So any process that has
//! the server key and the store goes on with it, and nobody else's browser does.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, header::COOKIE};
use serde::{Deserialize, Serialize};

use super::{
    Account, Inner,
    hint::{Hinted, OLDEST},
    request::Asked,
    token,
};
use crate::{
    check::Status,
    error::{Error, ErrorKind, Result},
    ids::{Binding, CheckId, Subject},
    phone::PhoneNumber,
    random,
    step_page::Notice,
    verifier::{Answer, Caller, Check, Facts, StartRequest, Verified},
};

/// One step, from Entra's request to our answer.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Step {
    account: Account,
    pub(super) subject: String,
    pub(super) nonce: String,
    pub(super) state: Option<String>,
    pub(super) acr: String,
    amr: Vec<String>,
    /// When Entra gives up, in seconds since 1970.
    ends_at: u64,
    phones: Vec<String>,
    begun: Option<Begun>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Begun {
    check: String,
    phone: String,
}

/// Where a step is after a request.
pub(super) enum At {
    /// The person chooses one of several phones.
    Choice(Vec<PhoneNumber>),
    /// The person does what the check asks.
    Check(Box<Check>, PhoneNumber),
    /// It ended well; this is the `id_token`.
    Answered(String),
    /// It ended otherwise; this is what Entra is told.
    Failed(&'static str),
    /// Nothing is known now, and the person may try again.
    Unknown,
}

/// What came of something that the person did.
pub(super) enum Done {
    /// Go and look where the step is, with something to say.
    Look(Option<Notice>),
    /// It is at its end.
    End(At),
}

impl Step {
    pub(super) fn new(asked: Asked, hinted: Hinted, phones: &[PhoneNumber]) -> Self {
        Self {
            account: hinted.account,
            subject: hinted.subject,
            nonce: asked.nonce,
            state: asked.state,
            acr: asked.acr.to_owned(),
            amr: asked.amr.into_iter().map(str::to_owned).collect(),
            ends_at: token::seconds(hinted.issued_at + OLDEST),
            phones: phones.iter().take(MOST_PHONES).map(PhoneNumber::to_e164).collect(),
            begun: None,
        }
    }

    /// Starts the check when there is nothing to choose.
    pub(super) async fn begin(&mut self, inner: &Inner, facts: &Facts, caller: Caller) -> Result<()> {
        match self.phones.as_slice() {
            [only] => {
                let only = only.clone();
                self.start(inner, &only, facts, caller).await
            }
            _ => Ok(()),
        }
    }

    /// Starts the check of the chosen phone; once begun, a step keeps its phone, and this sends again what is due to be.
    pub(super) async fn choose(
        &mut self,
        inner: &Inner,
        place: usize,
        facts: &Facts,
        caller: Caller,
        now: SystemTime,
    ) -> Result<()> {
        if self.is_over(now) {
            return Ok(());
        }
        let phone = self.begun.as_ref().map(|begun| begun.phone.clone()).or_else(|| self.phones.get(place).cloned());
        // Whatever else a form says is no choice, and the page asks again.
        let Some(phone) = phone else { return Ok(()) };
        self.start(inner, &phone, facts, caller).await
    }

    async fn start(&mut self, inner: &Inner, phone: &str, facts: &Facts, caller: Caller) -> Result<()> {
        let number = PhoneNumber::parse(phone, None)?;
        let mut request = StartRequest::new(self.owner()?, number, inner.config.action.clone());
        // Bound to this sign-in: the answer to another one's check, of the same account and at the same time, is no answer to this.
        let sign_in =
            inner.verifier.keyed_text("entra sign-in", &[self.account.tenant.as_bytes(), self.nonce.as_bytes()]);
        request.binding = Some(Binding::new(sign_in)?);
        request.client_ip = caller.ip;
        request.facts = Facts { subject_known: Some(true), phone: Some(number), ..facts.clone() };
        let check = inner.verifier.start(request).await?;
        self.begun = Some(Begun { check: check.id.to_string(), phone: phone.to_owned() });
        Ok(())
    }

    /// Looks where the step is.
    pub(super) async fn look(&self, inner: &Inner, now: SystemTime) -> At {
        if self.is_over(now) {
            return self.give_up(inner, DENIED).await;
        }
        let Some(begun) = &self.begun else { return At::Choice(self.numbers()) };
        let (Ok(owner), Ok(id), Ok(phone)) =
            (self.owner(), begun.check.parse(), PhoneNumber::parse(&begun.phone, None))
        else {
            return At::Failed(DENIED);
        };
        let mut check = match inner.verifier.status(&owner, id).await {
            Ok(check) => check,
            Err(error) if error.kind() == ErrorKind::CheckEnded => return At::Failed(DENIED),
            Err(error) => {
                tracing::warn!(?error, "entra: where the check is cannot be told");
                return At::Unknown;
            }
        };
        if let Some(verified) = check.verified.take() {
            return self.answer(inner, &verified, now);
        }
        if check.status != Status::Pending {
            return At::Failed(DENIED);
        }
        if check.channel.is_some_and(|channel| token::method(channel).is_none_or(|method| !self.accepts(method))) {
            tracing::error!(channel = ?check.channel, "entra: the policy's route uses a channel that Entra does not count");
            return self.give_up(inner, DENIED).await;
        }
        At::Check(Box::new(check), phone)
    }

    /// Hands in a code.
    pub(super) async fn code(&self, inner: &Inner, typed: &str, caller: Caller, now: SystemTime) -> Done {
        let Some((owner, id)) = self.open(now) else { return Done::Look(None) };
        match inner.verifier.answer(&owner, id, typed, caller).await {
            Ok(Answer::Verified(verified)) => Done::End(self.answer(inner, &verified, now)),
            Ok(Answer::Incorrect { attempts_left: 0 }) => Done::End(At::Failed(DENIED)),
            Ok(Answer::Incorrect { .. }) => Done::Look(Some(Notice::Incorrect)),
            Err(error) => Done::Look(Notice::of_error(&error)),
        }
    }

    /// Goes on to the next channel.
    pub(super) async fn next(&self, inner: &Inner, caller: Caller, now: SystemTime) -> Done {
        let Some((owner, id)) = self.open(now) else { return Done::Look(None) };
        match inner.verifier.next(&owner, id, caller).await {
            Ok(_) => Done::Look(None),
            Err(error) => Done::Look(Notice::of_error(&error)),
        }
    }

    /// The person calls it off.
    pub(super) async fn cancel(&self, inner: &Inner) -> Done {
        Done::End(self.give_up(inner, DENIED).await)
    }

    /// Ends the check, so that nothing comes of it any more.
    async fn give_up(&self, inner: &Inner, error: &'static str) -> At {
        if let (Some(begun), Ok(owner)) = (&self.begun, self.owner())
            && let Ok(id) = begun.check.parse()
        {
            // One that has ended by itself needs no ending.
            let _ = inner.verifier.cancel(&owner, id).await;
        }
        At::Failed(error)
    }

    /// The one place where a token is made. It takes the evidence of this step's check, and looks at it once more.
    fn answer(&self, inner: &Inner, verified: &Verified, now: SystemTime) -> At {
        let proof = &verified.proof;
        let ours = self.owner().is_ok_and(|owner| *proof.subject() == owner);
        let phone = self.begun.as_ref().is_some_and(|begun| begun.phone == proof.phone().to_e164());
        let method = token::method(proof.channel()).filter(|method| self.accepts(method));
        let (true, true, false, false, Some(method)) = (ours, phone, proof.is_test(), self.is_over(now), method) else {
            tracing::warn!(channel = %proof.channel(), test = proof.is_test(), "entra: a proof that is none for Entra");
            return At::Failed(DENIED);
        };
        match token::sign(&inner.config, self, method, now) {
            Ok(token) => At::Answered(token),
            Err(error) => {
                tracing::error!(?error, "entra: no token could be signed");
                At::Failed("server_error")
            }
        }
    }

    /// The account and the check, while there is one to do something about.
    fn open(&self, now: SystemTime) -> Option<(Subject, CheckId)> {
        let begun = self.begun.as_ref().filter(|_| !self.is_over(now))?;
        Some((self.owner().ok()?, begun.check.parse().ok()?))
    }

    /// Failures count for the account, whichever browser they come from.
    fn owner(&self) -> Result<Subject> {
        Subject::new(format!("entra:{}:{}", self.account.tenant, self.account.object))
    }

    fn accepts(&self, method: &str) -> bool {
        self.amr.iter().any(|asked| asked == method)
    }

    fn is_over(&self, now: SystemTime) -> bool {
        token::seconds(now) >= self.ends_at
    }

    fn numbers(&self) -> Vec<PhoneNumber> {
        self.phones.iter().filter_map(|phone| PhoneNumber::parse(phone, None).ok()).collect()
    }
}

/// What Entra is told of a start that failed.
pub(super) fn told(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::Unavailable | ErrorKind::Misconfigured | ErrorKind::RateLimited => UNAVAILABLE,
        _ => DENIED,
    }
}

/// A step on its way through a browser, and the cookie that opens it.
pub(super) struct Carried {
    pub(super) ticket: String,
    pub(super) cookie: HeaderValue,
}

/// Gives a step to the browser that brought it.
pub(super) fn carry(inner: &Inner, step: &Step) -> Result<Carried> {
    let name = URL_SAFE_NO_PAD.encode(random::bytes::<6>()?);
    let secret: [u8; SECRET] = random::bytes()?;
    let value = URL_SAFE_NO_PAD.encode(secret);
    let life = OLDEST.as_secs();
    // Lax: the browser comes from Microsoft's page, and shows the cookie on the way to ours.
    let cookie = format!("{COOKIE_NAME}{name}={value}; Path=/; Max-Age={life}; Secure; HttpOnly; SameSite=Lax");
    let unmade = |source| Error::new(ErrorKind::Unavailable, "a cookie cannot be made").with_source(source);
    let cookie = HeaderValue::from_str(&cookie).map_err(unmade)?;
    Ok(Carried { ticket: seal(inner, &name, &secret, step)?, cookie })
}

/// A step that a browser brings back, with what seals it again.
pub(super) struct Opened {
    pub(super) step: Step,
    name: String,
    secret: [u8; SECRET],
}

impl Opened {
    /// Opens a ticket with the cookie that belongs to it.
    pub(super) fn of(inner: &Inner, ticket: &str, headers: &HeaderMap) -> Option<Self> {
        let (name, sealed) = ticket.split_once('.')?;
        let secret = cookie(name, headers)?;
        let step = inner.verifier.open(&kind(name, &secret), sealed)?;
        Some(Self { step, name: name.to_owned(), secret })
    }

    pub(super) fn ticket(&self, inner: &Inner) -> Result<String> {
        seal(inner, &self.name, &self.secret, &self.step)
    }
}

fn seal(inner: &Inner, name: &str, secret: &[u8], step: &Step) -> Result<String> {
    Ok(format!("{name}.{}", inner.verifier.seal(&kind(name, secret), step)?))
}

/// A step is sealed as of its own cookie, so that no other one opens it.
fn kind(name: &str, secret: &[u8]) -> String {
    format!("entra step {name} {}", URL_SAFE_NO_PAD.encode(secret))
}

fn cookie(name: &str, headers: &HeaderMap) -> Option<[u8; SECRET]> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';'));
    let value = pairs.find_map(|pair| pair.trim().strip_prefix(COOKIE_NAME)?.strip_prefix(name)?.strip_prefix('='))?;
    URL_SAFE_NO_PAD.decode(value).ok()?.try_into().ok()
}

/// The last moment at which what was seen once has to be remembered.
pub(super) fn forget_at(now: SystemTime) -> SystemTime {
    now + OLDEST + Duration::from_secs(120)
}

/// A cookie for each step, so that sign-ins in two tabs do not take each other's away.
const COOKIE_NAME: &str = "__Host-handset-entra-";
const SECRET: usize = 16;
const MOST_PHONES: usize = 8;

/// Microsoft names these two.
pub(super) const DENIED: &str = "access_denied";
pub(super) const UNAVAILABLE: &str = "temporarily_unavailable";
