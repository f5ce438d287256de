//! May this number, subject, network or prefix go on?

#[cfg(feature = "testing")]
pub mod conformance;
mod key;
mod local;
#[cfg(feature = "redis")]
mod redis;

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use futures_util::future::BoxFuture;

use crate::{error::Result, policy::Limit};

#[cfg(feature = "redis")]
pub use self::redis::RedisLimiter;
pub(crate) use key::LimitFacts;
pub use key::LimitKey;
pub use local::LocalLimiter;

/// Counts requests against the policy's limits.
///
/// A quota of `count` per `period` is a GCRA: `count` at once, then one more each `period / count`. A limiter that cannot be
/// reached, or that has no room for another key, answers with [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable). Hold yours
/// to the suite in `limiter::conformance` (feature `testing`).
pub trait Limiter: fmt::Debug + Send + Sync + 'static {
    /// Takes one from each of these, in this order, until one refuses. What was taken before that stays taken: who is over one limit
    /// goes on to count against those before it.
    fn check<'a>(&'a self, takes: &'a [Take<'a>], now: SystemTime) -> BoxFuture<'a, Result<Admission>>;

    /// Drops the keys whose quota is whole again. Called in the background, off the way of requests.
    fn sweep(&self, now: SystemTime);
}

/// One request against one limit.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Take<'a> {
    /// The limit.
    pub limit: &'a Limit,
    /// What it counts by, in this request.
    pub key: LimitKey,
}

impl<'a> Take<'a> {
    /// One of `limit`, for `key`.
    #[must_use]
    pub fn new(limit: &'a Limit, key: LimitKey) -> Self {
        Self { limit, key }
    }
}

/// What a limiter says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a request is let through or it is not")]
pub enum Admission {
    /// Go on.
    Granted,
    /// Come back later.
    Refused {
        /// Which of them refuses, counted from 0.
        place: usize,
        /// The earliest time at which one more fits.
        retry_after: Duration,
    },
}
