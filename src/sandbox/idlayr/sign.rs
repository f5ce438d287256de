//! The vendor's signatures, made by the emulator's own code with a key that is no secret.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{
    Algorithm, EncodingKey,
    jwk::{Jwk, PublicKeyUse},
};
use reqwest::{Client, Url, redirect::Policy};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    clock::{Clock, SystemClock},
    crypto,
    error::{Error, ErrorKind, Result},
    sandbox::knob::CallbackFault,
};

pub(super) struct Signer {
    key: EncodingKey,
    public: Jwk,
    rotations: AtomicUsize,
    client: Client,
}

impl Signer {
    pub(super) fn new() -> Result<Self> {
        crypto::install()?;
        let wrong =
            |source| Error::new(ErrorKind::Misconfigured, "the sandbox's key cannot be used").with_source(source);
        let key = EncodingKey::from_rsa_pem(include_bytes!("testdata/key.pem")).map_err(wrong)?;
        let mut public = Jwk::from_encoding_key(&key, Algorithm::RS256).map_err(wrong)?;
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        let client =
            Client::builder().redirect(Policy::none()).no_proxy().timeout(PATIENCE).build().map_err(|source| {
                Error::new(ErrorKind::Misconfigured, "the sandbox cannot send callbacks").with_source(source)
            })?;
        Ok(Self { key, public, rotations: AtomicUsize::new(0), client })
    }

    pub(super) fn rotate(&self) {
        self.rotations.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn key_set(&self) -> Value {
        let mut public = self.public.clone();
        public.common.key_id = Some(self.key_id());
        json!({ "keys": [public] })
    }

    fn key_id(&self) -> String {
        format!("public:sandbox-{}", self.rotations.load(Ordering::Relaxed))
    }

    /// Posts a callback, and says how it was answered: 0 for not at all.
    pub(super) async fn post(&self, url: &str, body: &Value, fault: Option<CallbackFault>) -> u16 {
        let Ok(url) = Url::parse(url) else { return 0 };
        let signed_at = match fault {
            Some(CallbackFault::Late) => SystemClock.now() - LATE,
            _ => SystemClock.now(),
        };
        let (date, mut text) = (httpdate::fmt_http_date(signed_at), body.to_string());
        let digest = |text: &str| format!("SHA-256={}", STANDARD.encode(Sha256::digest(text)));
        let product = "phone_check";
        let (target, host) = (target(&url), host(&url));
        let authorization = self.authorization(&[
            ("(request-target)", &format!("post {target}")),
            ("host", &host),
            ("date", &date),
            ("x-tru-callback", product),
            ("digest", &digest(&text)),
        ]);
        if fault == Some(CallbackFault::Forged) {
            text = forged(body);
        }
        let request = self.client.post(url).header("Authorization", authorization).header("Date", date);
        let request = request.header("X-Tru-Callback", product).header("Digest", digest(&text));
        let answer = request.header("Content-Type", "application/json").body(text).send().await;
        answer.map_or(0, |answer| answer.status().as_u16())
    }

    /// The URL of the application that a device is led to.
    pub(super) fn return_url(&self, url: &str, fields: &[(&str, &str)]) -> String {
        let Ok(mut url) = Url::parse(url) else { return url.to_owned() };
        url.query_pairs_mut().extend_pairs(fields);
        let date = httpdate::fmt_http_date(SystemClock.now());
        let authorization = self.authorization(&[
            ("(request-target)", &format!("get {}", target(&url))),
            ("host", &host(&url)),
            ("date", &date),
        ]);
        let signature = [("authorization", STANDARD.encode(authorization)), ("date", STANDARD.encode(date))];
        url.query_pairs_mut().extend_pairs(signature);
        url.into()
    }

    fn authorization(&self, lines: &[(&str, &str)]) -> String {
        let text = lines.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n");
        let names = lines.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" ");
        let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &self.key, Algorithm::RS256).unwrap_or_default();
        let signature = STANDARD.encode(URL_SAFE_NO_PAD.decode(signature).unwrap_or_default());
        let key = self.key_id();
        format!(r#"Signature keyId="{key}",algorithm="rsa-sha256",headers="{names}",signature="{signature}""#)
    }
}

/// What somebody would like the vendor to have said.
fn forged(body: &Value) -> String {
    let mut body = body.clone();
    if let Value::Object(fields) = &mut body {
        let matches = fields.get("match").and_then(Value::as_bool).unwrap_or(false);
        fields.insert("status".to_owned(), json!("COMPLETED"));
        fields.insert("match".to_owned(), json!(!matches));
    }
    body.to_string()
}

fn target(url: &Url) -> String {
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}

fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// How late a late callback is.
const LATE: Duration = Duration::from_secs(10 * 60);

/// How long an application may take to answer a callback.
const PATIENCE: Duration = Duration::from_secs(10);
