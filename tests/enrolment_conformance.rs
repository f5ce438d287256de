//! The books of this repository pass the suite for books, and the suite finds what another book does wrong.
#![cfg(feature = "testing")]
#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "../examples/identity_server/book.rs"]
mod book;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use futures_util::future::{BoxFuture, FutureExt, ready};
use handset::{
    Error, ErrorKind, Result, Subject,
    enrolment::{
        Bound, Edit, Entry, MemoryBook, PhoneBook, Written,
        conformance::{Failure, Numbers, Outage, Shelf, assert_conforms},
    },
};

use book::Database;

#[tokio::test]
async fn the_book_in_memory_conforms() -> Result<(), Failure> {
    assert_conforms(|| async { Ok(Memory(Numbers::OfManyAccounts, MemoryBook::default())) }).await?;
    assert_conforms(|| async { Ok(Memory(Numbers::OfOneAccount, MemoryBook::with_one_account_per_number())) }).await
}

struct Memory(Numbers, MemoryBook);

impl Shelf for Memory {
    fn handle(&self) -> BoxFuture<'_, Result<Box<dyn PhoneBook>>> {
        opened(self.1.clone())
    }

    fn accounts(&self) -> [Subject; 2] {
        accounts()
    }

    fn numbers(&self) -> Numbers {
        self.0
    }

    fn take_down(&self) -> BoxFuture<'_, Result<Outage>> {
        ready(Ok(Outage::Impossible { reason: "it is in the memory of the process" })).boxed()
    }
}

#[tokio::test]
async fn the_book_in_sql_conforms() -> Result<(), Failure> {
    assert_conforms(|| async { Ok(Sql(Database::in_memory().unwrap())) }).await
}

struct Sql(Database);

impl Shelf for Sql {
    fn handle(&self) -> BoxFuture<'_, Result<Box<dyn PhoneBook>>> {
        opened(self.0.clone())
    }

    fn accounts(&self) -> [Subject; 2] {
        accounts()
    }

    fn numbers(&self) -> Numbers {
        Numbers::OfOneAccount
    }

    fn take_down(&self) -> BoxFuture<'_, Result<Outage>> {
        let gone = "ALTER TABLE phone RENAME TO gone; ALTER TABLE account RENAME TO gone_too";
        self.0.run(move |sql| sql.execute_batch(gone).map(|()| Outage::Down)).boxed()
    }
}

fn opened(book: impl PhoneBook) -> BoxFuture<'static, Result<Box<dyn PhoneBook>>> {
    ready(Ok(Box::new(book) as Box<dyn PhoneBook>)).boxed()
}

fn accounts() -> [Subject; 2] {
    ["ada", "grace"].map(|name| Subject::new(name).unwrap())
}

#[tokio::test]
async fn the_suite_finds_what_a_book_does_wrong() {
    for (fault, cases) in FAULTS {
        let ended = assert_conforms(|| async { Ok(Careless::new(*fault)) }).await;
        let failure = ended.err().map(|failure| failure.to_string()).unwrap_or_default();
        let found: Vec<_> = failure.lines().filter_map(|line| line.split(':').next()).collect();
        assert_eq!(found, *cases, "{fault:?}\n{failure}");
    }
}

/// What a book does wrong, and the cases that fail for it.
const FAULTS: &[(Fault, &[&str])] = &[
    (Fault::LosesTheTime, &[ADDED, OLDEST, REMOVED, REPLACED]),
    (Fault::NewestFirst, &[OLDEST, REPLACED]),
    (Fault::VersionEndsWithTheNumbers, &[REMOVED]),
    (Fault::VersionStandsStill, &[ADDED, OLDEST, REMOVED, REPLACED, STALE, APART, SHARED, OUTAGE]),
    (Fault::WritesOverAnyVersion, &[STALE, RACES]),
    (Fault::LooksAndThenWrites, &[RACES]),
    (Fault::RemovesEverything, &[REMOVED]),
    (Fault::KeepsWhatIsReplaced, &[OLDEST, REPLACED]),
    (Fault::HasOneAccount, &[APART, SHARED]),
    (Fault::SharesNumbers, &[SHARED]),
    (Fault::RemovesBeforeItLooks, &[SHARED]),
    (Fault::ForgetsInAnotherHandle, &[ADDED, OLDEST, REMOVED, REPLACED, RACES]),
    (Fault::EmptyWhenDown, &[OUTAGE]),
    (Fault::AnotherKindWhenDown, &[OUTAGE]),
    (Fault::NoReason, &[OUTAGE]),
];

const ADDED: &str = "what_is_added_is_found";
const OLDEST: &str = "the_oldest_is_first";
const REMOVED: &str = "what_is_removed_is_gone_and_the_version_is_not";
const REPLACED: &str = "what_is_replaced_is_gone_and_nothing_else";
const STALE: &str = "another_version_changes_nothing";
const APART: &str = "accounts_are_apart";
const RACES: &str = "of_edits_that_race_one_is_made";
const SHARED: &str = "a_number_has_as_many_accounts_as_the_book_says";
const OUTAGE: &str = "a_database_that_fails_is_unavailable_and_never_empty";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    LosesTheTime,
    NewestFirst,
    VersionEndsWithTheNumbers,
    VersionStandsStill,
    WritesOverAnyVersion,
    LooksAndThenWrites,
    RemovesEverything,
    KeepsWhatIsReplaced,
    HasOneAccount,
    SharesNumbers,
    RemovesBeforeItLooks,
    ForgetsInAnotherHandle,
    EmptyWhenDown,
    AnotherKindWhenDown,
    NoReason,
}

#[derive(Clone, Debug)]
struct Careless {
    fault: Fault,
    book: MemoryBook,
    down: Arc<AtomicBool>,
}

impl Careless {
    fn new(fault: Fault) -> Self {
        Self { fault, book: book_of(fault), down: Arc::default() }
    }

    fn whose<'a>(&self, subject: &'a Subject, one: &'a Subject) -> &'a Subject {
        if self.fault == Fault::HasOneAccount { one } else { subject }
    }

    async fn look(&self, subject: &Subject) -> Result<Entry> {
        let [one, _] = accounts();
        match (self.down.load(Ordering::SeqCst), self.fault) {
            (true, Fault::EmptyWhenDown) => return Ok(Entry::default()),
            (true, fault) => return Err(outage(fault)),
            (false, _) => {}
        }
        let mut entry = self.book.load(self.whose(subject, &one)).await?;
        match self.fault {
            Fault::NewestFirst => entry.numbers.reverse(),
            Fault::VersionEndsWithTheNumbers if entry.numbers.is_empty() => entry.version = 0,
            Fault::VersionStandsStill => entry.version = 0,
            _ => {}
        }
        Ok(entry)
    }

    async fn edit(&self, subject: &Subject, version: u64, edit: &Edit) -> Result<Written> {
        if self.down.load(Ordering::SeqCst) {
            return Err(outage(self.fault));
        }
        let [one, _] = accounts();
        let subject = self.whose(subject, &one);
        let stands = self.book.load(subject).await?;
        let mut version = version;
        let mut edit = edit.clone();
        match (self.fault, &mut edit) {
            (Fault::LosesTheTime, Edit::Add(new) | Edit::Replace { new, .. }) => new.since = SystemTime::UNIX_EPOCH,
            (Fault::VersionEndsWithTheNumbers, _) if stands.numbers.is_empty() && version == 0 => {
                version = stands.version
            }
            (Fault::WritesOverAnyVersion, _) => version = stands.version,
            (Fault::LooksAndThenWrites, _) if version == stands.version => {
                tokio::task::yield_now().await;
                version = self.book.load(subject).await?.version;
            }
            (Fault::RemovesEverything, Edit::Remove(phone)) if version == stands.version => {
                let others: Vec<Bound> = stands.numbers.into_iter().filter(|bound| bound.phone != *phone).collect();
                for other in others {
                    self.book.write(subject, version, &Edit::Remove(other.phone)).await?;
                    version += 1;
                }
            }
            (Fault::KeepsWhatIsReplaced, Edit::Replace { new, .. }) => edit = Edit::Add(*new),
            (Fault::RemovesBeforeItLooks, Edit::Replace { old, new }) if version == stands.version => {
                let (old, new) = (*old, *new);
                self.book.write(subject, version, &Edit::Remove(old)).await?;
                (version, edit) = (version + 1, Edit::Add(new));
            }
            _ => {}
        }
        self.book.write(subject, version, &edit).await
    }
}

fn book_of(fault: Fault) -> MemoryBook {
    match fault {
        Fault::SharesNumbers => MemoryBook::default(),
        _ => MemoryBook::with_one_account_per_number(),
    }
}

fn outage(fault: Fault) -> Error {
    let kind = if fault == Fault::AnotherKindWhenDown { ErrorKind::Misconfigured } else { ErrorKind::Unavailable };
    Error::new(kind, "the database cannot be reached")
}

impl PhoneBook for Careless {
    fn load<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Result<Entry>> {
        self.look(subject).boxed()
    }

    fn write<'a>(&'a self, subject: &'a Subject, version: u64, edit: &'a Edit) -> BoxFuture<'a, Result<Written>> {
        self.edit(subject, version, edit).boxed()
    }
}

impl Shelf for Careless {
    fn handle(&self) -> BoxFuture<'_, Result<Box<dyn PhoneBook>>> {
        let book = if self.fault == Fault::ForgetsInAnotherHandle { book_of(self.fault) } else { self.book.clone() };
        opened(Self { book, ..self.clone() })
    }

    fn accounts(&self) -> [Subject; 2] {
        accounts()
    }

    fn numbers(&self) -> Numbers {
        Numbers::OfOneAccount
    }

    fn take_down(&self) -> BoxFuture<'_, Result<Outage>> {
        self.down.store(true, Ordering::SeqCst);
        let outage = if self.fault == Fault::NoReason { Outage::Impossible { reason: " " } } else { Outage::Down };
        ready(Ok(outage)).boxed()
    }
}
