//! A failure budget: an exact log of when answers were wrong, so that no window has a seam.

use std::{
    collections::VecDeque,
    time::{Duration, SystemTime},
};

use crate::policy::Quota;

/// The times of the last failures; never more than twice what the quota counts, which is at most 100.
#[derive(Debug, Default)]
pub(super) struct Failures {
    times: VecDeque<SystemTime>,
    stale_at: Option<SystemTime>,
}

impl Failures {
    /// How long until one more failure fits the quota, or `None` when it fits now.
    pub(super) fn wait(&self, quota: Quota, now: SystemTime) -> Option<Duration> {
        let count = quota.count().get() as usize;
        // The oldest of the last `count` failures has to be out of the window.
        let oldest = self.times.len().checked_sub(count).and_then(|index| self.times.get(index))?;
        (*oldest + quota.per()).duration_since(now).ok().filter(|wait| !wait.is_zero())
    }

    /// How many of them are still in the window.
    pub(super) fn count(&self, quota: Quota, now: SystemTime) -> u32 {
        let recent = self.times.iter().filter(|at| **at + quota.per() > now).count();
        u32::try_from(recent).unwrap_or(u32::MAX).min(quota.count().get())
    }

    pub(super) fn push(&mut self, quota: Quota, now: SystemTime) {
        self.times.push_back(now);
        // A first attempt is charged to a number whose budget is spent. What that pushes out of the count is there again when the
        // attempt is refunded.
        while self.times.len() > 2 * quota.count().get() as usize {
            self.times.pop_front();
        }
        self.stale_at = Some(now + quota.per());
    }

    /// Takes back the last failure.
    pub(super) fn pop(&mut self) {
        self.times.pop_back();
    }

    pub(super) fn is_stale(&self, now: SystemTime) -> bool {
        self.stale_at.is_none_or(|at| at <= now)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However failures are spread, no window of the quota's length holds more of them than it counts.
        #[test]
        fn no_window_holds_more_than_the_quota(
            count in 1_u32..8,
            gaps in proptest::collection::vec(0_u64..40, 1..60),
        ) {
            let quota = Quota::new(count.try_into().unwrap(), Duration::from_secs(60)).unwrap();
            let mut failures = Failures::default();
            let mut now = SystemTime::UNIX_EPOCH;
            let mut taken: Vec<SystemTime> = Vec::new();
            for gap in gaps {
                now += Duration::from_secs(gap);
                match failures.wait(quota, now) {
                    None => {
                        failures.push(quota, now);
                        taken.push(now);
                    }
                    Some(wait) => {
                        // The promise is exact: at the end of the wait it fits, a moment before it does not.
                        prop_assert_eq!(failures.wait(quota, now + wait), None);
                        prop_assert!(failures.wait(quota, now + wait - Duration::from_millis(1)).is_some());
                    }
                }
            }
            for start in &taken {
                let within = taken.iter().filter(|at| *at >= start && at.duration_since(*start).unwrap() < quota.per());
                prop_assert!(within.count() <= count as usize);
            }
        }
    }
}
