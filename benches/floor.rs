//! The limits that the other benchmarks are held against: the least that each path cannot do without, by the very libraries
//! that the paths use.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a benchmark that cannot run ends")]

mod site;

use std::{
    collections::BTreeMap,
    hint::black_box,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use governor::RateLimiter;
use handset::{Channel, Secret, proof::ProofKey};
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use moka::{Expiry, sync::Cache};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use site::Site;

fn hashes(c: &mut Criterion) {
    let mut group = c.benchmark_group("floor");
    let prepared = Hmac::<Sha256>::new(&[7; 64].into());
    group.bench_function("hmac_sha256/48 bytes", |b| {
        b.iter(|| prepared.clone().chain_update(black_box([1_u8; 48])).finalize().into_bytes());
    });
    let prepared = Hmac::<Sha1>::new(&[7; 64].into());
    group.bench_function("hmac_sha1/32 bytes", |b| {
        b.iter(|| prepared.clone().chain_update(black_box([1_u8; 32])).finalize().into_bytes());
    });
    group.finish();
}

/// What a second thread is worth on this machine, to work that has nothing in common with that of the first.
fn threads(c: &mut Criterion) {
    let mut group = c.benchmark_group("floor");
    let prepared = Hmac::<Sha256>::new(&[7; 64].into());
    let work = |count: u64| {
        for _ in 0..count {
            black_box(prepared.clone().chain_update(black_box([1_u8; 48])).finalize().into_bytes());
        }
    };
    for threads in [1, 2] {
        group.bench_function(format!("threads/{threads}"), |b| {
            b.iter_custom(|count| {
                let begin = Instant::now();
                thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(|| work(count.div_ceil(threads))))));
                begin.elapsed()
            });
        });
    }
    group.finish();
}

/// One look into a cache of so many live entries, each time at another one.
fn cache(c: &mut Criterion) {
    let mut group = c.benchmark_group("floor");
    for entries in live_checks() {
        let cache = Cache::builder().expire_after(TenMinutes).build();
        let key =
            |number: u64| u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).to_be_bytes();
        for number in 0..*entries {
            cache.insert(key(number), Arc::new([0_u8; 200]));
        }
        let mut number = 0_u64;
        group.bench_function(format!("moka_get/{entries}"), |b| {
            b.iter(|| {
                number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                cache.get(black_box(&key((number >> 33) % entries))).expect("an entry")
            });
        });
    }
    group.finish();
}

struct TenMinutes;

impl Expiry<[u8; 16], Arc<[u8; 200]>> for TenMinutes {
    fn expire_after_create(&self, _: &[u8; 16], _: &Arc<[u8; 200]>, _: Instant) -> Option<Duration> {
        Some(Duration::from_secs(600))
    }
}

fn governor(c: &mut Criterion) {
    let mut group = c.benchmark_group("floor");
    let quota = governor::Quota::per_second(1_000_000_000.try_into().expect("not zero"));
    let limiter = RateLimiter::keyed(quota);
    group.bench_function("governor_check/one key", |b| b.iter(|| limiter.check_key(black_box(&[1_u8; 16]))));
    let mut key = 0_u128;
    group.bench_function("governor_check/10000 keys", |b| {
        b.iter_batched(
            || {
                key = (key + 1) % 10_000;
                key.to_be_bytes()
            },
            |key| limiter.check_key(&key),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// Reading the same token into the same claims, with the signature checked and nothing else; and signing these claims.
fn tokens(c: &mut Criterion) {
    let mut group = c.benchmark_group("floor");
    let pem = |text| Secret::new(text);
    let (secret, hs256, es256, eddsa) = (
        "0123456789abcdef0123456789abcdef",
        Algorithm::HS256,
        pem(include_str!("../src/proof/testdata/es256.pem")),
        pem(include_str!("../src/proof/testdata/eddsa.pem")),
    );
    for (algorithm, key, encoding) in [
        (hs256, ProofKey::hs256(&Secret::new(secret)), Ok(EncodingKey::from_secret(secret.as_bytes()))),
        (Algorithm::ES256, ProofKey::es256_pem(&es256), EncodingKey::from_ec_pem(es256.expose().as_bytes())),
        (Algorithm::EdDSA, ProofKey::eddsa_pem(&eddsa), EncodingKey::from_ed_pem(eddsa.expose().as_bytes())),
    ] {
        let site = Site::with(10, key.expect("a key"));
        let token = site.proven().token;
        let jwk = site.verifier.jwks()["keys"].get(0).cloned();
        let decoding = match jwk {
            Some(jwk) => DecodingKey::from_jwk(&serde_json::from_value(jwk).expect("a JWK")).expect("a key"),
            None => DecodingKey::from_secret(secret.as_bytes()),
        };
        let mut validation = Validation::new(algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        group.bench_function(format!("jwt_decode/{algorithm:?}"), |b| {
            b.iter(|| decode::<Claims>(black_box(&token), &decoding, &validation).expect("a good token").claims);
        });
        let claims = decode::<Claims>(&token, &decoding, &validation).expect("a good token").claims;
        let (header, encoding) = (Header::new(algorithm), encoding.expect("a key"));
        group.bench_function(format!("jwt_encode/{algorithm:?}"), |b| {
            b.iter(|| encode(&header, black_box(&claims), &encoding).expect("a token"));
        });
    }
    group.finish();
}

/// The claims of a proof.
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    jti: String,
    iat: u64,
    exp: u64,
    auth_time: u64,
    acr: String,
    amr: Vec<String>,
    action: String,
    channel: Channel,
    phone_number: String,
    phone_number_verified: bool,
    line: Value,
}

/// What a vendor's callback cannot be checked without: its signature and its parts.
fn callbacks(c: &mut Criterion) {
    let mut group = c.benchmark_group("floor");
    let vectors: Value = serde_json::from_str(include_str!("../src/callback/testdata/signed.json")).expect("vectors");
    let vector = &vectors["callback"];
    let body = vector["body"].as_str().expect("a body");
    group.bench_function("serde_json/idlayr", |b| {
        b.iter(|| serde_json::from_str::<Value>(black_box(body)).expect("JSON"));
    });
    group.bench_function("sha256/idlayr", |b| b.iter(|| Sha256::digest(black_box(body))));
    let citcall = include_str!("../src/provider/citcall/testdata/callback.json");
    group.bench_function("serde_json/citcall", |b| {
        b.iter(|| serde_json::from_str::<Value>(black_box(citcall)).expect("JSON"));
    });
    let form = "event=NOTIFY_END&call_start=2024-10-23+16%3A00%3A47&pbx_call_id=out_0e7d449cac2f0a3ce54919e91cd999194e8f2d97\
                &caller_id=37126123456&called_did=0&internal=100&last_internal=100&duration=3&status_code=16&is_recorded=0\
                &calltype=callback_leg1&callback_dtmf=1&disposition=answered";
    group.bench_function("form/zadarma", |b| {
        b.iter(|| {
            let fields = form_urlencoded::parse(black_box(form.as_bytes()));
            fields.map(|(name, value)| (name.into_owned(), value.into_owned())).collect::<BTreeMap<_, _>>()
        });
    });
    let keys: Value = serde_json::from_str(include_str!("../src/callback/testdata/jwks.json")).expect("keys");
    let jwk = serde_json::from_value(keys["keys"][0].clone()).expect("a JWK");
    let key = DecodingKey::from_jwk(&jwk).expect("a key");
    let signature = vector["headers"]["authorization"].as_str().and_then(|text| text.split('"').rev().nth(1));
    let signature = STANDARD.decode(signature.expect("a signature")).expect("base64");
    let signature = URL_SAFE_NO_PAD.encode(signature);
    // As much text as is signed; that it is not the signed one takes the same time.
    let text = [b'x'; 220];
    group.bench_function("rsa2048_verify", |b| {
        b.iter(|| jsonwebtoken::crypto::verify(black_box(&signature), &text, &key, Algorithm::RS256));
    });
    group.finish();
}

/// In a test run, which is a try and measures nothing, the fewest.
fn live_checks() -> &'static [u64] {
    if std::env::args().any(|argument| argument == "--bench") { &[1_000, 100_000, 1_000_000] } else { &[1_000] }
}

criterion_group!(benches, hashes, threads, cache, governor, tokens, callbacks);
criterion_main!(benches);
