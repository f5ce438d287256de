//! Drives the sandbox over its socket with plain HTTP, as a client in any language would.
#![cfg(feature = "sandbox")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails is a test that fails"
)]

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use handset::sandbox::{CallState, Event, Handset, IncomingCall, Knob, Sandbox, Scope};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

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

async fn call_status(sandbox: &Sandbox, call_id: &Value) -> Value {
    let (status, mut info) = json_of(numcheck(sandbox, &format!("/ru/get-call-info?callId={call_id}"))).await;
    assert_eq!(status, StatusCode::OK);
    info["status"].take()
}

#[tokio::test]
async fn a_call_is_ordered_rings_and_is_told() {
    let sandbox = Sandbox::start().await.unwrap();
    let before = SystemTime::now();
    let (status, ordered) = json_of(numcheck(&sandbox, "/ru/init-call?phone=37126123456&description=Ada")).await;
    assert_eq!(status, StatusCode::OK);

    let handset = sandbox.handset(NUMBER);
    let call = next_call(&handset).await;
    assert_eq!(handset.number(), NUMBER);
    assert_eq!(call.from, format!("+{}", ordered["callerId"]));
    assert!(call.from.starts_with("+3716600") && call.from.len() == 12);
    assert!(call.at >= before - Duration::from_secs(1));
    let caller = ordered["callerId"].as_u64().unwrap();
    assert_eq!(
        ordered,
        json!({
            "callId": ordered["callId"].as_u64().unwrap(), "callerId": caller, "code": caller % 10_000,
            "statusCode": 200, "errorCode": 0, "message": null, "success": true,
        })
    );

    assert_eq!(call_status(&sandbox, &ordered["callId"]).await, 0);
    handset.hang_up();
    assert_eq!(call_status(&sandbox, &ordered["callId"]).await, 1);
    assert_eq!(sandbox.calls(), 1);
}

#[tokio::test]
async fn a_call_is_missed_when_its_time_is_over() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.knobs().set(Scope::All, Knob::RingTime(Duration::from_millis(1))).unwrap();
    let (_, ordered) = json_of(numcheck(&sandbox, INIT)).await;

    let handset = sandbox.handset(NUMBER);
    let began = next_call(&handset).await;
    let Event::IncomingCall(ended) = tokio::time::timeout(PATIENCE, handset.wait_for_event()).await.unwrap() else {
        panic!("another event")
    };
    assert_eq!((ended.state, ended.call, ended.id), (CallState::Missed, began.call, began.id + 1));
    assert_eq!(call_status(&sandbox, &ordered["callId"]).await, 1);
}

#[tokio::test]
async fn leading_zeros_are_lost_in_numbers_and_kept_in_strings() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.knobs().set(Scope::Number(NUMBER), Knob::CallerEnding("0042".into())).unwrap();
    let (_, ordered) = json_of(numcheck(&sandbox, INIT)).await;
    assert_eq!((&ordered["code"], &ordered["callerId"]), (&json!(42), &json!(37_166_000_042_u64)));
    assert_eq!(next_call(&sandbox.handset(NUMBER)).await.ending(), "0042");

    sandbox.knobs().set(Scope::All, Knob::IdsAsStrings).unwrap();
    let (_, ordered) = json_of(numcheck(&sandbox, INIT)).await;
    assert_eq!((&ordered["code"], &ordered["callerId"]), (&json!("0042"), &json!("37166000042")));
    assert!(ordered["callId"].is_string());
    let call_id = ordered["callId"].as_str().unwrap();
    let (_, info) = json_of(numcheck(&sandbox, &format!("/en/get-call-info?callId={call_id}"))).await;
    assert_eq!((&info["code"], &info["callId"], &info["status"]), (&json!("0042"), &json!(call_id), &json!(0)));
}

#[tokio::test]
async fn callers_differ() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut callers = BTreeSet::new();
    for _ in 0..20 {
        callers.insert(json_of(numcheck(&sandbox, INIT)).await.1["callerId"].as_u64().unwrap());
    }
    assert!(callers.len() > 10);
    assert_eq!(sandbox.calls(), 20);
}

#[tokio::test]
async fn what_the_vendor_would_not_take_is_refused() {
    let sandbox = Sandbox::start().await.unwrap();
    let long = format!("{INIT}&description={}", "%D1%84".repeat(65));
    let fits = format!("{INIT}&description={}", "%D1%84".repeat(64));
    assert_eq!(json_of(numcheck(&sandbox, &fits)).await.0, StatusCode::OK);
    let refused = [
        ("/de/init-call?phone=37126123456", 404, 3),
        ("/init-call?phone=37126123456", 404, 3),
        ("/en/init-call/?phone=37126123456", 404, 3),
        ("/en/verify?phone=37126123456", 404, 3),
        ("", 404, 3),
        ("/en/init-call", 422, 4),
        ("/en/init-call?phone=", 422, 4),
        ("/en/init-call?phone=%2B37126123456", 422, 4),
        ("/en/init-call?phone=+37126123456", 422, 4),
        ("/en/init-call?phone=371-26123456", 422, 4),
        ("/en/init-call?phone=026123456", 422, 4),
        ("/en/init-call?phone=371261", 422, 4),
        ("/en/init-call?phone=3712612345678901", 422, 4),
        ("/en/init-call?phone=37126123456&phone=37126123457", 422, 4),
        (&long, 422, 5),
        ("/en/get-call-info", 422, 6),
        ("/en/get-call-info?callId=", 422, 6),
        ("/en/get-call-info?callId=one", 422, 6),
        ("/en/get-call-info?callId=1&callId=2", 422, 6),
        ("/en/get-call-info?callId=999999", 404, 7),
    ];
    for (path, http_status, error_code) in refused {
        let (status, body) = json_of(numcheck(&sandbox, path)).await;
        assert_eq!(status.as_u16(), http_status, "{path}");
        assert_refused(&body, http_status, error_code);
    }
    assert_eq!(sandbox.calls(), 1);
    assert_eq!(sandbox.handset(NUMBER).events().len(), 1);
}

#[tokio::test]
async fn only_post_with_the_secret_key_is_served() {
    let sandbox = Sandbox::start().await.unwrap();
    let path = format!("/numcheck{INIT}");
    for token in [None, Some(""), Some("wrong"), Some("pNTmaqxpAmNxzQlDlagWIrpZ9Ge4qlzI")] {
        let mut request = ask(&sandbox, Method::POST, &path);
        if let Some(token) = token {
            request = request.header("X-AUTH-Token", token);
        }
        let (status, body) = json_of(request).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{token:?}");
        assert_refused(&body, 401, 1);
    }
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let request = ask(&sandbox, method.clone(), &path).header("X-AUTH-Token", sandbox.numcheck_token().expose());
        let (status, body) = json_of(request).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_refused(&body, 405, 2);
    }
    assert_eq!(sandbox.calls(), 0);
    assert_eq!(sandbox.numcheck_token().expose().len(), 32);
}

#[tokio::test]
async fn refusals_speak_the_locale() {
    let sandbox = Sandbox::start().await.unwrap();
    let (_, english) = json_of(numcheck(&sandbox, "/en/init-call")).await;
    let (_, russian) = json_of(numcheck(&sandbox, "/ru/init-call")).await;
    assert!(english["message"].as_str().unwrap().is_ascii());
    assert!(!russian["message"].as_str().unwrap().is_ascii());
}

fn assert_refused(body: &Value, status: u16, error_code: i64) {
    assert_eq!(body["success"], false);
    assert_eq!(body["statusCode"], status);
    assert_eq!(body["errorCode"], error_code);
    assert!(!body["message"].as_str().unwrap().is_empty());
    assert_eq!(body.as_object().unwrap().len(), 4);
}

#[tokio::test]
async fn an_unanswered_call_never_reaches_the_handset() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.knobs().set(Scope::Number("371 26 123 456"), Knob::NotAnswered).unwrap();
    let (status, ordered) = json_of(numcheck(&sandbox, INIT)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(call_status(&sandbox, &ordered["callId"]).await, -1);
    assert!(sandbox.handset(NUMBER).events().is_empty());
    assert_eq!(sandbox.calls(), 1);

    json_of(numcheck(&sandbox, "/en/init-call?phone=37126123457")).await;
    assert_eq!(sandbox.handset("+37126123457").events().len(), 1);
}

#[tokio::test]
async fn faults_answer_instead_of_the_vendor() {
    let sandbox = Sandbox::start().await.unwrap();
    let faulty = |knob: Knob| {
        sandbox.knobs().reset();
        sandbox.knobs().set(Scope::All, knob).unwrap();
        numcheck(&sandbox, INIT).send()
    };

    let response = faulty(Knob::Http500).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);

    let response = faulty(Knob::Html).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(content_type(&response).starts_with("text/html"));
    assert!(response.text().await.unwrap().starts_with("<!doctype html>"));

    let response = faulty(Knob::Redirect("http://169.254.169.254/".into())).await.unwrap();
    assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(response.headers()["location"], "http://169.254.169.254/");

    let response = faulty(Knob::ErrorCode { code: 77, status: 402 }).await.unwrap();
    assert_eq!(response.status(), StatusCode::PAYMENT_REQUIRED);
    assert_refused(&response.json().await.unwrap(), 402, 77);

    assert_eq!(sandbox.calls(), 0);
    assert_eq!(sandbox.requests().len(), 4);
}

#[tokio::test]
async fn faults_spoil_the_answer_after_the_call_was_made() {
    let sandbox = Sandbox::start().await.unwrap();
    let faulty = |knob: Knob| {
        sandbox.knobs().reset();
        sandbox.knobs().set(Scope::All, knob).unwrap();
        numcheck(&sandbox, INIT).send()
    };

    let response = faulty(Knob::WrongJson).await.unwrap();
    assert_eq!((response.status(), content_type(&response)), (StatusCode::OK, "application/json".to_owned()));
    let cut = response.text().await.unwrap();
    assert!(cut.starts_with("{\"") && serde_json::from_str::<Value>(&cut).is_err());

    let big = faulty(Knob::BigBody).await.unwrap().text().await.unwrap();
    assert!(big.len() > 2 * 1024 * 1024);
    assert_eq!(serde_json::from_str::<Value>(&big).unwrap()["success"], true);

    let dropped = match faulty(Knob::DropConnection).await {
        Ok(response) => response.bytes().await,
        Err(error) => Err(error),
    };
    assert!(!dropped.unwrap_err().is_timeout());

    assert_eq!(sandbox.calls(), 3);
    assert_eq!(sandbox.handset(NUMBER).events().len(), 3);
}

fn content_type(response: &Response) -> String {
    response.headers()["content-type"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn latency_is_waited_for() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.knobs().set(Scope::All, Knob::Latency(Duration::from_millis(40))).unwrap();
    let began = std::time::Instant::now();
    assert_eq!(json_of(numcheck(&sandbox, INIT)).await.0, StatusCode::OK);
    assert!(began.elapsed() >= Duration::from_millis(40));
}

#[tokio::test]
async fn a_request_that_times_out_is_let_go_when_the_sandbox_ends() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.knobs().set(Scope::All, Knob::TimeOut).unwrap();
    let waiting = tokio::spawn(numcheck(&sandbox, INIT).send());
    while sandbox.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(sandbox.requests()[0].status, None);
    assert_eq!(sandbox.calls(), 0);

    drop(sandbox);
    let ended = tokio::time::timeout(PATIENCE, waiting).await.unwrap().unwrap();
    assert!(ended.map_or_else(|error| !error.is_timeout(), |answer| answer.status().is_server_error()));
}

#[tokio::test]
async fn every_request_is_logged_without_showing_numbers() {
    let sandbox = Sandbox::start().await.unwrap();
    let (_, ordered) = json_of(numcheck(&sandbox, INIT)).await;
    call_status(&sandbox, &ordered["callId"]).await;
    json_of(numcheck(&sandbox, "/xx/init-call?phone=1")).await;

    let requests = sandbox.requests();
    let told: Vec<_> = requests
        .iter()
        .map(|r| (r.vendor, r.method.as_str(), r.path.as_str(), r.number.as_deref(), r.status))
        .collect();
    assert_eq!(
        told,
        [
            ("numcheck", "POST", "/numcheck/en/init-call", Some(NUMBER), Some(200)),
            ("numcheck", "POST", "/numcheck/ru/get-call-info", Some(NUMBER), Some(200)),
            ("numcheck", "POST", "/numcheck/xx/init-call", None, Some(404)),
        ]
    );
    let shown = format!("{sandbox:?} {requests:?} {:?}", sandbox.handset(NUMBER));
    assert!(!shown.contains("26123456") && !shown.contains(sandbox.numcheck_token().expose()), "{shown}");
}

#[tokio::test]
async fn a_handset_is_read_over_http() {
    let sandbox = Sandbox::start().await.unwrap();
    assert_eq!(json_of(ask(&sandbox, Method::GET, "/handsets/37126123456/events")).await.1, json!([]));
    sandbox.knobs().set(Scope::All, Knob::CallerEnding("4953".into())).unwrap();
    json_of(numcheck(&sandbox, INIT)).await;

    for path in ["/handsets/37126123456/events", "/handsets/+37126123456/events", "/handsets/%2B37126123456/events"] {
        let (_, events) = json_of(ask(&sandbox, Method::GET, path)).await;
        let at = humantime_like(events[0]["at"].as_str().unwrap());
        assert!(at, "{events}");
        assert_eq!(
            events,
            json!([{
                "kind": "incoming_call", "id": 1, "call": 1, "at": events[0]["at"],
                "from": "+37166004953", "state": "ringing",
            }])
        );
    }
    assert_eq!(json_of(ask(&sandbox, Method::GET, "/handsets")).await.1, json!([NUMBER]));
    let bad = ask(&sandbox, Method::GET, "/handsets/ada/events").send().await.unwrap();
    assert_eq!((bad.status().as_u16(), content_type(&bad).as_str()), (400, "application/problem+json"));
}

/// `2026-01-02T03:04:05.678Z`.
fn humantime_like(at: &str) -> bool {
    at.len() == 24 && at.ends_with('Z') && at.as_bytes()[10] == b'T'
}

/// Reads a stream until `done` likes what has come.
async fn read_until(response: &mut Response, text: &mut String, done: impl Fn(&str) -> bool) {
    while !done(text) {
        let chunk = response.chunk().await.unwrap().expect("the stream ended");
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
}

#[tokio::test]
async fn a_handset_is_followed_live() {
    let sandbox = Sandbox::start().await.unwrap();
    json_of(numcheck(&sandbox, INIT)).await;
    let follow = || ask(&sandbox, Method::GET, "/handsets/37126123456/events").header("Accept", "text/event-stream");
    let mut stream = follow().send().await.unwrap();
    assert!(content_type(&stream).starts_with("text/event-stream"));

    let mut text = String::new();
    read_until(&mut stream, &mut text, |text| text.contains("\n\n")).await;
    assert!(text.contains("id: 1\n") && text.contains("\"state\":\"ringing\""), "{text}");

    json_of(numcheck(&sandbox, INIT)).await;
    read_until(&mut stream, &mut text, |text| text.contains("id: 2\n") && text.ends_with("\n\n")).await;

    let mut resumed = follow().header("Last-Event-ID", "1").send().await.unwrap();
    let mut text = String::new();
    read_until(&mut resumed, &mut text, |text| text.contains("\n\n")).await;
    assert!(text.contains("id: 2\n") && !text.contains("id: 1\n"), "{text}");

    let mut after_restart = follow().header("Last-Event-ID", "77").send().await.unwrap();
    let mut text = String::new();
    read_until(&mut after_restart, &mut text, |text| text.contains("\n\n")).await;
    assert!(text.contains("id: 1\n"), "{text}");

    // Every stream ends with the sandbox.
    drop(sandbox);
    for stream in [stream, resumed, after_restart] {
        tokio::time::timeout(PATIENCE, stream.bytes()).await.expect("the stream hangs").ok();
    }
}

#[tokio::test]
async fn knobs_are_turned_over_http() {
    let sandbox = Sandbox::start().await.unwrap();
    let put = |body: &'static str| json_of(ask(&sandbox, Method::PUT, "/knobs").body(body));

    put(r#"{"caller_ending": "0042", "ids_as_strings": true}"#).await;
    let (status, shown) = put(r#"{"number": "37126123456", "not_answered": true, "http_500": false}"#).await;
    assert_eq!(status, StatusCode::OK);
    let both = json!({
        "all": { "caller_ending": "0042", "ids_as_strings": true },
        "numbers": { "+37126123456": { "not_answered": true } },
    });
    assert_eq!(shown, both);
    assert_eq!(json_of(ask(&sandbox, Method::GET, "/knobs")).await.1, both);
    let (_, ordered) = json_of(numcheck(&sandbox, INIT)).await;
    assert_eq!(ordered["code"], "0042");
    assert!(sandbox.handset(NUMBER).events().is_empty());

    for (bad, word) in [
        ("", "JSON object"),
        ("[]", "JSON object"),
        ("{\"latency\": ", "JSON object"),
        (r#"{"latencyy": 5}"#, "expected one of `latency`"),
        (r#"{"latency": "5"}"#, "`latency`"),
        (r#"{"caller_ending": "42"}"#, "four digits"),
        (r#"{"number": 37126123456, "html": true}"#, "`number`"),
        (r#"{"number": "ada", "html": true}"#, "digits"),
    ] {
        let (status, problem) = put(bad).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{bad}");
        assert!(problem["detail"].as_str().unwrap().contains(word), "{bad}: {problem}");
    }
    assert_eq!(json_of(ask(&sandbox, Method::GET, "/knobs")).await.1, both);

    let delete = |path| ask(&sandbox, Method::DELETE, path).send();
    assert_eq!(delete("/knobs?number=+37126123456").await.unwrap().status(), StatusCode::NO_CONTENT);
    json_of(numcheck(&sandbox, INIT)).await;
    assert_eq!(sandbox.handset(NUMBER).events().len(), 1);
    assert_eq!(delete("/knobs").await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(json_of(ask(&sandbox, Method::GET, "/knobs")).await.1, json!({ "all": {}, "numbers": {} }));
}

#[tokio::test]
async fn the_routes_can_be_mounted_in_another_app() {
    let sandbox = Sandbox::start().await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = axum::Router::new().route("/", axum::routing::get(|| async { "shop" })).merge(sandbox.router());
    let server = tokio::spawn(axum::serve(listener, app).into_future());

    json_of(numcheck(&sandbox, INIT)).await;
    let events: Value = reqwest::get(format!("{url}/handsets/{NUMBER}/events")).await.unwrap().json().await.unwrap();
    assert_eq!(events.as_array().unwrap().len(), 1);
    server.abort();
}

#[tokio::test]
async fn a_dropped_sandbox_gives_its_address_back() {
    let sandbox = Sandbox::start().await.unwrap();
    let url = sandbox.url();
    assert!(reqwest::get(format!("{url}/handsets")).await.unwrap().status().is_success());
    drop(sandbox);
    let address = url.trim_start_matches("http://").parse().unwrap();
    let again = async {
        loop {
            if let Ok(sandbox) = Sandbox::bind(address).await {
                return sandbox;
            }
            tokio::task::yield_now().await;
        }
    };
    let sandbox = tokio::time::timeout(PATIENCE, again).await.expect("the address is still taken");
    assert_eq!(sandbox.url(), url);
}
