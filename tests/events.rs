//! What operators hear of a check: each thing that happens is one event, and the events of a check have its id in common.
#![cfg(all(feature = "sandbox", feature = "testing", feature = "client", feature = "axum"))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, its helpers too"
)]

#[path = "common/heard.rs"]
mod heard;
#[expect(dead_code, reason = "other tests use the rest")]
#[path = "common/stage.rs"]
mod stage;

use handset::sandbox::{Knob, Scope};
use heard::Heard;
use http::Method;
use stage::{PHONE, Stage};

const POLICY: &str = r#"
version = 1

[[limit]]
name = "answers"
on = "answer"
key = ["subject"]
quota = "4/1h"

[[step_up]]
name = "transfers"
when = { action = "transfer" }
require = { acr = "phone" }

[[route]]
name = "dear numbers"
when = { "phone.type" = "premium_rate" }
deny = "number_type"

[[route]]
name = "everybody"
try = ["numcheck/flash_call", "code_book/sms", "code_book/voice_code"]
"#;

#[tokio::test]
async fn h1_everything_that_happens_is_one_event() {
    let (heard, _listening) = Heard::listen();
    let stage = Stage::new(POLICY).await;
    let hash = stage.verifier.policy().hash().to_owned();
    let ada = stage.person("ada");
    heard.one("policy loaded");

    // A step-up is asked for, and a start is denied.
    ada.transfer(None).await.expect(401);
    assert_eq!(heard.one("step-up required")["rule"], "transfers");
    ada.start("+37190123456").await.expect(403);
    let denied = heard.one("start denied");
    assert_eq!((denied["policy"].as_str(), denied["reason"].as_str()), (hash.as_str(), "number_type"));
    assert!(denied["rule"].contains("dear numbers"), "{denied:?}");

    // A start, a vendor that fails, a fallback.
    stage.sandbox.knobs().set(Scope::All, Knob::Http500).unwrap();
    let check = ada.start(PHONE).await.expect(201);
    let events = heard.all();
    let event = |message: &str| events.iter().find(|event| event["message"] == message).unwrap().clone();
    let planned = event("start planned");
    assert_eq!((planned["policy"].as_str(), planned["rule"].as_str()), (hash.as_str(), "everybody"));
    let failed = event("message not ordered");
    assert_eq!((failed["provider"].as_str(), failed["channel"].as_str()), ("numcheck", "flash_call"));
    let sent = event("message ordered");
    assert_eq!((sent["provider"].as_str(), sent["channel"].as_str()), ("code_book", "sms"));
    for event in [planned, failed, sent] {
        assert_eq!(event["check"], check.id(), "{event:?}");
    }

    // A wrong answer, another channel, a right answer, another answer.
    ada.answer(check.id(), &stage.wrong_code()).await.expect(422);
    let wrong = heard.one("answer incorrect");
    assert_eq!((wrong["check"].as_str(), wrong["attempts_left"].as_str()), (check.id(), "4"));
    ada.next(check.id()).await.expect(200);
    assert_eq!(heard.one("message ordered")["channel"], "voice_code");
    let token = ada.answer(check.id(), &stage.code()).await.expect(200).text("proof").to_owned();
    let verified = heard.one("check verified");
    assert_eq!((verified["check"].as_str(), verified["channel"].as_str()), (check.id(), "voice_code"));
    ada.transfer(Some(&format!("{token}x"))).await.expect(401);
    assert!(heard.one("proof refused").contains_key("refusal"));

    // A check that is called off, a limit, and a callback of nobody.
    let other = ada.start("+37126999999").await.expect(201);
    ada.send(Method::DELETE, &format!("/handset/checks/{}", other.id()), None).await.expect(204);
    assert_eq!(heard.one("check cancelled")["check"], other.id());
    for _ in 0..2 {
        ada.answer(other.id(), "000000").await.expect(410);
    }
    ada.answer(other.id(), "000000").await.expect(429);
    assert_eq!(heard.one("over a limit")["limit"], "answers");
}
