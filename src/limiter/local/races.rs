//! The orders in which requests for the same keys can meet, as for the store in memory: a request is one step of the limiter, and a
//! limiter of which it is two is found.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::UNIX_EPOCH,
};

use shuttle::{check_dfs, check_random, thread};

use super::*;
use crate::policy::{KeyPart, On};

#[test]
fn of_two_requests_in_any_order_one_takes_the_last_of_a_quota() {
    check_dfs(|| Stage::new(1, 10).requests(ask, b"aa"), None);
}

#[test]
fn of_many_requests_as_many_are_granted_as_the_quota_has_and_no_key_too_many_gets_in() {
    check_random(|| Stage::new(2, 2).requests(ask, b"aabbccaab"), ORDERS);
}

#[test]
fn a_limiter_that_looks_before_it_takes_is_found() {
    let told = catch_unwind(AssertUnwindSafe(|| {
        check_dfs(|| Stage::new(1, 10).requests(look_first, b"aa"), None);
    }));
    let fault = told.expect_err("the orders that were tried did not find it");
    let fault = fault.downcast_ref::<String>().cloned().unwrap_or_default();
    assert!(fault.contains("2 requests were granted"), "{fault}");
}

/// As the verifier does it.
fn ask(stage: &Stage, key: u8) -> bool {
    let take = Take::new(&stage.limit, LimitKey::from_bytes([key; 16]));
    matches!(stage.limiter.check_now(&[take], UNIX_EPOCH), Ok(Admission::Granted))
}

/// As it was done elsewhere: looked, and counted afterwards.
fn look_first(stage: &Stage, _: u8) -> bool {
    let is_room = *stage.taken.lock().unwrap() == 0;
    thread::yield_now();
    *stage.taken.lock().unwrap() += usize::from(is_room);
    is_room
}

struct Stage {
    limiter: LocalLimiter,
    limit: Limit,
    quota: usize,
    keys: usize,
    /// What the limiter of elsewhere has counted.
    taken: Mutex<usize>,
    granted: [AtomicUsize; 3],
}

impl Stage {
    /// A quota of so many an hour for each of at most so many keys.
    fn new(quota: usize, keys: usize) -> Arc<Self> {
        let limit = Limit::new("test", On::Start, vec![KeyPart::Subject], format!("{quota}/1h").parse().unwrap());
        let limiter = LocalLimiter::with_capacity(keys);
        Arc::new(Self { limiter, limit, quota, keys, taken: Mutex::default(), granted: Default::default() })
    }

    /// Makes a request from a thread of its own for each of the keys `a`, `b` and `c`, and counts what was granted.
    fn requests(self: Arc<Self>, ask: fn(&Self, u8) -> bool, keys: &[u8]) {
        let request = |key: &u8| {
            let (stage, key) = (Arc::clone(&self), *key);
            thread::spawn(move || {
                thread::yield_now();
                let granted = ask(&stage, key);
                stage.granted[usize::from(key - b'a')].fetch_add(usize::from(granted), Ordering::SeqCst);
            })
        };
        let threads: Vec<_> = keys.iter().map(request).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let granted: Vec<_> = self.granted.iter().map(|count| count.load(Ordering::SeqCst)).collect();
        let most = granted.iter().max().copied().unwrap_or_default();
        assert!(most <= self.quota, "{most} requests were granted, of a quota of {}", self.quota);
        let known = granted.iter().filter(|count| **count > 0).count();
        assert!(known <= self.keys, "{known} keys got in, where {} have room", self.keys);
    }
}

/// How many orders are tried where there are too many for all.
const ORDERS: usize = 2_000;
