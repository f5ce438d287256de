//! A book in memory.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::future::{BoxFuture, FutureExt, ready};

use super::{Edit, Entry, PhoneBook, Written};
use crate::{error::Result, ids::Subject, phone::PhoneNumber};

/// A book that lasts as long as the process: for tests, and for trying out. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct MemoryBook {
    entries: Arc<Mutex<BTreeMap<Subject, Entry>>>,
    one_account_per_number: bool,
}

impl MemoryBook {
    /// A book that lets a number have one account only.
    #[must_use]
    pub fn with_one_account_per_number() -> Self {
        Self { one_account_per_number: true, ..Self::default() }
    }

    fn with<T>(&self, look: impl FnOnce(&mut BTreeMap<Subject, Entry>) -> T) -> T {
        look(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl PhoneBook for MemoryBook {
    fn load<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Result<Entry>> {
        ready(Ok(self.with(|entries| entries.get(subject).cloned().unwrap_or_default()))).boxed()
    }

    fn write<'a>(&'a self, subject: &'a Subject, version: u64, edit: &'a Edit) -> BoxFuture<'a, Result<Written>> {
        let written = self.with(|entries| {
            let taken = |phone: &PhoneNumber| {
                let others = entries.iter().filter(|(other, _)| *other != subject);
                others.flat_map(|(_, entry)| &entry.numbers).any(|bound| bound.phone == *phone)
            };
            let comes = match edit {
                Edit::Add(new) | Edit::Replace { new, .. } => Some(&new.phone),
                Edit::Remove(_) => None,
            };
            if self.one_account_per_number && comes.is_some_and(taken) {
                return Written::Taken;
            }
            let entry = entries.entry(subject.clone()).or_default();
            if entry.version != version {
                return Written::Stale;
            }
            entry.version += 1;
            match edit {
                Edit::Add(new) => entry.numbers.push(*new),
                Edit::Remove(old) => entry.numbers.retain(|bound| bound.phone != *old),
                Edit::Replace { old, new } => {
                    entry.numbers.iter_mut().filter(|bound| bound.phone == *old).for_each(|bound| *bound = *new);
                }
            }
            entry.numbers.sort_by_key(|bound| bound.since);
            Written::Done
        });
        ready(Ok(written)).boxed()
    }
}
