//! The server's own database, and the phone book in it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use futures_util::future::{BoxFuture, FutureExt};
use handset::{
    Error, ErrorKind, PhoneNumber, Result, Subject,
    enrolment::{Bound, Edit, Entry, PhoneBook, Written},
};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

/// A connection, on which one thing happens at a time. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Database(Arc<Mutex<Connection>>);

impl Database {
    /// A database that ends with the process, with two accounts in it: those of `ada` and `grace`.
    pub(super) fn in_memory() -> rusqlite::Result<Self> {
        let connection = Connection::open_in_memory()?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.execute_batch(include_str!("schema.sql"))?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Does something in one transaction, on a thread that may wait. What fails is undone.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let connection = Arc::clone(&self.0);
        let worked = tokio::task::spawn_blocking(move || {
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = work(&transaction)?;
            transaction.commit().map(|()| result)
        });
        let down = |source: Box<dyn std::error::Error + Send + Sync>| {
            Error::new(ErrorKind::Unavailable, "the database failed").with_source(source)
        };
        worked.await.map_err(|error| down(error.into()))?.map_err(|error| down(error.into()))
    }
}

impl PhoneBook for Database {
    fn load<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Result<Entry>> {
        let name = subject.as_str().to_owned();
        let rows = self.run(move |sql| {
            let version = "SELECT phones_version FROM account WHERE name = ?1";
            let version: i64 = sql.query_row(version, [&name], |row| row.get(0))?;
            let mut phones = sql.prepare("SELECT number, since FROM phone WHERE account = ?1 ORDER BY since, rowid")?;
            let phones = phones.query_map([&name], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok((version, phones.collect::<rusqlite::Result<Vec<(String, i64)>>>()?))
        });
        async move {
            let (version, rows) = rows.await?;
            let bound = |(number, since): &(String, i64)| {
                let since = SystemTime::UNIX_EPOCH + Duration::from_secs(since.unsigned_abs());
                PhoneNumber::parse(number, None).map(|phone| Bound::new(phone, since))
            };
            Ok(Entry::new(version.unsigned_abs(), rows.iter().map(bound).collect::<Result<_>>()?))
        }
        .boxed()
    }

    fn write<'a>(&'a self, subject: &'a Subject, version: u64, edit: &'a Edit) -> BoxFuture<'a, Result<Written>> {
        let (name, edit) = (subject.as_str().to_owned(), edit.clone());
        self.run(move |sql| {
            let bump = "UPDATE account SET phones_version = phones_version + 1 WHERE name = ?1 AND phones_version = ?2";
            let (comes, goes) = match &edit {
                Edit::Add(new) => (Some(new), None),
                Edit::Remove(old) => (None, Some(old)),
                Edit::Replace { old, new } => (Some(new), Some(old)),
            };
            if let Some(new) = comes {
                let others = "SELECT count(*) FROM phone WHERE number = ?1 AND account <> ?2";
                if sql.query_row(others, params![new.phone.to_e164(), name], |row| row.get::<_, i64>(0))? > 0 {
                    return Ok(Written::Taken);
                }
            }
            if sql.execute(bump, params![name, i64::try_from(version).unwrap_or(i64::MAX)])? == 0 {
                return Ok(Written::Stale);
            }
            if let Some(old) = goes {
                sql.execute("DELETE FROM phone WHERE account = ?1 AND number = ?2", params![name, old.to_e164()])?;
            }
            if let Some(new) = comes {
                let since = new.since.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
                let row = params![new.phone.to_e164(), name, i64::try_from(since).unwrap_or(i64::MAX)];
                sql.execute("INSERT INTO phone (number, account, since) VALUES (?1, ?2, ?3)", row)?;
            }
            Ok(Written::Done)
        })
        .boxed()
    }
}
