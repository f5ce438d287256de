//! What went over the wire, as the sandbox shows it: both sides of each exchange, without what opens an account.

use base64::{Engine, engine::general_purpose::STANDARD};
use handset::sandbox::{LoggedRequest, Sandbox};
use serde_json::{Value, json};

use super::{
    NUMBER, PATIENCE, ask,
    cells::citcall_order,
    json_of,
    raw::{Application, Ask},
    vendors::{citcall, endpoints, idlayr, idlayr_token, order},
};

/// Waits until the answers of all are there: the last byte is out a moment before it is noted down.
async fn whole(all: impl Fn() -> Vec<LoggedRequest>) -> Vec<LoggedRequest> {
    let waiting = async {
        while all().iter().any(|request| request.answered.is_none()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("an answer is not noted down");
    all()
}

#[tokio::test]
async fn both_sides_are_kept_and_no_secret_of_an_account_is() {
    let sandbox = Sandbox::start().await.unwrap();
    let token = idlayr_token(&sandbox).send(&sandbox).await.json()["access_token"].as_str().unwrap().to_owned();
    let vendors = ["citcall", "idlayr", "numcheck", "zadarma"].into_iter();
    for vendor in vendors.chain(cfg!(feature = "open-gateway").then_some("open_gateway")) {
        for request in endpoints(vendor, &sandbox).await {
            request.send(&sandbox).await;
        }
    }
    let requests = whole(|| sandbox.requests()).await;
    let shown = serde_json::to_string(&requests).unwrap();
    let mut secrets = vec![
        sandbox.citcall_api_key(),
        sandbox.idlayr_client_secret(),
        sandbox.numcheck_token(),
        sandbox.zadarma_key(),
        sandbox.zadarma_secret(),
    ];
    #[cfg(feature = "open-gateway")]
    secrets.push(sandbox.open_gateway_client_secret());
    let pair = STANDARD.encode(format!("{}:{}", sandbox.idlayr_client_id(), sandbox.idlayr_client_secret().expose()));
    for secret in secrets.iter().map(|secret| secret.expose()).chain([token.as_str(), &pair]) {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }
    assert!(shown.contains("authorization: Basic [redacted]") && shown.contains("x-auth-token: [redacted]"), "{shown}");

    let sms = requests.iter().find(|request| request.path == "/zadarma/v1/verify/").unwrap();
    let (sent, answered) = (sms.sent.as_ref().unwrap(), sms.answered.as_ref().unwrap());
    assert_eq!(sent.body, format!("channel=sms\nto={NUMBER}"));
    assert!(sent.headers.contains(&"content-type: application/x-www-form-urlencoded".to_owned()), "{:?}", sent.headers);
    assert!(answered.body.starts_with("{\n  \"request_id\": ") && sms.took_ms.is_some(), "{}", answered.body);
    let call = requests.iter().find(|request| request.path == "/numcheck/en/init-call").unwrap();
    assert_eq!(call.sent.as_ref().unwrap().query, [format!("phone={}", &NUMBER[1..])]);
    assert!(!format!("{requests:?}").contains("26123456"), "what is printed shows none of it");
}

#[tokio::test]
async fn callbacks_are_kept_with_what_the_application_said() {
    let (sandbox, application) = (Sandbox::start().await.unwrap(), Application::open().await);
    let settings = json!({ "vendor": "citcall", "ring_time": 0, "callback_url": application.url });
    super::table::turn(&sandbox, settings).await;
    citcall_order(&sandbox, &application.url).send(&sandbox).await;
    let check = idlayr(&sandbox, "POST /idlayr/phone_check/v0.1/checks").await;
    let check = check.json(&json!({ "phone_number": NUMBER, "callback_url": application.url }));
    let check = check.send(&sandbox).await.json()["check_id"].as_str().unwrap().to_owned();
    Ask::new(format!("GET /idlayr/phone_check/v0.1/checks/{check}/redirect")).send(&sandbox).await;
    Ask::new(format!("GET /idlayr/network/{check}")).header("x-sandbox-sim", NUMBER).send(&sandbox).await;

    let both = || Some(sandbox.callbacks()).filter(|told| told.len() == 2).unwrap_or_default();
    let waiting = async {
        while both().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("two callbacks");
    let told = whole(both).await;
    for (vendor, says) in [("citcall", "\"msisdn\""), ("idlayr", "\"match\": true")] {
        let callback = told.iter().find(|callback| callback.vendor == vendor).unwrap();
        assert_eq!((callback.path.as_str(), callback.status), (application.url.as_str(), Some(204)));
        let sent = callback.sent.as_ref().unwrap();
        assert!(sent.body.contains(says), "{}", sent.body);
        let is_signed = sent
            .headers
            .iter()
            .any(|header| header.starts_with("signature-input: ") || header.starts_with("authorization: "));
        assert_eq!(is_signed, vendor == "idlayr", "{:?}", sent.headers);
    }
    let (_, all) = json_of(ask(&sandbox, reqwest::Method::GET, "/callbacks")).await;
    assert_eq!(all.as_array().map(Vec::len), Some(2));
    let (_, later) = json_of(ask(&sandbox, reqwest::Method::GET, "/callbacks?after=1")).await;
    assert_eq!(later[0]["id"], 2);
}

#[tokio::test]
async fn what_is_long_is_cut_and_what_is_long_ago_forgotten() {
    let sandbox = Sandbox::start().await.unwrap();
    citcall(&sandbox, json!({ "msisdn": &NUMBER[1..], "note": "x".repeat(6000) })).send(&sandbox).await;
    let sent = whole(|| sandbox.requests()).await[0].sent.clone().unwrap();
    assert!(sent.body.len() == 4096 && sent.left_out > 1900, "{}", sent.left_out);
    let small = order("numcheck", &sandbox, NUMBER).await;
    for _ in 0..200 {
        small.send(&sandbox).await;
    }
    let requests = sandbox.requests();
    assert_eq!((requests[0].sent.is_none(), requests[0].status), (true, Some(200)), "its line stays");
    assert!(requests[1..].iter().all(|request| request.sent.is_some()));
    let (_, over_http): (_, Value) = json_of(ask(&sandbox, reqwest::Method::GET, "/requests?after=200")).await;
    assert_eq!(over_http[0]["sent"]["query"], json!([format!("phone={}", &NUMBER[1..])]));
}
