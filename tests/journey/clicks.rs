//! One action of a person costs one message: double clicks, repetitions, resending, waiting, calling off.

use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use handset::{
    clock::Clock,
    sandbox::{Knob, Scope},
};
use http::Method;
use serde_json::json;

use crate::{PHONE, POLICY, Stage, next_call, policy, wrong};

#[tokio::test]
async fn c1_a_double_click_costs_one_call() {
    let stage = Stage::new(POLICY).await;
    // The first click is still being served when the others come.
    stage.sandbox.knobs().set(Scope::All, Knob::Latency(Duration::from_millis(200))).unwrap();
    let ada = stage.person("ada");
    let checks = join_all((0..10).map(|_| ada.start(PHONE))).await;
    for check in &checks {
        assert_eq!(check.clone().expect(201).id(), checks[0].id());
    }
    assert_eq!(ada.start(PHONE).await.expect(201).id(), checks[0].id(), "a late click");
    assert_eq!(stage.sandbox.calls(), 1);

    let call = next_call(&stage.sandbox.handset(PHONE)).await;
    ada.answer(checks[0].id(), call.ending()).await.expect(200);
}

#[tokio::test]
async fn a_double_click_on_next_costs_one_call() {
    let routes = r#"["code_book/sms", "numcheck/flash_call", "code_book/voice_code"]"#;
    let stage = Stage::new(&policy("", routes)).await;
    stage.sandbox.knobs().set(Scope::All, Knob::Latency(Duration::from_millis(200))).unwrap();
    let ada = stage.person("ada");
    let check = ada.start(PHONE).await.expect(201);
    assert_eq!(check.body["next_channels"], json!(["flash_call", "voice_code"]));

    stage.clock.advance(Duration::from_secs(20));
    join_all((0..10).map(|_| ada.next(check.id()))).await.into_iter().for_each(|next| drop(next.expect(200)));
    let late = ada.next(check.id()).await.expect(200);
    assert_eq!(late.text("channel"), "flash_call", "no click skips a channel");
    assert_eq!(stage.sandbox.calls(), 1);
    assert_eq!(stage.book.messages().len(), 1);
}

#[tokio::test]
async fn a_double_click_on_the_last_next_is_one_click_too() {
    let stage = Stage::new(&policy("", r#"["code_book/sms", "code_book/voice_code"]"#)).await;
    let ada = stage.person("ada");
    let check = ada.start(PHONE).await.expect(201);
    stage.clock.advance(Duration::from_secs(20));
    for _ in 0..2 {
        assert_eq!(ada.next(check.id()).await.expect(200).text("channel"), "voice_code");
    }
    assert_eq!(stage.book.messages().len(), 2);

    stage.clock.advance(Duration::from_secs(1));
    ada.next(check.id()).await.expect_problem(409, "no-more-channels");
}

#[tokio::test]
async fn c1_an_idempotency_key_is_answered_with_its_check() {
    let stage = Stage::new(POLICY).await;
    let ada = stage.person("ada");
    let keyed = ada.with("idempotency-key", "one-click");
    let check = keyed.start(PHONE).await.expect(201);
    assert_eq!(keyed.start(PHONE).await.expect(201).id(), check.id());
    assert_eq!(stage.sandbox.calls(), 1);

    // The key stays with its check even when that is over; without it there is another one.
    ada.send(Method::DELETE, &format!("/handset/checks/{}", check.id()), None).await.expect(204);
    let replayed = keyed.start(PHONE).await.expect(201);
    assert_eq!((replayed.id(), replayed.text("status")), (check.id(), "cancelled"));
    assert_eq!(stage.sandbox.calls(), 1);
    assert_ne!(ada.start(PHONE).await.expect(201).id(), check.id());
    assert_eq!(stage.sandbox.calls(), 2);

    // A key is its subject's own.
    let other = stage.person("ben").with("idempotency-key", "one-click").start(PHONE).await.expect(201);
    assert_ne!(other.id(), check.id());
}

#[tokio::test]
async fn starting_again_rings_again_when_it_is_time() {
    let stage = Stage::new(POLICY).await;
    let (ada, handset) = (stage.person("ada"), stage.sandbox.handset(PHONE));
    stage.sandbox.knobs().set(Scope::All, Knob::CallerEnding("1111".into())).unwrap();
    let check = ada.start(PHONE).await.expect(201);
    assert_eq!(next_call(&handset).await.ending(), "1111");

    stage.sandbox.knobs().set(Scope::All, Knob::CallerEnding("2222".into())).unwrap();
    stage.clock.advance(Duration::from_secs(29));
    assert_eq!(ada.start(PHONE).await.expect(201).id(), check.id());
    assert_eq!(stage.sandbox.calls(), 1, "it is too early");

    // Exactly when the check says.
    let due = time(check.text("resend_after"));
    stage.clock.advance(due.duration_since(stage.clock.now()).unwrap());
    let again = ada.start(PHONE).await.expect(201);
    assert_eq!(again.id(), check.id());
    assert_eq!(again.body["expires_at"], check.body["expires_at"]);
    assert_eq!(again.body["attempts_left"], check.body["attempts_left"]);
    assert_eq!(stage.sandbox.calls(), 2);
    assert_eq!(next_call(&handset).await.ending(), "2222");

    ada.answer(check.id(), "1111").await.expect_problem(422, "incorrect-code");
    ada.answer(check.id(), "2222").await.expect(200);
}

#[tokio::test]
async fn waiting_ends_when_the_check_is_verified_elsewhere() {
    let stage = Stage::new(POLICY).await;
    let ada = stage.person("ada");
    let check = ada.start(PHONE).await.expect(201);
    let call = next_call(&stage.sandbox.handset(PHONE)).await;

    let (waiting, id) = (stage.person("ada").with("prefer", "wait=20"), check.id().to_owned());
    let waiting = tokio::spawn(async move { waiting.look(&id).await });
    for _ in 0..5 {
        assert_eq!(ada.look(check.id()).await.expect(200).text("status"), "pending");
    }
    assert!(!waiting.is_finished(), "nothing has happened yet");

    ada.answer(check.id(), &wrong(call.ending())).await.expect(422);
    let changed = waiting.await.unwrap().expect(200);
    assert_eq!((changed.text("status"), &changed.body["attempts_left"]), ("pending", &json!(4)));
    assert_eq!(changed.header("preference-applied"), "wait=20");

    let (waiting, id) = (stage.person("ada").with("prefer", "wait=20"), check.id().to_owned());
    let waiting = tokio::spawn(async move { waiting.look(&id).await });
    let verified = ada.answer(check.id(), call.ending()).await.expect(200);
    let seen = waiting.await.unwrap().expect(200);
    assert_eq!(seen.text("status"), "verified");
    assert!(verified.body["proof"].is_string() && seen.body.get("proof").is_none(), "a proof is given once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn waiting_ends_with_a_result_and_not_with_an_answer_under_way() {
    let limit = "[[limit]]\nname = \"wide\"\non = \"start\"\nkey = [\"global\"]\nquota = \"10000/1h\"\n";
    let stage = Stage::new(&format!("{}{limit}", policy("", r#"["code_book/sms"]"#))).await;
    let ada = stage.person("ada");
    let waiting = ada.with("prefer", "wait=20");
    for _ in 0..50 {
        let check = ada.start(PHONE).await.expect(201);
        let code = stage.code();
        let (seen, verified) = tokio::join!(waiting.look(check.id()), ada.answer(check.id(), &code));
        verified.expect(200);
        assert_eq!(seen.expect(200).text("status"), "verified");
    }
}

#[tokio::test]
async fn a_check_that_is_called_off_is_over() {
    let stage = Stage::new(POLICY).await;
    let ada = stage.person("ada");
    let check = ada.start(PHONE).await.expect(201);
    let call = next_call(&stage.sandbox.handset(PHONE)).await;
    let path = format!("/handset/checks/{}", check.id());

    stage.person("eve").send(Method::DELETE, &path, None).await.expect_problem(410, "check-ended");
    let deleted = ada.send(Method::DELETE, &path, None).await.expect(204);
    assert!(deleted.body.is_null() && !deleted.headers.contains_key("content-type"));
    assert_eq!(ada.look(check.id()).await.expect(200).text("status"), "cancelled");
    ada.answer(check.id(), call.ending()).await.expect_problem(410, "check-ended");
    ada.next(check.id()).await.expect_problem(410, "check-ended");
    ada.send(Method::DELETE, &path, None).await.expect_problem(410, "check-ended");
}

#[tokio::test]
async fn there_is_no_next_after_the_last_channel() {
    let stage = Stage::new(POLICY).await;
    let ada = stage.person("ada");
    let check = ada.start(PHONE).await.expect(201);
    ada.next(check.id()).await.expect_problem(409, "no-more-channels");
    let call = next_call(&stage.sandbox.handset(PHONE)).await;
    ada.answer(check.id(), call.ending()).await.expect(200);
    assert_eq!(stage.sandbox.calls(), 1);
}

fn time(shown: &str) -> SystemTime {
    humantime::parse_rfc3339(shown).unwrap()
}
