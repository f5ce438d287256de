//! Answers: redirects, JSON, and the errors of the token endpoint.

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, WWW_AUTHENTICATE},
};
use http_body_util::Full;
use serde_json::{Value, json};

use super::request::Told;
use crate::{
    error::Error,
    problem::json_response,
    step_page::{self, dead_end},
};

pub(super) type Answer = Response<Full<Bytes>>;

/// Sends the browser on.
pub(super) fn see_other(url: &str) -> Answer {
    step_page::see_other(url).unwrap_or_else(|_| {
        dead_end(StatusCode::BAD_REQUEST, "There is no way back to the application that sent you here.")
    })
}

/// Sends the browser back to a client, and says who sends it (RFC 9207).
pub(super) fn back(redirect_uri: &str, state: Option<&str>, issuer: &str, said: &[(&str, &str)]) -> Answer {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(said);
    query.extend_pairs(state.map(|state| ("state", state)));
    query.append_pair("iss", issuer);
    let joint = if redirect_uri.contains('?') { '&' } else { '?' };
    see_other(&format!("{redirect_uri}{joint}{}", query.finish()))
}

/// Tells a client what is wrong.
pub(super) fn tell(told: &Told, issuer: &str) -> Answer {
    let said = [("error", told.error), ("error_description", told.description)];
    back(&told.redirect_uri, told.state.as_deref(), issuer, &said)
}

/// A page for what went wrong here.
pub(super) fn out_of_order(error: &Error) -> Answer {
    tracing::error!(?error, "unavailable");
    dead_end(StatusCode::SERVICE_UNAVAILABLE, "This cannot be done right now. Try again later.")
}

/// An error of the token endpoint (RFC 6749, section 5.2).
#[derive(Debug)]
pub(super) struct TokenError {
    status: StatusCode,
    error: &'static str,
    description: &'static str,
    /// Whether the client used HTTP Basic, and is asked for it again.
    basic: bool,
}

impl TokenError {
    pub(super) fn new(error: &'static str, description: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error, description, basic: false }
    }

    /// The client has not shown who it is. What was wrong stays here.
    pub(super) fn invalid_client(basic: bool) -> Self {
        let description = "the client has not shown who it is";
        Self { status: StatusCode::UNAUTHORIZED, error: "invalid_client", description, basic }
    }

    pub(super) fn into_response(self) -> Answer {
        let body = json!({ "error": self.error, "error_description": self.description });
        let mut response = json_response(self.status, &body);
        if self.basic {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"token\""));
        }
        response
    }
}

impl From<Error> for TokenError {
    fn from(error: Error) -> Self {
        tracing::error!(?error, "unavailable");
        let description = "this cannot be done right now; try again later";
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self { status, error: "temporarily_unavailable", description, basic: false }
    }
}

/// Public metadata, which may be kept for a while.
pub(super) fn metadata(body: &Value) -> Answer {
    let mut response = json_response(StatusCode::OK, body);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}
