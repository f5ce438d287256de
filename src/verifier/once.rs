//! What counts once: a state, a vendor's word, the use of a proof.

use std::time::SystemTime;

use super::Inner;
use crate::error::Result;

impl Inner {
    /// Whether the name of something is seen for the first time, under every server key that is in use: what was seen under one that
    /// goes out of use is not new under the next one. It is remembered until `until`.
    pub(super) async fn first_time(
        &self,
        kind: &str,
        parts: &[&[u8]],
        until: SystemTime,
        now: SystemTime,
    ) -> Result<bool> {
        for keys in self.keys.all() {
            if !self.store.once(keys.name(kind, parts), until, now).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
