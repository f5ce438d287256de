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
