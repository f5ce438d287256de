//! A concurrent map that is never larger than it may be, and never makes room by forgetting.

use std::{
    fmt,
    hash::Hash,
    sync::atomic::{AtomicUsize, Ordering},
};

use dashmap::{DashMap, Entry};

use crate::hash::Random;

/// Holds at most so many entries. When it is full, entries that are there go on, and new ones are refused: whoever floods it
/// pushes nobody out.
pub(crate) struct Capped<K, V> {
    /// `None` stands only while an entry is being looked at.
    entries: DashMap<K, Option<V>, Random>,
    count: AtomicUsize,
    cap: usize,
}

/// There is no room for another entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl<K: Eq + Hash, V> Capped<K, V> {
    /// For keys that are [`Random`].
    pub(crate) fn new(cap: usize) -> Self {
        Self { entries: DashMap::with_hasher(Random::default()), count: AtomicUsize::new(0), cap }
    }

    /// Changes the value of a key in one step: what `look` leaves in the slot is its value from now on.
    ///
    /// `look` must not touch this map: its shard is locked.
    pub(crate) fn update<T>(&self, key: K, look: impl FnOnce(&mut Option<V>) -> T) -> Result<T, Full> {
        match self.entries.entry(key) {
            Entry::Occupied(mut entry) => {
                let answer = look(entry.get_mut());
                if entry.get().is_none() {
                    entry.remove();
                    self.count.fetch_sub(1, Ordering::Relaxed);
                }
                Ok(answer)
            }
            Entry::Vacant(entry) => {
                if self.count.fetch_add(1, Ordering::Relaxed) >= self.cap {
                    self.count.fetch_sub(1, Ordering::Relaxed);
                    return Err(Full);
                }
                let mut slot = None;
                let answer = look(&mut slot);
                if slot.is_some() {
                    entry.insert(slot);
                } else {
                    self.count.fetch_sub(1, Ordering::Relaxed);
                }
                Ok(answer)
            }
        }
    }

    /// Looks at the value of a key, if it has one.
    pub(crate) fn read<T>(&self, key: &K, look: impl FnOnce(&V) -> T) -> Option<T> {
        self.entries.get(key).and_then(|slot| slot.as_ref().map(look))
    }

    /// Forgets a key.
    pub(crate) fn remove(&self, key: &K) {
        if self.entries.remove(key).is_some() {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Forgets what is stale. Locks one shard at a time.
    pub(crate) fn sweep(&self, stale: impl Fn(&V) -> bool) {
        let mut swept = 0;
        self.entries.retain(|_, slot| {
            let keep = slot.as_ref().is_some_and(|value| !stale(value));
            swept += usize::from(!keep);
            keep
        });
        self.count.fetch_sub(swept, Ordering::Relaxed);
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

impl<K, V> fmt::Debug for Capped<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Capped({} of {})", self.count.load(Ordering::Relaxed), self.cap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b4_a_full_map_refuses_new_keys_and_keeps_the_old_ones() {
        let map = Capped::new(2);
        for key in [1, 2] {
            map.update(key, |slot| *slot = Some(key)).unwrap();
        }
        assert_eq!(map.update(3, |slot| *slot = Some(3)), Err(Full));
        map.update(1, |slot| *slot = Some(10)).unwrap();
        assert_eq!(map.read(&1, |value| *value), Some(10));
        assert_eq!(map.read(&3, |value| *value), None);

        map.sweep(|value| *value == 10);
        assert_eq!(map.len(), 1);
        map.update(3, |slot| *slot = Some(3)).unwrap();
        map.update(3, |slot| *slot = None).unwrap();
        map.remove(&2);
        map.remove(&2);
        assert_eq!(map.len(), 0);
    }

    #[test]
    fn looking_at_a_key_that_is_not_there_takes_no_room() {
        let map: Capped<u8, u8> = Capped::new(1);
        assert_eq!(map.update(1, |slot| slot.is_none()), Ok(true));
        assert_eq!(map.len(), 0);
    }

    #[test]
    fn racing_writers_never_exceed_the_cap() {
        let map = Capped::new(100);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let map = &map;
                scope.spawn(move || {
                    for key in 0..1000 {
                        let _ = map.update(thread * 1000 + key, |slot| *slot = Some(()));
                        assert!(map.entries.len() <= 100);
                    }
                });
            }
        });
        assert_eq!(map.len(), 100);
    }
}
