//! The suite for stores finds what a store does wrong.
#![cfg(feature = "testing")]

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use futures_util::future::{BoxFuture, FutureExt, ready};
use handset::{
    CheckId, Error, ErrorKind, Result,
    check::Digest,
    policy::Quota,
    store::{
        Change, Created, MemoryStore, NewCheck, Outcome, Record, Step, Store,
        conformance::{Outage, Shelf, assert_conforms},
    },
};

#[tokio::test]
async fn the_suite_finds_what_a_store_does_wrong() {
    for (fault, cases) in FAULTS {
        let ended = assert_conforms(|| async { Ok(Careless::new(*fault)) }).await;
        let failure = ended.err().map(|failure| failure.to_string()).unwrap_or_default();
        for case in *cases {
            let found = failure.lines().any(|line| line.starts_with(&format!("{case}: ")));
            assert!(found, "{fault:?} is not found by {case}, but by:\n{failure}");
        }
    }
}

/// What a store does wrong, and the cases that have to fail for it.
const FAULTS: &[(Fault, &[&str])] = &[
    (Fault::GivesAttemptsBack, &["racing_answers_have_as_many_attempts_as_there_are", OVERDRAWN, STORY]),
    (Fault::MakesEveryMatch, &["of_many_matches_one_is_made", ENDS, STORY]),
    (Fault::TakesAnswersOfStrangers, &["a_strangers_answer_changes_nothing", STORY]),
    (Fault::GivesTheProofAgain, &["the_proof_is_given_once", STORY]),
    (Fault::LooksAtItsOwnClock, &["what_is_kept_comes_back", ENDS, "a_budget_ends_with_its_window", ONCE, STORY]),
    (Fault::RemembersForEver, &[ENDS, STORY]),
    (Fault::KeepsWhatWasNeverSent, &["what_was_never_sent_is_forgotten", STORY]),
    (
        Fault::HasNoBudgets,
        &["a_budget_outlives_new_checks", OVERDRAWN, FIRST, "a_number_that_refuses_leaves_its_owner_uncharged"],
    ),
    (Fault::ForgetsIdempotencyKeys, &["of_many_starts_with_one_key_one_is_new", ANSWERED_WITH, STORY]),
    (Fault::MakesEveryStart, &["of_many_equal_starts_one_is_new", "a_claim_ends_with_its_check_and_a_key_does_not"]),
    (Fault::SeesEverythingForTheFirstTime, &[ONCE, STORY]),
    (Fault::GivesANameToAll, &["a_name_belongs_to_one_pending_check", STORY]),
    (Fault::FindsNobody, &["a_name_belongs_to_one_pending_check", STORY]),
    (Fault::WakesNobody, &["who_waits_is_woken"]),
    (Fault::WakesAtOnce, &["who_waits_is_woken"]),
    (Fault::EmptyWhenDown, &["a_store_that_fails_is_unavailable"]),
    (Fault::AnotherKindWhenDown, &["a_store_that_fails_is_unavailable"]),
    (Fault::ForgetsInAnotherHandle, &["what_is_kept_comes_back", "one_message_follows_however_many_ask", ONCE]),
];

const OVERDRAWN: &str = "racing_answers_never_overdraw_a_budget";
const FIRST: &str = "a_strangers_failures_do_not_stop_a_first_attempt";
const ANSWERED_WITH: &str = "a_key_stands_for_the_check_that_it_was_answered_with";
const ENDS: &str = "a_check_ends_at_its_time_and_is_forgotten_a_minute_later";
const ONCE: &str = "once_is_once_until_its_time";
const STORY: &str = "whatever_happens_it_answers_as_the_store_in_memory_does";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    GivesAttemptsBack,
    MakesEveryMatch,
    TakesAnswersOfStrangers,
    GivesTheProofAgain,
    LooksAtItsOwnClock,
    RemembersForEver,
    KeepsWhatWasNeverSent,
    HasNoBudgets,
    ForgetsIdempotencyKeys,
    MakesEveryStart,
    SeesEverythingForTheFirstTime,
    GivesANameToAll,
    FindsNobody,
    WakesNobody,
    WakesAtOnce,
    EmptyWhenDown,
    AnotherKindWhenDown,
    ForgetsInAnotherHandle,
}

#[derive(Clone, Debug)]
struct Careless {
    fault: Fault,
    store: Arc<MemoryStore>,
    down: Arc<AtomicBool>,
}

impl Careless {
    fn new(fault: Fault) -> Self {
        Self { fault, store: Arc::default(), down: Arc::default() }
    }

    fn now(&self, now: SystemTime) -> SystemTime {
        if self.fault == Fault::LooksAtItsOwnClock { SystemTime::now() } else { now }
    }

    fn quota(&self, failures: Quota) -> Quota {
        match self.fault {
            Fault::HasNoBudgets => Quota::new(100.try_into().unwrap_or(failures.count()), failures.per()),
            _ => Ok(failures),
        }
        .unwrap_or(failures)
    }

    /// What one that is down answers.
    fn up(&self) -> Result<()> {
        match (self.down.load(Ordering::SeqCst), self.fault) {
            (false, _) => Ok(()),
            (true, Fault::AnotherKindWhenDown) => Err(Error::new(ErrorKind::Misconfigured, "the server is gone")),
            (true, _) => Err(Error::new(ErrorKind::Unavailable, "the server is gone")),
        }
    }

    /// What was refused, as if it had been made.
    async fn made(&self, id: CheckId, change: Change, now: SystemTime) -> Result<Change> {
        match (&change, self.store.load(id, now).await?) {
            (Change::Refused, Some(record)) => Ok(Change::Made(record)),
            _ => Ok(change),
        }
    }
}

impl Store for Careless {
    fn create<'a>(&'a self, mut check: NewCheck<'a>, now: SystemTime) -> BoxFuture<'a, Result<Created>> {
        async move {
            self.up()?;
            if self.fault == Fault::ForgetsIdempotencyKeys {
                check.keyed = None;
            }
            if self.fault == Fault::MakesEveryStart {
                check.unkeyed.key = *check.id.as_bytes();
                check.keyed = None;
            }
            self.store.create(check, self.now(now)).await
        }
        .boxed()
    }

    fn load(&self, id: CheckId, now: SystemTime) -> BoxFuture<'_, Result<Option<Record>>> {
        async move {
            match (self.up(), self.fault) {
                (Err(_), Fault::EmptyWhenDown) => return Ok(None),
                (up, _) => up?,
            }
            let now = if self.fault == Fault::RemembersForEver { SystemTime::UNIX_EPOCH } else { self.now(now) };
            self.store.load(id, now).await
        }
        .boxed()
    }

    fn reserve_attempt(
        &self,
        id: CheckId,
        owner: Digest,
        failures: Quota,
        now: SystemTime,
    ) -> BoxFuture<'_, Result<Change>> {
        async move {
            self.up()?;
            let now = self.now(now);
            let owner = match (self.fault, self.store.load(id, now).await?) {
                (Fault::TakesAnswersOfStrangers, Some(record)) => record.owner,
                _ => owner,
            };
            let reserved = self.store.reserve_attempt(id, owner, self.quota(failures), now).await?;
            if self.fault == Fault::GivesAttemptsBack {
                self.store.settle(id, Outcome::Refund, now).await?;
            }
            Ok(reserved)
        }
        .boxed()
    }

    fn failures(&self, owner: Digest, failures: Quota, now: SystemTime) -> BoxFuture<'_, Result<u32>> {
        async move {
            self.up()?;
            self.store.failures(owner, failures, self.now(now)).await
        }
        .boxed()
    }

    fn settle(&self, id: CheckId, outcome: Outcome, now: SystemTime) -> BoxFuture<'_, Result<Change>> {
        async move {
            self.up()?;
            let is_match = matches!(outcome, Outcome::Match { .. });
            let change = self.store.settle(id, outcome, self.now(now)).await?;
            match self.fault {
                Fault::MakesEveryMatch if is_match => self.made(id, change, now).await,
                _ => Ok(change),
            }
        }
        .boxed()
    }

    fn advance(&self, id: CheckId, step: Step, now: SystemTime) -> BoxFuture<'_, Result<Change>> {
        async move {
            self.up()?;
            let gives = matches!(step, Step::GiveProof);
            if self.fault == Fault::KeepsWhatWasNeverSent && matches!(step, Step::NotSent { leg: 0 }) {
                return self.store.advance(id, Step::Cancel, now).await;
            }
            let change = self.store.advance(id, step, self.now(now)).await?;
            match self.fault {
                Fault::GivesTheProofAgain if gives => self.made(id, change, now).await,
                _ => Ok(change),
            }
        }
        .boxed()
    }

    fn once(&self, key: Digest, until: SystemTime, now: SystemTime) -> BoxFuture<'_, Result<bool>> {
        async move {
            self.up()?;
            let first = self.store.once(key, until, self.now(now)).await?;
            Ok(first || self.fault == Fault::SeesEverythingForTheFirstTime)
        }
        .boxed()
    }

    fn alias(&self, name: Digest, id: CheckId, until: SystemTime, now: SystemTime) -> BoxFuture<'_, Result<bool>> {
        async move {
            self.up()?;
            let given = self.store.alias(name, id, until, self.now(now)).await?;
            Ok(given || self.fault == Fault::GivesANameToAll)
        }
        .boxed()
    }

    fn find(&self, name: Digest, now: SystemTime) -> BoxFuture<'_, Result<Option<CheckId>>> {
        async move {
            self.up()?;
            let found = self.store.find(name, self.now(now)).await?;
            Ok(found.filter(|_| self.fault != Fault::FindsNobody))
        }
        .boxed()
    }

    fn changed(&self, id: CheckId, version: u32) -> BoxFuture<'_, Result<()>> {
        async move {
            self.up()?;
            match self.fault {
                Fault::WakesNobody => pending().await,
                Fault::WakesAtOnce => Ok(()),
                _ => self.store.changed(id, version).await,
            }
        }
        .boxed()
    }

    fn sweep(&self, now: SystemTime) {
        self.store.sweep(now);
    }
}

impl Shelf for Careless {
    fn handle(&self) -> BoxFuture<'_, Result<Arc<dyn Store>>> {
        let mut handle = self.clone();
        if self.fault == Fault::ForgetsInAnotherHandle {
            handle.store = Arc::default();
        }
        ready(Ok(Arc::new(handle) as Arc<dyn Store>)).boxed()
    }

    fn take_down(&self) -> BoxFuture<'_, Result<Outage>> {
        self.down.store(true, Ordering::SeqCst);
        ready(Ok(Outage::Down)).boxed()
    }
}
