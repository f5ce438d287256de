//! Citcall's words: requests built, answers read. No I/O.
//!
//! Sources: the vendor's "Missall OTP - Async - API" of February 2018 for version 2, and what the vendor's own client libraries
//! send and read for version 3.

use std::time::SystemTime;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header::AUTHORIZATION};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Config, NAME, Version, cipher::Cipher};
use crate::{
    error::{Error, ErrorKind, Result},
    phone::PhoneNumber,
    provider::{
        Order, Started, flash_call,
        http::{Vendor, object, text},
    },
};

/// Orders a call: `asynccall` in version 2, `motp` in version 3.
pub(super) fn miscall(config: &Config, order: &Order, now: SystemTime) -> Result<Request<Bytes>> {
    let key = config.api_key.expose();
    match config.version {
        Version::V2 => {
            let call = AsyncCall {
                msisdn: national(&order.phone),
                gateway: config.gateway.unwrap_or(1),
                client_unique_id: order.check_id.to_string(),
            };
            let text = serde_json::to_string(&call).ok().and_then(|text| cipher(config).seal(&text, now));
            let data = text.ok_or_else(|| VENDOR.nonsense("the message cannot be wrapped"))?;
            let credentials = STANDARD.encode(format!("{}:{key}", config.user_id()));
            post(config, "v2/asynccall", &credentials, &json!({ "data": data }))
        }
        Version::V3 => {
            let call = Motp {
                msisdn: order.phone.digits().to_string(),
                retry: config.retry.unwrap_or(0),
                valid_time: config.valid_time.as_deref(),
                limit_try: config.limit_try.as_deref(),
                callback_url: order.callback_url.as_deref(),
            };
            post(config, "v3/motp", &format!("Apikey {key}"), &call)
        }
    }
}

/// Reads the answer to an order.
pub(super) fn read_started(
    config: &Config,
    order: &Order,
    answer: &Response<Bytes>,
    now: SystemTime,
) -> Result<Started> {
    let body = read(config, answer, now)?;
    // Somebody else's token in an answer to us would let the wrong person pass.
    if body.msisdn.is_some_and(|number| !is_number(&number, &order.phone)) {
        return Err(VENDOR.nonsense("answered about another number"));
    }
    if body.client_unique_id.is_some_and(|id| id != order.check_id.to_string()) {
        return Err(VENDOR.nonsense("answered about another order"));
    }
    let token = body.token.ok_or_else(|| VENDOR.nonsense("answered without a `token`"))?;
    // Where the vendor gives no id of its own it knows the call by ours.
    let handle = body.trxid.or(body.trx_id).unwrap_or_else(|| order.check_id.to_string());
    // What the vendor calls the token is the number that calls.
    flash_call::started(NAME, handle, token.strip_prefix('+').unwrap_or(&token))
}

/// The keys that wrap messages of version 2.
pub(super) fn cipher(config: &Config) -> Cipher<'_> {
    Cipher::new(config.user_id(), config.api_key.expose())
}

/// The request inside a message of version 2.
#[derive(Serialize)]
struct AsyncCall {
    msisdn: String,
    gateway: u8,
    #[serde(rename = "clientUniqueId")]
    client_unique_id: String,
}

/// The request of version 3.
#[derive(Serialize)]
struct Motp<'a> {
    msisdn: String,
    retry: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_time: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_try: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_url: Option<&'a str>,
}

/// The number as version 2 documents it: an Indonesian one as it is dialled there, others with the country code first.
fn national(phone: &PhoneNumber) -> String {
    let digits = phone.digits().to_string();
    match digits.strip_prefix("62") {
        Some(national) if phone.country_code() == 62 => format!("0{national}"),
        _ => digits,
    }
}

/// Whether `text` is the number, in any of the forms that the vendor writes: `08..`, `628..`, `+628..`.
fn is_number(text: &str, phone: &PhoneNumber) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    digits == phone.digits().to_string() || digits == national(phone)
}

fn post(config: &Config, path: &str, credentials: &str, body: &impl Serialize) -> Result<Request<Bytes>> {
    let url = format!("{}/{path}", config.base_url());
    VENDOR.request(Method::POST, url).credentials(AUTHORIZATION, credentials)?.json(body)
}

/// The fields of answers and reports. Texts in version 2, some of them numbers in version 3: both are taken everywhere.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Body {
    #[serde(deserialize_with = "text")]
    rc: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) trxid: Option<String>,
    /// The spelling of the vendor's document of 2018 for reports.
    #[serde(deserialize_with = "text")]
    pub(super) trx_id: Option<String>,
    #[serde(deserialize_with = "text")]
    msisdn: Option<String>,
    #[serde(deserialize_with = "text")]
    token: Option<String>,
    #[serde(deserialize_with = "text", rename = "clientUniqueId")]
    pub(super) client_unique_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) result: Option<String>,
}

impl Body {
    /// Reads what came over the wire, unwrapped where it is wrapped. A message in the clear is as good as a wrapped one: the
    /// wrapping proves nothing.
    pub(super) fn parse(config: &Config, bytes: &[u8], now: SystemTime) -> Result<Self> {
        #[derive(Deserialize)]
        struct Envelope {
            data: Option<String>,
        }
        let body = match object(bytes) {
            Some(Envelope { data: Some(data) }) if config.version == Version::V2 => {
                object(cipher(config).open(&data, now).map_err(|why| VENDOR.nonsense(why))?.as_bytes())
            }
            _ => object(bytes),
        };
        // What is wrong with it is not told: it would quote the body.
        body.ok_or_else(|| VENDOR.nonsense("sent something that is not its JSON"))
    }

    /// The vendor's response code, whether it is written `"06"`, `"6"` or `6`.
    pub(super) fn rc(&self) -> Option<u16> {
        self.rc.as_deref()?.parse().ok()
    }
}

/// Reads an answer, or makes our error of the vendor's.
fn read(config: &Config, answer: &Response<Bytes>, now: SystemTime) -> Result<Body> {
    let body = Body::parse(config, answer.body(), now);
    let rc = body.as_ref().ok().and_then(Body::rc);
    // Which HTTP status goes with an error is not documented: the code in the body says more.
    match (rc, answer.status()) {
        (Some(rc @ 1..), status) if status != StatusCode::TOO_MANY_REQUESTS => Err(refusal(rc)),
        (_, status) if !status.is_success() => Err(VENDOR.refusal(status, answer)),
        (None, _) => body.and(Err(VENDOR.nonsense("answered without an `rc`"))),
        _ => body,
    }
}

/// What a response code other than 0 means to us: the only place where that is said. The vendor's `info` is not repeated: it
/// may hold the number.
fn refusal(rc: u16) -> Error {
    use ErrorKind::{Misconfigured, Rejected, Unavailable};
    let (kind, message) = match rc {
        6 => (Rejected, "does not place the call"),
        14 => (Misconfigured, "the account's balance is too low: top it up"),
        34 => (Unavailable, "the service is not available for now"),
        44 => (Misconfigured, "the sender of the account is closed"),
        66 => (Unavailable, "is being maintained"),
        76 => (Misconfigured, "refuses the password of the account"),
        77 => (Misconfigured, "does not know the `user_id`"),
        88 => (Misconfigured, "misses a parameter: is `version` the one of the account?"),
        95 => (Misconfigured, "refuses the URL for its reports: can it reach the `public_url`?"),
        96 => (Misconfigured, "does not know the `api_key`, or it is not active"),
        98 => (Misconfigured, "refuses the credentials: is `version` the one of the account?"),
        99 => (Misconfigured, "refuses the HTTP method: does `base_url` lead to the API?"),
        _ => (Unavailable, "answered with an unknown `rc`"),
    };
    VENDOR.error(kind, message).with_source(format!("rc {rc:02}"))
}

const VENDOR: Vendor = Vendor::new(NAME, "refuses the account, or the address of this machine");

#[cfg(test)]
mod tests;
