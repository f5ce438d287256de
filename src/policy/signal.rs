//! What others know about a number or a client, and until when it is worth something.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use super::fact::{Kind, Value};

/// What others know of the number or the client: a swapped SIM, a recycled number, a risk score. The application asks them,
/// and says when each answer was given.
///
/// A signal that the policy does not declare is not looked at; one of another type than it declares, one that is older than
/// it allows and one from the future count as missing. `Debug` says which signals there are, not what they say.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use handset::policy::{SignalValue, Signals};
///
/// let now = SystemTime::now();
/// let signals = Signals::new()
///     .with("risk_score", 70, now)
///     .with("recycled", false, now)
///     .with("sim_swapped_at", SignalValue::Ago(Duration::from_secs(86_400)), now);
/// # let _ = signals;
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Signals {
    /// By name, ascending.
    known: Vec<(Box<str>, Signal)>,
}

#[derive(Clone, PartialEq, Eq)]
struct Signal {
    value: SignalValue,
    /// `None` when it is fresh whenever it is asked for.
    observed_at: Option<SystemTime>,
}

/// What a signal says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignalValue {
    /// Yes or no: type `boolean`.
    Flag(bool),
    /// A whole number: type `integer`.
    Number(i64),
    /// When something happened: type `time`. A time that has not come yet is now.
    Time(SystemTime),
    /// How long before it was observed something happened: type `time`, too.
    Ago(Duration),
    /// A word: type `text`.
    Text(String),
}

impl Signals {
    /// No signals.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a signal, or replaces the one of that name.
    #[must_use]
    pub fn with(self, name: impl AsRef<str>, value: impl Into<SignalValue>, observed_at: SystemTime) -> Self {
        self.put(name.as_ref(), Signal { value: value.into(), observed_at: Some(observed_at) })
    }

    /// Adds a signal that is of the very moment at which the policy is asked.
    #[must_use]
    pub fn with_fresh(self, name: impl AsRef<str>, value: impl Into<SignalValue>) -> Self {
        self.put(name.as_ref(), Signal { value: value.into(), observed_at: None })
    }

    fn put(mut self, name: &str, signal: Signal) -> Self {
        match self.position(name) {
            Ok(at) => {
                if let Some((_, known)) = self.known.get_mut(at) {
                    *known = signal;
                }
            }
            Err(at) => self.known.insert(at, (name.into(), signal)),
        }
        self
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.known.binary_search_by(|(known, _)| known.as_ref().cmp(name))
    }

    fn find(&self, name: &str) -> Option<&Signal> {
        let position = self.position(name).ok()?;
        self.known.get(position).map(|(_, signal)| signal)
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.known.iter().map(|(name, _)| name)).finish()
    }
}

impl From<bool> for SignalValue {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<i64> for SignalValue {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<SystemTime> for SignalValue {
    fn from(time: SystemTime) -> Self {
        Self::Time(time)
    }
}

impl From<&str> for SignalValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A signal that the rules of a policy may read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignalDeclaration {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub kind: SignalType,
    /// For how long an answer is worth something.
    pub expires: Duration,
    /// What to take a missing one for in a rule that sends: a place on the line of its values.
    pub(super) riskiest: Option<u128>,
}

/// What the values of a signal are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SignalType {
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// A time, compared by how long ago it is: `{ lt = "3d" }` is less than three days ago.
    Time,
    /// A word.
    Text,
}

impl SignalType {
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Boolean => Kind::Flag,
            Self::Integer => Kind::Number,
            Self::Time => Kind::Age,
            Self::Text => Kind::Text,
        }
    }
}

impl SignalDeclaration {
    /// The signals that every policy knows.
    pub(super) fn built_in() -> Vec<Self> {
        let declare = |name: &str, kind, hours: u64, riskiest| Self {
            name: name.to_owned(),
            kind,
            expires: Duration::from_secs(hours * 3600),
            riskiest: Some(riskiest),
        };
        vec![
            declare("sim_swapped_at", SignalType::Time, 24, Value::age(Duration::ZERO)),
            declare("recycled", SignalType::Boolean, 24, Value::flag(true)),
            declare("forwarding", SignalType::Boolean, 1, Value::flag(true)),
            declare("risk_score", SignalType::Integer, 1, Value::number(i64::MAX)),
        ]
    }

    /// What it says at `now`; `None` when it is missing, too old, from the future or of another type.
    pub(super) fn value<'c>(&self, signals: Option<&'c Signals>, now: Option<SystemTime>) -> Option<Value<'c>> {
        let Signal { value, observed_at } = signals?.find(&self.name)?;
        let asked_at = match observed_at {
            None => now,
            Some(observed) => Some(now.filter(|now| self.is_fresh(*observed, *now))?),
        };
        match (self.kind, value) {
            (SignalType::Boolean, SignalValue::Flag(flag)) => Some(Value::Scalar(Value::flag(*flag))),
            (SignalType::Integer, SignalValue::Number(number)) => Some(Value::Scalar(Value::number(*number))),
            (SignalType::Text, SignalValue::Text(text)) => Some(Value::Word(text)),
            (SignalType::Time, SignalValue::Time(time)) => {
                Some(Value::Scalar(Value::age(asked_at?.duration_since(*time).unwrap_or_default())))
            }
            (SignalType::Time, SignalValue::Ago(ago)) => {
                let since = observed_at.zip(asked_at).and_then(|(observed, now)| now.duration_since(observed).ok());
                Some(Value::Scalar(Value::age(ago.saturating_add(since.unwrap_or_default()))))
            }
            _ => None,
        }
    }

    fn is_fresh(&self, observed: SystemTime, now: SystemTime) -> bool {
        match now.duration_since(observed) {
            Ok(age) => age <= self.expires,
            Err(ahead) => ahead.duration() <= SKEW,
        }
    }
}

/// How far ahead the clock of whoever observed it may be.
const SKEW: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn swap() -> SignalDeclaration {
        SignalDeclaration::built_in().remove(0)
    }

    fn at(hours: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(hours * 3600)
    }

    #[test]
    fn what_is_old_or_from_the_future_or_of_another_type_is_missing() {
        let hours = |n: u64| Some(Value::Scalar(Value::age(Duration::from_secs(n * 3600))));
        for (signals, expected) in [
            (Signals::new().with("sim_swapped_at", at(90), at(99)), hours(10)),
            (Signals::new().with("sim_swapped_at", at(101), at(99)), hours(0)),
            (Signals::new().with("sim_swapped_at", at(10), at(75)), None),
            (Signals::new().with("sim_swapped_at", at(90), at(101)), None),
            (Signals::new().with("sim_swapped_at", SignalValue::Ago(Duration::from_secs(3600)), at(98)), hours(3)),
            (Signals::new().with_fresh("sim_swapped_at", SignalValue::Ago(Duration::from_secs(3600))), hours(1)),
            (Signals::new().with_fresh("sim_swapped_at", true), None),
            (Signals::new().with_fresh("recycled", true), None),
        ] {
            assert_eq!(
                swap().value(Some(&signals), Some(at(100))),
                expected,
                "{:?}",
                signals.known.first().map(|k| &k.1.value)
            );
        }
        let observed = Signals::new().with("sim_swapped_at", at(90), at(99));
        assert_eq!(swap().value(Some(&observed), None), None, "nobody knows how old it is");
        assert_eq!(swap().value(None, Some(at(100))), None);
    }

    #[test]
    fn the_last_word_of_a_signal_counts_and_debug_does_not_show_it() {
        let signals = Signals::new().with_fresh("b", 1).with_fresh("a", 2).with_fresh("b", 4711);
        assert_eq!(signals, Signals::new().with_fresh("a", 2).with_fresh("b", 4711));
        assert_eq!(format!("{signals:?}"), r#"{"a", "b"}"#);
    }
}
