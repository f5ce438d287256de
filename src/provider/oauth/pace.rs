//! How often a token endpoint is asked about something that takes its time (RFC 8628, section 3.5; CIBA Core, section 11).

use std::time::{Duration, Instant};

use moka::{ops::compute::Op, sync::Cache};
use sha2::{Digest, Sha256};

/// What is asked about, and how long the server wants to be left alone between two questions.
#[derive(Clone, Copy)]
pub(crate) struct Poll<'a> {
    pub(crate) id: &'a str,
    pub(crate) interval: Duration,
}

impl Poll<'_> {
    fn key(self) -> [u8; 32] {
        Sha256::digest(self.id.as_bytes()).into()
    }
}

/// When each request may be asked about again. It may be lost: then the server says `slow_down`, and that is obeyed.
#[derive(Debug)]
pub(crate) struct Pace(Cache<[u8; 32], Turn>);

#[derive(Clone, Copy, Debug)]
struct Turn {
    interval: Duration,
    next: Instant,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(CAPACITY).time_to_idle(LIFE).build())
    }

    /// Whether a request may be asked about now. Whoever gets a yes asks, and nobody else until that was answered or has taken
    /// longer than `patience`.
    pub(crate) fn take_turn(&self, poll: Poll<'_>, patience: Duration, now: Instant) -> bool {
        let mut ours = false;
        self.0.entry(poll.key()).and_compute_with(|kept| {
            let turn = kept.map_or(Turn { interval: poll.interval, next: now }, |kept| kept.into_value());
            ours = now >= turn.next;
            match ours {
                true => Op::Put(Turn { next: now + turn.interval + patience, ..turn }),
                false => Op::Nop,
            }
        });
        ours
    }

    /// The server has answered: it may be asked again after its interval, which grows when it says `slow_down` (RFC 8628,
    /// section 3.5).
    pub(crate) fn answered(&self, poll: Poll<'_>, slow_down: bool, now: Instant) {
        self.0.entry(poll.key()).and_compute_with(|kept| {
            let interval = kept.map_or(poll.interval, |kept| kept.into_value().interval);
            let interval = if slow_down { interval + SLOWER } else { interval };
            Op::Put(Turn { interval, next: now + interval })
        });
    }

    /// How long it is until the next turn.
    pub(crate) fn left(&self, poll: Poll<'_>, now: Instant) -> Duration {
        self.0.get(&poll.key()).map_or(poll.interval, |turn| turn.next.saturating_duration_since(now))
    }
}

/// By how much `slow_down` lengthens the interval.
const SLOWER: Duration = Duration::from_secs(5);

/// Of how many requests the pace is kept, and for how long after the last question.
const CAPACITY: u64 = 100_000;
const LIFE: Duration = Duration::from_secs(60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_kept_and_slow_down_lengthens_it() {
        let seconds = Duration::from_secs;
        let (pace, start) = (Pace::new(), Instant::now());
        let [poll, other] = ["a", "b"].map(|id| Poll { id, interval: seconds(2) });
        let turn = |at| pace.take_turn(poll, seconds(10), start + seconds(at));
        pace.answered(poll, false, start);
        assert!(!turn(1), "not before the interval has passed");
        assert!(turn(2));
        assert!(!turn(4), "somebody else is asking");
        assert!(pace.take_turn(other, seconds(10), start), "another request has its own pace");
        pace.answered(poll, true, start + seconds(5));
        assert!(!turn(11));
        assert_eq!(pace.left(poll, start + seconds(11)), seconds(1));
        assert!(turn(12), "two and five seconds after the answer");
        pace.answered(poll, true, start + seconds(12));
        assert!(!turn(23), "each slow_down adds five");
        assert!(turn(24));
        // That answer never came.
        assert!(!turn(45));
        assert!(turn(46));
    }
}
