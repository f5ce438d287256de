//! The store of one process: checks in moka, budgets and names in maps that never evict.

mod failures;
#[cfg(test)]
mod races;

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use futures_util::future::{BoxFuture, FutureExt, ready};
use moka::{Expiry, sync::Cache};
use tokio::sync::Notify;

use self::failures::Failures;
use super::{Change, Claim, Created, GRACE, NewCheck, Outcome, Record, Step, Store};
use crate::{
    capped::Capped,
    check::{Digest, Event, Status},
    error::{Error, ErrorKind, Result},
    hash::Random,
    ids::CheckId,
    policy::Quota,
};

/// Remembers in this process only.
///
/// It holds a bounded number of live checks and refuses new ones when it is full; a live check, a budget or a claim is never
/// evicted to make room.
///
/// ```
/// use handset::store::MemoryStore;
///
/// let small = MemoryStore::with_capacity(10_000);
/// # let _ = small;
/// ```
pub struct MemoryStore {
    checks: Cache<CheckId, Arc<Entry>, Random>,
    live: Arc<AtomicUsize>,
    capacity: usize,
    failures: Capped<Digest, Failures>,
    claims: Capped<Digest, Claimed>,
    seen: Capped<Digest, SystemTime>,
}

impl MemoryStore {
    /// A store for at most `checks` live checks, and ten times as many budgets, claims and seen ids.
    #[must_use]
    pub fn with_capacity(checks: usize) -> Self {
        let live = Arc::new(AtomicUsize::new(0));
        let leaving = Arc::clone(&live);
        // No capacity: moka expires entries here and evicts none; `admit` bounds them.
        let cache = Cache::builder()
            .expire_after(AtExpiry)
            .eviction_listener(move |_, _, _| {
                leaving.fetch_sub(1, Ordering::Relaxed);
            })
            .build_with_hasher(Random::default());
        let names = checks.saturating_mul(10);
        Self {
            checks: cache,
            live,
            capacity: checks,
            failures: Capped::new(names),
            claims: Capped::new(names),
            seen: Capped::new(names),
        }
    }

    /// How many live checks it holds when nothing else is said.
    pub const DEFAULT_CAPACITY: usize = 100_000;
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::with_capacity(Self::DEFAULT_CAPACITY)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("live", &self.live.load(Ordering::Relaxed))
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

/// Nothing here waits for anything, so every step is done when its future is made.
impl Store for MemoryStore {
    fn create<'a>(&'a self, check: NewCheck<'a>, now: SystemTime) -> BoxFuture<'a, Result<Created>> {
        ready(self.create_now(check, now)).boxed()
    }

    fn load(&self, id: CheckId, now: SystemTime) -> BoxFuture<'_, Result<Option<Record>>> {
        ready(Ok(self.entry(&id, now).map(|entry| entry.lock().clone()))).boxed()
    }

    fn reserve_attempt(
        &self,
        id: CheckId,
        owner: Digest,
        failures: Quota,
        now: SystemTime,
    ) -> BoxFuture<'_, Result<Change>> {
        ready(self.reserve_now(&id, &owner, failures, now)).boxed()
    }

    fn failures(&self, owner: Digest, failures: Quota, now: SystemTime) -> BoxFuture<'_, Result<u32>> {
        let count = self.failures.read(&owner, |log| log.count(failures, now));
        ready(Ok(count.unwrap_or_default())).boxed()
    }

    fn settle(&self, id: CheckId, outcome: Outcome, now: SystemTime) -> BoxFuture<'_, Result<Change>> {
        ready(self.settle_now(&id, outcome, now)).boxed()
    }

    fn advance(&self, id: CheckId, step: Step, now: SystemTime) -> BoxFuture<'_, Result<Change>> {
        ready(self.advance_now(&id, step, now)).boxed()
    }

    fn once(&self, key: Digest, until: SystemTime, now: SystemTime) -> BoxFuture<'_, Result<bool>> {
        let first = self.seen.update(key, |seen| match seen {
            Some(until) if *until > now => false,
            vacant => {
                *vacant = Some(until);
                true
            }
        });
        ready(first.map_err(|_| full())).boxed()
    }

    fn alias(&self, name: Digest, id: CheckId, until: SystemTime, now: SystemTime) -> BoxFuture<'_, Result<bool>> {
        let claim = Claim::new(name, name);
        let held = self.claim(claim, Claimed { id, until, fingerprint: name }, false, now);
        ready(held.map(|held| held.is_none_or(|held| held.id == id))).boxed()
    }

    fn find(&self, name: Digest, now: SystemTime) -> BoxFuture<'_, Result<Option<CheckId>>> {
        let held = self.claims.read(&name, |held| *held);
        let held = held.filter(|held| held.until > now && self.holds(held, false, now));
        ready(Ok(held.map(|held| held.id))).boxed()
    }

    fn changed(&self, id: CheckId, version: u32) -> BoxFuture<'_, Result<()>> {
        async move {
            let Some(entry) = self.checks.get(&id) else { return Ok(()) };
            let mut changed = std::pin::pin!(entry.changed.notified());
            // Listening begins before the look, so that no change falls between the two.
            changed.as_mut().enable();
            if entry.lock().state.version() == version {
                changed.await;
            }
            Ok(())
        }
        .boxed()
    }

    fn sweep(&self, now: SystemTime) {
        self.checks.run_pending_tasks();
        self.failures.sweep(|failures| failures.is_stale(now));
        self.claims.sweep(|claimed| claimed.until <= now);
        self.seen.sweep(|until| *until <= now);
    }
}

impl MemoryStore {
    fn create_now(&self, check: NewCheck<'_>, now: SystemTime) -> Result<Created> {
        let NewCheck { id, record, keyed, unkeyed, failures } = check;
        if let Some(retry_after) = self.budget_wait(&record, *failures, now) {
            return Ok(Created::BudgetSpent { retry_after });
        }
        let until = record.state.expires_at() + GRACE;
        let lifetime = until.duration_since(now).unwrap_or_default();
        self.admit()?;
        let entry = Entry { record: Mutex::new(record), changed: Notify::new(), lifetime };
        // The check is there before its claims are, so that whoever finds a claim finds the check.
        self.checks.insert(id, Arc::new(entry));
        let claimed = self.claim_all(id, keyed, unkeyed, until, now);
        if !matches!(claimed, Ok(Created::New)) {
            self.checks.invalidate(&id);
        }
        claimed
    }

    fn claim_all(
        &self,
        id: CheckId,
        keyed: Option<Claim>,
        unkeyed: Claim,
        until: SystemTime,
        now: SystemTime,
    ) -> Result<Created> {
        if let Some(keyed) = keyed
            && let Some(held) = self.claim(keyed, Claimed { id, until, fingerprint: keyed.fingerprint }, true, now)?
        {
            return Ok(Created::Existing { id: held.id, fingerprint: held.fingerprint, keyed: true });
        }
        match self.claim(unkeyed, Claimed { id, until, fingerprint: unkeyed.fingerprint }, false, now)? {
            None => Ok(Created::New),
            Some(held) => {
                if let Some(keyed) = keyed {
                    // From now on the key stands for the check that the request was answered with.
                    let claimed = Claimed { fingerprint: keyed.fingerprint, ..held };
                    self.claims.update(keyed.key, |slot| *slot = Some(claimed)).map_err(|_| full())?;
                }
                Ok(Created::Existing { id: held.id, fingerprint: held.fingerprint, keyed: false })
            }
        }
    }

    /// Takes a name, or says who holds it.
    fn claim(&self, claim: Claim, wanted: Claimed, keyed: bool, now: SystemTime) -> Result<Option<Claimed>> {
        self.claims
            .update(claim.key, |slot| match slot {
                Some(held) if held.until > now && self.holds(held, keyed, now) => Some(*held),
                vacant => {
                    *vacant = Some(wanted);
                    None
                }
            })
            .map_err(|_| full())
    }

    /// An idempotency key is held as long as its check is remembered; the other claim only while the check is pending.
    fn holds(&self, held: &Claimed, keyed: bool, now: SystemTime) -> bool {
        self.entry(&held.id, now).is_some_and(|entry| keyed || entry.lock().state.status_at(now) == Status::Pending)
    }

    /// Makes room for one more check, or refuses: a full store evicts nobody.
    fn admit(&self) -> Result<()> {
        for _ in 0..2 {
            if self.live.fetch_add(1, Ordering::Relaxed) < self.capacity {
                return Ok(());
            }
            self.live.fetch_sub(1, Ordering::Relaxed);
            // Expired checks still count until moka has looked at them.
            self.checks.run_pending_tasks();
        }
        Err(full())
    }

    fn reserve_now(&self, id: &CheckId, owner: &Digest, quota: Quota, now: SystemTime) -> Result<Change> {
        let Some(entry) = self.entry(id, now) else { return Ok(Change::Refused) };
        let mut record = entry.lock();
        if record.owner != *owner {
            return Ok(Change::Refused);
        }
        let Some(state) = record.state.on(Event::Reserved, now) else { return Ok(Change::Refused) };
        if let Some(retry_after) = self.charge(record.owner, quota, true, now)? {
            return Ok(Change::BudgetSpent { retry_after });
        }
        let enforce = !record.state.is_untried();
        if let Some(retry_after) = self.charge(record.number, quota, enforce, now)? {
            self.take_back(record.owner);
            return Ok(Change::BudgetSpent { retry_after });
        }
        record.state = state;
        Ok(entry.made(&record))
    }

    fn settle_now(&self, id: &CheckId, outcome: Outcome, now: SystemTime) -> Result<Change> {
        let Some(entry) = self.entry(id, now) else { return Ok(Change::Refused) };
        let mut record = entry.lock();
        let event = match &outcome {
            Outcome::Match { given, .. } => Event::Matched { given: *given },
            Outcome::NoMatch => Event::Missed,
            Outcome::Refund => Event::Refunded,
        };
        let Some(state) = record.state.on(event, now) else { return Ok(Change::Refused) };
        record.state = state;
        for key in [record.owner, record.number] {
            match &outcome {
                Outcome::Match { .. } => self.failures.remove(&key),
                Outcome::Refund => self.take_back(key),
                Outcome::NoMatch => {}
            }
        }
        if let Outcome::Match { sealed, .. } = outcome {
            record.sealed = sealed;
        }
        Ok(entry.made(&record))
    }

    fn advance_now(&self, id: &CheckId, step: Step, now: SystemTime) -> Result<Change> {
        let Some(entry) = self.entry(id, now) else { return Ok(Change::Refused) };
        let mut record = entry.lock();
        let event = match &step {
            Step::Leave { leg, .. } => Event::Left { leg: *leg },
            Step::Sent { leg, .. } => Event::Sent { leg: *leg },
            Step::NotSent { leg } => Event::NotSent { leg: *leg },
            Step::Cancel => Event::Cancelled,
            Step::GiveProof => Event::ProofGiven,
        };
        let Some(state) = record.state.on(event, now) else { return Ok(Change::Refused) };
        match step {
            Step::Leave { failures, .. } => {
                if let Some(retry_after) = self.budget_wait(&record, failures, now) {
                    return Ok(Change::BudgetSpent { retry_after });
                }
            }
            Step::Sent { judge, sealed, .. } => {
                record.judge = judge;
                record.sealed = sealed;
            }
            Step::NotSent { .. } if state.sent_at().is_none() => self.checks.invalidate(id),
            Step::NotSent { .. } | Step::Cancel | Step::GiveProof => {}
        }
        record.state = state;
        Ok(entry.made(&record))
    }

    fn entry(&self, id: &CheckId, now: SystemTime) -> Option<Arc<Entry>> {
        let entry = self.checks.get(id)?;
        let forgotten = entry.lock().state.expires_at() + GRACE <= now;
        (!forgotten).then_some(entry)
    }

    /// How long the owner or the number must wait, if one of them has spent its budget.
    fn budget_wait(&self, record: &Record, quota: Quota, now: SystemTime) -> Option<Duration> {
        [record.owner, record.number]
            .iter()
            .filter_map(|key| self.failures.read(key, |failures| failures.wait(quota, now)).flatten())
            .max()
    }

    fn charge(&self, key: Digest, quota: Quota, enforce: bool, now: SystemTime) -> Result<Option<Duration>> {
        self.failures
            .update(key, |slot| {
                let failures = slot.get_or_insert_default();
                match failures.wait(quota, now) {
                    Some(wait) if enforce => Some(wait),
                    _ => {
                        failures.push(quota, now);
                        None
                    }
                }
            })
            .map_err(|_| full())
    }

    fn take_back(&self, key: Digest) {
        // A key that is there already is never refused for want of room.
        let _ = self.failures.update(key, |slot| {
            if let Some(failures) = slot {
                failures.pop();
            }
        });
    }
}

fn full() -> Error {
    Error::new(ErrorKind::Unavailable, "the store is full; nothing was evicted to make room")
}

#[derive(Debug)]
struct Entry {
    /// One small lock for state, code and message together: what is judged is what was reserved.
    record: Mutex<Record>,
    changed: Notify,
    lifetime: Duration,
}

impl Entry {
    fn lock(&self) -> MutexGuard<'_, Record> {
        // Nothing can panic while the lock is held; the record is whole even if something did.
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn made(&self, record: &Record) -> Change {
        self.changed.notify_waiters();
        Change::Made(record.clone())
    }
}

#[derive(Clone, Copy, Debug)]
struct Claimed {
    id: CheckId,
    until: SystemTime,
    fingerprint: Digest,
}

/// Entries leave by their own time. Nothing is ever inserted twice, so no life is ever made longer.
struct AtExpiry;

impl Expiry<CheckId, Arc<Entry>> for AtExpiry {
    fn expire_after_create(&self, _: &CheckId, entry: &Arc<Entry>, _: Instant) -> Option<Duration> {
        Some(entry.lifetime)
    }
}
