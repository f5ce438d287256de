//! `POST /token`: a code, a granted request or an assertion becomes a token, once.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Ask, Emulator, Reply, TOKEN_LIFE, Token, authorize::openid, now, once, repeated, seconds};
use crate::sandbox::random;

pub(super) type Pairs = Vec<(String, String)>;

impl Emulator {
    pub(super) fn token(&self, ask: &Ask) -> Reply {
        let mut reply = match self.exchanged(ask) {
            Ok(body) => Reply::new(StatusCode::OK, body),
            Err((status, error)) => Reply::new(status, json!({ "error": error, "error_description": "Refused" })),
        };
        reply.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        reply
    }

    fn exchanged(&self, ask: &Ask) -> Result<Value, (StatusCode, &'static str)> {
        let bad = |error| (StatusCode::BAD_REQUEST, error);
        if ask.form("grant_type").as_deref() == Some(JWT_BEARER) {
            let form = form(ask).filter(|_| ask.header("authorization").is_none()).ok_or(bad("invalid_request"))?;
            return self.asserted(&form).map_err(bad);
        }
        let form = self.form_of_client(ask)?;
        match once(&form, "grant_type").as_deref() {
            Some("authorization_code") => {}
            Some(CIBA) => return self.outcome(&form).map_err(bad),
            _ => return Err(bad("unsupported_grant_type")),
        }
        let (Some(code), Some(redirect_uri), Some(verifier)) =
            (once(&form, "code"), once(&form, "redirect_uri"), once(&form, "code_verifier"))
        else {
            return Err(bad("invalid_request"));
        };
        self.redeem(&code, &redirect_uri, &verifier).ok_or(bad("invalid_grant"))
    }

    /// The form of a request that comes from the client.
    pub(super) fn form_of_client(&self, ask: &Ask) -> Result<Pairs, (StatusCode, &'static str)> {
        let form = form(ask).ok_or((StatusCode::BAD_REQUEST, "invalid_request"))?;
        match self.is_client(ask, &form) {
            true => Ok(form),
            false => Err((StatusCode::UNAUTHORIZED, "invalid_client")),
        }
    }

    fn redeem(&self, code: &str, redirect_uri: &str, verifier: &str) -> Option<Value> {
        let token = random::alphanumeric(40).ok()?;
        let mut state = self.state();
        let grant = state.codes.find(code)?;
        if grant.used {
            // Somebody has stolen it, this one or the one before: what was given for it is taken back.
            if let Some(token) = grant.token.take().and_then(|token| state.tokens.find(&token)) {
                token.used = true;
            }
            return None;
        }
        grant.used = true;
        let proven = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())) == grant.challenge;
        let long = (43..=128).contains(&verifier.len());
        if grant.redirect_uri != redirect_uri || !proven || !long || now() >= grant.expires {
            return None;
        }
        grant.token = Some(token.clone());
        let grant = grant.clone();
        drop(state);
        self.give_named(token, grant.sim, &grant.scope, grant.nonce.as_deref())
    }

    /// A token, with what is told of it.
    pub(super) fn give(&self, sim: Option<String>, scope: &str, nonce: Option<&str>) -> Option<Value> {
        self.give_named(random::alphanumeric(40).ok()?, sim, scope, nonce)
    }

    fn give_named(&self, token: String, sim: Option<String>, scope: &str, nonce: Option<&str>) -> Option<Value> {
        let given = Token { sim, scope: scope.to_owned(), expires: now() + TOKEN_LIFE, used: false };
        self.state().tokens.add(token.clone(), given);
        let mut body = json!({
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": TOKEN_LIFE.as_secs(),
            "scope": scope,
        });
        if let (true, Value::Object(fields)) = (openid(scope), &mut body) {
            let issued = seconds(now());
            let mut claims = json!({
                "iss": self.issuer,
                "sub": random::alphanumeric(16).ok()?,
                "aud": self.client_id,
                                "iat": issued,
                "exp": issued + TOKEN_LIFE.as_secs(),
                "auth_time": issued,
            });
            if let (Some(nonce), Value::Object(claims)) = (nonce, &mut claims) {
                claims.insert("nonce".to_owned(), json!(nonce));
            }
            let id_token = self.keys.sign(&claims)?;
            fields.insert("id_token".to_owned(), json!(id_token));
        }
        Some(body)
    }

    /// Whether the request comes from the client: by its secret or by an assertion, not by both.
    fn is_client(&self, ask: &Ask, form: &Pairs) -> bool {
        let claimed = once(form, "client_id").is_none_or(|id| id == self.client_id);
        let asserted = form.iter().any(|(name, _)| name.starts_with("client_assertion"));
        match (ask.header("authorization"), asserted) {
            (Some(value), false) => claimed && self.is_basic(value),
            (None, true) => claimed && self.is_assertion(form, &ask.path),
            _ => false,
        }
    }

    fn is_basic(&self, value: &str) -> bool {
        let pair = value.strip_prefix("Basic ").and_then(|pair| String::from_utf8(STANDARD.decode(pair).ok()?).ok());
        // RFC 6749, section 2.3.1: both parts are form-encoded.
        let plain = |text: &str| form_urlencoded::parse(text.as_bytes()).next().map(|(name, _)| name.into_owned());
        let is_own = |id: &str, secret: &str| {
            plain(id).is_some_and(|id| id == self.client_id)
                && plain(secret).is_some_and(|secret| self.client_secret.matches(secret.as_bytes()))
        };
        pair.as_deref().and_then(|pair| pair.split_once(':')).is_some_and(|(id, secret)| is_own(id, secret))
    }

    fn is_assertion(&self, form: &Pairs, endpoint: &str) -> bool {
        let kind = once(form, "client_assertion_type");
        if kind.as_deref() != Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") {
            return false;
        }
        let claims = once(form, "client_assertion").and_then(|assertion| self.keys.signed_by_client(&assertion));
        claims.and_then(|claims| self.is_own(&claims, endpoint)).is_some()
    }

    /// RFC 7523, section 3, and the profile: five minutes, one endpoint, one use.
    fn is_own(&self, claims: &Value, endpoint: &str) -> Option<()> {
        let says = |name: &str, value: &str| claims.get(name).and_then(Value::as_str) == Some(value);
        let named = says("iss", &self.client_id) && says("sub", &self.client_id);
        if named { self.is_timely(claims, endpoint) } else { None }
    }
}

/// A form in which nothing is there twice.
fn form(ask: &Ask) -> Option<Pairs> {
    let form: Pairs = form_urlencoded::parse(&ask.body).into_owned().collect();
    let typed = ask.header("content-type") == Some("application/x-www-form-urlencoded");
    (typed && !repeated(&form)).then_some(form)
}

pub(super) const CIBA: &str = "urn:openid:params:grant-type:ciba";
pub(super) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
