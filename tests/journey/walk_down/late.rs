//! What belongs to a leg that was left, and comes too late.

use std::time::Duration;

use handset::{
    provider::idlayr::Version,
    sandbox::{CallbackFault, Knob, Over, Scope},
};
use serde_json::json;

use super::{World, attempts_left, down, policy, stands_at, until};
use crate::{
    PHONE,
    stage::PATIENCE,
    vendors::{OTHER, claims},
};

#[tokio::test]
async fn the_code_of_a_call_is_wrong_once_the_text_is_out() {
    let world = World::new().await;
    let ada = world.ada();
    let check = ada.start(PHONE).await.expect(201);
    world.next(&ada, &check).await.expect(200);
    let ending = world.ending();
    world.next(&ada, &check).await.expect(200);
    let missed = ada.answer(check.id(), &ending).await.expect_problem(422, "incorrect-code");
    assert_eq!(missed.body["attempts_left"], 4);
    ada.answer(check.id(), &world.text_code()).await.expect(200);
}

#[tokio::test]
async fn the_code_of_a_call_is_right_when_the_text_cannot_be_sent() {
    let world = World::new().await;
    let ada = world.ada();
    let check = ada.start(PHONE).await.expect(201);
    world.next(&ada, &check).await.expect(200);
    down(&world.zadarma);
    world.next(&ada, &check).await.expect_problem(503, "unavailable");
    stands_at(&ada.look(check.id()).await.expect(200), "flash_call", &["sms"]);
    let verified = ada.answer(check.id(), &world.ending()).await.expect(200);
    assert_eq!(claims(verified.text("proof"))["amr"], json!(["flash_call"]));
}

#[tokio::test]
async fn the_code_of_a_call_is_right_while_the_text_is_being_ordered() {
    let world = World::new().await;
    let ada = world.ada();
    let check = ada.start(PHONE).await.expect(201);
    world.next(&ada, &check).await.expect(200);
    // The text never comes: its vendor takes the order, and is silent.
    world.zadarma.knobs().set(Scope::All, Knob::TimeOut).unwrap();
    world.stage.clock.advance(Duration::from_secs(2));
    let next = tokio::spawn({
        let (ada, id) = (ada.clone(), check.id().to_owned());
        async move { ada.next(&id).await }
    });
    until("the text is ordered", || world.orders()[2] == 1).await;
    let verified = ada.answer(check.id(), &world.ending()).await.expect(200);
    assert_eq!(claims(verified.text("proof"))["amr"], json!(["flash_call"]));
    next.abort();
}

#[tokio::test]
async fn a_text_that_comes_after_the_proof_proves_nothing_more() {
    let world = World::new().await;
    // Long enough for an answer on a loaded machine.
    world.zadarma.knobs().set(Scope::All, Knob::Latency(Duration::from_millis(1500))).unwrap();
    let ada = world.ada();
    let check = ada.start(PHONE).await.expect(201);
    world.next(&ada, &check).await.expect(200);
    world.stage.clock.advance(Duration::from_secs(2));
    let ordered = until("the text is ordered", || world.orders()[2] == 1);
    let (next, verified) = tokio::join!(ada.next(check.id()), async {
        ordered.await;
        ada.answer(check.id(), &world.ending()).await
    });
    verified.expect(200);
    let next = next.expect(200);
    assert_eq!((next.text("status"), next.body.get("proof")), ("verified", None));
    assert_eq!(next.text("channel"), "flash_call");
    ada.answer(check.id(), &world.text_code()).await.expect_problem(410, "check-ended");
}

#[tokio::test]
async fn a_device_that_comes_back_after_next_is_not_heard() {
    let world = World::new().await;
    let ada = world.ada();
    let check = ada.start(PHONE).await.expect(201);
    let (right, code) = {
        let back = world.open(PHONE, &check).await;
        let code = form_urlencoded::parse(back.split_once('?').unwrap().1.as_bytes())
            .find(|(name, _)| name == "code")
            .map(|(_, code)| code.into_owned());
        (back, code.unwrap())
    };
    world.next(&ada, &check).await.expect(200);
    world.visit(&ada, &right).await.expect_problem(410, "check-ended");
    // Nor when its app hands the code in: the call's number has no letters.
    ada.answer(check.id(), &code).await.expect_problem(400, "invalid-request");
    assert_eq!((world.exchanges(), attempts_left(&ada, &check).await), (0, 5));
    stands_at(&ada.look(check.id()).await.expect(200), "flash_call", &["sms"]);
    let verified = ada.answer(check.id(), &world.ending()).await.expect(200);
    assert_eq!(claims(verified.text("proof"))["amr"], json!(["flash_call"]));
    world.visit(&ada, &right).await.expect_problem(410, "check-ended");
}

#[tokio::test]
async fn a_device_that_comes_back_with_an_earlier_url_of_the_same_leg_is_not_heard() {
    let world = World::new().await;
    let ada = world.ada();
    let check = ada.start(PHONE).await.expect(201);
    let early = world.open(PHONE, &check).await;
    world.stage.clock.advance(Duration::from_secs(30));
    let again = ada.start(PHONE).await.expect(201);
    assert_ne!(again.body["prompt"]["url"], check.body["prompt"]["url"]);
    world.visit(&ada, &early).await.expect_problem(410, "check-ended");
    assert_eq!((world.exchanges(), attempts_left(&ada, &check).await), (0, 5));
    let back = world.open(PHONE, &again).await;
    assert_eq!(world.visit(&ada, &back).await.expect(200).text("status"), "verified");
}

#[tokio::test]
async fn a_device_that_comes_back_while_the_call_is_being_ordered_is_heard() {
    let world = World::new().await;
    let ada = world.ada();
    let check = ada.start(PHONE).await.expect(201);
    let back = world.open(PHONE, &check).await;
    world.citcall.knobs().set(Scope::All, Knob::TimeOut).unwrap();
    let next = tokio::spawn({
        let (ada, id) = (ada.clone(), check.id().to_owned());
        async move { ada.next(&id).await }
    });
    until("the call is ordered", || world.orders()[1] == 1).await;
    assert_eq!(world.visit(&ada, &back).await.expect(200).text("status"), "verified");
    let verified = ada.look(check.id()).await.expect(200);
    assert_eq!(claims(verified.text("proof"))["amr"], json!(["silent_network"]));
    next.abort();
}

#[tokio::test]
async fn e5_callbacks_of_a_leg_that_was_left_have_no_effect() {
    for (version, fault) in
        [(Version::V0_1, None), (Version::V0_1, Some(CallbackFault::Duplicate)), (Version::V0_2, None)]
    {
        for sim in [PHONE, OTHER] {
            let world = World::with(&policy("", ""), |config| config.version = version).await;
            fault.into_iter().for_each(|fault| world.idlayr.knobs().set(Scope::All, Knob::Callback(fault)).unwrap());
            let ada = world.ada();
            let check = ada.start(PHONE).await.expect(201);
            world.next(&ada, &check).await.expect(200);
            let looks = world.idlayr.requests().len();

            // The phone opens the URL at last.
            let url = check.body["prompt"]["url"].as_str().unwrap();
            let phone = world.idlayr.handset(sim);
            tokio::time::timeout(PATIENCE, phone.open(url, Over::MobileData)).await.unwrap().unwrap();
            if version == Version::V0_1 {
                let times = if fault.is_some() { 2 } else { 1 };
                until("the vendor has called", || world.idlayr.idlayr_callbacks().len() == times).await;
                assert_eq!(world.idlayr.idlayr_callbacks(), vec![200; times]);
            }
            let seen = ada.look(check.id()).await.expect(200);
            stands_at(&seen, "flash_call", &["sms"]);
            assert_eq!(seen.body["attempts_left"], 5);
            let asked = world.idlayr.requests().split_off(looks);
            assert!(asked.iter().all(|asked| !asked.path.ends_with("/checks")), "{asked:?}");
            ada.answer(check.id(), &world.ending()).await.expect(200);
        }
    }
}
