//! Access tokens: client credentials with Basic authentication.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::StatusCode;
use serde_json::{Value, json};

use super::answer::Refusal;
use crate::{
    clock::{Clock, SystemClock},
    error::Result,
    sandbox::{Credentials, credentials::given_or, fault::Answer, random},
    secret::Secret,
};

pub(super) struct Tokens {
    pub(super) client_id: String,
    pub(super) client_secret: Secret,
    given: Mutex<BTreeMap<String, Token>>,
}

struct Token {
    scopes: Vec<String>,
    expires_at: SystemTime,
}

impl Tokens {
    pub(super) fn new(credentials: &Credentials) -> Result<Self> {
        let client_id = given_or(&credentials.idlayr_client_id, || random::alphanumeric(20))?;
        // `~` is a character of the vendor's secrets, and has to be escaped.
        let secret = || Ok(format!("{}~", random::alphanumeric(25)?));
        Ok(Self {
            client_id: client_id.expose().to_owned(),
            client_secret: given_or(&credentials.idlayr_client_secret, secret)?,
            given: Mutex::default(),
        })
    }

    /// Answers the token endpoint.
    pub(super) fn issue(&self, credentials: Option<&str>, body: &[u8], is_form: bool, life: Duration) -> Answer {
        let form: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        let scopes: Vec<String> = field("scope").split_whitespace().map(str::to_owned).collect();
        if !self.knows(credentials) {
            return error(StatusCode::UNAUTHORIZED, "invalid_client");
        }
        if !is_form || field("grant_type") != "client_credentials" {
            return error(StatusCode::BAD_REQUEST, "unsupported_grant_type");
        }
        if scopes.is_empty() || !scopes.iter().all(|scope| SCOPES.contains(&scope.as_str())) {
            return error(StatusCode::BAD_REQUEST, "invalid_scope");
        }
        let Ok(token) = random::alphanumeric(40) else {
            return error(StatusCode::BAD_REQUEST, "temporarily_unavailable");
        };
        let now = SystemClock.now();
        let mut given = self.given();
        given.retain(|_, token| token.expires_at > now);
        given.insert(token.clone(), Token { scopes, expires_at: now + life });
        let body = json!({
            "access_token": token, "token_type": "bearer", "expires_in": life.as_secs(), "scope": field("scope"),
        });
        Answer { status: StatusCode::OK, body }
    }

    /// Refuses a request without a token that lives and has the scope.
    pub(super) fn admit(&self, credentials: Option<&str>, scope: &str) -> Result<(), Refusal> {
        let given = self.given();
        let token = credentials.and_then(|value| given.get(value.strip_prefix("Bearer ")?));
        match token.filter(|token| token.expires_at > SystemClock.now()) {
            None => Err(Refusal::TOKEN),
            Some(token) if token.scopes.iter().any(|own| own == scope) => Ok(()),
            Some(_) => Err(Refusal::SCOPE),
        }
    }

    /// Takes every token back.
    pub(super) fn revoke(&self) {
        self.given().clear();
    }

    /// RFC 6749, section 2.3.1: both parts are form-encoded.
    fn knows(&self, credentials: Option<&str>) -> bool {
        let decoded = || String::from_utf8(STANDARD.decode(credentials?.strip_prefix("Basic ")?).ok()?).ok();
        let Some(pair) = decoded() else { return false };
        let Some((id, secret)) = pair.split_once(':') else { return false };
        let plain = |text: &str| form_urlencoded::parse(text.as_bytes()).next().map(|(name, _)| name.into_owned());
        plain(id).is_some_and(|id| id == self.client_id)
            && plain(secret).is_some_and(|secret| self.client_secret.matches(secret.as_bytes()))
    }

    fn given(&self) -> MutexGuard<'_, BTreeMap<String, Token>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn error(status: StatusCode, code: &str) -> Answer {
    let body: Value = json!({ "error": code, "error_description": "The request was refused" });
    Answer { status, body }
}

/// What a project may ask for.
const SCOPES: [&str; 2] = ["phone_check", "coverage"];
