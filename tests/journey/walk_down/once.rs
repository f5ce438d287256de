//! One action of a person is one message, whatever is clicked, repeated or lost on the way.

use std::time::Duration;

use futures_util::future::join_all;
use handset::sandbox::{Knob, Scope};
use serde_json::json;

use super::{World, down, slow, stands_at, until};
use crate::{PHONE, Person, stage::Answer};

#[tokio::test]
async fn a_double_click_on_start_is_one_message_wherever_the_plan_ends_up() {
    let world = World::new().await;
    down(&world.idlayr);
    slow(&world.citcall);
    let ada = world.ada();
    let checks = join_all((0..10).map(|_| ada.start(PHONE))).await;
    for check in &checks {
        stands_at(&check.clone().expect(201), "flash_call", &["sms"]);
        assert_eq!(check.id(), checks[0].id());
    }
    // The access token is refused, so the order does not even reach the first vendor.
    assert_eq!((world.orders()[1..].to_vec(), world.citcall.calls()), (vec![1, 0], 1));
    ada.answer(checks[0].id(), &world.ending()).await.expect(200);
}

#[tokio::test]
async fn a_double_click_on_next_is_one_message_and_skips_no_leg() {
    let world = World::new().await;
    slow(&world.citcall);
    slow(&world.zadarma);
    let ada = world.ada();
    let check = ada.start(PHONE).await.expect(201);
    for (orders, channel) in [([1, 1, 0], "flash_call"), ([1, 1, 1], "sms")] {
        world.stage.clock.advance(Duration::from_secs(2));
        join_all((0..10).map(|_| ada.next(check.id()))).await.into_iter().for_each(|next| drop(next.expect(200)));
        assert_eq!(ada.next(check.id()).await.expect(200).text("channel"), channel, "a late click is the same click");
        assert_eq!(world.orders(), orders);
    }
    assert_eq!(world.billed(), 2);
}

#[tokio::test]
async fn a_click_on_start_and_one_on_next_at_once_are_one_message() {
    let world = World::new().await;
    slow(&world.citcall);
    slow(&world.idlayr);
    let ada = world.ada();
    let check = ada.start(PHONE).await.expect(201);
    // Both are due: the same message again, and the next one.
    world.stage.clock.advance(Duration::from_secs(30));
    let (again, next) = tokio::join!(ada.start(PHONE), ada.next(check.id()));
    assert_eq!((again.expect(201).id(), next.expect(200).id()), (check.id(), check.id()));
    let orders = world.orders();
    assert!([[2, 0, 0], [1, 1, 0]].contains(&orders), "{orders:?}");
}

#[tokio::test]
async fn a_repeated_request_is_answered_with_its_check_wherever_that_stands() {
    let world = World::new().await;
    let ada = world.ada();
    let keyed = ada.with("idempotency-key", "one-click");
    let check = keyed.start(PHONE).await.expect(201);
    world.next(&ada, &check).await.expect(200);
    world.stage.clock.advance(Duration::from_secs(60));
    for again in join_all((0..10).map(|_| keyed.start(PHONE))).await {
        let again = again.expect(201);
        assert_eq!(again.id(), check.id());
        stands_at(&again, "flash_call", &["sms"]);
    }
    ada.answer(check.id(), &world.ending()).await.expect(200);
    assert_eq!(keyed.start(PHONE).await.expect(201).text("status"), "verified");
    assert_eq!((world.orders(), world.citcall.calls()), ([1, 1, 0], 1));
}

/// Two tabs ask at once, each with a key of its own. Later the second one asks again, since its answer was lost.
#[tokio::test]
async fn a_key_that_came_while_another_start_was_under_way_is_remembered() {
    let world = World::new().await;
    slow(&world.idlayr);
    let (one, other) = (world.ada().with("idempotency-key", "one"), world.ada().with("idempotency-key", "other"));
    let (first, second) = tokio::join!(one.start(PHONE), other.start(PHONE));
    let check = first.expect(201);
    assert_eq!(second.expect(201).id(), check.id());
    world.next(&one, &check).await.expect(200);
    one.answer(check.id(), &world.ending()).await.expect(200);

    for tab in [&one, &other] {
        let again = tab.start(PHONE).await.expect(201);
        assert_eq!((again.id(), again.text("status")), (check.id(), "verified"));
        let changed = json!({ "phone_number": PHONE, "action": "settings" });
        tab.start_with(changed).await.expect_problem(422, "idempotency-key-reused");
    }
    assert_eq!(world.orders(), [1, 1, 0]);
}

/// The other way round: a key that belongs to another request is refused, also while that request's twin is under way.
#[tokio::test]
async fn a_key_of_another_request_is_refused_while_a_start_is_under_way() {
    let world = World::new().await;
    let keyed = world.ada().with("idempotency-key", "one-click");
    keyed.start_with(json!({ "phone_number": PHONE, "action": "settings" })).await.expect(201);
    slow(&world.idlayr);
    let under_way = tokio::spawn({
        let ada = world.ada();
        async move { ada.start(PHONE).await }
    });
    until("the second order is there", || world.orders()[0] == 2).await;
    keyed.start(PHONE).await.expect_problem(422, "idempotency-key-reused");
    under_way.await.unwrap().expect(201);
    assert_eq!(world.orders(), [2, 0, 0]);
}

#[tokio::test]
async fn an_answer_that_is_lost_on_its_way_to_the_client_costs_no_second_message() {
    let world = World::new().await;
    down(&world.idlayr);
    slow(&world.citcall);
    let keyed = world.ada().with("idempotency-key", "one-click");
    let lost = tokio::spawn({
        let keyed = keyed.clone();
        async move { keyed.start(PHONE).await }
    });
    until("the call is ordered", || world.orders()[1] == 1).await;
    lost.abort();

    let check = arrived(&keyed, keyed.start(PHONE).await.expect(201)).await;
    stands_at(&check, "flash_call", &["sms"]);
    assert_eq!((world.orders()[1..].to_vec(), world.citcall.calls()), (vec![1, 0], 1));
    keyed.answer(check.id(), &world.ending()).await.expect(200);
}

#[tokio::test]
async fn an_answer_to_next_that_is_lost_costs_no_second_message() {
    let world = World::new().await;
    slow(&world.citcall);
    let ada = world.ada();
    let check = ada.start(PHONE).await.expect(201);
    let lost = tokio::spawn({
        let (ada, id) = (ada.clone(), check.id().to_owned());
        async move { ada.next(&id).await }
    });
    until("the call is ordered", || world.orders()[1] == 1).await;
    lost.abort();

    // The person clicks again, and again when the call has come.
    ada.next(check.id()).await.expect(200);
    until("the call has come", || !world.citcall.handset(PHONE).events().is_empty()).await;
    let there = async { while ada.look(check.id()).await.expect(200).text("channel") != "flash_call" {} };
    tokio::time::timeout(crate::stage::PATIENCE, there).await.unwrap();
    assert_eq!(ada.next(check.id()).await.expect(200).text("channel"), "flash_call");
    assert_eq!(world.orders(), [1, 1, 0]);
    ada.answer(check.id(), &world.ending()).await.expect(200);
}

/// After a time-out nobody knows whether the phone rang. The plan goes on, and never back.
#[tokio::test]
async fn an_answer_of_a_vendor_that_is_lost_leads_on_and_the_order_is_not_repeated() {
    let world = World::new().await;
    down(&world.idlayr);
    world.citcall.knobs().set(Scope::All, Knob::DropConnection).unwrap();
    let ada = world.ada();
    let check = ada.start(PHONE).await.expect(201);
    stands_at(&check, "sms", &[]);
    assert_eq!((world.orders()[1..].to_vec(), world.billed()), (vec![1, 1], 2));
    // The phone rang, and the prompt says that the text counts.
    let missed = ada.answer(check.id(), &world.ending()).await.expect_problem(422, "incorrect-code");
    assert_eq!(missed.body["attempts_left"], 4);
    ada.answer(check.id(), &world.text_code()).await.expect(200);
}

/// The check once its message is out.
async fn arrived(person: &Person, check: Answer) -> Answer {
    let mut check = check;
    let there = async {
        while check.body.get("channel").is_none_or(serde_json::Value::is_null) {
            check = person.look(check.id()).await.expect(200);
        }
    };
    tokio::time::timeout(crate::stage::PATIENCE, there).await.unwrap();
    check
}
