//! The server key changes while checks are under way: three processes on one Redis, before, during and after.
#![cfg(all(feature = "redis", feature = "testing", feature = "client"))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test fails by panicking, its helpers too"
)]

#[expect(dead_code, reason = "other tests use the rest")]
#[path = "common/redis.rs"]
mod server;

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use handset::{
    Action, Endpoints, ErrorKind, PhoneNumber, Secret, StepUpLayer, Subject, Verifier,
    check::{ServerKey, Status},
    layer::PROOF_HEADER,
    limiter::RedisLimiter,
    proof::ProofKey,
    provider::{
        http::HttpClient,
        zadarma::{Config, Zadarma},
    },
    redis::{Redis, RedisConfig},
    store::RedisStore,
    testing::{CodeBook, ManualClock},
    verifier::{Answer, Caller, Check, StartRequest},
};
use http::{
    Request, Response, StatusCode,
    header::{CONTENT_TYPE, COOKIE, SET_COOKIE},
};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use server::Server;
use tower::{Layer, ServiceExt, service_fn};

const POLICY: &str = r#"
version = 1

[[step_up]]
name = "transfers"
when = { action = "transfer" }
require = { acr = "phone", single_use = true }

[[route]]
name = "all"
try = ["code_book/sms"]
"#;

/// Processes with one Redis, one clock and one provider.
struct Deployment {
    _server: Server,
    redis: Redis,
    codes: CodeBook,
    clock: ManualClock,
}

impl Deployment {
    async fn new() -> Self {
        let server = Server::start();
        let redis = Redis::connect(RedisConfig::single(&server.url()).unwrap()).await.unwrap();
        Self { _server: server, redis, codes: CodeBook::default(), clock: ManualClock::default() }
    }

    /// A process that uses the first of the keys, and accepts the others.
    fn process(&self, keys: &[&str]) -> Verifier {
        let mut keys = keys.iter().map(|name| ServerKey::from_secret(&secret(name)).unwrap());
        let zadarma = Config::new(Secret::new("k".repeat(20)), Secret::new("s".repeat(20)));
        let builder = Verifier::builder()
            .policy("policy.toml", POLICY)
            .proof_key(ProofKey::hs256(&secret("proofs")).unwrap())
            .provider(self.codes.clone())
            .provider(Zadarma::new(zadarma, HttpClient::with_defaults().unwrap()).unwrap())
            .store(RedisStore::new(&self.redis))
            .limiter(RedisLimiter::new(&self.redis))
            .clock(self.clock.clone())
            .public_url("https://app.example.com")
            .server_key(keys.next().unwrap());
        keys.fold(builder, |builder, key| builder.also_accept_server_key(key)).build().unwrap()
    }

    async fn start(&self, at: &Verifier) -> (Check, Secret) {
        let phone = PhoneNumber::parse("+37126123456", None).unwrap();
        let check = at.start(StartRequest::new(ada(), phone, Action::new("transfer").unwrap())).await.unwrap();
        (check, Secret::new(self.codes.last_code().unwrap().expose()))
    }
}

fn secret(name: &str) -> Secret {
    Secret::new(format!("{name:-<40}"))
}

fn ada() -> Subject {
    Subject::new("ada").unwrap()
}

async fn prove(at: &Verifier, check: &Check, code: &Secret) -> String {
    match at.answer(&ada(), check.id, code.expose(), Caller::default()).await.unwrap() {
        Answer::Verified(verified) => verified.token.expose().to_owned(),
        incorrect @ Answer::Incorrect { .. } => panic!("{incorrect:?}"),
    }
}

#[tokio::test]
async fn h4_a_code_of_before_the_change_is_right_until_it_expires() {
    let site = Deployment::new().await;
    let (before, during, after) = (site.process(&["old"]), site.process(&["new", "old"]), site.process(&["new"]));
    let (check, code) = site.start(&before).await;

    assert_eq!(after.status(&ada(), check.id).await.unwrap_err().kind(), ErrorKind::CheckEnded);
    let unanswered = after.answer(&ada(), check.id, code.expose(), Caller::default()).await;
    assert_eq!(unanswered.unwrap_err().kind(), ErrorKind::CheckEnded);
    let wrong = during.answer(&ada(), check.id, "000000", Caller::default()).await.unwrap();
    assert!(matches!(wrong, Answer::Incorrect { attempts_left: 4 }), "{wrong:?}");
    prove(&during, &check, &code).await;

    let (check, code) = site.start(&before).await;
    site.clock.advance(Duration::from_secs(601));
    let late = during.answer(&ada(), check.id, code.expose(), Caller::default()).await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::CheckEnded);
}

/// Where several processes change one after the other: those that still use the old key accept the new one before.
#[tokio::test]
async fn h4_processes_of_both_keys_serve_the_same_checks() {
    let site = Deployment::new().await;
    let (first, second) = (site.process(&["old", "new"]), site.process(&["new", "old"]));
    for (here, there) in [(&first, &second), (&second, &first)] {
        let (check, code) = site.start(here).await;
        assert_eq!(there.status(&ada(), check.id).await.unwrap().status, Status::Pending);
        prove(there, &check, &code).await;
        assert_eq!(here.status(&ada(), check.id).await.unwrap().status, Status::Verified);
    }
}

#[tokio::test]
async fn h4_a_proof_that_was_used_before_the_change_is_used_after_it() {
    let site = Deployment::new().await;
    let (before, during) = (site.process(&["old"]), site.process(&["new", "old"]));
    for (first, second) in [(&before, &during), (&during, &before)] {
        let (check, code) = site.start(&before).await;
        let token = prove(&before, &check, &code).await;
        assert_eq!(transfer(first, &token).await, StatusCode::OK);
        assert_eq!(transfer(second, &token).await, StatusCode::UNAUTHORIZED);
        site.clock.advance(Duration::from_secs(60));
    }
}

async fn transfer(at: &Verifier, token: &str) -> StatusCode {
    let handler =
        service_fn(async |_: Request<Full<Bytes>>| Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())));
    let guarded = StepUpLayer::new(at, Action::new("transfer").unwrap()).layer(handler);
    let mut request = Request::post("/transfer").header(PROOF_HEADER, token).body(Full::default()).unwrap();
    request.extensions_mut().insert(ada());
    guarded.oneshot(request).await.unwrap().status()
}

#[tokio::test]
async fn h4_a_vendor_goes_on_to_call_the_url_of_before() {
    let site = Deployment::new().await;
    let old = site.process(&["old"]).callback_url("zadarma").unwrap();
    let new = site.process(&["new"]).callback_url("zadarma").unwrap();
    let during = site.process(&["new", "old"]);
    assert_eq!(during.callback_url("zadarma"), Some(new.clone()));
    for url in [&old, &new] {
        let (status, _, body) = visit(&during, Request::get(format!("{url}?zd_echo=2f7aC0")), None).await;
        assert_eq!((status, body), (StatusCode::OK, Bytes::from_static(b"2f7aC0")), "{url}");
    }
    let (status, ..) = visit(&site.process(&["new"]), Request::get(format!("{old}?zd_echo=2f7aC0")), None).await;
    assert_ne!(status, StatusCode::OK);
}

#[tokio::test]
async fn h4_a_visitor_of_before_the_change_can_finish() {
    let site = Deployment::new().await;
    let (before, during) = (site.process(&["old"]), site.process(&["new", "old"]));
    let order = json!({ "phone_number": "+37126123456", "action": "transfer" });
    let (status, cookie, body) = visit(&before, Request::post("/handset/checks"), Some(order)).await;
    assert_eq!(status, StatusCode::CREATED);
    let check: Value = serde_json::from_slice(&body).unwrap();
    let answer = Request::post(format!("/handset/checks/{}/code", check["check_id"].as_str().unwrap()));
    let code = json!({ "code": site.codes.last_code().unwrap().expose() });
    let (status, ..) = visit(&during, answer.header(COOKIE, cookie.unwrap()), Some(code)).await;
    assert_eq!(status, StatusCode::OK);
}

async fn visit(
    at: &Verifier,
    request: http::request::Builder,
    body: Option<Value>,
) -> (StatusCode, Option<String>, Bytes) {
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let request = request.header(CONTENT_TYPE, "application/json").body(Full::<Bytes>::from(body)).unwrap();
    let response = Endpoints::new(at).oneshot(request).await.unwrap();
    let cookie = response.headers().get(SET_COOKIE).and_then(|cookie| cookie.to_str().ok()?.split(';').next());
    let cookie = cookie.map(str::to_owned);
    (response.status(), cookie, response.into_body().collect().await.unwrap().to_bytes())
}

#[test]
fn one_key_is_not_accepted_beside_itself() {
    let key = ServerKey::from_secret(&secret("key")).unwrap();
    let builder = Verifier::builder().policy("policy.toml", POLICY).proof_key(ProofKey::random().unwrap());
    let built = builder.provider(CodeBook::default()).server_key(key.clone()).also_accept_server_key(key).build();
    let refused = built.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Misconfigured);
    assert!(refused.to_string().contains("two server keys"), "{refused}");
}
