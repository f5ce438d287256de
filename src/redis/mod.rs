//! The connection to Redis or Valkey that the store and the limiter of several processes share.
//!
//! One server, one behind Sentinel, or a cluster. Whatever fails, is slow or is not there becomes
//! [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) within the [deadline](RedisConfig::deadline), and the next call connects
//! again. `docs/redis.md` has the keys, and what an outage or a fail-over does.
//!
//! ```no_run
//! use handset::{Secret, limiter::RedisLimiter, redis::{Redis, RedisConfig}, store::RedisStore};
//!
//! # async fn run() -> handset::Result<()> {
//! let config = RedisConfig::single("rediss://redis.example.com:6380")?.user("handset", Secret::new("from a file"));
//! let redis = Redis::connect(config).await?;
//! let (store, limiter) = (RedisStore::new(&redis), RedisLimiter::new(&redis));
//! // Verifier::builder().. .store(store).limiter(limiter).server_key(the same in every process)
//! # drop((store, limiter));
//! # Ok(()) }
//! ```

mod client;
mod config;
mod reply;

pub use client::Redis;
pub use config::RedisConfig;

pub(crate) use reply::{Reply, unexpected};
