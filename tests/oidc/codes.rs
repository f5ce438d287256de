//! What a code is good for, and who gets something for it.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::stage::{Answer, Browser, PHONE, SECRET, Stage, forged, grant, signed};

#[tokio::test]
async fn f1_a_code_is_good_once() {
    let stage = Stage::new().await;
    let back = stage.step(&stage.request("rp")).await;
    stage.redeem("rp", back.code()).await.claims();
    stage.redeem("rp", back.code()).await.token_error(400, "invalid_grant");

    let back = stage.step(&stage.request("rp")).await;
    let answers = join_all((0..20).map(|_| stage.redeem("rp", back.code()))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
}

#[tokio::test]
async fn f1_a_code_ends_after_a_minute() {
    let stage = Stage::new().await;
    let back = stage.step(&stage.request("rp")).await;
    stage.clock.advance(Duration::from_secs(61));
    stage.redeem("rp", back.code()).await.token_error(400, "invalid_grant");
}

#[tokio::test]
async fn f1_a_code_is_good_for_its_client_address_and_pkce_verifier_only() {
    let stage = Stage::new().await;
    let back = stage.step(&stage.request("rp")).await;
    stage.redeem("other", back.code()).await.token_error(400, "invalid_grant");
    let with = |name: &'static str, value: &'static str| {
        let mut form: Vec<(&str, &str)> = grant(back.code()).to_vec();
        form.retain(|(own, _)| *own != name);
        form.push((name, value));
        form
    };
    let basic = Some(("rp", SECRET));
    for form in [
        with("redirect_uri", "https://rp.example/other"),
        with("code_verifier", "eBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
        with("code_verifier", "short"),
        with("code", "a.b.c"),
        with("code", "AAAA"),
    ] {
        stage.token(basic, &form).await.token_error(400, "invalid_grant");
    }
    for (name, error) in [("code_verifier", "invalid_request"), ("code", "invalid_request")] {
        stage.token(basic, &with(name, "")).await.token_error(400, error);
    }
    stage.token(basic, &with("grant_type", "refresh_token")).await.token_error(400, "unsupported_grant_type");
    let twice: Vec<(&str, &str)> = grant(back.code()).into_iter().chain([("code", back.code())]).collect();
    stage.token(basic, &twice).await.token_error(400, "invalid_request");
    // None of that used it up.
    stage.redeem("rp", back.code()).await.claims();
}

#[tokio::test]
async fn f1_what_is_sealed_for_one_thing_is_good_for_no_other() {
    let stage = Stage::new().await;
    let page = Browser::new().get(&stage.request("rp").url(&stage)).await.page();
    stage.redeem("rp", &page.ticket).await.token_error(400, "invalid_grant");
    let back = stage.step(&stage.request("other")).await;
    let userinfo = |token: String| async move {
        let request = reqwest::Client::builder().no_proxy().build().unwrap().get(stage.url("/userinfo"));
        Answer::of(request.bearer_auth(token)).await
    };
    assert_eq!(userinfo(back.code().to_owned()).await.status, 401);
}

#[tokio::test]
async fn a_client_has_to_show_who_it_is_in_one_way() {
    let stage = Stage::new().await;
    let back = stage.step(&stage.request("rp")).await;
    let form = grant(back.code());
    let plus =
        |more: &[(&'static str, &'static str)]| -> Vec<(&str, &str)> { form.iter().chain(more).copied().collect() };
    let wrong = stage.token(Some(("rp", "wrong")), &form).await;
    wrong.token_error(401, "invalid_client");
    assert!(wrong.headers.contains_key("www-authenticate"));
    stage.token(Some(("nobody", SECRET)), &form).await.token_error(401, "invalid_client");
    stage.token(Some(("signer", "")), &form).await.token_error(401, "invalid_client");
    stage.token(None, &form).await.token_error(401, "invalid_client");
    stage.token(None, &plus(&[("client_id", "rp")])).await.token_error(401, "invalid_client");
    let post = plus(&[("client_id", "rp"), ("client_secret", SECRET)]);
    stage.token(None, &post).await.token_error(401, "invalid_client");
    stage.token(Some(("rp", SECRET)), &post).await.token_error(400, "invalid_request");
    stage.token(Some(("rp", SECRET)), &plus(&[("client_id", "other")])).await.token_error(401, "invalid_client");
    let json = reqwest::Client::builder().no_proxy().build().unwrap().post(stage.url("/token")).json(&json!({}));
    Answer::of(json).await.token_error(400, "invalid_request");
    stage.redeem("rp", back.code()).await.claims();

    let back = stage.step(&stage.request("other")).await;
    let form = grant(back.code());
    let post: Vec<(&str, &str)> = form.into_iter().chain([("client_id", "other"), ("client_secret", SECRET)]).collect();
    stage.token(None, &post).await.claims();
}

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

#[tokio::test]
async fn f1_an_assertion_is_signed_for_us_and_good_once() {
    let stage = Stage::new().await;
    let object = signed(&stage.client_key, &stage.object());
    let back = stage.step(&stage.request("signer").with("request", &object)).await;
    let with = |assertion: &str| {
        let stage = &stage;
        let (assertion, code) = (assertion.to_owned(), back.code().to_owned());
        async move {
            let form: Vec<(&str, &str)> = grant(&code)
                .into_iter()
                .chain([("client_assertion_type", TYPE), ("client_assertion", assertion.as_str())])
                .collect();
            stage.token(None, &form).await
        }
    };
    for (how, assertion) in forged(&stage.client_key, &stage.assertion("f")) {
        let answer = with(&assertion).await;
        assert_eq!(answer.status, 401, "{how}");
    }
    for (name, value) in [
        ("aud", json!("https://else.example")),
        ("aud", json!([])),
        ("iss", json!("rp")),
        ("sub", json!("rp")),
        ("exp", json!(stage.now())),
        ("exp", json!(stage.now() + 7200)),
        ("iat", json!(stage.now() + 3600)),
        ("jti", json!("")),
        ("exp", json!(null)),
        ("jti", json!(null)),
    ] {
        let mut claims = stage.assertion("w");
        claims[name] = value;
        with(&signed(&stage.client_key, &claims)).await.token_error(401, "invalid_client");
    }
    // A request object is no assertion, and the other way round.
    with(&object).await.token_error(401, "invalid_client");

    let good = signed(&stage.client_key, &stage.assertion("1"));
    with(&good).await.claims();
    with(&good).await.token_error(401, "invalid_client");
    let mut to_endpoint = stage.assertion("2");
    to_endpoint["aud"] = json!([stage.url("/token")]);
    with(&signed(&stage.client_key, &to_endpoint)).await.token_error(400, "invalid_grant");
}

#[tokio::test]
async fn an_access_token_opens_userinfo_once_and_only_for_clients_that_have_it() {
    let stage = Stage::new().await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async |token: &str| Answer::of(http.get(stage.url("/userinfo")).bearer_auth(token)).await;

    let back = stage.step(&stage.request("other")).await;
    let given = stage.redeem("other", back.code()).await;
    let token = given.json()["access_token"].as_str().unwrap().to_owned();
    let claims = ask(&token).await;
    assert_eq!((claims.status, &claims.json()["phone_number"]), (200, &json!(PHONE)));
    assert_eq!(claims.json()["sub"], given.claims()["sub"]);
    assert_eq!(ask(&token).await.status, 401, "once");

    let back = stage.step(&stage.request("rp")).await;
    let token = stage.redeem("rp", back.code()).await.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(ask(&token).await.status, 401);

    let back = stage.step(&stage.request("other")).await;
    let token = stage.redeem("other", back.code()).await.json()["access_token"].as_str().unwrap().to_owned();
    stage.clock.advance(Duration::from_secs(61));
    assert_eq!(ask(&token).await.status, 401, "for a minute");
}

#[tokio::test]
async fn a_number_has_one_subject_at_one_client_and_another_at_the_next() {
    let stage = Stage::new().await;
    let mut subjects = Vec::new();
    for client in ["rp", "rp", "other"] {
        let back = stage.step(&stage.request(client)).await;
        let claims = stage.redeem(client, back.code()).await.claims();
        assert_eq!((&claims["aud"], &claims["iss"]), (&json!(client), &json!(stage.issuer)));
        subjects.push(claims["sub"].as_str().unwrap().to_owned());
    }
    assert_eq!(subjects[0], subjects[1]);
    assert_ne!(subjects[0], subjects[2]);
    assert!(!subjects.iter().any(|subject| subject.contains("26123456")));
}
