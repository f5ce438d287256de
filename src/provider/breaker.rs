//! A circuit breaker: a vendor that keeps failing is left alone for a while.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Opens after a row of failures; after a pause it lets one request through to see.
#[derive(Debug)]
pub struct Breaker {
    settings: Settings,
    state: Mutex<State>,
}

/// When a [`Breaker`] opens and for how long.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Failures in a row that open it.
    pub failures: u32,
    /// How long it stays open before one request is let through.
    pub pause: Duration,
}

impl Default for Settings {
    /// Five failures in a row, thirty seconds.
    fn default() -> Self {
        Self { failures: 5, pause: Duration::from_secs(30) }
    }
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, state: Mutex::new(State::Closed { failures: 0 }) }
    }

    /// Whether a request may go out now; if not, how long until one may.
    ///
    /// # Errors
    ///
    /// The time to wait.
    pub fn admit(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.lock();
        match *state {
            State::Closed { .. } => Ok(()),
            State::Open { until } if now < until => Err(until - now),
            // One request is the probe; until it is back, or lost, the others wait.
            State::Open { .. } => {
                *state = State::Open { until: now + self.settings.pause };
                Ok(())
            }
        }
    }

    /// Tells how an admitted request ended.
    pub fn record(&self, ok: bool, now: Instant) {
        let mut state = self.lock();
        *state = match *state {
            _ if ok => State::Closed { failures: 0 },
            State::Closed { failures } if failures + 1 < self.settings.failures => {
                State::Closed { failures: failures + 1 }
            }
            State::Closed { .. } | State::Open { .. } => State::Open { until: now + self.settings.pause },
        };
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_a_row_of_failures_and_probes_with_one_request() {
        let breaker = Breaker::new(Settings { failures: 3, pause: Duration::from_secs(10) });
        let start = Instant::now();
        for _ in 0..2 {
            breaker.record(false, start);
        }
        breaker.record(true, start);
        for _ in 0..3 {
            assert_eq!(breaker.admit(start), Ok(()));
            breaker.record(false, start);
        }
        assert_eq!(breaker.admit(start), Err(Duration::from_secs(10)));

        let later = start + Duration::from_secs(10);
        assert_eq!(breaker.admit(later), Ok(()), "the probe");
        assert!(breaker.admit(later).is_err(), "only one probe");
        breaker.record(false, later);
        assert!(breaker.admit(later + Duration::from_secs(9)).is_err());

        let last = later + Duration::from_secs(10);
        assert_eq!(breaker.admit(last), Ok(()));
        breaker.record(true, last);
        assert_eq!(breaker.admit(last), Ok(()));
        assert_eq!(breaker.admit(last), Ok(()));
    }
}
