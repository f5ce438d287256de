//! `axum-login` with a pending state that is no login.

#[path = "../../examples/axum_login/app.rs"]
mod app;

use handset::testing::CodeBook;
use http::StatusCode;
use serde_json::{Value, json};

use super::{Browser, last, verifier, wrong};

/// Ada's browser after her password, and the codes.
async fn pending() -> (Browser, CodeBook) {
    let (verifier, codes) = verifier();
    let mut browser = Browser::new(&app::app(&verifier).unwrap());
    let (status, page) = browser.post("/login", ada()).await;
    assert_eq!((status, &page["ask"]), (StatusCode::OK, &json!("+371******56")), "{page}");
    (browser, codes)
}

fn ada() -> Value {
    json!({ "name": "ada", "password": "correct horse" })
}

fn code(code: &str) -> Value {
    json!({ "code": code })
}

#[tokio::test]
async fn a_pending_session_reaches_no_guarded_route() {
    let (mut browser, codes) = pending().await;
    for path in ["/account", "/handset/checks/AAAAAAAAAAAAAAAAAAAAAA"] {
        assert_eq!(browser.get(path).await.0, StatusCode::UNAUTHORIZED, "{path}");
    }
    // Nor does it start a check of another number in Ada's name.
    let check = json!({ "phone_number": "+37126123499", "action": "transfer" });
    assert_eq!(browser.post("/handset/checks", check).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(browser.post("/transfer", json!({})).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(codes.messages().len(), 1);

    let (status, page) = browser.post("/login/code", code(&last(&codes))).await;
    assert_eq!((status, &page["amr"]), (StatusCode::OK, &json!(["pwd", "sms", "mfa"])));
    assert_eq!(browser.get("/account").await, (StatusCode::OK, json!("welcome, ada\n")));
}

#[tokio::test]
async fn the_session_has_another_id_after_the_login() {
    let (verifier, codes) = verifier();
    let app = app::app(&verifier).unwrap();
    // A stranger puts the session of a login that the stranger has begun into Ada's browser.
    let mut stranger = Browser::new(&app);
    stranger.post("/login", json!({ "name": "grace", "password": "battery staple" })).await;
    let mut ada_in_it = stranger.clone();
    let planted = ada_in_it.cookie.clone();
    ada_in_it.post("/login", ada()).await;
    let claimed = ada_in_it.cookie.clone();
    ada_in_it.post("/login/code", code(&last(&codes))).await;
    assert_eq!(ada_in_it.get("/account").await.0, StatusCode::OK);
    assert!(planted != claimed && claimed != ada_in_it.cookie && planted != ada_in_it.cookie);
    for cookie in [planted, claimed] {
        stranger.cookie = cookie;
        assert_eq!(stranger.get("/account").await.0, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn after_the_logout_nothing_is_left() {
    let (mut browser, codes) = pending().await;
    let before = browser.clone();
    let code = code(&last(&codes));
    browser.post("/login/code", code.clone()).await;
    let logged_in = browser.clone();
    assert_eq!(browser.post("/logout", json!({})).await.0, StatusCode::NO_CONTENT);
    for mut copy in [browser, logged_in, before] {
        assert_eq!(copy.get("/account").await.0, StatusCode::UNAUTHORIZED);
        assert_eq!(copy.post("/login/code", code.clone()).await.0, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_wrong_code_is_no_login() {
    let (mut browser, codes) = pending().await;
    let right = last(&codes);
    for _ in 0..4 {
        let (status, page) = browser.post("/login/code", code(&wrong(&right))).await;
        assert_eq!((status, &page["incorrect"]), (StatusCode::OK, &json!(true)));
        assert_eq!(browser.get("/account").await.0, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(browser.post("/login/code", code(&wrong(&right))).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(browser.post("/login/code", code(&right)).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(browser.post("/login/code", code("no code!")).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_code_is_no_use_in_a_second_browser_or_for_another_user() {
    let (verifier, codes) = verifier();
    let app = app::app(&verifier).unwrap();
    let (mut here, mut there, mut nowhere) = (Browser::new(&app), Browser::new(&app), Browser::new(&app));
    here.post("/login", ada()).await;
    let code_here = last(&codes);
    there.post("/login", json!({ "name": "grace", "password": "battery staple" })).await;
    let (status, page) = there.post("/login/code", code(&code_here)).await;
    assert_eq!((status, &page["incorrect"]), (StatusCode::OK, &json!(true)));
    // The same user twice: each browser has a check of its own.
    there.post("/login", ada()).await;
    let (status, page) = there.post("/login/code", code(&code_here)).await;
    assert_eq!((status, &page["incorrect"]), (StatusCode::OK, &json!(true)));
    assert_eq!(nowhere.post("/login/code", code(&code_here)).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(here.post("/login/code", code(&code_here)).await.0, StatusCode::OK);
    assert_eq!(there.get("/account").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_login_is_the_subject_of_the_layer_and_of_the_endpoints() {
    let (mut ada_s, codes) = pending().await;
    ada_s.post("/login/code", code(&last(&codes))).await;
    let (status, challenge) = ada_s.post("/transfer", json!({})).await;
    assert_eq!((status, &challenge["action"]), (StatusCode::UNAUTHORIZED, &json!("transfer")));
    let check = json!({ "phone_number": "+37126123456", "action": "transfer" });
    let (status, check) = ada_s.post("/handset/checks", check).await;
    assert_eq!(status, StatusCode::CREATED, "{check}");
    let path = format!("/handset/checks/{}/code", check["check_id"].as_str().unwrap());
    let proof = ada_s.post(&path, code(&last(&codes))).await.1["proof"].as_str().unwrap().to_owned();

    // It is hers: another login shows it in vain.
    let mut graces = Browser::new(&ada_s.app);
    graces.post("/login", json!({ "name": "grace", "password": "battery staple" })).await;
    graces.post("/login/code", code(&last(&codes))).await;
    assert_eq!(graces.get("/account").await.0, StatusCode::OK);
    graces.proof = Some(proof.clone());
    assert_eq!(graces.post("/transfer", json!({})).await.0, StatusCode::UNAUTHORIZED);
    ada_s.proof = Some(proof);
    assert_eq!(ada_s.post("/transfer", json!({})).await, (StatusCode::OK, json!("sent\n")));
}
