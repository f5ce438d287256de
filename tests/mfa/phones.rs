//! The ways of a phone: several numbers, sent again, another channel, silent, a key, no number at all.

use std::time::Duration;

use handset::{
    Channel, ErrorKind,
    provider::Prompt,
    verifier::{MfaStep, NoNumber, Over},
};

use super::{ADA, ADAS_OTHER, Desk, ask, choose, done, number, over, wrong};

#[tokio::test]
async fn without_a_number_the_server_decides() {
    let desk = Desk::by_sms();
    let step = MfaStep::begin(&desk.ada(&[])).await.unwrap();
    assert!(matches!(step, MfaStep::NoNumber(NoNumber::NoneEnrolled)), "{step:?}");
}

#[tokio::test]
async fn of_several_numbers_the_person_chooses_and_may_choose_again() {
    let desk = Desk::by_sms();
    let login = desk.ada(&[ADA, ADAS_OTHER, ADA]);
    let chosen = choose(MfaStep::begin(&login).await.unwrap());
    let masks: Vec<_> = chosen.numbers.iter().map(|number| number.masked.as_str()).collect();
    assert_eq!(masks, ["+371******56", "+371******57"]);
    assert!(desk.kiosk.orders().is_empty(), "nothing is sent before a number is chosen");
    assert_eq!(chosen.pending.look(&login).await.unwrap_err().kind(), ErrorKind::NotExpected);
    assert_eq!(chosen.pending.answer(&login, "123456").await.unwrap_err().kind(), ErrorKind::NotExpected);
    assert_eq!(chosen.pending.choose(&login, "0").await.unwrap_err().kind(), ErrorKind::InvalidInput);

    let first = ask(chosen.pending.choose(&login, &chosen.numbers[0].id).await.unwrap());
    let codes_of_first = desk.kiosk.code();
    let second = ask(first.pending.choose(&login, &first.numbers[1].id).await.unwrap());
    assert_eq!(second.number.masked, "+371******57");
    assert_eq!(desk.kiosk.last().phone, number(ADAS_OTHER));
    // The check of the first number was called off, for whoever kept the state that asked it.
    assert_eq!(over(first.pending.answer(&login, &codes_of_first).await.unwrap()), Over::Cancelled);
    assert_eq!(
        *done(second.pending.answer(&login, &desk.kiosk.code()).await.unwrap()).proof().phone(),
        number(ADAS_OTHER)
    );
}

#[tokio::test]
async fn a_message_is_sent_again_when_it_is_due_and_then_another_way() {
    let desk = Desk::by_sms();
    let login = desk.ada(&[ADA]);
    let first = ask(MfaStep::begin(&login).await.unwrap());
    let early = ask(first.pending.resend(&login).await.unwrap());
    assert_eq!((desk.kiosk.orders().len(), early.check.id), (1, first.check.id));
    desk.later(31);
    let due = ask(early.pending.resend(&login).await.unwrap());
    assert_eq!((desk.kiosk.orders().len(), due.check.id), (2, first.check.id));

    desk.later(2);
    let spoken = ask(due.pending.next(&login).await.unwrap());
    assert_eq!((spoken.check.channel, spoken.check.next_channels.len()), (Some(Channel::VoiceCode), 0));
    desk.later(2);
    assert_eq!(spoken.pending.next(&login).await.unwrap_err().kind(), ErrorKind::NoMoreChannels);
    // That was an error, and changed nothing.
    assert_eq!(done(spoken.pending.answer(&login, &desk.kiosk.code()).await.unwrap()).amr(), ["pwd", "tel", "mfa"]);
}

#[tokio::test]
async fn after_its_check_has_expired_a_login_may_ask_again_until_it_expires_itself() {
    let desk = Desk::by_sms();
    let login = desk.ada(&[ADA]);
    let first = ask(MfaStep::begin(&login).await.unwrap());
    let code = desk.kiosk.code();
    desk.later(5 * 60 + 1);
    assert_eq!(over(first.pending.answer(&login, &code).await.unwrap()), Over::Expired);
    let again = ask(first.pending.resend(&login).await.unwrap());
    assert_ne!(again.check.id, first.check.id);
    desk.later(10 * 60);
    assert_eq!(over(again.pending.resend(&login).await.unwrap()), Over::Expired);
    assert_eq!(over(again.pending.answer(&login, &desk.kiosk.code()).await.unwrap()), Over::Expired);
    assert_eq!(desk.kiosk.orders().len(), 2);
}

#[tokio::test]
async fn when_the_failure_budget_is_spent_nothing_more_is_asked() {
    let desk = Desk::new(&["sms"], "[budget]\nfailures = \"3/1h\"");
    let login = desk.ada(&[ADA]);
    let asked = ask(MfaStep::begin(&login).await.unwrap());
    let (right, wrong) = (desk.kiosk.code(), wrong(&desk.kiosk.code()));
    for _ in 0..3 {
        ask(asked.pending.answer(&login, &wrong).await.unwrap());
    }
    let spent = asked.pending.answer(&login, &right).await.unwrap_err();
    assert_eq!(spent.kind(), ErrorKind::RateLimited);
    assert!(spent.retry_after().is_some());
    // Nor by beginning anew, in another browser.
    let anew = MfaStep::begin(&desk.ada(&[ADA]).in_session("another")).await.unwrap_err();
    assert_eq!(anew.kind(), ErrorKind::RateLimited);
}

#[tokio::test]
async fn a_pressed_key_is_waited_for() {
    let desk = Desk::new(&["key_press"], "");
    let login = desk.ada(&[ADA]);
    // The vendor says yes as soon as it is asked, which is while the step begins or in the wait.
    let mut step = MfaStep::begin(&login).await.unwrap();
    if let MfaStep::Ask(asked) = step {
        step = asked.pending.wait(&login, Duration::from_secs(20)).await.unwrap();
    }
    assert_eq!(done(step).amr(), ["pwd", "key_press", "mfa"]);
}

#[tokio::test]
async fn a_silent_check_ends_in_the_login_that_began_it_and_in_no_other() {
    let desk = Desk::new(&["silent_network"], "");
    let login = desk.ada(&[ADA]);
    let here = ask(MfaStep::begin(&login).await.unwrap());
    let Prompt::OpenUrl { mobile_data: true, .. } = here.check.prompt else { panic!("{:?}", here.check) };
    let query = desk.kiosk.query();
    // The same account logs in elsewhere: whoever sent this browser there gets nothing by it.
    let elsewhere = ask(MfaStep::begin(&login).await.unwrap());
    assert_ne!(here.check.id, elsewhere.check.id);
    let refused = elsewhere.pending.redirect(&login, "kiosk", &query).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::CheckEnded);
    ask(elsewhere.pending.look(&login).await.unwrap());
    ask(here.pending.look(&login).await.unwrap());

    let done = done(here.pending.redirect(&login, "kiosk", &query).await.unwrap());
    assert_eq!(done.amr(), ["pwd", "silent_network", "mfa"]);
    assert_eq!(over(here.pending.redirect(&login, "kiosk", &query).await.unwrap_or_else(over_when_ended)), Over::Used);
}

/// A browser that comes back twice is told that there is nothing any more.
fn over_when_ended(error: handset::Error) -> MfaStep {
    assert_eq!(error.kind(), ErrorKind::CheckEnded);
    MfaStep::Over(Over::Used)
}

#[tokio::test]
async fn a_number_that_is_taken_away_meanwhile_ends_no_login() {
    let desk = Desk::by_sms();
    let asked = ask(MfaStep::begin(&desk.ada(&[ADA])).await.unwrap());
    let without = desk.ada(&[ADAS_OTHER]);
    assert_eq!(over(asked.pending.answer(&without, &desk.kiosk.code()).await.unwrap()), Over::NumberGone);
    // The check is over with it.
    let with = desk.ada(&[ADA]);
    assert_eq!(over(asked.pending.answer(&with, &desk.kiosk.code()).await.unwrap()), Over::Cancelled);
    assert_eq!(over(asked.pending.resend(&without).await.unwrap()), Over::NumberGone);
}
