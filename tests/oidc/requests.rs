//! Which authorization requests are served, and where errors go.

use reqwest::Method;
use serde_json::json;

use crate::stage::{Browser, PHONE, REDIRECT, Stage, encoded};

#[tokio::test]
async fn what_there_is_can_be_found() {
    let stage = Stage::new().await;
    let found = Browser::new().get(&stage.url("/.well-known/openid-configuration")).await;
    let metadata = found.json();
    assert_eq!(metadata["issuer"], json!(stage.issuer));
    assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(metadata["response_types_supported"], json!(["code"]));
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], json!(true));
    assert!(found.headers.contains_key("content-length"));
    let keys = Browser::new().get(metadata["jwks_uri"].as_str().unwrap()).await.json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2, "the key that signs, and one that is published besides");
    assert!(keys["keys"][0].get("d").is_none());
}

#[tokio::test]
async fn f1_nobody_is_sent_to_an_address_that_is_not_registered() {
    let stage = Stage::new().await;
    let request = stage.request("rp");
    for wrong in [
        request.with("redirect_uri", "https://evil.example/callback"),
        request.with("redirect_uri", &format!("{REDIRECT}/")),
        request.with("redirect_uri", &format!("{REDIRECT}?x=1")),
        request.with("redirect_uri", "https://rp.example/callback#part"),
        request.without("redirect_uri"),
        request.with("client_id", "nobody"),
        request.without("client_id"),
        request.with("redirect_uri", "https://evil.example/").with("prompt", "none"),
        request.with("redirect_uri", "https://evil.example/").with("request", "a.b.c"),
    ] {
        Browser::new().get(&wrong.url(&stage)).await.dead_end();
    }
    let twice = format!("{}&{}", request.url(&stage), encoded(&[("redirect_uri", "https://evil.example/")]));
    Browser::new().get(&twice).await.dead_end();
}

#[tokio::test]
async fn f1_pkce_with_a_hash_is_required() {
    let stage = Stage::new().await;
    let request = stage.request("rp");
    for wrong in [
        request.without("code_challenge"),
        request.without("code_challenge_method"),
        request.with("code_challenge_method", "plain"),
        request.with("code_challenge", "short"),
        request.without("code_challenge").without("code_challenge_method"),
    ] {
        stage.refused(&wrong).await.error("invalid_request");
    }
}

#[tokio::test]
async fn only_the_code_flow_is_served() {
    let stage = Stage::new().await;
    let request = stage.request("rp");
    for flow in ["token", "id_token", "code id_token", "none"] {
        stage.refused(&request.with("response_type", flow)).await.error("unsupported_response_type");
    }
    stage.refused(&request.with("scope", "phone")).await.error("invalid_scope");
    stage.refused(&request.with("response_mode", "fragment")).await.error("invalid_request");
    stage.refused(&request.with("request_uri", "https://rp.example/r")).await.error("request_uri_not_supported");
    stage.refused(&request.with("registration", "{}")).await.error("registration_not_supported");
    stage.refused(&request.with("max_age", "soon")).await.error("invalid_request");
    stage.refused(&request.with("claims", "[")).await.error("invalid_request");
    stage.refused(&stage.request("denied")).await.error("access_denied");
}

#[tokio::test]
async fn f1_errors_name_the_issuer_and_bring_the_state_back() {
    let stage = Stage::new().await;
    let back = stage.refused(&stage.request("rp").with("prompt", "none")).await;
    back.error("login_required");
    assert_eq!((&back.pairs["iss"], back.pairs["state"].as_str()), (&stage.issuer, "the state"));
    stage.refused(&stage.request("rp").with("prompt", "none login")).await.error("invalid_request");
}

#[tokio::test]
async fn every_step_is_taken_anew_so_that_max_age_is_met() {
    let stage = Stage::new().await;
    let request = stage.request("rp").with("max_age", "0").with("prompt", "login").with("display", "popup");
    let began = stage.now();
    let browser = Browser::new();
    for _ in 0..2 {
        let back = stage.walk(&browser, &request.url(&stage)).await;
        let claims = stage.redeem("rp", back.code()).await.claims();
        assert!(claims["auth_time"].as_u64().unwrap() >= began);
    }
    assert_eq!(stage.book.messages().len(), 2);
}

#[tokio::test]
async fn an_acr_is_given_by_the_clients_own_name_or_refused_where_it_is_essential() {
    let stage = Stage::new().await;
    let request = stage.request("rp");
    let back = stage.step(&request.with("acr_values", "urn:unknown urn:example:strong")).await;
    let claims = stage.redeem("rp", back.code()).await.claims();
    assert_eq!(
        (&claims["acr"], &claims["amr"]),
        (&json!("urn:example:strong"), &json!(["tel"])),
        "another rule decides"
    );

    let back = stage.step(&request.with("acr_values", "urn:unknown")).await;
    assert_eq!(stage.redeem("rp", back.code()).await.claims()["acr"], "phone", "a wish is no condition");

    let acr = |value: &str| json!({ "id_token": { "acr": { "essential": true, "values": [value] } } }).to_string();
    let back = stage.step(&request.with("claims", &acr("phone"))).await;
    assert_eq!(stage.redeem("rp", back.code()).await.claims()["acr"], "phone");
    let unmet = Browser::new().get(&request.with("claims", &acr("urn:unknown")).url(&stage)).await.back();
    unmet.error("unmet_authentication_requirements");
}

#[tokio::test]
async fn a_client_may_insist_on_a_subject_or_a_number() {
    let stage = Stage::new().await;
    let request = stage.request("rp");
    let wanting = |name: &str, value: &str| {
        request.with("claims", &json!({ "id_token": { name: { "value": value } } }).to_string())
    };
    let sub = stage.redeem("rp", stage.step(&request).await.code()).await.claims()["sub"].as_str().unwrap().to_owned();
    stage.step(&wanting("sub", &sub)).await.code();
    stage.step(&wanting("sub", "somebody else")).await.error("access_denied");
    stage.step(&wanting("phone_number", PHONE)).await.code();
    let other = Browser::new().get(&wanting("phone_number", "+37129999999").url(&stage)).await.back();
    other.error("invalid_request");
}

#[tokio::test]
async fn a_request_may_come_as_a_form() {
    let stage = Stage::new().await;
    let request = stage.request("rp");
    let form = request.url(&stage).split_once('?').unwrap().1.to_owned();
    let browser = Browser::new();
    let sent = browser.send(Method::POST, &stage.url("/authorize"), Some(form)).await;
    assert_eq!(sent.status, 303);
    let back = stage.walk(&browser, sent.location.as_deref().unwrap()).await;
    assert_eq!(stage.redeem("rp", back.code()).await.claims()["nonce"], "the nonce");
}
