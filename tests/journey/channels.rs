//! Codes in messages: sent again, and sent another way.

use std::time::Duration;

use serde_json::json;

use crate::{PHONE, Stage, policy};

const TEXTS: &str = r#"["code_book/sms", "code_book/voice_code"]"#;

#[tokio::test]
async fn reuse_sends_the_same_code_again() {
    let stage = Stage::new(&policy(r#"resend = "reuse""#, TEXTS)).await;
    let ada = stage.person("ada");
    let check = ada.start(PHONE).await.expect(201);
    assert_eq!(check.body["prompt"], json!({ "type": "enter_code", "length": 6, "source": "message" }));
    let first = stage.code();

    stage.clock.advance(Duration::from_secs(30));
    assert_eq!(ada.start(PHONE).await.expect(201).id(), check.id());
    assert_eq!(stage.book.messages().len(), 2);
    assert_eq!(stage.code(), first);
    ada.answer(check.id(), &first).await.expect(200);
}

#[tokio::test]
async fn rotate_sends_another_code_and_the_old_one_is_over() {
    let stage = Stage::new(&policy(r#"resend = "rotate""#, TEXTS)).await;
    let ada = stage.person("ada");
    let check = ada.start(PHONE).await.expect(201);
    let first = stage.code();

    stage.clock.advance(Duration::from_secs(30));
    assert_eq!(ada.start(PHONE).await.expect(201).id(), check.id());
    let second = stage.code();
    assert_ne!(first, second);
    let missed = ada.answer(check.id(), &first).await.expect_problem(422, "incorrect-code");
    assert_eq!(missed.body["attempts_left"], 4);
    ada.answer(check.id(), &second).await.expect(200);
}

#[tokio::test]
async fn another_channel_keeps_attempts_and_expiry() {
    let stage = Stage::new(&policy("", TEXTS)).await;
    let ada = stage.person("ada");
    let check = ada.start(PHONE).await.expect(201);
    assert_eq!((check.text("channel"), &check.body["next_channels"]), ("sms", &json!(["voice_code"])));
    ada.answer(check.id(), &stage.wrong_code()).await.expect(422);

    stage.clock.advance(Duration::from_secs(10));
    let moved = ada.next(check.id()).await.expect(200);
    assert_eq!((moved.id(), moved.text("channel")), (check.id(), "voice_code"));
    assert_eq!(moved.body["prompt"]["source"], "call");
    assert_eq!(moved.body["attempts_left"], 4);
    assert_eq!(moved.body["expires_at"], check.body["expires_at"]);
    assert_eq!(moved.body["next_channels"], json!([]));
    let channels: Vec<_> = stage.book.messages().iter().map(|message| message.channel.as_str()).collect();
    assert_eq!(channels, ["sms", "voice_code"]);

    let verified = ada.answer(check.id(), &stage.code()).await.expect(200);
    let passed = ada.transfer(Some(verified.text("proof"))).await.expect(200);
    assert_eq!(passed.text("channel"), "voice_code", "the proof names the channel that was answered");
}

#[tokio::test]
async fn a_channel_that_was_asked_for_comes_first() {
    let stage = Stage::new(&policy("", TEXTS)).await;
    let ada = stage.person("ada");
    let body = |channel| json!({ "phone_number": PHONE, "action": "transfer", "channel": channel });
    let check = ada.start_with(body("voice_code")).await.expect(201);
    assert_eq!((check.text("channel"), &check.body["next_channels"]), ("voice_code", &json!(["sms"])));
    ada.start_with(body("flash_call")).await.expect_problem(400, "invalid-request");
    ada.start_with(body("pigeon")).await.expect_problem(400, "invalid-request");
}
