//! Proofs: given with a right answer, by each algorithm, and refused, for each reason that a token can be refused for. What it costs to
//! take one is in `layer`.
#![expect(clippy::expect_used, reason = "a benchmark that cannot run ends")]

mod site;

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use bytes::Bytes;
use criterion::{BatchSize, Criterion, SamplingMode, criterion_group, criterion_main};
use futures_util::FutureExt;
use handset::{
    Secret, StepUpLayer,
    layer::PROOF_HEADER,
    proof::ProofKey,
    verifier::{Answer, Caller},
};
use http::{Request, Response};
use http_body_util::Full;
use site::{Proven, Site};
use tower::{Layer, ServiceExt, service_fn};

/// A right answer opens what was sealed, makes the proof and signs it; the algorithms differ by the signature.
fn given(c: &mut Criterion) {
    let mut group = c.benchmark_group("proof");
    group.sampling_mode(SamplingMode::Flat).sample_size(20).warm_up_time(Duration::from_millis(200));
    group.measurement_time(Duration::from_millis(400));
    for (algorithm, key) in keys() {
        let site = Site::with(ROOM, key);
        group.bench_function(format!("given/{algorithm}"), |b| {
            b.iter_custom(|count| {
                let open = site.open_many(count as usize);
                let begin = Instant::now();
                for open in &open {
                    let answer = site.verifier.answer(&open.subject, open.id, &open.code, Caller::default());
                    let answer = answer.now_or_never().expect("nothing to wait for");
                    assert!(matches!(answer, Ok(Answer::Verified(_))));
                }
                begin.elapsed()
            });
        });
    }
    group.finish();
}

fn refused(c: &mut Criterion) {
    let mut group = c.benchmark_group("proof");
    for (algorithm, key) in keys() {
        let (site, other) = (Site::with(ROOM, key.clone()), Site::with(ROOM, key));
        let proven = site.proven();
        let layer = |site: &Site| {
            let inner = service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())));
            StepUpLayer::new(&site.verifier, Site::action("transfer")).layer(inner)
        };
        // The same key in another process, where the proof is over.
        other.clock.advance(Duration::from_secs(3600));
        for (reason, token, guarded) in [
            ("another signature", other_signature(&proven), layer(&site)),
            ("no token", "no token".to_owned(), layer(&site)),
            ("over", proven.token.clone(), layer(&other)),
        ] {
            let mut request = Request::new(());
            request.extensions_mut().insert(proven.subject.clone());
            request.headers_mut().insert(PROOF_HEADER, token.parse().expect("a header's value"));
            group.bench_function(format!("refused/{reason}/{algorithm}"), |b| {
                let refuse = |request| {
                    let Ok(response) = guarded.clone().oneshot(request).now_or_never().expect("nothing to wait for");
                    assert_eq!(response.status(), 401);
                };
                b.iter_batched(|| request.clone(), refuse, BatchSize::SmallInput);
            });
        }
    }
    group.finish();
}

/// The token with another first character of its signature.
fn other_signature(proven: &Proven) -> String {
    let (signed, signature) = proven.token.rsplit_once('.').expect("a signature");
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    let rest: String = signature.chars().skip(1).collect();
    format!("{signed}.{other}{rest}")
}

fn keys() -> [(&'static str, ProofKey); 3] {
    let pem = |text| Secret::new(text);
    [
        ("HS256", ProofKey::hs256(&Secret::new("0123456789abcdef0123456789abcdef"))),
        ("ES256", ProofKey::es256_pem(&pem(include_str!("../src/proof/testdata/es256.pem")))),
        ("EdDSA", ProofKey::eddsa_pem(&pem(include_str!("../src/proof/testdata/eddsa.pem")))),
    ]
    .map(|(algorithm, key)| (algorithm, key.expect("a key")))
}

/// Live checks that there is room for.
const ROOM: usize = 2_000_000;

criterion_group!(benches, given, refused);
criterion_main!(benches);
