//! The stores of this crate pass the suite for stores.
#![cfg(feature = "testing")]

#[cfg(feature = "redis")]
#[path = "common/redis.rs"]
#[expect(dead_code, clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "other tests use the rest")]
mod redis;

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt, ready};
use handset::{
    Result,
    store::{
        MemoryStore, Store,
        conformance::{Failure, Outage, Shelf, assert_conforms},
    },
};

#[tokio::test]
async fn the_store_in_memory_conforms() -> Result<(), Failure> {
    assert_conforms(|| async { Ok(Memory(Arc::default())) }).await
}

struct Memory(Arc<MemoryStore>);

impl Shelf for Memory {
    fn handle(&self) -> BoxFuture<'_, Result<Arc<dyn Store>>> {
        ready(Ok(Arc::clone(&self.0) as Arc<dyn Store>)).boxed()
    }

    fn take_down(&self) -> BoxFuture<'_, Result<Outage>> {
        ready(Ok(Outage::Impossible { reason: "it is in the memory of the process" })).boxed()
    }
}

#[cfg(feature = "redis")]
mod on_redis {
    use std::{sync::Mutex, time::Duration};

    use handset::{
        redis::{Redis, RedisConfig},
        store::RedisStore,
    };

    use super::*;

    #[tokio::test]
    async fn the_store_on_redis_conforms() -> Result<(), Failure> {
        assert_conforms(|| async { Ok(One(Mutex::new(redis::Server::start()))) }).await
    }

    struct One(Mutex<redis::Server>);

    impl Shelf for One {
        fn handle(&self) -> BoxFuture<'_, Result<Arc<dyn Store>>> {
            let url = self.0.lock().map(|server| server.url()).unwrap_or_default();
            async move {
                // What is slow on a busy machine is no outage.
                let config = RedisConfig::single(&url)?.deadline(Duration::from_secs(5));
                let redis = Redis::connect(config).await?;
                Ok(Arc::new(RedisStore::new(&redis)) as Arc<dyn Store>)
            }
            .boxed()
        }

        fn take_down(&self) -> BoxFuture<'_, Result<Outage>> {
            if let Ok(mut server) = self.0.lock() {
                server.kill();
            }
            ready(Ok(Outage::Down)).boxed()
        }
    }
}
