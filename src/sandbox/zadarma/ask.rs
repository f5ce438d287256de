//! What a request says, and how it is refused.

use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use serde_json::json;

use crate::sandbox::fault::Answer;

/// What is asked for.
pub(super) enum Operation {
    Verify,
    Check,
}

/// What a request says, as far as it can be read.
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) authorization: Option<HeaderValue>,
    pub(super) parameters: Vec<(String, String)>,
}

impl Ask {
    pub(super) fn new(method: Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Self {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        // PHP reads no parameters out of a body of another kind.
        let form = kind.split(';').next().is_some_and(|kind| kind.trim() == "application/x-www-form-urlencoded");
        let parameters = form_urlencoded::parse(if form { body } else { &[] }).into_owned().collect();
        let authorization = headers.get(header::AUTHORIZATION).cloned();
        Self { method, path: uri.path().to_owned(), authorization, parameters }
    }

    /// The vendor's pages write both paths with and without the last slash.
    pub(super) fn operation(&self) -> Option<Operation> {
        match self.path.as_str() {
            "/v1/verify/" | "/v1/verify" => Some(Operation::Verify),
            "/v1/verify/check" | "/v1/verify/check/" => Some(Operation::Check),
            _ => None,
        }
    }

    /// Refuses parameters that mean nothing here.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        match self.parameters.iter().find(|(name, _)| name != "format" && !known.contains(&name.as_str())) {
            Some((name, _)) => Err(Refusal::Invalid(name.clone())),
            None if self.optional("format")?.is_none_or(|format| format == "json") => Ok(()),
            None => Err(Refusal::Invalid("format".to_owned())),
        }
    }

    pub(super) fn optional(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let mut values = self.parameters.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            _ => Err(Refusal::Invalid(name.to_owned())),
        }
    }

    pub(super) fn required(&self, name: &'static str) -> Result<&str, Refusal> {
        self.optional(name)?.filter(|value| !value.is_empty()).ok_or(Refusal::Missing(name))
    }

    /// A parameter that must be as `good` says if it is there.
    pub(super) fn checked(&self, name: &'static str, good: impl Fn(&str) -> bool) -> Result<Option<&str>, Refusal> {
        match self.optional(name)? {
            Some(value) if !good(value) => Err(Refusal::Invalid(name.to_owned())),
            value => Ok(value),
        }
    }
}

/// Why a request is refused.
pub(super) enum Refusal {
    Auth,
    Method,
    NoSuchPath,
    Missing(&'static str),
    Invalid(String),
    WrongCode,
    NoSuchRequest,
    NoWebhook,
    Unavailable,
    TooMany,
    Knob { code: i64, status: u16 },
}

impl Refusal {
    pub(super) fn answer(self) -> Answer {
        let fixed = |status, message: &str| (status, message.to_owned());
        let (status, message) = match self {
            Self::Auth | Self::Knob { status: 401, .. } => fixed(StatusCode::UNAUTHORIZED, "Auth error"),
            Self::Method => fixed(StatusCode::METHOD_NOT_ALLOWED, "Wrong method"),
            Self::NoSuchPath => fixed(StatusCode::NOT_FOUND, "Not found"),
            Self::Missing(name) => (StatusCode::OK, format!("\"{name}\" param is required")),
            Self::Invalid(name) => (StatusCode::OK, format!("\"{name}\" param is invalid")),
            Self::WrongCode => fixed(StatusCode::OK, "Invalid verification code"),
            Self::NoSuchRequest => fixed(StatusCode::OK, "No such request id"),
            Self::NoWebhook => fixed(StatusCode::OK, "Notifications are not configured"),
            Self::Unavailable => fixed(StatusCode::SERVICE_UNAVAILABLE, "Try again later"),
            Self::TooMany | Self::Knob { status: 429, .. } => {
                fixed(StatusCode::TOO_MANY_REQUESTS, "You exceeded the rate limit")
            }
            Self::Knob { code, status } => {
                (StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), format!("Refused ({code})"))
            }
        };
        Answer { status, body: json!({ "status": "error", "message": message }) }
    }
}
