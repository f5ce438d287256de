//! The endpoint with everything around it, and a browser.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt, ready};
use handset::{
    Channel, PhoneNumber, Result, Verifier,
    check::Expected,
    clock::{Clock, ManualClock},
    entra::{Account, Client, Config, Entra},
    proof::ProofKey,
    provider::{Handle, Order, Provider, Settle, Started, http::HttpClient},
    signing::{SigningKey, SigningKeys},
    testing::CodeBook,
    verifier::{Builder, Ready},
};
use http::{HeaderMap, Request, header};
use http_body_util::{BodyExt, Full};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, jwk::Jwk};
use serde_json::Value;
use tower::ServiceExt;

use super::microsoft::{APPLICATION, CLIENT, Form, Key, Microsoft, TENANT};

/// One phone.
pub(super) const ADA: &str = "951ddb04-b16d-45f3-bbf7-b0fa18fa7aee";
/// Two phones.
pub(super) const BOB: &str = "00000000-0000-4000-8000-000000000b0b";
/// A phone that has a fixed code for tests.
pub(super) const TESS: &str = "00000000-0000-4000-8000-000000007e55";
/// No phone.
pub(super) const EVE: &str = "00000000-0000-4000-8000-000000000e7e";
/// The application cannot tell.
pub(super) const ZOE: &str = "00000000-0000-4000-8000-0000000000e0";

pub(super) const ISSUER: &str = "https://mfa.example.com/entra";

const POLICY: &str = r#"
version = 1

[test_numbers]
numbers = ["+12025550142"]
code = "424242"
expires = 2027-01-31

[[route]]
name = "everybody"
try = ["code_book/sms", "code_book/voice_code"]
"#;

pub(super) struct Stage {
    pub(super) verifier: Verifier,
    pub(super) entra: Entra,
    pub(super) microsoft: Microsoft,
    pub(super) book: CodeBook,
    pub(super) clock: ManualClock,
    nonces: AtomicUsize,
}

impl Stage {
    pub(super) async fn new() -> Self {
        Self::with_policy(POLICY).await
    }

    pub(super) async fn with_policy(policy: &str) -> Self {
        let clock = ManualClock::new(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        Self::with(policy, clock, |builder| builder).await
    }

    /// With more in the verifier.
    pub(super) async fn with(
        policy: &str,
        clock: ManualClock,
        more: impl FnOnce(Builder<Ready>) -> Builder<Ready>,
    ) -> Self {
        let book = CodeBook::default();
        let proof_key = ProofKey::random().unwrap();
        let microsoft = Microsoft::open().await;
        let builder = Verifier::builder()
            .policy("policy.toml", policy)
            .proof_key(proof_key)
            .provider(book.clone())
            .provider(Mail)
            .clock(clock.clone())
            .danger_take_test_numbers();
        let verifier = more(builder).build().unwrap();
        let client = Client::new(CLIENT, APPLICATION).tenant(TENANT).danger_authority(&microsoft.url);
        let config = Config::new(ISSUER, client, keys()).unwrap();
        let http = HttpClient::danger_with_private_addresses().unwrap();
        let entra = Entra::new(&verifier, config, phones, http).unwrap();
        Self { verifier, entra, microsoft, book, clock, nonces: AtomicUsize::new(0) }
    }

    pub(super) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    pub(super) fn claims(&self) -> Value {
        self.microsoft.claims(ADA, self.now())
    }

    pub(super) fn nonce(&self) -> String {
        format!("nonce-{}", self.nonces.fetch_add(1, Ordering::Relaxed))
    }

    /// A good request for an account.
    pub(super) fn form(&self, object: &str) -> Form {
        let mut claims = self.microsoft.claims(object, self.now());
        let nonce = self.nonce();
        // Entra names each token, so that two of one second differ.
        claims["uti"] = nonce.as_str().into();
        Form::new(&Key::ours().sign(&claims), &nonce)
    }

    /// A request with these claims in its hint.
    pub(super) fn hinting(&self, claims: &Value) -> Form {
        Form::new(&Key::ours().sign(claims), &self.nonce())
    }

    pub(super) async fn authorize(&self, form: &Form) -> Reply {
        self.send(Request::post("/entra/authorize"), &form.encoded(), "").await
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        self.send(Request::get(path), "", "").await
    }

    async fn send(&self, request: http::request::Builder, body: &str, cookie: &str) -> Reply {
        let request = request
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::COOKIE, cookie)
            .body(Full::new(Bytes::from(body.to_owned())))
            .unwrap();
        let response = self.entra.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Reply { status: parts.status.as_u16(), headers: parts.headers, text }
    }

    /// Begins a step that is expected to begin.
    pub(super) async fn begin(&self, form: &Form) -> Browser<'_> {
        let reply = self.authorize(form).await;
        assert_eq!(reply.status, 303, "{reply:?}");
        let cookie = reply.header("set-cookie").split(';').next().unwrap().to_owned();
        let mut browser = Browser { stage: self, cookie, url: String::new() };
        browser.follow(&reply);
        browser
    }

    pub(super) fn last_code(&self) -> String {
        self.book.last_code().unwrap().expose().to_owned()
    }

    pub(super) fn messages(&self) -> usize {
        self.book.messages().len()
    }

    /// Reads an answer as Entra does: with the keys that were published.
    pub(super) fn read(&self, reply: &Reply) -> Value {
        let token = reply.field("id_token").unwrap_or_else(|| panic!("no token: {reply:?}"));
        let kid = jsonwebtoken::decode_header(&token).unwrap().kid.unwrap();
        let keys = self.entra.keys().jwks();
        let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == kid.as_str()).unwrap();
        let jwk: Jwk = serde_json::from_value(key.clone()).unwrap();
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[CLIENT]);
        validation.set_issuer(&[ISSUER]);
        // The computer's time is not that of the stage.
        validation.validate_exp = false;
        decode::<Value>(&token, &DecodingKey::from_jwk(&jwk).unwrap(), &validation).unwrap().claims
    }
}

/// A browser in the middle of a step.
pub(super) struct Browser<'a> {
    pub(super) stage: &'a Stage,
    pub(super) cookie: String,
    pub(super) url: String,
}

impl Browser<'_> {
    pub(super) async fn look(&self) -> Reply {
        self.stage.send(Request::get(&self.url), "", &self.cookie).await
    }

    /// Presses a button of the page, and follows where that leads.
    pub(super) async fn press(&mut self, button: &str, field: (&str, &str)) -> Reply {
        let ticket = self.ticket();
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("step", ticket.as_str()), ("do", button), field])
            .finish();
        let reply = self.stage.send(Request::post("/entra/step"), &form, &self.cookie).await;
        if reply.status != 303 {
            return reply;
        }
        self.follow(&reply);
        self.look().await
    }

    pub(super) async fn enter(&mut self, code: &str) -> Reply {
        self.press("answer", ("code", code)).await
    }

    fn follow(&mut self, reply: &Reply) {
        let location = reply.header("location");
        let path = location.strip_prefix("https://mfa.example.com").unwrap_or_else(|| panic!("{location}"));
        path.clone_into(&mut self.url);
    }

    fn ticket(&self) -> String {
        let query = self.url.split_once('?').unwrap().1;
        form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "step").unwrap().1.into_owned()
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no `{name}`: {self:?}")).to_str().unwrap()
    }

    /// The value of a hidden field, as a browser reads it.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        let (_, rest) = self.text.split_once(&format!(r#"name="{name}" value=""#))?;
        let value = rest.split('"').next().unwrap();
        let known: BTreeMap<&str, &str> = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")].into();
        Some(
            ["&lt;", "&gt;", "&quot;", "&amp;"]
                .iter()
                .fold(value.to_owned(), |text, name| text.replace(name, known[name])),
        )
    }

    /// The error that Entra is told, with its state and with nothing else.
    pub(super) fn refusal(&self) -> String {
        assert_eq!(self.status, 200, "{self:?}");
        assert_eq!(self.field("state").as_deref(), Some(super::microsoft::STATE), "{self:?}");
        assert!(self.field("id_token").is_none(), "{self:?}");
        assert!(self.text.contains(&format!(r#"action="{}""#, super::microsoft::REDIRECT)), "{self:?}");
        self.field("error").unwrap_or_else(|| panic!("no error: {self:?}"))
    }

    /// A page for the person, with nothing in it for anybody else.
    pub(super) fn is_plain(&self, status: u16) -> bool {
        self.status == status && !self.text.contains("<form") && self.headers.get("location").is_none()
    }
}

fn keys() -> SigningKeys {
    let key = |pem: &str| SigningKey::rs256_pem(&handset::Secret::new(pem)).unwrap();
    SigningKeys::new(key(include_str!("../../src/signing/testdata/rs256.pem")))
        .also_publish(key(include_str!("../../src/sandbox/idlayr/testdata/key.pem")))
}

/// The application's enrolment.
async fn phones(account: Account) -> Result<Vec<PhoneNumber>> {
    assert_eq!(account.tenant(), TENANT);
    let numbers: &[&str] = match account.object() {
        ADA => &["+37126123456"],
        BOB => &["+37126123457", "+37126123458"],
        TESS => &["+12025550142"],
        EVE => &[],
        _ => return Err(handset::Error::new(handset::ErrorKind::Unavailable, "the database is down")),
    };
    numbers.iter().map(|number| PhoneNumber::parse(number, None)).collect()
}

/// A provider that writes e-mail to everybody.
#[derive(Debug)]
struct Mail;

impl Provider for Mail {
    fn name(&self) -> &'static str {
        "mail"
    }

    fn channels(&self) -> &[Channel] {
        &[Channel::Email]
    }

    fn start<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Started>> {
        ready(Ok(Started::new(Handle::new("-"), Settle::LocalCode(Expected::code(order.code.clone()))))).boxed()
    }
}

/// The part of a token between its dots.
pub(super) fn part(token: &str, index: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap()).unwrap()
}
