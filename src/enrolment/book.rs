//! What the application's database does: stores, and decides nothing.

use std::{fmt, time::SystemTime};

use futures_util::future::BoxFuture;

use super::Change;
use crate::{error::Result, ids::Subject, phone::PhoneNumber};

/// Keeps the numbers of accounts: a row of each account with a version, and the numbers that belong to it.
///
/// A database that cannot be reached answers with [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable), never with an empty
/// entry: an account whose numbers are not known is not one that has none. `examples/identity_server/book.rs` is one in SQL.
/// Hold yours to the suite in `enrolment::conformance` (feature `testing`).
pub trait PhoneBook: fmt::Debug + Send + Sync + 'static {
    /// The numbers of an account and the version of its row. One that has never had a number has version 0.
    fn load<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Result<Entry>>;

    /// Makes one edit, if the row's version is still `version`, and gives the row a higher one: all of it or nothing, and of two
    /// that race one. In SQL, a transaction that begins with `UPDATE .. SET version = version + 1 WHERE .. AND version = ?`.
    fn write<'a>(&'a self, subject: &'a Subject, version: u64, edit: &'a Edit) -> BoxFuture<'a, Result<Written>>;
}

/// What a book has of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Grows with every edit.
    pub version: u64,
    /// The oldest first.
    pub numbers: Vec<Bound>,
}

impl Entry {
    /// What was found.
    #[must_use]
    pub fn new(version: u64, numbers: Vec<Bound>) -> Self {
        Self { version, numbers }
    }
}

/// A number of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bound {
    /// The number.
    pub phone: PhoneNumber,
    /// Since when.
    pub since: SystemTime,
}

impl Bound {
    /// A number that an account has had since a time.
    #[must_use]
    pub fn new(phone: PhoneNumber, since: SystemTime) -> Self {
        Self { phone, since }
    }
}

/// One change of an account's numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a book makes every kind of edit")]
pub enum Edit {
    /// One more number.
    Add(Bound),
    /// One less.
    Remove(PhoneNumber),
    /// One in the place of another.
    Replace {
        /// The number that goes.
        old: PhoneNumber,
        /// The number that comes.
        new: Bound,
    },
}

impl Edit {
    /// The change that it makes to an account that had so many numbers.
    pub(super) fn change(&self, had: usize) -> Change {
        match self {
            Self::Add(new) => Change { added: Some(new.phone), removed: None, left: had + 1 },
            Self::Remove(old) => Change { added: None, removed: Some(*old), left: had.saturating_sub(1) },
            Self::Replace { old, new } => Change { added: Some(new.phone), removed: Some(*old), left: had },
        }
    }
}

/// What came of an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an edit is made, or there are these two reasons")]
pub enum Written {
    /// It was made.
    Done,
    /// The row has another version: nothing was changed.
    Stale,
    /// The number is another account's, and this book lets a number have one account only: nothing was changed.
    Taken,
}
