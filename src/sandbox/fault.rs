//! The faults that every vendor can have: they know nothing of what is asked or answered.

use std::{future::pending, io, time::Duration};

use axum::{
    body::Body,
    response::{Html, IntoResponse, Response},
};
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderValue, StatusCode, header};

use crate::sandbox::{
    common::Stop,
    knob::{Dials, Knob},
};

/// A vendor's JSON answer, before it is spoilt.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: serde_json::Value,
}

/// Answers as the knobs say. `serve` does what was asked; it is called unless the knobs say that nothing happens.
pub(super) async fn answer(dials: &Dials, stop: &Stop, serve: impl FnOnce() -> Answer) -> Response {
    let wait = async {
        tokio::time::sleep(dials.latency()).await;
        if dials.has(&Knob::TimeOut) {
            pending::<()>().await;
        }
    };
    if stop.unless_stopped(wait).await.is_none() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    dials.find(instead).unwrap_or_else(|| spoil(dials, stop, serve()))
}

/// The answer of a vendor that did nothing.
fn instead(knob: &Knob) -> Option<Response> {
    match knob {
        Knob::Http500 => Some((StatusCode::INTERNAL_SERVER_ERROR, "internal server error").into_response()),
        Knob::Http502 => Some(proxy(StatusCode::BAD_GATEWAY)),
        Knob::Http503(wait) => {
            Some((StatusCode::SERVICE_UNAVAILABLE, [after(*wait)], "try again later").into_response())
        }
        Knob::Http504 => Some(proxy(StatusCode::GATEWAY_TIMEOUT)),
        Knob::Html => Some(Html("<!doctype html><title>Maintenance</title><p>We will be back soon.").into_response()),
        Knob::Redirect(url) => {
            let location = HeaderValue::from_str(url).ok()?;
            Some((StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response())
        }
        _ => None,
    }
}

/// The page of a proxy whose server is gone.
fn proxy(status: StatusCode) -> Response {
    (status, Html(format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>")))
        .into_response()
}

/// `Retry-After` in whole seconds, rounded up.
fn after(wait: Duration) -> (header::HeaderName, HeaderValue) {
    (header::RETRY_AFTER, HeaderValue::from(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)))
}

/// What is left on the wire of a true answer.
fn spoil(dials: &Dials, stop: &Stop, Answer { status, body }: Answer) -> Response {
    let mut text = body.to_string();
    if dials.has(&Knob::WrongJson) {
        text.truncate(text.len() / 2);
    }
    if dials.has(&Knob::BigBody) {
        // Still JSON: nothing but the size is wrong with it.
        text.extend(std::iter::repeat_n(' ', BIG));
    }
    let body = match dials.slow_body() {
        _ if dials.has(&Knob::DropConnection) => broken(text),
        Some(wait) => Body::from_stream(trickle(text, wait).take_until(stop.wait())),
        None => Body::from(text),
    };
    let mut response =
        (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response();
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().extend(dials.too_many().map(after));
    }
    response
}

/// A body that ends the connection after its first half.
fn broken(mut text: String) -> Body {
    text.truncate(text.len() / 2);
    let hung_up = async {
        // What is there goes out first.
        tokio::task::yield_now().await;
        Err(io::Error::new(io::ErrorKind::ConnectionAborted, "a knob hung up"))
    };
    Body::from_stream(stream::iter([Ok(text)]).chain(stream::once(hung_up)))
}

/// A body that comes byte by byte, and then goes on with blanks.
fn trickle(text: String, wait: Duration) -> impl Stream<Item = io::Result<Vec<u8>>> {
    let bytes = text.into_bytes().into_iter().chain(std::iter::repeat(b' '));
    stream::unfold(bytes, move |mut bytes| async move {
        tokio::time::sleep(wait).await;
        bytes.next().map(|byte| (Ok(vec![byte]), bytes))
    })
}

/// How many blanks [`Knob::BigBody`] adds.
const BIG: usize = 2 * 1024 * 1024;
