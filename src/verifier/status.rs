//! Looking at a check, moving it on, calling it off.

use std::time::{Duration, SystemTime};

use tracing::Instrument;

use super::{Caller, Check, Verified, Verifier, ended, private::Private};
use crate::{
    check::Status,
    error::{Error, ErrorKind, Result},
    ids::{CheckId, Subject},
    store::{Change, Judge, Record, Step},
};

impl Verifier {
    /// Where a check stands. The first look at a verified check gets the proof.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::CheckEnded`] when it is unknown, another subject's or expired: the same answer for all three.
    pub async fn status(&self, subject: &Subject, id: CheckId) -> Result<Check> {
        let now = self.inner.clock.read().now;
        let (record, _) = self.find(subject, id, now).await?;
        self.ask(id, &record, now).await;
        let (record, private) = self.find(subject, id, now).await?;
        let verified = self.take_proof(id, &record, now).await?;
        view(id, &record, private, verified, now)
    }

    /// The same without the proof, for a browser that only passes through.
    pub(crate) async fn status_without_proof(&self, subject: &Subject, id: CheckId) -> Result<Check> {
        let now = self.inner.clock.read().now;
        let (record, private) = self.find(subject, id, now).await?;
        view(id, &record, private, None, now)
    }

    /// The same, but waits up to `patience` for something to change while the check is pending.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status); a check that expires during the wait is shown as expired.
    pub async fn wait(&self, subject: &Subject, id: CheckId, patience: Duration) -> Result<Check> {
        match self.unchanged(subject, id, patience).await? {
            Some(check) => Ok(check),
            None => self.status(subject, id).await,
        }
    }

    /// The same, but a proof stays where it is.
    #[cfg(feature = "ui")]
    pub(crate) async fn wait_without_proof(&self, subject: &Subject, id: CheckId, patience: Duration) -> Result<Check> {
        match self.unchanged(subject, id, patience).await? {
            Some(check) => Ok(check),
            None => self.status_without_proof(subject, id).await,
        }
    }

    /// The check when it is pending, and nothing has changed within `patience`.
    async fn unchanged(&self, subject: &Subject, id: CheckId, patience: Duration) -> Result<Option<Check>> {
        let now = self.inner.clock.read().now;
        let (record, private) = self.find(subject, id, now).await?;
        let left = record.state.expires_at().duration_since(now).unwrap_or_default();
        if record.state.status_at(now) == Status::Pending {
            match tokio::time::timeout(patience.min(left), self.changed(id, record.clone())).await {
                Ok(changed) => changed?,
                Err(_) => return view(id, &record, private, None, self.inner.clock.read().now).map(Some),
            }
        }
        Ok(None)
    }

    /// Goes on to the next channel of the plan: the person did not get the message. Attempts, budgets and expiry stay as
    /// they are. A second call while the message is being ordered, or within a second of it, is the same click, and sends nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::CheckEnded`] as in [`status`](Self::status), [`ErrorKind::NoMoreChannels`] at the end of the plan, else
    /// as in [`start`](Self::start).
    pub async fn next(&self, subject: &Subject, id: CheckId, caller: Caller) -> Result<Check> {
        let now = self.inner.trusted_time()?;
        let (record, private) = self.find(subject, id, now).await?;
        // Without an attempt left a message is one that nobody can answer.
        if record.state.status_at(now) != Status::Pending || record.state.attempts_left() == 0 {
            return Err(ended());
        }
        let to = private.next_index();
        // Looked at first: after the click on the last channel, its repetition is no click too many.
        let is_moving = record.state.is_sending();
        let same_click =
            record.state.sent_at().is_none_or(|sent| is_moving || record.state.leg() > 0 && now < sent + DOUBLE_CLICK);
        if !same_click {
            if to >= private.routes.len() {
                return Err(Error::new(ErrorKind::NoMoreChannels, "every channel has been tried; start again later"));
            }
            self.trace_delivery(id, &private);
            let verifier = self.clone();
            // A task of its own, as for `start`.
            let task = tokio::spawn(
                async move { verifier.leave(id, &record, private, to, caller.ip, now).await }.in_current_span(),
            );
            task.await.map_err(|source| {
                Error::new(ErrorKind::Unavailable, "the next message broke off").with_source(source)
            })??;
        }
        self.status(subject, id).await
    }

    /// Calls a check off.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::CheckEnded`] when there is no open check of this id for this subject.
    pub async fn cancel(&self, subject: &Subject, id: CheckId) -> Result<()> {
        let now = self.inner.clock.read().now;
        self.find(subject, id, now).await?;
        let change = self.inner.store.advance(id, Step::Cancel, now).await?;
        self.inner.record_end(&id, &change, now);
        match change {
            Change::Made(_) => {
                tracing::info!(check = %id, "check cancelled");
                Ok(())
            }
            _ => Err(ended()),
        }
    }

    /// Waits until something changes that the subject can see. That an answer has come in is no such thing; what becomes of it
    /// is. A vendor that has to be asked is asked again and again.
    async fn changed(&self, id: CheckId, mut seen: Record) -> Result<()> {
        loop {
            self.ask(id, &seen, self.inner.clock.read().now).await;
            let changed = self.inner.store.changed(id, seen.state.version());
            match seen.judge {
                Judge::Poll => match tokio::time::timeout(Self::ASK_AGAIN, changed).await {
                    Ok(changed) => changed?,
                    Err(_) => continue,
                },
                _ => changed.await?,
            }
            let now = self.inner.clock.read().now;
            match self.inner.store.load(id, now).await? {
                Some(record)
                    if record.state.status_at(now) == Status::Pending
                        && record.state.in_flight() > seen.state.in_flight() =>
                {
                    seen = record;
                }
                _ => return Ok(()),
            }
        }
    }

    /// The record of a check that is `subject`'s and has not expired. Unknown, foreign and expired ones take the same work.
    async fn find(&self, subject: &Subject, id: CheckId, now: SystemTime) -> Result<(Record, Private)> {
        let inner = &self.inner;
        let owner = inner.owner(&id, subject);
        let found = inner
            .store
            .load(id, now)
            .await?
            .filter(|record| record.owner == owner && record.state.status_at(now) != Status::Expired);
        let (id, sealed) = match &found {
            Some(record) => (id, &record.sealed),
            None => (inner.decoy.0, &inner.decoy.1),
        };
        let private = inner.keys.of(&id).open(&id, sealed)?;
        found.map(|record| (record, private)).ok_or_else(ended)
    }

    /// The proof of a verified check that has not been handed out: once.
    async fn take_proof(&self, id: CheckId, record: &Record, now: SystemTime) -> Result<Option<Verified>> {
        let Some(settled_at) = record.state.settled_at() else { return Ok(None) };
        if record.state.status_at(now) != Status::Verified || record.state.is_proof_given() {
            return Ok(None);
        }
        let verified = self.inner.prove(id, record, settled_at, now)?;
        match self.inner.store.advance(id, Step::GiveProof, now).await? {
            Change::Made(_) => Ok(Some(verified)),
            _ => Ok(None),
        }
    }

    /// Asks the vendor, beside the request, what became of a message that a person says did not come.
    fn trace_delivery(&self, id: CheckId, private: &Private) {
        let Some(route) = private.current().filter(|_| !private.is_test) else { return };
        let (name, channel) = (route.provider.clone(), route.channel);
        let Some(handle) = private.handle.clone() else { return };
        let Some(provider) = self.inner.providers.get(name.as_str()).cloned() else { return };
        let ask = async move {
            match provider.poll(&handle).await {
                Ok(delivery) => {
                    tracing::info!(check = %id, provider = name, %channel, ?delivery, "message left behind")
                }
                Err(error) => tracing::debug!(check = %id, provider = name, %channel, ?error, "message left behind"),
            }
        };
        tokio::spawn(ask.in_current_span());
    }
}

/// A check as its subject sees it.
pub(super) fn view(
    id: CheckId,
    record: &Record,
    private: Private,
    verified: Option<Verified>,
    now: SystemTime,
) -> Result<Check> {
    let status = record.state.status_at(now);
    let route = private.current().cloned();
    let next = private.routes.get(private.next_index()..).unwrap_or_default();
    Ok(Check {
        id,
        status,
        action: private.action()?,
        channel: route.as_ref().map(|route| route.channel),
        provider: route.map(|route| route.provider),
        next_channels: match status {
            Status::Pending => next.iter().map(|route| route.channel).collect(),
            _ => Vec::new(),
        },
        prompt: private.prompt,
        comes_back: matches!(record.judge, Judge::Redirect),
        attempts_left: record.state.attempts_left(),
        expires_at: record.state.expires_at(),
        resend_after: record.state.sent_at().map(|sent| sent + private.resend_after),
        verified,
    })
}

/// Two clicks this close are one.
const DOUBLE_CLICK: Duration = Duration::from_secs(1);
