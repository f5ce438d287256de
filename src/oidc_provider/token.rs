//! `POST /token`: a client shows who it is and gets an `id_token` for its code (RFC 6749, section 4.1.3; RFC 7636; RFC 7523).

use std::time::SystemTime;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http::{HeaderMap, StatusCode, header::AUTHORIZATION};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    OidcProvider,
    answer::{Answer, TokenError},
    client::Registered,
    id_token,
    jwt::{Audience, Times, claimed_subject},
    ticket::{ACCESS_LIFE, Access, Code, fresh_name},
};
use crate::{parameters::Parameters, problem::json_response, secret::Secret};

pub(super) async fn serve(provider: &OidcProvider, headers: &HeaderMap, body: &[u8]) -> Answer {
    match exchange(provider, headers, body).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::warn!(?error, "no token given");
            error.into_response()
        }
    }
}

async fn exchange(provider: &OidcProvider, headers: &HeaderMap, body: &[u8]) -> Result<Answer, TokenError> {
    let now = provider.verifier().trusted_now()?;
    let said = Parameters::read(body).ok_or(TokenError::new("invalid_request", "a parameter is there twice"))?;
    let client = authenticate(provider, headers, &said, now).await?;
    match said.one("grant_type") {
        Some("authorization_code") => {}
        Some(_) => return Err(TokenError::new("unsupported_grant_type", "only `authorization_code` is served")),
        None => return Err(TokenError::new("invalid_request", "`grant_type` is missing")),
    }
    let code = redeem(provider, client, &said, now).await?;
    let access_token = match client.has_userinfo {
        true => Access::new(code.shown.clone(), now)?.seal(provider.verifier())?,
        false => fresh_name()?,
    };
    let id_token = id_token::sign(provider, &code, &access_token, now)?;
    tracing::info!(client = client.id, "token given");
    let answer = json!({
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": ACCESS_LIFE.as_secs(),
        "id_token": id_token,
        "scope": "openid phone",
    });
    Ok(json_response(StatusCode::OK, &answer))
}

/// The code, if it is this client's, for this redirect URI and this PKCE verifier, in time, and not used before.
async fn redeem(
    provider: &OidcProvider,
    client: &Registered,
    said: &Parameters,
    now: SystemTime,
) -> Result<Code, TokenError> {
    // What exactly is wrong with a code is nobody's business who does not have the right one.
    let invalid = || TokenError::new("invalid_grant", "the code is not good: wrong, used, too old, or another's");
    let text = said.one("code").ok_or(TokenError::new("invalid_request", "`code` is missing"))?;
    let shown = said.one("code_verifier").ok_or(TokenError::new("invalid_request", "`code_verifier` is missing"))?;
    let code = Code::open(provider.verifier(), text, now).ok_or_else(invalid)?;
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(shown));
    let is_proven =
        (43..=128).contains(&shown.len()) && bool::from(challenge.as_bytes().ct_eq(code.challenge.as_bytes()));
    if code.client != client.id || said.one("redirect_uri") != Some(code.redirect_uri.as_str()) || !is_proven {
        return Err(invalid());
    }
    match code.spend(provider.verifier(), now).await? {
        true => Ok(code),
        false => {
            tracing::warn!(client = client.id, "a code came twice");
            Err(invalid())
        }
    }
}

/// Who asks, by exactly one of the ways that its registration allows.
async fn authenticate<'p>(
    provider: &'p OidcProvider,
    headers: &HeaderMap,
    said: &Parameters,
    now: SystemTime,
) -> Result<&'p Registered, TokenError> {
    let basic = headers.get(AUTHORIZATION).is_some();
    let ways = (basic, said.one("client_secret"), said.one("client_assertion"));
    let found = match ways {
        (true, None, None) => by_basic(provider, headers),
        (false, Some(secret), None) => {
            let client = said.one("client_id").and_then(|id| provider.client(id));
            client.filter(|client| client.takes_secret_post && client.has_secret(secret))
        }
        (false, None, Some(assertion)) => by_assertion(provider, said, assertion, now).await?,
        (false, None, None) => None,
        _ => return Err(TokenError::new("invalid_request", "a client shows who it is in one way only")),
    };
    let is_named = |client: &&Registered| said.one("client_id").is_none_or(|id| id == client.id);
    found.filter(is_named).ok_or_else(|| TokenError::invalid_client(basic))
}

/// RFC 6749, section 2.3.1: id and secret are form-encoded before they are put together.
fn by_basic<'p>(provider: &'p OidcProvider, headers: &HeaderMap) -> Option<&'p Registered> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return None };
    let (scheme, pair) = line.to_str().ok()?.split_once(' ')?;
    let pair = Secret::new(String::from_utf8(STANDARD.decode(pair.trim()).ok()?).ok()?);
    let (id, secret) = pair.expose().split_once(':')?;
    let (id, secret) = (decoded(id)?, Secret::new(decoded(secret)?));
    let client = provider.client(&id)?;
    (scheme.eq_ignore_ascii_case("basic") && client.has_secret(secret.expose())).then_some(client)
}

fn decoded(text: &str) -> Option<String> {
    // One name without a value, whatever signs are in it.
    let escaped = text.replace('=', "%3D").replace('&', "%26");
    form_urlencoded::parse(escaped.as_bytes()).next().map(|(text, _)| text.into_owned())
}

/// `private_key_jwt` (OpenID Connect Core, section 9).
async fn by_assertion<'p>(
    provider: &'p OidcProvider,
    said: &Parameters,
    assertion: &str,
    now: SystemTime,
) -> Result<Option<&'p Registered>, TokenError> {
    if said.one("client_assertion_type") != Some(ASSERTION_TYPE) {
        return Ok(None);
    }
    let Some(client) = claimed_subject(assertion).and_then(|id| provider.client(&id)) else { return Ok(None) };
    let (jti, times) = match read_assertion(provider, client, assertion, now) {
        Ok(read) => read,
        Err(why) => {
            tracing::warn!(client = client.id, why, "client assertion refused");
            return Ok(None);
        }
    };
    let parts = [client.id.as_bytes(), jti.as_bytes()];
    let is_first = provider.verifier().first_time("oidc client assertion", &parts, times.end(), now).await?;
    Ok(is_first.then_some(client))
}

/// RFC 7523, section 3.
fn read_assertion(
    provider: &OidcProvider,
    client: &Registered,
    assertion: &str,
    now: SystemTime,
) -> Result<(String, Times), &'static str> {
    #[derive(Deserialize)]
    struct Claims {
        iss: String,
        sub: String,
        aud: Audience,
        jti: String,
        #[serde(flatten)]
        times: Times,
    }
    let keys = client.keys.as_ref().ok_or("the client has no keys")?;
    let claims: Claims = keys.read(assertion, &["JWT", "client-authentication+jwt"])?;
    if claims.iss != client.id || claims.sub != client.id {
        return Err("another client's");
    }
    if !claims.aud.has(provider.issuer()) && !claims.aud.has(&provider.url("/token")) {
        return Err("for somebody else");
    }
    if claims.jti.is_empty() || claims.jti.len() > 255 {
        return Err("`jti` has 1 to 255 bytes");
    }
    claims.times.fit(now)?;
    Ok((claims.jti, claims.times))
}

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
