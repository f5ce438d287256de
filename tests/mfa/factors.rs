//! What was shown before shows nothing more; what the policy wants is wanted.

use handset::{
    Channel, ErrorKind,
    verifier::{Factor, MfaStep, NoNumber, Over},
};

use super::{ADA, ADAS_OTHER, Desk, ask, done, number, over};

const MAIL: &str = "ada@example.org";

#[tokio::test]
async fn f8_a_number_that_was_a_factor_is_not_asked_again() {
    let desk = Desk::by_sms();
    // Signed in by a text message: a call to the same phone is no second factor.
    let sms = || Factor::Phone(number(ADA), Channel::Sms);
    let step = MfaStep::begin(&desk.login("ada", &[ADA]).after(sms())).await.unwrap();
    assert!(matches!(step, MfaStep::NoNumber(NoNumber::AllUsed)), "{step:?}");
    assert!(desk.kiosk.orders().is_empty());

    // Another number of the account is, but both are things that she has.
    let login = desk.login("ada", &[ADA, ADAS_OTHER]).after(sms());
    let asked = ask(MfaStep::begin(&login).await.unwrap());
    assert_eq!(desk.kiosk.last().phone, number(ADAS_OTHER));
    let code = desk.kiosk.code();
    let refused = asked.pending.choose(&login, &id_of(&desk, ADA).await).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    let done = done(asked.pending.answer(&login, &code).await.unwrap());
    assert_eq!(done.amr(), ["sms"]);
}

/// What a number is called where nothing was shown before.
async fn id_of(desk: &Desk, phone: &str) -> String {
    let login = desk.login("ada", &[phone]);
    ask(MfaStep::begin(&login).await.unwrap()).number.id
}

#[tokio::test]
async fn f8_an_address_that_was_a_factor_gets_no_code() {
    let desk = Desk::new(&["email", "sms"], "");
    let other = desk.login("ada", &[ADA]).with_email(MAIL).after(Factor::Email("grace@example.org".to_owned()));
    assert_eq!(ask(MfaStep::begin(&other).await.unwrap()).check.channel, Some(Channel::Email));

    let same = desk.login("ada", &[ADA]).with_email(MAIL).after(Factor::Email(" Ada@Example.ORG".to_owned()));
    let asked = ask(MfaStep::begin(&same).await.unwrap());
    assert_eq!(asked.check.channel, Some(Channel::Sms));
    assert_eq!(desk.kiosk.orders().iter().filter(|order| order.channel == Channel::Email).count(), 1);
    assert_eq!(done(asked.pending.answer(&same, &desk.kiosk.code()).await.unwrap()).amr(), ["email", "sms"]);
}

#[tokio::test]
async fn f8_a_proof_of_an_address_that_was_a_factor_ends_no_login() {
    let desk = Desk::new(&["email"], "");
    let login = |email: &str| desk.login("ada", &[ADA]).after(Factor::Email(MAIL.to_owned())).with_email(email);
    let asked = ask(MfaStep::begin(&login("ada@work.example")).await.unwrap());
    // Whatever went wrong before: the account's address has become the one that was shown.
    assert_eq!(over(asked.pending.answer(&login(MAIL), &desk.kiosk.code()).await.unwrap()), Over::SameFactor);
}

#[tokio::test]
async fn an_address_of_email_is_no_phone_where_the_policy_wants_one() {
    let wants = |acr: &str| {
        format!(
            "[[step_up]]\nname = \"logins\"\nwhen = {{ action = \"sign_in\" }}\nrequire = {{ acr = \"{acr}\", max_age = \"5m\" }}"
        )
    };
    let desk = Desk::new(&["email"], &wants("phone"));
    let login = desk.ada(&[ADA]).with_email(MAIL);
    let asked = ask(MfaStep::begin(&login).await.unwrap());
    assert_eq!(over(asked.pending.answer(&login, &desk.kiosk.code()).await.unwrap()), Over::OtherClass);

    let desk = Desk::new(&["email"], &wants("email"));
    let login = desk.ada(&[ADA]).with_email(MAIL);
    let asked = ask(MfaStep::begin(&login).await.unwrap());
    let done = done(asked.pending.answer(&login, &desk.kiosk.code()).await.unwrap());
    assert_eq!(done.acr(), "email");
    assert_eq!(done.amr(), ["pwd", "email"]); // and no `mfa`
}

#[tokio::test]
async fn what_the_policy_denies_does_not_begin() {
    let desk = Desk::new(&["sms"], "[[step_up]]\nname = \"never\"\nwhen = { action = \"sign_in\" }\ndeny = \"closed\"");
    assert_eq!(MfaStep::begin(&desk.ada(&[ADA])).await.unwrap_err().kind(), ErrorKind::Denied);
    assert!(desk.kiosk.orders().is_empty());
}
