//! The operator itself, asked by a client that does everything by hand.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use handset::sandbox::{Knob, Over, OverWifi, Sandbox, Scope};
use reqwest::{Client, RequestBuilder, redirect::Policy};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    parameter,
    silent::{OTHER, PATIENCE, PHONE},
};

const BACK: &str = "https://app.example/back";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const V2: &str = "openid dpv:FraudPreventionAndDetection number-verification:verify";
const V0: &str = "dpv:FraudPreventionAndDetection#number-verification-verify-read";

fn client() -> Client {
    Client::builder().redirect(Policy::none()).timeout(PATIENCE).build().unwrap()
}

/// The authorization URL, with changes: a value replaces, an empty one leaves out.
fn authorize(sandbox: &Sandbox, scope: &str, changes: &[(&str, &str)]) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER.as_bytes()));
    let mut pairs = vec![
        ("response_type", "code"),
        ("client_id", sandbox.open_gateway_client_id()),
        ("redirect_uri", BACK),
        ("scope", scope),
        ("state", "st"),
        ("nonce", "no"),
        ("prompt", "none"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        pairs.retain(|(known, _)| known != name);
        pairs.push((name, value));
    }
    pairs.retain(|(_, value)| !value.is_empty());
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("{}/authorize?{query}", sandbox.open_gateway_url())
}

async fn code(sandbox: &Sandbox, scope: &str, over: Over) -> String {
    let opened = sandbox.handset(PHONE).open(&authorize(sandbox, scope, &[]), over).await.unwrap();
    parameter(&opened.final_url, "code")
}

fn exchange(sandbox: &Sandbox, form: &[(&str, &str)]) -> RequestBuilder {
    let request = client().post(format!("{}/token", sandbox.open_gateway_url()));
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    request.header("content-type", "application/x-www-form-urlencoded").body(body)
}

fn known(sandbox: &Sandbox, request: RequestBuilder) -> RequestBuilder {
    request.basic_auth(sandbox.open_gateway_client_id(), Some(sandbox.open_gateway_client_secret().expose()))
}

fn form(code: &str) -> [(&str, &str); 4] {
    [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", BACK), ("code_verifier", VERIFIER)]
}

async fn json_of(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn token(sandbox: &Sandbox, scope: &str, over: Over) -> String {
    let code = code(sandbox, scope, over).await;
    let (status, body) = json_of(known(sandbox, exchange(sandbox, &form(&code)))).await;
    assert_eq!((status, &body["token_type"], &body["expires_in"]), (200, &json!("Bearer"), &json!(300)), "{body}");
    assert_eq!(body.get("id_token").is_some(), scope.contains("openid"));
    assert!(body.get("refresh_token").is_none());
    body["access_token"].as_str().unwrap().to_owned()
}

fn verify(sandbox: &Sandbox, version: &str, token: &str, body: &Value) -> RequestBuilder {
    let url = format!("{}/number-verification/{version}/verify", sandbox.open_gateway_url());
    client().post(url).bearer_auth(token).json(body)
}

#[tokio::test]
async fn a_number_is_compared_with_the_sim_in_every_version_and_form() {
    let sandbox = Sandbox::start().await.unwrap();
    let hash = |text: &str| -> String { Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02X}")).collect() };
    for (version, scope) in [("v0", V0), ("v1", V2), ("v2", V2)] {
        for (body, verified) in [
            (json!({ "phoneNumber": PHONE }), true),
            (json!({ "phoneNumber": OTHER }), false),
            (json!({ "hashedPhoneNumber": hash(PHONE) }), true),
            (json!({ "hashedPhoneNumber": hash(OTHER) }), false),
        ] {
            let token = token(&sandbox, scope, Over::MobileData).await;
            let answer = verify(&sandbox, version, &token, &body).header("x-correlator", "a-1").send().await.unwrap();
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.headers()["x-correlator"], "a-1");
            assert_eq!(answer.json::<Value>().await.unwrap(), json!({ "devicePhoneNumberVerified": verified }));
        }
    }
    for (version, scope, plain) in [("v0", V0, 200), ("v1", V2, 400)] {
        let token = token(&sandbox, scope, Over::MobileData).await;
        let body = json!({ "phoneNumber": PHONE.trim_start_matches('+') });
        assert_eq!(json_of(verify(&sandbox, version, &token, &body)).await.0, plain, "without + in {version}");
    }
}

#[tokio::test]
async fn a_question_that_is_not_quite_right_is_refused() {
    let sandbox = Sandbox::start().await.unwrap();
    for (body, correlator) in [
        (json!({}), "a"),
        (json!([]), "a"),
        (json!({ "phone": PHONE }), "a"),
        (json!({ "phoneNumber": PHONE, "hashedPhoneNumber": "00".repeat(32) }), "a"),
        (json!({ "phoneNumber": PHONE, "more": 1 }), "a"),
        (json!({ "phoneNumber": 37_126_123_456_u64 }), "a"),
        (json!({ "phoneNumber": "+0371261" }), "a"),
        (json!({ "phoneNumber": "+3712612345678901" }), "a"),
        (json!({ "phoneNumber": "+371 26123456" }), "a"),
        (json!({ "hashedPhoneNumber": "00".repeat(31) }), "a"),
        (json!({ "hashedPhoneNumber": "xx".repeat(32) }), "a"),
        (json!({ "phoneNumber": PHONE }), "a_b"),
        (json!({ "phoneNumber": PHONE }), "a b"),
    ] {
        let token = token(&sandbox, V2, Over::MobileData).await;
        let (status, answer) = json_of(verify(&sandbox, "v1", &token, &body).header("x-correlator", correlator)).await;
        assert_eq!((status, &answer["code"]), (400, &json!("INVALID_ARGUMENT")), "{body} {correlator}");
    }
    let right = json!({ "phoneNumber": PHONE });
    for (version, scope) in [("v0", V2), ("v1", V0), ("v2", V0)] {
        let token = token(&sandbox, scope, Over::MobileData).await;
        let (status, answer) = json_of(verify(&sandbox, version, &token, &right)).await;
        assert_eq!((status, &answer["code"]), (403, &json!("PERMISSION_DENIED")), "{version} with {scope}");
    }
    let token = token(&sandbox, V2, Over::MobileData).await;
    assert_eq!(json_of(verify(&sandbox, "v2", &token, &right)).await.0, 200);
    let (status, answer) = json_of(verify(&sandbox, "v2", &token, &right)).await;
    assert_eq!((status, &answer["code"]), (401, &json!("UNAUTHENTICATED")), "a token is good once");
    assert_eq!(json_of(verify(&sandbox, "v2", "made-up", &right)).await.0, 401);
    assert_eq!(json_of(verify(&sandbox, "v3", "made-up", &right)).await.0, 404);
    let read = client().get(format!("{}/number-verification/v2/verify", sandbox.open_gateway_url()));
    assert_eq!(json_of(read).await.0, 405);
}

#[tokio::test]
async fn a_device_is_sent_back_with_what_is_wrong() {
    let sandbox = Sandbox::start().await.unwrap();
    let phone = sandbox.handset(PHONE);
    for (changes, error) in [
        (&[("response_type", "token")][..], "unsupported_response_type"),
        (&[("scope", "openid")], "invalid_scope"),
        (&[("scope", "openid number-verification:verify")], "invalid_scope"),
        (&[("scope", "dpv:A dpv:B number-verification:verify")], "invalid_scope"),
        (&[("scope", "dpv:A number-verification:verify sim-swap:check")], "invalid_scope"),
        (&[("scope", "openid dpv:A#number-verification-verify-read")], "invalid_scope"),
        (&[("nonce", "")], "invalid_request"),
        (&[("prompt", "login")], "invalid_request"),
        (&[("code_challenge", "")], "invalid_request"),
        (&[("code_challenge", VERIFIER), ("code_challenge_method", "plain")], "invalid_request"),
    ] {
        let opened = phone.open(&authorize(&sandbox, V2, changes), Over::MobileData).await.unwrap();
        assert_eq!(opened.status, 302);
        assert!(opened.final_url.starts_with(BACK), "{changes:?}");
        assert_eq!(parameter(&opened.final_url, "error"), error, "{changes:?}");
        assert_eq!(parameter(&opened.final_url, "state"), "st");
        assert_eq!(parameter(&opened.final_url, "iss"), sandbox.open_gateway_url());
    }
    let twice = format!("{}&scope=openid", authorize(&sandbox, V2, &[]));
    let opened = phone.open(&twice, Over::MobileData).await.unwrap();
    assert_eq!(parameter(&opened.final_url, "error"), "invalid_request");
}

#[tokio::test]
async fn a_device_is_never_sent_to_a_stranger() {
    let sandbox = Sandbox::start().await.unwrap();
    let phone = sandbox.handset(PHONE);
    for changes in
        [&[("client_id", "another")][..], &[("redirect_uri", "")], &[("redirect_uri", "javascript:alert(1)")]]
    {
        let opened = phone.open(&authorize(&sandbox, V2, changes), Over::MobileData).await.unwrap();
        assert_eq!(opened.status, 400, "{changes:?}");
    }
    sandbox.open_gateway_redirect_uri("https://app.example/other");
    let opened = phone.open(&authorize(&sandbox, V2, &[]), Over::MobileData).await.unwrap();
    assert_eq!(opened.status, 400, "once one is registered, others are refused");
    assert!(phone.open("https://app.example/", Over::MobileData).await.is_err(), "not a URL of the emulators");
}

#[tokio::test]
async fn a_code_is_exchanged_once_by_whom_it_was_made_for() {
    let sandbox = Sandbox::start().await.unwrap();
    for (changed, error) in [
        (("redirect_uri", "https://app.example/back/"), "invalid_grant"),
        (("code_verifier", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), "invalid_grant"),
        (("code_verifier", "short"), "invalid_grant"),
        (("code_verifier", ""), "invalid_request"),
        (("code", "made-up"), "invalid_grant"),
        (("grant_type", "refresh_token"), "unsupported_grant_type"),
    ] {
        let code = code(&sandbox, V2, Over::MobileData).await;
        let form = form(&code).map(|pair| if pair.0 == changed.0 { changed } else { pair });
        let (status, body) = json_of(known(&sandbox, exchange(&sandbox, &form))).await;
        assert_eq!((status, &body["error"]), (400, &json!(error)), "{changed:?}");
    }
    let code = code(&sandbox, V2, Over::MobileData).await;
    assert_eq!(json_of(exchange(&sandbox, &form(&code))).await.0, 401, "nobody");
    let wrong = exchange(&sandbox, &form(&code)).basic_auth(sandbox.open_gateway_client_id(), Some("wrong"));
    assert_eq!(json_of(wrong).await, (401, json!({ "error": "invalid_client", "error_description": "Refused" })));
    let json_body = client().post(format!("{}/token", sandbox.open_gateway_url())).json(&json!({ "code": code }));
    assert_eq!(json_of(known(&sandbox, json_body)).await.0, 400, "JSON is not a form");

    let (status, first) = json_of(known(&sandbox, exchange(&sandbox, &form(&code)))).await;
    assert_eq!(status, 200, "a client that failed to show who it is has not used the code up");
    let (status, again) = json_of(known(&sandbox, exchange(&sandbox, &form(&code)))).await;
    assert_eq!((status, &again["error"]), (400, &json!("invalid_grant")));
    let token = first["access_token"].as_str().unwrap();
    let asked = verify(&sandbox, "v2", token, &json!({ "phoneNumber": PHONE }));
    assert_eq!(json_of(asked).await.0, 401, "a code that comes twice takes its token back");
}

#[tokio::test]
async fn a_mock_goes_by_the_last_digit_and_knows_no_hashes() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.knobs().set(Scope::All, Knob::OverWifi(OverWifi::Mock)).unwrap();
    for (number, verified) in [("+34600000001", true), ("+34600000002", false)] {
        let token = token(&sandbox, V0, Over::Wifi).await;
        let (_, body) = json_of(verify(&sandbox, "v0", &token, &json!({ "phoneNumber": number }))).await;
        assert_eq!(body, json!({ "devicePhoneNumberVerified": verified }));
    }
    let token = token(&sandbox, V0, Over::Wifi).await;
    let hash = json!({ "hashedPhoneNumber": "00".repeat(32) });
    assert_eq!(json_of(verify(&sandbox, "v0", &token, &hash)).await.0, 400);
}

#[tokio::test]
async fn a_handset_opens_urls_over_http_as_well() {
    let sandbox = Sandbox::start().await.unwrap();
    let open = |body: Value| client().post(format!("{}/handsets/37126123456/open", sandbox.url())).json(&body);
    let url = authorize(&sandbox, V2, &[]);
    let (status, opened) = json_of(open(json!({ "url": url, "over": "mobile_data" }))).await;
    assert_eq!((status, &opened["status"]), (200, &json!(302)));
    assert!(!parameter(opened["final_url"].as_str().unwrap(), "code").is_empty());
    let (_, opened) = json_of(open(json!({ "url": url, "over": "wifi" }))).await;
    assert_eq!(parameter(opened["final_url"].as_str().unwrap(), "error"), "access_denied");
    for body in
        [json!({}), json!({ "url": url, "over": "pigeon" }), json!({ "url": "http://127.0.0.1:1/", "over": "wifi" })]
    {
        assert_eq!(json_of(open(body)).await.0, 400);
    }
}
