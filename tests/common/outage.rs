//! Parts that can be down, step by step: a store, a limiter.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use futures_util::future::{BoxFuture, FutureExt, ready};
use handset::{
    CheckId, Error, ErrorKind, Result,
    check::Digest,
    limiter::{Admission, Limiter, LocalLimiter, Take},
    policy::Quota,
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

    fn failures(&self, owner: Digest, failures: Quota, now: SystemTime) -> BoxFuture<'_, Result<u32>> {
        self.step("failures", || self.inner.failures(owner, failures, now))
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

    fn alias(&self, name: Digest, id: CheckId, until: SystemTime, now: SystemTime) -> BoxFuture<'_, Result<bool>> {
        self.step("alias", || self.inner.alias(name, id, until, now))
    }

    fn find(&self, name: Digest, now: SystemTime) -> BoxFuture<'_, Result<Option<CheckId>>> {
        self.step("find", || self.inner.find(name, now))
    }

    fn changed(&self, id: CheckId, version: u32) -> BoxFuture<'_, Result<()>> {
        self.step("changed", || self.inner.changed(id, version))
    }

    fn sweep(&self, now: SystemTime) {
        self.inner.sweep(now);
    }
}

impl Limiter for Outage<LocalLimiter> {
    fn check<'a>(&'a self, takes: &'a [Take<'a>], now: SystemTime) -> BoxFuture<'a, Result<Admission>> {
        self.step("check", || self.inner.check(takes, now))
    }

    fn sweep(&self, now: SystemTime) {
        self.inner.sweep(now);
    }
}
