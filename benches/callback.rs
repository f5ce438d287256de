//! Checking and reading what vendors post, each by its own scheme, on messages of the real size: good ones and forged ones.
#![expect(clippy::expect_used, reason = "a benchmark that cannot run ends")]

use std::{
    convert::Infallible,
    future::{Ready, ready},
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use futures_util::FutureExt;
use handset::{
    ErrorKind, Secret,
    callback::{Message, RawCallback},
    provider::{
        Provider,
        citcall::{self, Citcall},
        http::HttpClient,
        idlayr::{self, DataResidency, IdLayr},
        zadarma::{self, Zadarma},
    },
};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, Method, Request, Response};
use serde_json::Value;
use sha1::Sha1;
use tokio::runtime::Runtime;
use tower::service_fn;

fn callbacks(c: &mut Criterion) {
    // Fetching the key set of a vendor has a time limit, and that needs a runtime.
    let runtime = Runtime::new().expect("a runtime");
    let _inside = runtime.enter();
    let mut group = c.benchmark_group("callback");
    for vendor in [zadarma(), idlayr(), citcall_v2(), citcall_v3()] {
        let ask = |message: Message| {
            // The key set of a vendor is fetched once, before anything is timed; then there is nothing to wait for.
            vendor.provider.callback(RawCallback::new(message), vendor.now).now_or_never().expect("nothing to wait for")
        };
        ask(vendor.good.clone()).expect("a good callback");
        group.bench_function(format!("{}/good", vendor.name), |b| {
            b.iter_batched(|| vendor.good.clone(), |message| ask(message).expect("a report"), BatchSize::SmallInput);
        });
        let Some(forged) = &vendor.forged else { continue };
        assert_eq!(ask(forged.clone()).expect_err("a forged callback").kind(), ErrorKind::Denied);
        group.bench_function(format!("{}/forged", vendor.name), |b| {
            b.iter_batched(|| forged.clone(), |message| ask(message).expect_err("refused"), BatchSize::SmallInput);
        });
    }
    group.finish();
}

struct Vendor {
    name: &'static str,
    provider: Box<dyn Provider>,
    good: Message,
    /// Nothing where the vendor signs nothing.
    forged: Option<Message>,
    now: SystemTime,
}

/// HMAC-SHA1 over three fields of a form, from the vendor's network.
fn zadarma() -> Vendor {
    let secret = "abcdefghij0123456789";
    let config = zadarma::Config::new(Secret::new("0123456789abcdefghij"), Secret::new(secret));
    let body = "event=NOTIFY_END&call_start=2024-10-23+16%3A00%3A47&pbx_call_id=out_0e7d449cac2f0a3ce54919e91cd999194e8f2d97\
                &caller_id=37126123456&called_did=0&internal=100&last_internal=100&duration=3&status_code=16&is_recorded=0\
                &calltype=callback_leg1&callback_dtmf=1&disposition=answered";
    let mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("a key");
    let mac = mac.chain_update("3712612345602024-10-23 16:00:47").finalize().into_bytes();
    let digest: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    let message = |signature: String| {
        let headers = HeaderMap::from_iter([(HeaderName::from_static("signature"), signature.parse().expect("ASCII"))]);
        let mut message = Message::new(Method::POST, URL, headers, Bytes::from_static(body.as_bytes()));
        message.peer = Some([185, 45, 152, 41].into());
        message
    };
    Vendor {
        name: "zadarma",
        provider: Box::new(Zadarma::new(config, nobody()).expect("a provider")),
        good: message(STANDARD.encode(&digest)),
        forged: Some(message(STANDARD.encode(digest.replace(|c: char| c.is_ascii_digit(), "a")))),
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(1_729_700_000),
    }
}

/// RSA-2048 over the headers, and the digest of the body among them.
fn idlayr() -> Vendor {
    let vectors: Value =
        serde_json::from_str(include_str!("../src/callback/testdata/signed.json")).expect("the vectors");
    let vector = vectors.get("callback").expect("a vector");
    let text = |name: &str| vector.get(name).and_then(Value::as_str).expect("a text").to_owned();
    let mut headers = HeaderMap::new();
    for (name, value) in vector.get("headers").and_then(Value::as_object).expect("headers") {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        headers.insert(name, value.as_str().expect("a text").parse().expect("a value"));
    }
    let good = Message::new(Method::POST, text("url"), headers, Bytes::from(text("body")));
    let mut forged = good.clone();
    forged.url = forged.url.replace("x=1", "x=2");
    let published = |_: Request<Bytes>| {
        let keys = Bytes::from_static(include_bytes!("../src/callback/testdata/jwks.json"));
        ready(Ok::<_, Infallible>(Response::new(keys)))
    };
    let config = idlayr::Config::new("a", Secret::new("b"), DataResidency::Eu).with_version(idlayr::Version::V0_1);
    Vendor {
        name: "idlayr",
        provider: Box::new(IdLayr::new(config, client(published)).expect("a provider")),
        good,
        forged: Some(forged),
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(1_591_029_811),
    }
}

/// Wrapped JSON, without a signature.
fn citcall_v2() -> Vendor {
    let (user, key) = ("acme", "0123456789abcdef0123456789abcdef");
    let now = 1_800_000_000_u64;
    let time: String = now.to_string().chars().rev().collect();
    let text = format!("{time}.{CITCALL}");
    // Each byte plus one of the user id and one of the key, both of which begin with their last byte; modulo 128.
    let turning = |key: &'static str| {
        let first = key.len() - 1;
        key.bytes().cycle().skip(first)
    };
    let keys = turning(user).zip(turning(key)).map(|(user, key)| user.wrapping_add(key));
    let wrapped: Vec<u8> = text.bytes().zip(keys).map(|(byte, key)| byte.wrapping_add(key) % 128).collect();
    let wrapped = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(wrapped);
    let mut config = citcall::Config::v2(Secret::new(user), Secret::new(key));
    config.callback_sources.clear();
    Vendor {
        name: "citcall v2",
        provider: Box::new(Citcall::new(config, nobody()).expect("a provider")),
        good: json(format!(r#"{{"data":"{wrapped}"}}"#)),
        forged: None,
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(now),
    }
}

/// Plain JSON, without a signature.
fn citcall_v3() -> Vendor {
    let mut config = citcall::Config::new(Secret::new("0123456789abcdef0123456789abcdef"));
    config.callback_sources.clear();
    Vendor {
        name: "citcall v3",
        provider: Box::new(Citcall::new(config, nobody()).expect("a provider")),
        good: json(CITCALL.to_owned()),
        forged: None,
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
    }
}

fn json(body: String) -> Message {
    Message::new(Method::POST, URL, HeaderMap::new(), Bytes::from(body))
}

/// A client of a vendor that answers so.
fn client<F>(answer: F) -> HttpClient
where
    F: Fn(Request<Bytes>) -> Ready<Result<Response<Bytes>, Infallible>> + Clone + Send + Sync + 'static,
{
    HttpClient::new(service_fn(answer))
}

/// A client of a vendor that is not there.
fn nobody() -> HttpClient {
    client(|_| ready(Ok(Response::new(Bytes::new()))))
}

const CITCALL: &str = include_str!("../src/provider/citcall/testdata/callback.json");
const URL: &str = "https://app.example.com/handset/callback/vendor/t0ken";

criterion_group!(benches, callbacks);
criterion_main!(benches);
