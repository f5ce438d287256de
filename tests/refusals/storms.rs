//! Hundreds of answers at once, on several threads.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::task::JoinSet;

use crate::{
    PHONE, Person, Stage, WIDE, budget,
    stage::{Answer, wrong},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a8_of_many_right_answers_one_gets_the_proof() {
    let stage = Stage::new(WIDE).await;
    let ada = stage.person("ada");
    let check = ada.start(PHONE).await.expect(201);
    let answers = storm(&ada, check.id(), &stage.code(), 200).await;

    let mut proofs: Vec<&str> = Vec::new();
    for answer in &answers {
        match answer.status {
            200 => proofs.push(answer.text("proof")),
            410 | 429 => {}
            other => panic!("{other}: {}", answer.body),
        }
    }
    assert_eq!(proofs.len(), 1, "{:?}", counts(&answers));
    ada.transfer(Some(proofs[0])).await.expect(200);
    let seen = ada.look(check.id()).await.expect(200);
    assert_eq!(seen.text("status"), "verified");
    assert!(seen.body.get("proof").is_none(), "it has been given");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a9_of_many_wrong_answers_as_many_are_judged_as_there_are_attempts() {
    let stage = Stage::new(WIDE).await;
    let ada = stage.person("ada");
    let check = ada.start(PHONE).await.expect(201);
    let answers = storm(&ada, check.id(), &stage.wrong_code(), 200).await;

    let (judged, rest): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 422);
    let mut left: Vec<_> = judged.iter().filter_map(|answer| answer.body["attempts_left"].as_u64()).collect();
    left.sort_unstable();
    assert_eq!(left, [0, 1, 2, 3, 4], "each attempt is judged once: {:?}", counts(&answers));
    assert!(rest.iter().all(|answer| answer.status == 410), "{:?}", counts(&answers));
    ada.answer(check.id(), &stage.code()).await.expect_problem(410, "check-ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_checks_share_one_failure_budget() {
    let stage = Stage::new(&budget("10/1h")).await;
    let ada = stage.person("ada");
    let mut checks = Vec::new();
    for line in 0..10 {
        let check = ada.start(&format!("+3712612345{line}")).await.expect(201);
        checks.push((check.id().to_owned(), stage.wrong_code()));
    }
    let mut storms = JoinSet::new();
    for (id, code) in checks {
        let ada = ada.clone();
        storms.spawn(async move { storm(&ada, &id, &code, 10).await });
    }
    let answers: Vec<Answer> = storms.join_all().await.into_iter().flatten().collect();
    let counts = counts(&answers);
    assert_eq!(counts.get(&422), Some(&10), "{counts:?}");
    assert!(counts.keys().all(|status| [410, 422, 429].contains(status)), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a10_a_strangers_storm_on_the_same_number_burns_nothing() {
    let stage = Stage::new(&budget("10/1h")).await;
    let ada = stage.person("ada");
    let check = ada.start(PHONE).await.expect(201);
    let code = stage.code();

    let mut targets = Vec::new();
    for name in ["eve", "mal", "sly"] {
        let stranger = stage.person(name);
        let theirs = stranger.start(PHONE).await.expect(201);
        targets.push((stranger.clone(), theirs.id().to_owned(), stage.wrong_code()));
        targets.push((stranger, check.id().to_owned(), wrong(&code)));
    }
    let mut storms = JoinSet::new();
    for (stranger, id, typed) in targets {
        storms.spawn(async move { storm(&stranger, &id, &typed, 30).await });
    }
    // In the middle of it.
    let verified = ada.answer(check.id(), &code).await.expect(200);
    let answers: Vec<Answer> = storms.join_all().await.into_iter().flatten().collect();
    assert!(answers.iter().all(|answer| answer.status != 200), "{:?}", counts(&answers));
    ada.transfer(Some(verified.text("proof"))).await.expect(200);
}

/// The same answer, many times at once.
async fn storm(person: &Person, id: &str, code: &str, times: usize) -> Vec<Answer> {
    let mut answers = JoinSet::new();
    for _ in 0..times {
        let (person, id, code) = (person.clone(), id.to_owned(), code.to_owned());
        answers.spawn(async move { person.answer(&id, &code).await });
    }
    answers.join_all().await
}

/// How many answers of each status there were.
fn counts(answers: &[Answer]) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    for answer in answers {
        assert!(matches!(answer.body, Value::Object(_)), "every answer has a body");
        *counts.entry(answer.status).or_default() += 1;
    }
    counts
}
