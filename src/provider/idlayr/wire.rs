//! IDlayr's words: requests built, answers read. No I/O.
//!
//! Sources: the vendor's "PhoneCheck Integration Guide", and its published API definitions for what the guide leaves out.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri};
use jsonwebtoken::DecodingKey;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Config, NAME, Version};
use crate::{
    callback::http_signature::rsa_keys,
    error::{Error, ErrorKind, Result},
    provider::{
        Handle, Order, Prompt, Returned, Settle, Started, Verdict,
        http::{Draft, Vendor, problem, with_retry_after},
    },
    secret::Secret,
};

pub(super) const VENDOR: Vendor = Vendor::new(NAME, "refuses the access token, or gives this project no access");

/// Makes a check.
pub(super) fn create(config: &Config, order: &Order) -> Result<Request<Bytes>> {
    let return_to = order.return_to.as_ref().filter(|_| config.version == Version::V0_2);
    let optional = [
        ("phone_ip", order.client_ip.filter(|_| config.send_client_ip).map(|ip| ip.to_canonical().to_string())),
        ("callback_url", order.callback_url.clone()),
        // The state is of an alphabet that no query has to escape.
        ("redirect_url", return_to.map(|to| format!("{}?state={}", to.url, to.state))),
    ];
    let required = [("phone_number", order.phone.digits().to_string()), ("reference_id", order.check_id.to_string())];
    let optional = optional.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let body: BTreeMap<_, _> = required.into_iter().chain(optional).collect();
    request(config, Method::POST, &checks(config, "")).json(&body)
}

/// Asks about a check. With v0.1 this is what makes the vendor decide.
pub(super) fn status(config: &Config, handle: &Handle) -> Result<Request<Bytes>> {
    request(config, Method::GET, &checks(config, &format!("/{}", handle.as_str()))).empty()
}

/// Exchanges the code that a device came back with: a JSON patch (RFC 6902).
pub(super) fn exchange(config: &Config, handle: &Handle, code: &Secret) -> Result<Request<Bytes>> {
    let patch = json!([{ "op": "add", "path": "/code", "value": code.expose() }]).to_string();
    let path = checks(config, &format!("/{}", handle.as_str()));
    request(config, Method::PATCH, &path).body("application/json-patch+json", patch)
}

/// Asks whether the vendor can serve a device at this address.
pub(super) fn coverage(config: &Config, ip: IpAddr) -> Result<Request<Bytes>> {
    request(config, Method::GET, &format!("/coverage/v0.1/device_ips/{}", ip.to_canonical())).empty()
}

/// Asks for the keys of signed messages. They are public.
pub(super) fn key_set(config: &Config) -> Result<Request<Bytes>> {
    request(config, Method::GET, "/.well-known/jwks.json").empty()
}

/// Reads the answer to [`create`].
pub(super) fn read_started(config: &Config, answer: &Response<Bytes>) -> Result<Started> {
    let body: Value = read(answer)?;
    let text = |pointer| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let id = text("/check_id").filter(|id| is_check_id(id));
    let id = id.ok_or_else(|| VENDOR.nonsense("answered without a `check_id` that can be one"))?;
    // The person's phone will open it: over TLS, unless the API itself is an emulator without.
    let emulated = config.base_url().starts_with("http:");
    let opens = |url: Uri| url.host().is_some() && (emulated || url.scheme_str() == Some("https"));
    let url = text("/_links/check_url/href").filter(|url| url.parse().is_ok_and(opens));
    let url = url.ok_or_else(|| VENDOR.nonsense("answered without a `check_url` of HTTPS"))?;
    let settle = match config.version {
        Version::V0_1 => Settle::Poll,
        Version::V0_2 => Settle::Redirect,
    };
    let expires_in = body.get("ttl").and_then(Value::as_u64).map(Duration::from_secs);
    let started = Started::new(Handle::new(id), settle).with_prompt(Prompt::OpenUrl { url, mobile_data: true });
    Ok(Started { expires_in, ..started })
}

/// A check as the vendor shows it: in answers and in callbacks.
#[derive(Deserialize)]
pub(super) struct Check {
    pub(super) check_id: String,
    status: String,
    #[serde(default, rename = "match")]
    matches: Option<bool>,
    #[serde(default)]
    error_code: Option<String>,
}

impl Check {
    pub(super) fn verdict(&self) -> Result<Verdict> {
        match (self.status.as_str(), self.matches) {
            ("ACCEPTED" | "PENDING", _) => Ok(Verdict::Pending),
            ("COMPLETED", Some(true)) => Ok(Verdict::Match),
            ("COMPLETED", Some(false)) => Ok(Verdict::NoMatch),
            ("EXPIRED", _) => Err(VENDOR.nonsense("waited in vain for the phone to open the URL")),
            ("ERROR", _) => {
                let known = self.error_code.as_deref().and_then(meaning);
                let (kind, message) = known.unwrap_or((ErrorKind::Unavailable, NOT_COMPARED));
                Err(VENDOR.error(kind, message))
            }
            _ => Err(VENDOR.nonsense("answered with an unknown `status`, or without `match`")),
        }
    }
}

/// Reads the answer to [`status`].
pub(super) fn read_verdict(handle: &Handle, answer: &Response<Bytes>) -> Result<Verdict> {
    let check: Check = read(answer)?;
    match check.check_id == handle.as_str() {
        true => check.verdict(),
        false => Err(VENDOR.nonsense("answered about another check")),
    }
}

/// Reads the answer to [`exchange`]: a code that the vendor does not know is a wrong answer, and costs an attempt.
pub(super) fn read_exchange(handle: &Handle, answer: &Response<Bytes>) -> Result<Verdict> {
    match (answer.status(), problem(answer).as_deref()) {
        (StatusCode::BAD_REQUEST, None | Some("bad_request")) => Ok(Verdict::NoMatch),
        // Nobody has opened the URL yet, so nobody can have got a code.
        (StatusCode::NOT_FOUND, _) => Ok(Verdict::NoMatch),
        _ => match read_verdict(handle, answer)? {
            Verdict::Pending => Err(VENDOR.nonsense("took the code and has not decided")),
            verdict => Ok(verdict),
        },
    }
}

/// Reads the answer to [`coverage`]: an error when the vendor cannot serve the device.
pub(super) fn read_coverage(answer: &Response<Bytes>) -> Result<()> {
    let body: Value = read(answer)?;
    let offers = |product: &Value| product.get("product_id").and_then(Value::as_str) == Some(PHONE_CHECK);
    match body.get("products").and_then(Value::as_array) {
        Some(products) if !products.iter().any(offers) => {
            Err(VENDOR.error(ErrorKind::Rejected, "does not offer PhoneCheck on the phone's network"))
        }
        _ => Ok(()),
    }
}

/// Reads the answer to [`key_set`].
pub(super) fn read_key_set(answer: &Response<Bytes>) -> Result<HashMap<String, DecodingKey>> {
    read(answer).map(rsa_keys)
}

/// Takes the code out of what a device brought back. What its app hands in is the code itself.
pub(super) fn read_return(handle: &Handle, returned: &Returned) -> Result<Secret> {
    if let Returned::Browser { .. } = returned {
        if returned.parameter("check_id").as_deref() != Some(handle.as_str()) {
            return Err(VENDOR.nonsense("sent the device back for another check"));
        }
        if let Some(slug) = returned.parameter("error") {
            return Err(VENDOR.nonsense(meaning(&slug).map_or(NOT_COMPARED, |(_, message)| message)));
        }
    }
    let code = returned.parameter("code").filter(|code| !code.is_empty());
    code.map(Secret::new).ok_or_else(|| VENDOR.nonsense("sent the device back without a code"))
}

/// Makes our error of an answer that is none: the only place where that happens. What the vendor says in words is not repeated:
/// it may hold the number.
fn refusal(answer: &Response<Bytes>) -> Error {
    let known = problem(answer).as_deref().and_then(meaning).or_else(|| match answer.status() {
        StatusCode::PRECONDITION_FAILED => meaning("not_mobile_ip"),
        StatusCode::NOT_FOUND | StatusCode::GONE => meaning("check_not_found"),
        _ => None,
    });
    match known {
        Some((kind, message)) => with_retry_after(VENDOR.error(kind, message), answer),
        None => VENDOR.refusal(answer.status(), answer),
    }
}

/// What a slug of the vendor's problems, or an `error_code` of a check, means for us. After each of them the plan goes on with
/// its next route; the kind says whom to blame.
fn meaning(slug: &str) -> Option<(ErrorKind, &'static str)> {
    use ErrorKind::{Misconfigured, RateLimited, Rejected, Unavailable};
    Some(match slug {
        // This number is not served here, now or later.
        "phone_format_invalid" => (Rejected, "does not take this number"),
        "mno_not_supported" => (Rejected, "does not serve the number's operator"),
        "mno_user_not_found" => (Rejected, "finds no such subscriber"),
        "ip_msisdn_mismatch" => (Rejected, "sees the device on another network than the number's"),
        "bad_request" => (Rejected, "does not accept the request"),
        // This device or its operator is not served now.
        "not_mobile_ip" => (Unavailable, "needs a device on mobile data"),
        "ip_mismatch" => (Unavailable, "sees the phone at another address than the client's"),
        "mno_redirect_unsupported" => (Unavailable, "cannot lead this device through its operator"),
        "mno_timeout" | "mno_response_error" | "mno_server_error" => (Unavailable, "gets no answer from the operator"),
        "mno_no_data_available" => (Unavailable, "gets no data from the operator"),
        "check_not_found" | "trace_gone" => (Unavailable, "does not know the check any more"),
        "too_many_requests" => (RateLimited, "takes no more checks for now"),
        // Our account.
        "forbidden" | "workspace_not_found" => (Misconfigured, "gives this project no access"),
        _ => return None,
    })
}

fn read<T: DeserializeOwned>(answer: &Response<Bytes>) -> Result<T> {
    if answer.status().is_success() { VENDOR.read(answer) } else { Err(refusal(answer)) }
}

fn request(config: &Config, method: Method, path: &str) -> Draft {
    VENDOR.request(method, format!("{}{path}", config.base_url()))
}

fn checks(config: &Config, rest: &str) -> String {
    let version = match config.version {
        Version::V0_1 => "v0.1",
        Version::V0_2 => "v0.2",
    };
    format!("/phone_check/{version}/checks{rest}")
}

/// Whether a text can stand in a path; the vendor's ids are UUIDs.
fn is_check_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

const NOT_COMPARED: &str = "could not compare the numbers";

/// The vendor's name of the product.
const PHONE_CHECK: &str = "PCK";

#[cfg(test)]
mod tests;
