//! The orders in which several answers to one check can meet.
//!
//! A scheduler mixes their steps: those of two answers in every order, those of more in thousands of orders. The steps themselves are
//! atomic by their locks, inside of which nothing waits; what they come to when they mix is what is looked at here. The same
//! harness finds the fault of a store that compares first and reserves after, so it does not pass because it sees nothing.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::scope,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use futures_util::FutureExt;
use shuttle::{check_dfs, check_random, thread};

use super::*;
use crate::{
    check::{Sealed, State},
    store::Judge,
};

#[test]
fn of_two_answers_in_any_order_one_is_compared_where_there_is_one_attempt() {
    check_dfs(|| tell(answer, 1, &[true, true]), None);
    check_dfs(|| tell(answer, 1, &[false, true]), None);
}

#[test]
fn of_many_answers_as_many_are_compared_as_there_are_attempts_and_one_verifies() {
    check_random(|| tell(answer, 3, &[false, true, false, true, true]), ORDERS);
}

#[test]
fn a_store_that_compares_before_it_reserves_is_found() {
    let told = catch_unwind(AssertUnwindSafe(|| check_dfs(|| tell(compare_first, 1, &[true, true]), None)));
    let fault = told.expect_err("the orders that were tried did not find it");
    let fault = fault.downcast_ref::<String>().cloned().unwrap_or_default();
    assert!(fault.contains("answers were compared"), "{fault}");
}

/// Two checks of one owner, whose budget is smaller than the attempts of both.
#[test]
fn no_order_overdraws_the_budget_of_two_checks() {
    check_random(
        || {
            let stage = Stage::new(3, &[1, 2]);
            let threads: Vec<_> = [1, 2, 1, 2, 1, 2]
                .into_iter()
                .map(|check| {
                    let stage = Arc::clone(&stage);
                    thread::spawn(move || answer(&stage, check, false))
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            let compared = stage.compared.load(Ordering::SeqCst);
            assert_eq!(compared, BUDGET as usize, "{compared} answers were compared");
        },
        ORDERS,
    );
}

/// The same start, from threads of the system: here the steps inside of a start are what mixes.
#[test]
fn of_equal_starts_one_is_new() {
    for round in 0..200_u8 {
        let store = MemoryStore::default();
        let new = AtomicUsize::new(0);
        scope(|scope| {
            for thread in 0..8 {
                let (store, new) = (&store, &new);
                scope.spawn(move || {
                    let claim = Claim::new([round; 16], [9; 16]);
                    let made = create(store, thread, 3, Some(Claim::new([round.wrapping_add(1); 16], [9; 16])), claim);
                    new.fetch_add(usize::from(made == Created::New), Ordering::SeqCst);
                });
            }
        });
        assert_eq!(new.into_inner(), 1);
        assert_eq!(store.checks.iter().count(), 1, "of the others nothing is left");
    }
}

fn tell(answer: fn(&Stage, u8, bool), attempts: u8, answers: &'static [bool]) {
    let stage = Stage::new(attempts, &[1]);
    let threads: Vec<_> = answers
        .iter()
        .map(|right| {
            let stage = Arc::clone(&stage);
            thread::spawn(move || answer(&stage, 1, *right))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let (compared, verified) = (stage.compared.load(Ordering::SeqCst), stage.verified.load(Ordering::SeqCst));
    assert!(compared <= usize::from(attempts), "{compared} answers were compared, of {attempts} attempts");
    assert!(verified <= 1, "{verified} answers verified one check");
}

/// As the verifier does it.
fn answer(stage: &Stage, check: u8, right: bool) {
    let reserved = now_or_never(stage.store.reserve_attempt(id(check), OWNER, budget(), at()));
    if !matches!(reserved, Change::Made(_)) {
        return;
    }
    thread::yield_now();
    stage.compare();
    thread::yield_now();
    stage.settle(check, right);
}

/// As it was done elsewhere: looked, compared, counted.
fn compare_first(stage: &Stage, check: u8, right: bool) {
    let record = now_or_never(stage.store.load(id(check), at())).unwrap();
    if record.state.attempts_left() == 0 || record.state.settled_at().is_some() {
        return;
    }
    thread::yield_now();
    stage.compare();
    thread::yield_now();
    now_or_never(stage.store.reserve_attempt(id(check), OWNER, budget(), at()));
    stage.settle(check, right);
}

struct Stage {
    store: MemoryStore,
    compared: AtomicUsize,
    verified: AtomicUsize,
}

impl Stage {
    fn new(attempts: u8, checks: &[u8]) -> Arc<Self> {
        let store = MemoryStore::default();
        for check in checks {
            assert_eq!(create(&store, *check, attempts, None, Claim::new([*check; 16], [0; 16])), Created::New);
            let sent = Step::Sent { leg: 0, judge: Judge::Vendor, sealed: sealed() };
            now_or_never(store.advance(id(*check), sent, at()));
        }
        Arc::new(Self { store, compared: AtomicUsize::new(0), verified: AtomicUsize::new(0) })
    }

    fn compare(&self) {
        self.compared.fetch_add(1, Ordering::SeqCst);
    }

    fn settle(&self, check: u8, right: bool) {
        let outcome = if right { Outcome::Match { given: true, sealed: sealed() } } else { Outcome::NoMatch };
        let settled = now_or_never(self.store.settle(id(check), outcome, at()));
        if right && matches!(settled, Change::Made(_)) {
            self.verified.fetch_add(1, Ordering::SeqCst);
        }
    }
}

fn create(store: &MemoryStore, check: u8, attempts: u8, keyed: Option<Claim>, unkeyed: Claim) -> Created {
    let record = Record {
        owner: OWNER,
        number: [check; 16],
        context: [0; 16],
        state: State::new(attempts, at() + Duration::from_secs(300)),
        judge: Judge::Nobody,
        sealed: sealed(),
    };
    now_or_never(store.create(NewCheck { id: id(check), record, keyed, unkeyed, failures: &budget() }, at()))
}

/// A store in memory waits for nothing.
fn now_or_never<T>(step: BoxFuture<'_, Result<T>>) -> T {
    step.now_or_never().unwrap().unwrap()
}

fn id(check: u8) -> CheckId {
    CheckId::from_bytes([check; 16])
}

fn sealed() -> Sealed {
    Sealed::from_bytes(Bytes::new())
}

fn at() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_000_000_000)
}

fn budget() -> Quota {
    Quota::new(BUDGET.try_into().unwrap(), Duration::from_secs(3600)).unwrap()
}

const OWNER: Digest = [7; 16];
const BUDGET: u32 = 4;
const ORDERS: usize = 2000;
