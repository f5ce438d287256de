//! Answers that are wrong, unreadable, late or somebody else's.

use std::time::Duration;

use handset::{
    CheckId,
    sandbox::{Knob, Scope},
};
use http::{HeaderMap, Method};
use serde_json::{Value, json};

use crate::{
    PHONE, Person, Stage, WIDE,
    stage::{Answer, wrong},
};

#[tokio::test]
async fn wrong_codes_count_down_to_the_end_of_the_check() {
    let stage = Stage::new(WIDE).await;
    let ada = stage.person("ada");
    let check = ada.start(PHONE).await.expect(201);
    assert_eq!(check.body["attempts_left"], 5);
    for left in (0..5).rev() {
        let missed = ada.answer(check.id(), &stage.wrong_code()).await.expect_problem(422, "incorrect-code");
        assert_eq!(missed.body["attempts_left"], left);
    }
    ada.answer(check.id(), &stage.code()).await.expect_problem(410, "check-ended");
    assert_eq!(ada.look(check.id()).await.expect(200).text("status"), "failed");
    ada.next(check.id()).await.expect_problem(410, "check-ended");
}

#[tokio::test]
async fn a7_what_cannot_be_a_code_costs_no_attempt() {
    let stage = Stage::new(WIDE).await;
    let ada = stage.person("ada");
    let check = ada.start(PHONE).await.expect(201);
    let unknown = CheckId::random().unwrap().to_string();
    let long = "1".repeat(33);
    // Empty, blank, over-long, full-width, Arabic-Indic, signed, hexadecimal, with a null.
    for code in ["", "   ", &long, "1234567890123456", "１２３４５６", "٠١٢٣٤٥", "-12345x", "0x1e240", "123456\0"]
    {
        for id in [check.id(), &unknown] {
            let refused = ada.answer(id, code).await.expect_problem(400, "invalid-request");
            assert!(code.trim().is_empty() || !refused.text("detail").contains(code), "{}", refused.body);
        }
    }
    for body in [json!({ "code": 123_456 }), json!({ "code": null }), json!({}), json!([]), json!({ "Code": "123456" })]
    {
        let refused = ada.send(Method::POST, &format!("/handset/checks/{}/code", check.id()), Some(body)).await;
        assert!(!refused.expect_problem(400, "invalid-request").body.to_string().contains("123456"));
    }
    assert_eq!(ada.look(check.id()).await.expect(200).body["attempts_left"], 5);
    ada.answer(check.id(), &stage.code()).await.expect(200);
}

#[tokio::test]
async fn a_megabyte_is_no_code() {
    let stage = Stage::new(WIDE).await;
    let ada = stage.person("ada");
    let check = ada.start(PHONE).await.expect(201);
    let huge = "1".repeat(1 << 20);
    ada.answer(check.id(), &huge).await.expect_problem(413, "body-too-large");
    ada.start(&huge).await.expect_problem(413, "body-too-large");
    assert_eq!(ada.look(check.id()).await.expect(200).body["attempts_left"], 5);
}

#[tokio::test]
async fn a_code_fits_its_own_check_only() {
    let stage = Stage::new(WIDE).await;
    let ada = stage.person("ada");
    let start = |action, binding| json!({ "phone_number": PHONE, "action": action, "binding": binding });
    let first = ada.start_with(start("transfer", "100 EUR to Ben")).await.expect(201);
    let code = stage.code();
    for other in [start("transfer", "900 EUR to Eve"), start("sign_in", "100 EUR to Ben")] {
        let other = ada.start_with(other).await.expect(201);
        assert_ne!(other.id(), first.id());
        ada.answer(other.id(), &code).await.expect_problem(422, "incorrect-code");
    }
    let ben = stage.person("ben");
    let other = ben.start_with(start("transfer", "100 EUR to Ben")).await.expect(201);
    ben.answer(other.id(), &code).await.expect_problem(422, "incorrect-code");
    ada.answer(first.id(), &code).await.expect(200);
}

#[tokio::test]
async fn the_ending_of_another_call_is_wrong() {
    let stage =
        Stage::new(&WIDE.replace(r#""code_book/sms", "code_book/voice_code""#, r#""numcheck/flash_call""#)).await;
    let (ada, eve) = (stage.person("ada"), stage.person("eve"));
    for (number, ending) in [(PHONE, "0042"), ("+37126999999", "0420")] {
        stage.sandbox.knobs().set(Scope::Number(number), Knob::CallerEnding(ending.into())).unwrap();
    }
    let check = ada.start(PHONE).await.expect(201);
    eve.start("+37126999999").await.expect(201);
    for typed in ["0420", "42", "042", "00042", "420042"] {
        ada.answer(check.id(), typed).await.expect_problem(422, "incorrect-code");
    }
    ada.answer(check.id(), "0042").await.expect_problem(410, "check-ended");
}

#[tokio::test]
async fn d1_unknown_foreign_and_expired_checks_look_the_same() {
    let stage = Stage::new(WIDE).await;
    let (ada, eve) = (stage.person("ada"), stage.person("eve"));
    let old = ada.start(PHONE).await.expect(201);
    let old_code = stage.code();
    stage.clock.advance(Duration::from_secs(300));
    let foreign = ada.start(PHONE).await.expect(201);
    assert_ne!(foreign.id(), old.id());
    let code = stage.code();

    let unknown = CheckId::random().unwrap().to_string();
    let mut expected = None;
    for (person, id, code) in [
        (&ada, unknown.as_str(), &code),
        (&ada, "not-an-id", &code),
        (&eve, foreign.id(), &code),
        (&eve, foreign.id(), &wrong(&code)),
        (&Person::at(&stage.url), foreign.id(), &code),
        (&ada, old.id(), &old_code),
    ] {
        let path = format!("/handset/checks/{id}");
        for answer in [
            person.answer(id, code).await,
            person.look(id).await,
            person.with("prefer", "wait=1").look(id).await,
            person.next(id).await,
            person.send(Method::DELETE, &path, None).await,
        ] {
            let shown = shown(answer.expect_problem(410, "check-ended"));
            assert_eq!(&shown, expected.get_or_insert(shown.clone()));
        }
    }
    // Nothing of this touched the check; later still, the old one is forgotten altogether.
    assert_eq!(ada.look(foreign.id()).await.expect(200).body["attempts_left"], 5);
    ada.answer(foreign.id(), &code).await.expect(200);
    stage.clock.advance(Duration::from_secs(61));
    assert_eq!(Some(shown(ada.answer(old.id(), &old_code).await)), expected);
}

/// Everything about an answer but when it was given.
fn shown(mut answer: Answer) -> (u16, HeaderMap, Value) {
    answer.headers.remove("date");
    (answer.status, answer.headers, answer.body)
}

#[tokio::test]
async fn a4_an_expiry_is_moved_by_nothing() {
    let stage = Stage::new(WIDE).await;
    let ada = stage.person("ada");
    let check = ada.start(PHONE).await.expect(201);
    stage.clock.advance(Duration::from_secs(200));
    ada.answer(check.id(), &stage.wrong_code()).await.expect(422);
    assert_eq!(ada.start(PHONE).await.expect(201).id(), check.id(), "sent again");
    ada.next(check.id()).await.expect(200);
    stage.clock.advance(Duration::from_secs(100));
    ada.answer(check.id(), &stage.code()).await.expect_problem(410, "check-ended");
}

#[tokio::test]
async fn a_number_that_the_policy_denies_is_not_reached() {
    let stage = Stage::new(WIDE).await;
    let denied = stage.person("ada").start("+449098790123").await.expect_problem(403, "denied");
    assert!(denied.text("detail").contains("number_type"), "{}", denied.body);
    assert_eq!((stage.book.messages().len(), stage.sandbox.calls()), (0, 0));
}

#[tokio::test]
async fn an_idempotency_key_is_for_one_request() {
    let stage = Stage::new(WIDE).await;
    let ada = stage.person("ada").with("idempotency-key", "one-click");
    let check = ada.start(PHONE).await.expect(201);
    ada.start("+37126999999").await.expect_problem(422, "idempotency-key-reused");
    let other = json!({ "phone_number": PHONE, "action": "sign_in" });
    ada.start_with(other).await.expect_problem(422, "idempotency-key-reused");
    assert_eq!(stage.book.messages().len(), 1);
    ada.answer(check.id(), &stage.code()).await.expect(200);
}

/// A form that is sent twice, or an autofill that does: the second answer makes no second proof, and the status says what became of it.
#[tokio::test]
async fn a12_a_right_answer_that_is_repeated_makes_no_second_proof() {
    let stage = Stage::new(WIDE).await;
    let ada = stage.person("ada");
    let check = ada.start(PHONE).await.expect(201);
    ada.answer(check.id(), &stage.code()).await.expect(200).text("proof");
    for _ in 0..2 {
        let again = ada.answer(check.id(), &stage.code()).await.expect_problem(410, "check-ended");
        assert!(again.body.get("proof").is_none(), "{}", again.body);
    }
    let seen = ada.look(check.id()).await.expect(200);
    assert_eq!((seen.text("status"), seen.body.get("proof")), ("verified", None));
}
