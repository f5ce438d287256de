//! May this number, subject, network or prefix go on?

mod key;
mod local;

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use futures_util::future::BoxFuture;

use crate::{error::Result, policy::Limit};

pub(crate) use key::LimitFacts;
pub use key::LimitKey;
pub use local::LocalLimiter;

/// Counts requests against the policy's limits.
///
/// A quota of `count` per `period` is a GCRA: `count` at once, then one more each `period / count`. A limiter that cannot be
/// reached, or that has no room for another key, answers with [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable).
pub trait Limiter: fmt::Debug + Send + Sync + 'static {
    /// Takes one from the quota of `limit` for `key`.
    fn check<'a>(&'a self, limit: &'a Limit, key: LimitKey, now: SystemTime) -> BoxFuture<'a, Result<Admission>>;

    /// Drops the keys whose quota is whole again. Called in the background, off the way of requests.
    fn sweep(&self, now: SystemTime);
}

/// What a limiter says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a request is let through or it is not")]
pub enum Admission {
    /// Go on.
    Granted,
    /// Come back later.
    Refused {
        /// The earliest time at which one more fits.
        retry_after: Duration,
    },
}
