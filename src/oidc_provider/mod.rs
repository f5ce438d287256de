//! The verifier as an OpenID provider whose one job is the phone step, for identity servers of any language.
//!
//! | method and path below the issuer | does |
//! |---|---|
//! | `GET /.well-known/openid-configuration`, `GET /jwks` | says what there is, and the public keys |
//! | `GET /authorize` | checks a client's request and shows the person the page |
//! | `GET /step`, `POST /step` | the page while the step is taken |
//! | `POST /token` | gives the `id_token` for a code |
//! | `GET /userinfo` | the same once more, for clients that need it |
//!
//! A number is named by a signed `request` object, by an `id_token_hint` of the client's own issuer, by a `login_hint`, or typed by
//! the person; which of them count is a setting of each [`Client`], and the claim `phone_number_from` says which it was. The `sub`
//! is that of the hint, or a keyed hash of client and number: one number has one `sub` at one client, and another at the next.
//!
//! Every step is taken anew: there is no session, so that `max_age` is always met and `prompt=none` never is. Nothing is sent
//! before the person clicks. Pages, codes and access tokens are sealed under the verifier's server key, and the store remembers
//! which were used: processes that share store, server key and signing keys serve one issuer together.
//!
//! Serve [`Endpoints`](crate::Endpoints) beside it, at the same origin, for providers that call back or send devices here.

mod answer;
mod authorize;
mod client;
mod discovery;
mod id_token;
mod jwt;
mod request;
mod step;
mod ticket;
mod token;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use hmac::{Hmac, KeyInit, Mac};
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode, Uri,
    header::{ALLOW, CONTENT_TYPE},
};
use http_body::Body;
use http_body_util::Full;
use serde_json::Value;
use sha2::Sha256;
use tower::{BoxError, Service};

use self::{
    answer::{Answer, TokenError},
    client::Registered,
};
use crate::{
    body::{TIME_OUT, read},
    error::{Error, ErrorKind, Result},
    phone::PhoneNumber,
    secret::Secret,
    signing::SigningKeys,
    step_page::{StepPages, dead_end},
    verifier::Verifier,
};

pub use client::{Client, HintIssuer, NumberSource};

/// The OpenID provider as a tower service. Cheap to clone.
///
/// ```
/// # #[cfg(feature = "testing")] fn main() -> handset::Result<()> {
/// use handset::{Secret, Verifier, proof::ProofKey, signing::{SigningKey, SigningKeys}};
/// use handset::oidc_provider::{Client, OidcProvider};
///
/// # let policy = "version = 1\n[[route]]\nname = \"everybody\"\ntry = [\"code_book/sms\"]";
/// # let builder = Verifier::builder().policy("policy.toml", policy).proof_key(ProofKey::random()?);
/// # let verifier = builder.provider(handset::testing::CodeBook::default()).build()?;
/// # let secret = |name: &str| Secret::new(format!("{name:-<40}"));
/// let keys = SigningKeys::new(SigningKey::generate_rs256()?);
/// let keycloak = Client::new("keycloak")
///     .secret(&secret("KEYCLOAK_SECRET"))
///     .redirect_uri("https://login.example.com/realms/bank/broker/phone/endpoint")
///     .number_from_login_hint();
/// let provider = OidcProvider::builder(&verifier, "https://phone.example.com", keys, &secret("SUBJECT_SECRET"))
///     .client(keycloak)
///     .build()?;
/// # let _ = provider;
/// # Ok(()) }
/// # #[cfg(not(feature = "testing"))] fn main() {}
/// ```
#[derive(Clone)]
pub struct OidcProvider {
    inner: Arc<Inner>,
}

struct Inner {
    verifier: Verifier,
    issuer: String,
    /// The path of the issuer, under which everything is.
    mount: String,
    keys: SigningKeys,
    subjects: Hmac<Sha256>,
    pages: StepPages,
    clients: BTreeMap<String, Registered>,
}

/// Builds an [`OidcProvider`].
#[must_use]
pub struct Builder {
    verifier: Verifier,
    issuer: String,
    keys: SigningKeys,
    subject_secret: Secret,
    pages: Option<StepPages>,
    clients: Vec<Client>,
}

impl Builder {
    /// Adds a client.
    pub fn client(mut self, client: Client) -> Self {
        self.clients.push(client);
        self
    }

    /// How the page looks and speaks. On it stands the name of the client, and not that of the pages. Default: as it comes.
    pub fn step_pages(mut self, pages: StepPages) -> Self {
        self.pages = Some(pages);
        self
    }

    /// Checks the settings and puts everything together.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] with what is wrong: an issuer that is no URL, a secret for subjects of less than 32 bytes, no
    /// client, two of one id, or a client whose settings do not fit together.
    pub fn build(self) -> Result<OidcProvider> {
        let mount = mount(&self.issuer)?;
        let secret = self.subject_secret.expose().as_bytes();
        if secret.len() < 32 {
            return Err(misconfigured("the secret for subjects has at least 32 bytes; make one with a generator"));
        }
        let subjects = Hmac::new_from_slice(secret)
            .map_err(|source| misconfigured("the secret for subjects cannot be used").with_source(source))?;
        let mut clients = BTreeMap::new();
        for client in self.clients {
            let client = client.register(&self.issuer)?;
            if let Some(twice) = clients.insert(client.id.clone(), client) {
                return Err(Error::new(
                    ErrorKind::Misconfigured,
                    format!("there are two clients named `{}`", twice.id),
                ));
            }
        }
        if clients.is_empty() {
            return Err(misconfigured("an OpenID provider has at least one client"));
        }
        let pages = self.pages.map_or_else(|| StepPages::builder().build(), Ok)?;
        let (verifier, issuer, keys) = (self.verifier, self.issuer, self.keys);
        Ok(OidcProvider { inner: Arc::new(Inner { verifier, issuer, mount, keys, subjects, pages, clients }) })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("issuer", &self.issuer).field("clients", &self.clients).finish_non_exhaustive()
    }
}

impl OidcProvider {
    /// Starts to build the provider of `issuer`: its URL, as clients know it, without a slash at its end. HTTPS, or HTTP on this
    /// machine. `subject_secret` makes every `sub` that a hint does not name; with another one every person is somebody new.
    pub fn builder(
        verifier: &Verifier,
        issuer: impl Into<String>,
        keys: SigningKeys,
        subject_secret: &Secret,
    ) -> Builder {
        let (verifier, subject_secret) = (verifier.clone(), subject_secret.clone());
        Builder { verifier, issuer: issuer.into(), keys, subject_secret, pages: None, clients: Vec::new() }
    }

    /// The issuer URL.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.inner.issuer
    }

    /// What `/.well-known/openid-configuration` says.
    #[must_use]
    pub fn metadata(&self) -> Value {
        discovery::document(self)
    }

    fn verifier(&self) -> &Verifier {
        &self.inner.verifier
    }

    fn pages(&self) -> &StepPages {
        &self.inner.pages
    }

    fn keys(&self) -> &SigningKeys {
        &self.inner.keys
    }

    fn clients(&self) -> impl Iterator<Item = &Registered> {
        self.inner.clients.values()
    }

    fn client(&self, id: &str) -> Option<&Registered> {
        self.inner.clients.get(id)
    }

    /// An address below the issuer, as the world sees it.
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.inner.issuer)
    }

    /// The same without the origin.
    fn path(&self, path: &str) -> String {
        format!("{}{path}", self.inner.mount)
    }

    /// The `sub` of a number at one client (OpenID Connect Core, section 8.1).
    fn pairwise(&self, client: &Registered, phone: &PhoneNumber) -> String {
        let mut mac = self.inner.subjects.clone();
        mac.update(&(client.id.len() as u64).to_be_bytes());
        mac.update(client.id.as_bytes());
        mac.update(&phone.digits().to_be_bytes());
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }
}

impl fmt::Debug for OidcProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcProvider")
            .field("issuer", &self.inner.issuer)
            .field("clients", &self.inner.clients.keys())
            .field("keys", &self.inner.keys)
            .finish_non_exhaustive()
    }
}

impl<B> Service<Request<B>> for OidcProvider
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let provider = self.clone();
        async move { Ok(serve(&provider, request).await) }.boxed()
    }
}

async fn serve<B>(provider: &OidcProvider, request: Request<B>) -> Answer
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let (parts, body) = request.into_parts();
    if parts.uri.query().is_some_and(|query| query.len() > LONGEST) {
        return dead_end(StatusCode::URI_TOO_LONG, "The link that brought you here is too long.");
    }
    let path = parts.uri.path();
    let path = path.strip_prefix(&provider.inner.mount).filter(|rest| rest.starts_with('/')).unwrap_or(path);
    match (path, parts.method.as_str()) {
        ("/.well-known/openid-configuration", "GET") => answer::metadata(&provider.metadata()),
        ("/jwks", "GET") => answer::metadata(&provider.keys().jwks()),
        ("/authorize", "GET") => authorize::serve(provider, &parts),
        ("/step", "GET") => step::look(provider, &parts).await,
        ("/userinfo", "GET" | "POST") => id_token::userinfo(provider, &parts.headers).await,
        ("/authorize" | "/step" | "/token", "POST") => {
            let form = form(&parts.headers, body).await;
            match (path, form) {
                ("/authorize", Some(form)) => authorize::form(provider, &form),
                ("/step", Some(form)) => step::act(provider, &parts, &form).await,
                ("/token", Some(form)) => token::serve(provider, &parts.headers, &form).await,
                ("/token", None) => TokenError::new("invalid_request", UNREADABLE).into_response(),
                _ => dead_end(StatusCode::BAD_REQUEST, UNREADABLE),
            }
        }
        ("/.well-known/openid-configuration" | "/jwks", _) => method_not_allowed("GET"),
        ("/authorize" | "/step" | "/userinfo", _) => method_not_allowed("GET, POST"),
        ("/token", _) => method_not_allowed("POST"),
        _ => dead_end(StatusCode::NOT_FOUND, "There is nothing here."),
    }
}

/// A form of at most [`LONGEST`] bytes, which is here in time.
async fn form<B>(headers: &HeaderMap, body: B) -> Option<Bytes>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(one), None) = (types.next(), types.next()) else { return None };
    let essence = one.to_str().ok()?.split(';').next()?.trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return None;
    }
    read(body, LONGEST, TIME_OUT).await.ok()
}

fn method_not_allowed(allowed: &'static str) -> Answer {
    let mut response = dead_end(StatusCode::METHOD_NOT_ALLOWED, "This cannot be asked for like that.");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// The path of an issuer URL (OpenID Connect Discovery, section 3), empty for one without.
fn mount(issuer: &str) -> Result<String> {
    let wrong =
        || misconfigured("the issuer is a URL without `/` at its end, query or `#`: HTTPS, or HTTP on this machine");
    let uri: Uri = issuer.parse().map_err(|_| wrong())?;
    let (scheme, host) = (uri.scheme_str(), uri.host().unwrap_or_default());
    let is_safe =
        scheme == Some("https") || (scheme == Some("http") && matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/[]".contains(&b);
    if !is_safe || issuer.ends_with('/') || !issuer.bytes().all(plain) {
        return Err(wrong());
    }
    Ok(uri.path().trim_end_matches('/').to_owned())
}

fn misconfigured(message: &'static str) -> Error {
    Error::new(ErrorKind::Misconfigured, message)
}

/// What a step shows where the policy asks for nothing else.
const DEFAULT_ACR: &str = "phone";

const UNREADABLE: &str = "Send a form of at most 16 KiB.";

/// The most bytes of a query or a form that are read.
const LONGEST: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_a_plain_url() {
        assert_eq!(mount("https://op.example").unwrap(), "");
        assert_eq!(mount("https://op.example/oidc").unwrap(), "/oidc");
        assert_eq!(mount("http://127.0.0.1:8080").unwrap(), "");
        for issuer in [
            "",
            "op.example",
            "http://op.example",
            "https://op.example/",
            "https://op.example/?a=b",
            "https://op.example/#a",
            "https://user@op.example",
        ] {
            assert!(mount(issuer).is_err(), "{issuer}");
        }
    }
}
