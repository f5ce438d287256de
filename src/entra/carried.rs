//! A step on its way through the browser that brought it: encrypted under the server key, and bound to a key that this browser keeps in
//! a cookie. So any process that has the server key and the store goes on with the step, and nobody else's browser does.

use std::time::SystemTime;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue};

use super::{Inner, hint::OLDEST, step::Step};
use crate::{
    error::Result,
    verifier::{Caller, Facts},
    visitor::StepKey,
};

/// A step in its browser.
pub(super) struct Carried {
    pub(super) step: Step,
    key: StepKey,
}

impl Carried {
    /// Gives a step to the browser that brought it.
    pub(super) fn new(step: Step) -> Result<Self> {
        Ok(Self { step, key: StepKey::random()? })
    }

    /// Opens a ticket with the key that belongs to it.
    pub(super) fn open(inner: &Inner, ticket: &str, headers: &HeaderMap) -> Option<Self> {
        let (name, sealed) = ticket.split_once('.')?;
        let key = StepKey::find(name, headers)?;
        let step = inner.verifier.open(&kind(&key), sealed)?;
        Some(Self { step, key })
    }

    pub(super) fn ticket(&self, inner: &Inner) -> Result<String> {
        self.seal(inner, &self.step)
    }

    pub(super) fn cookie(&self) -> Result<HeaderValue> {
        self.key.cookie(OLDEST)
    }

    /// Starts the check when there is nothing to choose.
    pub(super) async fn begin(&mut self, inner: &Inner, facts: &Facts, caller: Caller) -> Result<()> {
        match self.step.only_phone() {
            Some(only) => self.start(inner, only, facts, caller).await,
            None => Ok(()),
        }
    }

    /// Starts the check of the chosen phone; once begun, a step keeps its phone, and this sends again what is due to be.
    /// Whatever else a form says is no choice, and the page asks again.
    pub(super) async fn choose(
        &mut self,
        inner: &Inner,
        place: usize,
        facts: &Facts,
        caller: Caller,
        now: SystemTime,
    ) -> Result<()> {
        match self.step.phone_at(place, now) {
            Some(phone) => self.start(inner, phone, facts, caller).await,
            None => Ok(()),
        }
    }

    async fn start(&mut self, inner: &Inner, phone: String, facts: &Facts, caller: Caller) -> Result<()> {
        let step = self.step.asking(phone);
        let mut request = step.request(inner, facts, caller)?;
        request.browser = Some(self.key.browser(&inner.verifier)?);
        request.return_page = Some(inner.step_url(&self.seal(inner, &step)?));
        let check = inner.verifier.start(request).await?;
        self.step = step.asked(check.id);
        Ok(())
    }

    fn seal(&self, inner: &Inner, step: &Step) -> Result<String> {
        Ok(format!("{}.{}", self.key.name, inner.verifier.seal(&kind(&self.key), step)?))
    }
}

/// A step is sealed as of its own key, so that no other one opens it.
fn kind(key: &StepKey) -> String {
    format!("entra step {} {}", key.name, URL_SAFE_NO_PAD.encode(key.secret))
}
