//! The step itself: what it remembers between requests, and how it goes on.
//!
//! All of it travels with the browser; `carried.rs` says how.

use std::time::{Duration, SystemTime};

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
    /// The phone that is asked, of those.
    phone: Option<String>,
    check: Option<String>,
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
            phone: None,
            check: None,
        }
    }

    /// The phone of an account that has one.
    pub(super) fn only_phone(&self) -> Option<String> {
        match self.phones.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        }
    }

    /// The phone to ask: the one that is asked already, else the one at this place.
    pub(super) fn phone_at(&self, place: usize, now: SystemTime) -> Option<String> {
        self.phone.as_ref().or_else(|| self.phones.get(place)).filter(|_| !self.is_over(now)).cloned()
    }

    /// The step that asks this phone, before there is a check.
    pub(super) fn asking(&self, phone: String) -> Self {
        Self { phone: Some(phone), check: None, ..self.clone() }
    }

    /// The same, once there is one.
    pub(super) fn asked(self, id: CheckId) -> Self {
        Self { check: Some(id.to_string()), ..self }
    }

    /// What its check is asked for.
    pub(super) fn request(&self, inner: &Inner, facts: &Facts, caller: Caller) -> Result<StartRequest> {
        let number = self.phone().ok_or_else(|| Error::new(ErrorKind::InvalidInput, "no phone was chosen"))?;
        let mut request = StartRequest::new(self.owner()?, number, inner.config.action.clone());
        request.binding = Some(self.binding(inner)?);
        request.client_ip = caller.ip;
        request.facts = Facts { subject_known: Some(true), phone: Some(number), ..facts.clone() };
        Ok(request)
    }

    /// The browser came back from the operator, to the page as it was before there was a check.
    pub(super) fn came_back(&mut self, id: CheckId) {
        self.check.get_or_insert_with(|| id.to_string());
    }

    /// Looks where the step is.
    pub(super) async fn look(&self, inner: &Inner, now: SystemTime) -> At {
        if self.is_over(now) {
            return self.give_up(inner, DENIED).await;
        }
        let (Some(id), Some(phone)) = (self.check(), self.phone()) else { return At::Choice(self.numbers()) };
        let Ok(owner) = self.owner() else { return At::Failed(DENIED) };
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
        if let (Some(id), Ok(owner)) = (self.check(), self.owner()) {
            // One that has ended by itself needs no ending.
            let _ = inner.verifier.cancel(&owner, id).await;
        }
        At::Failed(error)
    }

    /// The one place where a token is made. It takes the evidence of this step's check, and looks at it once more.
    fn answer(&self, inner: &Inner, verified: &Verified, now: SystemTime) -> At {
        let proof = &verified.proof;
        let ours = self.owner().is_ok_and(|owner| *proof.subject() == owner)
            && self.binding(inner).is_ok_and(|binding| proof.binding() == Some(&binding));
        let phone = self.phone() == Some(*proof.phone());
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
        let id = self.check().filter(|_| !self.is_over(now))?;
        Some((self.owner().ok()?, id))
    }

    /// The answer to another sign-in's check, of the same account and at the same time, is no answer to this.
    fn binding(&self, inner: &Inner) -> Result<Binding> {
        let parts = [self.account.tenant.as_bytes(), self.nonce.as_bytes()];
        Binding::new(inner.verifier.keyed_text("entra sign-in", &parts))
    }

    fn check(&self) -> Option<CheckId> {
        self.check.as_deref()?.parse().ok()
    }

    fn phone(&self) -> Option<PhoneNumber> {
        PhoneNumber::parse(self.phone.as_deref()?, None).ok()
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

/// The last moment at which what was seen once has to be remembered.
pub(super) fn forget_at(now: SystemTime) -> SystemTime {
    now + OLDEST + Duration::from_secs(120)
}

const MOST_PHONES: usize = 8;

/// Microsoft names these two.
pub(super) const DENIED: &str = "access_denied";
pub(super) const UNAVAILABLE: &str = "temporarily_unavailable";
