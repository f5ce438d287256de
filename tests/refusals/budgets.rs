//! Too many: limits say when to come back, and failures are counted across everything but success.

use std::time::Duration;

use http::Method;
use serde_json::json;

use crate::{
    PHONE, Person, Stage, WIDE, budget,
    stage::{Answer, wrong},
};

#[tokio::test]
async fn a_limit_says_when_to_come_back() {
    let limit = "[[limit]]\nname = \"sends\"\non = \"start\"\nkey = [\"phone\"]\nquota = \"2/1h\"\n";
    let stage = Stage::new(&format!("{WIDE}\n{limit}")).await;
    let ada = stage.person("ada");
    for _ in 0..2 {
        let check = ada.start(PHONE).await.expect(201);
        cancel(&ada, check.id()).await;
    }
    let wait = over(ada.start(PHONE).await);
    assert!((1..=1800).contains(&wait), "{wait}");
    over(stage.person("ben").start(PHONE).await);
    assert_eq!(stage.book.messages().len(), 2, "what is over the limit is not sent");

    // Exactly when it said.
    stage.clock.advance(Duration::from_secs(wait));
    ada.start(PHONE).await.expect(201);
}

#[tokio::test]
async fn answers_are_limited_too() {
    let limit = "[[limit]]\nname = \"answers\"\non = \"answer\"\nkey = [\"subject\"]\nquota = \"3/1m\"\n";
    let stage = Stage::new(&format!("{WIDE}\n{limit}")).await;
    let ada = stage.person("ada");
    let check = ada.start(PHONE).await.expect(201);
    for _ in 0..3 {
        ada.answer(check.id(), &stage.wrong_code()).await.expect(422);
    }
    let wait = over(ada.answer(check.id(), &stage.code()).await);
    assert_eq!(ada.look(check.id()).await.expect(200).body["attempts_left"], 2, "it cost no attempt");
    stage.clock.advance(Duration::from_secs(wait));
    ada.answer(check.id(), &stage.code()).await.expect(200);
}

#[tokio::test]
async fn b1_failures_are_counted_across_checks_and_nothing_new_resets_them() {
    let stage = Stage::new(&budget("3/1h")).await;
    let ada = stage.person("ada");
    let first = ada.start(PHONE).await.expect(201);
    for _ in 0..2 {
        ada.answer(first.id(), &stage.wrong_code()).await.expect(422);
    }
    cancel(&ada, first.id()).await;

    // Another number, another action: the same subject.
    let other = json!({ "phone_number": "+37126999999", "action": "sign_in" });
    let second = ada.start_with(other).await.expect(201);
    ada.answer(second.id(), &stage.wrong_code()).await.expect(422);
    over(ada.answer(second.id(), &stage.code()).await);
    assert_eq!(ada.look(second.id()).await.expect(200).body["attempts_left"], 4, "it cost no attempt");

    over(ada.next(second.id()).await);
    over(ada.start(PHONE).await);
    over(ada.start("+37126888888").await);
    over(ada.with("idempotency-key", "fresh").start("+37126888888").await);
    let by_voice = json!({ "phone_number": "+37126888888", "action": "transfer", "channel": "voice_code" });
    over(ada.start_with(by_voice).await);
    assert_eq!(stage.book.messages().len(), 2);

    // Time makes room, by as much as was said.
    let wait = over(ada.start("+37126888888").await);
    assert!((3500..=3600).contains(&wait), "{wait}");
    stage.clock.advance(Duration::from_secs(wait));
    ada.start("+37126888888").await.expect(201);
}

#[tokio::test]
async fn b1_failures_are_counted_across_channels() {
    let stage = Stage::new(&budget("3/1h")).await;
    let ada = stage.person("ada");
    let check = ada.start(PHONE).await.expect(201);
    for _ in 0..2 {
        ada.answer(check.id(), &stage.wrong_code()).await.expect(422);
    }
    assert_eq!(ada.next(check.id()).await.expect(200).text("channel"), "voice_code");
    ada.answer(check.id(), &stage.wrong_code()).await.expect(422);
    over(ada.answer(check.id(), &stage.code()).await);
}

#[tokio::test]
async fn failures_are_counted_for_a_number_whoever_fails() {
    let stage = Stage::new(&budget("3/1h")).await;
    for name in ["eve", "mal", "sly"] {
        let person = stage.person(name);
        let check = person.start(PHONE).await.expect(201);
        person.answer(check.id(), &stage.wrong_code()).await.expect(422);
    }
    over(stage.person("new").start(PHONE).await);
    stage.person("new").start("+37126999999").await.expect(201);
}

#[tokio::test]
async fn b1_only_success_clears_the_failures() {
    let stage = Stage::new(&budget("3/1h")).await;
    let ada = stage.person("ada");
    for _ in 0..3 {
        let check = ada.start(PHONE).await.expect(201);
        for _ in 0..2 {
            ada.answer(check.id(), &stage.wrong_code()).await.expect(422);
        }
        ada.answer(check.id(), &stage.code()).await.expect(200);
    }
    let check = ada.start(PHONE).await.expect(201);
    for _ in 0..3 {
        ada.answer(check.id(), &stage.wrong_code()).await.expect(422);
    }
    // Neither the end of the check nor its successor does.
    stage.clock.advance(Duration::from_secs(300));
    over(ada.start(PHONE).await);
}

#[tokio::test]
async fn b8_a_stranger_who_fails_on_a_number_does_not_stop_its_owner() {
    let stage = Stage::new(&budget("10/1h")).await;
    let ada = stage.person("ada");
    let check = ada.start(PHONE).await.expect(201);
    let code = stage.code();

    for name in ["eve", "mal"] {
        let stranger = stage.person(name);
        let theirs = stranger.start(PHONE).await.expect(201);
        for _ in 0..5 {
            stranger.answer(theirs.id(), &stage.wrong_code()).await.expect(422);
        }
        for _ in 0..20 {
            stranger.answer(check.id(), &wrong(&code)).await.expect_problem(410, "check-ended");
        }
    }
    over(stage.person("sly").start(PHONE).await);
    assert_eq!(ada.look(check.id()).await.expect(200).body["attempts_left"], 5);
    ada.answer(check.id(), &code).await.expect(200);
}

async fn cancel(person: &Person, id: &str) {
    person.send(Method::DELETE, &format!("/handset/checks/{id}"), None).await.expect(204);
}

/// Insists on a 429 that says the same wait twice, and gives it in seconds.
#[track_caller]
fn over(answer: Answer) -> u64 {
    let answer = answer.expect_problem(429, "rate-limited");
    let wait = answer.body["retry_after"].as_u64().unwrap();
    assert_eq!(answer.header("retry-after"), wait.to_string());
    assert!(wait > 0);
    wait
}

/// The breaker of every scope goes at its count: not one message more, whatever else is new about a start.
#[tokio::test]
async fn c2_a_limit_of_any_scope_stops_messages_at_its_count() {
    for key in ["prefix", "region", "ip", "subject", "phone", "global"] {
        let limit = format!("[[limit]]\nname = \"breaker\"\non = \"start\"\nkey = [\"{key}\"]\nquota = \"3/1h\"\n");
        let stage = Stage::new(&format!("{WIDE}\n{limit}")).await;
        // Everything is new each time but what the limit counts together.
        let start = async |n: u8| {
            let number = match key {
                "phone" => PHONE.to_owned(),
                "prefix" => format!("+371261000{n:02}"),
                "region" => format!("+371{}", 26_000_000 + 111_111 * u32::from(n)),
                _ => format!("+49151123456{n:02}"),
            };
            let name = if key == "subject" { "ada".to_owned() } else { format!("person-{n}") };
            let ip = if key == "ip" { "203.0.113.7".to_owned() } else { format!("203.0.113.{n}") };
            stage.person(&name).with("x-ip", &ip).start(&number).await
        };
        for n in 0..3 {
            start(n).await.expect(201);
        }
        for n in 3..6 {
            over(start(n).await);
        }
        assert_eq!(stage.book.messages().len(), 3, "{key}");
    }
}

/// Where nothing can come of a message any more, none is sent.
#[tokio::test]
async fn c4_nothing_is_sent_for_a_check_that_is_decided() {
    let stage = Stage::new(WIDE).await;
    let ada = stage.person("ada");
    let sent = |count: usize| assert_eq!(stage.book.messages().len(), count);

    let failed = ada.start(PHONE).await.expect(201);
    for _ in 0..5 {
        ada.answer(failed.id(), &stage.wrong_code()).await.expect(422);
    }
    let verified = ada.start(PHONE).await.expect(201);
    ada.answer(verified.id(), &stage.code()).await.expect(200);
    let cancelled = ada.start(PHONE).await.expect(201);
    cancel(&ada, cancelled.id()).await;
    for decided in [&failed, &verified, &cancelled] {
        ada.next(decided.id()).await.expect_problem(410, "check-ended");
    }
    let expired = ada.start(PHONE).await.expect(201);
    stage.clock.advance(Duration::from_secs(301));
    ada.next(expired.id()).await.expect_problem(410, "check-ended");
    sent(4);

    // Nor where no answer would be judged.
    let stage = Stage::new(&budget("1/1h")).await;
    let ben = stage.person("ben");
    let check = ben.start(PHONE).await.expect(201);
    ben.answer(check.id(), &stage.wrong_code()).await.expect(422);
    over(ben.next(check.id()).await);
    over(ben.start(PHONE).await);
    assert_eq!(stage.book.messages().len(), 1);
}
