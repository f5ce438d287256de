//! The messages that order calls, read strictly.

use serde_json::{Map, Value};

use super::refusal::{Refusal, Version};
use crate::error::Result;

/// A call that may be placed.
pub(super) struct Order {
    pub(super) version: Version,
    /// Country code first, digits only.
    pub(super) number: String,
    pub(super) gateway: u64,
    pub(super) client_unique_id: Option<String>,
    /// Of version 3: where to report.
    pub(super) callback_url: Option<String>,
}

/// The fields of a message.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a JSON object that has no other fields than these.
    pub(super) fn read(json: &[u8], known: &[&str]) -> Result<Self, Refusal> {
        let fields: Map<String, Value> = serde_json::from_slice(json).map_err(|_| Refusal::Unusable)?;
        match fields.keys().all(|name| known.contains(&name.as_str())) {
            true => Ok(Self(fields)),
            false => Err(Refusal::Unusable),
        }
    }

    /// Version 2 takes Indonesian numbers as they are dialled there.
    pub(super) fn async_call(&self) -> Result<Order, Refusal> {
        let msisdn = self.text("msisdn")?.ok_or(Refusal::Missing)?;
        let digits = match msisdn.strip_prefix('0') {
            Some(national) => format!("62{national}"),
            None => msisdn.strip_prefix('+').unwrap_or(msisdn).to_owned(),
        };
        Ok(Order {
            version: Version::V2,
            number: callable(digits)?,
            gateway: within(self.0.get("gateway"), 1, 4)?.ok_or(Refusal::Missing)?,
            client_unique_id: self.text("clientUniqueId")?.map(str::to_owned),
            callback_url: None,
        })
    }

    pub(super) fn motp(&self) -> Result<Order, Refusal> {
        let number = callable(self.text("msisdn")?.ok_or(Refusal::Missing)?.to_owned())?;
        within(self.0.get("retry"), 0, 4)?.ok_or(Refusal::Missing)?;
        for (name, most) in [("valid_time", u64::from(u32::MAX)), ("limit_try", 20)] {
            within(self.0.get(name).map(number_in).as_ref(), 1, most)?;
        }
        let callback_url = self.text("callback_url")?.map(str::to_owned);
        if callback_url.as_ref().is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
            return Err(Refusal::CallbackUrl);
        }
        Ok(Order { version: Version::V3, number, gateway: 1, client_unique_id: None, callback_url })
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        self.0.get(name).map(|value| value.as_str().ok_or(Refusal::Unusable)).transpose()
    }
}

/// A number that stands in a text, as one.
fn number_in(value: &Value) -> Value {
    value.as_str().and_then(|text| text.parse::<u64>().ok()).map_or_else(|| value.clone(), Value::from)
}

fn within(value: Option<&Value>, least: u64, most: u64) -> Result<Option<u64>, Refusal> {
    let number = value.map(|value| value.as_u64().ok_or(Refusal::Unusable)).transpose()?;
    match number {
        Some(number) if !(least..=most).contains(&number) => Err(Refusal::Unusable),
        number => Ok(number),
    }
}

/// Indonesian numbers have 11 to 16 digits, no country code begins with zero.
fn callable(digits: String) -> Result<String, Refusal> {
    let least = if digits.starts_with("62") { 11 } else { 7 };
    let good = (least..=16).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if good && !digits.starts_with('0') { Ok(digits) } else { Err(Refusal::Unusable) }
}
