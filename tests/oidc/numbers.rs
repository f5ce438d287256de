//! Who may say which number is to be shown.

use handset::signing::SigningKey;
use serde_json::{Value, json};

use crate::stage::{Browser, OTHER_PHONE, PHONE, Stage, forged, phone, signed};

#[tokio::test]
async fn a_login_hint_is_the_word_of_whoever_made_the_link_and_the_token_says_so() {
    let stage = Stage::new().await;
    for (hint, number) in [(format!("tel:{PHONE}"), PHONE), ("tel:+371-2999-9999".to_owned(), OTHER_PHONE)] {
        let back = stage.step(&stage.request("rp").with("login_hint", &hint)).await;
        assert_eq!(stage.book.messages().last().unwrap().phone, phone(number));
        let claims = stage.redeem("rp", back.code()).await.claims();
        assert_eq!((&claims["phone_number"], &claims["phone_number_from"]), (&json!(number), &json!("login_hint")));
    }
}

#[tokio::test]
async fn a_request_without_a_number_that_counts_is_refused() {
    let stage = Stage::new().await;
    stage.refused(&stage.request("rp").without("login_hint")).await.error("invalid_request");
    stage.refused(&stage.request("rp").with("login_hint", "ada@example.com")).await.error("invalid_request");
    stage.refused(&stage.request("rp").with("login_hint", "tel:26123456")).await.error("invalid_request");
    // Their numbers come signed.
    stage.refused(&stage.request("signer")).await.error("invalid_request");
    stage.refused(&stage.request("hinted")).await.error("invalid_request");
}

#[tokio::test]
async fn of_a_signed_request_only_what_is_signed_counts() {
    let stage = Stage::new().await;
    let object = signed(&stage.client_key, &stage.object());
    let request = stage
        .request("signer")
        .with("login_hint", &format!("tel:{OTHER_PHONE}"))
        .with("state", "another")
        .with("request", &object);
    let back = stage.step(&request).await;
    assert_eq!(back.pairs["state"], "the state");
    assert_eq!(stage.book.messages().last().unwrap().phone, phone(PHONE));
}

#[tokio::test]
async fn f1_request_objects_of_others_are_refused() {
    let stage = Stage::new().await;
    let with = |object: &str| stage.request("signer").with("request", object);
    for (how, object) in forged(&stage.client_key, &stage.object()) {
        let back = stage.refused(&with(&object)).await;
        assert_eq!(back.pairs["error"], "invalid_request_object", "{how}");
    }
    for (name, value) in [
        ("iss", json!("rp")),
        ("aud", json!("https://else.example")),
        ("client_id", json!("rp")),
        ("exp", json!(stage.now())),
        ("exp", json!(null)),
        ("exp", json!(stage.now() + 7200)),
        ("nbf", json!(stage.now() + 3600)),
        ("sub", json!("signer")),
        ("request", json!("a.b.c")),
        ("request_uri", json!("https://rp.example/r")),
    ] {
        let mut claims = stage.object();
        claims[name] = value;
        let back = stage.refused(&with(&signed(&stage.client_key, &claims))).await;
        assert_eq!(back.pairs["error"], "invalid_request_object", "{name}");
    }
    // A client without keys has no request objects.
    let object = signed(&stage.client_key, &stage.object());
    stage.refused(&stage.request("rp").with("request", &object)).await.error("invalid_request_object");
    // An assertion is no request.
    let assertion = signed(&stage.client_key, &stage.assertion("1"));
    stage.refused(&with(&assertion)).await.error("invalid_request_object");
    // What is signed may still be wrong.
    let mut claims = stage.object();
    claims["redirect_uri"] = json!("https://evil.example/");
    Browser::new().get(&with(&signed(&stage.client_key, &claims)).url(&stage)).await.dead_end();
}

#[tokio::test]
async fn a_hint_of_the_clients_issuer_names_number_and_subject() {
    let stage = Stage::new().await;
    let hint = signed(&stage.hint_key, &stage.hint());
    let request = stage.request("hinted").without("login_hint").with("id_token_hint", &hint);
    let back = stage.step(&request).await;
    let claims = stage.redeem("hinted", back.code()).await.claims();
    assert_eq!((&claims["sub"], &claims["phone_number"]), (&json!("ada"), &json!(PHONE)));
    assert_eq!(claims["phone_number_from"], "id_token_hint");
    // A login_hint is not what this client is trusted with; it changes nothing.
    let back = stage.step(&request.with("login_hint", &format!("tel:{OTHER_PHONE}"))).await;
    assert_eq!(stage.redeem("hinted", back.code()).await.claims()["phone_number"], PHONE);
}

#[tokio::test]
async fn f1_hints_of_others_are_refused() {
    let stage = Stage::new().await;
    let with = |hint: &str| stage.request("hinted").with("id_token_hint", hint);
    for (how, hint) in forged(&stage.hint_key, &stage.hint()) {
        let back = stage.refused(&with(&hint)).await;
        assert_eq!(back.pairs["error"], "invalid_request", "{how}");
    }
    let stranger: &SigningKey = &stage.client_key;
    stage.refused(&with(&signed(stranger, &stage.hint()))).await.error("invalid_request");
    for (name, value) in [
        ("iss", json!("https://else.example")),
        ("aud", json!("somebody")),
        ("exp", json!(stage.now())),
        ("exp", Value::Null),
        ("iat", json!(stage.now() + 3600)),
        ("phone_number", Value::Null),
        ("phone_number", json!("26123456")),
        ("sub", json!("")),
    ] {
        let mut claims = stage.hint();
        claims[name] = value;
        stage.refused(&with(&signed(&stage.hint_key, &claims))).await.error("invalid_request");
    }
}

#[tokio::test]
async fn a_person_may_type_the_number_where_the_client_says_so() {
    let stage = Stage::new().await;
    let browser = Browser::new();
    let page = browser.get(&stage.request("typing").without("login_hint").url(&stage)).await.page();
    assert!(page.text.contains("name=\"phone\""), "{}", page.text);
    let page = browser.click(&stage, &page, "start", &[("phone", "26123456")]).await.page();
    assert!(page.text.contains("no phone number") && stage.book.messages().is_empty(), "{}", page.text);
    let page = browser.click(&stage, &page, "start", &[("phone", "+371 26 123 456")]).await.page();
    let code = stage.book.last_code().unwrap();
    let back = browser.click(&stage, &page, "answer", &[("code", code.expose())]).await.back();
    let claims = stage.redeem("typing", back.code()).await.claims();
    assert_eq!((&claims["phone_number"], &claims["phone_number_from"]), (&json!(PHONE), &json!("typed")));
}

#[tokio::test]
async fn nobody_types_another_number_than_the_one_that_is_named() {
    let stage = Stage::new().await;
    let browser = Browser::new();
    let page = browser.get(&stage.request("rp").url(&stage)).await.page();
    browser.click(&stage, &page, "start", &[("phone", OTHER_PHONE)]).await.page();
    assert_eq!(stage.book.messages().last().unwrap().phone, phone(PHONE));
}
