//! What stands in the session is sealed, somebody's, and good once.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use handset::{
    Action, ErrorKind, Subject,
    verifier::{MfaLogin, MfaStep, Over, PendingLogin},
};

use super::{ADA, ADAS_OTHER, Desk, ask, choose, done, number, over};

/// As it stands in the session.
fn kept(pending: &PendingLogin) -> String {
    serde_json::to_value(pending).unwrap().as_str().unwrap().to_owned()
}

fn read(text: &str) -> PendingLogin {
    serde_json::from_value(text.into()).unwrap()
}

async fn is_refused(pending: &PendingLogin, login: &MfaLogin<'_>, code: &str) {
    for refused in [
        pending.answer(login, code).await,
        pending.look(login).await,
        pending.resend(login).await,
        pending.next(login).await,
        pending.choose(login, "0").await,
        pending.redirect(login, "kiosk", "state=0").await,
        pending.cancel(login).await,
    ] {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::CheckEnded);
    }
}

#[tokio::test]
async fn a_state_survives_the_session_and_tells_nothing() {
    let desk = Desk::by_sms();
    let login = desk.ada(&[ADA]);
    let asked = ask(MfaStep::begin(&login).await.unwrap());
    let text = kept(&asked.pending);
    assert!(text.len() < 1024 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)), "{text}");
    let bytes = String::from_utf8_lossy(&URL_SAFE_NO_PAD.decode(&text).unwrap()).into_owned();
    for secret in ["26123456", "ada", "sign_in", &desk.kiosk.code(), &asked.check.id.to_string()] {
        assert!(!bytes.contains(secret) && !text.contains(secret), "{secret}");
    }
    assert_eq!(format!("{:?}", asked.pending), "PendingLogin([sealed])");
    let printed = format!("{asked:?} {login:?}");
    assert!(!printed.contains("26123456") && !printed.contains(&text), "{printed}");
    done(read(&text).answer(&login, &desk.kiosk.code()).await.unwrap());
}

#[tokio::test]
async fn a_state_that_was_changed_is_refused() {
    let desk = Desk::by_sms();
    let login = desk.ada(&[ADA]);
    let text = kept(&ask(MfaStep::begin(&login).await.unwrap()).pending);
    let sealed = URL_SAFE_NO_PAD.decode(&text).unwrap();
    for at in 0..sealed.len() {
        let mut forged = sealed.clone();
        forged[at] ^= 1;
        let forged = read(&URL_SAFE_NO_PAD.encode(forged));
        assert_eq!(forged.look(&login).await.unwrap_err().kind(), ErrorKind::CheckEnded, "byte {at}");
    }
    let cut = text.strip_suffix(|_: char| true).unwrap();
    for other in ["", "*", "AAAA", cut, &"A".repeat(100_000)] {
        is_refused(&read(other), &login, &desk.kiosk.code()).await;
    }
    done(read(&text).answer(&login, &desk.kiosk.code()).await.unwrap());
}

#[tokio::test]
async fn a_state_is_good_for_its_subject_action_session_and_server_only() {
    let desk = Desk::by_sms();
    let login = desk.ada(&[ADA]).in_session("first");
    let pending = ask(MfaStep::begin(&login).await.unwrap()).pending;
    let code = desk.kiosk.code();
    is_refused(&pending, &desk.login("grace", &[ADA]).in_session("first"), &code).await;
    is_refused(&pending, &desk.ada(&[ADA]).in_session("second"), &code).await;
    is_refused(&pending, &desk.ada(&[ADA]), &code).await;
    let (ada, transfer) = (Subject::new("ada").unwrap(), Action::new("transfer").unwrap());
    is_refused(&pending, &MfaLogin::new(&desk.verifier, ada, [number(ADA)], transfer).in_session("first"), &code).await;
    is_refused(&pending, &Desk::by_sms().ada(&[ADA]).in_session("first"), &code).await;
    done(pending.answer(&login, &code).await.unwrap());
}

#[tokio::test]
async fn of_a_login_that_is_done_no_copy_is_good() {
    let desk = Desk::by_sms();
    let login = desk.ada(&[ADA, ADAS_OTHER]);
    let chosen = choose(MfaStep::begin(&login).await.unwrap());
    let (early, id) = (kept(&chosen.pending), &chosen.numbers[0].id);
    let asked = ask(chosen.pending.choose(&login, id).await.unwrap());
    let (late, code) = (kept(&asked.pending), desk.kiosk.code());
    done(asked.pending.answer(&login, &code).await.unwrap());

    assert_eq!(over(read(&late).answer(&login, &code).await.unwrap()), Over::Used);
    assert_eq!(over(read(&late).look(&login).await.unwrap()), Over::Used);
    // A copy from before the number was chosen gets another check, and even the right code to it is no login.
    let again = ask(read(&early).choose(&login, id).await.unwrap());
    assert_eq!(over(again.pending.answer(&login, &desk.kiosk.code()).await.unwrap()), Over::Used);
}

#[tokio::test]
async fn of_a_login_that_was_called_off_no_copy_is_good() {
    let desk = Desk::by_sms();
    let login = desk.ada(&[ADA]);
    let asked = ask(MfaStep::begin(&login).await.unwrap());
    let code = desk.kiosk.code();
    assert_eq!(over(asked.pending.cancel(&login).await.unwrap()), Over::Cancelled);
    assert_eq!(over(asked.pending.answer(&login, &code).await.unwrap()), Over::Cancelled);
    let again = ask(asked.pending.resend(&login).await.unwrap());
    assert_eq!(over(again.pending.answer(&login, &desk.kiosk.code()).await.unwrap()), Over::Used);
    // Who begins anew, with the password, is another login.
    let anew = ask(MfaStep::begin(&login).await.unwrap());
    done(anew.pending.answer(&login, &desk.kiosk.code()).await.unwrap());
}

#[tokio::test]
async fn of_many_right_answers_in_one_moment_one_is_a_login() {
    let desk = Desk::by_sms();
    let login = desk.ada(&[ADA]);
    let asked = ask(MfaStep::begin(&login).await.unwrap());
    let code = desk.kiosk.code();
    let answers = futures_util::future::join_all((0..5).map(|_| asked.pending.answer(&login, &code))).await;
    assert_eq!(answers.iter().filter(|step| matches!(step, Ok(MfaStep::Done(_)))).count(), 1, "{answers:?}");
}

#[tokio::test]
async fn two_clicks_in_one_session_cost_one_message_and_two_browsers_share_no_check() {
    let desk = Desk::by_sms();
    let here = desk.ada(&[ADA]).in_session("here");
    let first = ask(MfaStep::begin(&here).await.unwrap());
    let second = ask(MfaStep::begin(&here).await.unwrap());
    assert_eq!((first.check.id, desk.kiosk.orders().len()), (second.check.id, 1));
    let code = desk.kiosk.code();

    // Somebody has her password too: her code is of no use there, and her answer ends nothing there.
    let there = desk.ada(&[ADA]).in_session("there");
    let theirs = ask(MfaStep::begin(&there).await.unwrap());
    assert_ne!(theirs.check.id, first.check.id);
    assert!(ask(theirs.pending.answer(&there, &code).await.unwrap()).incorrect);
    done(second.pending.answer(&here, &code).await.unwrap());
    ask(theirs.pending.look(&there).await.unwrap());
}
