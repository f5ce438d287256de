//! What the layer takes from the heap where the policy asks nothing of a request: nothing.
#![cfg(feature = "testing")]
#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::convert::Infallible;

use bytes::Bytes;
use dhat::{Alloc, HeapStats, Profiler};
use futures_util::FutureExt;
use handset::{Action, StepUpLayer, Subject, Verifier, proof::ProofKey, testing::CodeBook, verifier::Caller};
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt, service_fn};

#[global_allocator]
static ALLOC: Alloc = Alloc;

#[test]
fn a_request_of_which_nothing_is_asked_costs_no_allocation() {
    let verifier = Verifier::builder()
        .policy("policy.toml", POLICY)
        .proof_key(ProofKey::random().unwrap())
        .provider(CodeBook::default())
        .build()
        .unwrap();
    let inner = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) });
    let guarded = |action: &str| StepUpLayer::new(&verifier, Action::new(action).unwrap()).layer(inner);
    let (open, asked) = (guarded("read"), guarded("transfer"));
    // What is made once, such as this thread's place in the table of policies, is made before.
    call(&open);

    let _profiler = Profiler::builder().testing().build();
    let direct = allocations(&inner);
    assert_eq!(allocations(&open), direct);
    assert!(allocations(&asked) > direct, "a refusal has a body: else nothing is counted here");
}

/// How many blocks one request takes from the heap.
fn allocations<S>(service: &S) -> u64
where
    S: Service<Request<()>, Error = Infallible> + Clone,
{
    let before = HeapStats::get().total_blocks;
    call(service);
    HeapStats::get().total_blocks - before
}

/// A request of a subject who is signed in, from an address that is known.
fn call<S>(service: &S)
where
    S: Service<Request<()>, Error = Infallible> + Clone,
{
    let mut request = Request::new(());
    request.extensions_mut().insert(Subject::new("ada").unwrap());
    request.extensions_mut().insert(Caller::default());
    assert!(service.clone().oneshot(request).now_or_never().unwrap().is_ok());
}

const POLICY: &str = r#"
    version = 1
    [[step_up]]
    name = "transfers"
    when = { action = "transfer" }
    require = { acr = "phone" }
    [[route]]
    name = "everyone"
    try = ["code_book/sms"]
"#;
