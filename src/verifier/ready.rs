//! Whether everything that a check needs is there.

use super::Verifier;
use crate::{
    error::Result,
    ids::CheckId,
    limiter::{LimitKey, Take},
};

impl Verifier {
    /// Asks the store and the limiter for something small: for a load balancer that wants to know whether to send requests here. Vendors
    /// are not asked. It waits as long as they do, so put a time limit on it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) when one does not answer, or when the clock went back.
    pub async fn ready(&self) -> Result<()> {
        let inner = &self.inner;
        let now = inner.trusted_time()?;
        inner.store.load(CheckId::random()?, now).await?;
        if let Some(limit) = inner.policy.load_full().limits().first() {
            // That it is over its limit is an answer.
            inner.limiter.check(&[Take::new(limit, LimitKey::probe(inner.keys.current()))], now).await?;
        }
        Ok(())
    }
}
