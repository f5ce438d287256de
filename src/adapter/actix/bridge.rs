//! Between the types of `http` 0.2, which actix-web speaks, and those of 1. Heads are copied, bodies are not: both sides have
//! the same `Bytes`.

use std::sync::Arc;

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    dev::ServiceRequest,
    http::{
        StatusCode, Version,
        header::{HeaderName, HeaderValue},
    },
    web,
};
use bytes::Bytes;
use futures_util::{FutureExt, TryStreamExt};
use http::{Request, Response, request::Parts};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};

use crate::{
    endpoint::Endpoints,
    ids::Subject,
    layer::{PROOF_HEADER, Passed, Refusal, Visitor},
    problem::Problem,
    proof::Proof,
    verifier::{Caller, Facts},
};

/// The head of a request, with what the application has said about it.
pub(super) fn head(request: &HttpRequest) -> Result<Parts, Problem> {
    let mut head = Request::builder()
        .method(request.method().as_str())
        .uri(request.uri().to_string())
        .version(version(request.version()));
    for (name, value) in request.headers() {
        head = head.header(name.as_str(), value.as_bytes());
    }
    let (mut head, ()) = head.body(()).map_err(|_| unread())?.into_parts();
    let said = request.extensions();
    carry::<Subject>(said.get(), &mut head.extensions);
    carry::<Facts>(said.get(), &mut head.extensions);
    carry::<Caller>(said.get(), &mut head.extensions);
    drop(said);
    Ok(head)
}

/// Leaves with the request what the layer has left in its head.
pub(super) fn leave(mut head: Parts, request: &mut ServiceRequest) {
    if let Some(proof) = head.extensions.remove::<Arc<Proof>>() {
        request.extensions_mut().insert(proof);
    }
    if let Some(passed) = head.extensions.remove::<Passed>() {
        request.extensions_mut().insert(passed);
    }
    if let Some(visitor) = head.extensions.remove::<Visitor>() {
        request.extensions_mut().insert(visitor);
    }
    if !head.headers.contains_key(PROOF_HEADER) {
        request.headers_mut().remove(PROOF_HEADER);
    }
}

/// Has the endpoints answer.
pub(super) async fn serve(endpoints: &Endpoints, request: &HttpRequest, body: web::Payload) -> HttpResponse {
    let answer = match head(request) {
        Ok(head) => endpoints.answer_below(head, StreamBody::new(body.map_ok(Frame::data))).await,
        Err(problem) => problem.into_response(),
    };
    reply(answer)
}

/// The same response for actix-web.
pub(super) fn reply(response: Response<Full<Bytes>>) -> HttpResponse {
    let (head, body) = response.into_parts();
    let status = StatusCode::from_u16(head.status.as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    // A full body is there at once, in one piece.
    let body = body.collect().now_or_never().and_then(Result::ok).unwrap_or_default().to_bytes();
    let mut reply = HttpResponse::with_body(status, body);
    for (name, value) in &head.headers {
        if let (Ok(name), Ok(value)) = (name.as_str().parse::<HeaderName>(), HeaderValue::from_bytes(value.as_bytes()))
        {
            reply.headers_mut().append(name, value);
        }
    }
    if let Some(refusal) = head.extensions.get::<Refusal>() {
        reply.extensions_mut().insert(refusal.clone());
    }
    reply.map_into_boxed_body()
}

fn carry<T: Clone + Send + Sync + 'static>(said: Option<&T>, to: &mut http::Extensions) {
    if let Some(said) = said {
        to.insert(said.clone());
    }
}

fn version(version: Version) -> http::Version {
    match version {
        Version::HTTP_10 => http::Version::HTTP_10,
        Version::HTTP_2 => http::Version::HTTP_2,
        _ => http::Version::HTTP_11,
    }
}

/// Both libraries take the same heads, so this is not seen.
fn unread() -> Problem {
    let detail = "the head of the request cannot be read";
    Problem::new("invalid-request", http::StatusCode::BAD_REQUEST, "The request cannot be used", detail)
}
