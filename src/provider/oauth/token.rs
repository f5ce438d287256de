//! What the token endpoint answers (RFC 6749, section 5).

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use serde::Deserialize;
use tokio::time::{Instant, error::Elapsed, timeout_at};

use super::refusal::{nonsense, refusal};
use crate::{
    error::{Error, ErrorKind, Result},
    secret::Secret,
};

/// An access token whose `id_token`, if one came along, was checked. Good for one use, and not for long.
pub(crate) struct Grant {
    access_token: Secret,
    until: Instant,
}

impl Grant {
    /// Uses the token up: `send` gets the value of the `Authorization` header, and the time that the token has left.
    pub(crate) async fn spend<T>(self, send: impl AsyncFnOnce(HeaderValue) -> Result<T>) -> Result<T> {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", self.access_token.expose()))
            .map_err(|_| nonsense("answered with an access token that cannot be sent"))?;
        bearer.set_sensitive(true);
        timeout_at(self.until, send(bearer)).await.map_err(too_late)?
    }
}

/// The answer itself. Whatever else the server gives, a refresh token too, is not read.
#[derive(Deserialize)]
pub(crate) struct Answer {
    access_token: Secret,
    token_type: String,
    #[serde(default)]
    expires_in: Option<u64>,
    #[serde(default)]
    pub(crate) id_token: Option<Secret>,
}

impl Answer {
    /// For how long the token is used at most: what the server says, and no more than the 300 seconds that operators agreed on.
    pub(crate) fn lifetime(&self) -> Duration {
        self.expires_in.map_or(LONGEST_TOKEN, Duration::from_secs).min(LONGEST_TOKEN)
    }

    pub(crate) fn into_grant(self, until: Instant) -> Grant {
        Grant { access_token: self.access_token, until }
    }
}

/// Reads the answer to a request for a token.
pub(crate) fn read_token(
    answer: &Response<Bytes>,
    words: fn(&str) -> Option<(ErrorKind, &'static str)>,
) -> Result<Answer> {
    if answer.status() != StatusCode::OK {
        return Err(refusal(answer, words));
    }
    // No source: it could show a part of the token.
    let answer: Answer =
        serde_json::from_slice(answer.body()).map_err(|_| nonsense("answered without an access token"))?;
    if !answer.token_type.eq_ignore_ascii_case("bearer") || answer.access_token.expose().is_empty() {
        return Err(nonsense("answered with an access token that is no bearer token"));
    }
    Ok(answer)
}

pub(crate) fn too_late(source: Elapsed) -> Error {
    nonsense("took longer than its access token lives").with_source(source)
}

/// The longest that a token is used.
const LONGEST_TOKEN: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    fn given(body: &str) -> Result<Answer> {
        read_token(&Response::new(Bytes::from(body.to_owned())), |_| None)
    }

    #[test]
    fn f2_a_token_is_used_for_five_minutes_at_most() {
        for (body, seconds) in [
            (r#"{"access_token":"t","token_type":"Bearer"}"#, 300),
            (r#"{"access_token":"t","token_type":"bearer","expires_in":null}"#, 300),
            (r#"{"access_token":"t","token_type":"Bearer","expires_in":3600,"refresh_token":"r"}"#, 300),
            (r#"{"access_token":"t","token_type":"Bearer","expires_in":60,"scope":"x"}"#, 60),
            (r#"{"access_token":"t","token_type":"Bearer","expires_in":0}"#, 0),
        ] {
            assert_eq!(given(body).unwrap().lifetime(), Duration::from_secs(seconds), "{body}");
        }
        for body in [
            "",
            "{}",
            r#"{"access_token":"","token_type":"Bearer"}"#,
            r#"{"access_token":"s3cret"}"#,
            r#"{"access_token":"s3cret","token_type":"DPoP"}"#,
            r#"{"access_token":"s3cret","token_type":"Bearer","expires_in":"soon"}"#,
        ] {
            let error = given(body).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{body}");
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }

    #[tokio::test]
    async fn f2_a_token_is_sent_once_and_not_after_its_time() {
        let soon = Instant::now() + Duration::from_secs(60);
        let good = given(r#"{"access_token":"t0ken","token_type":"bearer"}"#).unwrap().into_grant(soon);
        let sent = good.spend(async |bearer| Ok(bearer)).await.unwrap();
        assert_eq!(sent, "Bearer t0ken");
        assert!(!format!("{sent:?}").contains("t0ken"));

        let unsendable = given(r#"{"access_token":"a\nb","token_type":"Bearer"}"#).unwrap().into_grant(soon);
        assert!(unsendable.spend(async |_| Ok(())).await.is_err());
        let late = given(r#"{"access_token":"t","token_type":"Bearer"}"#).unwrap().into_grant(Instant::now());
        let error = late.spend(async |_| std::future::pending::<Result<()>>().await).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
}
