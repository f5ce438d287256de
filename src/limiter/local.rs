//! The limiter of one process: governor's GCRA on a store that is capped and fails closed.

#[cfg(test)]
mod races;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use dashmap::DashMap;
use futures_util::future::{BoxFuture, FutureExt, ready};
use governor::{
    Quota as GovernorQuota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{StateStore, keyed::ShrinkableKeyedStateStore},
};

use super::{Admission, LimitKey, Limiter, Take};
use crate::{
    capped::Capped,
    error::{Error, ErrorKind, Result},
    ids::RuleName,
    policy::{Limit, Quota},
};

/// Counts in this process only.
///
/// It holds a bounded number of keys. When it is full, keys that it knows go on and requests with new keys are refused; it
/// forgets a key only when its quota is whole again.
///
/// ```
/// use handset::limiter::LocalLimiter;
///
/// let small = LocalLimiter::with_capacity(10_000);
/// # let _ = small;
/// ```
pub struct LocalLimiter {
    limits: DashMap<(RuleName, Quota), Keyed>,
    now: Now,
    capacity: usize,
}

/// One governor limiter for each limit of the policy.
type Keyed = Arc<RateLimiter<LimitKey, Times, Now, NoOpMiddleware<Nanos>>>;

impl LocalLimiter {
    /// A limiter that holds at most `keys` keys for each limit.
    #[must_use]
    pub fn with_capacity(keys: usize) -> Self {
        Self { limits: DashMap::new(), now: Now::default(), capacity: keys }
    }

    /// How many keys it holds for each limit when nothing else is said.
    pub const DEFAULT_CAPACITY: usize = 1_000_000;

    fn limiter(&self, limit: &Limit) -> Result<Keyed> {
        let name = (limit.name.clone(), limit.quota);
        if let Some(known) = self.limits.get(&name) {
            return Ok(Arc::clone(&known));
        }
        let period = limit.quota.per() / limit.quota.count().get();
        let quota = GovernorQuota::with_period(period)
            .ok_or_else(|| {
                Error::new(ErrorKind::Misconfigured, format!("the quota of limit `{}` is too fine", limit.name))
            })?
            .allow_burst(limit.quota.count());
        let made = || Arc::new(RateLimiter::new(quota, Times::new(self.capacity), self.now.clone()));
        Ok(Arc::clone(&self.limits.entry(name).or_insert_with(made)))
    }

    fn check_now(&self, takes: &[Take<'_>], now: SystemTime) -> Result<Admission> {
        self.now.show(now);
        for (place, take) in takes.iter().enumerate() {
            let limiter = self.limiter(take.limit)?;
            let Err(not_until) = limiter.check_key(&take.key) else { continue };
            let retry_after = not_until.wait_time_from(self.now.now());
            if retry_after > take.limit.quota.per() {
                // No quota asks for more than its whole period: this is the answer of a store without room.
                let full = "the limiter is full; nothing was forgotten to make room";
                return Err(Error::new(ErrorKind::Unavailable, full));
            }
            return Ok(Admission::Refused { place, retry_after });
        }
        Ok(Admission::Granted)
    }
}

impl Default for LocalLimiter {
    fn default() -> Self {
        Self::with_capacity(Self::DEFAULT_CAPACITY)
    }
}

impl Limiter for LocalLimiter {
    fn check<'a>(&'a self, takes: &'a [Take<'a>], now: SystemTime) -> BoxFuture<'a, Result<Admission>> {
        ready(self.check_now(takes, now)).boxed()
    }

    fn sweep(&self, now: SystemTime) {
        self.now.show(now);
        // Collected first, so that the map of limiters is not locked while their keys are gone through.
        let limiters: Vec<Keyed> = self.limits.iter().map(|limiter| Arc::clone(limiter.value())).collect();
        limiters.iter().for_each(|limiter| limiter.retain_recent());
    }
}

impl fmt::Debug for LocalLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: usize = self.limits.iter().map(|limiter| limiter.len()).sum();
        f.debug_struct("LocalLimiter").field("limits", &self.limits.len()).field("keys", &keys).finish_non_exhaustive()
    }
}

/// When each key is whole again: governor's state, in a map that is capped.
struct Times(Capped<LimitKey, Nanos>);

impl Times {
    fn new(capacity: usize) -> Self {
        Self(Capped::new(capacity))
    }

    /// What a key without room is said to wait for: about 290 years after the limiter was made. Half of what fits, so that
    /// governor's sums do not run over.
    const NO_ROOM: u64 = u64::MAX / 2;
}

impl StateStore for Times {
    type Key = LimitKey;

    fn measure_and_replace<T, F, E>(&self, key: &LimitKey, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let measure = |slot: &mut Option<Nanos>| {
            f(*slot).map(|(answer, next)| {
                *slot = Some(next);
                answer
            })
        };
        // The only error that this can end with is governor's own, so a lack of room is told as a very long wait.
        self.0.update(*key, measure).unwrap_or_else(|_| f(Some(Self::NO_ROOM.into())).map(|(answer, _)| answer))
    }
}

impl ShrinkableKeyedStateStore<LimitKey> for Times {
    fn retain_recent(&self, drop_below: Nanos) {
        self.0.sweep(|whole_at| *whole_at <= drop_below);
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn is_empty(&self) -> bool {
        self.0.len() == 0
    }
}

/// Governor's clock: the latest time that a caller has shown, so that time is an argument and never runs back.
#[derive(Clone, Default)]
struct Now(Arc<AtomicU64>);

impl Now {
    fn show(&self, now: SystemTime) {
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.0.fetch_max(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX / 4), Ordering::Relaxed);
    }
}

impl Clock for Now {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.load(Ordering::Relaxed).into()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        check::{Keys, ServerKey},
        ids::Subject,
        limiter::LimitFacts,
        policy::{KeyPart, On},
    };

    struct Bench {
        limiter: LocalLimiter,
        limit: Limit,
        keys: Keys,
        now: SystemTime,
    }

    impl Bench {
        fn new(quota: &str, capacity: usize) -> Self {
            Self {
                limiter: LocalLimiter::with_capacity(capacity),
                limit: Limit::new("test", On::Start, vec![KeyPart::Subject], quota.parse().unwrap()),
                keys: Keys::derive(&ServerKey::random().unwrap()),
                now: SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000),
            }
        }

        fn ask(&self, who: &str) -> Result<Admission> {
            let subject = Subject::new(who).unwrap();
            let facts = LimitFacts { subject: Some(&subject), ..LimitFacts::default() };
            let key = LimitKey::of(&self.keys, &self.limit, &facts).unwrap();
            self.limiter.check_now(&[Take::new(&self.limit, key)], self.now)
        }
    }

    #[test]
    fn a_refusal_says_exactly_when_to_come_back() {
        let mut bench = Bench::new("3/1m", 10);
        for _ in 0..3 {
            assert_eq!(bench.ask("a").unwrap(), Admission::Granted);
        }
        let Admission::Refused { retry_after, .. } = bench.ask("a").unwrap() else { panic!("over the quota") };
        assert_eq!(retry_after, Duration::from_secs(20));
        assert_eq!(bench.ask("b").unwrap(), Admission::Granted, "another key");

        bench.now += retry_after - Duration::from_millis(1);
        assert!(matches!(bench.ask("a").unwrap(), Admission::Refused { .. }));
        bench.now += Duration::from_millis(1);
        assert_eq!(bench.ask("a").unwrap(), Admission::Granted);
    }

    #[test]
    fn a_full_limiter_refuses_new_keys_until_the_sweep_finds_old_ones_whole() {
        let mut bench = Bench::new("2/1m", 2);
        bench.ask("a").unwrap();
        bench.ask("b").unwrap();
        assert_eq!(bench.ask("c").unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(bench.ask("a").unwrap(), Admission::Granted);

        bench.limiter.sweep(bench.now);
        assert!(bench.ask("c").is_err(), "nothing is whole yet");
        bench.now += Duration::from_secs(120);
        bench.limiter.sweep(bench.now);
        assert_eq!(bench.ask("c").unwrap(), Admission::Granted);
    }

    #[test]
    fn time_that_runs_back_gives_nothing_back() {
        let mut bench = Bench::new("1/1h", 10);
        bench.ask("a").unwrap();
        bench.now -= Duration::from_secs(7200);
        assert!(matches!(bench.ask("a").unwrap(), Admission::Refused { .. }));
    }

    #[test]
    fn racing_requests_get_the_quota_and_no_more() {
        let bench = Bench::new("10/1h", 10);
        let granted: usize = std::thread::scope(|scope| {
            let ask = || (0..100).filter(|_| bench.ask("a").unwrap() == Admission::Granted).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(granted, 10);
    }

    proptest! {
        /// Governor over our store is the plain GCRA: theoretical arrival times, a burst of `count`, one more each interval.
        #[test]
        fn it_is_the_pure_model(count in 1_u32..6, gaps in proptest::collection::vec(0_u64..40_000, 1..80)) {
            let mut bench = Bench::new(&format!("{count}/1m"), 10);
            let interval = 60_000 / u64::from(count);
            let tolerance = interval * u64::from(count - 1);
            let (mut now, mut arrival) = (0_u64, 0_u64);
            for gap in gaps {
                now += gap;
                bench.now += Duration::from_millis(gap);
                let earliest = arrival.saturating_sub(tolerance);
                let expected = if now < earliest {
                    Admission::Refused { place: 0, retry_after: Duration::from_millis(earliest - now) }
                } else {
                    arrival = arrival.max(now) + interval;
                    Admission::Granted
                };
                prop_assert_eq!(bench.ask("a").unwrap(), expected);
            }
        }
    }
}
