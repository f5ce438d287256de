//! The two examples of logins: a password alone opens nothing, in whatever way it is tried.
#![cfg(feature = "testing")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking, its helpers too")]

#[path = "../examples/identity_server/app.rs"]
mod app;
#[path = "logins/axum_login.rs"]
mod axum_login;
#[path = "../examples/identity_server/book.rs"]
mod book;
#[path = "logins/identity_server.rs"]
mod identity_server;
#[path = "../examples/identity_server/sessions.rs"]
mod sessions;

use axum::{
    Router,
    body::{Body, to_bytes},
};
use handset::{Verifier, proof::ProofKey, testing::CodeBook};
use http::{
    Method, Request, StatusCode,
    header::{CONTENT_TYPE, COOKIE, SET_COOKIE},
};
use serde_json::{Value, json};
use tower::ServiceExt;

const POLICY: &str = r#"
version = 1
[[step_up]]
name = "transfers"
when = { action = "transfer" }
require = { acr = "phone", max_age = "5m", single_use = true }
[[route]]
name = "all"
try = ["code_book/sms"]
"#;

fn verifier() -> (Verifier, CodeBook) {
    let codes = CodeBook::default();
    let verifier = Verifier::builder().policy("policy.toml", POLICY).proof_key(ProofKey::random().unwrap());
    (verifier.provider(codes.clone()).build().unwrap(), codes)
}

/// A browser with its cookie.
#[derive(Clone)]
struct Browser {
    app: Router,
    cookie: String,
    /// The headers that it sends besides.
    proof: Option<String>,
}

impl Browser {
    fn new(app: &Router) -> Self {
        Self { app: app.clone(), cookie: String::new(), proof: None }
    }

    async fn get(&mut self, path: &str) -> (StatusCode, Value) {
        self.send(Method::GET, path, Value::Null).await
    }

    async fn post(&mut self, path: &str, body: Value) -> (StatusCode, Value) {
        self.send(Method::POST, path, body).await
    }

    async fn send(&mut self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(COOKIE, &self.cookie)
            .header(CONTENT_TYPE, "application/json");
        if let Some(proof) = &self.proof {
            request = request.header("handset-proof", proof);
        }
        let request = request.body(Body::from(body.to_string())).unwrap();
        let response = self.app.clone().oneshot(request).await.unwrap();
        if let Some(cookie) = response.headers().get(SET_COOKIE) {
            self.cookie = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        }
        let status = response.status();
        let body = to_bytes(response.into_body(), 65_536).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        (status, serde_json::from_str(&text).unwrap_or(json!(text)))
    }
}

/// Another code of the same length.
fn wrong(code: &str) -> String {
    code.chars().map(|digit| if digit == '0' { '1' } else { '0' }).collect()
}

fn last(codes: &CodeBook) -> String {
    codes.last_code().unwrap().expose().to_owned()
}
