//! Reading a request's body: bounded in size and time, of the right type, with errors that say what to mend and repeat no value.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use http_body::Body;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use tower::BoxError;

use crate::{
    body::{Unread, read},
    problem::Problem,
};

/// Reads a JSON body of at most [`MAX_BODY`] bytes, which are here within `time_out`.
pub(super) async fn json<T, B>(headers: &HeaderMap, body: B, time_out: Duration) -> Result<T, Problem>
where
    T: DeserializeOwned,
    B: Body,
    B::Error: Into<BoxError>,
{
    if !is_of_type(headers, "application/json") {
        return Err(Problem::new(
            "unsupported-media-type",
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The body has another type than JSON",
            "send `Content-Type: application/json`",
        ));
    }
    parse(&bytes(body, time_out).await?)
}

/// Reads a form of at most [`MAX_BODY`] bytes.
#[cfg(feature = "ui")]
pub(super) async fn form<B>(headers: &HeaderMap, body: B, time_out: Duration) -> Option<Bytes>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    match is_of_type(headers, "application/x-www-form-urlencoded") {
        true => bytes(body, time_out).await.ok(),
        false => None,
    }
}

/// Reads a body of at most [`MAX_BODY`] bytes, of whatever type.
pub(super) async fn bytes<B>(body: B, time_out: Duration) -> Result<Bytes, Problem>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    read(body, MAX_BODY, time_out).await.map_err(|why| unread(why, time_out))
}

fn is_of_type(headers: &HeaderMap, wanted: &str) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(one), None) = (types.next(), types.next()) else { return false };
    let essence = one.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(wanted)
}

fn unread(why: Unread, time_out: Duration) -> Problem {
    match why {
        Unread::TooLarge => {
            let detail = format!("send at most {MAX_BODY} bytes");
            Problem::new("body-too-large", StatusCode::PAYLOAD_TOO_LARGE, "The body is too large", detail)
        }
        Unread::TooSlow => {
            let detail = format!("send the whole body within {}", humantime::format_duration(time_out));
            Problem::new("body-too-slow", StatusCode::REQUEST_TIMEOUT, "The body came too slowly", detail)
        }
        Unread::BrokenOff => invalid("the body broke off; send it again"),
    }
}

fn parse<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, Problem> {
    // Left to itself, serde reads a struct from a list of its values as well.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(invalid("send a JSON object"));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        match (error.classify(), complaint(&error.to_string())) {
            // What is missing has no place.
            (Category::Data, missing) if missing.starts_with("missing ") => invalid(missing),
            (Category::Data, complaint) => invalid(format!("{complaint} ({place})")),
            _ => invalid(format!("the body is not JSON: see {place}")),
        }
    })
}

/// What serde says, unless it repeats a value, which may be a code or a phone number.
fn complaint(said: &str) -> String {
    let said = said.split(" at line ").next().unwrap_or_default();
    match said.split_once(", expected ") {
        Some((wrong, expected)) if wrong.starts_with("invalid ") => {
            format!("a field has the wrong type: expected {expected}")
        }
        Some((wrong, expected)) if wrong.starts_with("unknown ") => {
            format!("a field is unknown: expected {expected}")
        }
        _ if said.starts_with("missing field ") || said.starts_with("duplicate field ") => said.to_owned(),
        _ => "a field has a value that cannot be used".to_owned(),
    }
}

fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new("invalid-request", StatusCode::BAD_REQUEST, "The request cannot be used", detail)
}

/// The most bytes of a body that are read.
const MAX_BODY: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Shape {
        #[expect(dead_code, reason = "only its reading is tested")]
        code: String,
    }

    #[test]
    fn no_complaint_repeats_a_value() {
        for (text, says) in [
            (r#"{"code": 123456}"#, "expected a string"),
            (r#"{"code": "1", "x123456": 1}"#, "expected `code`"),
            (r#"{"code": "1", "code": "123456"}"#, "duplicate field `code`"),
            (r#"{}"#, "missing field `code`"),
            (r#"["123456"]"#, "send a JSON object"),
            (r#""123456""#, "send a JSON object"),
            ("", "send a JSON object"),
            (r#"{"code": "123456""#, "not JSON"),
        ] {
            let problem = parse::<Shape>(&Bytes::from(text)).unwrap_err();
            let shown = format!("{problem:?}");
            assert!(shown.contains(says), "{text}: {shown}");
            assert!(!shown.contains("123456"), "{text}: {shown}");
        }
    }
}
