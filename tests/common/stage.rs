//! The stage of the end-to-end tests: a sandbox, a verifier, an axum application on a socket, and people who use it.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use axum::{Extension, Json, Router, middleware::map_request, routing::post};
use handset::{
    Action, Binding, Endpoints, KeyThumbprint, PhoneNumber, Proof, Secret, StepUpLayer, Subject, Verifier,
    proof::ProofKey,
    provider::{
        http::HttpClient,
        numcheck::{Config, NumCheck},
    },
    sandbox::Sandbox,
    testing::{CodeBook, ManualClock},
    verifier::{Builder, Caller, Facts, Ready},
};
use http::{HeaderMap, Method, Request};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Long enough for a loaded machine; nothing waits for it to pass unless something is broken.
pub(super) const PATIENCE: Duration = Duration::from_secs(40);

/// The number of the handset that rings.
pub(super) const PHONE: &str = "+37126123456";

/// An application with everything behind it. The clock stands still until it is moved.
pub(super) struct Stage {
    pub(super) sandbox: Sandbox,
    pub(super) book: CodeBook,
    pub(super) clock: ManualClock,
    pub(super) verifier: Verifier,
    /// Where the axum application listens.
    pub(super) url: String,
}

impl Stage {
    /// Sets everything up with the given policy; it may choose among `numcheck` and `code_book`.
    pub(super) async fn new(policy: &str) -> Self {
        Self::with(policy, |builder| builder).await
    }

    /// The same, with something more for the verifier.
    pub(super) async fn with(policy: &str, more: impl FnOnce(Builder<Ready>) -> Builder<Ready>) -> Self {
        Self::at(policy, |builder, _, _| more(builder)).await
    }

    /// The same, for what has to know the sandbox, and the URL at which the application will listen.
    pub(super) async fn at(policy: &str, more: impl FnOnce(Builder<Ready>, &Sandbox, &str) -> Builder<Ready>) -> Self {
        Self::through(HttpClient::danger_with_private_addresses().unwrap(), policy, more).await
    }

    /// The same, with a client of the test's own to the vendor.
    pub(super) async fn through(
        client: HttpClient,
        policy: &str,
        more: impl FnOnce(Builder<Ready>, &Sandbox, &str) -> Builder<Ready>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (book, clock) = (CodeBook::default(), ManualClock::default());
        let sandbox = Sandbox::start_with_clock(clock.clone()).await.unwrap();
        let config = Config::new(sandbox.numcheck_token().clone()).with_base_url(sandbox.numcheck_url());
        let key = ProofKey::es256_pem(&Secret::new(include_str!("../../src/proof/testdata/es256.pem"))).unwrap();
        let builder = Verifier::builder()
            .policy("policy.toml", policy)
            .proof_key(key)
            .provider(NumCheck::new(config, client).unwrap())
            .provider(book.clone())
            .clock(clock.clone());
        let verifier = more(builder, &sandbox, &url).build().unwrap();
        serve_axum(listener, &verifier);
        Self { sandbox, book, clock, verifier, url }
    }

    /// A person who is signed in to the application.
    pub(super) fn person(&self, name: &str) -> Person {
        Person::at(&self.url).with("x-user", name)
    }

    /// The last code in the book.
    pub(super) fn code(&self) -> String {
        self.book.last_code().unwrap().expose().to_owned()
    }

    /// A code that is not the last one.
    pub(super) fn wrong_code(&self) -> String {
        wrong(&self.code())
    }
}

/// Other digits of the same length.
pub(super) fn wrong(code: &str) -> String {
    code.chars().map(|digit| if digit == '0' { '1' } else { '0' }).collect()
}

/// Serves the application as any axum application would be.
fn serve_axum(listener: TcpListener, verifier: &Verifier) {
    let settings = StepUpLayer::new(verifier, Action::new("settings").unwrap());
    let app = Router::new()
        .route("/transfer", post(transfer).layer(guard(verifier)))
        .route("/settings", post(transfer).layer(settings))
        .nest_service("/handset", Endpoints::new(verifier))
        .layer(map_request(async |request| authenticate(request)));
    tokio::spawn(async move { axum::serve(listener, app).await });
}

async fn transfer(Extension(proof): Extension<Arc<Proof>>, headers: HeaderMap) -> Json<Value> {
    Json(seen(&proof, &headers))
}

/// What guards the transfers.
pub(super) fn guard(verifier: &Verifier) -> StepUpLayer {
    StepUpLayer::new(verifier, Action::new("transfer").unwrap())
}

/// What the handler behind the guard saw.
pub(super) fn seen(proof: &Proof, headers: &HeaderMap) -> Value {
    json!({
        "subject": proof.subject().as_str(),
        "phone": proof.phone().to_e164(),
        "action": proof.action().as_str(),
        "binding": proof.binding().map(Binding::as_str),
        "channel": proof.channel().as_str(),
        "token": headers.contains_key("handset-proof"),
    })
}

/// Stands for the application's own sessions: who asks, for which transaction, with which number, from which address.
pub(super) fn authenticate<B>(mut request: Request<B>) -> Request<B> {
    let header = |name| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let subject = header("x-user").map(|name| Subject::new(name).unwrap());
    let mut facts = Facts::default();
    facts.binding = header("x-binding").map(|text| Binding::new(text).unwrap());
    facts.key = header("x-key").map(|text| KeyThumbprint::new(text).unwrap());
    facts.phone = header("x-phone").map(|text| PhoneNumber::parse(&text, None).unwrap());
    facts.email = header("x-email");
    facts.client_ip = header("x-ip").map(|text| text.parse().unwrap());
    request.extensions_mut().insert(facts);
    if request.uri().path().contains("/callback/") {
        // Whom a real application would see: the vendors of these tests are on this machine.
        request.extensions_mut().insert(Caller::at(Ipv4Addr::LOCALHOST.into()));
    }
    if let Some(subject) = subject {
        request.extensions_mut().insert(subject);
    }
    request
}

/// Somebody who uses the application over HTTP.
#[derive(Clone)]
pub(super) struct Person {
    http: reqwest::Client,
    url: String,
    headers: HeaderMap,
}

impl Person {
    pub(super) fn at(url: &str) -> Self {
        // Reading the system's certificates takes longer than what is asked without TLS.
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(PATIENCE).build().unwrap();
        Self { http, url: url.to_owned(), headers: HeaderMap::new() }
    }

    /// The same person, who sends one more header with everything.
    pub(super) fn with(&self, name: &'static str, value: &str) -> Self {
        let mut person = self.clone();
        person.headers.insert(name, value.parse().unwrap());
        person
    }

    pub(super) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.url)).headers(self.headers.clone());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.unwrap();
        Answer { status, headers, body: serde_json::from_slice(&body).unwrap_or_default() }
    }

    /// Starts a check for a transfer.
    pub(super) async fn start(&self, phone: &str) -> Answer {
        self.start_with(json!({ "phone_number": phone, "action": "transfer" })).await
    }

    pub(super) async fn start_with(&self, body: Value) -> Answer {
        self.send(Method::POST, "/handset/checks", Some(body)).await
    }

    pub(super) async fn answer(&self, id: &str, code: &str) -> Answer {
        self.send(Method::POST, &format!("/handset/checks/{id}/code"), Some(json!({ "code": code }))).await
    }

    pub(super) async fn next(&self, id: &str) -> Answer {
        self.send(Method::POST, &format!("/handset/checks/{id}/next"), None).await
    }

    pub(super) async fn look(&self, id: &str) -> Answer {
        self.send(Method::GET, &format!("/handset/checks/{id}"), None).await
    }

    /// Does what is guarded, with a proof or without.
    pub(super) async fn transfer(&self, proof: Option<&str>) -> Answer {
        let person = match proof {
            Some(proof) => self.with("handset-proof", proof),
            None => self.clone(),
        };
        person.send(Method::POST, "/transfer", None).await
    }
}

/// A response. A body that is no JSON is null.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Answer {
    /// Insists on a status.
    #[track_caller]
    pub(super) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// Insists on a problem of RFC 9457 with everything that is promised of one.
    #[track_caller]
    pub(super) fn expect_problem(self, status: u16, slug: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.body["type"], format!("urn:handset:problem:{slug}"), "{}", answer.body);
        assert_eq!(answer.body["status"], status);
        assert!(answer.body["title"].is_string() && answer.body["detail"].is_string(), "{}", answer.body);
        answer
    }

    #[track_caller]
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no header `{name}`")).to_str().unwrap()
    }

    /// A member of the body that is a text.
    #[track_caller]
    pub(super) fn text(&self, member: &str) -> &str {
        self.body[member].as_str().unwrap_or_else(|| panic!("no text `{member}` in {}", self.body))
    }

    /// The id of the check that this shows.
    #[track_caller]
    pub(super) fn id(&self) -> &str {
        self.text("check_id")
    }
}
