//! What the layer adds to a service that answers at once: where nothing is asked, without a proof, and with a good one.
#![expect(clippy::expect_used, reason = "a benchmark that cannot run ends")]

use std::convert::Infallible;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use handset::{
    Action, PhoneNumber, StepUpLayer, Subject, Verifier,
    layer::PROOF_HEADER,
    proof::ProofKey,
    testing::CodeBook,
    verifier::{Answer, Caller, StartRequest},
};
use http::{Request, Response};
use http_body_util::Full;
use tokio::runtime::Runtime;
use tower::{Layer, ServiceExt, service_fn};

fn guard(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let (verifier, token) = runtime.block_on(proven());
    let inner = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) });
    let guarded = |name: &str| StepUpLayer::new(&verifier, action(name)).layer(inner);
    let request = |token: Option<&str>| {
        let mut request = Request::new(());
        request.extensions_mut().insert(ada());
        if let Some(token) = token {
            request.headers_mut().insert(PROOF_HEADER, token.parse().expect("a header's value"));
        }
        move || request.clone()
    };

    let mut group = c.benchmark_group("layer");
    group.bench_function("none", |b| {
        b.to_async(&runtime).iter_batched(request(None), |request| inner.oneshot(request), BatchSize::SmallInput);
    });
    for (name, action, token, status) in [
        ("allowed", "read", None, 200),
        ("refused", "transfer", None, 401),
        ("proven", "transfer", Some(token.as_str()), 200),
    ] {
        let service = guarded(action);
        let answer = runtime.block_on(service.clone().oneshot(request(token)())).expect("an answer");
        assert_eq!(answer.status(), status, "{name}");
        group.bench_function(name, |b| {
            let call = |request| service.clone().oneshot(request);
            b.to_async(&runtime).iter_batched(request(token), call, BatchSize::SmallInput);
        });
    }
    group.finish();
}

/// A verifier, and the token of a proof that it gave.
async fn proven() -> (Verifier, String) {
    let book = CodeBook::default();
    let builder = Verifier::builder().policy("policy.toml", POLICY);
    let builder = builder.proof_key(ProofKey::random().expect("a key")).provider(book.clone());
    let verifier = builder.build().expect("a verifier");
    let phone = PhoneNumber::parse("+37126123456", None).expect("a number");
    let check = verifier.start(StartRequest::new(ada(), phone, action("transfer"))).await.expect("a check");
    let code = book.last_code().expect("a code");
    match verifier.answer(&ada(), check.id, code.expose(), Caller::default()).await.expect("an answer") {
        Answer::Verified(verified) => (verifier, verified.token.expose().to_owned()),
        Answer::Incorrect { .. } => unreachable!("it is the code of the message"),
    }
}

fn ada() -> Subject {
    Subject::new("ada").expect("a subject")
}

fn action(name: &str) -> Action {
    Action::new(name).expect("an action")
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

criterion_group!(benches, guard);
criterion_main!(benches);
