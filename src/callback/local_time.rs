//! The time of a vendor that does not say in which zone.
//!
//! Every zone is ahead of or behind UTC by a multiple of fifteen minutes, from 12 hours behind to 14 ahead. So of what happened in
//! the last quarter of an hour the time is known to the second, and of anything older how recent it can be at most.

use std::time::{Duration, SystemTime};

/// The latest time up to `until` that `2024-10-23 16:00:47` can be, in whatever zone it was written; `None` when it is no time,
/// or later than `until` in every zone.
///
/// It is the true one for what happened less than fifteen minutes before `until`, and never before the true one for anything
/// else: who refuses what it says to be too old refuses nothing that is recent.
pub(crate) fn latest(text: &str, until: SystemTime) -> Option<SystemTime> {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { 'd' } else { c }).collect();
    let written = humantime::parse_rfc3339_weak(text).ok().filter(|_| shape == "dddd-dd-dd dd:dd:dd")?;
    let in_the_last_zone = written.checked_sub(QUARTER * AHEAD)?;
    (0..=BEHIND + AHEAD).filter_map(|zone| in_the_last_zone.checked_add(QUARTER * zone)).filter(|at| *at <= until).max()
}

/// How far another machine's clock may differ from ours, the fractions of a second that nobody wrote included.
pub(crate) const SKEW: Duration = Duration::from_secs(10);

/// For how long after it happened something can be taken for recent, because its zone is not known.
pub(crate) const MEMORY: Duration = Duration::from_secs(27 * 60 * 60);

const QUARTER: Duration = Duration::from_secs(15 * 60);

/// The zone furthest ahead, in quarters of an hour: +14:00.
const AHEAD: u32 = 14 * 4;

/// The zone furthest behind: -12:00.
const BEHIND: u32 = 12 * 4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> SystemTime {
        humantime::parse_rfc3339_weak(text).unwrap()
    }

    fn written(at: SystemTime, quarters: i64) -> String {
        let ahead = QUARTER * u32::try_from(quarters.unsigned_abs()).unwrap();
        let local = if quarters < 0 { at - ahead } else { at + ahead };
        humantime::format_rfc3339_seconds(local).to_string().replace('T', " ").replace('Z', "")
    }

    #[test]
    fn what_is_no_time_or_still_to_come_everywhere_is_refused() {
        let now = at("2024-10-23 16:00:47");
        for text in [
            "",
            "yesterday",
            "2024-10-23",
            "2024-13-23 16:00:47",
            "2024-10-23T16:00:47",
            "2024-10-23 16:00:47Z",
            "2024-10-23 16:00:47.5",
            "2024-10-24 06:00:48",
        ] {
            assert_eq!(latest(text, now), None, "{text}");
        }
        assert_eq!(latest("2024-10-24 06:00:47", now), Some(now), "in the zone furthest ahead");
        assert_eq!(latest("2024-10-23 16:00:48", now), Some(now - QUARTER + Duration::from_secs(1)));
        assert_eq!(latest("2024-10-22 16:00:47", now), Some(at("2024-10-23 04:00:47")), "a day ago");
    }

    proptest! {
        #[test]
        fn the_last_quarter_of_an_hour_is_known_in_every_zone(zone in -48_i64..=56, age in 0..900_u64) {
            let now = at("2026-11-23 02:50:13");
            let truth = now - Duration::from_secs(age);
            prop_assert_eq!(latest(&written(truth, zone), now), Some(truth));
        }

        #[test]
        fn nothing_is_taken_for_older_than_it_is(zone in -48_i64..=56, age in 0..1_000_000_u64) {
            let now = at("2026-11-23 02:50:13");
            let truth = now - Duration::from_secs(age);
            let latest = latest(&written(truth, zone), now).unwrap();
            prop_assert!(truth <= latest && latest <= now);
            prop_assert!(age < MEMORY.as_secs() || latest < now - Duration::from_secs(900));
        }
    }
}
