//! The operator's flows without a redirect, asked by a client that does everything by hand.

use std::time::Duration;

use handset::sandbox::{Backchannel, Knob, Sandbox, Scope};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use super::silent::{PATIENCE, PHONE};

const SCOPE: &str = "dpv:FraudPreventionAndDetection number-verification:verify";
const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const CIBA: &str = "urn:openid:params:grant-type:ciba";

fn client() -> Client {
    Client::builder().timeout(PATIENCE).build().unwrap()
}

async fn sent(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn post(sandbox: &Sandbox, path: &str, form: &[(&str, &str)]) -> RequestBuilder {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = client().post(format!("{}{path}", sandbox.open_gateway_url()));
    request.header("content-type", "application/x-www-form-urlencoded").body(body)
}

fn known(sandbox: &Sandbox, request: RequestBuilder) -> RequestBuilder {
    request.basic_auth(sandbox.open_gateway_client_id(), Some(sandbox.open_gateway_client_secret().expose()))
}

async fn hinted(sandbox: &Sandbox, scope: &str, hints: &[(&str, &str)]) -> (u16, Value) {
    let form: Vec<_> = [("scope", scope)].into_iter().chain(hints.iter().copied()).collect();
    sent(known(sandbox, post(sandbox, "/bc-authorize", &form))).await
}

async fn polled(sandbox: &Sandbox, id: &Value) -> (u16, Value) {
    let form = [("grant_type", CIBA), ("auth_req_id", id.as_str().unwrap())];
    sent(known(sandbox, post(sandbox, "/token", &form))).await
}

fn signed(sandbox: &Sandbox, claims: &Value) -> String {
    let key = EncodingKey::from_ec_pem(sandbox.open_gateway_key().expose().as_bytes()).unwrap();
    encode(&Header::new(Algorithm::ES256), claims, &key).unwrap()
}

/// The claims of a good assertion, with changes.
fn claims(sandbox: &Sandbox, jti: &str, changes: Value) -> Value {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let id = sandbox.open_gateway_client_id();
    let token = sandbox.operator_token(PHONE).unwrap();
    let mut claims = json!({
        "iss": id, "sub": format!("operatortoken:{}", token.expose()), "aud": format!("{}/token", sandbox.open_gateway_url()),
        "iat": now, "exp": now + 60, "jti": jti, "scope": SCOPE,
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = match value.as_i64() {
            Some(ahead) => json!(now.checked_add_signed(ahead).unwrap()),
            None => value.clone(),
        };
    }
    claims
}

async fn asserted(sandbox: &Sandbox, claims: &Value) -> (u16, Value) {
    sent(post(sandbox, "/token", &[("grant_type", BEARER), ("assertion", &signed(sandbox, claims))])).await
}

async fn verified(sandbox: &Sandbox, token: &Value) -> (u16, Value) {
    let url = format!("{}/number-verification/v2/verify", sandbox.open_gateway_url());
    sent(client().post(url).bearer_auth(token.as_str().unwrap()).json(&json!({ "phoneNumber": PHONE }))).await
}

#[tokio::test]
async fn a_request_that_is_not_quite_right_is_not_taken() {
    let sandbox = Sandbox::start().await.unwrap();
    let openid = format!("openid {SCOPE}");
    let tel = ("login_hint", "tel:+37126123456");
    for (scope, hints, error) in [
        (SCOPE, &[tel][..], "invalid_scope"),
        ("openid", &[tel], "invalid_scope"),
        ("", &[tel], "invalid_scope"),
        (&openid, &[], "invalid_request"),
        (&openid, &[("login_hint_token", "x")], "invalid_request"),
        (&openid, &[tel, ("id_token_hint", "x")], "invalid_request"),
        (&openid, &[tel, tel], "invalid_request"),
        (&openid, &[("login_hint", "+37126123456")], "unknown_user_id"),
        (&openid, &[("login_hint", "tel:371 26123456")], "unknown_user_id"),
        (&openid, &[("login_hint", "operatortoken:made-up")], "unknown_user_id"),
    ] {
        let (status, body) = hinted(&sandbox, scope, hints).await;
        assert_eq!((status, &body["error"]), (400, &json!(error)), "{scope} {hints:?}");
    }
    let nobody = post(&sandbox, "/bc-authorize", &[("scope", &openid), tel]);
    assert_eq!(sent(nobody).await, (401, json!({ "error": "invalid_client", "error_description": "Refused" })));
    // An assertion for the token endpoint is for no other.
    let id = sandbox.open_gateway_client_id();
    let assertion = signed(&sandbox, &claims(&sandbox, "one", json!({ "sub": id })));
    let form = [
        ("scope", &*openid),
        tel,
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", &assertion),
    ];
    assert_eq!(sent(post(&sandbox, "/bc-authorize", &form)).await.0, 401);
}

#[tokio::test]
async fn who_asks_too_early_is_slowed_down_and_a_request_is_granted_once() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.knobs().set(Scope::All, Knob::Backchannel(Backchannel::Approve)).unwrap();
    let openid = format!("openid {SCOPE}");
    let (status, early) = hinted(&sandbox, &openid, &[("login_hint", "tel:+37126123456")]).await;
    assert_eq!((status, &early["expires_in"], &early["interval"]), (200, &json!(120), &json!(2)));
    assert_eq!(polled(&sandbox, &early["auth_req_id"]).await.1["error"], "slow_down");
    assert_eq!(sandbox.open_gateway_slow_downs(), 1);

    sandbox.knobs().set(Scope::All, Knob::PollInterval(Duration::ZERO)).unwrap();
    let (_, taken) = hinted(&sandbox, &openid, &[("login_hint", "tel:+37126123456")]).await;
    let (status, body) = polled(&sandbox, &taken["auth_req_id"]).await;
    assert_eq!(status, 200, "{body}");
    assert!(body["id_token"].is_string() && body.get("refresh_token").is_none());
    assert_eq!(verified(&sandbox, &body["access_token"]).await, (200, json!({ "devicePhoneNumberVerified": true })));
    for id in [&taken["auth_req_id"], &json!("made-up")] {
        assert_eq!(polled(&sandbox, id).await.1["error"], "invalid_grant");
    }
}

#[tokio::test]
async fn an_assertion_that_is_not_quite_right_is_refused() {
    let sandbox = Sandbox::start().await.unwrap();
    for (changes, error) in [
        (json!({ "iss": "another" }), "invalid_grant"),
        (json!({ "aud": "https://as.example/token" }), "invalid_grant"),
        (json!({ "aud": null }), "invalid_grant"),
        (json!({ "exp": -1 }), "invalid_grant"),
        (json!({ "exp": 301 }), "invalid_grant"),
        (json!({ "iat": 30 }), "invalid_grant"),
        (json!({ "jti": "" }), "invalid_grant"),
        (json!({ "sub": PHONE }), "invalid_grant"),
        (json!({ "sub": "operatortoken:made-up" }), "invalid_grant"),
        (json!({ "scope": "number-verification:verify" }), "invalid_scope"),
        (json!({ "scope": null }), "invalid_scope"),
    ] {
        let (status, body) = asserted(&sandbox, &claims(&sandbox, "one", changes.clone())).await;
        assert_eq!((status, &body["error"]), (400, &json!(error)), "{changes}");
    }
    let good = signed(&sandbox, &claims(&sandbox, "two", json!({})));
    let form = [("grant_type", BEARER), ("assertion", &*good)];
    let scoped: Vec<_> = form.into_iter().chain([("scope", SCOPE)]).collect();
    assert_eq!(sent(post(&sandbox, "/token", &scoped)).await.1["error"], "invalid_request");
    assert_eq!(sent(known(&sandbox, post(&sandbox, "/token", &form))).await.1["error"], "invalid_request");
    let (status, body) = sent(post(&sandbox, "/token", &form)).await;
    assert_eq!(status, 200, "{body}");
    assert!(body.get("id_token").is_none() && body.get("refresh_token").is_none());
    assert_eq!(verified(&sandbox, &body["access_token"]).await.0, 200);
    assert_eq!(sent(post(&sandbox, "/token", &form)).await.1["error"], "invalid_grant", "a second time");
}

#[tokio::test]
async fn naming_a_number_is_not_showing_it() {
    let sandbox = Sandbox::start().await.unwrap();
    let named = claims(&sandbox, "one", json!({ "sub": format!("tel:{PHONE}") }));
    let (status, body) = asserted(&sandbox, &named).await;
    assert_eq!(status, 200, "{body}");
    let (status, body) = verified(&sandbox, &body["access_token"]).await;
    let code = "NUMBER_VERIFICATION.USER_NOT_AUTHENTICATED_BY_MOBILE_NETWORK";
    assert_eq!((status, &body["code"]), (403, &json!(code)));
}

#[tokio::test]
async fn a_handset_is_reached_over_http_as_well() {
    let sandbox = Sandbox::start().await.unwrap();
    let at = |path: &str| client().post(format!("{}/handsets/{PHONE}/{path}", sandbox.url()));
    let (status, body) = sent(at("operator_token")).await;
    assert_eq!(status, 200, "{body}");
    let hint = format!("operatortoken:{}", body["operator_token"].as_str().unwrap());
    let openid = format!("openid {SCOPE}");
    assert_eq!(hinted(&sandbox, &openid, &[("login_hint", &hint)]).await.0, 200);
    assert_eq!(hinted(&sandbox, &openid, &[("login_hint", &hint)]).await.0, 400, "good once");
    let (_, body) = sent(at("operator_token").json(&json!({ "client_id": "another" }))).await;
    let hint = format!("operatortoken:{}", body["operator_token"].as_str().unwrap());
    assert_eq!(hinted(&sandbox, &openid, &[("login_hint", &hint)]).await.0, 400, "of another client");

    assert_eq!(sent(at("approval").json(&json!({ "approve": true }))).await, (200, json!({ "answered": 0 })));
    sandbox.knobs().set(Scope::All, Knob::PollInterval(Duration::ZERO)).unwrap();
    let (_, taken) = hinted(&sandbox, &openid, &[("login_hint", "tel:+37126123456")]).await;
    assert_eq!(polled(&sandbox, &taken["auth_req_id"]).await.1["error"], "authorization_pending");
    assert_eq!(sent(at("approval").json(&json!({ "approve": false }))).await, (200, json!({ "answered": 1 })));
    assert_eq!(polled(&sandbox, &taken["auth_req_id"]).await.1["error"], "access_denied");
    for (path, body) in
        [("approval", json!({})), ("approval", json!({ "approve": 1 })), ("operator_token", json!({ "x": 1 }))]
    {
        assert_eq!(at(path).json(&body).send().await.unwrap().status(), 400, "{path} {body}");
    }
}
