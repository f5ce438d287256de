//! Parts that pause before and after whatever they do.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use futures_util::future::{BoxFuture, FutureExt};
use handset::{
    CheckId, Result,
    check::Digest,
    limiter::{Admission, Limiter, Take},
    policy::Quota,
    store::{Change, Created, NewCheck, Outcome, Record, Step, Store},
};

/// What was done, and how much is being done.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps {
    done: Arc<Mutex<BTreeSet<&'static str>>>,
    active: Arc<AtomicUsize>,
}

impl Steps {
    pub(super) fn done(&self, step: &str) -> bool {
        self.done.lock().unwrap().contains(step)
    }

    pub(super) fn active(&self) -> usize {
        self.active.load(Ordering::SeqCst)
    }

    /// Does it between two pauses.
    pub(super) fn step<'a, R: Send + 'a>(
        &'a self,
        name: &'static str,
        serve: impl Future<Output = R> + Send + 'a,
    ) -> BoxFuture<'a, R> {
        async move {
            let _active = Active::new(&self.active);
            tokio::task::yield_now().await;
            let result = serve.await;
            self.done.lock().unwrap().insert(name);
            tokio::task::yield_now().await;
            result
        }
        .boxed()
    }
}

struct Active<'a>(&'a AtomicUsize);

impl<'a> Active<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A store or a limiter that pauses.
#[derive(Debug)]
pub(super) struct Slow<T>(pub(super) T, pub(super) Steps);

impl<S: Store> Store for Slow<S> {
    fn create<'a>(&'a self, check: NewCheck<'a>, now: SystemTime) -> BoxFuture<'a, Result<Created>> {
        self.1.step("create", async move { self.0.create(check, now).await })
    }

    fn load(&self, id: CheckId, now: SystemTime) -> BoxFuture<'_, Result<Option<Record>>> {
        self.1.step("load", async move { self.0.load(id, now).await })
    }

    fn reserve_attempt(
        &self,
        id: CheckId,
        owner: Digest,
        failures: Quota,
        now: SystemTime,
    ) -> BoxFuture<'_, Result<Change>> {
        // What the store in memory does, it does when it is called, and not when it is waited for.
        self.1.step("reserve_attempt", async move { self.0.reserve_attempt(id, owner, failures, now).await })
    }

    fn failures(&self, owner: Digest, failures: Quota, now: SystemTime) -> BoxFuture<'_, Result<u32>> {
        self.1.step("failures", async move { self.0.failures(owner, failures, now).await })
    }

    fn settle(&self, id: CheckId, outcome: Outcome, now: SystemTime) -> BoxFuture<'_, Result<Change>> {
        self.1.step("settle", async move { self.0.settle(id, outcome, now).await })
    }

    fn advance(&self, id: CheckId, step: Step, now: SystemTime) -> BoxFuture<'_, Result<Change>> {
        self.1.step("advance", async move { self.0.advance(id, step, now).await })
    }

    fn once(&self, key: Digest, until: SystemTime, now: SystemTime) -> BoxFuture<'_, Result<bool>> {
        self.1.step("once", async move { self.0.once(key, until, now).await })
    }

    fn alias(&self, name: Digest, id: CheckId, until: SystemTime, now: SystemTime) -> BoxFuture<'_, Result<bool>> {
        self.1.step("alias", async move { self.0.alias(name, id, until, now).await })
    }

    fn find(&self, name: Digest, now: SystemTime) -> BoxFuture<'_, Result<Option<CheckId>>> {
        self.1.step("find", async move { self.0.find(name, now).await })
    }

    fn changed(&self, id: CheckId, version: u32) -> BoxFuture<'_, Result<()>> {
        self.0.changed(id, version)
    }

    fn sweep(&self, now: SystemTime) {
        self.0.sweep(now);
    }
}

impl<L: Limiter> Limiter for Slow<L> {
    fn check<'a>(&'a self, takes: &'a [Take<'a>], now: SystemTime) -> BoxFuture<'a, Result<Admission>> {
        self.1.step("check", async move { self.0.check(takes, now).await })
    }

    fn sweep(&self, now: SystemTime) {
        self.0.sweep(now);
    }
}
