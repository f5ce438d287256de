//! Whose numbers: what binds them, what takes them away, and what does neither.
#![cfg(feature = "testing")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

#[path = "../examples/identity_server/book.rs"]
mod book;

use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt, join, join_all, ready};
use handset::{
    Action, Channel, Error, ErrorKind, PhoneNumber, Proof, Result, Subject, Verifier,
    enrolment::{Edit, Enrolment, EnrolmentError, Entry, Leave, MemoryBook, PhoneBook, Recovery, Refusal, Written},
    proof::ProofKey,
    testing::{CodeBook, ManualClock},
    verifier::{Answer, Caller, StartRequest},
};

const ONE: &str = "+37126123456";
const TWO: &str = "+37126123457";
const THREE: &str = "+37126123458";

struct Desk {
    codes: CodeBook,
    clock: ManualClock,
    verifier: Verifier,
    enrolment: Enrolment,
}

impl Desk {
    fn new(book: impl PhoneBook) -> Self {
        let (codes, clock) = (CodeBook::default(), ManualClock::default());
        let verifier = Verifier::builder()
            .policy("policy.toml", POLICY)
            .proof_key(ProofKey::random().unwrap())
            .provider(codes.clone())
            .clock(clock.clone())
            .build()
            .unwrap();
        let enrolment = Enrolment::new(&verifier, book);
        Self { codes, clock, verifier, enrolment }
    }

    /// One with a book in memory, and one with a book in SQLite.
    fn both() -> [Self; 2] {
        [Self::new(MemoryBook::with_one_account_per_number()), Self::new(book::Database::in_memory().unwrap())]
    }

    async fn proof(&self, subject: &str, phone: &str, action: &str) -> Proof {
        let (subject, action) = (account(subject), Action::new(action).unwrap());
        let check = self.verifier.start(StartRequest::new(subject.clone(), number(phone), action)).await.unwrap();
        let code = self.codes.last_code().unwrap();
        match self.verifier.answer(&subject, check.id, code.expose(), Caller::default()).await.unwrap() {
            Answer::Verified(verified) => verified.proof,
            Answer::Incorrect { .. } => panic!("the code was right"),
        }
    }

    async fn new_proof(&self, phone: &str) -> Proof {
        self.proof("ada", phone, Enrolment::BIND).await
    }

    async fn old_proof(&self, phone: &str) -> Proof {
        self.proof("ada", phone, Enrolment::CHANGE).await
    }

    /// Ada's account, with a number.
    async fn with_one(self) -> Self {
        let proof = self.new_proof(ONE).await;
        self.enrolment.bind(&account("ada"), &number(ONE), &proof).await.unwrap();
        self
    }

    async fn masks(&self, subject: &str) -> Vec<String> {
        self.enrolment.list(&account(subject)).await.unwrap().into_iter().map(|number| number.masked).collect()
    }
}

fn account(name: &str) -> Subject {
    Subject::new(name).unwrap()
}

fn number(phone: &str) -> PhoneNumber {
    PhoneNumber::parse(phone, None).unwrap()
}

fn refusal<T: std::fmt::Debug>(result: std::result::Result<T, EnrolmentError>) -> Refusal {
    result.unwrap_err().refusal().unwrap()
}

fn recovery() -> Recovery {
    Recovery::new("help desk, agent 7", "passport seen, ticket 4711").unwrap()
}

#[tokio::test]
async fn the_first_number_is_bound_by_its_proof_and_listed_masked() {
    for desk in Desk::both() {
        let proof = desk.new_proof(ONE).await;
        assert!(desk.masks("ada").await.is_empty());
        let change = desk.enrolment.bind(&account("ada"), &number(ONE), &proof).await.unwrap();
        assert_eq!((change.added, change.removed, change.left), (Some(number(ONE)), None, 1));
        assert_eq!(desk.masks("ada").await, ["+371******56"]);
        let listed = desk.enrolment.list(&account("ada")).await.unwrap();
        assert_eq!(desk.enrolment.number(&account("ada"), &listed[0].id).await.unwrap(), number(ONE));
        assert!(!format!("{listed:?}").contains("26123456"));
        assert!(desk.masks("grace").await.is_empty());
        assert!(desk.enrolment.number(&account("grace"), &listed[0].id).await.is_err());
    }
}

#[tokio::test]
async fn a_proof_of_something_else_binds_nothing() {
    for desk in Desk::both() {
        let (ada, one) = (account("ada"), number(ONE));
        let others = desk.proof("grace", ONE, Enrolment::BIND).await;
        assert_eq!(refusal(desk.enrolment.bind(&ada, &one, &others).await), Refusal::OtherSubject);
        let login = desk.proof("ada", ONE, "sign_in").await;
        assert_eq!(refusal(desk.enrolment.bind(&ada, &one, &login).await), Refusal::OtherAction);
        let other_number = desk.new_proof(TWO).await;
        assert_eq!(refusal(desk.enrolment.bind(&ada, &one, &other_number).await), Refusal::OtherNumber);
        let old = desk.new_proof(ONE).await;
        desk.clock.advance(Duration::from_secs(601));
        assert_eq!(refusal(desk.enrolment.bind(&ada, &one, &old).await), Refusal::NoPossession);
        assert!(desk.masks("ada").await.is_empty());
    }
}

#[tokio::test]
async fn a_proof_of_an_address_of_email_binds_nothing() {
    #[derive(Debug)]
    struct Mail(CodeBook);

    impl handset::provider::Provider for Mail {
        fn name(&self) -> &'static str {
            "mail"
        }

        fn channels(&self) -> &[Channel] {
            &[Channel::Email]
        }

        fn start<'a>(
            &'a self,
            order: &'a handset::provider::Order,
        ) -> BoxFuture<'a, Result<handset::provider::Started>> {
            self.0.start(order)
        }
    }

    let codes = CodeBook::default();
    let verifier = Verifier::builder()
        .policy("policy.toml", POLICY.replace("code_book/sms", "mail/email"))
        .proof_key(ProofKey::random().unwrap())
        .provider(Mail(codes.clone()))
        .build()
        .unwrap();
    let enrolment = Enrolment::new(&verifier, MemoryBook::default());
    let desk = Desk { codes, clock: ManualClock::default(), verifier, enrolment };
    let proof = desk.new_proof(ONE).await;
    assert_eq!(refusal(desk.enrolment.bind(&account("ada"), &number(ONE), &proof).await), Refusal::NoPossession);
}

#[tokio::test]
async fn a_proof_changes_numbers_once() {
    for desk in Desk::both() {
        let desk = desk.with_one().await;
        let (ada, new, old) = (account("ada"), desk.new_proof(TWO).await, desk.old_proof(ONE).await);
        desk.enrolment.add(&ada, &number(TWO), &new, Leave::Proof(&old)).await.unwrap();
        desk.enrolment.remove(&ada, &number(TWO), Leave::Recovery(&recovery())).await.unwrap();
        let again = desk.enrolment.add(&ada, &number(TWO), &new, Leave::Recovery(&recovery())).await;
        assert_eq!(refusal(again), Refusal::ProofUsed);
        let new = desk.new_proof(TWO).await;
        let again = desk.enrolment.add(&ada, &number(TWO), &new, Leave::Proof(&old)).await;
        assert_eq!(refusal(again), Refusal::ProofUsed);
        assert_eq!(desk.masks("ada").await, ["+371******56"]);
    }
}

#[tokio::test]
async fn who_has_the_password_only_gets_no_second_number_in() {
    for desk in Desk::both() {
        let desk = desk.with_one().await;
        let (ada, new) = (account("ada"), desk.new_proof(TWO).await);
        assert_eq!(refusal(desk.enrolment.bind(&ada, &number(TWO), &new).await), Refusal::NeedsLeave);
        // Nor with a proof of the new number twice, or with what a login asked for.
        let also_new = desk.old_proof(TWO).await;
        let refused = desk.enrolment.add(&ada, &number(TWO), &new, Leave::Proof(&also_new)).await;
        assert_eq!(refusal(refused), Refusal::OtherNumber);
        let login = desk.proof("ada", ONE, "sign_in").await;
        let refused = desk.enrolment.add(&ada, &number(TWO), &new, Leave::Proof(&login)).await;
        assert_eq!(refusal(refused), Refusal::OtherAction);
        // What was refused cost no proof.
        let old = desk.old_proof(ONE).await;
        desk.enrolment.add(&ada, &number(TWO), &new, Leave::Proof(&old)).await.unwrap();
        assert_eq!(desk.masks("ada").await, ["+371******56", "+371******57"]);
    }
}

#[tokio::test]
async fn a_number_is_replaced_by_its_own_proof_or_a_recovery() {
    for desk in Desk::both() {
        let desk = desk.with_one().await;
        let ada = account("ada");
        let (new, old) = (desk.new_proof(TWO).await, desk.old_proof(ONE).await);
        desk.enrolment.add(&ada, &number(TWO), &new, Leave::Proof(&old)).await.unwrap();

        // The other number of the account does not agree for it.
        let (new, other) = (desk.new_proof(THREE).await, desk.old_proof(TWO).await);
        let refused = desk.enrolment.replace(&ada, &number(ONE), &number(THREE), &new, Leave::Proof(&other)).await;
        assert_eq!(refusal(refused), Refusal::OtherNumber);
        let old = desk.old_proof(ONE).await;
        let change =
            desk.enrolment.replace(&ada, &number(ONE), &number(THREE), &new, Leave::Proof(&old)).await.unwrap();
        assert_eq!((change.added, change.removed, change.left), (Some(number(THREE)), Some(number(ONE)), 2));

        // The phone is lost: the application decides, and says who did and why.
        let new = desk.new_proof(ONE).await;
        let refused = desk.enrolment.bind(&ada, &number(ONE), &new).await;
        assert_eq!(refusal(refused), Refusal::NeedsLeave);
        let leave = recovery();
        desk.enrolment.replace(&ada, &number(THREE), &number(ONE), &new, Leave::Recovery(&leave)).await.unwrap();
        let mut masks = desk.masks("ada").await;
        masks.sort();
        assert_eq!(masks, ["+371******56", "+371******57"]);
        let gone = desk.new_proof("+37126123459").await;
        let leave = recovery();
        let refused =
            desk.enrolment.replace(&ada, &number(THREE), &number("+37126123459"), &gone, Leave::Recovery(&leave)).await;
        assert_eq!(refusal(refused), Refusal::NotBound);
    }
}

#[tokio::test]
async fn a_number_is_removed_by_a_number_of_the_account_or_a_recovery() {
    for desk in Desk::both() {
        let desk = desk.with_one().await;
        let ada = account("ada");
        let strangers = desk.old_proof(TWO).await;
        let refused = desk.enrolment.remove(&ada, &number(ONE), Leave::Proof(&strangers)).await;
        assert_eq!(refusal(refused), Refusal::OtherNumber);
        let own = desk.old_proof(ONE).await;
        let change = desk.enrolment.remove(&ada, &number(ONE), Leave::Proof(&own)).await.unwrap();
        assert_eq!((change.removed, change.left), (Some(number(ONE)), 0));
        let leave = recovery();
        let again = desk.enrolment.remove(&ada, &number(ONE), Leave::Recovery(&leave)).await;
        assert_eq!(refusal(again), Refusal::NotBound);
    }
}

#[tokio::test]
async fn a_number_is_bound_once_in_an_account_and_where_the_book_says_so_in_one_account() {
    for desk in Desk::both() {
        let desk = desk.with_one().await;
        let leave = recovery();
        let again = desk.new_proof(ONE).await;
        let refused = desk.enrolment.add(&account("ada"), &number(ONE), &again, Leave::Recovery(&leave)).await;
        assert_eq!(refusal(refused), Refusal::AlreadyBound);
        let graces = desk.proof("grace", ONE, Enrolment::BIND).await;
        let refused = desk.enrolment.bind(&account("grace"), &number(ONE), &graces).await;
        assert_eq!(refusal(refused), Refusal::TakenElsewhere);
    }
    // A family's telephone.
    let desk = Desk::new(MemoryBook::default()).with_one().await;
    let graces = desk.proof("grace", ONE, Enrolment::BIND).await;
    desk.enrolment.bind(&account("grace"), &number(ONE), &graces).await.unwrap();
}

#[tokio::test]
async fn of_two_binds_that_race_one_is_made() {
    for desk in Desk::both() {
        let ada = account("ada");
        // The same number: bound once. Two numbers: the second one finds an account that has one.
        let (one, same) = (desk.new_proof(ONE).await, desk.new_proof(ONE).await);
        let (phone, two) = (number(ONE), desk.new_proof(TWO).await);
        let other = number(TWO);
        let (a, b) = join(desk.enrolment.bind(&ada, &phone, &one), desk.enrolment.bind(&ada, &phone, &same)).await;
        let c = desk.enrolment.bind(&ada, &other, &two).await;
        assert_eq!([a.is_ok(), b.is_ok(), c.is_ok()].iter().filter(|made| **made).count(), 1);
        assert_eq!(desk.masks("ada").await.len(), 1);
    }
    // Between looking and writing, somebody else has written.
    let desk = Desk::new(Raced::default());
    let (first, second) = (desk.new_proof(ONE).await, desk.new_proof(TWO).await);
    let (ada, one, two) = (account("ada"), number(ONE), number(TWO));
    let binds = [desk.enrolment.bind(&ada, &one, &first).boxed(), desk.enrolment.bind(&ada, &two, &second).boxed()];
    let made = join_all(binds).await;
    let refused: Vec<_> = made.into_iter().filter_map(std::result::Result::err).collect();
    assert_eq!(refused.iter().map(EnrolmentError::refusal).collect::<Vec<_>>(), [Some(Refusal::NeedsLeave)]);
    assert_eq!(desk.masks("ada").await.len(), 1);
}

/// A book whose first two looks see the same, as those of two servers would.
#[derive(Debug, Default)]
struct Raced {
    book: MemoryBook,
    looks: std::sync::atomic::AtomicUsize,
}

impl PhoneBook for Raced {
    fn load<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Result<Entry>> {
        match self.looks.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 | 1 => ready(Ok(Entry::default())).boxed(),
            _ => self.book.load(subject),
        }
    }

    fn write<'a>(&'a self, subject: &'a Subject, version: u64, edit: &'a Edit) -> BoxFuture<'a, Result<Written>> {
        self.book.write(subject, version, edit)
    }
}

#[tokio::test]
async fn an_account_has_five_numbers_at_most() {
    for desk in Desk::both() {
        let desk = desk.with_one().await;
        for n in 1..6 {
            let phone = format!("+3712900000{n}");
            let proof = desk.new_proof(&phone).await;
            let (leave, ada) = (recovery(), account("ada"));
            let added = desk.enrolment.add(&ada, &number(&phone), &proof, Leave::Recovery(&leave)).await;
            assert_eq!(added.is_ok(), n < 5, "{added:?}");
        }
    }
}

#[tokio::test]
async fn a_book_that_is_down_changes_nothing_and_opens_nothing() {
    #[derive(Debug)]
    struct Down;

    impl PhoneBook for Down {
        fn load<'a>(&'a self, _: &'a Subject) -> BoxFuture<'a, Result<Entry>> {
            ready(Err(Error::new(ErrorKind::Unavailable, "the database cannot be reached"))).boxed()
        }

        fn write<'a>(&'a self, _: &'a Subject, _: u64, _: &'a Edit) -> BoxFuture<'a, Result<Written>> {
            ready(Err(Error::new(ErrorKind::Unavailable, "the database cannot be reached"))).boxed()
        }
    }

    let desk = Desk::new(Down);
    let proof = desk.new_proof(ONE).await;
    let error: Error = desk.enrolment.bind(&account("ada"), &number(ONE), &proof).await.unwrap_err().into();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(desk.enrolment.numbers(&account("ada")).await.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_recovery_is_told_in_the_log_with_who_and_why_and_without_the_number() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
    let desk = Desk::new(MemoryBook::default()).with_one().await;
    let leave = recovery();
    let _guard = tracing::subscriber::set_default(subscriber);
    desk.enrolment.remove(&account("ada"), &number(ONE), Leave::Recovery(&leave)).await.unwrap();
    let told = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(told.contains("WARN") && told.contains("agent 7") && told.contains("ticket 4711"), "{told}");
    assert!(!told.contains("26123456"), "{told}");
}

#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Every number is written to, as often as the tests like.
const POLICY: &str = r#"
version = 1
[[limit]]
name = "plenty"
on = "start"
key = ["subject"]
quota = "100/1h"
[[route]]
name = "all"
try = ["code_book/sms"]
"#;
