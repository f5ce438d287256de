//! Parts that can be down, step by step: a store, a limiter, a vendor that judges.

use std::{
    collections::BTreeSet,
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use futures_util::future::{BoxFuture, FutureExt, ready};
use handset::{
    Channel, CheckId, Code, Error, ErrorKind, Result,
    check::Digest,
    limiter::{Admission, LimitKey, Limiter, LocalLimiter},
    policy::{Limit, Quota},
    provider::{Handle, Order, Provider, Settle, Started, Verdict},
    store::{Change, Created, MemoryStore, NewCheck, Outcome, Record, Step, Store},
};

/// A part that answers `Unavailable` to the steps that are down. Clones share the switch.
#[derive(Debug, Default)]
pub(super) struct Outage<T> {
    inner: Arc<T>,
    down: Arc<Mutex<BTreeSet<&'static str>>>,
}

impl<T> Outage<T> {
    /// Takes these steps down, and no others; `every` is all of them.
    pub(super) fn down(&self, steps: &[&'static str]) {
        *self.down.lock().unwrap() = steps.iter().copied().collect();
    }

    fn step<'a, R: Send + 'a>(
        &'a self,
        name: &'static str,
        serve: impl FnOnce() -> BoxFuture<'a, Result<R>>,
    ) -> BoxFuture<'a, Result<R>> {
        let down = self.down.lock().unwrap();
        if down.contains(name) || down.contains("every") {
            return ready(Err(Error::new(ErrorKind::Unavailable, "the test took it down"))).boxed();
        }
        serve()
    }
}

impl<T> Clone for Outage<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), down: Arc::clone(&self.down) }
    }
}

impl Store for Outage<MemoryStore> {
    fn create<'a>(&'a self, check: NewCheck<'a>, now: SystemTime) -> BoxFuture<'a, Result<Created>> {
        self.step("create", || self.inner.create(check, now))
    }

    fn load(&self, id: CheckId, now: SystemTime) -> BoxFuture<'_, Result<Option<Record>>> {
        self.step("load", || self.inner.load(id, now))
    }

    fn reserve_attempt(
        &self,
        id: CheckId,
        owner: Digest,
        failures: Quota,
        now: SystemTime,
    ) -> BoxFuture<'_, Result<Change>> {
        self.step("reserve_attempt", || self.inner.reserve_attempt(id, owner, failures, now))
    }

    fn settle(&self, id: CheckId, outcome: Outcome, now: SystemTime) -> BoxFuture<'_, Result<Change>> {
        self.step("settle", || self.inner.settle(id, outcome, now))
    }

    fn advance(&self, id: CheckId, step: Step, now: SystemTime) -> BoxFuture<'_, Result<Change>> {
        self.step("advance", || self.inner.advance(id, step, now))
    }

    fn once(&self, key: Digest, until: SystemTime, now: SystemTime) -> BoxFuture<'_, Result<bool>> {
        self.step("once", || self.inner.once(key, until, now))
    }

    fn changed(&self, id: CheckId, version: u32) -> BoxFuture<'_, Result<()>> {
        self.step("changed", || self.inner.changed(id, version))
    }

    fn sweep(&self, now: SystemTime) {
        self.inner.sweep(now);
    }
}

impl Limiter for Outage<LocalLimiter> {
    fn check<'a>(&'a self, limit: &'a Limit, key: LimitKey, now: SystemTime) -> BoxFuture<'a, Result<Admission>> {
        self.step("check", || self.inner.check(limit, key, now))
    }

    fn sweep(&self, now: SystemTime) {
        self.inner.sweep(now);
    }
}

/// A vendor that judges codes itself: `judge/sms` in policies. The right one is [`Judge::RIGHT`].
#[derive(Clone, Debug, Default)]
pub(super) struct Judge {
    mood: Arc<Mutex<Mood>>,
    asked: Arc<AtomicUsize>,
}

/// How the vendor is today.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mood {
    #[default]
    Well,
    /// It answers with an error of this kind.
    Failing(ErrorKind),
    /// It answers that it does not know yet.
    Undecided,
    /// It never answers.
    Silent,
}

impl Judge {
    pub(super) const RIGHT: &str = "424242";

    pub(super) fn is(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// How many answers it was shown.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Provider for Judge {
    fn name(&self) -> &'static str {
        "judge"
    }

    fn channels(&self) -> &[Channel] {
        &[Channel::Sms]
    }

    fn start<'a>(&'a self, _: &'a Order) -> BoxFuture<'a, Result<Started>> {
        ready(Ok(Started::new(Handle::new("order-1"), Settle::RemoteCode { digits: 6 }))).boxed()
    }

    fn judge<'a>(&'a self, handle: &'a Handle, typed: &'a Code) -> BoxFuture<'a, Result<Verdict>> {
        assert_eq!(handle.as_str(), "order-1");
        self.asked.fetch_add(1, Ordering::Relaxed);
        match *self.mood.lock().unwrap() {
            Mood::Well if typed.expose() == Self::RIGHT => ready(Ok(Verdict::Match)).boxed(),
            Mood::Well => ready(Ok(Verdict::NoMatch)).boxed(),
            Mood::Failing(kind) => ready(Err(Error::new(kind, "the vendor is not well"))).boxed(),
            Mood::Undecided => ready(Ok(Verdict::Pending)).boxed(),
            Mood::Silent => pending().boxed(),
        }
    }
}
