//! What the vendor says no with.

use http::StatusCode;
use serde_json::{Value, json};

use super::RANGE;
use crate::sandbox::{
    fault::Answer,
    knob::{Dials, Knob},
};

/// Why an order is refused.
pub(super) enum Refusal {
    NoSuchPath,
    Method,
    Credentials,
    UserId,
    ApiKey,
    Missing,
    Unusable,
    CallbackUrl,
    Unavailable,
    TooMany,
    Knob { code: i64, status: u16 },
}

impl Refusal {
    /// In the clear, in both versions.
    pub(super) fn answer(&self, version: Version, dials: &Dials) -> Answer {
        let (code, status, info) = match self {
            Self::NoSuchPath => (6, StatusCode::NOT_FOUND, "No such service"),
            Self::Method => (99, StatusCode::OK, "Wrong Method"),
            Self::Credentials => (98, StatusCode::OK, "Authorization failed"),
            Self::ApiKey => (96, StatusCode::OK, "apikey not found or non active"),
            Self::UserId => (77, StatusCode::OK, "userid not found"),
            Self::Missing => (88, StatusCode::OK, "missing parameter"),
            Self::Unusable => (6, StatusCode::OK, "failed"),
            Self::CallbackUrl => (95, StatusCode::OK, "invalid callback URL"),
            Self::Unavailable => (34, StatusCode::OK, "Service temporary unavailable"),
            Self::TooMany => (34, StatusCode::TOO_MANY_REQUESTS, "Service temporary unavailable"),
            Self::Knob { code, status } => {
                (*code, StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_REQUEST), "Refused")
            }
        };
        Answer { status, body: json!({ "rc": version.rc(code, dials), "info": info }) }
    }
}

/// The two versions of the API.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V2,
    V3,
}

impl Version {
    pub(super) fn of(path: &str) -> Option<Self> {
        match path {
            "/v2/asynccall" => Some(Self::V2),
            "/v3/motp" => Some(Self::V3),
            _ => None,
        }
    }

    /// The caller's number: as it is dialled in Indonesia in version 2, with the country code in version 3.
    pub(super) fn token(self, ending: &str) -> String {
        match self {
            Self::V2 => format!("0{RANGE}{ending}"),
            Self::V3 => format!("62{RANGE}{ending}"),
        }
    }

    /// Two digits in a text in version 2, a number in version 3.
    pub(super) fn rc(self, code: i64, dials: &Dials) -> Value {
        match self {
            Self::V2 => json!(format!("{code:02}")),
            Self::V3 if dials.has(&Knob::IdsAsStrings) => json!(code.to_string()),
            Self::V3 => json!(code),
        }
    }
}
