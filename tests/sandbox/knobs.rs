//! Knobs by way of NumCheck: from Rust and over HTTP.

use super::*;

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
async fn knobs_are_turned_over_http() {
    let sandbox = Sandbox::start().await.unwrap();
    let put = |body: &'static str| json_of(ask(&sandbox, Method::PUT, "/knobs").body(body));

    put(r#"{"caller_ending": "0042", "ids_as_strings": true}"#).await;
    let (status, shown) = put(r#"{"number": "37126123456", "not_answered": true, "http_500": false}"#).await;
    assert_eq!(status, StatusCode::OK);
    let both = json!({
        "all": { "caller_ending": "0042", "ids_as_strings": true },
        "vendors": {},
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
        (r#"{"vendor": 7, "html": true}"#, "`vendor`"),
        (r#"{"vendor": "nobody", "html": true}"#, "`citcall`"),
        (r#"{"vendor": "citcall", "number": "37126123456", "html": true}"#, "name one"),
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
    assert_eq!(
        json_of(ask(&sandbox, Method::GET, "/knobs")).await.1,
        json!({ "all": {}, "vendors": {}, "numbers": {} })
    );
}

#[tokio::test]
async fn a_slow_body_comes_byte_by_byte_and_never_ends() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.knobs().set(Scope::Vendor("numcheck"), Knob::SlowBody(Duration::from_millis(1))).unwrap();
    let mut response = numcheck(&sandbox, INIT).send().await.unwrap();
    let (mut text, mut pieces) = (String::new(), 0);
    // The answer is all there, and more comes.
    while !text.ends_with("}   ") {
        text.push_str(std::str::from_utf8(&response.chunk().await.unwrap().expect("it has ended")).unwrap());
        pieces += 1;
    }
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["success"], true);
    assert!(pieces > 10, "{pieces} pieces");

    drop(sandbox);
    tokio::time::timeout(PATIENCE, response.bytes()).await.expect("it goes on after the end of the sandbox").ok();
}
