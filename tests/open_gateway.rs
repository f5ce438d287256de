//! Open Gateway over real sockets: the phone opens the operator's URL, comes back, and the check is settled or goes on.
#![cfg(all(feature = "sandbox", feature = "testing", feature = "client", feature = "open-gateway"))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper that fails is a test that fails")]

#[path = "open_gateway/backchannel.rs"]
mod backchannel;
#[path = "open_gateway/operator.rs"]
mod operator;
#[path = "open_gateway/operator_flows.rs"]
mod operator_flows;
#[path = "open_gateway/operator_token.rs"]
mod operator_token;
#[path = "open_gateway/refusals.rs"]
mod refusals;
#[path = "common/silent.rs"]
mod silent;

use handset::{
    provider::open_gateway::{ApiVersion, ClientAuth, Config, Endpoints, SigningAlgorithm},
    sandbox::{Knob, Over, OverWifi, Sandbox, Scope},
};

use silent::{DIGITS, Log, OTHER, PHONE, World, basic, config, hashed};

fn signed(sandbox: &Sandbox, algorithm: SigningAlgorithm) -> ClientAuth {
    let key = match algorithm {
        SigningAlgorithm::RS256 => sandbox.open_gateway_rsa_key(),
        _ => sandbox.open_gateway_key(),
    };
    ClientAuth::PrivateKeyJwt { key, algorithm, key_id: None }
}

fn es256(sandbox: &Sandbox, version: ApiVersion) -> Config {
    config(sandbox, version, signed(sandbox, SigningAlgorithm::ES256))
}

/// From the start to the proof, and what it cost.
async fn assert_verifies(world: &World) {
    let (mut browser, url) = world.started().await;
    let back = world.back(PHONE, &url, Over::MobileData).await;
    let (status, body) = browser.visit(&back).await;
    assert_eq!((status, body["status"].as_str()), (200, Some("verified")), "{body}");
    assert!(body.get("proof").is_none(), "a browser that passes through gets no proof");

    let check = browser.status().await;
    assert_eq!(check["status"], "verified");
    assert!(check["proof"].as_str().unwrap().split('.').count() == 3);
    assert!(browser.status().await.get("proof").is_none(), "the proof is given once");
    assert_eq!((world.asked("/token"), world.asked("/verify")), (1, 1), "a token is had once and used once");
    assert!(world.book.messages().is_empty());
}

#[tokio::test]
async fn v0_with_basic() {
    assert_verifies(&World::new(|sandbox| config(sandbox, ApiVersion::V0, basic(sandbox))).await).await;
    assert_verifies(&World::new(|sandbox| hashed(config(sandbox, ApiVersion::V0, basic(sandbox)))).await).await;
}

#[tokio::test]
async fn v1_with_a_signed_assertion() {
    assert_verifies(&World::new(|sandbox| es256(sandbox, ApiVersion::V1)).await).await;
    assert_verifies(&World::new(|sandbox| hashed(es256(sandbox, ApiVersion::V1))).await).await;
}

#[tokio::test]
async fn v2_with_a_signed_assertion() {
    assert_verifies(&World::new(|sandbox| es256(sandbox, ApiVersion::V2)).await).await;
    assert_verifies(&World::new(|sandbox| hashed(es256(sandbox, ApiVersion::V2))).await).await;
    let rs256 = |sandbox: &Sandbox| config(sandbox, ApiVersion::V2, signed(sandbox, SigningAlgorithm::RS256));
    assert_verifies(&World::new(rs256).await).await;
}

#[tokio::test]
async fn endpoints_may_be_configured_instead_of_discovered() {
    let world = World::new(|sandbox| {
        let (url, mut config) = (sandbox.open_gateway_url(), es256(sandbox, ApiVersion::V2));
        config.endpoints = Some(Endpoints {
            authorization: format!("{url}/authorize"),
            token: format!("{url}/token"),
            jwks: Some(format!("{url}/jwks")),
            backchannel: None,
        });
        config.require_iss = true;
        config
    })
    .await;
    assert_verifies(&world).await;
    assert_eq!(world.asked("/openid-configuration"), 0);
}

#[tokio::test]
async fn metadata_and_keys_are_asked_for_once() {
    let world = World::usual().await;
    for _ in 0..3 {
        let (mut browser, url) = world.started().await;
        let back = world.back(PHONE, &url, Over::MobileData).await;
        assert_eq!(browser.visit(&back).await.1["status"], "verified");
    }
    assert_eq!((world.asked("/openid-configuration"), world.asked("/jwks")), (1, 1));
    assert_eq!((world.asked("/token"), world.asked("/verify")), (3, 3), "a token is of one check and used once");
}

#[tokio::test]
async fn an_app_hands_in_the_code_that_it_got() {
    let world = World::usual().await;
    let (mut browser, url) = world.started().await;
    let back = world.back(PHONE, &url, Over::MobileData).await;
    let code = parameter(&back, "code");
    let (status, body) = browser.code(&code).await;
    assert_eq!((status, body["status"].as_str()), (200, Some("verified")), "{body}");
    assert!(body["proof"].is_string());
}

#[tokio::test]
async fn f3_another_sim_is_a_wrong_answer_and_is_counted() {
    let world = World::usual().await;
    let (mut browser, url) = world.started().await;
    let before = browser.status().await["attempts_left"].as_u64().unwrap();
    let back = world.back(OTHER, &url, Over::MobileData).await;
    let (status, body) = browser.visit(&back).await;
    assert_eq!((status, body["status"].as_str()), (200, Some("pending")), "{body}");
    let check = browser.status().await;
    assert_eq!(check["attempts_left"].as_u64().unwrap(), before - 1);
    assert!(check.get("proof").is_none());
    assert_eq!(world.asked("/verify"), 1);
}

#[tokio::test]
async fn f3_over_wifi_nothing_is_lost_and_the_next_channel_is_used() {
    for does in [OverWifi::Refuse, OverWifi::Forbid] {
        let world = World::usual().await;
        world.sandbox.knobs().set(Scope::All, Knob::OverWifi(does)).unwrap();
        let (mut browser, url) = world.started().await;
        let before = browser.status().await["attempts_left"].clone();
        let back = world.back(PHONE, &url, Over::Wifi).await;
        let (status, body) = browser.visit(&back).await;
        assert_eq!((status, body["status"].as_str()), (200, Some("pending")), "{body}");
        assert_eq!(browser.status().await["attempts_left"], before, "{does:?}");

        let check = browser.next().await;
        assert_eq!((&check["channel"], &check["prompt"]["type"]), (&"sms".into(), &"enter_code".into()));
        let code = world.book.last_code().unwrap();
        assert_eq!(browser.code(code.expose()).await.0, 200);
    }
}

#[tokio::test]
async fn d2_the_number_is_in_no_url_and_in_no_log() {
    let log = Log::default();
    let listening = log.listen();
    let world = World::usual().await;
    let (mut browser, url) = world.started().await;
    assert!(!url.contains(DIGITS), "neither `state` nor anything else holds the number");
    assert!(!parameter(&url, "state").is_empty());
    let wrong = world.back(OTHER, &url, Over::MobileData).await;
    browser.visit(&wrong).await;
    let (mut browser, url) = {
        let mut browser = world.browser();
        let check = browser.start().await;
        (browser, check["prompt"]["url"].as_str().unwrap().to_owned())
    };
    let right = world.back(PHONE, &url, Over::MobileData).await;
    assert_eq!(browser.visit(&right).await.1["status"], "verified");
    drop(listening);

    let text = log.text();
    assert!(text.contains("check verified"), "the log is heard: {text}");
    let (code, state) = (parameter(&right, "code"), parameter(&right, "state"));
    for secret in [
        DIGITS,
        "29999999",
        &code,
        &state,
        "Bearer ",
        "eyJ",
        "Basic ",
        world.sandbox.open_gateway_client_secret().expose(),
    ] {
        // What the HTTP libraries tell at their lowest levels is not ours.
        let ours = text.lines().filter(|line| line.contains("handset")).find(|line| line.contains(secret));
        assert_eq!(ours, None);
    }
    assert!(!text.contains(DIGITS), "nobody logs the number");
}

#[tokio::test]
async fn the_number_is_named_to_the_operator_where_the_settings_say_so() {
    let world = World::new(|sandbox| {
        let mut config = config(sandbox, ApiVersion::V0, basic(sandbox));
        config.login_hint = true;
        config
    })
    .await;
    let (_, url) = world.started().await;
    assert_eq!(parameter(&url, "login_hint"), format!("tel:{PHONE}"));
    assert!(!parameter(&url, "state").contains(DIGITS));
}

/// A parameter of a URL's query, which has to be there once.
fn parameter(url: &str, name: &str) -> String {
    let values: Vec<String> = form_urlencoded::parse(url.split_once('?').unwrap().1.as_bytes())
        .filter(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
        .collect();
    assert_eq!(values.len(), 1, "`{name}` in {values:?}");
    values[0].clone()
}
