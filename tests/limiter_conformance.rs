//! The limiters of this crate pass the suite for limiters, and the suite finds what another one does wrong.
#![cfg(feature = "testing")]

#[cfg(feature = "redis")]
#[path = "common/redis.rs"]
#[expect(dead_code, clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "other tests use the rest")]
mod redis;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use futures_util::future::{BoxFuture, FutureExt, ready};
use handset::{
    Error, ErrorKind, Result,
    limiter::{
        Admission, Limiter, LocalLimiter, Take,
        conformance::{Failure, Outage, Shelf, assert_conforms},
    },
};

#[tokio::test]
async fn the_limiter_of_one_process_conforms() -> Result<(), Failure> {
    assert_conforms(|| async { Ok(Local(Arc::default())) }).await
}

struct Local(Arc<LocalLimiter>);

impl Shelf for Local {
    fn handle(&self) -> BoxFuture<'_, Result<Arc<dyn Limiter>>> {
        ready(Ok(Arc::clone(&self.0) as Arc<dyn Limiter>)).boxed()
    }

    fn take_down(&self) -> BoxFuture<'_, Result<Outage>> {
        ready(Ok(Outage::Impossible { reason: "it is in the memory of the process" })).boxed()
    }
}

#[cfg(feature = "redis")]
mod on_redis {
    use std::{sync::Mutex, time::Duration};

    use handset::{
        limiter::RedisLimiter,
        redis::{Redis, RedisConfig},
    };

    use super::*;

    #[tokio::test]
    async fn the_limiter_on_redis_conforms() -> Result<(), Failure> {
        assert_conforms(|| async { Ok(One(Mutex::new(redis::Server::start()))) }).await
    }

    struct One(Mutex<redis::Server>);

    impl Shelf for One {
        fn handle(&self) -> BoxFuture<'_, Result<Arc<dyn Limiter>>> {
            let url = self.0.lock().map(|server| server.url()).unwrap_or_default();
            async move {
                // What is slow on a busy machine is no outage.
                let config = RedisConfig::single(&url)?.deadline(Duration::from_secs(5));
                let redis = Redis::connect(config).await?;
                Ok(Arc::new(RedisLimiter::new(&redis)) as Arc<dyn Limiter>)
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

#[tokio::test]
async fn the_suite_finds_what_a_limiter_does_wrong() {
    for (fault, cases) in FAULTS {
        let ended = assert_conforms(|| async { Ok(Careless::new(*fault)) }).await;
        let failure = ended.err().map(|failure| failure.to_string()).unwrap_or_default();
        let found: Vec<_> = failure.lines().filter_map(|line| line.split(':').next()).collect();
        assert_eq!(found, *cases, "{fault:?}\n{failure}");
    }
}

/// What a limiter does wrong, and the cases that fail for it.
const FAULTS: &[(Fault, &[&str])] = &[
    (Fault::LetsAllThrough, &[BURST, NOTHING, APART, SEVERAL, RACES, BACK, STORY]),
    (Fault::AsksTheFirstOnly, &[SEVERAL]),
    (Fault::TellsTheWrongPlace, &[BURST, NOTHING, APART, SEVERAL, STORY]),
    (Fault::RoundsTheWait, &[BURST, NOTHING, APART, SEVERAL, STORY]),
    (Fault::CountsInEachHandle, &[RACES]),
    (Fault::OpenWhenDown, &[OUTAGE]),
    (Fault::AnotherKindWhenDown, &[OUTAGE]),
    (Fault::NoReason, &[OUTAGE]),
];

const BURST: &str = "a_burst_and_then_one_each_interval";
const NOTHING: &str = "a_refusal_takes_nothing";
const APART: &str = "keys_and_limits_are_apart";
const SEVERAL: &str = "of_several_limits_the_first_that_refuses_is_told";
const RACES: &str = "racing_requests_get_the_quota_and_no_more";
const BACK: &str = "time_that_runs_back_gives_nothing_back";
const STORY: &str = "whatever_comes_it_counts_as_the_algorithm_does";
const OUTAGE: &str = "a_limiter_that_fails_is_unavailable";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    LetsAllThrough,
    AsksTheFirstOnly,
    TellsTheWrongPlace,
    RoundsTheWait,
    CountsInEachHandle,
    OpenWhenDown,
    AnotherKindWhenDown,
    NoReason,
}

#[derive(Clone, Debug)]
struct Careless {
    fault: Fault,
    limiter: Arc<LocalLimiter>,
    down: Arc<AtomicBool>,
}

impl Careless {
    fn new(fault: Fault) -> Self {
        Self { fault, limiter: Arc::default(), down: Arc::default() }
    }

    async fn careless(&self, takes: &[Take<'_>], now: SystemTime) -> Result<Admission> {
        if self.down.load(Ordering::SeqCst) && self.fault != Fault::NoReason {
            return match self.fault {
                Fault::OpenWhenDown => Ok(Admission::Granted),
                Fault::AnotherKindWhenDown => Err(Error::new(ErrorKind::Misconfigured, "the server is gone")),
                _ => Err(Error::new(ErrorKind::Unavailable, "the server is gone")),
            };
        }
        let asked = match self.fault {
            Fault::AsksTheFirstOnly => takes.get(..1).unwrap_or(takes),
            _ => takes,
        };
        let admission = self.limiter.check(asked, now).await?;
        let Admission::Refused { place, retry_after } = admission else { return Ok(admission) };
        Ok(match self.fault {
            Fault::LetsAllThrough => Admission::Granted,
            Fault::TellsTheWrongPlace => Admission::Refused { place: place + 1, retry_after },
            Fault::RoundsTheWait => {
                Admission::Refused { place, retry_after: Duration::from_secs(retry_after.as_secs() + 1) }
            }
            _ => admission,
        })
    }
}

impl Limiter for Careless {
    fn check<'a>(&'a self, takes: &'a [Take<'a>], now: SystemTime) -> BoxFuture<'a, Result<Admission>> {
        self.careless(takes, now).boxed()
    }

    fn sweep(&self, now: SystemTime) {
        self.limiter.sweep(now);
    }
}

impl Shelf for Careless {
    fn handle(&self) -> BoxFuture<'_, Result<Arc<dyn Limiter>>> {
        let mut handle = self.clone();
        if self.fault == Fault::CountsInEachHandle {
            handle.limiter = Arc::default();
        }
        ready(Ok(Arc::new(handle) as Arc<dyn Limiter>)).boxed()
    }

    fn take_down(&self) -> BoxFuture<'_, Result<Outage>> {
        self.down.store(true, Ordering::SeqCst);
        let outage = if self.fault == Fault::NoReason { Outage::Impossible { reason: " " } } else { Outage::Down };
        ready(Ok(outage)).boxed()
    }
}
