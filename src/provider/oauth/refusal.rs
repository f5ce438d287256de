//! Errors, and the requests that they come from.

use std::fmt;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use serde::Deserialize;

use crate::{
    error::{Error, ErrorKind, Result},
    provider::http::with_retry_after,
};

/// Makes our error of an answer that is a refusal. `words` knows the vendor's words that are not OpenID's.
pub(crate) fn refusal(answer: &Response<Bytes>, words: fn(&str) -> Option<(ErrorKind, &'static str)>) -> Error {
    with_retry_after(refused(Some(answer.status()), &word(answer), words), answer)
}

/// The word for what went wrong: APIs say `code`, authorization servers `error`; some say a number where there should be a word.
pub(crate) fn word(answer: &Response<Bytes>) -> String {
    #[derive(Default, Deserialize)]
    struct Body {
        #[serde(default, alias = "error")]
        code: serde_json::Value,
    }
    let Body { code } = serde_json::from_slice(answer.body()).unwrap_or_default();
    code.as_str().unwrap_or_default().to_owned()
}

/// Makes our error of a word for what went wrong and, where there was an answer of its own, the status: the only place where
/// that happens. Nothing here is ever a verdict.
pub(crate) fn refused(
    status: Option<StatusCode>,
    word: &str,
    words: fn(&str) -> Option<(ErrorKind, &'static str)>,
) -> Error {
    let (kind, message) = match status.map(|status| status.as_u16()) {
        Some(429) => (ErrorKind::RateLimited, "takes no more requests for now"),
        Some(500..) => (ErrorKind::Unavailable, "has a fault of its own"),
        status => words(word).unwrap_or_else(|| meaning(word, status)),
    };
    match Word::new(word) {
        Some(word) => Error::new(kind, message).with_source(word),
        None => Error::new(kind, message),
    }
}

/// What the words of OAuth and OpenID mean, and where there is none, the status.
fn meaning(word: &str, status: Option<u16>) -> (ErrorKind, &'static str) {
    use ErrorKind::{Misconfigured, Rejected, Unavailable, Unsupported};
    match (word, status) {
        ("server_error" | "temporarily_unavailable", _) => (Unavailable, "has a fault of its own"),
        ("access_denied" | "consent_required" | "login_required" | "interaction_required", _) => {
            (Unavailable, "does not tell who the device is without asking its user; use another channel")
        }
        ("invalid_grant" | "authorization_pending" | "expired_token", _) => {
            (Unavailable, "does not take what was handed in: it was used, is too old, or belongs to another check")
        }
        ("unknown_user_id", _) => (Rejected, "does not know whom it is asked about"),
        ("missing_user_code" | "invalid_user_code", _) => (Unsupported, "wants a user code, which is not supported"),
        ("invalid_dpop_proof" | "use_dpop_nonce", _) => (Unsupported, "wants DPoP, which is not supported"),
        ("unauthorized_client" | "unsupported_grant_type" | "invalid_scope", _) => {
            (Misconfigured, "does not allow this client the scope or the flow; look at the contract")
        }
        ("invalid_client", _) => (Misconfigured, "does not know this client; look at `client_id` and `client_auth`"),
        (_, Some(401)) => (Misconfigured, "does not know this client or its token; look at `client_auth`"),
        (_, Some(403)) => (Misconfigured, "does not allow it; look at the contract"),
        (_, Some(404 | 405)) => (Misconfigured, "has no such endpoint; look at the URLs of its settings"),
        (_, Some(400..)) => (Misconfigured, "does not accept the request"),
        (_, Some(_)) => (Unavailable, "answered with an unexpected status"),
        (_, None) => (Misconfigured, "does not accept the authorization request"),
    }
}

/// The vendor's own word for what went wrong. Its messages are not repeated: they may hold anything.
#[derive(Debug)]
struct Word(String);

impl Word {
    fn new(word: &str) -> Option<Self> {
        let plain = word.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.".contains(&b));
        // Few digits, so that it cannot be a number.
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        (plain && digits <= 3 && (1..=80).contains(&word.len())).then(|| Self(word.to_owned()))
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Word {}

/// A request without credentials; `content` is the type of the body, if there is one.
pub(crate) fn request(method: Method, uri: &str, content: &'static str, body: Bytes) -> Result<Request<Bytes>> {
    let mut request = Request::builder()
        .method(method)
        .uri(uri)
        .header(header::ACCEPT, "application/json")
        .body(body)
        .map_err(|source| misconfigured("an endpoint is no URL").with_source(source))?;
    if !content.is_empty() {
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content));
    }
    Ok(request)
}

pub(crate) fn nonsense(message: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, message)
}

pub(crate) fn misconfigured(message: &'static str) -> Error {
    Error::new(ErrorKind::Misconfigured, message)
}
