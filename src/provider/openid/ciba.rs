//! Client-initiated backchannel authentication, asked for and polled (CIBA Core 1.0).

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    error::{ErrorKind, Result},
    provider::oauth::{Grant, Poll, nonsense, refusal},
};

/// A request that the server has taken, as it is to be asked about.
#[derive(Serialize, Deserialize)]
pub(crate) struct Awaited {
    auth_req_id: Zeroizing<String>,
    /// Seconds between two questions.
    interval: u32,
}

/// What became of a request.
pub(crate) enum Outcome {
    /// Nothing yet, or it is too early to ask.
    Pending,
    /// Whoever was asked said no.
    Denied,
    Granted(Grant),
}

impl Awaited {
    /// What asks about it (CIBA Core, section 10.1).
    pub(super) fn question(&self) -> [(&'static str, &str); 2] {
        [("grant_type", "urn:openid:params:grant-type:ciba"), ("auth_req_id", &self.auth_req_id)]
    }

    /// How it may be asked about.
    pub(super) fn poll(&self) -> Poll<'_> {
        Poll { id: &self.auth_req_id, interval: Duration::from_secs(self.interval.max(1).into()) }
    }
}

/// Reads the answer to a request (CIBA Core, section 7.3): what is awaited, and for how long.
pub(super) fn read_awaited(
    answer: &Response<Bytes>,
    words: fn(&str) -> Option<(ErrorKind, &'static str)>,
) -> Result<(Awaited, Duration)> {
    #[derive(Deserialize)]
    struct Body {
        auth_req_id: Zeroizing<String>,
        expires_in: u32,
        #[serde(default)]
        interval: Option<u32>,
    }
    if answer.status() != StatusCode::OK {
        return Err(refusal(answer, words));
    }
    // No source: it could show a part of the id.
    let body: Body =
        serde_json::from_slice(answer.body()).map_err(|_| nonsense("answered without an `auth_req_id`"))?;
    if body.auth_req_id.is_empty() {
        return Err(nonsense("answered with an `auth_req_id` that is empty"));
    }
    let awaited = Awaited { auth_req_id: body.auth_req_id, interval: body.interval.unwrap_or(INTERVAL) };
    Ok((awaited, Duration::from_secs(body.expires_in.into())))
}

/// The interval of a server that names none, in seconds (CIBA Core, section 7.3).
const INTERVAL: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> Result<(Awaited, Duration)> {
        read_awaited(&Response::builder().status(status).body(Bytes::from(body.to_owned())).unwrap(), |_| None)
    }

    /// The example of CIBA Core, section 7.3.
    #[test]
    fn the_answer_printed_in_the_specification_is_read() {
        let body = r#"{"auth_req_id": "1c266114-a1be-4252-8ad1-04986c5b9ac1", "expires_in": 120, "interval": 2}"#;
        let (awaited, expires_in) = read(200, body).unwrap();
        assert_eq!((expires_in, awaited.poll().interval), (Duration::from_secs(120), Duration::from_secs(2)));
        assert_eq!(
            awaited.question(),
            [
                ("grant_type", "urn:openid:params:grant-type:ciba"),
                ("auth_req_id", "1c266114-a1be-4252-8ad1-04986c5b9ac1")
            ]
        );
    }

    #[test]
    fn what_is_no_answer_is_refused_and_not_shown() {
        let (awaited, _) = read(200, r#"{"auth_req_id":"s3cret","expires_in":60}"#).unwrap();
        assert_eq!(awaited.poll().interval, Duration::from_secs(5));
        let (awaited, _) = read(200, r#"{"auth_req_id":"s3cret","expires_in":60,"interval":0}"#).unwrap();
        assert_eq!(awaited.poll().interval, Duration::from_secs(1), "never round and round");
        for (status, body, kind) in [
            (200, "", ErrorKind::Unavailable),
            (200, r#"{"auth_req_id":"s3cret"}"#, ErrorKind::Unavailable),
            (200, r#"{"auth_req_id":"","expires_in":60}"#, ErrorKind::Unavailable),
            (200, r#"{"auth_req_id":"s3cret","expires_in":-1}"#, ErrorKind::Unavailable),
            (200, r#"{"auth_req_id":"s3cret","expires_in":60,"interval":"2"}"#, ErrorKind::Unavailable),
            (200, r#"{"auth_req_id":"s3cret","expires_in":60,"interval":9999999999}"#, ErrorKind::Unavailable),
            (201, r#"{"auth_req_id":"s3cret","expires_in":60}"#, ErrorKind::Unavailable),
            (400, r#"{"error":"invalid_request"}"#, ErrorKind::Misconfigured),
            (400, r#"{"error":"unauthorized_client"}"#, ErrorKind::Misconfigured),
            (400, r#"{"error":"unknown_user_id"}"#, ErrorKind::Rejected),
            (400, r#"{"error":"invalid_scope"}"#, ErrorKind::Misconfigured),
            (400, r#"{"error":"invalid_request_object"}"#, ErrorKind::Misconfigured),
            (400, r#"{"error":"missing_user_code"}"#, ErrorKind::Unsupported),
            (401, r#"{"error":"invalid_client"}"#, ErrorKind::Misconfigured),
            (403, r#"{"error":"access_denied"}"#, ErrorKind::Unavailable),
            (429, "", ErrorKind::RateLimited),
        ] {
            let error = read(status, body).err().unwrap();
            assert_eq!(error.kind(), kind, "{body}");
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }
}
