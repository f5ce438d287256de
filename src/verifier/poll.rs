//! Asking a vendor that has decided.

use std::time::{Duration, SystemTime};

use super::{Inner, Verifier, private::Private};
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
        let verdict = match inner.poll(&id, record).await {
            Ok(Verdict::Pending) => return,
            Ok(verdict) => verdict,
            Err(error) => {
                tracing::info!(check = %id, ?error, "the vendor could not be asked");
                return;
            }
        };
        if let Err(error) = self.attempt(id, record.owner, false, now, async |_| Ok(verdict)).await {
            tracing::info!(check = %id, ?error, "the vendor's answer was not settled");
        }
    }

    /// How long to wait between two looks at a check whose vendor has to be asked.
    pub(super) const ASK_AGAIN: Duration = Duration::from_millis(1100);
}

impl Inner {
    async fn poll(&self, id: &CheckId, record: &Record) -> Result<Verdict> {
        let private: Private = self.keys.open(id, &record.sealed)?;
        let (provider, handle) = self.current(&private)?;
        Ok(provider.poll(handle).await?.verdict)
    }
}
