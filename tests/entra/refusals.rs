//! Checklist line F7: what is not Entra's word about a person of ours gets an error, and nothing is issued or sent.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::{
    microsoft::{Form, Key, LATER, OTHER_TENANT, TENANT, claims, forged, signed_with_text},
    stage::{ADA, BOB, EVE, Stage, TESS, ZOE, part},
};

/// Asks, and looks that nobody's phone was reached.
async fn refused(stage: &Stage, form: &Form) -> String {
    let before = stage.messages();
    let error = stage.authorize(form).await.refusal();
    assert_eq!(stage.messages(), before, "nothing is sent for a request that is refused");
    error
}

fn changed(stage: &Stage, changes: &Value) -> Form {
    let mut claims = stage.claims();
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    stage.hinting(&claims)
}

#[tokio::test]
async fn f7_a_hint_of_another_tenant_is_refused() {
    let stage = Stage::new().await;
    let issuer = |tenant: &str| format!("{}/{tenant}/v2.0", stage.microsoft.url);
    for changes in [
        json!({ "tid": OTHER_TENANT, "iss": issuer(OTHER_TENANT) }),
        json!({ "tid": OTHER_TENANT }),
        json!({ "iss": issuer(OTHER_TENANT) }),
        json!({ "iss": "https://login.microsoftonline.com/common/v2.0" }),
        json!({ "iss": format!("{}/", issuer(TENANT)) }),
        json!({ "tid": null }),
        json!({ "oid": "testuser2@contoso.com" }),
        json!({ "oid": null }),
        json!({ "sub": "" }),
    ] {
        assert_eq!(refused(&stage, &changed(&stage, &changes)).await, "invalid_request", "{changes}");
    }
}

#[tokio::test]
async fn f7_a_hint_for_another_application_is_refused() {
    let stage = Stage::new().await;
    for audience in [json!("00000003-0000-0000-c000-000000000000"), json!("handset-mfa"), json!(["a"]), json!(null)] {
        assert_eq!(
            refused(&stage, &changed(&stage, &json!({ "aud": audience }))).await,
            "invalid_request",
            "{audience}"
        );
    }
}

#[tokio::test]
async fn f7_an_unsigned_hint_is_refused() {
    let stage = Stage::new().await;
    let claims = stage.claims();
    let kid = Key::ours().id;
    let good = Key::ours().sign(&claims);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    for hint in [
        forged(&json!({ "typ": "JWT", "alg": "none", "kid": kid }), &claims, ""),
        forged(&json!({ "typ": "JWT", "alg": "none", "kid": kid }), &claims, signature),
        forged(&json!({ "typ": "JWT", "alg": "RS256", "kid": kid }), &claims, ""),
        forged(&json!({ "typ": "JWT", "alg": "RS256", "kid": kid, "crit": ["exp"] }), &claims, signature),
        forged(&part(&good, 0), &stage.microsoft.claims(BOB, stage.now()), signature),
        // A public key is no secret, whatever text of it is taken for one.
        signed_with_text(&Key::ours().jwk().to_string(), &kid, &claims),
        signed_with_text(Key::ours().jwk()["n"].as_str().unwrap(), &kid, &claims),
        signed.to_owned(),
        "a.b.c".to_owned(),
        "x".repeat(20_000),
    ] {
        let form = Form::new(&hint, &stage.nonce());
        assert_eq!(refused(&stage, &form).await, "invalid_request", "{hint}");
    }
    assert_eq!(refused(&stage, &stage.form(ADA).with("id_token_hint", None)).await, "invalid_request");
}

#[tokio::test]
async fn f7_a_hint_of_a_foreign_key_is_refused() {
    let stage = Stage::new().await;
    let mut impostor = Key::another();
    assert_eq!(refused(&stage, &Form::new(&impostor.sign(&stage.claims()), "n1")).await, "invalid_request");
    impostor.id = Key::ours().id;
    assert_eq!(refused(&stage, &Form::new(&impostor.sign(&stage.claims()), "n2")).await, "invalid_request");
}

#[tokio::test]
async fn f7_another_redirect_uri_or_client_gets_a_page_and_no_redirect() {
    let stage = Stage::new().await;
    let good = || stage.form(ADA);
    for form in [
        good().with("redirect_uri", Some("https://evil.example/common/federation/externalauthprovider")),
        good()
            .with("redirect_uri", Some("https://login.microsoftonline.com/common/federation/externalauthprovider/..")),
        good().with("redirect_uri", Some("https://login.microsoftonline.us/common/federation/externalauthprovider")),
        good().with("redirect_uri", None),
        good().and("redirect_uri", "https://evil.example"),
        good().with("client_id", Some("another")),
        good().with("client_id", None),
        good().and("state", "another"),
    ] {
        let reply = stage.authorize(&form).await;
        assert!(reply.is_plain(400), "{}: {reply:?}", form.encoded());
        assert!(!reply.text.contains("evil.example"));
    }
    assert_eq!(stage.messages(), 0);
}

#[tokio::test]
async fn f7_another_subject_than_the_hints_is_refused() {
    let stage = Stage::new().await;
    let mut wanted: Value = serde_json::from_str(&claims(&["possession"])).unwrap();
    wanted["id_token"]["sub"] = json!({ "value": "somebody else" });
    let form = stage.form(ADA).with("claims", Some(&wanted.to_string()));
    assert_eq!(refused(&stage, &form).await, "access_denied");
    wanted["id_token"]["sub"] = json!({ "value": stage.claims()["sub"] });
    stage.begin(&stage.form(ADA).with("claims", Some(&wanted.to_string()))).await;
}

#[tokio::test]
async fn f7_a_class_that_is_not_offered_is_refused() {
    let stage = Stage::new().await;
    for asked in [&["inherence"][..], &["knowledge", "knowledgeorinherence"], &["phone"], &[]] {
        let form = stage.form(ADA).with("claims", Some(&claims(asked)));
        assert_eq!(refused(&stage, &form).await, "unmet_authentication_requirements", "{asked:?}");
    }
    for nothing in [None, Some(""), Some("{}"), Some("[]"), Some(r#"{"id_token":{"acr":null}}"#)] {
        refused(&stage, &stage.form(ADA).with("claims", nothing)).await;
    }
}

#[tokio::test]
async fn f7_no_answer_has_a_method_that_was_not_asked_for() {
    let stage = Stage::new().await;
    let only = |method: &str| {
        json!({ "id_token": { "acr": { "values": ["possession"] }, "amr": { "values": [method] } } }).to_string()
    };
    let mut browser = stage.begin(&stage.form(ADA).with("claims", Some(&only("sms")))).await;
    let code = stage.last_code();
    stage.clock.advance(Duration::from_secs(2));
    assert_eq!(browser.press("next", ("", "")).await.refusal(), "access_denied", "the call would be `tel`");
    assert_eq!(browser.enter(&code).await.refusal(), "access_denied");
    assert_eq!(
        refused(&stage, &stage.form(ADA).with("claims", Some(&only("face")))).await,
        "unmet_authentication_requirements"
    );
}

#[tokio::test]
async fn f7_a_request_without_a_nonce_is_refused() {
    let stage = Stage::new().await;
    for nonce in [None, Some(""), Some(&*"n".repeat(513))] {
        assert_eq!(refused(&stage, &stage.form(ADA).with("nonce", nonce)).await, "invalid_request");
    }
}

#[tokio::test]
async fn f7_a_hint_or_a_nonce_is_good_once() {
    let stage = Stage::new().await;
    let form = stage.form(ADA);
    let mut browser = stage.begin(&form).await;
    assert_eq!(refused(&stage, &form).await, "invalid_request");
    assert_eq!(refused(&stage, &form.clone().with("nonce", Some("another"))).await, "invalid_request");
    assert_eq!(refused(&stage, &stage.form(ADA).with("nonce", Some("nonce-0"))).await, "invalid_request");
    stage.read(&browser.enter(&stage.last_code()).await);
    assert_eq!(refused(&stage, &form).await, "invalid_request");
    stage.clock.advance(LATER);
    assert_eq!(refused(&stage, &form).await, "invalid_request");
}

#[tokio::test]
async fn f7_an_answer_is_given_once() {
    let stage = Stage::new().await;
    let mut browser = stage.begin(&stage.form(ADA)).await;
    let code = stage.last_code();
    stage.read(&browser.enter(&code).await);
    assert_eq!(browser.enter(&code).await.refusal(), "access_denied");
    assert_eq!(browser.look().await.refusal(), "access_denied");
}

#[tokio::test]
async fn f7_after_ten_minutes_nothing_is_issued() {
    let stage = Stage::new().await;
    let mut browser = stage.begin(&stage.form(ADA)).await;
    stage.clock.advance(LATER);
    assert_eq!(browser.look().await.refusal(), "access_denied");
    assert_eq!(browser.enter(&stage.last_code()).await.refusal(), "access_denied");

    let now = stage.now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    for iat in [now - 601, now + 61, 0, u64::MAX] {
        assert_eq!(refused(&stage, &changed(&stage, &json!({ "iat": iat }))).await, "invalid_request", "{iat}");
    }
    // The ten minutes are Entra's, so they begin when Entra sent the person here.
    let browser = stage.begin(&changed(&stage, &json!({ "iat": now - 590, "oid": BOB }))).await;
    assert_eq!(browser.look().await.status, 200);
    stage.clock.advance(Duration::from_secs(10));
    assert_eq!(browser.look().await.refusal(), "access_denied");
}

#[tokio::test]
async fn f7_a_step_belongs_to_the_browser_that_brought_it() {
    let stage = Stage::new().await;
    let mut browser = stage.begin(&stage.form(ADA)).await;
    let mut other = stage.begin(&stage.form(ADA)).await;
    let code = stage.last_code();
    let (mine, theirs) = (browser.url.clone(), other.url.clone());
    theirs.clone_into(&mut browser.url);
    assert!(browser.enter(&code).await.is_plain(400));
    assert!(browser.look().await.is_plain(400));
    mine.clone_into(&mut browser.url);
    // One name with the other's secret.
    let secret = other.cookie.split_once('=').unwrap().1;
    browser.cookie = format!("{}={secret}", browser.cookie.split_once('=').unwrap().0);
    assert!(browser.look().await.is_plain(400));
    browser.cookie.clear();
    assert!(browser.look().await.is_plain(400));
    for url in ["/entra/step", "/entra/step?step=", "/entra/step?step=a.b", "/entra/step?step=%00.%00&step=x"] {
        url.clone_into(&mut browser.url);
        assert!(browser.look().await.is_plain(400), "{url}");
    }
    stage.read(&other.enter(&code).await);
}

/// Somebody who has the password begins a sign-in beside its owner's: what the owner types is good for the owner's alone.
#[tokio::test]
async fn f7_the_code_of_one_sign_in_is_not_good_for_another() {
    let stage = Stage::new().await;
    let mut attacker = stage.begin(&stage.form(ADA)).await;
    let mut owner = stage.begin(&stage.form(ADA)).await;
    let code = stage.last_code();
    assert_eq!(stage.messages(), 2);
    assert!(attacker.enter(&code).await.text.contains("not right"));
    stage.read(&owner.enter(&code).await);
    assert_eq!(attacker.look().await.status, 200);
}

#[tokio::test]
async fn f7_who_calls_it_off_or_runs_out_of_tries_gets_nothing() {
    let stage = Stage::new().await;
    let mut browser = stage.begin(&stage.form(ADA)).await;
    let code = stage.last_code();
    assert_eq!(browser.press("cancel", ("", "")).await.refusal(), "access_denied");
    assert_eq!(browser.enter(&code).await.refusal(), "access_denied");

    let mut browser = stage.begin(&stage.form(ADA)).await;
    let code = stage.last_code();
    let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000);
    for _ in 0..4 {
        assert_eq!(browser.enter(&wrong).await.status, 200);
    }
    assert_eq!(browser.enter(&wrong).await.refusal(), "access_denied");
    assert_eq!(browser.enter(&code).await.refusal(), "access_denied");
}

#[tokio::test]
async fn f7_what_shows_no_phone_is_no_answer() {
    let stage = Stage::new().await;
    let mut tess = stage.begin(&stage.form(TESS)).await;
    assert_eq!(tess.enter("424242").await.refusal(), "access_denied", "a test number shows nothing");
    assert_eq!(refused(&stage, &stage.form(EVE)).await, "access_denied", "nobody enrolled a phone");

    let mail = "version = 1\n[[route]]\nname = \"all\"\ntry = [\"mail/email\"]";
    let stage = Stage::with_policy(mail).await;
    let browser = stage.begin(&stage.form(ADA)).await;
    assert_eq!(browser.look().await.refusal(), "access_denied", "a mailbox is no phone");
}

#[tokio::test]
async fn f7_when_something_is_down_entra_is_told_to_come_again() {
    let stage = Stage::new().await;
    assert_eq!(refused(&stage, &stage.form(ZOE)).await, "temporarily_unavailable");
    stage.microsoft.go_down();
    stage.clock.advance(Duration::from_secs(3601));
    assert_eq!(refused(&stage, &stage.form(ADA)).await, "temporarily_unavailable");

    let stage = Stage::new().await;
    stage.microsoft.pretend_to_be("https://login.microsoftonline.com/common/v2.0");
    assert_eq!(refused(&stage, &stage.form(ADA)).await, "temporarily_unavailable");

    let stage = Stage::new().await;
    for _ in 0..2 {
        stage.book.fail_next(handset::Error::new(handset::ErrorKind::Unavailable, "down"));
    }
    assert_eq!(refused(&stage, &stage.form(ADA)).await, "temporarily_unavailable");
}
