//! A device comes back: by itself in its browser, or through its app, which hands in what it got.

use std::{slice, time::SystemTime};

use subtle::ConstantTimeEq;
use tracing::Instrument;

use super::{Answer, Caller, Check, Inner, Verifier, answer::same_message, ended, private::Private};
use crate::{
    check::Status,
    error::{Error, ErrorKind, Result},
    ids::{CheckId, Subject},
    provider::{Provider, Returned, Verdict},
    store::{Judge, Record},
};

impl Verifier {
    /// A device's browser comes back from `provider`, opening our public URL with `path_and_query`.
    ///
    /// It has to be the browser of the subject that started the check, or the one that
    /// [`StartRequest::with_browser`](super::StartRequest::with_browser) named. Otherwise an attacker could have a victim's
    /// phone finish the attacker's check. The state is good once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] when there is no such provider. [`ErrorKind::CheckEnded`] when there is no open check of this
    /// subject for this state. What the vendor says to it, or that it cannot be reached, is told by the check.
    pub async fn redirect(&self, subject: &Subject, provider: &str, query: &str, caller: Caller) -> Result<Check> {
        Ok(self.come_back(slice::from_ref(subject), provider, query, caller).await?.check)
    }

    /// The same for a browser that has several names, one of which has to be the right one.
    pub(crate) async fn come_back(
        &self,
        browser: &[Subject],
        provider: &str,
        query: &str,
        caller: Caller,
    ) -> Result<Arrival> {
        let inner = &self.inner;
        let now = inner.trusted_time()?;
        if !inner.providers.contains_key(provider) {
            return Err(Error::new(ErrorKind::Unsupported, "there is no such provider"));
        }
        let (returned, state, id) = inner.returned(provider, query).ok_or_else(ended)?;
        let record = inner.store.load(id, now).await?.ok_or_else(ended)?;
        let private: Private = inner.keys.of(&id).open(&id, &record.sealed)?;
        let ours = private.state.as_ref().is_some_and(|ours| bool::from(ours.as_bytes().ct_eq(state.as_bytes())));
        let here = private.current().is_some_and(|route| route.provider == provider);
        let open = record.state.status_at(now) == Status::Pending && matches!(record.judge, Judge::Redirect);
        let expected = inner.owner(&id, &private.comes_back()?);
        if !browser.iter().any(|name| inner.owner(&id, name) == expected) || !ours || !here || !open {
            return Err(ended());
        }
        let subject = private.subject()?;
        // A task of its own: a browser that hangs up must not take with it what is good once.
        let back = Back { id, record, returned, state, subject: subject.clone(), caller };
        let verifier = self.clone();
        tokio::spawn(async move { verifier.hear(back, now).await }.in_current_span()).await.map_err(|source| {
            Error::new(ErrorKind::Unavailable, "the return of a device broke off").with_source(source)
        })??;
        let page = match private.return_page {
            Some(page) => Some(format!("{page}&returned={}", inner.returned_text(&id))),
            None => inner.return_page.clone(),
        };
        Ok(Arrival { check: self.status_without_proof(&subject, id).await?, page })
    }

    /// Uses the state up, and has the vendor judge what came with it.
    async fn hear(&self, back: Back, now: SystemTime) -> Result<()> {
        let Back { id, record, returned, state, subject, caller } = back;
        let inner = &self.inner;
        if !inner.first_time("redirect state", &[state.as_bytes()], record.state.expires_at(), now).await? {
            return Err(ended());
        }
        self.limit_answer(&subject, caller, now).await?;
        // What goes wrong here is told in the status of the check: the browser has nothing to mend.
        let exchange = async |reserved: &Record| {
            same_message(&record, reserved)?;
            inner.exchange(&id, reserved, &returned).await
        };
        match self.attempt(id, record.owner, false, now, exchange).await {
            Ok(Answer::Verified(_) | Answer::Incorrect { .. }) => {}
            Err(error) => tracing::info!(check = %id, ?error, "redirect not settled"),
        }
        Ok(())
    }

    /// The check with which a browser came back to the page that its start had named.
    #[cfg(feature = "ui")]
    pub(crate) fn returned_check(&self, text: &str) -> Option<CheckId> {
        let id = text.split_once('.')?.0.parse().ok()?;
        bool::from(self.inner.returned_text(&id).as_bytes().ct_eq(text.as_bytes())).then_some(id)
    }
}

/// What a device came back with, and the check that it came back to.
struct Back {
    id: CheckId,
    record: Record,
    returned: Returned,
    state: String,
    subject: Subject,
    caller: Caller,
}

/// A device that came back.
pub(crate) struct Arrival {
    pub(crate) check: Check,
    /// Where it is sent on to.
    pub(crate) page: Option<String>,
}

impl Inner {
    /// What a browser comes back with, its state, and the check that the state names.
    pub(super) fn returned(&self, provider: &str, query: &str) -> Option<(Returned, String, CheckId)> {
        let url = self.url(&format!("redirect/{provider}?{query}"))?;
        let returned = Returned::Browser { url };
        let state = returned.parameter("state")?;
        let id = self.check_of_state(&state)?;
        Some((returned, state, id))
    }

    /// Names a check to the page that its browser is sent on to, which takes it from us alone.
    fn returned_text(&self, id: &CheckId) -> String {
        format!("{id}.{}", self.keys.of(id).text_name("returned check", &[id.as_bytes()]))
    }

    /// Has the vendor judge what the device of a check came back with.
    pub(super) async fn exchange(&self, id: &CheckId, record: &Record, returned: &Returned) -> Result<Verdict> {
        let private: Private = self.keys.of(id).open(id, &record.sealed)?;
        let (provider, handle) = self.current(&private)?;
        provider.redirect(handle, returned, self.clock.read().now).await
    }

    /// The provider and the handle of the message that is out.
    pub(super) fn current<'a>(&self, private: &'a Private) -> Result<(&dyn Provider, &'a crate::provider::Handle)> {
        let gone = || Error::new(ErrorKind::Unavailable, "the provider of this check is not configured any more");
        let name = private.current().ok_or_else(gone)?.provider.as_str();
        let provider = self.providers.get(name).ok_or_else(gone)?;
        Ok((provider.as_ref(), private.handle.as_ref().ok_or_else(gone)?))
    }
}
