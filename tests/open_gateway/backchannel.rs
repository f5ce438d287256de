//! CIBA about a number: the operator asks the person with that phone, we ask the operator.

use std::time::Duration;

use handset::{
    Channel, Code, ErrorKind, PhoneNumber,
    provider::{
        Handle, Order, Prompt, Provider, Settle, Verdict,
        http::HttpClient,
        open_gateway::{ApiVersion, CibaHint, Config, Flow, OpenGateway},
    },
    sandbox::{Backchannel, Knob, Sandbox, Scope},
};
use serde_json::Value;

use super::{
    es256,
    refusals::{assert_untouched, attempts},
    silent::{Browser, DIGITS, Log, PATIENCE, PHONE, World, basic, config},
};

fn by_number(mut config: Config) -> Config {
    (config.flow, config.ciba_hint) = (Flow::Ciba, CibaHint::DangerTel);
    config
}

async fn world(does: Backchannel) -> World {
    let world = World::new(|sandbox| by_number(es256(sandbox, ApiVersion::V2))).await;
    world.sandbox.knobs().set(Scope::All, Knob::Backchannel(does)).unwrap();
    world.sandbox.knobs().set(Scope::All, Knob::PollInterval(Duration::from_secs(1))).unwrap();
    world
}

/// A browser that has started a check, for which there is nothing to do but to wait.
async fn started(world: &World) -> Browser {
    let mut browser = world.browser();
    let check = browser.start().await;
    assert_eq!((&check["channel"], &check["prompt"]["type"]), (&"silent_network".into(), &"wait".into()), "{check}");
    browser
}

/// The check, once it shows something.
async fn until(browser: &mut Browser, shows: impl Fn(&Value) -> bool) -> Value {
    let look = async {
        loop {
            let check = browser.wait().await;
            if shows(&check) {
                return check;
            }
        }
    };
    tokio::time::timeout(PATIENCE, look).await.unwrap()
}

#[tokio::test]
async fn who_approves_on_the_phone_is_verified() {
    let world = world(Backchannel::Ask).await;
    let mut browser = started(&world).await;
    assert_eq!(browser.status().await["status"], "pending");
    assert_eq!(world.sandbox.answer_operator(PHONE, true), 1);
    let check = until(&mut browser, |check| check["status"] != "pending").await;
    assert_eq!(check["status"], "verified");
    assert!(check["proof"].is_string());
    assert_eq!((world.asked("/bc-authorize"), world.asked("/verify")), (1, 1), "asked once, and the token used once");
    assert_eq!(world.sandbox.open_gateway_slow_downs(), 0);
    assert!(world.book.messages().is_empty());
}

#[tokio::test]
async fn in_the_old_form_and_with_basic_too() {
    let world = World::new(|sandbox| by_number(config(sandbox, ApiVersion::V0, basic(sandbox)))).await;
    world.sandbox.knobs().set(Scope::All, Knob::Backchannel(Backchannel::Approve)).unwrap();
    let mut browser = started(&world).await;
    assert_eq!(until(&mut browser, |check| check["status"] != "pending").await["status"], "verified");
}

#[tokio::test]
async fn who_says_no_on_the_phone_is_counted_once() {
    let world = world(Backchannel::Ask).await;
    let mut browser = started(&world).await;
    let before = attempts(&mut browser).await;
    assert_eq!(world.sandbox.answer_operator(PHONE, false), 1);
    let check = until(&mut browser, |check| check["attempts_left"].as_u64() != Some(before)).await;
    assert_eq!((&check["status"], check["attempts_left"].as_u64()), (&"pending".into(), Some(before - 1)));
    let told = world.asked("/token");
    // Asked until the operator has said it again.
    let again = async {
        while world.asked("/token") == told {
            browser.status().await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.unwrap();
    assert_untouched(&world, &mut browser, before - 1).await;
    assert_eq!(world.asked("/verify"), 0);
}

/// Without this the operator would say of every number that it is itself.
#[tokio::test]
async fn f3_an_operator_that_asks_nobody_settles_nothing() {
    let world = world(Backchannel::Nobody).await;
    let mut browser = started(&world).await;
    let before = attempts(&mut browser).await;
    let asked = async {
        while world.asked("/verify") == 0 {
            browser.status().await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap();
    assert_untouched(&world, &mut browser, before).await;
}

#[tokio::test]
async fn a_request_that_ran_out_settles_nothing() {
    let world = world(Backchannel::Approve).await;
    world.sandbox.knobs().set(Scope::All, Knob::TokenLifetime(Duration::ZERO)).unwrap();
    let mut browser = started(&world).await;
    let before = attempts(&mut browser).await;
    let asked = async {
        while world.asked("/token") == 0 {
            browser.status().await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap();
    assert_untouched(&world, &mut browser, before).await;
    assert_eq!(world.asked("/verify"), 0);
}

#[tokio::test]
async fn an_operator_that_refuses_is_passed_over() {
    let world = World::new(|sandbox| {
        let mut config = by_number(config(sandbox, ApiVersion::V2, basic(sandbox)));
        config.client_auth =
            handset::provider::open_gateway::ClientAuth::Basic { secret: handset::Secret::new("wrong") };
        config
    })
    .await;
    assert_eq!(world.browser().start().await["channel"], "sms", "a client that is not known");
    world.sandbox.knobs().set(Scope::All, Knob::Http500).unwrap();
    assert_eq!(world.browser().start().await["channel"], "sms");
}

/// A provider of its own, asked as often as one likes, and the handle of its order.
async fn ordered(sandbox: &Sandbox) -> (OpenGateway, Handle) {
    let client = HttpClient::danger_with_private_addresses().unwrap();
    let provider = OpenGateway::new(by_number(es256(sandbox, ApiVersion::V2)), client).unwrap();
    let (id, phone) = ("-_AAAAAAAAAAAAAAAAAAAA".parse().unwrap(), PhoneNumber::parse(PHONE, None).unwrap());
    let order = Order::new(id, phone, Channel::SilentNetwork, Code::new("123456").unwrap());
    let started = provider.start(&order).await.unwrap();
    assert!(matches!((&started.settle, &started.prompt), (Settle::Poll, Some(Prompt::Wait))));
    assert_eq!(started.expires_in, Some(Duration::from_secs(120)));
    (provider, started.handle)
}

fn asked(sandbox: &Sandbox) -> usize {
    sandbox.requests().iter().filter(|request| request.path.ends_with("/token")).count()
}

#[tokio::test]
async fn the_interval_is_kept_however_often_a_client_looks() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.knobs().set(Scope::All, Knob::Backchannel(Backchannel::Approve)).unwrap();
    sandbox.knobs().set(Scope::All, Knob::PollInterval(Duration::from_secs(1))).unwrap();
    let (provider, handle) = ordered(&sandbox).await;
    assert_eq!(provider.poll(&handle).await.unwrap().verdict, Verdict::Pending);
    assert_eq!(asked(&sandbox), 0, "not before the interval has passed");
    let look = async {
        loop {
            let verdict = provider.poll(&handle).await.unwrap().verdict;
            if verdict != Verdict::Pending {
                return verdict;
            }
            tokio::task::yield_now().await;
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, look).await.unwrap(), Verdict::Match);
    assert_eq!((asked(&sandbox), sandbox.open_gateway_slow_downs()), (1, 0));
    assert_eq!(provider.poll(&handle).await.unwrap().verdict, Verdict::Pending, "and after the end it is kept too");
    assert_eq!(asked(&sandbox), 1);
}

#[tokio::test]
async fn slow_down_is_obeyed() {
    let sandbox = Sandbox::start().await.unwrap();
    for knob in [Knob::Backchannel(Backchannel::Approve), Knob::PollInterval(Duration::from_secs(1)), Knob::SlowDown] {
        sandbox.knobs().set(Scope::All, knob).unwrap();
    }
    let (provider, handle) = ordered(&sandbox).await;
    let first = async {
        while asked(&sandbox) == 0 {
            assert_eq!(provider.poll(&handle).await.unwrap().verdict, Verdict::Pending);
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, first).await.unwrap();
    for _ in 0..100 {
        assert_eq!(provider.poll(&handle).await.unwrap().verdict, Verdict::Pending);
    }
    assert_eq!((asked(&sandbox), sandbox.open_gateway_slow_downs()), (1, 0));
}

#[tokio::test]
async fn only_what_belongs_to_the_flow_is_heard() {
    let sandbox = Sandbox::start().await.unwrap();
    let (provider, handle) = ordered(&sandbox).await;
    let app = handset::provider::Returned::App { code: handset::Secret::new("s3cret") };
    let error = provider.redirect(&handle, &app, std::time::SystemTime::now()).await.unwrap_err();
    assert_eq!((error.kind(), error.provider()), (ErrorKind::Unavailable, Some("open_gateway")));
    assert!(!format!("{error:?}").contains("s3cret"));
    assert!(provider.poll(&Handle::new("37126123456")).await.is_err());
}

#[tokio::test]
async fn d2_neither_the_number_nor_the_request_is_in_a_log() {
    let log = Log::default();
    let listening = log.listen();
    let world = world(Backchannel::Approve).await;
    let mut browser = started(&world).await;
    let check = until(&mut browser, |check| check["status"] != "pending").await;
    assert_eq!(check["status"], "verified");
    drop(listening);
    let text = log.text();
    assert!(text.contains("check verified"), "the log is heard: {text}");
    for secret in [DIGITS, "auth_req_id", "login_hint", "Bearer ", "eyJ"] {
        let ours = text.lines().filter(|line| line.contains("handset")).find(|line| line.contains(secret));
        assert_eq!(ours, None);
    }
    assert!(!text.contains(DIGITS), "nobody logs the number");
}
