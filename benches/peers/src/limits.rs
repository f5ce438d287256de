//! Counting a request: our limiter, and the layer of tower_governor.

use std::{
    cell::Cell,
    convert::Infallible,
    time::{Duration, SystemTime},
};

use axum_core::body::Body;
use futures_util::FutureExt;
use handset::{
    Channel,
    limiter::{Admission, LimitKey, Limiter, LocalLimiter, Take},
    policy::{Catalogue, Policy, Sources},
};
use http::{Request, Response};
use tower::{Layer, ServiceExt, service_fn};
use tower_governor::{GovernorError, GovernorLayer, governor::GovernorConfigBuilder, key_extractor::KeyExtractor};

use crate::row::{Question, Table, measured};

const NAMES: [&str; 3] = ["handset", "tower_governor, a layer", "the service alone"];

pub fn time(shown: &Table) {
    shown.head("counting a request", &NAMES);
    for (case, keys) in [("one key", 1), ("10000 keys", 10_000)] {
        for mut question in [ours(keys), theirs(keys), alone(keys)] {
            assert!((0..100_000).all(|_| question()), "nothing is refused, or something else is timed");
        }
        shown.row("limits", case, &NAMES, &measured([ours(keys), theirs(keys), alone(keys)]));
    }
}

fn ours<'q>(keys: u128) -> Question<'q> {
    let catalogue = Catalogue::new().with("numcheck", [Channel::FlashCall]);
    let policy = Policy::compile(&Sources::new("policy.toml", POLICY), &catalogue).expect("a policy");
    let limiter = LocalLimiter::default();
    // A microsecond later with each request, so that none is refused.
    let (now, key) = (Cell::new(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)), Cell::new(0));
    Box::new(move || {
        key.set((key.get() + 1) % keys);
        now.set(now.get() + Duration::from_micros(1));
        let takes = [Take::new(&policy.limits()[0], LimitKey::from_bytes(spread(key.get())))];
        let admission = limiter.check(&takes, now.get()).now_or_never().expect("nothing to wait for");
        matches!(admission, Ok(Admission::Granted))
    })
}

fn theirs<'q>(keys: u128) -> Question<'q> {
    let config = GovernorConfigBuilder::default().per_nanosecond(1).burst_size(1_000_000).key_extractor(Named).finish();
    let service = GovernorLayer::new(config.expect("a quota")).layer(service_fn(at_once));
    let key = Cell::new(0);
    Box::new(move || {
        key.set((key.get() + 1) % keys);
        let mut request = Request::new(());
        request.extensions_mut().insert(Key(spread(key.get())));
        let answer = service.clone().oneshot(request).now_or_never().expect("nothing to wait for");
        answer.expect("no error").status() == 200
    })
}

/// What the request and the service cost in the figure before.
fn alone<'q>(keys: u128) -> Question<'q> {
    let (service, key) = (service_fn(at_once), Cell::new(0));
    Box::new(move || {
        key.set((key.get() + 1) % keys);
        let mut request = Request::new(());
        request.extensions_mut().insert(Key(spread(key.get())));
        let answer = service.clone().oneshot(request).now_or_never().expect("nothing to wait for");
        answer.expect("no error").status() == 200
    })
}

async fn at_once(_: Request<()>) -> Result<Response<Body>, Infallible> {
    Ok(Response::new(Body::empty()))
}

/// Whom a request counts for, as if something before had found it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key([u8; 16]);

#[derive(Clone, Copy, Debug)]
struct Named;

impl KeyExtractor for Named {
    type Key = Key;

    fn extract<T>(&self, request: &Request<T>) -> Result<Key, GovernorError> {
        request.extensions().get().copied().ok_or(GovernorError::UnableToExtractKey)
    }
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
    [[route]]
    name = "everyone"
    try = ["numcheck/flash_call"]
"#;
