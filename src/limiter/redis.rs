//! The limiter of many processes: the same GCRA as a script.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use ::redis::Script;
use futures_util::future::{BoxFuture, FutureExt};

use super::{Admission, Limiter, Take};
use crate::{
    check::micros,
    error::Result,
    redis::{Redis, Reply, unexpected},
};

/// Counts in Redis or Valkey, for all processes that share it, the server key and the prefix.
///
/// On one server the limits of a request are one round trip; on a cluster there is one for each, since their keys are in slots of
/// their own. Times are whole microseconds, and an interval that is none is rounded up.
#[derive(Clone)]
pub struct RedisLimiter {
    redis: Redis,
    script: Arc<Script>,
}

impl RedisLimiter {
    /// A limiter at the end of this connection.
    #[must_use]
    pub fn new(redis: &Redis) -> Self {
        Self { redis: redis.clone(), script: Arc::new(Script::new(include_str!("redis/gcra.lua"))) }
    }

    /// What one round trip can take; `before` it others have granted.
    async fn take(&self, takes: &[Take<'_>], before: usize, now: SystemTime) -> Result<Admission> {
        let mut args = vec![micros(now).to_string().into_bytes()];
        for Take { limit, .. } in takes {
            let count = limit.quota.count().get();
            let interval = (limit.quota.per() / count).as_nanos().div_ceil(1000);
            args.extend([interval.to_string().into_bytes(), count.to_string().into_bytes()]);
        }
        let keys: Vec<_> = takes.iter().map(|take| self.key(take)).collect();
        let Reply::List(parts) = self.redis.call(&self.script, &keys, &args).await? else { return Err(unexpected()) };
        match parts.as_slice() {
            [Reply::Number(0)] => Ok(Admission::Granted),
            [Reply::Number(place @ 1..), wait] => {
                let place = usize::try_from(place - 1).map_err(|_| unexpected())?;
                Ok(Admission::Refused { place: before + place, retry_after: Duration::from_micros(wait.number()?) })
            }
            _ => Err(unexpected()),
        }
    }

    /// A limit whose quota changes begins to count anew.
    fn key(&self, take: &Take<'_>) -> Vec<u8> {
        let name = u128::from_be_bytes(*take.key.as_bytes());
        format!("{}limit:{{{name:032x}}}:{}", self.redis.prefix(), take.limit.quota).into_bytes()
    }
}

impl Limiter for RedisLimiter {
    fn check<'a>(&'a self, takes: &'a [Take<'a>], now: SystemTime) -> BoxFuture<'a, Result<Admission>> {
        async move {
            if !self.redis.is_cluster() {
                return self.take(takes, 0, now).await;
            }
            for (before, take) in takes.iter().enumerate() {
                let admission = self.take(std::slice::from_ref(take), before, now).await?;
                if admission != Admission::Granted {
                    return Ok(admission);
                }
            }
            Ok(Admission::Granted)
        }
        .boxed()
    }

    /// Redis ends its keys by itself.
    fn sweep(&self, _: SystemTime) {}
}

impl fmt::Debug for RedisLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLimiter").field("redis", &self.redis).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
