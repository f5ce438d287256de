//! Which messages a check may send, and in which order: rules that read what was sent before, and how often the subject failed.
#![cfg(feature = "testing")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::time::{Duration, SystemTime};

use handset::{
    Action, Channel, Error, ErrorKind, PhoneNumber, Subject, Verifier,
    proof::ProofKey,
    testing::{CodeBook, ManualClock},
    verifier::{Answer, Caller, Check, StartRequest},
};

const ADA: &str = "+37126123456";

struct Desk {
    book: CodeBook,
    clock: ManualClock,
    verifier: Verifier,
}

impl Desk {
    fn new(policy: &str) -> Self {
        let clock = ManualClock::new(SystemTime::UNIX_EPOCH + Duration::from_secs(1_777_636_800));
        let book = CodeBook::default();
        let verifier = Verifier::builder()
            .policy("policy.toml", format!("version = 1\n{policy}"))
            .proof_key(ProofKey::random().unwrap())
            .provider(book.clone())
            .clock(clock.clone())
            .build()
            .unwrap();
        Self { book, clock, verifier }
    }

    async fn start(&self, number: &str) -> Result<Check, Error> {
        self.verifier.start(request(number)).await
    }

    async fn next(&self, check: &Check) -> Result<Check, Error> {
        // A second click within a second would be the same click.
        self.clock.advance(Duration::from_secs(2));
        self.verifier.next(&subject(), check.id, Caller::default()).await
    }

    async fn fail(&self, check: &Check) {
        let code = self.book.last_code().unwrap();
        let wrong: String = code.expose().chars().map(|digit| if digit == '0' { '1' } else { '0' }).collect();
        let answer = self.verifier.answer(&subject(), check.id, &wrong, Caller::default()).await.unwrap();
        assert!(matches!(answer, Answer::Incorrect { .. }), "{answer:?}");
    }
}

fn subject() -> Subject {
    Subject::new("ada").unwrap()
}

fn request(number: &str) -> StartRequest {
    StartRequest::new(subject(), PhoneNumber::parse(number, None).unwrap(), Action::new("transfer").unwrap())
}

#[tokio::test]
async fn a_rule_for_later_messages_takes_over_with_settings_of_its_own() {
    let desk = Desk::new(
        r#"
        [[route]]
        name = "after a text"
        when = { check.channels_tried = "sms" }
        try = ["code_book/sms", "code_book/voice_code"]
        digits = 8
        message = "Bank: {code}"
        [[route]]
        name = "first"
        try = ["code_book/sms"]
        "#,
    );
    let check = desk.start(ADA).await.unwrap();
    // The text went out already: no route is taken twice.
    assert_eq!((check.channel, check.next_channels.as_slice()), (Some(Channel::Sms), [Channel::VoiceCode].as_slice()));

    let check = desk.next(&check).await.unwrap();
    assert_eq!((check.channel, check.next_channels.len()), (Some(Channel::VoiceCode), 0));
    let [first, second] = desk.book.messages().try_into().unwrap();
    assert_eq!((first.code.expose().len(), first.text), (6, None));
    assert_eq!((second.code.expose().len(), second.text.as_deref()), (8, Some("Bank: {code}")));
    assert_eq!(desk.next(&check).await.unwrap_err().kind(), ErrorKind::NoMoreChannels);
}

#[tokio::test]
async fn a_refusal_of_later_messages_ends_the_plan() {
    let desk = Desk::new(
        r#"
        [[route]]
        name = "one is enough"
        when = { check.legs = { gte = 1 } }
        deny = "enough"
        [[route]]
        name = "first"
        try = ["code_book/sms", "code_book/voice_code"]
        "#,
    );
    let check = desk.start(ADA).await.unwrap();
    assert_eq!(check.next_channels, []);
    assert_eq!(desk.next(&check).await.unwrap_err().kind(), ErrorKind::NoMoreChannels);
}

#[tokio::test]
async fn the_rule_that_goes_on_keeps_the_channel_that_was_asked_for_first() {
    let desk = Desk::new(
        r#"
        [[route]]
        name = "never"
        when = { check.legs = { gte = 2 } }
        deny = "enough"
        [[route]]
        name = "first"
        try = ["code_book/sms", "code_book/voice_code"]
        "#,
    );
    let check = desk.verifier.start(request(ADA).with_channel(Channel::VoiceCode)).await.unwrap();
    assert_eq!((check.channel, check.next_channels.as_slice()), (Some(Channel::VoiceCode), [Channel::Sms].as_slice()));
    let check = desk.next(&check).await.unwrap();
    let [first, second] = desk.book.messages().try_into().unwrap();
    assert_eq!((check.channel, first.code.expose()), (Some(Channel::Sms), second.code.expose()));
}

#[tokio::test]
async fn rules_know_how_often_the_subject_failed_whatever_the_number() {
    let desk = Desk::new(
        r#"
        [[route]]
        name = "failing"
        when = { subject.failures = { gte = 2 } }
        deny = "failures"
        [[route]]
        name = "others"
        try = ["code_book/sms"]
        "#,
    );
    let check = desk.start(ADA).await.unwrap();
    desk.fail(&check).await;
    desk.start("+37126123457").await.unwrap();
    let check = desk.start("+37126123458").await.unwrap();
    desk.fail(&check).await;
    assert_eq!(desk.start("+37126123459").await.unwrap_err().kind(), ErrorKind::Denied);

    // What the application says counts.
    let mut request = request("+37126123459");
    request.facts.subject_failures = Some(0);
    desk.verifier.start(request).await.unwrap();

    // They are forgotten with the budget's window.
    desk.clock.advance(Duration::from_secs(3601));
    desk.start("+37126123450").await.unwrap();
}
