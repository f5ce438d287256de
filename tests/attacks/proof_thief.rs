//! Takes a proof to where it was not given for.

use std::time::Duration;

use serde_json::json;

use super::{Report, TEXTS, policy};
use crate::stage::{Answer, PHONE, Person, Stage};

/// Other subject, action, amount and audience; altered; after use; after its time.
pub(crate) async fn attack() -> Report {
    let (stage, mut report) = (Stage::new(&policy("", TEXTS)).await, Report::new("proof thief"));
    let ada = stage.person("ada").with("x-binding", "100 EUR to Ben");
    let proof = prove(&stage, &ada).await;

    let amount = stage.person("ada").with("x-binding", "900 EUR to Eve");
    let stolen = stage.person("eve").with("x-binding", "100 EUR to Ben");
    passes(&mut report, &stolen.transfer(Some(&proof)).await);
    passes(&mut report, &amount.transfer(Some(&proof)).await);
    passes(&mut report, &stage.person("ada").transfer(Some(&proof)).await);
    for altered in altered(&proof) {
        passes(&mut report, &ada.transfer(Some(&altered)).await);
    }
    // The same keys, another audience.
    let shop = Stage::with(&policy("", TEXTS), |builder| builder.audience("shop")).await;
    let elsewhere = shop.person("ada").with("x-binding", "100 EUR to Ben");
    passes(&mut report, &elsewhere.transfer(Some(&proof)).await);
    let foreign = prove(&shop, &elsewhere).await;
    passes(&mut report, &ada.transfer(Some(&foreign)).await);

    ada.transfer(Some(&proof)).await.expect(200);
    passes(&mut report, &ada.transfer(Some(&proof)).await);
    let late = prove(&stage, &ada).await;
    stage.clock.advance(Duration::from_secs(301));
    passes(&mut report, &ada.transfer(Some(&late)).await);

    // An action of its own, where nothing else is in the way.
    let settings = json!({ "phone_number": PHONE, "action": "settings", "binding": "100 EUR to Ben" });
    let check = ada.start_with(settings).await.expect(201);
    let verified = ada.answer(check.id(), &stage.code()).await.expect(200);
    passes(&mut report, &ada.transfer(Some(verified.text("proof"))).await);
    report
}

fn passes(report: &mut Report, answer: &Answer) {
    report.tally(answer, answer.status == 200);
}

async fn prove(stage: &Stage, person: &Person) -> String {
    let wanted = json!({ "phone_number": PHONE, "action": "transfer", "binding": "100 EUR to Ben" });
    let check = person.start_with(wanted).await.expect(201);
    person.answer(check.id(), &stage.code()).await.expect(200).text("proof").to_owned()
}

/// Without a signature, with that of nobody, and with the claims cut off.
fn altered(proof: &str) -> [String; 3] {
    let parts: Vec<_> = proof.split('.').collect();
    // `{"alg":"none"}`
    let none = format!("eyJhbGciOiJub25lIn0.{}.", parts[1]);
    [none, format!("{}.{}.{}", parts[0], parts[1], "A".repeat(parts[2].len())), format!("{}..{}", parts[0], parts[2])]
}
