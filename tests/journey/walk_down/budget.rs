//! One budget for the whole way: attempts of the check, failures of the subject and of the number.

use std::time::Duration;

use handset::sandbox::Over;
use http::Method;
use serde_json::json;

use super::{World, attempts_left, policy, stands_at};
use crate::{PHONE, Person, stage::wrong};

const ELSEWHERE: &str = "+37126888888";

#[tokio::test]
async fn attempts_count_down_across_the_legs_and_nothing_gives_one_back() {
    let world = World::new().await;
    let ada = world.ada();
    let check = ada.start(PHONE).await.expect(201);
    world.miss_silently(&ada, &check).await;
    assert_eq!(attempts_left(&ada, &check).await, 4);

    // Asked for again: the same check.
    world.stage.clock.advance(Duration::from_secs(30));
    let again = ada.start(PHONE).await.expect(201);
    assert_eq!((again.id(), &again.body["attempts_left"]), (check.id(), &json!(4)));
    world.miss_silently(&ada, &again).await;

    let moved = world.next(&ada, &check).await.expect(200);
    assert_eq!(moved.body["attempts_left"], 3);
    let missed = ada.answer(check.id(), &wrong(&world.ending())).await.expect_problem(422, "incorrect-code");
    assert_eq!(missed.body["attempts_left"], 2);

    let moved = world.next(&ada, &check).await.expect(200);
    stands_at(&moved, "sms", &[]);
    assert_eq!(moved.body["attempts_left"], 2);
    for left in [1, 0] {
        let missed = ada.answer(check.id(), &wrong(&world.text_code())).await.expect_problem(422, "incorrect-code");
        assert_eq!(missed.body["attempts_left"], left);
    }
    ada.answer(check.id(), &world.text_code()).await.expect_problem(410, "check-ended");
    world.next(&ada, &check).await.expect_problem(410, "check-ended");
    assert_eq!(ada.look(check.id()).await.expect(200).text("status"), "failed");
    assert_eq!(world.orders(), [2, 1, 1]);
}

#[tokio::test]
async fn the_last_attempt_may_be_spent_on_any_leg() {
    let world = World::with(&policy("[code]\nattempts = 2", ""), |_| {}).await;
    let ada = world.ada();
    let check = ada.start(PHONE).await.expect(201);
    world.miss_silently(&ada, &check).await;
    world.next(&ada, &check).await.expect(200);
    ada.answer(check.id(), &wrong(&world.ending())).await.expect_problem(422, "incorrect-code");
    ada.answer(check.id(), &world.ending()).await.expect_problem(410, "check-ended");
    world.next(&ada, &check).await.expect_problem(410, "check-ended");
    assert_eq!(world.orders(), [1, 1, 0]);
}

#[tokio::test]
async fn failures_on_three_legs_and_two_checks_spend_one_budget() {
    let world = World::with(&policy("[budget]\nfailures = \"4/1h\"", ""), |_| {}).await;
    let ada = world.ada();
    let check = ada.start(PHONE).await.expect(201);
    world.miss_silently(&ada, &check).await;
    world.next(&ada, &check).await.expect(200);
    ada.answer(check.id(), &wrong(&world.ending())).await.expect(422);
    world.next(&ada, &check).await.expect(200);
    ada.answer(check.id(), &wrong(&world.text_code())).await.expect(422);
    ada.send(Method::DELETE, &format!("/handset/checks/{}", check.id()), None).await.expect(204);

    // What went wrong for other reasons has cost nothing.
    let check = ada.start(PHONE).await.expect(201);
    let back = world.open_over(&world.idlayr.handset(PHONE), &check, Over::Wifi).await;
    world.visit(&ada, &back).await.expect(200);
    world.stage.clock.advance(Duration::from_secs(30));
    let again = ada.start(PHONE).await.expect(201);
    world.miss_silently(&ada, &again).await;
    let before = (world.orders(), world.exchanges());
    nothing_goes(&world, &ada).await;
    world.next(&ada, &check).await.expect_problem(429, "rate-limited");

    world.stage.clock.advance(Duration::from_secs(30));
    ada.start(PHONE).await.expect_problem(429, "rate-limited");
    assert_eq!((world.orders(), world.exchanges()), before, "no message is sent again either");

    // Whoever else claims the number is held back as well, another number is not, and neither is anybody once the hour is over.
    world.stage.person("ben").start(PHONE).await.expect_problem(429, "rate-limited");
    world.stage.person("ben").start(ELSEWHERE).await.expect(201);
    world.stage.clock.advance(Duration::from_secs(3600));
    ada.start(PHONE).await.expect(201);
}

/// Neither another number, nor another action, nor another channel, nor another key.
async fn nothing_goes(world: &World, person: &Person) {
    for body in [
        json!({ "phone_number": ELSEWHERE, "action": "transfer" }),
        json!({ "phone_number": PHONE, "action": "settings" }),
        json!({ "phone_number": PHONE, "action": "settings", "channel": "sms" }),
    ] {
        person.start_with(body).await.expect_problem(429, "rate-limited");
    }
    let keyed = person.with("idempotency-key", "fresh");
    keyed.start(ELSEWHERE).await.expect_problem(429, "rate-limited");
    assert_eq!(world.orders()[1..], [1, 1]);
}

#[tokio::test]
async fn a_spent_budget_lets_no_device_back_in() {
    let world = World::with(&policy("[budget]\nfailures = \"1/1h\"", ""), |_| {}).await;
    let ada = world.ada();
    let check = ada.start(PHONE).await.expect(201);
    let back = world.open(PHONE, &check).await;
    // Meanwhile the same person fails elsewhere.
    let other = ada.start(ELSEWHERE).await.expect(201);
    world.miss_silently(&ada, &other).await;
    let exchanges = world.exchanges();
    assert_eq!(world.visit(&ada, &back).await.expect(200).text("status"), "pending");
    assert_eq!((world.exchanges(), attempts_left(&ada, &check).await), (exchanges, 5));
}

#[tokio::test]
async fn a_success_on_any_leg_clears_what_the_legs_before_it_cost() {
    let world = World::with(&policy("[budget]\nfailures = \"3/1h\"", ""), |_| {}).await;
    let ada = world.ada();
    for _ in 0..3 {
        let check = ada.start(PHONE).await.expect(201);
        world.miss_silently(&ada, &check).await;
        world.next(&ada, &check).await.expect(200);
        ada.answer(check.id(), &wrong(&world.ending())).await.expect(422);
        ada.answer(check.id(), &world.ending()).await.expect(200);
    }
}
