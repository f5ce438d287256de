//! Asking a vendor that has decided.

use std::time::{Duration, SystemTime};

use tracing::Instrument;

use super::{Inner, Verifier, answer::same_message, private::Private};
use crate::{
    check::Status,
    error::Result,
    ids::CheckId,
    provider::Verdict,
    store::{Judge, Record},
};

impl Verifier {
    /// Asks the vendor of a pending check that is settled by asking, at most once in a second. What goes wrong leaves the
    /// check pending.
    pub(super) async fn ask(&self, id: CheckId, record: &Record, now: SystemTime) {
        let inner = &self.inner;
        let waits = matches!(record.judge, Judge::Poll) && record.state.status_at(now) == Status::Pending;
        if !waits || !inner.polls.entry(id).or_insert(()).is_fresh() {
            return;
        }
        // A task of its own: a client that stops waiting must not take with it what the vendor says only once.
        let (verifier, record) = (self.clone(), record.clone());
        let task = tokio::spawn(async move { verifier.settle(id, &record, now).await }.in_current_span());
        if let Err(error) = task.await {
            tracing::error!(check = %id, %error, "asking the vendor broke off");
        }
    }

    async fn settle(&self, id: CheckId, record: &Record, now: SystemTime) {
        let verdict = match self.inner.poll(&id, record, now).await {
            Ok(Verdict::Pending) => return,
            Ok(verdict) => verdict,
            Err(error) => {
                tracing::info!(check = %id, ?error, "the vendor could not be asked");
                return;
            }
        };
        // Meanwhile the client may have gone on to another message, about which this says nothing.
        let settle = async |reserved: &Record| same_message(record, reserved).map(|()| verdict);
        if let Err(error) = self.attempt(id, record.owner, false, now, settle).await {
            tracing::info!(check = %id, ?error, "the vendor's answer was not settled");
        }
    }

    /// How long to wait between two looks at a check whose vendor has to be asked.
    pub(super) const ASK_AGAIN: Duration = Duration::from_millis(1100);
}

impl Inner {
    async fn poll(&self, id: &CheckId, record: &Record, now: SystemTime) -> Result<Verdict> {
        let private: Private = self.keys.of(id).open(id, &record.sealed)?;
        let (provider, handle) = self.current(&private)?;
        let verdict = provider.poll(handle).await?.verdict;
        match self.is_news(provider.name(), handle.as_str(), verdict, record, now).await? {
            true => Ok(verdict),
            false => Ok(Verdict::Pending),
        }
    }

    /// Whether a verdict on an order has not counted before, told by the vendor or asked for. A vendor goes on to say that an
    /// order failed for as long as it is asked, and that costs one attempt. A match needs no memory: it ends the check.
    pub(super) async fn is_news(
        &self,
        provider: &str,
        order: &str,
        verdict: Verdict,
        record: &Record,
        now: SystemTime,
    ) -> Result<bool> {
        if verdict != Verdict::NoMatch {
            return Ok(true);
        }
        self.first_time("verdict", &[provider.as_bytes(), order.as_bytes()], record.state.expires_at(), now).await
    }
}
