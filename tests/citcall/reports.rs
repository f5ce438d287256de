//! What is posted in the vendor's name tells of the delivery and decides nothing, whoever posts it and whatever it says.

use std::{
    future::IntoFuture,
    net::IpAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
};
use bytes::Bytes;
use handset::{
    Endpoints, Verifier,
    check::Status,
    proof::ProofKey,
    provider::{
        citcall::{Citcall, Config},
        http::HttpClient,
    },
    sandbox::Sandbox,
    verifier::{Answer, Caller, Check},
};
use serde_json::{Value, json};
use tower::{BoxError, service_fn};

use super::{NUMBER, PATIENCE, POLICY, ada, answer, caller, start, v2, v3, wrap};

/// The address that the vendor is known to call from.
const VENDOR: &str = "104.199.196.122";

/// An application on a socket, behind a proxy that says where requests come from.
struct App {
    sandbox: Sandbox,
    verifier: Verifier,
    /// The bodies of the requests that the vendor got.
    asked: Arc<Mutex<Vec<Value>>>,
}

impl App {
    async fn start(config: impl FnOnce(&Sandbox) -> Config) -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let asked = Arc::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let verifier = Verifier::builder()
            .policy("policy.toml", POLICY)
            .proof_key(ProofKey::random().unwrap())
            .provider(Citcall::new(config(&sandbox), overheard(&asked)).unwrap())
            .public_url(format!("http://{}", listener.local_addr().unwrap()))
            .build()
            .unwrap();
        let proxied = from_fn(async |mut request: Request, next: Next| {
            if let Some(from) = request.headers().get("x-from") {
                let ip: IpAddr = from.to_str().unwrap().parse().unwrap();
                request.extensions_mut().insert(Caller::at(ip));
            }
            next.run(request).await
        });
        let app = Router::new().nest_service("/handset", Endpoints::new(&verifier)).layer(proxied);
        tokio::spawn(axum::serve(listener, app).into_future());
        Self { sandbox, verifier, asked }
    }

    /// Where the vendor was told to report on the check that was started last.
    fn told(&self) -> Option<String> {
        let asked = self.asked.lock().unwrap();
        asked.last().unwrap()["callback_url"].as_str().map(str::to_owned)
    }

    async fn look(&self, check: &Check) -> (Status, u8) {
        let check = self.verifier.status(&ada(), check.id).await.unwrap();
        (check.status, check.attempts_left)
    }

    /// Types what the phone shows.
    async fn finish(&self, check: &Check, number: &str) {
        let caller = caller(&self.sandbox, number).await;
        let (_, ending) = caller.split_at(9);
        assert!(matches!(answer(&self.verifier, check, ending).await, Answer::Verified(_)));
    }
}

/// A client that writes down what it is told to send.
fn overheard(asked: &Arc<Mutex<Vec<Value>>>) -> HttpClient {
    let asked = Arc::clone(asked);
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
    let service = service_fn(move |request: http::Request<Bytes>| {
        asked.lock().unwrap().push(serde_json::from_slice(request.body()).unwrap());
        let client = client.clone();
        async move {
            let answer = client.execute(request.try_into()?).await?;
            let status = answer.status();
            Ok::<_, BoxError>(http::Response::builder().status(status).body(answer.bytes().await?)?)
        }
    });
    HttpClient::new(service).danger_reach_private_addresses()
}

async fn post(url: &str, from: Option<&str>, body: impl Into<String>) -> u16 {
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
    let request = client.post(url).header("content-type", "application/json").body(body.into());
    let request = match from {
        Some(from) => request.header("x-from", from),
        None => request,
    };
    request.send().await.unwrap().status().as_u16()
}

/// A report in the words of both versions, on the check of this id.
fn report(result: &str, id: &str) -> Value {
    json!({
        "rc": "00", "trx_id": "20180205000001", "msisdn": "6281234567890", "via": "1", "token": "62215080", "dial_code": "200",
        "dial_status": "ANSWER", "call_status": "ANSWERED", "result": result, "clientUniqueId": id,
    })
}

/// Everything that somebody might say to end a check, one way or the other.
fn reports(id: &str) -> Vec<String> {
    let mut says = vec![report("Success", id), report("Failed", id), report("Verified", id)];
    for (name, value) in
        [("rc", json!(6)), ("verified", json!(true)), ("match", json!(true)), ("status", json!("COMPLETED"))]
    {
        let mut said = report("Success", id);
        said[name] = value;
        says.push(said);
    }
    says.iter().map(Value::to_string).collect()
}

#[tokio::test]
async fn no_report_to_the_url_of_a_check_decides_it() {
    let app = App::start(v3).await;
    let check = start(&app.verifier, NUMBER).await.unwrap();
    let url = app.told().expect("version 3 is told where to report");
    for said in reports(&check.id.to_string()) {
        assert_eq!(post(&url, Some(VENDOR), &*said).await, 200);
        assert_eq!(post(&url, Some(VENDOR), &*said).await, 200, "the same once more");
        assert_eq!(app.look(&check).await, (Status::Pending, 5), "{said}");
    }
    app.finish(&check, NUMBER).await;
    for said in reports(&check.id.to_string()) {
        assert_eq!(post(&url, Some(VENDOR), &*said).await, 200);
        assert_eq!(app.look(&check).await.0, Status::Verified, "{said}");
    }
}

#[tokio::test]
async fn no_report_to_the_url_of_the_account_decides_a_check() {
    let app = App::start(v2).await;
    let check = start(&app.verifier, NUMBER).await.unwrap();
    assert_eq!(app.told(), None, "version 2 has no place for a URL");
    let url = app.verifier.callback_url("citcall").unwrap();
    for said in reports(&check.id.to_string()) {
        let wrapped = wrap(&app.sandbox, &said).to_string();
        for body in [&said, &wrapped, &wrapped] {
            assert_eq!(post(&url, Some(VENDOR), body).await, 200);
            assert_eq!(app.look(&check).await, (Status::Pending, 5), "{said}");
        }
    }
    app.finish(&check, NUMBER).await;
    assert_eq!(post(&url, Some(VENDOR), report("Failed", &check.id.to_string()).to_string()).await, 200);
    assert_eq!(app.look(&check).await.0, Status::Verified);
}

#[tokio::test]
async fn a_report_from_elsewhere_is_not_heard() {
    for config in [v2, v3] {
        let app = App::start(config).await;
        let check = start(&app.verifier, NUMBER).await.unwrap();
        let url = app.told().or(app.verifier.callback_url("citcall")).unwrap();
        let said = report("Success", &check.id.to_string()).to_string();
        for from in [None, Some("127.0.0.1"), Some("104.199.196.123"), Some("::1"), Some("2001:db8::104.199.196.122")] {
            assert_eq!(post(&url, from, &*said).await, 404, "{from:?}");
        }
        for from in [VENDOR, "::ffff:104.199.196.122"] {
            assert_eq!(post(&url, Some(from), &*said).await, 200, "{from}");
        }
        for wrong in [format!("{url}x"), url.replace("/citcall/", "/numcheck/"), format!("{url}/..")] {
            assert_eq!(post(&wrong, Some(VENDOR), &*said).await, 404, "{wrong}");
        }
        assert_eq!(app.look(&check).await, (Status::Pending, 5));
    }
}

#[tokio::test]
async fn the_networks_are_a_setting() {
    let app = App::start(|sandbox| {
        let mut config = v3(sandbox);
        config.callback_sources = vec!["192.0.2.0/24".parse().unwrap()];
        config
    })
    .await;
    start(&app.verifier, NUMBER).await.unwrap();
    let (url, said) = (app.told().unwrap(), report("Success", "").to_string());
    assert_eq!(post(&url, Some("192.0.2.77"), &*said).await, 200);
    assert_eq!(post(&url, Some(VENDOR), &*said).await, 404);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    for (config, whole) in [(v2 as fn(&Sandbox) -> Config, true), (v3, false)] {
        let app = App::start(config).await;
        let check = start(&app.verifier, NUMBER).await.unwrap();
        let url = app.told().or(app.verifier.callback_url("citcall")).unwrap();
        let wrapped = wrap(&app.sandbox, &report("Success", &check.id.to_string()).to_string());
        let mut altered = wrapped.to_string();
        altered.remove(altered.len() / 2);
        assert_eq!(post(&url, Some(VENDOR), wrapped.to_string()).await, if whole { 200 } else { 404 });
        for garbage in
            ["", "{}", "null", "rc=00&result=Success", "[1]", r#"{"data":"AAAA"}"#, r#"{"data":7}"#, &altered]
        {
            assert_eq!(post(&url, Some(VENDOR), garbage).await, 404, "{garbage}");
        }
        assert_eq!(app.look(&check).await, (Status::Pending, 5));
    }
}

#[tokio::test]
async fn a_report_on_another_check_changes_neither() {
    const OTHER: &str = "+6281234567891";
    for (config, per_check) in [(v2 as fn(&Sandbox) -> Config, false), (v3, true)] {
        let app = App::start(config).await;
        let mut checks = Vec::new();
        for number in [NUMBER, OTHER] {
            checks.push((start(&app.verifier, number).await.unwrap(), app.told(), number));
        }
        let account = app.verifier.callback_url("citcall").unwrap();
        for url in checks.iter().filter_map(|(_, told, _)| told.clone()).chain([account]) {
            for id in [checks[0].0.id.to_string(), checks[1].0.id.to_string(), "nobody".to_owned()] {
                assert_eq!(post(&url, Some(VENDOR), report("Success", &id).to_string()).await, 200, "{id}");
            }
        }
        assert_ne!(checks[0].1.is_none(), per_check);
        assert!(!per_check || checks[0].1 != checks[1].1);
        for (check, _, number) in &checks {
            assert_eq!(app.look(check).await, (Status::Pending, 5));
            app.finish(check, number).await;
        }
    }
}
