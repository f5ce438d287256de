//! What must not settle a check: somebody else's browser, somebody else's code, a server that is not ours or not well.

use std::time::Duration;

use handset::{
    Action, ErrorKind, PhoneNumber, Subject,
    check::Status,
    provider::{Prompt, open_gateway::ApiVersion},
    sandbox::{Knob, Over, Scope},
    verifier::{Caller, StartRequest},
};

use super::{
    parameter,
    silent::{Browser, OTHER, PHONE, World, basic, config},
};

/// The URL with another value for a parameter; without one, without the parameter.
fn with(url: &str, name: &str, value: Option<&str>) -> String {
    let (path, query) = url.split_once('?').unwrap();
    let mut changed = form_urlencoded::Serializer::new(String::new());
    for (key, old) in form_urlencoded::parse(query.as_bytes()) {
        if key != name {
            changed.append_pair(&key, &old);
        }
    }
    if let Some(value) = value {
        changed.append_pair(name, value);
    }
    format!("{path}?{}", changed.finish())
}

/// The check is as open as before, with every attempt left; a code by message still ends it.
pub(super) async fn assert_untouched(world: &World, browser: &mut Browser, attempts: u64) {
    let check = browser.status().await;
    assert_eq!(check["status"], "pending", "{check}");
    assert_eq!(check["attempts_left"].as_u64().unwrap(), attempts);
    assert_eq!(browser.next().await["channel"], "sms");
    let code = world.book.last_code().unwrap();
    assert_eq!(browser.code(code.expose()).await.0, 200);
}

pub(super) async fn attempts(browser: &mut Browser) -> u64 {
    browser.status().await["attempts_left"].as_u64().unwrap()
}

#[tokio::test]
async fn f1_another_browser_cannot_bring_the_answer_back() {
    let world = World::usual().await;
    let (mut attacker, url) = world.started().await;
    // The victim's phone follows the attacker's link: its browser is the victim's.
    let back = world.back(PHONE, &url, Over::MobileData).await;
    let mut victim = world.browser();
    assert_eq!(victim.visit(&back).await.0, 410, "without a cookie");
    victim.start().await;
    assert_eq!(victim.visit(&back).await.0, 410, "with its own cookie");
    assert_eq!(attacker.status().await["status"], "pending");
    assert_eq!(world.asked("/token"), 0);

    // The state is not used up by that: the browser that started the check may still come.
    assert_eq!(attacker.visit(&back).await.1["status"], "verified");
}

#[tokio::test]
async fn f1_of_one_account_in_two_browsers_each_comes_back_for_itself() {
    let world = World::usual().await;
    let subject = |name: &str| Subject::new(name).unwrap();
    let (phone, action) = (PhoneNumber::parse(PHONE, None).unwrap(), Action::new("sign_in").unwrap());
    let start = async |browser: &str| {
        let request = StartRequest::new(subject("ada"), phone, action.clone()).with_browser(subject(browser));
        world.verifier.start(request).await.unwrap()
    };
    let (owners, thiefs) = (start("owner").await, start("thief").await);
    assert_ne!(owners.id, thiefs.id);
    assert!(thiefs.comes_back);
    let Prompt::OpenUrl { url, .. } = &thiefs.prompt else { panic!("{thiefs:?}") };
    let back = world.back(PHONE, url, Over::MobileData).await;
    let query = back.split_once('?').unwrap().1;
    let visit =
        async |name: &str| world.verifier.redirect(&subject(name), "open_gateway", query, Caller::default()).await;
    for other in ["owner", "ada"] {
        assert_eq!(visit(other).await.unwrap_err().kind(), ErrorKind::CheckEnded, "{other}");
    }
    assert_eq!(visit("thief").await.unwrap().status, Status::Verified);
    // The proof is the account's.
    let verified = world.verifier.status(&subject("ada"), thiefs.id).await.unwrap().verified.unwrap();
    assert_eq!(*verified.proof.subject(), subject("ada"));
    assert_eq!(world.verifier.status(&subject("ada"), owners.id).await.unwrap().status, Status::Pending);
}

#[tokio::test]
async fn f1_a_state_is_good_once_and_to_the_letter() {
    let world = World::usual().await;
    let (mut browser, url) = world.started().await;
    let back = world.back(OTHER, &url, Over::MobileData).await;
    let state = parameter(&back, "state");
    // Of the same check, with another secret.
    let flipped: String = state.chars().take(30).chain("AAAAAAAAAAAAA".chars()).collect();
    let shorter: String = state.chars().skip(1).collect();
    for wrong in [None, Some(""), Some("x"), Some(&*flipped), Some(&*shorter)] {
        assert_eq!(browser.visit(&with(&back, "state", wrong)).await.0, 410, "{wrong:?}");
    }
    assert_eq!(world.asked("/token"), 0);
    assert_eq!(browser.visit(&back).await.0, 200);
    assert_eq!(browser.visit(&back).await.0, 410, "a second time");
    let again = world.back(PHONE, &url, Over::MobileData).await;
    assert_eq!(browser.visit(&again).await.0, 410, "a second code for the same state");
    assert_eq!(world.asked("/token"), 1);
}

#[tokio::test]
async fn f1_an_id_token_with_another_nonce_is_refused() {
    let world = World::usual().await;
    let (mut browser, url) = world.started().await;
    let before = attempts(&mut browser).await;
    let back = world.back(PHONE, &with(&url, "nonce", Some("another")), Over::MobileData).await;
    assert_eq!(browser.visit(&back).await.1["status"], "pending");
    assert_eq!((world.asked("/token"), world.asked("/verify")), (1, 0), "the token is not even used");
    assert_untouched(&world, &mut browser, before).await;
}

#[tokio::test]
async fn f1_another_issuer_in_the_redirect_is_refused() {
    for iss in [None, Some("https://evil.example"), Some("")] {
        let world = World::usual().await;
        let (mut browser, url) = world.started().await;
        let before = attempts(&mut browser).await;
        let back = world.back(PHONE, &url, Over::MobileData).await;
        assert_eq!(parameter(&back, "iss"), world.sandbox.open_gateway_url());
        assert_eq!(browser.visit(&with(&back, "iss", iss)).await.1["status"], "pending", "{iss:?}");
        assert_eq!(world.asked("/token"), 0, "the code is shown to nobody");
        assert_untouched(&world, &mut browser, before).await;
    }
}

#[tokio::test]
async fn f1_a_code_of_another_check_is_refused() {
    let world = World::usual().await;
    let (mut attacker, of_attacker) = world.started().await;
    let (_, of_victim) = world.started().await;
    let before = attempts(&mut attacker).await;
    // The attacker has got hold of a code that the victim's phone was given, and brings it back as their own.
    let stolen = parameter(&world.back(PHONE, &of_victim, Over::MobileData).await, "code");
    let back = world.back(OTHER, &of_attacker, Over::MobileData).await;
    assert_eq!(attacker.visit(&with(&back, "code", Some(&stolen))).await.1["status"], "pending");
    assert_eq!((world.asked("/token"), world.asked("/verify")), (1, 0));
    // As an app would.
    assert_eq!(attacker.code(&stolen).await.0, 503);
    assert_eq!(world.asked("/verify"), 0);
    assert_untouched(&world, &mut attacker, before).await;
}

#[tokio::test]
async fn a_device_that_comes_back_with_an_error_goes_on() {
    for error in ["access_denied", "consent_required", "server_error", "invalid_scope", "+37126123456"] {
        let world = World::usual().await;
        let (mut browser, url) = world.started().await;
        let before = attempts(&mut browser).await;
        let back = world.back(PHONE, &url, Over::MobileData).await;
        let back = with(&with(&back, "code", None), "error", Some(error));
        let (status, body) = browser.visit(&back).await;
        assert_eq!((status, body["status"].as_str()), (200, Some("pending")), "{error}");
        assert!(!body.to_string().contains("26123456"));
        assert_eq!(world.asked("/token"), 0);
        assert_untouched(&world, &mut browser, before).await;
    }
}

#[tokio::test]
async fn f1_an_operator_that_names_itself_otherwise_is_not_used() {
    let world = World::new(|sandbox| {
        let mut config = config(sandbox, ApiVersion::V2, basic(sandbox));
        config.issuer.push('/');
        config
    })
    .await;
    let check = world.browser().start().await;
    assert_eq!(check["channel"], "sms", "the next route is used");
    assert_eq!((world.asked("/openid-configuration"), world.asked("/authorize")), (1, 0));
}

#[tokio::test]
async fn a_client_that_the_operator_does_not_know_settles_nothing() {
    let world = World::new(|sandbox| {
        let wrong = handset::provider::open_gateway::ClientAuth::Basic { secret: handset::Secret::new("wrong") };
        config(sandbox, ApiVersion::V2, wrong)
    })
    .await;
    let (mut browser, url) = world.started().await;
    let before = attempts(&mut browser).await;
    let back = world.back(PHONE, &url, Over::MobileData).await;
    assert_eq!(browser.visit(&back).await.1["status"], "pending");
    assert_eq!((world.asked("/token"), world.asked("/verify")), (1, 0));
    assert_untouched(&world, &mut browser, before).await;
}

#[tokio::test]
async fn f3_whatever_breaks_at_the_exchange_it_is_sent_once_and_settles_nothing() {
    for knob in [
        Knob::Http500,
        Knob::Html,
        Knob::WrongJson,
        Knob::BigBody,
        Knob::DropConnection,
        Knob::Redirect("/open_gateway/jwks".to_owned()),
        Knob::ErrorCode { code: 40101, status: 401 },
        Knob::ErrorCode { code: 42901, status: 429 },
        Knob::TimeOut,
    ] {
        let world = World::new(|sandbox| {
            let mut config = config(sandbox, ApiVersion::V2, basic(sandbox));
            config.time_out = Duration::from_secs(2);
            config
        })
        .await;
        let (mut browser, url) = world.started().await;
        let before = attempts(&mut browser).await;
        let back = world.back(PHONE, &url, Over::MobileData).await;
        // The knob of one number: discovery and keys are about none.
        world.sandbox.knobs().set(Scope::Number(PHONE), knob.clone()).unwrap();
        let (status, body) = browser.visit(&back).await;
        assert_eq!((status, body["status"].as_str()), (200, Some("pending")), "{knob:?}");
        assert_eq!((world.asked("/token"), world.asked("/verify")), (1, 0), "{knob:?}");
        assert_untouched(&world, &mut browser, before).await;
    }
}

#[tokio::test]
async fn an_operator_that_is_down_is_passed_over_at_the_start() {
    let world = World::usual().await;
    world.sandbox.knobs().set(Scope::All, Knob::Http500).unwrap();
    assert_eq!(world.browser().start().await["channel"], "sms");
    world.sandbox.knobs().reset();
    let (mut browser, url) = world.started().await;
    let back = world.back(PHONE, &url, Over::MobileData).await;
    assert_eq!(browser.visit(&back).await.1["status"], "verified", "a failed discovery is not remembered");
}
