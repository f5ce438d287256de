//! The `id_token`, and what `/userinfo` says of the same step.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    OidcProvider,
    answer::{Answer, out_of_order},
    client::NumberSource,
    ticket::{Access, Code, seconds},
};
use crate::{error::Result, problem::json_response};

/// OpenID Connect Core, sections 2, 3.1.3.6 and 5.1; `phone_number_from` and `test` are ours.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: u64,
    exp: u64,
    auth_time: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    acr: &'a str,
    amr: &'a [String],
    at_hash: String,
    phone_number: &'a str,
    phone_number_verified: bool,
    /// Who said which number: whether the client may rely on its being the account's.
    phone_number_from: NumberSource,
    /// Only for test numbers, which show nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    test: bool,
}

pub(super) fn sign(provider: &OidcProvider, code: &Code, access_token: &str, now: SystemTime) -> Result<String> {
    let shown = &code.shown;
    let claims = Claims {
        iss: provider.issuer(),
        sub: &shown.sub,
        aud: &code.client,
        iat: seconds(now),
        exp: seconds(now + LIFE),
        auth_time: shown.auth_time,
        nonce: code.nonce.as_deref(),
        acr: &shown.acr,
        amr: &shown.amr,
        at_hash: left_half(access_token),
        phone_number: &shown.phone_number,
        phone_number_verified: shown.phone_number_verified,
        phone_number_from: shown.number_from,
        test: shown.is_test,
    };
    provider.keys().signing().sign("JWT", &claims)
}

/// `GET` or `POST /userinfo` (OpenID Connect Core, section 5.3), once for each access token.
pub(super) async fn userinfo(provider: &OidcProvider, headers: &HeaderMap) -> Answer {
    match claims_of(provider, headers).await {
        Ok(Some(claims)) => json_response(StatusCode::OK, &claims),
        Ok(None) => {
            let mut response = json_response(StatusCode::UNAUTHORIZED, &json!({ "error": "invalid_token" }));
            let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            response
        }
        Err(error) => out_of_order(&error),
    }
}

async fn claims_of(provider: &OidcProvider, headers: &HeaderMap) -> Result<Option<Value>> {
    let now = provider.verifier().trusted_now()?;
    let line = headers.get(AUTHORIZATION).and_then(|line| line.to_str().ok()).and_then(|line| line.split_once(' '));
    let token = line.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    let Some(access) = token.and_then(|token| Access::open(provider.verifier(), token, now)) else { return Ok(None) };
    if !access.spend(provider.verifier(), now).await? {
        return Ok(None);
    }
    let shown = access.shown;
    let mut claims = json!({
        "sub": shown.sub,
        "phone_number": shown.phone_number,
        "phone_number_verified": shown.phone_number_verified,
        "phone_number_from": shown.number_from,
    });
    if let (true, Some(claims)) = (shown.is_test, claims.as_object_mut()) {
        claims.insert("test".to_owned(), json!(true));
    }
    Ok(Some(claims))
}

/// Of RS256 and ES256 alike: the left half of the SHA-256.
fn left_half(access_token: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(access_token).into();
    let (left, _) = digest.split_at(16);
    URL_SAFE_NO_PAD.encode(left)
}

/// How long a client may take to look at an `id_token`.
const LIFE: Duration = Duration::from_secs(300);
