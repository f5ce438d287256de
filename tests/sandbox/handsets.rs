//! Handsets over HTTP, and the life of the server.

use super::*;

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

#[tokio::test]
async fn a_call_is_answered_over_http() {
    let sandbox = Sandbox::start().await.unwrap();
    let answer = || json_of(ask(&sandbox, Method::POST, "/handsets/37126123456/answer"));
    assert_eq!(answer().await.1, json!({ "answered": false }));
    json_of(numcheck(&sandbox, INIT)).await;
    assert_eq!(answer().await.1, json!({ "answered": true }));
    let events = sandbox.handset(NUMBER).events();
    assert!(matches!(&events[1], Event::IncomingCall(call) if call.state == CallState::Answered), "{events:?}");
}

#[tokio::test]
async fn requests_are_read_over_http() {
    let sandbox = Sandbox::start().await.unwrap();
    json_of(numcheck(&sandbox, INIT)).await;
    json_of(ask(&sandbox, Method::POST, "/numcheck/en/init-call")).await;
    let (_, requests) = json_of(ask(&sandbox, Method::GET, "/requests")).await;
    assert!(humantime_like(requests[0]["at"].as_str().unwrap()), "{requests}");
    let first = json!({
        "id": 1, "at": requests[0]["at"], "vendor": "numcheck", "method": "POST", "path": "/numcheck/en/init-call",
        "number": NUMBER, "status": 200, "took_ms": requests[0]["took_ms"], "sent": requests[0]["sent"],
        "answered": requests[0]["answered"],
    });
    assert_eq!(requests[0], first);
    assert_eq!(requests[0]["sent"]["query"], json!([format!("phone={}", &NUMBER[1..])]));
    let (_, later) = json_of(ask(&sandbox, Method::GET, "/requests?after=1")).await;
    assert_eq!(later, json!([requests[1]]));
    assert_eq!((&later[0]["number"], &later[0]["status"]), (&Value::Null, &json!(401)));
}

#[tokio::test]
async fn everything_is_followed_live_from_a_snapshot_on() {
    let sandbox = Sandbox::start().await.unwrap();
    json_of(numcheck(&sandbox, INIT)).await;
    let mut stream = ask(&sandbox, Method::GET, "/activity").send().await.unwrap();
    assert!(content_type(&stream).starts_with("text/event-stream"));
    let mut text = String::new();
    read_until(&mut stream, &mut text, |text| text.contains("\n\n")).await;
    let snapshot: Value = serde_json::from_str(text.trim().strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(snapshot["snapshot"]["handsets"][NUMBER][0]["state"], "ringing");
    assert_eq!(snapshot["snapshot"]["requests"][0]["status"], 200);

    text.clear();
    sandbox.handset(NUMBER).hang_up();
    json_of(numcheck(&sandbox, INIT)).await;
    read_until(&mut stream, &mut text, |text| text.matches("\n\n").count() == 4).await;
    let said: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(said[0]["handset"]["event"]["state"], "ended");
    assert_eq!((&said[1]["request"]["id"], &said[1]["request"]["status"]), (&json!(2), &Value::Null));
    assert_eq!(said[2]["handset"]["number"], NUMBER);
    assert_eq!((&said[3]["request"]["id"], &said[3]["request"]["status"]), (&json!(2), &json!(200)));
}

#[tokio::test]
async fn the_page_loads_nothing_but_its_own_files() {
    let sandbox = Sandbox::start().await.unwrap();
    let home = ask(&sandbox, Method::GET, "/").send().await.unwrap();
    assert_eq!((home.status().as_u16(), home.headers()["location"].to_str().unwrap()), (307, "/phones"));
    let page = ask(&sandbox, Method::GET, "/phones").send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe") && policy.ends_with("frame-ancestors 'none'"), "{policy}");
    let text = page.text().await.unwrap();
    let files: Vec<_> = text.split('"').filter(|part| part.starts_with("phones/")).collect();
    assert_eq!(files.len(), 4, "{files:?}");
    for file in files {
        let answer = ask(&sandbox, Method::GET, &format!("/{file}")).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{file}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    }
}
