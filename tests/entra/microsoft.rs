//! Entra, as far as a provider sees it: metadata and keys on a real socket, signed hints, and requests as Microsoft documents them.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{Json, Router, extract::Path, http::StatusCode, routing::get};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(super) const TENANT: &str = "14c2f153-90a7-4689-9db7-9543bf084dad";
pub(super) const OTHER_TENANT: &str = "9122040d-6c67-4c5b-b112-36a304b66dad";
pub(super) const APPLICATION: &str = "600b719b-3766-4dc5-95a6-3c4a8dc31885";
pub(super) const CLIENT: &str = "handset-mfa";
pub(super) const REDIRECT: &str = "https://login.microsoftonline.com/common/federation/externalauthprovider";
/// The subject of an account, for our application alone.
pub(super) const SUBJECT: &str = "mBfcvuhSHkDWVgV72x2ruIYdSsPSvcj2R0qfc6mGEAA";

/// A running emulator.
pub(super) struct Microsoft {
    pub(super) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    published: Mutex<Vec<Value>>,
    down: AtomicBool,
    asked: AtomicUsize,
    says_it_is: Mutex<Option<String>>,
}

/// A key pair with a name.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) id: String,
    signing: EncodingKey,
}

impl Key {
    pub(super) fn new(id: &str, pem: &str) -> Self {
        Self { id: id.to_owned(), signing: EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap() }
    }

    pub(super) fn ours() -> Self {
        Self::new("7_Zuf1tvkwLxYaHS3q6lUjUYIGw", include_str!("../../src/provider/oauth/testdata/rs256.pem"))
    }

    /// Not published, unless a test does.
    pub(super) fn another() -> Self {
        Self::new("CEYm9GmLvfIqrl0zBJc9", include_str!("../../src/sandbox/open_gateway/testdata/client_rs256.pem"))
    }

    pub(super) fn jwk(&self) -> Value {
        let jwk = Jwk::from_encoding_key(&self.signing, Algorithm::RS256).unwrap();
        let mut jwk = serde_json::to_value(jwk).unwrap();
        jwk["kid"] = json!(self.id);
        jwk["use"] = json!("sig");
        // Microsoft's keys name no algorithm.
        jwk.as_object_mut().unwrap().remove("alg");
        jwk
    }

    pub(super) fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(self.id.clone());
        encode(&header, claims, &self.signing).unwrap()
    }
}

impl Microsoft {
    pub(super) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            published: Mutex::default(),
            down: AtomicBool::new(false),
            asked: AtomicUsize::new(0),
            says_it_is: Mutex::default(),
        });
        let (metadata, keys, base) = (Arc::clone(&shared), Arc::clone(&shared), url.clone());
        let app = Router::new()
            .route(
                "/{tenant}/v2.0/.well-known/openid-configuration",
                get(async move |Path(tenant): Path<String>| {
                    metadata.asked.fetch_add(1, Ordering::Relaxed);
                    let issuer = metadata.says_it_is.lock().unwrap().clone();
                    Json(json!({
                        "issuer": issuer.unwrap_or_else(|| format!("{base}/{tenant}/v2.0")),
                        "jwks_uri": format!("{base}/{tenant}/discovery/v2.0/keys"),
                        "token_endpoint": format!("{base}/{tenant}/oauth2/v2.0/token"),
                    }))
                }),
            )
            .route(
                "/{tenant}/discovery/v2.0/keys",
                get(async move || match keys.down.load(Ordering::Relaxed) {
                    true => Err(StatusCode::NOT_FOUND),
                    false => Ok(Json(json!({ "keys": *keys.published.lock().unwrap() }))),
                }),
            );
        tokio::spawn(async move { axum::serve(listener, app).await });
        let microsoft = Self { url, shared };
        microsoft.publish(&[Key::ours()]);
        microsoft
    }

    pub(super) fn publish(&self, keys: &[Key]) {
        let issuer = format!("{}/{{tenantid}}/v2.0", self.url);
        // They say which issuer may use them: here, that of every tenant.
        let with_issuer = |key: &Key| {
            let mut jwk = key.jwk();
            jwk["issuer"] = json!(issuer);
            jwk
        };
        *self.shared.published.lock().unwrap() = keys.iter().map(with_issuer).collect();
    }

    pub(super) fn go_down(&self) {
        self.shared.down.store(true, Ordering::Relaxed);
    }

    /// Has the metadata name another issuer.
    pub(super) fn pretend_to_be(&self, issuer: &str) {
        *self.shared.says_it_is.lock().unwrap() = Some(issuer.to_owned());
    }

    /// How often its metadata was read.
    pub(super) fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::Relaxed)
    }

    /// What a hint says, in the order and with the times of Microsoft's example: its time is over before it is issued.
    pub(super) fn claims(&self, object: &str, now: SystemTime) -> Value {
        let iat = now.duration_since(UNIX_EPOCH).unwrap().as_secs();
        json!({
            "ver": "2.0",
            "iss": format!("{}/{TENANT}/v2.0", self.url),
            "sub": SUBJECT,
            "aud": APPLICATION,
            "exp": iat - 1,
            "iat": iat,
            "nbf": iat,
            "name": "Test User 2",
            "preferred_username": "testuser2@contoso.com",
            "oid": object,
            "tid": TENANT,
        })
    }
}

/// The form that the browser brings.
#[derive(Clone)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn new(hint: &str, nonce: &str) -> Self {
        let claims = claims(&["possessionorinherence"]);
        let fields = [
            ("scope", "openid"),
            ("response_mode", "form_post"),
            ("response_type", "id_token"),
            ("client_id", CLIENT),
            ("redirect_uri", REDIRECT),
            ("claims", &claims),
            ("nonce", nonce),
            ("id_token_hint", hint),
            ("client-request-id", "5f1c9a43-9f2e-4c3a-8f0e-1f1b6a1d9c2e"),
            ("state", STATE),
        ];
        Self(fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec())
    }

    /// The same with another value, or without one.
    pub(super) fn with(mut self, name: &str, value: Option<&str>) -> Self {
        self.0.retain(|(field, _)| field != name);
        self.0.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        self
    }

    pub(super) fn and(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn encoded(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }
}

/// The request for claims of Microsoft's example, with these classes.
pub(super) fn claims(acr: &[&str]) -> String {
    let amr = ["face", "fido", "fpt", "hwk", "iris", "otp", "pop", "retina", "sc", "sms", "swk", "tel", "vbm"];
    json!({ "id_token": {
        "acr": { "essential": true, "values": acr },
        "amr": { "essential": true, "values": amr },
    } })
    .to_string()
}

/// A token with a header and a signature of one's own making.
pub(super) fn forged(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

/// The same claims, in a token that a public key's text was the secret of.
pub(super) fn signed_with_text(secret: &str, kid: &str, claims: &Value) -> String {
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some(kid.to_owned());
    encode(&header, claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

pub(super) const STATE: &str = "rQQIARAAhZI9b9NQFIZ<&>\"'";
pub(super) const LATER: Duration = Duration::from_secs(600);
