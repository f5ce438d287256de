//! How the emulators misbehave: the knobs themselves. Who they are for is in `settings`, what holds for a request in `dials`.

mod counter;
mod dials;
mod kinds;
mod settings;

use std::{fmt, time::Duration};

use http::HeaderValue;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result};

pub(super) use dials::Dials;
pub use kinds::{Backchannel, CallbackFault, OverWifi};
pub use settings::{Knobs, Scope};

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
    /// Takes the order, but no call and no message reaches the handset. The vendor knows, and says so where it is asked or
    /// reports.
    NotAnswered,
    /// Takes the order, and nothing ever comes of it: no call, no message, no e-mail, no answer of the operator, no callback.
    /// The vendor does not notice.
    Lost,
    /// Has a machine take every call before the phone rings: nobody sees the caller, hears the code or presses a key.
    Voicemail,
    /// Calls from a number that ends in these four digits.
    CallerEnding(String),
    /// Writes ids, caller numbers and codes as JSON strings.
    IdsAsStrings,
    /// Lets access tokens live for this long, an hour by default, and operator tokens and CIBA requests, if that is shorter than
    /// their own time; milliseconds in JSON, told in whole seconds.
    #[serde(with = "millis")]
    TokenLifetime(Duration),
    /// The URL that a vendor calls back which knows one for the whole account, as Citcall does in version 2.
    CallbackUrl(String),
    /// Sends the callbacks of Citcall's version 2 as plain JSON instead of wrapped.
    PlainCallbacks,
    /// Spoils the callbacks.
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
    /// Refuses with 429 and the vendor's error body once there were too many requests, each vendor and each number that has
    /// this knob for itself. Refused requests do not count. `Retry-After` says when there is room again.
    RateLimit {
        /// How many are served, at most 10,000.
        requests: u32,
        /// In which time, at most an hour; milliseconds in JSON.
        #[serde(with = "millis")]
        per: Duration,
    },
    /// Refuses with 429 and the vendor's error body, and `Retry-After`; milliseconds in JSON, told in whole seconds.
    #[serde(rename = "http_429", with = "millis")]
    Http429(Duration),
    /// Answers 500 with a plain text. No call is made.
    #[serde(rename = "http_500")]
    Http500,
    /// Answers 502 with a proxy's page. No call is made.
    #[serde(rename = "http_502")]
    Http502,
    /// Answers 503 and `Retry-After`; milliseconds in JSON, told in whole seconds. No call is made.
    #[serde(rename = "http_503", with = "millis")]
    Http503(Duration),
    /// Answers 504 with a proxy's page. No call is made.
    #[serde(rename = "http_504")]
    Http504,
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
    /// Makes the call, and answers byte by byte, each after this wait, without ever coming to an end; milliseconds in JSON.
    #[serde(with = "millis")]
    SlowBody(Duration),
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
            Self::CallbackUrl(url) if !url.starts_with("http://") && !url.starts_with("https://") => {
                "`callback_url` begins with http:// or https://"
            }
            Self::ErrorCode { code: 0, .. } => "`code` 0 would mean success",
            Self::ErrorCode { status, .. } if !(400..=599).contains(status) => "`status` is 400 to 599",
            Self::RateLimit { requests, .. } if *requests > MOST_COUNTED => "`requests` is at most 10000",
            Self::RateLimit { per: Duration::ZERO, .. } => "`per` is more than 0 milliseconds",
            Self::SlowBody(Duration::ZERO) => "`slow_body` waits more than 0 milliseconds before each byte",
            _ if self.wait().is_some_and(|wait| wait > LONGEST) => "no wait is longer than an hour",
            _ => return Ok(()),
        };
        Err(Error::new(ErrorKind::InvalidInput, wrong))
    }

    fn wait(&self) -> Option<Duration> {
        match self {
            Self::Latency(wait)
            | Self::RingTime(wait)
            | Self::TokenLifetime(wait)
            | Self::RateLimit { per: wait, .. }
            | Self::Http429(wait)
            | Self::Http503(wait)
            | Self::SlowBody(wait)
            | Self::PollInterval(wait) => Some(*wait),
            _ => None,
        }
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

/// The longest wait that can be asked for.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// The most requests that a limit counts.
const MOST_COUNTED: u32 = 10_000;
