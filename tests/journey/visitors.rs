//! Who a check belongs to, what can be typed, and what the proof is bound to.

use handset::sandbox::{Knob, Scope};
use http::Method;
use serde_json::json;

use crate::{
    PHONE, POLICY, Person, Stage, next_call,
    vendors::{self, EMAIL, last_code},
};

#[tokio::test]
async fn a_visitor_gets_a_cookie_and_can_finish_with_it() {
    let stage = Stage::new(POLICY).await;
    let stranger = Person::at(&stage.url);
    let check = stranger.start(PHONE).await.expect(201);

    let cookie = check.header("set-cookie");
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert!(pair.starts_with("__Host-handset=") && pair.len() > "__Host-handset=".len() + 20, "{cookie}");
    assert_eq!(attributes, "Path=/; Secure; HttpOnly; SameSite=Lax");

    let visitor = stranger.with("cookie", pair);
    let again = visitor.start(PHONE).await.expect(201);
    assert_eq!(again.id(), check.id(), "the cookie stands for the same visitor");
    assert!(!again.headers.contains_key("set-cookie"), "a visitor who is known gets no other cookie");

    let call = next_call(&stage.sandbox.handset(PHONE)).await;
    stranger.answer(check.id(), call.ending()).await.expect_problem(410, "check-ended");
    let verified = visitor.answer(check.id(), call.ending()).await.expect(200);
    let passed = visitor.transfer(Some(verified.text("proof"))).await.expect(200);
    assert!(passed.text("subject").starts_with("visitor:"), "{}", passed.body);
    let secret = pair.split_once('=').unwrap().1;
    assert!(!passed.text("subject").contains(secret), "a proof does not carry the cookie about");

    stranger.transfer(Some(verified.text("proof"))).await.expect_problem(401, "step-up-required");
}

#[tokio::test]
async fn an_account_gets_no_cookie_and_has_its_checks_everywhere() {
    let stage = Stage::new(POLICY).await;
    let check = stage.person("ada").start(PHONE).await.expect(201);
    assert!(!check.headers.contains_key("set-cookie"));

    // Another device of the same account.
    let elsewhere = stage.person("ada");
    assert_eq!(elsewhere.look(check.id()).await.expect(200).text("status"), "pending");
    let call = next_call(&stage.sandbox.handset(PHONE)).await;
    let verified = elsewhere.answer(check.id(), call.ending()).await.expect(200);
    stage.person("ada").transfer(Some(verified.text("proof"))).await.expect(200);
}

#[tokio::test]
async fn the_whole_number_of_the_caller_counts_as_its_ending() {
    let stage = Stage::new(POLICY).await;
    let forms: [fn(String) -> String; 4] = [
        |from| from,
        |from| from.replace('+', "00"),
        |from| from.replace("+371", ""),
        |from| from.replace("+371", "+371 (").replacen("66", "66) ", 1),
    ];
    for (line, typed) in forms.into_iter().enumerate() {
        let (phone, person) = (format!("+3712612345{line}"), stage.person(&format!("person-{line}")));
        let check = person.start(&phone).await.expect(201);
        let call = next_call(&stage.sandbox.handset(&phone)).await;
        person.answer(check.id(), &typed(call.from)).await.expect(200);
    }
}

#[tokio::test]
async fn leading_zeros_of_a_caller_count() {
    let stage = Stage::new(POLICY).await;
    stage.sandbox.knobs().set(Scope::Number(PHONE), Knob::CallerEnding("0042".into())).unwrap();
    let ada = stage.person("ada");
    let check = ada.start(PHONE).await.expect(201);
    assert_eq!(check.body["prompt"]["length"], 4);
    assert_eq!(next_call(&stage.sandbox.handset(PHONE)).await.ending(), "0042");
    ada.answer(check.id(), "42").await.expect_problem(422, "incorrect-code");
    ada.answer(check.id(), "0042").await.expect(200);
}

#[tokio::test]
async fn a_proof_is_good_for_its_transaction() {
    let stage = Stage::new(POLICY).await;
    let ada = stage.person("ada");
    let to_ben = ada.with("x-binding", "100 EUR to Ben");
    let refused = to_ben.transfer(None).await.expect_problem(401, "step-up-required");
    assert_eq!(refused.text("binding"), "100 EUR to Ben");

    let body = json!({ "phone_number": PHONE, "action": "transfer", "binding": refused.text("binding") });
    let check = to_ben.send(Method::POST, refused.text("start"), Some(body)).await.expect(201);
    let call = next_call(&stage.sandbox.handset(PHONE)).await;
    let verified = to_ben.answer(check.id(), call.ending()).await.expect(200);
    let proof = Some(verified.text("proof"));

    assert_eq!(to_ben.transfer(proof).await.expect(200).text("binding"), "100 EUR to Ben");
    ada.with("x-binding", "900 EUR to Eve").transfer(proof).await.expect_problem(401, "step-up-required");
    ada.transfer(proof).await.expect_problem(401, "step-up-required");
}

#[tokio::test]
async fn an_account_with_a_number_is_checked_on_that_number() {
    let stage = Stage::new(POLICY).await;
    let ada = stage.person("ada").with("x-phone", PHONE);
    ada.start("+37126999999").await.expect_problem(400, "invalid-request");
    assert_eq!(stage.sandbox.calls(), 0);

    let check = ada.start_with(json!({ "action": "transfer" })).await.expect(201);
    let call = next_call(&stage.sandbox.handset(PHONE)).await;
    let verified = ada.answer(check.id(), call.ending()).await.expect(200);
    ada.transfer(Some(verified.text("proof"))).await.expect(200);
    let moved = stage.person("ada").with("x-phone", "+37126999999");
    moved.transfer(Some(verified.text("proof"))).await.expect_problem(401, "step-up-required");
}

#[tokio::test]
async fn an_account_with_an_address_gets_its_e_mails_there() {
    let stage = vendors::stage("version = 1\n[[route]]\nname = \"all\"\ntry = [\"zadarma/email\"]").await;
    let ada = stage.person("ada").with("x-email", EMAIL);
    let start = |email: &str| json!({ "phone_number": PHONE, "action": "transfer", "email": email });
    ada.start_with(start("eve@example.com")).await.expect_problem(400, "invalid-request");
    assert_eq!(stage.sandbox.calls(), 0);

    let check = ada.start_with(start(&EMAIL.to_uppercase())).await.expect(201);
    ada.answer(check.id(), &last_code(&stage.sandbox.handset(EMAIL))).await.expect(200);
    let check = ada.start_with(json!({ "phone_number": PHONE, "action": "look" })).await.expect(201);
    ada.answer(check.id(), &last_code(&stage.sandbox.handset(EMAIL))).await.expect(200);
}
