//! The vendor's signatures, made by the emulator's own code with a key that is no secret.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, SystemTime},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{
    Algorithm, EncodingKey,
    jwk::{Jwk, PublicKeyUse},
};
use reqwest::Url;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    clock::{Clock, SystemClock},
    crypto,
    error::{Error, ErrorKind, Result},
    sandbox::{courier::Letter, knob::CallbackFault},
};

pub(super) struct Signer {
    key: EncodingKey,
    /// Somebody else's, which is in no key set of the vendor's.
    foreign: EncodingKey,
    public: Jwk,
    rotations: AtomicUsize,
}

impl Signer {
    pub(super) fn new() -> Result<Self> {
        crypto::install()?;
        let wrong =
            |source| Error::new(ErrorKind::Misconfigured, "the sandbox's key cannot be used").with_source(source);
        let key = EncodingKey::from_rsa_pem(include_bytes!("testdata/key.pem")).map_err(wrong)?;
        let mut public = Jwk::from_encoding_key(&key, Algorithm::RS256).map_err(wrong)?;
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        let foreign =
            EncodingKey::from_rsa_pem(include_bytes!("../open_gateway/testdata/client_rs256.pem")).map_err(wrong)?;
        Ok(Self { key, foreign, public, rotations: AtomicUsize::new(0) })
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

    /// The callback that reports a check, with the faults that it is to have.
    pub(super) fn letters(&self, url: &str, body: &Value, fault: Option<CallbackFault>) -> Vec<Letter> {
        let Ok(url) = Url::parse(url) else { return Vec::new() };
        let now = SystemClock.now();
        let letter = |body, signed_at, fault| self.letter(&url, body, signed_at, fault);
        match fault {
            Some(CallbackFault::None) => Vec::new(),
            Some(CallbackFault::Duplicate) => vec![letter(body, now, None); 2],
            Some(CallbackFault::OutOfOrder) => {
                vec![letter(body, now, None), letter(&older(body), now - OLDER, None)]
            }
            Some(CallbackFault::Late) => vec![letter(body, now - LATE, None)],
            fault => vec![letter(body, now, fault)],
        }
    }

    fn letter(&self, url: &Url, body: &Value, signed_at: SystemTime, fault: Option<CallbackFault>) -> Letter {
        let (date, mut text) = (httpdate::fmt_http_date(signed_at), body.to_string());
        let digest = |text: &str| format!("SHA-256={}", STANDARD.encode(Sha256::digest(text)));
        let product = "phone_check";
        let lines = [
            ("(request-target)", &*format!("post {}", target(url))),
            ("host", &host(url)),
            ("date", &date),
            ("x-tru-callback", product),
            ("digest", &digest(&text)),
        ];
        let authorization = match fault {
            Some(CallbackFault::Unsigned) => None,
            Some(CallbackFault::WrongSignature) => Some(self.authorization(&self.key, &lines, |signature| {
                signature.iter_mut().take(1).for_each(|byte| *byte ^= 1);
            })),
            Some(CallbackFault::ForeignKey) => Some(self.authorization(&self.foreign, &lines, |_| {})),
            _ => Some(self.authorization(&self.key, &lines, |_| {})),
        };
        if fault == Some(CallbackFault::Forged) {
            text = forged(body);
        }
        let mut headers = vec![("Date", date), ("X-Tru-Callback", product.to_owned()), ("Digest", digest(&text))];
        headers.extend(authorization.map(|value| ("Authorization", value)));
        Letter { url: url.to_string(), content_type: "application/json", headers, body: text }
    }

    /// The URL of the application that a device is led to.
    pub(super) fn return_url(&self, url: &str, fields: &[(&str, &str)]) -> String {
        let Ok(mut url) = Url::parse(url) else { return url.to_owned() };
        url.query_pairs_mut().extend_pairs(fields);
        let date = httpdate::fmt_http_date(SystemClock.now());
        let lines = [("(request-target)", &*format!("get {}", target(&url))), ("host", &host(&url)), ("date", &date)];
        let authorization = self.authorization(&self.key, &lines, |_| {});
        let signature = [("authorization", STANDARD.encode(authorization)), ("date", STANDARD.encode(date))];
        url.query_pairs_mut().extend_pairs(signature);
        url.into()
    }

    /// Signs with a key, in the name of the vendor's; `spoil` may change the signature.
    fn authorization(&self, key: &EncodingKey, lines: &[(&str, &str)], spoil: impl Fn(&mut [u8])) -> String {
        let text = lines.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n");
        let names = lines.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" ");
        let signature = jsonwebtoken::crypto::sign(text.as_bytes(), key, Algorithm::RS256).unwrap_or_default();
        let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        spoil(&mut signature);
        let signature = STANDARD.encode(signature);
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

/// What the vendor might have said before.
fn older(body: &Value) -> Value {
    let mut body = body.clone();
    if let Value::Object(fields) = &mut body {
        fields.retain(|name, _| !["match", "network_id", "error_code"].contains(&name.as_str()));
        fields.insert("status".to_owned(), json!("PENDING"));
    }
    body
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

/// How much before a callback the one was signed that comes after it.
const OLDER: Duration = Duration::from_secs(5);
