//! Refusals over HTTP: problem details (RFC 9457) with stable types.

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS},
};
use http_body_util::Full;
use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind};

/// A refusal, as it goes into a body of `application/problem+json`.
#[derive(Clone, Debug)]
pub(crate) struct Problem(Box<Parts>);

/// Boxed, since most answers are none.
#[derive(Clone, Debug)]
struct Parts {
    slug: &'static str,
    status: StatusCode,
    title: &'static str,
    detail: String,
    retry_after: Option<u64>,
    members: Map<String, Value>,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Problem {
    pub(crate) fn new(slug: &'static str, status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        let members = Map::new();
        Self(Box::new(Parts { slug, status, title, detail: detail.into(), retry_after: None, members, header: None }))
    }

    /// Adds a member to the body.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a header to the response.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.header = Some((name, value));
        self
    }

    fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        // Rounded up: who comes back at the time said is not early.
        self.0.retry_after = wait.map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
        self
    }

    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        let Parts { slug, status, title, detail, retry_after, members, header } = *self.0;
        let mut body = Map::new();
        body.insert("type".to_owned(), json!(format!("urn:handset:problem:{slug}")));
        body.insert("title".to_owned(), json!(title));
        body.insert("status".to_owned(), json!(status.as_u16()));
        body.insert("detail".to_owned(), json!(detail));
        if let Some(seconds) = retry_after {
            body.insert("retry_after".to_owned(), json!(seconds));
        }
        body.extend(members);
        let mut response = json_response(status, &Value::Object(body));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.extend(retry_after.map(|seconds| (RETRY_AFTER, seconds.into())));
        headers.extend(header);
        response
    }
}

impl From<&Error> for Problem {
    /// What a client learns of an error. Why a vendor or the store failed is for the log.
    fn from(error: &Error) -> Self {
        let said = || error.to_string();
        let problem = match error.kind() {
            ErrorKind::InvalidInput => {
                Self::new("invalid-request", StatusCode::BAD_REQUEST, "The request cannot be used", said())
            }
            ErrorKind::CheckEnded => Self::new("check-ended", StatusCode::GONE, "There is no such open check", said()),
            ErrorKind::Denied => Self::new("denied", StatusCode::FORBIDDEN, "The policy does not allow it", said()),
            ErrorKind::RateLimited => {
                Self::new("rate-limited", StatusCode::TOO_MANY_REQUESTS, "Too many requests", said())
            }
            ErrorKind::NoMoreChannels => {
                Self::new("no-more-channels", StatusCode::CONFLICT, "There is no further channel", said())
            }
            ErrorKind::NotExpected => {
                Self::new("not-expected", StatusCode::CONFLICT, "The check waits for something else", said())
            }
            ErrorKind::IdempotencyKeyReused => Self::new(
                "idempotency-key-reused",
                StatusCode::UNPROCESSABLE_ENTITY,
                "The idempotency key belongs to another request",
                said(),
            ),
            ErrorKind::Rejected => {
                Self::new("number-rejected", StatusCode::UNPROCESSABLE_ENTITY, "The number cannot be reached", said())
            }
            ErrorKind::Unsupported => Self::new(
                "not-found",
                StatusCode::NOT_FOUND,
                "There is nothing here",
                "this is not offered here; /openapi.json lists what is",
            ),
            ErrorKind::Unavailable | ErrorKind::Misconfigured => {
                tracing::error!(error = ?error, "unavailable");
                unavailable()
            }
        };
        problem.with_retry_after(error.retry_after())
    }
}

pub(crate) fn unavailable() -> Problem {
    let detail = "this cannot be done right now; try again later";
    Problem::new("unavailable", StatusCode::SERVICE_UNAVAILABLE, "Unavailable", detail)
}

/// A mistake in the program. What it is, the log says.
#[cfg(any(feature = "axum", feature = "actix"))]
pub(crate) fn misconfigured() -> Problem {
    let detail = "this application is not put together right; its log says what to mend";
    Problem::new("misconfigured", StatusCode::INTERNAL_SERVER_ERROR, "Misconfigured", detail)
}

/// A JSON answer that no cache keeps.
pub(crate) fn json_response(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
