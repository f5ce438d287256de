//! What people and tests look at and turn: handsets and knobs over HTTP.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State},
    response::{
        IntoResponse, Response,
        sse::{self, KeepAlive, Sse},
    },
    routing::{get, post},
};
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    error::{Error, ErrorKind, Result},
    sandbox::{
        common::Common,
        device::{Opened, Over},
        handset::inbox,
        knob::Scope,
        line::Line,
    },
};

/// The routes that belong to no vendor.
pub(super) fn router(common: Arc<Common>) -> Router {
    Router::new()
        .route("/handsets", get(handsets))
        .route("/handsets/{number}/events", get(events))
        .route("/handsets/{number}/open", post(open))
        .route("/handsets/{number}/answer", post(answer))
        .route("/handsets/{number}/press", post(press))
        .route("/handsets/{number}/hang_up", post(hang_up))
        .route("/knobs", get(knobs).put(set_knobs).delete(clear_knobs))
        .with_state(common)
}

async fn handsets(State(common): State<Arc<Common>>) -> Json<Vec<String>> {
    Json(common.handsets.numbers())
}

async fn events(
    State(common): State<Arc<Common>>,
    Path(number): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let line = common.handsets.line(&number_of(&number)?);
    if !accepts_stream(&headers) {
        return Ok(Json(line.since(0)).into_response());
    }
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok()).unwrap_or(0);
    // An id from before a restart: begin again rather than stay silent.
    let seen = if last > line.latest() { 0 } else { last };
    let live = Sse::new(live(line, seen).take_until(common.stop.wait())).keep_alive(KeepAlive::default());
    Ok(([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], live).into_response())
}

/// The events after one, those that are there and those to come.
fn live(line: Arc<Line>, seen: u64) -> impl Stream<Item = Result<sse::Event, Infallible>> {
    stream::unfold((line, seen), |(line, seen)| async move {
        let event = line.after(seen).await;
        let id = event.id();
        let data = serde_json::to_string(&event).unwrap_or_default();
        Some((Ok(sse::Event::default().id(id.to_string()).data(data)), (line, id)))
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Open {
    url: String,
    over: Over,
}

async fn open(
    State(common): State<Arc<Common>>,
    Path(number): Path<String>,
    body: Bytes,
) -> Result<Json<Opened>, Problem> {
    let Open { url, over } = serde_json::from_slice(&body).map_err(|wrong| {
        let shape = r#"a URL is opened with {"url": "..", "over": "mobile_data"} or "wifi""#;
        Error::new(ErrorKind::InvalidInput, format!("{shape}: {wrong}"))
    })?;
    Ok(Json(common.handsets.handset(&number_of(&number)?).open(&url, over).await?))
}

async fn answer(State(common): State<Arc<Common>>, Path(number): Path<String>) -> Result<Json<Value>, Problem> {
    let answered = common.handsets.handset(&number_of(&number)?).answer();
    Ok(Json(json!({ "answered": answered })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Press {
    digits: String,
}

async fn press(
    State(common): State<Arc<Common>>,
    Path(number): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let Press { digits } = serde_json::from_slice(&body).map_err(|wrong| {
        Error::new(ErrorKind::InvalidInput, format!(r#"keys are pressed with {{"digits": "1"}}: {wrong}"#))
    })?;
    let pressed = common.handsets.handset(&number_of(&number)?).press(&digits)?;
    Ok(Json(json!({ "pressed": pressed })))
}

async fn hang_up(State(common): State<Arc<Common>>, Path(number): Path<String>) -> Result<StatusCode, Problem> {
    common.handsets.handset(&number_of(&number)?).hang_up();
    Ok(StatusCode::NO_CONTENT)
}

async fn knobs(State(common): State<Arc<Common>>) -> Json<Value> {
    Json(common.knobs.to_json())
}

/// `{"number": "+371..", knob: value, ..}` replaces the knobs of a number, with `vendor` those of a vendor; with neither, those
/// for all.
async fn set_knobs(State(common): State<Arc<Common>>, body: Bytes) -> Result<Json<Value>, Problem> {
    let mut knobs: Map<String, Value> = serde_json::from_slice(&body).map_err(|wrong| {
        Error::new(ErrorKind::InvalidInput, format!("knobs are a JSON object such as {{\"latency\": 250}}: {wrong}"))
    })?;
    let whose = Whose {
        number: taken(&mut knobs, "number", "`number` is a string such as \"+37126123456\"")?,
        vendor: taken(&mut knobs, "vendor", "`vendor` is a string such as \"citcall\"")?,
    };
    whose.with(|scope| common.knobs.replace(scope, knobs))??;
    Ok(Json(common.knobs.to_json()))
}

fn taken(knobs: &mut Map<String, Value>, name: &str, shape: &'static str) -> Result<Option<String>> {
    match knobs.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Error::new(ErrorKind::InvalidInput, shape)),
    }
}

/// A scope as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whose {
    number: Option<String>,
    vendor: Option<String>,
}

impl Whose {
    fn with<T>(&self, turn: impl FnOnce(Scope<'_>) -> T) -> Result<T> {
        match (&self.number, &self.vendor) {
            (Some(_), Some(_)) => Err(Error::new(
                ErrorKind::InvalidInput,
                "knobs are those of a `number` or those of a `vendor`: name one, and turn them again for the other",
            )),
            (Some(number), None) => Ok(turn(Scope::Number(&number_of(number)?))),
            (None, Some(vendor)) => Ok(turn(Scope::Vendor(vendor))),
            (None, None) => Ok(turn(Scope::All)),
        }
    }
}

async fn clear_knobs(State(common): State<Arc<Common>>, Query(mut whose): Query<Whose>) -> Result<StatusCode, Problem> {
    // In a query `+` stands for a blank.
    whose.number = whose.number.map(|number| number.trim_start().to_owned());
    whose.with(|scope| match scope {
        Scope::All => common.knobs.reset(),
        scope => common.knobs.clear(scope),
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads a number with or without `+`, or an e-mail address.
pub(super) fn number_of(text: &str) -> Result<String> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let number = (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if number || text.contains('@') {
        Ok(inbox(text))
    } else {
        Err(Error::new(
            ErrorKind::InvalidInput,
            "a handset's number has 1 to 15 digits, with or without `+` before them; an address has an `@`",
        ))
    }
}

fn accepts_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| kind.trim().starts_with("text/event-stream"))
}

/// A request that cannot be served, told in an RFC 9457 body.
pub(super) struct Problem(Error);

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({ "title": "Bad Request", "status": 400, "detail": self.0.to_string() });
        let kind = HeaderValue::from_static("application/problem+json");
        (StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, kind)], Json(body)).into_response()
    }
}
