//! The suite that every [`PhoneBook`] passes.
//!
//! Whoever keeps numbers in a database of his own implements [`Shelf`] in a test, and the test is one line. No case can be
//! skipped: a book that cannot be taken down, or of which there is one handle only, says so with its reason.
//!
//! ```
//! use futures_util::future::{BoxFuture, FutureExt, ready};
//! use handset::{Result, Subject};
//! use handset::enrolment::{MemoryBook, PhoneBook, conformance::{self, Failure, Numbers, Outage, Shelf}};
//!
//! struct Mine(MemoryBook);
//!
//! impl Shelf for Mine {
//!     fn handle(&self) -> BoxFuture<'_, Result<Box<dyn PhoneBook>>> {
//!         ready(Ok(Box::new(self.0.clone()) as Box<dyn PhoneBook>)).boxed()
//!     }
//!     fn accounts(&self) -> [Subject; 2] {
//!         ["ada", "grace"].map(|name| Subject::new(name).expect("a name"))
//!     }
//!     fn numbers(&self) -> Numbers {
//!         Numbers::OfManyAccounts
//!     }
//!     fn take_down(&self) -> BoxFuture<'_, Result<Outage>> {
//!         ready(Ok(Outage::Impossible { reason: "it is in the memory of the process" })).boxed()
//!     }
//! }
//!
//! # #[tokio::main] async fn main() -> Result<(), Failure> {
//! conformance::assert_conforms(|| async { Ok(Mine(MemoryBook::default())) }).await
//! # }
//! ```

use std::time::{Duration, SystemTime};

use futures_util::future::{BoxFuture, FutureExt, join, join_all};

use super::{Bound, Edit, Entry, PhoneBook, Written};
use crate::{
    conformance::{ensure, is_unavailable, run_all},
    error::Result as OurResult,
    ids::Subject,
    phone::PhoneNumber,
};

pub use crate::conformance::{Failure, Outage};

/// A database with two accounts and no numbers.
pub trait Shelf: Send + Sync {
    /// The book, as another process would open it: what one handle writes, the next one finds.
    fn handle(&self) -> BoxFuture<'_, OurResult<Box<dyn PhoneBook>>>;

    /// Two accounts, neither of which has ever had a number.
    fn accounts(&self) -> [Subject; 2];

    /// Whether a number may be that of several accounts.
    fn numbers(&self) -> Numbers;

    /// Makes the database fail, for handles that are open as well: drop its tables, end its process.
    fn take_down(&self) -> BoxFuture<'_, OurResult<Outage>>;
}

/// Whose a number may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "one or many")]
pub enum Numbers {
    /// One account has it, and others are told [`Written::Taken`].
    OfOneAccount,
    /// A family shares a telephone.
    OfManyAccounts,
}

/// Runs every case, each on a database of its own that `open` makes.
///
/// # Errors
///
/// [`Failure`] with a line for each case that failed.
pub async fn assert_conforms<S, F>(open: impl Fn() -> F) -> Result<(), Failure>
where
    S: Shelf,
    F: Future<Output = OurResult<S>>,
{
    run_all(&CASES, async |case| {
        let shelf = open().await?;
        let [ada, grace] = shelf.accounts();
        case(&Stage { book: shelf.handle().await?, ada, grace, shelf: &shelf }).await
    })
    .await
}

struct Stage<'a> {
    book: Box<dyn PhoneBook>,
    ada: Subject,
    grace: Subject,
    shelf: &'a dyn Shelf,
}

impl Stage<'_> {
    /// Makes an edit of Ada's numbers that has to be made.
    async fn made(&self, edit: Edit) -> Result<(), Failure> {
        let before = self.book.load(&self.ada).await?;
        let written = self.book.write(&self.ada, before.version, &edit).await?;
        ensure(written == Written::Done, || format!("{edit:?} ended as {written:?}"))?;
        let after = self.book.load(&self.ada).await?.version;
        ensure(after > before.version, || format!("{edit:?} left the version at {after}; it was {}", before.version))
    }

    /// Asks for an edit that must not be made, and looks that nothing has changed.
    async fn not_made(&self, whose: &Subject, version: u64, edit: Edit, why: Written) -> Result<(), Failure> {
        let before = self.book.load(whose).await?;
        let written = self.book.write(whose, version, &edit).await?;
        ensure(written == why, || format!("{edit:?} ended as {written:?} and not as {why:?}"))?;
        let after = self.book.load(whose).await?;
        ensure(after == before, || format!("{edit:?} was not made, and {before:?} became {after:?}"))
    }

    /// Ada's numbers, as every handle has to find them.
    async fn has(&self, numbers: &[Bound]) -> Result<(), Failure> {
        for (handle, book) in [("the handle", &self.book), ("another handle", &self.shelf.handle().await?)] {
            let found = book.load(&self.ada).await?.numbers;
            ensure(found == numbers, || format!("{handle} finds {found:?} and not {numbers:?}"))?;
        }
        Ok(())
    }
}

type Case = for<'a> fn(&'a Stage<'a>) -> BoxFuture<'a, Result<(), Failure>>;

const CASES: [(&str, Case); 10] = [
    ("an_account_begins_without_numbers", |stage| begins_empty(stage).boxed()),
    ("what_is_added_is_found", |stage| adds(stage).boxed()),
    ("the_oldest_is_first", |stage| oldest_first(stage).boxed()),
    ("what_is_removed_is_gone_and_the_version_is_not", |stage| removes(stage).boxed()),
    ("what_is_replaced_is_gone_and_nothing_else", |stage| replaces(stage).boxed()),
    ("another_version_changes_nothing", |stage| stale(stage).boxed()),
    ("accounts_are_apart", |stage| apart(stage).boxed()),
    ("of_edits_that_race_one_is_made", |stage| races(stage).boxed()),
    ("a_number_has_as_many_accounts_as_the_book_says", |stage| shared(stage).boxed()),
    ("a_database_that_fails_is_unavailable_and_never_empty", |stage| outage(stage).boxed()),
];

async fn begins_empty(stage: &Stage<'_>) -> Result<(), Failure> {
    let found = stage.book.load(&stage.ada).await?;
    ensure(found == Entry::default(), || format!("{found:?} is not version 0 without numbers"))
}

async fn adds(stage: &Stage<'_>) -> Result<(), Failure> {
    stage.made(Edit::Add(bound(1)?)).await?;
    stage.has(&[bound(1)?]).await
}

async fn oldest_first(stage: &Stage<'_>) -> Result<(), Failure> {
    for n in [2, 1, 3] {
        stage.made(Edit::Add(bound(n)?)).await?;
    }
    stage.has(&[bound(1)?, bound(2)?, bound(3)?]).await?;
    stage.made(Edit::Replace { old: bound(1)?.phone, new: bound(4)? }).await?;
    stage.has(&[bound(2)?, bound(3)?, bound(4)?]).await
}

/// Were the version to begin again, a decision about numbers of long ago could be written over those of now.
async fn removes(stage: &Stage<'_>) -> Result<(), Failure> {
    stage.made(Edit::Add(bound(1)?)).await?;
    stage.made(Edit::Add(bound(2)?)).await?;
    stage.made(Edit::Remove(bound(1)?.phone)).await?;
    stage.has(&[bound(2)?]).await?;
    stage.made(Edit::Remove(bound(2)?.phone)).await?;
    stage.has(&[]).await?;
    stage.made(Edit::Add(bound(1)?)).await?;
    stage.has(&[bound(1)?]).await
}

async fn replaces(stage: &Stage<'_>) -> Result<(), Failure> {
    stage.made(Edit::Add(bound(1)?)).await?;
    stage.made(Edit::Add(bound(2)?)).await?;
    stage.made(Edit::Replace { old: bound(1)?.phone, new: bound(3)? }).await?;
    stage.has(&[bound(2)?, bound(3)?]).await
}

async fn stale(stage: &Stage<'_>) -> Result<(), Failure> {
    stage.made(Edit::Add(bound(1)?)).await?;
    let now = stage.book.load(&stage.ada).await?.version;
    for other in [0, now + 1, u64::MAX] {
        let phone = bound(1)?.phone;
        for edit in [Edit::Add(bound(2)?), Edit::Remove(phone), Edit::Replace { old: phone, new: bound(2)? }] {
            stage.not_made(&stage.ada, other, edit, Written::Stale).await?;
        }
    }
    Ok(())
}

async fn apart(stage: &Stage<'_>) -> Result<(), Failure> {
    stage.made(Edit::Add(bound(1)?)).await?;
    let graces = stage.book.load(&stage.grace).await?;
    ensure(graces == Entry::default(), || format!("an edit of one account changed another one to {graces:?}"))
}

async fn races(stage: &Stage<'_>) -> Result<(), Failure> {
    let edits = (0..RACERS).map(|n| bound(n).map(Edit::Add)).collect::<Result<Vec<_>, _>>()?;
    let handles =
        join_all(edits.iter().map(|_| stage.shelf.handle())).await.into_iter().collect::<OurResult<Vec<_>>>()?;
    let writes = handles.iter().zip(&edits).map(|(book, edit)| book.write(&stage.ada, 0, edit));
    let mut written = join_all(writes).await.into_iter().collect::<OurResult<Vec<_>>>()?;
    let stale = written.extract_if(.., |written| *written == Written::Stale).count();
    let found = stage.book.load(&stage.ada).await?.numbers;
    ensure(written == [Written::Done] && found.len() == 1, || {
        format!("of {RACERS} edits {stale} were stale, the others ended as {written:?}, and {found:?} is there")
    })
}

async fn shared(stage: &Stage<'_>) -> Result<(), Failure> {
    let (one, two, book) = (bound(1)?, bound(2)?, &stage.book);
    let (ada, grace) = (Edit::Add(one), Edit::Add(two));
    let (ada, grace) = join(book.write(&stage.ada, 0, &ada), book.write(&stage.grace, 0, &grace)).await;
    ensure([ada?, grace?] == [Written::Done; 2], || "two numbers of two accounts were not both added".to_owned())?;
    let version = book.load(&stage.grace).await?.version;
    if stage.shelf.numbers() == Numbers::OfManyAccounts {
        let written = book.write(&stage.grace, version, &Edit::Add(one)).await?;
        return ensure(written == Written::Done, || format!("a number of two accounts ended as {written:?}"));
    }
    for edit in [Edit::Add(one), Edit::Replace { old: two.phone, new: one }] {
        stage.not_made(&stage.grace, version, edit, Written::Taken).await?;
    }
    // Free again for others, and for the account that had it.
    stage.made(Edit::Replace { old: one.phone, new: bound(3)? }).await?;
    stage.made(Edit::Add(one)).await
}

async fn outage(stage: &Stage<'_>) -> Result<(), Failure> {
    stage.made(Edit::Add(bound(1)?)).await?;
    if !stage.shelf.take_down().await?.is_down()? {
        return Ok(());
    }
    for account in [&stage.ada, &stage.grace] {
        is_unavailable("load", stage.book.load(account).await)?;
        is_unavailable("write", stage.book.write(account, 0, &Edit::Add(bound(2)?)).await)?;
    }
    Ok(())
}

/// A number that was bound so many minutes after a time, to the second.
fn bound(n: u64) -> Result<Bound, Failure> {
    let since = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + 60 * n);
    Ok(Bound::new(PhoneNumber::parse(&format!("+371261234{n:02}"), None)?, since))
}

const RACERS: u64 = 16;
