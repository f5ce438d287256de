//! Reading a request's body: bounded in size and time, of the right type, with errors that say what to mend and repeat no value.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use tokio::time::timeout;
use tower::BoxError;

use crate::problem::Problem;

/// Reads a JSON body of at most [`MAX_BODY`] bytes, which are here within `time_out`.
pub(super) async fn json<T, B>(headers: &HeaderMap, body: B, time_out: Duration) -> Result<T, Problem>
where
    T: DeserializeOwned,
    B: Body,
    B::Error: Into<BoxError>,
{
    if !is_json(headers) {
        return Err(Problem::new(
            "unsupported-media-type",
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The body has another type than JSON",
            "send `Content-Type: application/json`",
        ));
    }
    parse(&bytes(body, time_out).await?)
}

/// The same for a body of whatever type.
pub(super) async fn bytes<B>(body: B, time_out: Duration) -> Result<Bytes, Problem>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    match timeout(time_out, Limited::new(body, MAX_BODY).collect()).await {
        Ok(read) => Ok(read.map_err(|error| unread(&error))?.to_bytes()),
        Err(_) => Err(too_slow(time_out)),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(one), None) = (types.next(), types.next()) else { return false };
    let essence = one.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

fn unread(error: &BoxError) -> Problem {
    if error.is::<LengthLimitError>() {
        let detail = format!("send at most {MAX_BODY} bytes");
        Problem::new("body-too-large", StatusCode::PAYLOAD_TOO_LARGE, "The body is too large", detail)
    } else {
        invalid("the body broke off; send it again")
    }
}

fn too_slow(time_out: Duration) -> Problem {
    let detail = format!("send the whole body within {}", humantime::format_duration(time_out));
    Problem::new("body-too-slow", StatusCode::REQUEST_TIMEOUT, "The body came too slowly", detail)
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
    use std::convert::Infallible;

    use futures_util::stream;
    use http_body::Frame;
    use http_body_util::{Full, StreamBody};
    use serde::Deserialize;
    use tokio::time::sleep;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Shape {
        #[expect(dead_code, reason = "only its reading is tested")]
        code: String,
    }

    /// A body of this many bytes, of which one comes each millisecond.
    fn trickle(bytes: u32) -> impl Body<Data = Bytes, Error = Infallible> {
        StreamBody::new(Box::pin(stream::unfold(0, move |sent| async move {
            sleep(Duration::from_millis(1)).await;
            (sent < bytes).then(|| (Ok(Frame::data(Bytes::from_static(b"x"))), sent + 1))
        })))
    }

    #[tokio::test]
    async fn e6_a_body_is_here_in_time_or_refused() {
        assert_eq!(bytes(trickle(8), Duration::from_secs(20)).await.unwrap().len(), 8);
        // However steadily it comes.
        let problem = bytes(trickle(u32::MAX), Duration::from_millis(50)).await.unwrap_err();
        let shown = format!("{problem:?}");
        assert!(shown.contains("body-too-slow") && shown.contains("within 50ms"), "{shown}");
        // What is here does not wait for the clock.
        assert_eq!(bytes(Full::new(Bytes::from_static(b"x")), Duration::ZERO).await.unwrap(), "x");
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
