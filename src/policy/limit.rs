//! How often something may happen, and what is counted together.

use std::{fmt, num::NonZeroU32, str::FromStr, time::Duration};

use serde::Deserialize;

use crate::{
    error::{Error, ErrorKind},
    ids::RuleName,
};

/// So many in so long: `5/1d` is five a day.
///
/// The count is 1 to 1,000,000; the period is 1 second to 31 days, in whole seconds.
///
/// ```
/// use std::time::Duration;
/// use handset::policy::Quota;
///
/// let quota: Quota = "5/1d".parse()?;
/// assert_eq!(quota.count().get(), 5);
/// assert_eq!(quota.per(), Duration::from_secs(86_400));
/// assert_eq!(quota.to_string(), "5/1d");
/// assert!("0/1d".parse::<Quota>().is_err());
/// # Ok::<(), handset::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    count: NonZeroU32,
    per: Duration,
}

impl Quota {
    /// So many per period.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when the count or the period is out of its range.
    pub fn new(count: NonZeroU32, per: Duration) -> Result<Self, Error> {
        if count.get() > Self::MAX_COUNT {
            return Err(invalid("the count of a quota is 1 to 1000000"));
        }
        check_duration(per, Self::MAX_PER).map_err(invalid)?;
        Ok(Self { count, per })
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> NonZeroU32 {
        self.count
    }

    /// In how long.
    #[must_use]
    pub fn per(&self) -> Duration {
        self.per
    }

    /// How many fit into so many seconds at most: all at once, and then one after the other as they come back.
    pub(super) fn most_within(&self, seconds: u64) -> u64 {
        let (count, per) = (u64::from(self.count.get()), self.per.as_secs().max(1));
        // Of those that come back, one that does so at the very end is too late.
        count.saturating_add(seconds.saturating_mul(count).div_ceil(per).saturating_sub(1))
    }

    /// The longest period: 31 days. What is counted longer would have to be kept longer.
    pub const MAX_PER: Duration = Duration::from_secs(31 * DAY);

    /// The largest count.
    pub const MAX_COUNT: u32 = 1_000_000;

    const fn built_in(count: NonZeroU32, seconds: u64) -> Self {
        Self { count, per: Duration::from_secs(seconds) }
    }

    /// Wrong answers that a file without `[budget]` allows: ten an hour.
    pub(super) const DEFAULT_BUDGET: Self = Self::built_in(TEN, HOUR);

    /// Starts of a test number that a file does not limit otherwise.
    pub(super) const TEST_NUMBERS: Self = Self::built_in(THIRTY, HOUR);
}

impl FromStr for Quota {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (count, per) = text.split_once('/').ok_or_else(|| invalid("a quota is a count, `/` and a period"))?;
        let digits = count.bytes().all(|b| b.is_ascii_digit());
        let count = digits.then(|| count.parse().ok()).flatten();
        let count = count.ok_or_else(|| invalid("the count of a quota is 1 to 1000000"))?;
        Self::new(count, parse_duration(per, Self::MAX_PER).map_err(invalid)?)
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, Shown(self.per))
    }
}

/// A quota and what it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limit {
    /// Its name in the file.
    pub name: RuleName,
    /// What is counted.
    pub on: On,
    /// What is counted together: events with the same values of all of these share one quota. Never empty.
    pub key: Vec<KeyPart>,
    /// How many in how long.
    pub quota: Quota,
}

impl Limit {
    /// A limit by hand, for tests.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn new(name: &str, on: On, key: Vec<KeyPart>, quota: Quota) -> Self {
        Self { name: RuleName::new(name), on, key, quota }
    }

    /// The limits of a file without `[[limit]]`.
    pub(super) fn built_in() -> Vec<Self> {
        use {KeyPart::*, On::*};
        [
            ("sends per number and hour", Start, Phone, Quota::built_in(FIVE, HOUR)),
            ("sends per number and day", Start, Phone, Quota::built_in(TEN, DAY)),
            ("sends per subject", Start, Subject, Quota::built_in(TEN, HOUR)),
            ("sends per network", Start, Ip, Quota::built_in(TWENTY, HOUR)),
            ("answers per subject", Answer, Subject, Quota::built_in(THIRTY, 10 * MINUTE)),
        ]
        .into_iter()
        .map(|(name, on, key, quota)| Self { name: RuleName::new(name), on, key: vec![key], quota })
        .collect()
    }
}

/// The event that a [`Limit`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum On {
    /// A call, message or redirect is about to be ordered.
    Start,
    /// An answer has been handed in. Of the check only its subject is known, so the key is of `subject`, `ip` and `global`.
    Answer,
    /// A vendor's server calls. Nothing is known of the check yet, so the key is of `ip`, `provider` and `global` only.
    Callback,
}

/// One part of the key of a [`Limit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeyPart {
    /// The phone number.
    Phone,
    /// The block of numbers that the phone number is in.
    Prefix,
    /// The region of the phone number.
    Region,
    /// The account or pre-session.
    Subject,
    /// The client's network address.
    Ip,
    /// What the subject is trying to do.
    Action,
    /// The vendor.
    Provider,
    /// Everything together. Stands alone.
    Global,
}

impl KeyPart {
    /// Whether it is known when `on` happens; a limit on what is not known would count nothing.
    pub(super) fn is_known(self, on: On) -> bool {
        match on {
            On::Start => true,
            // The check is sealed until an attempt is reserved, and the limiter is asked before that.
            On::Answer => matches!(self, Self::Subject | Self::Ip | Self::Global),
            On::Callback => matches!(self, Self::Ip | Self::Provider | Self::Global),
        }
    }
}

/// Shows a length of time in the largest unit that it is a whole number of.
#[derive(Debug)]
pub(super) struct Shown(pub(super) Duration);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let units = [(DAY, 'd'), (HOUR, 'h'), (MINUTE, 'm')];
        let (length, unit) = units.into_iter().find(|(length, _)| seconds.is_multiple_of(*length)).unwrap_or((1, 's'));
        write!(f, "{}{unit}", seconds / length)
    }
}

/// Reads a length of time such as `5m`: at least a second, at most `max`, in whole seconds.
pub(super) fn parse_duration(text: &str, max: Duration) -> Result<Duration, &'static str> {
    let duration = humantime::parse_duration(text)
        .map_err(|_| "a length of time is a number and a unit, such as `30s`, `5m`, `1h` or `1d`")?;
    check_duration(duration, max)
}

fn check_duration(duration: Duration, max: Duration) -> Result<Duration, &'static str> {
    if duration.is_zero() || duration.subsec_nanos() != 0 {
        return Err("a length of time is at least one second, in whole seconds");
    }
    if duration > max {
        return Err("the length of time is too long");
    }
    Ok(duration)
}

fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

const FIVE: NonZeroU32 = NonZeroU32::MIN.saturating_add(4);
const TEN: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);
const TWENTY: NonZeroU32 = NonZeroU32::MIN.saturating_add(19);
const THIRTY: NonZeroU32 = NonZeroU32::MIN.saturating_add(29);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_shown_in_the_largest_whole_unit() {
        for (text, shown) in
            [("5/1d", "5/1d"), ("5/24h", "5/1d"), ("30/600s", "30/10m"), ("1/90m", "1/90m"), ("7/59s", "7/59s")]
        {
            assert_eq!(text.parse::<Quota>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_would_never_or_always_limit_is_refused() {
        for bad in [
            "",
            "5",
            "5/",
            "/1d",
            "0/1d",
            "+5/1d",
            "-5/1d",
            "5/0s",
            "5/100ms",
            "5/1500ms",
            "5/32d",
            "5/1y",
            "1000001/1s",
        ] {
            assert!(bad.parse::<Quota>().is_err(), "{bad}");
        }
    }

    #[test]
    fn built_in_limits_are_those_of_the_documentation() {
        let shown: Vec<String> =
            Limit::built_in().iter().map(|l| format!("{:?} {:?} {}", l.on, l.key, l.quota)).collect();
        assert_eq!(
            shown,
            [
                "Start [Phone] 5/1h",
                "Start [Phone] 10/1d",
                "Start [Subject] 10/1h",
                "Start [Ip] 20/1h",
                "Answer [Subject] 30/10m"
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn a_quota_survives_its_text_form(count in 1..=Quota::MAX_COUNT, seconds in 1..=31 * DAY) {
            let quota = Quota::new(NonZeroU32::new(count).unwrap(), Duration::from_secs(seconds)).unwrap();
            proptest::prop_assert_eq!(quota.to_string().parse::<Quota>().unwrap(), quota);
        }

        #[test]
        fn any_text_is_a_quota_or_is_refused(text in "[0-9]{0,12}/?[0-9.]{0,25}[a-zM ]{0,4}") {
            if let Ok(quota) = text.parse::<Quota>() {
                proptest::prop_assert!(quota.count().get() <= Quota::MAX_COUNT && quota.per() <= Quota::MAX_PER);
            }
        }
    }
}
