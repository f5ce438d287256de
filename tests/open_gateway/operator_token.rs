//! Operator tokens, handed in by the device's app and presented by an assertion or by CIBA.

use std::time::Duration;

use handset::{
    provider::open_gateway::{ApiVersion, Flow},
    sandbox::{Knob, Sandbox, Scope},
};
use serde_json::json;

use super::{
    es256,
    refusals::{assert_untouched, attempts},
    silent::{Browser, DIGITS, Log, OTHER, PHONE, World, basic, config},
};

const FLOWS: [Flow; 2] = [Flow::JwtBearer, Flow::Ciba];

async fn world(flow: Flow) -> World {
    let world = World::new(|sandbox| {
        let mut config = es256(sandbox, ApiVersion::V2);
        config.flow = flow;
        config
    })
    .await;
    world.sandbox.knobs().set(Scope::All, Knob::PollInterval(Duration::from_secs(1))).unwrap();
    world
}

async fn started(world: &World) -> Browser {
    let mut browser = world.browser();
    let check = browser.start().await;
    assert_eq!((&check["channel"], &check["prompt"]), (&"silent_network".into(), &json!({ "type": "operator_token" })));
    browser
}

fn token(sandbox: &Sandbox, sim: &str) -> String {
    sandbox.operator_token(sim).unwrap().expose().to_owned()
}

#[tokio::test]
async fn the_token_of_the_right_sim_verifies() {
    for flow in FLOWS {
        let world = world(flow).await;
        let mut browser = started(&world).await;
        let (status, body) = browser.code(&token(&world.sandbox, PHONE)).await;
        assert_eq!((status, &body["status"]), (200, &json!("verified")), "{flow:?}: {body}");
        assert!(body["proof"].is_string());
        assert_eq!((world.asked("/token"), world.asked("/verify")), (1, 1), "{flow:?}");
        assert_eq!(world.asked("/bc-authorize"), usize::from(flow == Flow::Ciba));
        assert_eq!(world.sandbox.open_gateway_slow_downs(), 0);
    }
}

#[tokio::test]
async fn basic_will_do_for_ciba() {
    let world = World::new(|sandbox| {
        let mut config = config(sandbox, ApiVersion::V2, basic(sandbox));
        config.flow = Flow::Ciba;
        config
    })
    .await;
    let mut browser = started(&world).await;
    assert_eq!(browser.code(&token(&world.sandbox, PHONE)).await.0, 200);
}

#[tokio::test]
async fn f3_the_token_of_another_sim_is_a_wrong_answer_and_is_counted() {
    for flow in FLOWS {
        let world = world(flow).await;
        let mut browser = started(&world).await;
        let before = attempts(&mut browser).await;
        let (status, body) = browser.code(&token(&world.sandbox, OTHER)).await;
        assert_eq!((status, body["attempts_left"].as_u64()), (422, Some(before - 1)), "{flow:?}: {body}");
        assert_untouched(&world, &mut browser, before - 1).await;
    }
}

#[tokio::test]
async fn a_token_that_was_used_is_for_somebody_else_or_too_old_settles_nothing() {
    for flow in FLOWS {
        let world = world(flow).await;
        let used = token(&world.sandbox, PHONE);
        assert_eq!(started(&world).await.code(&used).await.0, 200);
        let verified = world.asked("/verify");

        let of_another = world.sandbox.operator_token_for(PHONE, "another-app").unwrap().expose().to_owned();
        let life = |life| world.sandbox.knobs().set(Scope::All, Knob::TokenLifetime(life)).unwrap();
        life(Duration::ZERO);
        let old = token(&world.sandbox, PHONE);
        life(Duration::from_secs(3600));
        let mut browser = started(&world).await;
        let before = attempts(&mut browser).await;
        for (bad, why) in [(used.as_str(), "used"), (&of_another, "of another"), (&old, "old"), ("made.up", "made up")]
        {
            let (status, body) = browser.code(bad).await;
            assert_eq!(status, 503, "{flow:?} {why}: {body}");
            assert!(!body.to_string().contains(bad));
            assert_eq!(world.asked("/verify"), verified, "{flow:?} {why}");
        }
        assert_untouched(&world, &mut browser, before).await;
    }
}

#[tokio::test]
async fn what_cannot_be_a_token_is_not_shown_to_the_operator() {
    let world = world(Flow::JwtBearer).await;
    let mut browser = started(&world).await;
    let before = attempts(&mut browser).await;
    for bad in ["", " ", "a b", "a\nb", "\u{e9}", "<a>", &"a".repeat(4097)] {
        assert_eq!(browser.code(bad).await.0, 400, "{bad}");
    }
    assert_eq!(world.asked("/token"), 0);
    assert_eq!(browser.code(&"a".repeat(4096)).await.0, 503);
    assert_eq!(world.asked("/token"), 1);
    // Nobody is sent away with a state, so nobody comes back with one.
    let back = format!("{}/handset/redirect/open_gateway?state=AAAA&code=c0de", world.url);
    assert_eq!(browser.visit(&back).await.0, 410);
    assert_untouched(&world, &mut browser, before).await;
}

#[tokio::test]
async fn f3_whatever_breaks_it_is_sent_once_and_settles_nothing() {
    for (flow, knob) in [
        (Flow::JwtBearer, Knob::Http500),
        (Flow::JwtBearer, Knob::WrongJson),
        (Flow::JwtBearer, Knob::DropConnection),
        (Flow::JwtBearer, Knob::ErrorCode { code: 42901, status: 429 }),
        (Flow::Ciba, Knob::Http500),
        (Flow::Ciba, Knob::WrongJson),
        (Flow::Ciba, Knob::Html),
    ] {
        let world = world(flow).await;
        let mut browser = started(&world).await;
        let before = attempts(&mut browser).await;
        let token = token(&world.sandbox, PHONE);
        world.sandbox.knobs().set(Scope::Number(PHONE), knob.clone()).unwrap();
        assert_eq!(browser.code(&token).await.0, 503, "{flow:?} {knob:?}");
        assert_eq!((world.asked("/token") + world.asked("/bc-authorize"), world.asked("/verify")), (1, 0), "{knob:?}");
        assert_untouched(&world, &mut browser, before).await;
    }
}

#[tokio::test]
async fn an_operator_that_is_down_is_passed_over_at_the_start() {
    for flow in FLOWS {
        let world = world(flow).await;
        world.sandbox.knobs().set(Scope::All, Knob::Http500).unwrap();
        assert_eq!(world.browser().start().await["channel"], "sms", "{flow:?}");
    }
}

#[tokio::test]
async fn d2_neither_the_number_nor_the_token_is_in_a_log() {
    let log = Log::default();
    let listening = log.listen();
    for flow in FLOWS {
        let world = world(flow).await;
        let tokens = [token(&world.sandbox, OTHER), "made.up".to_owned(), token(&world.sandbox, PHONE)];
        let mut browser = started(&world).await;
        for (token, status) in tokens.iter().zip([422, 503, 200]) {
            assert_eq!(browser.code(token).await.0, status);
        }
        let text = log.text();
        assert!(text.contains("check verified"), "the log is heard");
        for secret in tokens.iter().map(String::as_str).chain([DIGITS, "operatortoken:", "Bearer ", "eyJ"]) {
            let ours = text.lines().filter(|line| line.contains("handset")).find(|line| line.contains(secret));
            assert_eq!(ours, None);
        }
        assert!(!text.contains(DIGITS), "nobody logs the number");
    }
    drop(listening);
}
