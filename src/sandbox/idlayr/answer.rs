//! Refusals, and what needs no state to be answered.

use std::net::IpAddr;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::{Value, json};

use crate::sandbox::fault::Answer;

/// A problem of the vendor's.
#[derive(Clone, Copy)]
pub(super) struct Refusal {
    status: StatusCode,
    pub(super) slug: &'static str,
    pub(super) detail: &'static str,
}

impl Refusal {
    pub(super) const BAD_REQUEST: Self =
        Self::new(StatusCode::BAD_REQUEST, "bad_request", "The request body is invalid");
    pub(super) const PHONE: Self =
        Self::new(StatusCode::BAD_REQUEST, "phone_format_invalid", "Phone Number Validation Error");
    pub(super) const OPERATOR: Self =
        Self::new(StatusCode::BAD_REQUEST, "mno_not_supported", "Mobile Network Operator Not Supported");
    pub(super) const TOKEN: Self = Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Access Token Error");
    pub(super) const SCOPE: Self = Self::new(StatusCode::FORBIDDEN, "forbidden", "Forbidden");
    pub(super) const NO_CHECK: Self = Self::new(StatusCode::NOT_FOUND, "check_not_found", "Check Not Found");
    pub(super) const NO_SUCH_PATH: Self = Self::new(StatusCode::NOT_FOUND, "not_found", "Not Found");
    pub(super) const NOT_MOBILE: Self = Self::new(StatusCode::PRECONDITION_FAILED, "not_mobile_ip", "Not a mobile IP");
    pub(super) const OTHER_NETWORK: Self = Self::new(StatusCode::CONFLICT, "ip_msisdn_mismatch", "ip_msisdn_mismatch");
    pub(super) const TOO_MANY: Self =
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Rate Limit exceeded");
    pub(super) const RESPONSE: Self =
        Self::new(StatusCode::BAD_GATEWAY, "mno_response_error", "The operator gave no usable answer");

    const fn new(status: StatusCode, slug: &'static str, detail: &'static str) -> Self {
        Self { status, slug, detail }
    }

    /// The vendor's problem of a status.
    pub(super) fn of_status(status: u16) -> Self {
        let known = [Self::TOKEN, Self::SCOPE, Self::NO_CHECK, Self::NOT_MOBILE, Self::OTHER_NETWORK, Self::TOO_MANY];
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        known.into_iter().find(|refusal| refusal.status == status).unwrap_or(Self { status, ..Self::BAD_REQUEST })
    }

    pub(super) fn answer(self) -> Answer {
        let title = self.status.canonical_reason().unwrap_or_default();
        let kind = format!("https://developer.tru.id/docs/reference/api-errors#{}", self.slug);
        Answer { status: self.status, body: json!({ "type": kind, "title": title, "detail": self.detail }) }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

/// Whether a device at an address can be served.
pub(super) fn reachable(ip: &str) -> Result<IpAddr, Refusal> {
    let ip: IpAddr = ip.parse().map_err(|_| Refusal::BAD_REQUEST)?;
    match ip {
        IpAddr::V4(v4) if matches!(v4.octets(), [192, 0, 2, _]) => Err(Refusal::NOT_MOBILE),
        IpAddr::V4(v4) if matches!(v4.octets(), [198, 51, 100, _]) => Err(Refusal::OPERATOR),
        ip => Ok(ip),
    }
}

pub(super) fn coverage(ip: &str) -> Result<Value, Refusal> {
    let ip = reachable(ip)?;
    Ok(json!({
        "country_code": "LV", "dialing_code": 371, "network_id": NETWORK, "network_name": "Sandbox Mobile",
        "network_aliases": [], "mobile_data_ip": ip, "products": [{ "product_id": "PCK", "product_name": "PhoneCheck" }],
    }))
}

/// The code of a patch that does nothing but add it.
pub(super) fn patched_code(body: &[u8]) -> Option<String> {
    let patch: Value = serde_json::from_slice(body).ok()?;
    let code = patch.pointer("/0/value")?.as_str()?.to_owned();
    (patch == json!([{ "op": "add", "path": "/code", "value": code }])).then_some(code)
}

/// Country and network code of the emulated operator.
pub(super) const NETWORK: &str = "24799";
