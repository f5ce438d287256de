//! What an exchange said, for people to look at: without what opens the account, and cut.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::body::Body;
use bytes::Bytes;
use http::{
    HeaderMap,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use http_body::{Frame, SizeHint};
use serde::Serialize;
use serde_json::Value;

/// What one side of an exchange said. Values that open the account (tokens, keys, secrets) read `[redacted]`. `Debug` hides the rest.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Content {
    /// The headers that say something here, such as `content-type: application/json`.
    pub headers: Vec<String>,
    /// The query of a request, a line for each parameter: `phone=37126123456`.
    pub query: Vec<String>,
    /// The body: JSON laid out in lines and its members sorted, a form with a line for each field, and other text as it is. At most 4 KiB.
    pub body: String,
    /// How many bytes of the body are not shown.
    pub left_out: u64,
}

impl Content {
    /// Of a request.
    pub(super) fn of_request(headers: &HeaderMap, query: Option<&str>, body: &[u8]) -> Self {
        let query = fields(query.unwrap_or_default().as_bytes());
        Self { query, ..Self::of(headers, body, 0) }
    }

    /// Of a body, and so many bytes more of it that nobody has kept.
    pub(super) fn of(headers: &HeaderMap, body: &[u8], lost: u64) -> Self {
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let mut shown = match std::str::from_utf8(body) {
            Ok(text) if is_json(kind, text) => match serde_json::from_str(text) {
                Ok(value) => laid_out(value),
                // A part of it could be a secret, and nobody can tell which.
                Err(error) => format!("[{} bytes that are no JSON: {error}]", text.len()),
            },
            Ok(text) if kind.starts_with("application/x-www-form-urlencoded") => fields(text.as_bytes()).join("\n"),
            Ok(text) => text.to_owned(),
            Err(_) => format!("[{} bytes that are no text]", body.len()),
        };
        // Between two characters.
        let kept =
            (0..=shown.len().min(LONGEST_SHOWN)).rev().find(|at| shown.is_char_boundary(*at)).unwrap_or_default();
        let left_out = lost + (shown.len() - kept) as u64;
        shown.truncate(kept);
        Self { headers: headers_of(headers), query: Vec::new(), body: shown, left_out }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.body.len())
    }
}

fn is_json(kind: &str, text: &str) -> bool {
    kind.contains("json") || (kind.is_empty() && text.starts_with(['{', '[']))
}

fn laid_out(mut value: Value) -> String {
    redact(&mut value);
    serde_json::to_string_pretty(&value).unwrap_or_default()
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match opens_something(name) {
                    true => *value = Value::from(REDACTED),
                    false => redact(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(redact),
        _ => {}
    }
}

fn fields(encoded: &[u8]) -> Vec<String> {
    let shown = |name: &str, value: &str| match opens_something(name) {
        true => format!("{name}={REDACTED}"),
        false => format!("{name}={value}"),
    };
    form_urlencoded::parse(encoded).map(|(name, value)| shown(&name, &value)).collect()
}

fn headers_of(headers: &HeaderMap) -> Vec<String> {
    let shown = headers.iter().filter_map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        match name.as_str() {
            // The scheme is what people get wrong. Zadarma's has none.
            _ if name == AUTHORIZATION => match value.split_once(' ') {
                Some((scheme, _)) if scheme.len() < 20 => Some(format!("{name}: {scheme} {REDACTED}")),
                _ => Some(format!("{name}: {REDACTED}")),
            },
            "x-auth-token" => Some(format!("{name}: {REDACTED}")),
            other if SHOWN.contains(&other) || other.starts_with("x-ratelimit-") => Some(format!("{name}: {value}")),
            _ => None,
        }
    });
    shown.collect()
}

/// Whether a field of this name, or a parameter, holds something that opens an account or stands for it.
fn opens_something(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRETS.contains(&name.as_str())
}

/// A body on its way, of which a part is kept. When it is gone, whoever waits for it is told.
pub(super) struct Kept<F: FnOnce(Content) + Unpin> {
    inner: Body,
    headers: HeaderMap,
    kept: Vec<u8>,
    lost: u64,
    tell: Option<F>,
}

impl<F: FnOnce(Content) + Unpin> Kept<F> {
    pub(super) fn new(inner: Body, headers: HeaderMap, tell: F) -> Self {
        Self { inner, headers, kept: Vec::new(), lost: 0, tell: Some(tell) }
    }
}

impl<F: FnOnce(Content) + Unpin> http_body::Body for Kept<F> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            let room = LONGEST_KEPT - self.kept.len();
            let (kept, lost) = data.split_at(data.len().min(room));
            self.kept.extend_from_slice(kept);
            self.lost += lost.len() as u64;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<F: FnOnce(Content) + Unpin> Drop for Kept<F> {
    fn drop(&mut self) {
        if let Some(tell) = self.tell.take() {
            tell(Content::of(&self.headers, &self.kept, self.lost));
        }
    }
}

const REDACTED: &str = "[redacted]";

/// Bytes of a body that are read, so that JSON can be laid out.
pub(super) const LONGEST_KEPT: usize = 64 * 1024;

const LONGEST_SHOWN: usize = 4 * 1024;

const SHOWN: [&str; 9] = [
    "accept",
    "accept-language",
    "content-type",
    "digest",
    "location",
    "retry-after",
    "signature",
    "signature-input",
    "www-authenticate",
];

const SECRETS: [&str; 14] = [
    "access_token",
    "api_key",
    "apikey",
    "assertion",
    "client_assertion",
    "client_notification_token",
    "client_secret",
    "id_token",
    "key",
    "password",
    "refresh_token",
    "secret",
    "signature_key",
    "token",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn what_opens_the_account_is_not_shown() {
        for (authorization, shown) in [
            ("Bearer hunter2", "Bearer [redacted]"),
            ("Basic aHVudGVyMg==", "Basic [redacted]"),
            ("hunter2:abc", "[redacted]"),
        ] {
            let head = headers(&[("authorization", authorization), ("x-auth-token", "hunter2"), ("cookie", "hunter2")]);
            let content = Content::of_request(&head, Some("phone=%2B371&token=hunter2"), b"");
            assert_eq!(content.headers, [format!("authorization: {shown}"), "x-auth-token: [redacted]".to_owned()]);
            assert_eq!(content.query, ["phone=+371", "token=[redacted]"]);
        }
        for (kind, body) in [
            ("application/json", r#"{"a":[{"Client_Secret":"hunter2"},{"access_token":{"x":"hunter2"}}],"ok":1}"#),
            ("application/x-www-form-urlencoded", "client_secret=hunter2&ok=1"),
            ("application/json; charset=utf-8", r#"{"client_secret":"hunter2"#),
        ] {
            let content = Content::of(&headers(&[("content-type", kind)]), body.as_bytes(), 0);
            assert!(!content.body.contains("hunter2"), "{}", content.body);
        }
    }

    #[test]
    fn what_is_long_is_cut_and_what_is_no_text_is_counted() {
        let json = headers(&[("content-type", "application/json")]);
        assert_eq!(
            Content::of(&json, br#"{"b":1,"a":["x"]}"#, 0).body,
            "{\n  \"a\": [\n    \"x\"\n  ],\n  \"b\": 1\n}"
        );
        let long = Content::of(&HeaderMap::new(), "é".repeat(5000).as_bytes(), 7);
        assert_eq!((long.body.len(), long.left_out), (4096, 10_000 - 4096 + 7));
        assert_eq!(Content::of(&HeaderMap::new(), b"\xff\xfe", 0).body, "[2 bytes that are no text]");
    }
}
