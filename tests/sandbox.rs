//! Drives the sandbox over its socket with plain HTTP, as a client in any language would.
#![cfg(feature = "sandbox")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "a helper that fails is a test that fails"
)]

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use handset::sandbox::{CallState, Event, Handset, IncomingCall, Knob, Sandbox, Scope};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

#[path = "sandbox/callbacks.rs"]
mod callbacks;
#[path = "sandbox/cells.rs"]
mod cells;
#[path = "sandbox/handsets.rs"]
mod handsets;
#[path = "sandbox/keys.rs"]
mod keys;
#[path = "sandbox/knobs.rs"]
mod knobs;
#[path = "sandbox/numcheck.rs"]
mod numcheck;
#[path = "sandbox/raw.rs"]
mod raw;
#[path = "sandbox/table.rs"]
mod table;
#[path = "sandbox/vendors.rs"]
mod vendors;
#[path = "sandbox/wire.rs"]
mod wire;

const NUMBER: &str = "+37126123456";
const INIT: &str = "/en/init-call?phone=37126123456";

/// Long enough for a loaded machine; nothing waits for it to pass unless something is broken.
const PATIENCE: Duration = Duration::from_secs(20);

fn ask(sandbox: &Sandbox, method: Method, path: &str) -> RequestBuilder {
    let client = Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE).build().unwrap();
    client.request(method, format!("{}{path}", sandbox.url()))
}

fn numcheck(sandbox: &Sandbox, path: &str) -> RequestBuilder {
    ask(sandbox, Method::POST, &format!("/numcheck{path}")).header("X-AUTH-Token", sandbox.numcheck_token().expose())
}

async fn json_of(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

async fn next_call(handset: &Handset) -> IncomingCall {
    tokio::time::timeout(PATIENCE, handset.next_call()).await.expect("no call came")
}

fn assert_refused(body: &Value, status: u16, error_code: i64) {
    assert_eq!(body["success"], false);
    assert_eq!(body["statusCode"], status);
    assert_eq!(body["errorCode"], error_code);
    assert!(!body["message"].as_str().unwrap().is_empty());
    assert_eq!(body.as_object().unwrap().len(), 4);
}

fn content_type(response: &Response) -> String {
    response.headers()["content-type"].to_str().unwrap().to_owned()
}
