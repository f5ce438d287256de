//! Refusals over gRPC: a status and its metadata, in a response that is trailers only.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use http_body_util::{BodyExt, Full};

use super::Refusal;

/// The same refusal as a gRPC client reads it: `UNAUTHENTICATED`, `PERMISSION_DENIED` or `UNAVAILABLE`, the challenge in the
/// metadata `www-authenticate`, and the problem of RFC 9457 in `handset-problem-bin`.
pub(super) fn trailers_only(refusal: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    let (refused, body) = refusal.into_parts();
    let (code, message) = status(refused.extensions.get());
    let mut response = Response::new(Full::default());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", code.into());
    headers.insert("grpc-message", HeaderValue::from_static(message));
    for name in [WWW_AUTHENTICATE, RETRY_AFTER] {
        headers.extend(refused.headers.get(&name).cloned().map(|value| (name, value)));
    }
    insert_problem(headers, body);
    *response.status_mut() = StatusCode::OK;
    *response.extensions_mut() = refused.extensions;
    response
}

/// The code of the gRPC status, and a message that needs no escaping.
fn status(refusal: Option<&Refusal>) -> (u16, &'static str) {
    match refusal {
        Some(Refusal::StepUp { why, .. }) => (UNAUTHENTICATED, why),
        Some(Refusal::Denied { .. }) => (PERMISSION_DENIED, "the policy does not allow it"),
        Some(Refusal::Unavailable) | None => (UNAVAILABLE, "this cannot be done right now; try again later"),
    }
}

fn insert_problem(headers: &mut HeaderMap, body: Full<Bytes>) {
    // A full body is there at once.
    let Some(Ok(problem)) = body.collect().now_or_never() else { return };
    if let Ok(value) = HeaderValue::try_from(STANDARD_NO_PAD.encode(problem.to_bytes())) {
        headers.insert("handset-problem-bin", value);
    }
}

const PERMISSION_DENIED: u16 = 7;
const UNAVAILABLE: u16 = 14;
const UNAUTHENTICATED: u16 = 16;
