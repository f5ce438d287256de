//! The faults that every vendor can have: they know nothing of what is asked or answered.

use std::{future::pending, io};

use axum::{
    body::Body,
    response::{Html, IntoResponse, Response},
};
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
    dials.find(instead).unwrap_or_else(|| spoil(dials, serve()))
}

/// The answer of a vendor that did nothing.
fn instead(knob: &Knob) -> Option<Response> {
    match knob {
        Knob::Http500 => Some((StatusCode::INTERNAL_SERVER_ERROR, "internal server error").into_response()),
        Knob::Html => Some(Html("<!doctype html><title>Maintenance</title><p>We will be back soon.").into_response()),
        Knob::Redirect(url) => {
            let location = HeaderValue::from_str(url).ok()?;
            Some((StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response())
        }
        _ => None,
    }
}

/// What is left on the wire of a true answer.
fn spoil(dials: &Dials, Answer { status, body }: Answer) -> Response {
    let mut text = body.to_string();
    if dials.has(&Knob::WrongJson) {
        text.truncate(text.len() / 2);
    }
    if dials.has(&Knob::BigBody) {
        // Still JSON: nothing but the size is wrong with it.
        text.extend(std::iter::repeat_n(' ', BIG));
    }
    let body = if dials.has(&Knob::DropConnection) { broken(text) } else { Body::from(text) };
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

/// A body that ends the connection after its first half.
fn broken(mut text: String) -> Body {
    text.truncate(text.len() / 2);
    let hung_up = io::Error::new(io::ErrorKind::ConnectionAborted, "a knob hung up");
    Body::from_stream(futures_util::stream::iter([Ok(text), Err(hung_up)]))
}

/// How many blanks [`Knob::BigBody`] adds.
const BIG: usize = 2 * 1024 * 1024;
