//! The stage: the provider on a socket, the phone's messages in a book, and a browser that keeps one cookie and follows nothing.

use std::time::Duration;

use axum::{Router, http::HeaderMap};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use handset::{
    Action, Endpoints, PhoneNumber, Secret, Verifier,
    oidc_provider::{Client, HintIssuer, OidcProvider},
    proof::ProofKey,
    signing::{SigningKey, SigningKeys},
    testing::{CodeBook, ManualClock},
    verifier::{Builder, Ready},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::{Method, redirect::Policy};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::{net::TcpListener, sync::Mutex};

pub(super) const PHONE: &str = "+37126123456";
pub(super) const OTHER_PHONE: &str = "+37129999999";
pub(super) const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub(super) const REDIRECT: &str = "https://rp.example/callback";

/// What a PKCE client shows with its code.
pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

const POLICY: &str = r#"
version = 1

[[step_up]]
name = "nobody from here"
when = { action = "oidc:denied" }
deny = "not_allowed"

[[step_up]]
name = "everything else shows the phone"
require = { acr = "phone", max_age = "5m" }

[[route]]
name = "strong"
when = { action = "strong" }
try = ["code_book/voice_code"]

[[route]]
name = "everybody"
try = ["code_book/sms", "code_book/voice_code"]
"#;

/// A provider with clients of every kind.
pub(super) struct Stage {
    pub(super) book: CodeBook,
    pub(super) clock: ManualClock,
    pub(super) issuer: String,
    /// The key of the client `signer`.
    pub(super) client_key: SigningKey,
    /// The key of the issuer whose hints the client `hinted` has.
    pub(super) hint_key: SigningKey,
}

impl Stage {
    pub(super) async fn new() -> Self {
        Self::with(POLICY, |builder, _| builder).await
    }

    /// With another policy, and more in the verifier, which is told the origin of the stage.
    pub(super) async fn with(policy: &str, more: impl FnOnce(Builder<Ready>, &str) -> Builder<Ready>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let issuer = format!("{origin}/oidc");
        let (book, clock) = (CodeBook::default(), ManualClock::default());
        let [client_key, hint_key] = [(); 2].map(|()| SigningKey::generate_es256().unwrap());
        let builder = Verifier::builder()
            .policy("policy.toml", policy)
            .proof_key(ProofKey::random().unwrap())
            .provider(book.clone())
            .clock(clock.clone());
        let verifier = more(builder, &origin).build().unwrap();
        let provider = provider(&verifier, &issuer, &client_key, &hint_key);
        let app = Router::new().nest_service("/oidc", provider).nest_service("/handset", Endpoints::new(&verifier));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { book, clock, issuer, client_key, hint_key }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    pub(super) fn now(&self) -> u64 {
        use handset::clock::Clock;
        self.clock.now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap().as_secs()
    }

    /// The parameters of a good request of a client.
    pub(super) fn request(&self, client: &str) -> Request {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        Request(vec![
            ("client_id", client.to_owned()),
            ("redirect_uri", REDIRECT.to_owned()),
            ("response_type", "code".to_owned()),
            ("scope", "openid".to_owned()),
            ("state", "the state".to_owned()),
            ("nonce", "the nonce".to_owned()),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256".to_owned()),
            ("login_hint", format!("tel:{PHONE}")),
        ])
    }

    /// A request that has to be sent back to the client with an error.
    pub(super) async fn refused(&self, request: &Request) -> Back {
        let back = Browser::new().get(&request.url(self)).await.back();
        assert!(self.book.messages().is_empty(), "a request that is refused reaches no phone");
        back
    }

    /// A whole step by somebody who reads the message; where the browser is sent in the end.
    pub(super) async fn step(&self, request: &Request) -> Back {
        self.walk(&Browser::new(), &request.url(self)).await
    }

    pub(super) async fn walk(&self, browser: &Browser, url: &str) -> Back {
        let page = browser.get(url).await.page();
        let page = browser.click(self, &page, "start", &[]).await.page();
        let code = self.book.last_code().unwrap();
        browser.click(self, &page, "answer", &[("code", code.expose())]).await.back()
    }

    /// Redeems a code as a client with a secret would.
    pub(super) async fn redeem(&self, client: &str, code: &str) -> Answer {
        self.token(Some((client, SECRET)), &grant(code)).await
    }

    pub(super) async fn token(&self, basic: Option<(&str, &str)>, form: &[(&str, &str)]) -> Answer {
        let mut request = Browser::new().http.post(self.url("/token"));
        if let Some((id, secret)) = basic {
            request = request.basic_auth(id, Some(secret));
        }
        Answer::of(request.header("content-type", "application/x-www-form-urlencoded").body(encoded(form))).await
    }

    /// Claims of a request object of the client `signer`.
    pub(super) fn object(&self) -> Value {
        let mut claims = json!({
            "iss": "signer", "aud": self.issuer, "iat": self.now(), "exp": self.now() + 60, "jti": "1",
        });
        for (name, value) in self.request("signer").0 {
            claims[name] = json!(value);
        }
        claims
    }

    /// Claims of an assertion of the client `signer`.
    pub(super) fn assertion(&self, jti: &str) -> Value {
        json!({
            "iss": "signer", "sub": "signer", "aud": self.issuer, "iat": self.now(), "exp": self.now() + 60, "jti": jti,
        })
    }

    /// Claims of a hint for the client `hinted`.
    pub(super) fn hint(&self) -> Value {
        json!({
            "iss": "https://idp.example", "sub": "ada", "aud": self.issuer, "iat": self.now(), "exp": self.now() + 60,
            "phone_number": PHONE,
        })
    }
}

fn provider(verifier: &Verifier, issuer: &str, client_key: &SigningKey, hint_key: &SigningKey) -> OidcProvider {
    let secret = Secret::new(SECRET);
    let client = |id: &str| Client::new(id).secret(&secret).redirect_uri(REDIRECT);
    let set = |key: &SigningKey| json!({ "keys": [key.jwk()] });
    let key = SigningKey::rs256_pem(&Secret::new(include_str!("../../src/signing/testdata/rs256.pem"))).unwrap();
    let keys = SigningKeys::new(key).also_publish(SigningKey::generate_es256().unwrap());
    OidcProvider::builder(verifier, issuer, keys, &Secret::new("s".repeat(32)))
        .client(
            client("rp")
                .name("Example Bank")
                .acr("urn:example:strong", Action::new("strong").unwrap())
                .number_from_login_hint(),
        )
        .client(client("other").number_from_login_hint().with_userinfo().allow_secret_post())
        .client(client("denied").number_from_login_hint())
        .client(client("typing").number_typed())
        .client(client("hinted").number_from_id_token_hint(HintIssuer::new("https://idp.example", set(hint_key))))
        .client(Client::new("signer").keys(set(client_key)).redirect_uri(REDIRECT).number_from_request())
        .build()
        .unwrap()
}

pub(super) fn grant(code: &str) -> [(&str, &str); 4] {
    [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", REDIRECT), ("code_verifier", VERIFIER)]
}

/// An authorization request.
#[derive(Clone)]
pub(super) struct Request(pub(super) Vec<(&'static str, String)>);

impl Request {
    pub(super) fn with(&self, name: &'static str, value: &str) -> Self {
        let mut request = self.without(name);
        request.0.push((name, value.to_owned()));
        request
    }

    pub(super) fn without(&self, name: &str) -> Self {
        Self(self.0.iter().filter(|(own, _)| *own != name).cloned().collect())
    }

    pub(super) fn url(&self, stage: &Stage) -> String {
        let pairs: Vec<(&str, &str)> = self.0.iter().map(|(name, value)| (*name, value.as_str())).collect();
        stage.url(&format!("/authorize?{}", encoded(&pairs)))
    }
}

/// Signs claims with a key as its owner would.
pub(super) fn signed(key: &SigningKey, claims: &Value) -> String {
    signed_as(key, key.id(), claims)
}

/// The same under a name of one's choice.
pub(super) fn signed_as(key: &SigningKey, kid: &str, claims: &Value) -> String {
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(kid.to_owned());
    let pem = key.to_pem().unwrap();
    encode(&header, claims, &EncodingKey::from_ec_pem(pem.expose().as_bytes()).unwrap()).unwrap()
}

/// What an attacker makes of claims who knows the public key only.
pub(super) fn forged(key: &SigningKey, claims: &Value) -> Vec<(&'static str, String)> {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let none = format!("{}.{}.", part(&json!({ "alg": "none", "typ": "JWT" })), part(claims));
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some(key.id().to_owned());
    let secret = |text: &str| EncodingKey::from_secret(text.as_bytes());
    let stranger = SigningKey::generate_es256().unwrap();
    let mut within = Header::new(Algorithm::ES256);
    within.jwk = serde_json::from_value(stranger.jwk().clone()).ok();
    let pem = stranger.to_pem().unwrap();
    let own = EncodingKey::from_ec_pem(pem.expose().as_bytes()).unwrap();
    vec![
        ("no algorithm", none),
        ("the public key as a shared secret", encode(&header, claims, &secret(&key.jwk().to_string())).unwrap()),
        (
            "the coordinate as a shared secret",
            encode(&header, claims, &secret(key.jwk()["x"].as_str().unwrap())).unwrap(),
        ),
        ("a foreign key under our name", signed_as(&stranger, key.id(), claims)),
        ("a foreign key under its own name", signed(&stranger, claims)),
        ("a foreign key in the header", encode(&within, claims, &own).unwrap()),
        ("nothing", String::from("a.b.c")),
    ]
}

/// A person's browser.
pub(super) struct Browser {
    http: reqwest::Client,
    cookie: Mutex<Option<String>>,
}

impl Browser {
    pub(super) fn new() -> Self {
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).timeout(Duration::from_secs(40));
        Self { http: http.build().unwrap(), cookie: Mutex::default() }
    }

    pub(super) async fn get(&self, url: &str) -> Answer {
        self.send(Method::GET, url, None).await
    }

    /// Clicks a button of a page, and follows to the next page of the same site.
    pub(super) async fn click(&self, stage: &Stage, page: &Page, button: &str, fields: &[(&str, &str)]) -> Answer {
        let answer = self.press(stage, page, button, fields).await;
        match &answer.location {
            Some(url) if url.starts_with(&stage.issuer) => self.get(url).await,
            _ => answer,
        }
    }

    /// Clicks a button of a page.
    pub(super) async fn press(&self, stage: &Stage, page: &Page, button: &str, fields: &[(&str, &str)]) -> Answer {
        let form = [("ticket", page.ticket.as_str()), ("csrf", page.csrf.as_str()), ("do", button)];
        let form: Vec<(&str, &str)> = form.into_iter().chain(fields.iter().copied()).collect();
        self.send(Method::POST, &stage.url("/step"), Some(encoded(&form))).await
    }

    pub(super) async fn send(&self, method: Method, url: &str, form: Option<String>) -> Answer {
        let mut request = self.http.request(method, url);
        if let Some(cookie) = self.cookie.lock().await.as_ref() {
            request = request.header("cookie", cookie);
        }
        if let Some(form) = form {
            request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        }
        let answer = Answer::of(request).await;
        if let Some(cookie) = answer.headers.get("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
            *self.cookie.lock().await = Some(pair);
        }
        answer
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) location: Option<String>,
    pub(super) text: String,
}

impl Answer {
    pub(super) async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let location = headers.get("location").map(|url| url.to_str().unwrap().to_owned());
        Self { status, headers, location, text: response.text().await.unwrap() }
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The claims of the `id_token`, unchecked.
    #[track_caller]
    pub(super) fn claims(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        let token = self.json()["id_token"].as_str().unwrap().to_owned();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
    }

    #[track_caller]
    pub(super) fn token_error(&self, status: u16, error: &str) {
        let body = self.json();
        assert_eq!((self.status, body["error"].as_str()), (status, Some(error)), "{self:?}");
        assert!(body.get("id_token").is_none() && body.get("access_token").is_none());
    }

    /// The page of a step.
    #[track_caller]
    pub(super) fn page(self) -> Page {
        assert_eq!(self.status, 200, "{self:?}");
        assert_eq!(self.headers["cache-control"], "no-store");
        assert_eq!(self.headers["x-frame-options"], "DENY");
        assert_eq!(self.text.matches("<script nonce=").count(), self.text.matches("<script").count(), "{self:?}");
        let hidden = |name: &str| {
            let rest =
                self.text.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("{self:?}")).1;
            rest.split('"').next().unwrap().to_owned()
        };
        Page { ticket: hidden("ticket"), csrf: hidden("csrf"), text: self.text.clone() }
    }

    /// A page from which nothing goes on.
    #[track_caller]
    pub(super) fn dead_end(&self) {
        assert_eq!((self.status, &self.location), (400, &None), "{self:?}");
        assert!(!self.text.contains("name=\"ticket\""), "{self:?}");
    }

    /// The way back to the client.
    #[track_caller]
    pub(super) fn back(&self) -> Back {
        let url = self.location.as_deref().unwrap_or_else(|| panic!("no way back: {self:?}"));
        let query = url.strip_prefix(REDIRECT).unwrap_or_else(|| panic!("not to the client: {url}"));
        let pairs = form_urlencoded::parse(query.strip_prefix('?').unwrap().as_bytes()).into_owned().collect();
        Back { url: url.to_owned(), pairs }
    }
}

/// A page of the step.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) ticket: String,
    pub(super) csrf: String,
    pub(super) text: String,
}

impl Page {
    /// Where the page looks again by itself.
    #[track_caller]
    pub(super) fn here(&self, stage: &Stage) -> String {
        let rest = self.text.split_once("http-equiv=\"refresh\" content=\"").unwrap_or_else(|| panic!("{self:?}")).1;
        let url = rest.split('"').next().unwrap().split_once(";url=").unwrap().1.replace("&amp;", "&");
        assert!(url.starts_with(&stage.url("/step?")), "{url}");
        url
    }

    /// Where its link leads.
    #[track_caller]
    pub(super) fn link(&self) -> String {
        let rest = self.text.split_once("href=\"").unwrap_or_else(|| panic!("{self:?}")).1;
        rest.split('"').next().unwrap().replace("&amp;", "&")
    }
}

/// What a client is told.
#[derive(Debug)]
pub(super) struct Back {
    pub(super) url: String,
    pub(super) pairs: std::collections::BTreeMap<String, String>,
}

impl Back {
    #[track_caller]
    pub(super) fn code(&self) -> &str {
        self.pairs.get("code").unwrap_or_else(|| panic!("no code: {self:?}"))
    }

    #[track_caller]
    pub(super) fn error(&self, error: &str) {
        assert_eq!(self.pairs.get("error").map(String::as_str), Some(error), "{self:?}");
        assert!(!self.pairs.contains_key("code"), "{self:?}");
    }
}

pub(super) fn encoded(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

pub(super) fn phone(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text, None).unwrap()
}
