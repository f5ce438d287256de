//! Gets the victim's phone to open the URL of the attacker's silent check.

use super::{Report, is_verified, policy};
use crate::{
    stage::{PHONE, Person},
    vendors,
};

/// The victim comes back signed in, as a visitor, and as somebody else.
pub(crate) async fn attack() -> Report {
    let stage = vendors::stage(&policy("", r#"["idlayr/silent_network", "code_book/sms"]"#)).await;
    let mut report = Report::new("session swapper");
    let phone = stage.sandbox.handset(PHONE);
    let ada = stage.person("ada");
    let check = ada.start(PHONE).await.expect(201);
    let back = vendors::open(&phone, &check).await;
    vendors::visit(&stage, &ada, &back).await.expect(200);
    assert!(is_verified(&ada, check.id()).await, "the victim's own silent check is verified");

    for (attempt, victim) in [ada, Person::at(&stage.url), stage.person("ben")].into_iter().enumerate() {
        let mallory = stage.person(&format!("mallory-{attempt}"));
        let check = mallory.start(PHONE).await.expect(201);
        let back = vendors::open(&phone, &check).await;
        let visited = vendors::visit(&stage, &victim, &back).await;
        let has_won = is_verified(&mallory, check.id()).await || visited.status == 200;
        report.tally(&visited, has_won);
        // The browser was all that was wrong with it.
        vendors::visit(&stage, &mallory, &back).await;
        assert!(is_verified(&mallory, check.id()).await, "the victim was led back with a URL that is good");
    }
    report
}
