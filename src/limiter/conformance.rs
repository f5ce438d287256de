//! The suite that every [`Limiter`] passes.
//!
//! Whoever writes a limiter implements [`Shelf`] in a test, and the test is one line. No case can be skipped: a limiter that cannot fail
//! says so with its reason.
//!
//! ```
//! use std::sync::Arc;
//!
//! use futures_util::future::{BoxFuture, FutureExt, ready};
//! use handset::{Result, limiter::{Limiter, LocalLimiter}};
//! use handset::limiter::conformance::{self, Failure, Outage, Shelf};
//!
//! struct Mine(Arc<LocalLimiter>);
//!
//! impl Shelf for Mine {
//!     fn handle(&self) -> BoxFuture<'_, Result<Arc<dyn Limiter>>> {
//!         ready(Ok(self.0.clone() as Arc<dyn Limiter>)).boxed()
//!     }
//!     fn take_down(&self) -> BoxFuture<'_, Result<Outage>> {
//!         ready(Ok(Outage::Impossible { reason: "it is in the memory of the process" })).boxed()
//!     }
//! }
//!
//! # #[tokio::main] async fn main() -> Result<(), Failure> {
//! conformance::assert_conforms(|| async { Ok(Mine(Arc::default())) }).await
//! # }
//! ```

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::future::{BoxFuture, FutureExt, join_all};

use super::{Admission, LimitFacts, LimitKey, Limiter, Take};
use crate::{
    check::{Keys, ServerKey},
    conformance::{ensure, is_unavailable, run_all},
    error::Result as OurResult,
    ids::Subject,
    policy::{KeyPart, Limit, On},
};

pub use crate::conformance::{Failure, Outage};

/// A place where nothing has been counted.
pub trait Shelf: Send + Sync {
    /// The limiter, as another process would open it: what one handle takes, the next one lacks.
    fn handle(&self) -> BoxFuture<'_, OurResult<Arc<dyn Limiter>>>;

    /// Makes it fail, for handles that are open as well: end its process.
    fn take_down(&self) -> BoxFuture<'_, OurResult<Outage>>;
}

/// Runs every case, each at an empty place of its own that `open` makes.
///
/// # Errors
///
/// [`Failure`] with a line for each case that failed.
pub async fn assert_conforms<S, F>(open: impl Fn() -> F) -> Result<(), Failure>
where
    S: Shelf,
    F: Future<Output = OurResult<S>>,
{
    run_all(CASES, async |case| {
        let shelf = open().await?;
        let (limiter, keys) = (shelf.handle().await?, Keys::derive(&ServerKey::random()?));
        case(&Stage { shelf: &shelf, limiter, keys }).await
    })
    .await
}

struct Stage<'a> {
    shelf: &'a dyn Shelf,
    limiter: Arc<dyn Limiter>,
    keys: Keys,
}

impl Stage<'_> {
    /// What one subject takes from a limit.
    fn take<'a>(&self, limit: &'a Limit, who: &str) -> OurResult<Take<'a>> {
        let subject = Subject::new(who)?;
        let facts = LimitFacts { subject: Some(&subject), ..LimitFacts::default() };
        let key = LimitKey::of(&self.keys, limit, &facts).unwrap_or_else(|| LimitKey::probe(&self.keys));
        Ok(Take::new(limit, key))
    }

    async fn ask(&self, limit: &Limit, who: &str, now: SystemTime) -> OurResult<Admission> {
        self.limiter.check(&[self.take(limit, who)?], now).await
    }

    async fn granted(&self, limit: &Limit, who: &str, now: SystemTime) -> Result<(), Failure> {
        let admission = self.ask(limit, who, now).await?;
        ensure(admission == Admission::Granted, || format!("{} for `{who}` ended as {admission:?}", limit.quota))
    }

    async fn refused(&self, limit: &Limit, who: &str, now: SystemTime, millis: u64) -> Result<(), Failure> {
        let admission = self.ask(limit, who, now).await?;
        let expected = Admission::Refused { place: 0, retry_after: Duration::from_millis(millis) };
        ensure(admission == expected, || format!("{} ended as {admission:?} and not as {expected:?}", limit.quota))
    }
}

type Case = for<'a> fn(&'a Stage<'a>) -> BoxFuture<'a, Result<(), Failure>>;

const CASES: &[(&str, Case)] = &[
    ("a_burst_and_then_one_each_interval", |stage| burst(stage).boxed()),
    ("a_refusal_takes_nothing", |stage| takes_nothing(stage).boxed()),
    ("keys_and_limits_are_apart", |stage| apart(stage).boxed()),
    ("of_several_limits_the_first_that_refuses_is_told", |stage| several(stage).boxed()),
    ("racing_requests_get_the_quota_and_no_more", |stage| races(stage).boxed()),
    ("time_that_runs_back_gives_nothing_back", |stage| back(stage).boxed()),
    ("whatever_comes_it_counts_as_the_algorithm_does", |stage| story(stage).boxed()),
    ("a_limiter_that_fails_is_unavailable", |stage| outage(stage).boxed()),
];

async fn burst(stage: &Stage<'_>) -> Result<(), Failure> {
    let limit = limit("test", "3/1m")?;
    for _ in 0..3 {
        stage.granted(&limit, "ada", at(0)).await?;
    }
    stage.refused(&limit, "ada", at(0), 20_000).await?;
    stage.refused(&limit, "ada", at(19_999), 1).await?;
    stage.granted(&limit, "ada", at(20_000)).await?;
    stage.refused(&limit, "ada", at(20_000), 20_000).await?;
    for _ in 0..3 {
        stage.granted(&limit, "ada", at(100_000)).await?;
    }
    stage.refused(&limit, "ada", at(100_000), 20_000).await
}

async fn takes_nothing(stage: &Stage<'_>) -> Result<(), Failure> {
    let limit = limit("test", "1/1m")?;
    stage.granted(&limit, "ada", at(0)).await?;
    for second in 0..60 {
        stage.refused(&limit, "ada", at(1000 * second), 1000 * (60 - second)).await?;
    }
    stage.granted(&limit, "ada", at(60_000)).await
}

async fn apart(stage: &Stage<'_>) -> Result<(), Failure> {
    let (one, other) = (limit("one", "1/1m")?, limit("other", "1/1m")?);
    for limit in [&one, &other] {
        for who in ["ada", "grace"] {
            stage.granted(limit, who, at(0)).await?;
        }
    }
    stage.refused(&one, "ada", at(0), 60_000).await
}

async fn several(stage: &Stage<'_>) -> Result<(), Failure> {
    let limits = [limit("wide", "3/1m")?, limit("narrow", "1/1m")?, limit("last", "1/1m")?];
    let takes = limits.iter().map(|limit| stage.take(limit, "ada")).collect::<OurResult<Vec<_>>>()?;
    let first = stage.limiter.check(&takes, at(0)).await?;
    ensure(first == Admission::Granted, || format!("three limits with room ended as {first:?}"))?;
    let second = stage.limiter.check(&takes, at(0)).await?;
    let expected = Admission::Refused { place: 1, retry_after: Duration::from_secs(60) };
    ensure(second == expected, || format!("the second of three limits was spent: {second:?}, not {expected:?}"))?;
    // What stands before the one that refuses was taken, what stands after it was not.
    let [wide, _, last] = &limits;
    stage.granted(wide, "ada", at(0)).await?;
    stage.refused(wide, "ada", at(0), 20_000).await?;
    stage.refused(last, "ada", at(0), 60_000).await?;
    let nothing = stage.limiter.check(&[], at(0)).await?;
    ensure(nothing == Admission::Granted, || format!("no limit at all ended as {nothing:?}"))
}

async fn races(stage: &Stage<'_>) -> Result<(), Failure> {
    let limit = limit("test", "10/1h")?;
    let handles = join_all((0..64).map(|_| stage.shelf.handle())).await.into_iter().collect::<OurResult<Vec<_>>>()?;
    let takes = [stage.take(&limit, "ada")?];
    let ended = join_all(handles.iter().map(|limiter| limiter.check(&takes, at(0)))).await;
    let ended = ended.into_iter().collect::<OurResult<Vec<_>>>()?;
    let granted = ended.iter().filter(|admission| **admission == Admission::Granted).count();
    ensure(granted == 10, || format!("of 64 requests {granted} were let through; the quota is 10"))
}

async fn back(stage: &Stage<'_>) -> Result<(), Failure> {
    let limit = limit("test", "1/1h")?;
    stage.granted(&limit, "ada", at(0)).await?;
    let admission = stage.ask(&limit, "ada", at(0) - Duration::from_secs(7200)).await?;
    ensure(matches!(admission, Admission::Refused { .. }), || format!("two hours back it ended as {admission:?}"))
}

/// Theoretical arrival times, of many keys and limits, beside the limiter.
async fn story(stage: &Stage<'_>) -> Result<(), Failure> {
    let limits = (1..7).map(|count| limit("test", &format!("{count}/1m"))).collect::<OurResult<Vec<_>>>()?;
    let mut now = 0;
    for who in 0_u64..40 {
        let mut arrivals = vec![0_u64; limits.len()];
        for step in 0_u64..20 {
            // Gaps of all sizes, and the same in every run.
            now += (who * 37 + step * 53) % 97 * ((who + step) % 5) * 60;
            let place = usize::try_from((who + 3 * step) % 6).unwrap_or_default();
            let (Some(limit), Some(arrival)) = (limits.get(place), arrivals.get_mut(place)) else { continue };
            let count = u64::from(limit.quota.count().get());
            let interval = 60_000 / count;
            let wait = arrival.saturating_sub(interval * (count - 1)).saturating_sub(now);
            let who = format!("subject-{who}");
            if wait > 0 {
                stage.refused(limit, &who, at(now), wait).await?;
            } else {
                stage.granted(limit, &who, at(now)).await?;
                *arrival = (*arrival).max(now) + interval;
            }
        }
    }
    Ok(())
}

async fn outage(stage: &Stage<'_>) -> Result<(), Failure> {
    let limit = limit("test", "10/1h")?;
    stage.granted(&limit, "ada", at(0)).await?;
    if !stage.shelf.take_down().await?.is_down()? {
        return Ok(());
    }
    is_unavailable("check", stage.ask(&limit, "ada", at(0)).await)
}

fn limit(name: &str, quota: &str) -> OurResult<Limit> {
    Ok(Limit::new(name, On::Start, vec![KeyPart::Subject], quota.parse()?))
}

/// So many milliseconds after a time that is long ago: what the server's clock says must not matter.
fn at(millis: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_000_000_000) + Duration::from_millis(millis)
}
