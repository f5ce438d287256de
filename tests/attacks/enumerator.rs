//! Compares answers to find out which checks live, and whose they are.

use std::time::Duration;

use http::Method;
use serde_json::json;

use super::{Report, TEXTS, policy, refusal};
use crate::stage::{Answer, PHONE, Person, Stage};

/// Unknown, foreign and expired checks, by every verb.
pub(crate) async fn attack() -> Report {
    let (stage, mut report) = (Stage::new(&policy("", TEXTS)).await, Report::new("enumerator"));
    let (ada, mallory) = (stage.person("ada"), stage.person("mallory"));
    let expired = mallory.start("+37129999999").await.expect(201);
    stage.clock.advance(Duration::from_secs(24 * 3600));
    let foreign = ada.start(PHONE).await.expect(201);
    let own = mallory.start(PHONE).await.expect(201);
    let unknown = own.id().chars().rev().collect::<String>();

    for (method, path) in [(Method::POST, "/code"), (Method::POST, "/next"), (Method::GET, ""), (Method::DELETE, "")] {
        let verb = (method, path);
        let nothing = ask(&mallory, &verb, "AAAAAAAAAAAAAAAAAAAAAA").await;
        for id in [foreign.id(), expired.id(), &unknown] {
            let answer = ask(&mallory, &verb, id).await;
            report.count(&format!("the same {}", refusal(&answer)), shown(&answer) != shown(&nothing));
        }
        assert_ne!(shown(&ask(&mallory, &verb, own.id()).await), shown(&nothing), "a difference would be seen");
    }
    report
}

async fn ask(person: &Person, (method, path): &(Method, &str), id: &str) -> Answer {
    let body = (*path == "/code").then(|| json!({ "code": "000000" }));
    person.send(method.clone(), &format!("/handset/checks/{id}{path}"), body).await
}

/// Status, headers (the length is one) and body.
fn shown(answer: &Answer) -> String {
    let mut headers = answer.headers.clone();
    headers.remove("date");
    format!("{} {headers:?} {}", answer.status, answer.body)
}
