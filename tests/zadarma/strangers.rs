//! What strangers make of a call that asks for a key: callbacks that the vendor did not send, or sent about something else.

use std::time::{Duration, SystemTime};

use handset::{
    Channel, Subject,
    check::Status,
    clock::Clock,
    sandbox::{CallbackFault, Knob, Sandbox, Scope},
    verifier::Caller,
};
use reqwest::{Client, StatusCode};

use super::{
    NUMBER, PATIENCE, ada,
    heard::Heard,
    key_press::{App, PEER, VENDOR},
    soon,
};

const OTHER: &str = "+37129876543";

impl App {
    /// What the vendor would post when a call that begins now ends with the key 1.
    fn notice(&self) -> Notice {
        let call_start = local(self.clock.now());
        let fields = [
            ("event", "NOTIFY_END"),
            ("call_start", &call_start),
            ("pbx_call_id", "out_0e7d449cac2f0a3ce54919e91cd999194e8f2d97"),
            ("caller_id", "37126123456"),
            ("called_did", "0"),
            ("calltype", "callback_leg1"),
            ("callback_dtmf", "1"),
            ("disposition", "answered"),
        ];
        Notice { fields: fields.map(|(name, value)| (name, value.to_owned())).into(), signature: None, from: VENDOR }
    }

    async fn post(&self, notice: &Notice) -> StatusCode {
        self.post_to(&self.verifier.callback_url("zadarma").unwrap(), notice).await
    }

    async fn post_to(&self, url: &str, notice: &Notice) -> StatusCode {
        let fields: Vec<_> = notice.fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let signature = notice.signature.clone().unwrap_or_else(|| self.sandbox.zadarma_signature(&fields));
        let request = Client::new().post(url).timeout(PATIENCE);
        let request = request.header(PEER, notice.from).header("Signature", signature);
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = request.header("Content-Type", "application/x-www-form-urlencoded").body(body);
        request.send().await.unwrap().status()
    }
}

/// A callback that somebody makes up.
#[derive(Clone)]
struct Notice {
    fields: Vec<(&'static str, String)>,
    /// In place of the right one.
    signature: Option<String>,
    from: &'static str,
}

impl Notice {
    fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.iter_mut().filter(|(known, _)| *known == name).for_each(|(_, old)| *old = value.to_owned());
        self
    }

    /// Signed as it is now, whatever is changed later.
    fn signed(mut self, sandbox: &Sandbox) -> Self {
        let fields: Vec<_> = self.fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.signature = Some(sandbox.zadarma_signature(&fields));
        self
    }
}

fn local(at: SystemTime) -> String {
    humantime::format_rfc3339_seconds(at).to_string().replace('T', " ").replace('Z', "")
}

#[tokio::test]
async fn e1_what_the_vendor_did_not_sign_is_refused() {
    let app = App::open().await;
    let check = app.start().await;
    let good = app.notice();
    let wrong = |signature: &str| Notice { signature: Some(signature.to_owned()), ..good.clone() };
    for (what, notice) in [
        ("no signature", wrong("")),
        ("another signature", wrong("YjM2NjJlYTZjMWZiNDRkNTgxMDNhYTlmNmZjNzVlNTBhYTcwMjk3MQ==")),
        (
            "another number",
            good.clone().with("caller_id", "37126123457").signed(&app.sandbox).with("caller_id", "37126123456"),
        ),
        (
            "another time",
            good.clone()
                .with("call_start", "2024-10-23 16:00:47")
                .signed(&app.sandbox)
                .with("call_start", &local(app.clock.now())),
        ),
    ] {
        assert_eq!(app.post(&notice).await, StatusCode::NOT_FOUND, "{what}");
    }
    app.sandbox.knobs().set(Scope::All, Knob::Callback(CallbackFault::Forged)).unwrap();
    assert!(app.ringing().await.press("1").unwrap());
    assert_eq!(app.callbacks(1).await, [404]);
    assert_eq!(app.look(&check).await, (Status::Pending, 5));
    assert_eq!(app.post(&good).await, StatusCode::OK);
    assert_eq!(app.look(&check).await.0, Status::Verified, "the good one was good");
}

#[tokio::test]
async fn only_the_vendors_network_is_heard_however_good_the_signature() {
    let app = App::open().await;
    let check = app.start().await;
    // What the signature does not cover is altered by somebody who has seen a true callback.
    let seen = app.notice().with("callback_dtmf", "").signed(&app.sandbox);
    for from in ["192.0.2.7", "185.45.152.44", "::1", "nobody knows"] {
        let altered = Notice { from, ..seen.clone().with("callback_dtmf", "1") };
        assert_eq!(app.post(&altered).await, StatusCode::NOT_FOUND, "{from}");
    }
    assert_eq!(app.look(&check).await, (Status::Pending, 5));
}

#[tokio::test]
async fn a_call_to_another_number_or_from_outside_settles_nothing() {
    let app = App::open().await;
    let check = app.start().await;
    let other = app.start_for(Subject::new("ben").unwrap(), OTHER).await;
    let end = app.notice();
    for notice in [
        end.clone().with("caller_id", "37126999999"),
        end.clone().with("caller_id", "26123456"),
        end.clone().with("caller_id", "anonymous"),
        end.clone().with("called_did", "37167000000"),
        end.clone().with("calltype", "normal"),
        end.clone().with("event", "NOTIFY_START"),
    ] {
        assert_eq!(app.post(&notice).await, StatusCode::OK, "{:?}", notice.fields);
    }
    assert_eq!(app.look(&check).await, (Status::Pending, 5));

    assert_eq!(app.post(&end.clone().with("caller_id", "37129876543")).await, StatusCode::OK);
    assert_eq!(app.look(&check).await, (Status::Pending, 5), "it was the other check's");
    let seen = soon(app.verifier.status(&Subject::new("ben").unwrap(), other.id)).await.unwrap();
    assert_eq!(seen.status, Status::Verified);
}

#[tokio::test]
async fn e2_a_callback_that_is_played_again_verifies_no_second_check() {
    let app = App::open().await;
    let first = app.start().await;
    let end = app.notice();
    assert_eq!(app.post(&end).await, StatusCode::OK);
    assert_eq!(app.look(&first).await.0, Status::Verified);

    // The next check of the number begins within the same second: its time alone would let the copy pass.
    let second = app.start().await;
    assert_ne!(second.id, first.id);
    for copy in [end.clone(), end.clone().with("pbx_call_id", "out_1"), end.clone().with("callback_dtmf", "2")] {
        assert_eq!(app.post(&copy).await, StatusCode::OK);
        assert_eq!(app.look(&second).await, (Status::Pending, 5));
    }
}

#[tokio::test]
async fn e2_a_call_from_before_the_order_does_not_count() {
    for zone in [0, 330, -210] {
        let app = App::open().await;
        app.sandbox.knobs().set(Scope::All, Knob::UtcOffset(zone)).unwrap();
        let first = app.start().await;
        let phone = app.ringing().await;
        soon(app.verifier.cancel(&ada(), first.id)).await.unwrap();
        app.clock.advance(Duration::from_secs(60));

        // Eve asks for the same number while the phone still rings for Ada, who presses the key that she was asked to.
        app.sandbox.knobs().set(Scope::All, Knob::RingTime(Duration::from_secs(60))).unwrap();
        let eve = app.start_for(Subject::new("eve").unwrap(), NUMBER).await;
        assert!(phone.press("1").unwrap());
        assert_eq!(app.callbacks(1).await, [200]);
        let seen = soon(app.verifier.status(&Subject::new("eve").unwrap(), eve.id)).await.unwrap();
        assert_eq!((seen.status, seen.attempts_left), (Status::Pending, 5), "{zone}");

        assert!(phone.press("1").unwrap(), "the second call, which is Eve's");
        app.callbacks(2).await;
        let seen = soon(app.verifier.status(&Subject::new("eve").unwrap(), eve.id)).await.unwrap();
        assert_eq!(seen.status, Status::Verified);
    }
}

#[tokio::test]
async fn e2_a_callback_with_an_old_time_does_not_count() {
    let app = App::open().await;
    app.sandbox.knobs().set(Scope::All, Knob::Callback(CallbackFault::Late)).unwrap();
    let check = app.start().await;
    assert!(app.ringing().await.press("1").unwrap());
    assert_eq!(app.callbacks(1).await, [200]);
    assert_eq!(app.look(&check).await, (Status::Pending, 5));
}

#[tokio::test]
async fn a_key_counts_only_while_the_call_is_the_message_that_is_out() {
    let app = App::open().await;
    let check = app.start().await;
    let phone = app.ringing().await;
    app.clock.advance(Duration::from_secs(2));
    let next = soon(app.verifier.next(&ada(), check.id, Caller::default())).await.unwrap();
    assert_eq!(next.channel, Some(Channel::Sms));
    assert!(phone.press("1").unwrap());
    assert_eq!(app.callbacks(1).await, [200]);
    assert_eq!(app.look(&check).await, (Status::Pending, 5));
}

#[tokio::test]
async fn h1_a_callback_is_one_event_whether_it_counts_or_not() {
    let (heard, _listening) = Heard::listen();
    let app = App::open().await;
    let check = app.start().await;
    let phone = app.ringing().await;
    let forged = Notice { signature: Some("AAAA".to_owned()), ..app.notice() };
    assert_ne!(app.post(&forged).await, StatusCode::OK);
    let refused = heard.one("callback refused");
    assert_eq!(refused["provider"], "zadarma");
    assert!(phone.press("1").unwrap());
    assert_eq!(app.callbacks(1).await, [200]);
    let counted = heard.one("callback");
    assert_eq!((counted["check"].as_str(), counted["verdict"].as_str()), (check.id.to_string().as_str(), "Match"));
}

/// The vendor is right about the key, and the check of this number waits for something else.
#[tokio::test]
async fn e4_a_callback_settles_no_check_of_another_provider() {
    let app = App::open().await;
    let check = app.start().await;
    app.ringing().await;
    let told = app.verifier.callback_url("zadarma").unwrap();
    for other in ["code_book", "numcheck"] {
        let url = told.replace("/callback/zadarma/", &format!("/callback/{other}/"));
        assert_ne!(app.post_to(&url, &app.notice()).await, StatusCode::OK, "{url}");
    }
    assert_eq!(app.look(&check).await, (Status::Pending, 5));

    // The number has left the call for a text of another provider; the one of a second person was never called.
    app.clock.advance(Duration::from_secs(2));
    let next = soon(app.verifier.next(&ada(), check.id, Caller::default())).await.unwrap();
    assert_ne!(next.channel, Some(Channel::KeyPress));
    assert_eq!(app.post(&app.notice()).await, StatusCode::OK);
    assert_eq!(app.look(&check).await, (Status::Pending, 5));
}
