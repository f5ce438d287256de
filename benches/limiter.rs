//! The limiter of one process: one key, many keys, refused, and a limiter without room.
#![expect(clippy::expect_used, reason = "a benchmark that cannot run ends")]

use std::{
    cell::Cell,
    time::{Duration, SystemTime},
};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use futures_util::FutureExt;
use handset::{
    Channel,
    limiter::{Admission, LimitKey, Limiter, LocalLimiter, Take},
    policy::{Catalogue, Limit, Policy, Sources},
};

fn checks(c: &mut Criterion) {
    let mut group = c.benchmark_group("limiter");
    let catalogue = Catalogue::new().with("numcheck", [Channel::FlashCall]);
    let policy = Policy::compile(&Sources::new("policy.toml", POLICY), &catalogue).expect("a policy that loads");
    let [wide, narrow] = policy.limits() else { unreachable!("two limits") };
    // A microsecond later with each request, so that the wide limit refuses none.
    let now = Cell::new(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    let ask = |limiter: &LocalLimiter, limit: &Limit, key: u128| {
        let takes = [Take::new(limit, LimitKey::from_bytes(spread(key)))];
        now.set(now.get() + Duration::from_micros(1));
        limiter.check(&takes, now.get()).now_or_never().expect("nothing to wait for")
    };

    let limiter = LocalLimiter::default();
    group.bench_function("one key", |b| b.iter(|| ask(&limiter, wide, 1).expect("room")));
    let mut key = 0_u128;
    let mut next = || {
        key = (key + 1) % 10_000;
        key
    };
    group.bench_function("10000 keys", |b| {
        b.iter_batched(&mut next, |key| ask(&limiter, wide, key).expect("room"), BatchSize::SmallInput);
    });
    ask(&limiter, narrow, 1).expect("room");
    assert!(matches!(ask(&limiter, narrow, 1), Ok(Admission::Refused { .. })));
    group.bench_function("refused", |b| b.iter(|| ask(&limiter, narrow, 1).expect("room")));
    let full = LocalLimiter::with_capacity(1);
    ask(&full, narrow, 1).expect("room");
    group.bench_function("full", |b| b.iter(|| ask(&full, narrow, 2).expect_err("no room")));
    group.finish();
}

/// Keys are hashes: all their bits are used.
fn spread(key: u128) -> [u8; 16] {
    key.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).to_be_bytes()
}

const POLICY: &str = r#"
    version = 1
    [[limit]]
    name = "wide"
    on = "answer"
    key = ["subject"]
    quota = "1000000/1s"
    [[limit]]
    name = "narrow"
    on = "answer"
    key = ["subject"]
    quota = "1/1h"
    [[route]]
    name = "everyone"
    try = ["numcheck/flash_call"]
"#;

criterion_group!(benches, checks);
criterion_main!(benches);
