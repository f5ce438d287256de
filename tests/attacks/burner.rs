//! Tries to take the victim's code away: by answering, moving or ending her check, and by storms on her number.

use http::Method;

use super::{Report, TEXTS, policy};
use crate::stage::{PHONE, Stage};

/// The victim's right code counts after all of it.
pub(crate) async fn attack() -> Report {
    let (stage, mut report) = (Stage::new(&policy("", TEXTS)).await, Report::new("burner"));
    let (ada, mallory) = (stage.person("ada"), stage.person("mallory"));
    let own = mallory.start(PHONE).await.expect(201);
    mallory.send(Method::DELETE, &format!("/handset/checks/{}", own.id()), None).await.expect(204);

    let check = ada.start(PHONE).await.expect(201);
    let (code, wrong) = (stage.code(), stage.wrong_code());
    for _ in 0..20 {
        let answer = mallory.answer(check.id(), &wrong).await;
        report.prepare(&answer, answer.status == 422);
    }
    let moved = mallory.next(check.id()).await;
    report.prepare(&moved, moved.status == 200);
    let ended = mallory.send(Method::DELETE, &format!("/handset/checks/{}", check.id()), None).await;
    report.prepare(&ended, ended.status == 204);

    // Whatever is spent of the number's budget here must leave the owner her attempt.
    let mut has_spent = false;
    for subject in 0..5 {
        let stranger = stage.person(&format!("stranger-{subject}"));
        let own = stranger.start(PHONE).await;
        if own.status != 201 {
            // The number's budget is spent: nobody starts there any more, and the owner's live check has to go on.
            report.prepare(&own, false);
            has_spent = true;
            continue;
        }
        for _ in 0..5 {
            stranger.answer(own.id(), &wrong).await;
        }
    }
    assert!(has_spent, "the number's budget is spent");
    let right = ada.answer(check.id(), &code).await;
    report.count("the owner's first attempt is not held back", right.status != 200);
    report
}
