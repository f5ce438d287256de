//! The life of one check.

use std::time::SystemTime;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    TTL,
    answer::{self, Refusal},
    code,
};
use crate::sandbox::{handset::e164, random};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V0_1,
    V0_2,
}

impl Version {
    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::V0_1, Self::V0_2].into_iter().find(|version| version.as_str() == text)
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::V0_1 => "v0.1",
            Self::V0_2 => "v0.2",
        }
    }
}

#[derive(Clone)]
pub(super) struct Check {
    pub(super) id: String,
    pub(super) version: Version,
    /// In E.164.
    pub(super) number: String,
    pub(super) callback_url: Option<String>,
    pub(super) redirect_url: Option<String>,
    pub(super) reference_id: Option<String>,
    status: Status,
    created_at: SystemTime,
}

#[derive(Clone)]
enum Status {
    Accepted,
    /// The device is on its way through its operator.
    Pending,
    /// The device has got a code that nobody has handed in yet.
    Coded {
        code: String,
        matches: bool,
    },
    Completed {
        matches: bool,
    },
    Expired,
    Error(&'static str),
}

/// What the operator says.
pub(super) enum Seen {
    Matches(bool),
    Error(Refusal),
}

/// What a device gets at the end of its way.
pub(super) enum Delivered {
    /// v0.1: nothing.
    Nothing,
    /// v0.2: a code.
    Code(String),
    Error(Refusal),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    phone_number: String,
    #[serde(default)]
    phone_ip: Option<String>,
    #[serde(default)]
    reference_id: Option<String>,
    #[serde(default)]
    callback_url: Option<String>,
    #[serde(default)]
    redirect_url: Option<String>,
}

impl Check {
    /// A check as it is ordered.
    pub(super) fn order(version: Version, body: &[u8], now: SystemTime) -> Result<Self, Refusal> {
        let order: Order = serde_json::from_slice(body).map_err(|_| Refusal::BAD_REQUEST)?;
        let urls = [&order.callback_url, &order.redirect_url];
        let absolute = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        let misplaced = version == Version::V0_1 && order.redirect_url.is_some();
        if misplaced || !urls.into_iter().flatten().all(absolute) {
            return Err(Refusal::BAD_REQUEST);
        }
        order.phone_ip.as_deref().map(answer::reachable).transpose()?;
        Ok(Self {
            id: uuid().map_err(|_| Refusal::of_status(503))?,
            version,
            number: number(&order.phone_number).ok_or(Refusal::PHONE)?,
            callback_url: order.callback_url,
            redirect_url: order.redirect_url,
            reference_id: order.reference_id,
            status: Status::Accepted,
            created_at: now,
        })
    }

    /// The number in an order, whatever else is wrong with it.
    pub(super) fn number_of(body: &[u8]) -> Option<String> {
        let body: Value = serde_json::from_slice(body).ok()?;
        number(body.get("phone_number")?.as_str()?)
    }

    /// Ends a check whose time is over.
    pub(super) fn age(&mut self, now: SystemTime) {
        let old = now.duration_since(self.created_at).is_ok_and(|age| age >= TTL);
        if old && matches!(self.status, Status::Accepted | Status::Pending | Status::Coded { .. }) {
            self.status = Status::Expired;
        }
    }

    /// The device opens the URL: once.
    pub(super) fn visit(&mut self) -> Result<(), Refusal> {
        match self.status {
            Status::Accepted => self.status = Status::Pending,
            _ => return Err(Refusal::NO_CHECK),
        }
        Ok(())
    }

    /// The operator says who it is.
    pub(super) fn identify(&mut self, seen: Seen) -> Result<Delivered, Refusal> {
        if !matches!(self.status, Status::Pending) {
            return Err(Refusal::NO_CHECK);
        }
        let (status, delivered) = match (seen, self.version) {
            (Seen::Error(refusal), _) => (Status::Error(refusal.slug), Delivered::Error(refusal)),
            (Seen::Matches(matches), Version::V0_1) => (Status::Completed { matches }, Delivered::Nothing),
            (Seen::Matches(matches), Version::V0_2) => {
                let code = code().map_err(|_| Refusal::of_status(503))?;
                (Status::Coded { code: code.clone(), matches }, Delivered::Code(code))
            }
        };
        self.status = status;
        Ok(delivered)
    }

    /// What the end of the number says of a device that shows nothing.
    pub(super) fn by_number(&self) -> Seen {
        match self.number.as_bytes() {
            [.., b'9', b'9'] => Seen::Error(Refusal::RESPONSE),
            [.., last] => Seen::Matches(last % 2 == 0),
            [] => Seen::Matches(false),
        }
    }

    /// The code is handed in: once.
    pub(super) fn finish(&mut self, typed: &str) -> Result<(), Refusal> {
        match &self.status {
            Status::Coded { code, matches } if self.version == Version::V0_2 => {
                if code != typed {
                    return Err(Refusal::BAD_REQUEST);
                }
                self.status = Status::Completed { matches: *matches };
                Ok(())
            }
            _ => Err(Refusal::NO_CHECK),
        }
    }

    pub(super) fn is_completed(&self) -> bool {
        matches!(self.status, Status::Completed { .. })
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self.status, Status::Completed { .. } | Status::Error(_))
    }

    /// The check as JSON, without links.
    pub(super) fn describe(&self) -> Value {
        let status = match self.status {
            Status::Accepted => "ACCEPTED",
            Status::Pending | Status::Coded { .. } => "PENDING",
            Status::Completed { .. } => "COMPLETED",
            Status::Expired => "EXPIRED",
            Status::Error(_) => "ERROR",
        };
        let created_at = humantime::format_rfc3339_seconds(self.created_at).to_string().replace('Z', "+00:00");
        let mut fields = Map::new();
        fields.insert("check_id".to_owned(), json!(self.id));
        fields.insert("status".to_owned(), json!(status));
        fields.insert("charge_amount".to_owned(), json!(u8::from(self.is_completed())));
        fields.insert("charge_currency".to_owned(), json!("API"));
        fields.insert("created_at".to_owned(), json!(created_at));
        fields.insert("ttl".to_owned(), json!(TTL.as_secs()));
        fields.extend(self.reference_id.iter().map(|id| ("reference_id".to_owned(), json!(id))));
        match self.status {
            Status::Completed { matches } => {
                fields.insert("match".to_owned(), json!(matches));
                fields.insert("network_id".to_owned(), json!(answer::NETWORK));
            }
            Status::Error(slug) => {
                fields.insert("error_code".to_owned(), json!(slug));
            }
            _ => {}
        }
        Value::Object(fields)
    }
}

/// A number in E.164, with or without `+`.
fn number(text: &str) -> Option<String> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && (7..=15).contains(&digits.len());
    (plain && !digits.starts_with('0')).then(|| e164(digits))
}

/// In the form of a UUID.
fn uuid() -> crate::error::Result<String> {
    let parts = [8, 4, 4, 4, 12].map(|length| (0..length).map(|_| hex_digit()).collect::<Result<String, _>>());
    Ok(parts.into_iter().collect::<Result<Vec<_>, _>>()?.join("-"))
}

fn hex_digit() -> crate::error::Result<char> {
    Ok(char::from_digit(random::below(16)?, 16).unwrap_or('0'))
}
