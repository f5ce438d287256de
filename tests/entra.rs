//! The external authentication method of Microsoft Entra, with requests shaped like those of Microsoft's documentation: the whole way, and
//! everything that must not get an answer.
#![cfg(all(feature = "entra", feature = "testing", feature = "client"))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper that fails is a test that fails"
)]

#[path = "entra/microsoft.rs"]
mod microsoft;
#[path = "entra/refusals.rs"]
mod refusals;
#[cfg(all(feature = "sandbox", feature = "open-gateway"))]
#[path = "entra/silent.rs"]
mod silent;
#[path = "entra/stage.rs"]
mod stage;

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use handset::{
    ErrorKind, Secret,
    entra::{Account, Client, Config, Entra},
    proof::ProofKey,
    provider::http::HttpClient,
    signing::{SigningKey, SigningKeys},
    testing::CodeBook,
};
use microsoft::{APPLICATION, CLIENT, Key, REDIRECT, STATE, SUBJECT, TENANT, claims};
use serde_json::json;
use stage::{ADA, BOB, ISSUER, Stage, part};

#[tokio::test]
async fn a_sign_in_goes_all_the_way() {
    let stage = Stage::new().await;
    let form = stage.form(ADA);
    let mut browser = stage.begin(&form).await;
    let page = browser.look().await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("Enter the code") && !page.text.contains("26123456"), "{}", page.text);
    assert_eq!(stage.messages(), 1);

    let answer = browser.enter(&stage.last_code()).await;
    let token = stage.read(&answer);
    assert_eq!(token["sub"], SUBJECT);
    assert_eq!(token["nonce"], "nonce-0");
    assert_eq!((&token["aud"], &token["iss"]), (&json!(CLIENT), &json!(ISSUER)));
    assert_eq!((&token["acr"], &token["amr"]), (&json!("possessionorinherence"), &json!(["sms"])));
    assert_eq!(token["exp"].as_u64().unwrap() - token["iat"].as_u64().unwrap(), 300);
    assert_eq!(part(&answer.field("id_token").unwrap(), 0)["alg"], "RS256");
    assert_eq!(answer.field("state").as_deref(), Some(STATE));
    assert!(answer.text.contains(&format!(r#"method="post" action="{REDIRECT}""#)), "{}", answer.text);
}

#[tokio::test]
async fn the_answer_goes_to_microsoft_and_nowhere_else() {
    let stage = Stage::new().await;
    let mut browser = stage.begin(&stage.form(ADA)).await;
    let page = browser.look().await;
    let policy = page.header("content-security-policy");
    assert!(policy.contains("form-action 'self'; frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
    let answer = browser.enter(&stage.last_code()).await;
    let policy = answer.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none';") && policy.contains(&format!("form-action {REDIRECT};")),
        "{policy}"
    );
    let nonce = answer.text.split_once("<script nonce=\"").unwrap().1.split_once('"').unwrap().0;
    assert!(policy.contains(&format!("script-src 'nonce-{nonce}';")), "{policy}");
    assert!(!page.header("content-security-policy").contains(nonce), "each page has its own");
    assert_eq!(answer.text.matches("<script").count(), 1);
    assert!(answer.text.contains("<button>Continue</button>"), "it works without JavaScript");
    assert_eq!((answer.header("cache-control"), answer.header("referrer-policy")), ("no-store", "strict-origin"));
}

#[tokio::test]
async fn a_wrong_code_may_be_tried_again_and_a_call_is_another_way() {
    let stage = Stage::new().await;
    let mut browser = stage.begin(&stage.form(ADA)).await;
    let wrong = format!("{:06}", (stage.last_code().parse::<u32>().unwrap() + 1) % 1_000_000);
    assert!(browser.enter(&wrong).await.text.contains("not right"));
    assert!(browser.enter("not a code").await.text.contains("digits only"));
    stage.clock.advance(Duration::from_secs(2));
    let page = browser.press("next", ("", "")).await;
    assert!(page.text.contains("the call reads out"), "{}", page.text);
    let token = stage.read(&browser.enter(&stage.last_code()).await);
    assert_eq!(token["amr"], json!(["tel"]));
}

#[tokio::test]
async fn of_two_phones_one_is_chosen_by_its_place() {
    let stage = Stage::new().await;
    let mut browser = stage.begin(&stage.form(BOB)).await;
    let page = browser.look().await;
    assert!(page.text.contains("Which phone?") && !page.text.contains("2612345"), "{}", page.text);
    assert_eq!(stage.messages(), 0, "nothing is sent before there is a choice");
    for nobody in ["2", "-1", "+37126123456", ""] {
        browser.press("start", ("phone", nobody)).await;
    }
    assert_eq!(stage.messages(), 0);
    browser.press("start", ("phone", "1")).await;
    assert_eq!(stage.book.messages()[0].phone.to_e164(), "+37126123458");
    let token = stage.read(&browser.enter(&stage.last_code()).await);
    assert_eq!(token["amr"], json!(["sms"]));
}

#[tokio::test]
async fn loading_a_page_again_sends_nothing_again() {
    let stage = Stage::new().await;
    let browser = stage.begin(&stage.form(ADA)).await;
    for _ in 0..3 {
        assert_eq!(browser.look().await.status, 200);
    }
    assert_eq!(stage.messages(), 1);
}

#[tokio::test]
async fn two_sign_ins_in_one_browser_do_not_disturb_each_other() {
    let stage = Stage::new().await;
    let mut first = stage.begin(&stage.form(ADA)).await;
    let first_code = stage.last_code();
    let mut second = stage.begin(&stage.form(ADA)).await;
    let both = format!("{}; {}", first.cookie, second.cookie);
    both.clone_into(&mut first.cookie);
    both.clone_into(&mut second.cookie);
    assert_eq!(stage.read(&second.enter(&stage.last_code()).await)["nonce"], "nonce-1");
    assert_eq!(stage.read(&first.enter(&first_code).await)["nonce"], "nonce-0");
}

#[tokio::test]
async fn what_microsoft_reads_is_as_it_wants_it() {
    let stage = Stage::new().await;
    let metadata = stage.get("/entra/.well-known/openid-configuration").await;
    assert_eq!(metadata.header("content-length"), metadata.text.len().to_string());
    assert_eq!(metadata.header("cache-control"), "public, max-age=86400");
    let said: serde_json::Value = serde_json::from_str(&metadata.text).unwrap();
    for (member, value) in [
        ("issuer", json!(ISSUER)),
        ("authorization_endpoint", json!(format!("{ISSUER}/authorize"))),
        ("jwks_uri", json!(format!("{ISSUER}/jwks"))),
        ("scopes_supported", json!(["openid"])),
        ("response_types_supported", json!(["id_token"])),
        ("response_modes_supported", json!(["form_post"])),
        ("id_token_signing_alg_values_supported", json!(["RS256"])),
    ] {
        assert_eq!(said[member], value, "{member}");
    }
    // Mounted by a router that strips the prefix, the paths are shorter.
    let jwks = stage.get("/jwks").await;
    assert_eq!(jwks.header("content-length"), jwks.text.len().to_string());
    let set: serde_json::Value = serde_json::from_str(&jwks.text).unwrap();
    let keys = set["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    for key in keys {
        assert_eq!((&key["kty"], &key["use"], &key["alg"]), (&json!("RSA"), &json!("sig"), &json!("RS256")));
        assert!(!STANDARD.decode(key["x5c"][0].as_str().unwrap()).unwrap().is_empty());
        assert!(key.get("d").is_none());
    }
}

/// Two processes publish the same certificates, and so does one after the other.
#[tokio::test]
async fn a_key_has_the_same_certificate_everywhere() {
    let (one, two) = (Stage::new().await, Stage::new().await);
    assert_eq!(one.entra.keys().jwks(), two.entra.keys().jwks());
}

#[tokio::test]
async fn a_new_key_of_microsofts_is_fetched_and_an_old_one_kept() {
    let stage = Stage::new().await;
    stage.begin(&stage.form(ADA)).await;
    stage.begin(&stage.form(BOB)).await;
    assert_eq!(stage.microsoft.asked(), 1, "keys are kept");
    stage.microsoft.publish(&[Key::ours(), Key::another()]);
    stage.clock.advance(Duration::from_secs(61));
    let hint = Key::another().sign(&stage.claims());
    stage.begin(&stage.form(ADA).with("id_token_hint", Some(&hint))).await;
    assert_eq!(stage.microsoft.asked(), 2);
}

#[tokio::test]
async fn each_class_that_a_phone_meets_is_answered_by_its_name() {
    let stage = Stage::new().await;
    for asked in ["possession", "knowledgeorpossession", "knowledgeorpossessionorinherence"] {
        let form = stage.form(BOB).with("claims", Some(&claims(&["inherence", asked])));
        let mut browser = stage.begin(&form).await;
        browser.press("start", ("phone", "0")).await;
        assert_eq!(stage.read(&browser.enter(&stage.last_code()).await)["acr"], asked);
        stage.clock.advance(Duration::from_secs(3600));
    }
}

#[test]
fn settings_that_cannot_be_right_are_refused() {
    let verifier = handset::Verifier::builder()
        .policy("policy.toml", "version = 1\n[[route]]\nname = \"all\"\ntry = [\"code_book/sms\"]")
        .proof_key(ProofKey::random().unwrap())
        .provider(CodeBook::default())
        .build()
        .unwrap();
    let rs256 = || SigningKey::rs256_pem(&Secret::new(include_str!("../src/signing/testdata/rs256.pem"))).unwrap();
    let good = || SigningKeys::new(rs256()).also_publish(rs256());
    let client = || Client::new(CLIENT, APPLICATION).tenant(TENANT);
    let build = |issuer: &str, client: Client, keys: SigningKeys| {
        let nobody = |_: Account| async { Ok(Vec::new()) };
        Entra::new(&verifier, Config::new(issuer, client, keys)?, nobody, HttpClient::with_defaults()?)
    };
    assert!(build(ISSUER, client(), good()).is_ok());
    let es256 = SigningKey::generate_es256().unwrap();
    for (issuer, client, keys) in [
        ("http://mfa.example.com", client(), good()),
        ("https://mfa.example.com/", client(), good()),
        ("https://mfa.example.com/a?b", client(), good()),
        ("mfa.example.com", client(), good()),
        (ISSUER, Client::new(CLIENT, APPLICATION), good()),
        (ISSUER, client().tenant("contoso.com"), good()),
        (ISSUER, client().tenant("common"), good()),
        (ISSUER, Client::new("", APPLICATION).tenant(TENANT), good()),
        (ISSUER, Client::new(CLIENT, "").tenant(TENANT), good()),
        (ISSUER, client(), SigningKeys::new(rs256())),
        (ISSUER, client(), SigningKeys::new(es256.clone()).also_publish(rs256())),
        (ISSUER, client(), SigningKeys::new(rs256()).also_publish(es256)),
    ] {
        assert_eq!(build(issuer, client, keys).unwrap_err().kind(), ErrorKind::Misconfigured, "{issuer}");
    }
}
