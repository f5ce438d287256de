//! A call that asks for a key, from start to proof.

use std::{future::IntoFuture, net::IpAddr, time::Duration};

use handset::{
    Action, Channel, Endpoints, ErrorKind, PhoneNumber, Subject, Verifier,
    check::Status,
    clock::ManualClock,
    proof::ProofKey,
    provider::{Prompt, zadarma::Config},
    sandbox::{CallState, CallbackFault, Handset, Knob, Sandbox, Scope},
    testing::CodeBook,
    verifier::{Caller, Check, StartRequest},
};
use reqwest::{Client, StatusCode};
use serde_json::json;

use super::{NUMBER, ada, config, orders, provider, soon};

const GREETING: &str = "657c2c822fb364c1d201f685";

fn with_sounds(sandbox: &Sandbox) -> Config {
    let mut config = config(sandbox);
    config.greeting_sound_id = Some(GREETING.to_owned());
    config.button_1_sound_id = Some("6718bc2af7cd712b0e0a96f6".to_owned());
    config.fallback_sound_id = Some("6718bd57e2cc3072e20c0ba6".to_owned());
    config.callback_sources = vec!["127.0.0.0/8".parse().unwrap()];
    config
}

/// An application on a real socket, which the vendor's server can reach.
pub(super) struct App {
    pub(super) sandbox: Sandbox,
    pub(super) verifier: Verifier,
    pub(super) clock: ManualClock,
}

impl App {
    pub(super) async fn open() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let clock = ManualClock::default();
        let sandbox = Sandbox::start_with_clock(clock.clone()).await.unwrap();
        let mut config = with_sounds(&sandbox);
        change(&mut config);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let policy = "version = 1\n[code]\nresend_after = \"1s\"\n\
                      [[route]]\nname = \"all\"\ntry = [\"zadarma/key_press\", \"code_book/sms\"]";
        let builder = Verifier::builder().policy("policy.toml", policy).proof_key(ProofKey::random().unwrap());
        let builder = builder.provider(provider(config)).provider(CodeBook::default());
        let verifier = builder.public_url(url).clock(clock.clone()).build().unwrap();
        let app = axum::Router::new().nest_service("/handset", Endpoints::new(&verifier));
        let app = app.layer(axum::middleware::from_fn(peer));
        tokio::spawn(axum::serve(listener, app).into_future());
        soon(sandbox.set_zadarma_webhook(&verifier.callback_url("zadarma").unwrap())).await.unwrap();
        Self { sandbox, verifier, clock }
    }

    pub(super) async fn start(&self) -> Check {
        self.start_for(ada(), NUMBER).await
    }

    pub(super) async fn start_for(&self, subject: Subject, number: &str) -> Check {
        let check = soon(self.verifier.start(request_of(subject, number))).await.unwrap();
        assert_eq!(check.channel, Some(Channel::KeyPress));
        assert_eq!(check.prompt, Prompt::PressKeys { digits: "1".to_owned() });
        check
    }

    pub(super) async fn look(&self, check: &Check) -> (Status, u8) {
        let seen = soon(self.verifier.status(&ada(), check.id)).await.unwrap();
        (seen.status, seen.attempts_left)
    }

    /// The phone, when it rings.
    pub(super) async fn ringing(&self) -> Handset {
        let phone = self.sandbox.handset(NUMBER);
        let call = soon(phone.next_call()).await;
        assert_eq!(call.greeting.as_deref(), Some(GREETING));
        phone
    }

    /// Waits for so many answers to callbacks of the vendor's server.
    pub(super) async fn callbacks(&self, count: usize) -> Vec<u16> {
        let answered = async {
            while self.sandbox.zadarma_callbacks().len() < count {
                tokio::task::yield_now().await;
            }
        };
        soon(answered).await;
        self.sandbox.zadarma_callbacks()
    }
}

/// Who calls, as this application is told by its proxy: by itself, from the vendor's addresses, which here are on loopback.
pub(super) const PEER: &str = "x-peer";
pub(super) const VENDOR: &str = "127.0.0.1";

async fn peer(mut request: axum::extract::Request, next: axum::middleware::Next) -> axum::response::Response {
    let peer = request.headers().get(PEER).map_or(VENDOR, |peer| peer.to_str().unwrap());
    if let Ok(ip) = peer.parse::<IpAddr>() {
        request.extensions_mut().insert(Caller::at(ip));
    }
    next.run(request).await
}

fn request_of(subject: Subject, number: &str) -> StartRequest {
    let phone = PhoneNumber::parse(number, None).unwrap();
    StartRequest::new(subject, phone, Action::new("sign_in").unwrap())
}

#[tokio::test]
async fn the_key_leads_from_start_to_proof() {
    for knobs in [
        vec![],
        vec![Knob::NotifyOutEnd],
        vec![Knob::NationalNumbers],
        vec![Knob::NationalNumbers, Knob::NotifyOutEnd, Knob::UtcOffset(345)],
        vec![Knob::UtcOffset(-720)],
        vec![Knob::UtcOffset(840)],
    ] {
        let app = App::with(|config| config.default_region = Some("LV".parse().unwrap())).await;
        knobs.iter().for_each(|knob| app.sandbox.knobs().set(Scope::All, knob.clone()).unwrap());
        let check = app.start().await;
        let phone = app.ringing().await;
        assert_eq!(app.look(&check).await, (Status::Pending, 5));
        assert!(phone.press("1").unwrap());
        assert_eq!(app.callbacks(1).await, [200], "{knobs:?}");

        let seen = soon(app.verifier.status(&ada(), check.id)).await.unwrap();
        let verified = seen.verified.unwrap_or_else(|| panic!("{knobs:?}: {:?}", seen.status));
        assert_eq!((verified.proof.channel(), verified.proof.acr()), (Channel::KeyPress, "phone"));
        assert_eq!(verified.proof.amr(), ["key_press"]);
        assert_eq!(verified.proof.phone().to_e164(), NUMBER);
        assert_eq!((orders(&app.sandbox), app.sandbox.calls()), (1, 1));
    }
}

#[tokio::test]
async fn another_key_is_a_wrong_answer_and_costs_one_attempt() {
    let app = App::open().await;
    app.sandbox.knobs().set(Scope::All, Knob::Callback(CallbackFault::Duplicate)).unwrap();
    let check = app.start().await;
    assert!(app.ringing().await.press("2").unwrap());
    assert_eq!(app.callbacks(2).await, [200, 200]);
    assert_eq!(app.look(&check).await, (Status::Pending, 4), "told twice, counted once");
}

#[tokio::test]
async fn who_presses_nothing_has_said_nothing() {
    for act in ["declines", "lets it ring", "leaves it to voice mail", "is not reached"] {
        let app = App::open().await;
        match act {
            "lets it ring" => app.sandbox.knobs().set(Scope::All, Knob::RingTime(Duration::ZERO)).unwrap(),
            "is not reached" => app.sandbox.knobs().set(Scope::All, Knob::NotAnswered).unwrap(),
            _ => {}
        }
        let check = app.start().await;
        match act {
            "declines" => app.ringing().await.hang_up(),
            "leaves it to voice mail" => assert!(app.ringing().await.press("").unwrap()),
            _ => {}
        }
        assert_eq!(app.callbacks(1).await, [200], "{act}");
        assert_eq!(app.look(&check).await, (Status::Pending, 5), "{act}");
        let next = soon(app.verifier.next(&ada(), check.id, Caller::default())).await.unwrap();
        assert_eq!(next.channel, Some(Channel::Sms), "{act}: the plan goes on");
    }
}

#[tokio::test]
async fn a_callback_that_does_not_come_leaves_the_check_open() {
    let app = App::open().await;
    app.sandbox.knobs().set(Scope::All, Knob::Callback(CallbackFault::None)).unwrap();
    let check = app.start().await;
    let phone = app.ringing().await;
    assert!(phone.press("1").unwrap());
    assert_eq!(soon(phone.wait_for_event()).await.id(), 2);
    assert_eq!(app.look(&check).await, (Status::Pending, 5));
    assert!(app.sandbox.zadarma_callbacks().is_empty());
}

#[tokio::test]
async fn a_url_is_taken_once_it_repeats_what_it_was_asked() {
    let app = App::open().await;
    let url = app.verifier.callback_url("zadarma").unwrap();
    let echo = soon(Client::new().get(format!("{url}?zd_echo=2f7aC0")).send()).await.unwrap();
    assert_eq!((echo.status(), echo.text().await.unwrap()), (StatusCode::OK, "2f7aC0".to_owned()));
    let page = format!("{}/zadarma/account", app.sandbox.url());
    for (wrong, status) in [(format!("{url}x"), 400), ("nowhere".to_owned(), 400), (app.sandbox.url(), 400), (url, 204)]
    {
        let put = Client::new().put(&page).json(&json!({ "webhook_url": wrong })).send();
        assert_eq!(soon(put).await.unwrap().status(), status, "{wrong}");
    }
}

#[tokio::test]
async fn keys_are_pressed_over_http() {
    let app = App::open().await;
    let ask = async |path: &str, body: serde_json::Value| {
        let url = format!("{}/handsets/37126123456/{path}", app.sandbox.url());
        soon(Client::new().post(url).json(&body).send()).await.unwrap()
    };
    let check = app.start().await;
    app.ringing().await;
    assert_eq!(ask("press", json!({ "digits": "one" })).await.status(), 400);
    assert_eq!(ask("press", json!({ "keys": "1" })).await.status(), 400);
    let pressed: serde_json::Value = ask("press", json!({ "digits": "1" })).await.json().await.unwrap();
    assert_eq!(pressed, json!({ "pressed": true }));
    app.callbacks(1).await;
    assert_eq!(app.look(&check).await.0, Status::Verified);
    let nothing: serde_json::Value = ask("press", json!({ "digits": "1" })).await.json().await.unwrap();
    assert_eq!(nothing, json!({ "pressed": false }));

    app.start().await;
    assert_eq!(ask("hang_up", json!({})).await.status(), 204);
    let events = app.sandbox.handset(NUMBER).events();
    let Some(handset::sandbox::Event::IncomingCall(last)) = events.last() else { panic!("no call") };
    assert_eq!((last.state, last.pressed.as_deref()), (CallState::Ended, None));
}

#[tokio::test]
async fn without_sounds_there_is_no_such_channel() {
    let sandbox = Sandbox::start().await.unwrap();
    let policy = "version = 1\n[[route]]\nname = \"all\"\ntry = [\"zadarma/key_press\"]";
    let builder = Verifier::builder().policy("policy.toml", policy).proof_key(ProofKey::random().unwrap());
    let error = builder.provider(provider(config(&sandbox))).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    let faults = std::error::Error::source(&error).unwrap().to_string();
    assert!(faults.contains("`zadarma` has `sms`, `voice_code`, `email`"), "{faults}");
}

#[tokio::test]
async fn without_a_public_url_or_for_a_number_that_could_be_another_nobody_is_called() {
    let sandbox = Sandbox::start().await.unwrap();
    for (public, number, kind) in [
        (false, NUMBER, ErrorKind::Misconfigured),
        // In Arkansas; without its country code it would be in Norway.
        (true, "+14795551234", ErrorKind::Rejected),
    ] {
        let policy = "version = 1\n[[route]]\nname = \"all\"\ntry = [\"zadarma/key_press\"]";
        let builder = Verifier::builder().policy("policy.toml", policy).proof_key(ProofKey::random().unwrap());
        let builder = builder.provider(provider(with_sounds(&sandbox)));
        let builder = if public { builder.public_url("https://app.example.com") } else { builder };
        let error = soon(builder.build().unwrap().start(request_of(ada(), number))).await.unwrap_err();
        let source = std::error::Error::source(&error).unwrap().downcast_ref::<handset::Error>().unwrap();
        assert_eq!((source.kind(), source.provider()), (kind, Some("zadarma")));
    }
    assert!(sandbox.requests().is_empty());
}
