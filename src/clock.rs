//! Where the time comes from: one trait at the edge, `now` as an argument everywhere else.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

/// Tells the time.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> SystemTime;
}

/// The computer's own clock.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// One look at the clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// The time, never earlier than any time read before.
    pub(crate) now: SystemTime,
    /// Whether the clock stands behind what it has already shown.
    pub(crate) went_back: bool,
}

/// A clock that never runs backwards, whatever the one underneath does.
///
/// When the clock underneath jumps back by more than [`TOLERANCE`], the highest time seen stays in force, so that no
/// budget is reset and no code revived, and the reading says so, so that nothing new is started on a clock that lies.
#[derive(Debug)]
pub(crate) struct SteadyClock {
    inner: Arc<dyn Clock>,
    /// The highest time seen, in nanoseconds since the Unix epoch: enough for five centuries.
    highest: AtomicU64,
}

impl SteadyClock {
    pub(crate) fn new(inner: Arc<dyn Clock>) -> Self {
        let highest = AtomicU64::new(nanoseconds(inner.now()));
        Self { inner, highest }
    }

    pub(crate) fn read(&self) -> Reading {
        let shown = nanoseconds(self.inner.now());
        let highest = self.highest.fetch_max(shown, Ordering::Relaxed).max(shown);
        let went_back = Duration::from_nanos(highest - shown) > TOLERANCE;
        Reading { now: SystemTime::UNIX_EPOCH + Duration::from_nanos(highest), went_back }
    }
}

fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// How far a clock may step back before it counts as lying; time daemons slew by less.
const TOLERANCE: Duration = Duration::from_secs(2);

/// A clock that stands still until it is moved. For tests.
///
/// ```
/// use std::time::Duration;
/// use handset::clock::{Clock, ManualClock};
///
/// let clock = ManualClock::default();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now().duration_since(before)?, Duration::from_secs(60));
/// # Ok::<(), std::time::SystemTimeError>(())
/// ```
#[cfg(any(test, feature = "testing"))]
#[derive(Clone, Debug)]
pub struct ManualClock {
    /// Nanoseconds since the Unix epoch.
    now: Arc<AtomicU64>,
}

#[cfg(any(test, feature = "testing"))]
impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn new(now: SystemTime) -> Self {
        Self { now: Arc::new(AtomicU64::new(nanoseconds(now))) }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.now.fetch_add(nanoseconds(SystemTime::UNIX_EPOCH + by), Ordering::Relaxed);
    }

    /// Moves the clock back, as a broken time server would.
    pub fn go_back(&self, by: Duration) {
        self.now.fetch_sub(nanoseconds(SystemTime::UNIX_EPOCH + by), Ordering::Relaxed);
    }
}

#[cfg(any(test, feature = "testing"))]
impl Default for ManualClock {
    /// Starts at the real time, so that what a test makes is not a relic to other clocks.
    fn default() -> Self {
        Self::new(SystemTime::now())
    }
}

#[cfg(any(test, feature = "testing"))]
impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(self.now.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b7_time_never_runs_backwards_and_a_jump_is_told() {
        let manual = ManualClock::default();
        let clock = SteadyClock::new(Arc::new(manual.clone()));
        let first = clock.read();
        assert!(!first.went_back);

        manual.go_back(Duration::from_secs(3600));
        let second = clock.read();
        assert_eq!(second.now, first.now);
        assert!(second.went_back);

        manual.advance(Duration::from_secs(3601));
        let third = clock.read();
        assert!(third.now > first.now);
        assert!(!third.went_back);
    }

    #[test]
    fn a_small_step_back_is_ordinary() {
        let manual = ManualClock::default();
        let clock = SteadyClock::new(Arc::new(manual.clone()));
        manual.go_back(Duration::from_secs(1));
        assert!(!clock.read().went_back);
    }
}
