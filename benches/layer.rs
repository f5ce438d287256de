//! What the layer adds to a service that answers at once: where nothing is asked, without a proof, with a proof that it has seen
//! before, and with one that it has not.
#![expect(clippy::expect_used, reason = "a benchmark that cannot run ends")]

mod site;

use std::{
    convert::Infallible,
    hint::black_box,
    time::{Duration, Instant},
};

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use futures_util::FutureExt;
use handset::{Secret, StepUpLayer, Subject, layer::PROOF_HEADER, proof::ProofKey};
use http::{Request, Response};
use http_body_util::Full;
use site::Site;
use tower::{Layer, Service, ServiceExt, service_fn};

fn guard(c: &mut Criterion) {
    let site = Site::new();
    let proven = site.proven();
    let inner = service_fn(at_once);
    let (anybody, owner) = (request(&proven.subject, None), request(&proven.subject, Some(&proven.token)));
    let mut group = c.benchmark_group("layer");
    // What it takes without the layer. A request with a token takes longer to drop.
    for (name, request) in [("none", &anybody), ("none, with a token", &owner)] {
        group.bench_function(name, |b| {
            b.iter_batched(|| request.clone(), |request| call(&inner, request), BatchSize::SmallInput);
        });
    }
    for (name, action, request, status) in [
        ("allowed", "read", anybody.clone(), 200),
        ("refused", "transfer", anybody.clone(), 401),
        ("proof seen before", "transfer", owner.clone(), 200),
    ] {
        let guarded = StepUpLayer::new(&site.verifier, Site::action(action)).layer(inner);
        assert_eq!(call(&guarded, request.clone()).status(), status, "{name}");
        group.bench_function(name, |b| {
            b.iter_batched(|| request.clone(), |request| call(&guarded, request), BatchSize::SmallInput);
        });
    }
    group.finish();
}

/// A proof is new once, so each is shown once to a verifier that has just been built.
fn new_proofs(c: &mut Criterion) {
    let mut group = c.benchmark_group("layer");
    let pem = |text| Secret::new(text);
    let keys = [
        ("HS256", ProofKey::hs256(&Secret::new("0123456789abcdef0123456789abcdef"))),
        ("ES256", ProofKey::es256_pem(&pem(include_str!("../src/proof/testdata/es256.pem")))),
        ("EdDSA", ProofKey::eddsa_pem(&pem(include_str!("../src/proof/testdata/eddsa.pem")))),
    ];
    for (algorithm, key) in keys {
        let key = key.expect("a key");
        let issuer = Site::with(PROOFS, key.clone());
        let requests: Vec<_> = (0..proofs())
            .map(|_| issuer.proven())
            .map(|proven| request(&proven.subject, Some(&proven.token)))
            .collect();
        group.bench_function(format!("proof not seen before/{algorithm}"), |b| {
            b.iter_custom(|count| {
                let mut took = Duration::ZERO;
                let mut left = count as usize;
                while left > 0 {
                    let some = left.min(requests.len());
                    left -= some;
                    let site = Site::with(1, key.clone());
                    let guarded = StepUpLayer::new(&site.verifier, Site::action("transfer")).layer(service_fn(at_once));
                    let requests: Vec<_> = requests.iter().take(some).cloned().collect();
                    let begin = Instant::now();
                    for request in requests {
                        assert_eq!(black_box(call(&guarded, request)).status(), 200);
                    }
                    took += begin.elapsed();
                }
                took
            });
        });
    }
    group.finish();
}

async fn at_once(_: Request<()>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::default())
}

/// The answer of a service that has nothing to wait for.
fn call<S>(service: &S, request: Request<()>) -> S::Response
where
    S: Service<Request<()>, Error = Infallible> + Clone,
{
    let Ok(response) = service.clone().oneshot(request).now_or_never().expect("nothing to wait for");
    response
}

fn request(subject: &Subject, token: Option<&str>) -> Request<()> {
    let mut request = Request::new(());
    request.extensions_mut().insert(subject.clone());
    if let Some(token) = token {
        request.headers_mut().insert(PROOF_HEADER, token.parse().expect("a header's value"));
    }
    request
}

/// As many as a verifier is shown before there is another one. In a test run, which is a try and measures nothing, a few.
fn proofs() -> usize {
    if std::env::args().any(|argument| argument == "--bench") { PROOFS } else { 10 }
}

const PROOFS: usize = 200;

criterion_group!(benches, guard, new_proofs);
criterion_main!(benches);
