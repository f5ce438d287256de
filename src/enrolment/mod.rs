//! Whose numbers: what binds a phone number to an account, and what takes it away.
//!
//! The application keeps the numbers in its own database and fills the trait [`PhoneBook`], which stores and decides nothing.
//! [`Enrolment`] decides:
//!
//! | what | needs |
//! |---|---|
//! | the first number of an account | a proof of it |
//! | one more | a proof of it, and [leave](Leave): a proof of a number that is bound, or a recovery |
//! | another one in its place | a proof of the new one, and leave: a proof of *the old one*, or a recovery |
//! | none in its place | leave |
//!
//! A proof counts here once, for the subject that it names, for the number that it names, and for the action that it was asked
//! for: [`Enrolment::BIND`] or [`Enrolment::CHANGE`]. So nobody who got a code for a login out of a person changes a number with it.
//!
//! ```
//! # #[cfg(feature = "testing")] #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use handset::{Action, PhoneNumber, Subject, Verifier, proof::ProofKey, testing::CodeBook};
//! use handset::enrolment::{Enrolment, MemoryBook, Refusal};
//! use handset::verifier::{MfaLogin, MfaStep};
//!
//! # let policy = "version = 1\n[[route]]\nname = \"everybody\"\ntry = [\"code_book/sms\"]";
//! # let codes = CodeBook::default(); // a provider for tests
//! # let verifier =
//! #     Verifier::builder().policy("policy.toml", policy).proof_key(ProofKey::random()?).provider(codes.clone()).build()?;
//! let enrolment = Enrolment::new(&verifier, MemoryBook::default()); // your database in its place
//! let (ada, phone) = (Subject::new("ada")?, PhoneNumber::parse("+37126123456", None)?);
//!
//! let step = MfaLogin::new(&verifier, ada.clone(), [phone], Action::new(Enrolment::BIND)?);
//! let MfaStep::Ask(ask) = MfaStep::begin(&step).await? else { panic!("there is one number") };
//! let code = codes.last_code().unwrap();
//! let MfaStep::Done(done) = ask.pending.answer(&step, code.expose()).await? else { panic!("the code was right") };
//!
//! enrolment.bind(&ada, &phone, done.proof()).await?;
//! assert_eq!(enrolment.list(&ada).await?[0].masked, "+371******56");
//! let again = enrolment.bind(&ada, &phone, done.proof()).await.unwrap_err();
//! assert_eq!(again.refusal(), Some(Refusal::AlreadyBound));
//! # Ok(()) }
//! # #[cfg(not(feature = "testing"))] fn main() {}
//! ```

mod book;
#[cfg(feature = "testing")]
pub mod conformance;
mod leave;
mod memory;
mod refusal;

use std::{sync::Arc, time::SystemTime};

use crate::{
    error::{Error, ErrorKind, Result},
    ids::Subject,
    phone::PhoneNumber,
    proof::Proof,
    verifier::{MaskedNumber, Verifier},
};

pub use book::{Bound, Edit, Entry, PhoneBook, Written};
pub use leave::{Leave, Recovery};
pub use memory::MemoryBook;
pub use refusal::{EnrolmentError, Refusal};

/// Binds numbers to accounts and takes them away. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Enrolment {
    verifier: Verifier,
    book: Arc<dyn PhoneBook>,
}

/// What has changed. Tell the person, at every other address that the account has: it may not have been this person.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The number that is bound now.
    pub added: Option<PhoneNumber>,
    /// The number that is not bound any more.
    pub removed: Option<PhoneNumber>,
    /// How many numbers the account has now.
    pub left: usize,
}

impl Enrolment {
    /// The action that a proof of a number to be bound is asked for.
    pub const BIND: &'static str = "bind_phone";

    /// The action that a proof of a bound number is asked for, to give leave to a change.
    pub const CHANGE: &'static str = "change_phone";

    /// How many numbers an account may have.
    pub const MOST: usize = 5;

    /// Keeps the numbers in `book`, and takes the proofs of `verifier`.
    #[must_use]
    pub fn new(verifier: &Verifier, book: impl PhoneBook) -> Self {
        Self { verifier: verifier.clone(), book: Arc::new(book) }
    }

    /// The numbers of an account, for [`MfaLogin`](crate::verifier::MfaLogin) and for
    /// [`Facts::with_phone`](crate::verifier::Facts::with_phone).
    ///
    /// # Errors
    ///
    /// That of the book.
    pub async fn numbers(&self, subject: &Subject) -> Result<Vec<PhoneNumber>> {
        Ok(self.book.load(subject).await?.numbers.into_iter().map(|bound| bound.phone).collect())
    }

    /// The numbers of an account as a page may show them.
    ///
    /// # Errors
    ///
    /// That of the book.
    pub async fn list(&self, subject: &Subject) -> Result<Vec<MaskedNumber>> {
        Ok(self.numbers(subject).await?.iter().map(|phone| self.verifier.masked(subject, phone)).collect())
    }

    /// The number of an account that a page has named by its [`MaskedNumber::id`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when there is none, or not any more; else that of the book.
    pub async fn number(&self, subject: &Subject, id: &str) -> Result<PhoneNumber> {
        let numbers = self.numbers(subject).await?;
        let found = numbers.into_iter().find(|phone| self.verifier.masked(subject, phone).id == id);
        found.ok_or_else(|| Error::new(ErrorKind::InvalidInput, "the account has no such number"))
    }

    /// Binds the first number of an account.
    ///
    /// # Errors
    ///
    /// [`EnrolmentError`]: [`Refusal::NeedsLeave`] when the account has a number already.
    pub async fn bind(&self, subject: &Subject, phone: &PhoneNumber, proof: &Proof) -> Result<Change, EnrolmentError> {
        self.edit(subject, Wish { add: Some((phone, proof)), remove: None, leave: None }).await
    }

    /// Binds one more number, with leave.
    ///
    /// # Errors
    ///
    /// [`EnrolmentError`].
    pub async fn add(
        &self,
        subject: &Subject,
        phone: &PhoneNumber,
        proof: &Proof,
        leave: Leave<'_>,
    ) -> Result<Change, EnrolmentError> {
        self.edit(subject, Wish { add: Some((phone, proof)), remove: None, leave: Some(leave) }).await
    }

    /// Puts `phone`, of which there is a proof, in the place of `old`. A proof that gives leave is one of `old` itself.
    ///
    /// # Errors
    ///
    /// [`EnrolmentError`].
    pub async fn replace(
        &self,
        subject: &Subject,
        old: &PhoneNumber,
        phone: &PhoneNumber,
        proof: &Proof,
        leave: Leave<'_>,
    ) -> Result<Change, EnrolmentError> {
        self.edit(subject, Wish { add: Some((phone, proof)), remove: Some(old), leave: Some(leave) }).await
    }

    /// Takes a number away, with leave; the last one too, after which the account has no phone step.
    ///
    /// # Errors
    ///
    /// [`EnrolmentError`].
    pub async fn remove(
        &self,
        subject: &Subject,
        old: &PhoneNumber,
        leave: Leave<'_>,
    ) -> Result<Change, EnrolmentError> {
        self.edit(subject, Wish { add: None, remove: Some(old), leave: Some(leave) }).await
    }

    /// Looks, decides, takes the proofs, writes. Who finds the row changed meanwhile looks and decides again.
    async fn edit(&self, subject: &Subject, wish: Wish<'_>) -> Result<Change, EnrolmentError> {
        self.examine(subject, &wish)?;
        let mut taken = false;
        for _ in 0..TRIES {
            let entry = self.book.load(subject).await?;
            let edit = wish.decide(&entry, self.verifier.time())?;
            // Not before it is decided, so that a wish that cannot be granted costs no proof; and once.
            if !taken {
                self.take_proofs(&wish).await?;
                taken = true;
            }
            match self.book.write(subject, entry.version, &edit).await? {
                Written::Done => {
                    wish.record(&edit);
                    return Ok(edit.change(entry.numbers.len()));
                }
                Written::Stale => tracing::debug!("an account's numbers changed meanwhile"),
                Written::Taken => return Err(Refusal::TakenElsewhere.into()),
            }
        }
        Err(Error::new(ErrorKind::Unavailable, "the account's numbers change all the time; try again").into())
    }

    /// What is wrong with the proofs, whatever the account has.
    fn examine(&self, subject: &Subject, wish: &Wish<'_>) -> Result<(), EnrolmentError> {
        for (proof, action) in wish.proofs() {
            let refusal = match () {
                () if proof.subject() != subject => Refusal::OtherSubject,
                () if proof.action().as_str() != action => Refusal::OtherAction,
                () if !self.verifier.shows_phone(proof)? => Refusal::NoPossession,
                () => continue,
            };
            return Err(refusal.into());
        }
        match wish.add {
            Some((phone, proof)) if proof.phone() != phone => Err(Refusal::OtherNumber.into()),
            _ => Ok(()),
        }
    }

    async fn take_proofs(&self, wish: &Wish<'_>) -> Result<(), EnrolmentError> {
        for (proof, _) in wish.proofs() {
            if !self.verifier.spend("enrolled by", proof).await? {
                return Err(Refusal::ProofUsed.into());
            }
        }
        Ok(())
    }
}

/// What somebody wants of an account's numbers, and what they show for it.
#[derive(Debug)]
struct Wish<'a> {
    add: Option<(&'a PhoneNumber, &'a Proof)>,
    remove: Option<&'a PhoneNumber>,
    leave: Option<Leave<'a>>,
}

impl<'a> Wish<'a> {
    /// The proofs, each with the action that it has to be for.
    fn proofs(&self) -> impl Iterator<Item = (&'a Proof, &'static str)> {
        let new = self.add.map(|(_, proof)| (proof, Enrolment::BIND));
        let old = match &self.leave {
            Some(Leave::Proof(proof)) => Some((*proof, Enrolment::CHANGE)),
            _ => None,
        };
        new.into_iter().chain(old)
    }

    /// Whether it is granted to an account that has these numbers.
    fn decide(&self, entry: &Entry, now: SystemTime) -> Result<Edit, Refusal> {
        let has = |phone: &PhoneNumber| entry.numbers.iter().any(|bound| bound.phone == *phone);
        if self.add.is_some_and(|(phone, _)| has(phone)) {
            return Err(Refusal::AlreadyBound);
        }
        if self.remove.is_some_and(|old| !has(old)) {
            return Err(Refusal::NotBound);
        }
        match &self.leave {
            None if entry.numbers.is_empty() => {}
            None => return Err(Refusal::NeedsLeave),
            Some(Leave::Recovery(_)) => {}
            Some(Leave::Proof(proof)) => {
                // To replace a number is to move what it can do to another phone: the old one itself agrees to that.
                let moved = self.remove.filter(|_| self.add.is_some());
                if !has(proof.phone()) || moved.is_some_and(|old| old != proof.phone()) {
                    return Err(Refusal::OtherNumber);
                }
            }
        }
        match (self.add, self.remove) {
            (Some((phone, _)), Some(old)) => Ok(Edit::Replace { old: *old, new: Bound::new(*phone, now) }),
            (Some(_), None) if entry.numbers.len() >= Enrolment::MOST => Err(Refusal::TooMany),
            (Some((phone, _)), None) => Ok(Edit::Add(Bound::new(*phone, now))),
            (None, Some(old)) => Ok(Edit::Remove(*old)),
            (None, None) => Err(Refusal::NotBound),
        }
    }

    /// Tells the log what was done, and in a recovery who decided it and why.
    fn record(&self, edit: &Edit) {
        match &self.leave {
            Some(Leave::Recovery(recovery)) => {
                let (decided_by, reason) = (recovery.decided_by(), recovery.reason());
                tracing::warn!(?edit, decided_by, reason, "an account's numbers changed by recovery");
            }
            _ => tracing::info!(?edit, "an account's numbers changed"),
        }
    }
}

/// How often a row may have changed meanwhile.
const TRIES: u8 = 4;
