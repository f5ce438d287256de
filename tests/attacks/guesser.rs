//! Guesses in parallel, then hands in the right code: by then it must be worth nothing.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    Report, TEXTS, policy,
    site::{connect, head, status},
};
use crate::stage::{PHONE, Person, Stage};

/// One check, and the checks that follow it.
pub(crate) async fn new_checks() -> Report {
    let (stage, mut report) = (stage().await, Report::new("guesser: one check after another"));
    for _ in 0..6 {
        guess(&stage, &stage.person("mallory"), &mut report).await;
    }
    report
}

/// A subject of its own for each check of the number.
pub(crate) async fn many_subjects() -> Report {
    let (stage, mut report) = (stage().await, Report::new("guesser: many subjects"));
    for subject in 0..6 {
        guess(&stage, &stage.person(&format!("mallory-{subject}")), &mut report).await;
    }
    report
}

/// An address of its own for each check.
pub(crate) async fn many_addresses() -> Report {
    let (stage, mut report) = (stage().await, Report::new("guesser: many addresses"));
    for last in 1..7 {
        guess(&stage, &stage.person("mallory").with("x-ip", &format!("192.0.{last}.1")), &mut report).await;
    }
    report
}

/// All but one attempt, then the code again or another channel, then more attempts.
pub(crate) async fn resends_and_next() -> Report {
    let (stage, mut report) = (stage().await, Report::new("guesser: after resends, through next"));
    let mallory = stage.person("mallory");
    let check = mallory.start(PHONE).await.expect(201);
    for _ in 0..2 {
        storm(&stage, &mallory, check.id(), 2, 2, &mut report).await;
        stage.clock.advance(Duration::from_secs(31));
        mallory.start(PHONE).await.expect(201);
    }
    mallory.next(check.id()).await.expect(200);
    storm(&stage, &mallory, check.id(), 20, 1, &mut report).await;
    let late = mallory.answer(check.id(), &stage.code()).await;
    report.tally(&late, late.status == 200);
    report
}

/// A connection for each guess, and the last byte of all of them at the same moment.
pub(crate) async fn many_connections() -> Report {
    let (stage, mut report) = (stage().await, Report::new("guesser: many connections at once"));
    let mallory = stage.person("mallory");
    let check = mallory.start(PHONE).await.expect(201);
    let (guess, path) =
        (json!({ "code": stage.wrong_code() }).to_string(), format!("/handset/checks/{}/code", check.id()));
    let request = format!("{}connection: close\r\ncontent-length: {}\r\n\r\n{guess}", head(&path), guess.len());
    let (last, first) = request.as_bytes().split_last().unwrap();
    let mut guesses = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut stream = connect(&stage.url).await;
        stream.write_all(first).await.unwrap();
        guesses.push(stream);
    }
    let answers = join_all(guesses.into_iter().map(async |mut stream| {
        let mut answer = Vec::new();
        stream.write_all(&[*last]).await.unwrap();
        stream.read_to_end(&mut answer).await.unwrap();
        status(&answer)
    }))
    .await;
    let mut compared = 0;
    for status in answers {
        compared += usize::from(status == "422");
        report.add(&status, status == "200" || compared > 5);
    }
    assert_eq!(compared, 5, "every attempt was judged");
    let late = mallory.answer(check.id(), &stage.code()).await;
    report.tally(&late, late.status == 200);
    report
}

/// Where the right code is accepted from its owner.
async fn stage() -> Stage {
    let stage = Stage::new(&policy("", TEXTS)).await;
    let ben = stage.person("ben");
    let check = ben.start("+37129999999").await.expect(201);
    ben.answer(check.id(), &stage.code()).await.expect(200);
    stage
}

/// Starts, guesses twenty times at once, and hands in the right code at last.
async fn guess(stage: &Stage, mallory: &Person, report: &mut Report) {
    let check = mallory.start(PHONE).await;
    if check.status != 201 {
        return report.prepare(&check, false);
    }
    storm(stage, mallory, check.id(), 20, 5, report).await;
    let late = mallory.answer(check.id(), &stage.code()).await;
    report.tally(&late, late.status == 200);
}

/// Wrong codes at once. Who gets more of them compared than there are attempts has succeeded.
async fn storm(stage: &Stage, mallory: &Person, id: &str, guesses: usize, attempts: usize, report: &mut Report) {
    let wrong = stage.wrong_code();
    let answers = join_all((0..guesses).map(|_| mallory.answer(id, &wrong))).await;
    let mut compared = 0;
    for answer in answers {
        compared += usize::from(answer.status == 422);
        report.prepare(&answer, answer.status == 200 || compared > attempts);
    }
}

/// More than are judged in any order.
const CONNECTIONS: usize = 150;
