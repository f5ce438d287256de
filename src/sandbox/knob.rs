//! How the emulators misbehave, for every number or for one.

use std::{
    collections::BTreeMap,
    fmt, mem,
    sync::{PoisonError, RwLock},
    time::Duration,
};

use http::HeaderValue;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{
    error::{Error, ErrorKind, Result},
    sandbox::handset::inbox,
};

/// One way in which a vendor or a call is out of the ordinary. `Debug` shows the name only, for an ending is a code.
///
/// The JSON form is the name and a value, or `true` where there is none: `{"latency": 250, "not_answered": true}`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Knob {
    /// Waits before it answers; milliseconds in JSON.
    #[serde(with = "millis")]
    Latency(Duration),
    /// Lets calls ring for this long, 8 seconds by default; milliseconds in JSON. At zero a call is missed at once.
    #[serde(with = "millis")]
    RingTime(Duration),
    /// Takes the order, but no call reaches the handset.
    NotAnswered,
    /// Calls from a number that ends in these four digits.
    CallerEnding(String),
    /// Writes ids, caller numbers and codes as JSON strings.
    IdsAsStrings,
    /// Lets access tokens live for this long, an hour by default, and operator tokens and CIBA requests, if that is shorter than
    /// their own time; milliseconds in JSON, told in whole seconds.
    #[serde(with = "millis")]
    TokenLifetime(Duration),
    /// Spoils the callbacks that vendors sign.
    Callback(CallbackFault),
    /// Reports the end of a call that asked for a key as `NOTIFY_OUT_END`, which Zadarma's pages tell of, not as the
    /// `NOTIFY_END` that they show.
    NotifyOutEnd,
    /// Names the called number in its national form in Zadarma's callbacks, not in E.164.
    NationalNumbers,
    /// The time zone of Zadarma's account: minutes ahead of UTC, 0 by default, -720 to 840 in quarters of an hour.
    UtcOffset(i16),
    /// Refuses with the vendor's error body. No call is made.
    ErrorCode {
        /// The vendor's own number of the error.
        code: i64,
        /// The HTTP status, 400 to 599.
        status: u16,
    },
    /// Answers 500 with a plain text. No call is made.
    #[serde(rename = "http_500")]
    Http500,
    /// Answers 200 with a web page. No call is made.
    Html,
    /// Answers 307 to this URL. No call is made.
    Redirect(String),
    /// Takes the request and never answers. No call is made.
    TimeOut,
    /// Makes the call, and cuts its JSON answer short.
    WrongJson,
    /// Makes the call, and blows its JSON answer up to 2 MiB.
    BigBody,
    /// Makes the call, and hangs up in the middle of the answer.
    DropConnection,
    /// What an operator does with a device that comes without mobile data.
    OverWifi(OverWifi),
    /// Whom an operator asks when a CIBA request names a number.
    Backchannel(Backchannel),
    /// How long a client has to leave a CIBA request alone between two questions, 2 seconds by default; milliseconds in JSON,
    /// told in whole seconds.
    #[serde(with = "millis")]
    PollInterval(Duration),
    /// Answers the first question about a CIBA request with `slow_down`.
    SlowDown,
}

/// What an operator does with a device that comes without mobile data, so that its SIM is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OverWifi {
    /// Sends it back with an error. The default.
    #[default]
    Refuse,
    /// Gives it a code and a token, and answers the question with 403.
    Forbid,
    /// Says yes to numbers that end in 1, no to those that end in 2, and anything to others, as a vendor's mock mode does.
    Mock,
}

/// Whom an operator asks when a CIBA request names a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Backchannel {
    /// The person with that phone, and waits for the answer. The default.
    #[default]
    Ask,
    /// The same, who says yes at once.
    Approve,
    /// The same, who says no at once.
    Deny,
    /// Nobody: it gives a token, and answers the question whose SIM that is with 403.
    Nobody,
}

impl Knob {
    fn check(&self) -> Result<()> {
        let wrong = match self {
            Self::CallerEnding(ending) if ending.len() != 4 || !ending.bytes().all(|b| b.is_ascii_digit()) => {
                "`caller_ending` has four digits"
            }
            Self::Redirect(url) if HeaderValue::from_str(url).is_err() => "`redirect` is a URL",
            Self::UtcOffset(minutes) if !(-720..=840).contains(minutes) || minutes % 15 != 0 => {
                "`utc_offset` is -720 to 840 minutes, in quarters of an hour"
            }
            Self::ErrorCode { code: 0, .. } => "`code` 0 would mean success",
            Self::ErrorCode { status, .. } if !(400..=599).contains(status) => "`status` is 400 to 599",
            Self::Latency(wait) | Self::RingTime(wait) | Self::TokenLifetime(wait) | Self::PollInterval(wait)
                if *wait > LONGEST =>
            {
                "no wait is longer than an hour"
            }
            _ => return Ok(()),
        };
        Err(Error::new(ErrorKind::InvalidInput, wrong))
    }

    /// The JSON form: name and value.
    fn to_entry(&self) -> Option<(String, Value)> {
        match serde_json::to_value(self).ok()? {
            Value::String(name) => Some((name, Value::Bool(true))),
            Value::Object(entry) => entry.into_iter().next(),
            _ => None,
        }
    }

    /// Reads a name and a value; `Ok(None)` for a knob that is written as off.
    fn from_entry(name: String, value: Value) -> Result<Option<Self>> {
        let value = match value {
            Value::Bool(false) => return Ok(None),
            // What serde expects beside the name of a variant without a value.
            Value::Bool(true) => Value::Null,
            value => value,
        };
        let knob: Self = serde_json::from_value(Value::Object(Map::from_iter([(name.clone(), value)])))
            .map_err(|wrong| Error::new(ErrorKind::InvalidInput, format!("`{name}`: {wrong}")))?;
        knob.check()?;
        Ok(Some(knob))
    }
}

impl fmt::Debug for Knob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_entry().as_ref().map_or("knob", |(name, _)| name))
    }
}

/// What is wrong with a vendor's callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CallbackFault {
    /// It is not sent.
    None,
    /// It is sent twice.
    Duplicate,
    /// It says something else than what was signed: the opposite, or another number.
    Forged,
    /// It was signed ten minutes ago.
    Late,
}

/// Whose requests a knob is for.
#[derive(Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "one number or every number: there is nothing between")]
pub enum Scope<'a> {
    /// Every number.
    All,
    /// One number, with or without `+`, or one e-mail address.
    Number(&'a str),
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "All",
            Self::Number(_) => "Number([redacted])",
        })
    }
}

/// The knobs that are turned. A number's own knob goes before the same knob for all.
#[derive(Default)]
pub struct Knobs(RwLock<Settings>);

#[derive(Default)]
struct Settings {
    all: Vec<Knob>,
    numbers: BTreeMap<String, Vec<Knob>>,
}

impl Knobs {
    /// Turns a knob, in place of the same knob's earlier value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when the value is out of range: a caller's ending that is not four digits, a redirect
    /// that fits no header, an error code of 0 or with a status that is none, a time zone that is none, a wait of more than an hour.
    pub fn set(&self, scope: Scope<'_>, knob: Knob) -> Result<()> {
        knob.check()?;
        let mut settings = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let knobs = settings.of(scope);
        knobs.retain(|old| mem::discriminant(old) != mem::discriminant(&knob));
        knobs.push(knob);
        Ok(())
    }

    /// Turns every knob of a scope back. Those of single numbers stay when the scope is [`Scope::All`].
    pub fn clear(&self, scope: Scope<'_>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).of(scope).clear();
    }

    /// Turns every knob back, those of single numbers too.
    pub fn reset(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Settings::default();
    }

    /// Puts the knobs of a JSON object in place of those of a scope; all of them or, if one is wrong, none.
    pub(super) fn replace(&self, scope: Scope<'_>, knobs: Map<String, Value>) -> Result<()> {
        let knobs: Vec<Option<Knob>> =
            knobs.into_iter().map(|(name, value)| Knob::from_entry(name, value)).collect::<Result<_>>()?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner).of(scope) = knobs.into_iter().flatten().collect();
        Ok(())
    }

    /// Everything that is turned, as `{"all": {..}, "numbers": {"+371..": {..}}}`.
    pub(super) fn to_json(&self) -> Value {
        let object = |knobs: &Vec<Knob>| Value::Object(knobs.iter().filter_map(Knob::to_entry).collect());
        let settings = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let numbers: Map<_, _> =
            settings.numbers.iter().map(|(number, knobs)| (number.clone(), object(knobs))).collect();
        serde_json::json!({ "all": object(&settings.all), "numbers": numbers })
    }

    /// What holds for a request about a number, or about none that is known.
    pub(super) fn dials(&self, number: Option<&str>) -> Dials {
        let settings = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let own = number.and_then(|number| settings.numbers.get(number)).into_iter().flatten();
        Dials(own.chain(&settings.all).cloned().collect())
    }
}

impl fmt::Debug for Knobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = self.0.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Knobs").field("all", &settings.all).finish_non_exhaustive()
    }
}

impl Settings {
    fn of(&mut self, scope: Scope<'_>) -> &mut Vec<Knob> {
        match scope {
            Scope::All => &mut self.all,
            Scope::Number(number) => self.numbers.entry(inbox(number)).or_default(),
        }
    }
}

/// The knobs that hold for one request, the number's own first.
pub(super) struct Dials(Vec<Knob>);

impl Dials {
    pub(super) fn latency(&self) -> Duration {
        self.find(|knob| if let Knob::Latency(wait) = knob { Some(*wait) } else { None }).unwrap_or_default()
    }

    pub(super) fn ring_time(&self) -> Duration {
        self.find(|knob| if let Knob::RingTime(wait) = knob { Some(*wait) } else { None }).unwrap_or(RING_TIME)
    }

    pub(super) fn token_lifetime(&self) -> Duration {
        self.find(|knob| if let Knob::TokenLifetime(life) = knob { Some(*life) } else { None }).unwrap_or(LONGEST)
    }

    /// Minutes ahead of UTC.
    pub(super) fn utc_offset(&self) -> i16 {
        self.find(|knob| if let Knob::UtcOffset(minutes) = knob { Some(*minutes) } else { None }).unwrap_or_default()
    }

    pub(super) fn callback(&self) -> Option<CallbackFault> {
        self.find(|knob| if let Knob::Callback(fault) = knob { Some(*fault) } else { None })
    }

    pub(super) fn caller_ending(&self) -> Option<&str> {
        self.find(|knob| if let Knob::CallerEnding(ending) = knob { Some(ending.as_str()) } else { None })
    }

    pub(super) fn error_code(&self) -> Option<(i64, u16)> {
        self.find(|knob| if let Knob::ErrorCode { code, status } = knob { Some((*code, *status)) } else { None })
    }

    #[cfg(feature = "open-gateway")]
    pub(super) fn over_wifi(&self) -> OverWifi {
        self.find(|knob| if let Knob::OverWifi(does) = knob { Some(*does) } else { None }).unwrap_or_default()
    }

    #[cfg(feature = "open-gateway")]
    pub(super) fn backchannel(&self) -> Backchannel {
        self.find(|knob| if let Knob::Backchannel(does) = knob { Some(*does) } else { None }).unwrap_or_default()
    }

    #[cfg(feature = "open-gateway")]
    pub(super) fn poll_interval(&self) -> Duration {
        self.find(|knob| if let Knob::PollInterval(wait) = knob { Some(*wait) } else { None }).unwrap_or(POLL_INTERVAL)
    }

    pub(super) fn has(&self, knob: &Knob) -> bool {
        self.0.contains(knob)
    }

    pub(super) fn find<'a, T: 'a>(&'a self, pick: impl Fn(&'a Knob) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(pick)
    }
}

/// A duration as whole milliseconds.
mod millis {
    use super::*;

    pub(super) fn serialize<S: Serializer>(wait: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

/// How long a call rings when no knob says otherwise.
const RING_TIME: Duration = Duration::from_secs(8);

/// How long a client leaves a request alone when no knob says otherwise.
#[cfg(feature = "open-gateway")]
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// The longest wait that can be asked for.
const LONGEST: Duration = Duration::from_secs(60 * 60);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn replace(knobs: &Knobs, scope: Scope<'_>, json: Value) -> Result<()> {
        let Value::Object(json) = json else { panic!("not an object") };
        knobs.replace(scope, json)
    }

    #[test]
    fn json_goes_in_and_comes_out() {
        let knobs = Knobs::default();
        let all = json!({
            "latency": 250, "ring_time": 0, "not_answered": true, "caller_ending": "0042", "ids_as_strings": true,
            "token_lifetime": 60_000, "callback": "forged",
            "error_code": { "code": 7, "status": 402 }, "http_500": true, "html": true, "redirect": "/away",
            "time_out": true, "wrong_json": true, "big_body": true, "drop_connection": true, "over_wifi": "forbid",
            "notify_out_end": true, "national_numbers": true, "utc_offset": -210,
            "backchannel": "nobody", "poll_interval": 1_000, "slow_down": true,
        });
        replace(&knobs, Scope::All, all.clone()).unwrap();
        replace(&knobs, Scope::Number("371 26123456"), json!({ "html": true, "http_500": false })).unwrap();
        assert_eq!(knobs.to_json(), json!({ "all": all, "numbers": { "+37126123456": { "html": true } } }));
    }

    #[test]
    fn a_wrong_knob_changes_nothing_and_says_what_is_wrong() {
        let knobs = Knobs::default();
        for (wrong, word) in [
            (json!({ "html": true, "hmtl": true }), "hmtl"),
            (json!({ "caller_ending": 42 }), "string"),
            (json!({ "caller_ending": "42" }), "four digits"),
            (json!({ "latency": -1 }), "latency"),
            (json!({ "latency": 3_600_001 }), "hour"),
            (json!({ "latency": true }), "latency"),
            (json!({ "not_answered": 1 }), "not_answered"),
            (json!({ "redirect": "a\nb" }), "redirect"),
            (json!({ "utc_offset": 7 }), "quarters"),
            (json!({ "utc_offset": 855 }), "840"),
            (json!({ "error_code": { "code": 0, "status": 400 } }), "success"),
            (json!({ "error_code": { "code": 1, "status": 200 } }), "status"),
        ] {
            let error = replace(&knobs, Scope::All, wrong.clone()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(word), "{wrong}: {error}");
        }
        assert_eq!(knobs.to_json(), json!({ "all": {}, "numbers": {} }));
    }

    #[test]
    fn a_numbers_own_knob_goes_first() {
        let knobs = Knobs::default();
        knobs.set(Scope::All, Knob::CallerEnding("1111".into())).unwrap();
        knobs.set(Scope::All, Knob::IdsAsStrings).unwrap();
        knobs.set(Scope::Number("+37126123456"), Knob::CallerEnding("2222".into())).unwrap();
        knobs.set(Scope::Number("37126123456"), Knob::CallerEnding("3333".into())).unwrap();

        let own = knobs.dials(Some("+37126123456"));
        assert_eq!(own.caller_ending(), Some("3333"));
        assert!(own.has(&Knob::IdsAsStrings));
        assert_eq!(knobs.dials(None).caller_ending(), Some("1111"));

        knobs.clear(Scope::Number("+37126123456"));
        assert_eq!(knobs.dials(Some("+37126123456")).caller_ending(), Some("1111"));
        knobs.reset();
        assert_eq!(knobs.dials(Some("+37126123456")).caller_ending(), None);
    }

    #[test]
    fn debug_shows_no_ending_and_no_number() {
        let knobs = Knobs::default();
        knobs.set(Scope::All, Knob::CallerEnding("0042".into())).unwrap();
        assert_eq!(format!("{knobs:?}"), "Knobs { all: [caller_ending], .. }");
        assert!(!format!("{:?}", Scope::Number("+37126123456")).contains("26123456"));
    }
}
