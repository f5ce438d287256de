//! The requests that a rate limit counts.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// When requests were served, by vendor and, where a number has a limit of its own, by number.
#[derive(Default)]
pub(super) struct Counter(Mutex<BTreeMap<Name, VecDeque<Instant>>>);

/// Who has a limit.
pub(super) type Name = (&'static str, Option<String>);

impl Counter {
    /// Counts a request that comes now. One too many is not counted, and gets the wait until there is room.
    pub(super) fn admit(&self, name: Name, requests: u32, per: Duration, now: Instant) -> Option<Duration> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let served = counted.entry(name).or_default();
        served.retain(|at| now.saturating_duration_since(*at) < per);
        if u32::try_from(served.len()).is_ok_and(|served| served < requests) {
            served.push_back(now);
            return None;
        }
        Some(served.front().map_or(per, |first| (*first + per).saturating_duration_since(now)))
    }

    /// Begins anew.
    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_served_in_so_much_time() {
        let (counter, start, per) = (Counter::default(), Instant::now(), Duration::from_secs(60));
        let ask = |name, second| counter.admit((name, None), 2, per, start + Duration::from_secs(second));
        assert_eq!(ask("citcall", 0), None);
        assert_eq!(ask("citcall", 20), None);
        assert_eq!(ask("citcall", 30), Some(Duration::from_secs(30)));
        assert_eq!(ask("zadarma", 30), None, "each vendor for itself");
        assert_eq!(ask("citcall", 59), Some(Duration::from_secs(1)), "what was refused does not count");
        assert_eq!(ask("citcall", 60), None);
        assert_eq!(ask("citcall", 61), Some(Duration::from_secs(19)));
        counter.clear();
        assert_eq!(ask("citcall", 61), None);
    }

    #[test]
    fn none_may_be_too_many() {
        let per = Duration::from_secs(7);
        assert_eq!(Counter::default().admit(("citcall", None), 0, per, Instant::now()), Some(per));
    }
}
