//! The external authentication method of Microsoft Entra: the phone step after Entra's own first factor.
//!
//! ```text
//!  Entra --(browser, form)--> POST /authorize: client, redirect_uri, signed hint ---> the application says which phones
//!                                                                                        |
//!  Entra <--(browser, form)-- id_token, or an error <--- GET, POST /step: the person ----'
//! ```
//!
//! Microsoft's contract takes the implicit grant, which other clients must not have (RFC 9700, section 2.1.2; OWASP ASVS 5.0,
//! 10.4.4). So this is a service of its own, for one client, whose answers go to one address of Microsoft's; nothing here is
//! configured by what a request says. `docs/entra.md` shows how the application is registered.
//!
//! Serve [`Endpoints`](crate::Endpoints) beside it, at the same origin, for providers that call back or send devices here.
//!
//! Who is asked is said by a hint that Entra signs: the account is its `oid` and `tid`. Which phones that account has, the application
//! says by [`Phones`]; a number that a request names is never used.
//!
//! ```
//! use handset::{PhoneNumber, Verifier, provider::http::HttpClient};
//! use handset::entra::{Account, Client, Config, Entra};
//! use handset::signing::{SigningKey, SigningKeys};
//!
//! fn serve(verifier: &Verifier, now: SigningKey, next: SigningKey) -> handset::Result<Entra> {
//!     let client = Client::new("handset-mfa", "600b719b-3766-4dc5-95a6-3c4a8dc31885")
//!         .tenant("14c2f153-90a7-4689-9db7-9543bf084dad");
//!     let keys = SigningKeys::new(now).also_publish(next);
//!     let config = Config::new("https://mfa.example.com/entra", client, keys)?;
//!     let phones = |account: Account| async move {
//!         let _ = (account.tenant(), account.object()); // your own enrolment, by both
//!         PhoneNumber::parse("+37126123456", None).map(|phone| vec![phone])
//!     };
//!     Entra::new(verifier, config, phones, HttpClient::with_defaults()?)
//! }
//! ```

mod authorize;
mod carried;
mod config;
mod hand_on;
mod hint;
mod metadata;
mod request;
mod step;
mod token;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fmt,
    sync::Arc,
    task::{Context, Poll},
    time::SystemTime,
};

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri,
    header::{ALLOW, CONTENT_TYPE},
    request::Parts,
};
use http_body::Body;
use http_body_util::Full;
use tower::{BoxError, Service};

use carried::Carried;
use config::misconfigured;
pub use config::{Account, Client, Cloud, Config, Phones};
use hint::Tenants;
use step::{At, Done};

use crate::{
    body::{TIME_OUT, Unread, read},
    error::Result,
    provider::http::HttpClient,
    signing::SigningKeys,
    step_page::{Notice, Stage, StepPage, dead_end, dead_end_in, see_other},
    verifier::{Caller, Facts, Verifier},
};

/// The endpoint as a tower service, to be mounted at the path of its issuer. Cheap to clone.
///
/// | method and path below the issuer | does |
/// |---|---|
/// | `GET /.well-known/openid-configuration`, `GET /jwks` | what Entra reads once a day |
/// | `POST /authorize` | begins a step |
/// | `GET /step`, `POST /step` | the person's pages |
///
/// The client's address comes as a [`Caller`], what the policy needs to know as [`Facts`], both in the request's extensions.
#[derive(Clone)]
pub struct Entra {
    inner: Arc<Inner>,
}

struct Inner {
    verifier: Verifier,
    config: Config,
    /// The path of the issuer: where the service is mounted.
    mount: String,
    tenants: Tenants,
    phones: Box<dyn Phones>,
}

impl Entra {
    /// Serves one client. `http` reaches Microsoft's metadata and keys.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`](crate::ErrorKind::Misconfigured): an issuer that is no `https` URL, no tenant or one that is no id, fewer
    /// than two keys, a key that is not RS256.
    pub fn new(verifier: &Verifier, mut config: Config, phones: impl Phones, http: HttpClient) -> Result<Self> {
        crate::crypto::install()?;
        let mount = mount(&config.issuer)?;
        if config.client.id.is_empty() || config.client.application.is_empty() {
            return Err(misconfigured("the client id and the application id are not empty"));
        }
        let tenants = Tenants::new(&config.client, http)?;
        config.keys = metadata::certified(&config.keys)?;
        let (verifier, phones) = (verifier.clone(), Box::new(phones));
        Ok(Self { inner: Arc::new(Inner { verifier, config, mount, tenants, phones }) })
    }

    /// The keys that are published, with their certificates.
    #[must_use]
    pub fn keys(&self) -> &SigningKeys {
        &self.inner.config.keys
    }
}

impl Inner {
    /// The page of a step.
    fn step_url(&self, ticket: &str) -> String {
        format!("{}/step?step={ticket}", self.config.issuer)
    }
}

impl<B> Service<Request<B>> for Entra
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
        let inner = Arc::clone(&self.inner);
        async move { Ok(serve(&inner, request).await) }.boxed()
    }
}

impl fmt::Debug for Entra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entra").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

type Reply = Response<Full<Bytes>>;

async fn serve<B>(inner: &Inner, request: Request<B>) -> Reply
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let path = path.strip_prefix(&inner.mount).filter(|rest| rest.starts_with('/')).unwrap_or(path);
    let reads = [Method::GET, Method::HEAD].contains(&parts.method);
    match path {
        "/.well-known/openid-configuration" if reads => metadata::discovery(&inner.config),
        "/jwks" if reads => metadata::jwks(&inner.config.keys),
        "/authorize" if parts.method == Method::POST => match form(&parts, body).await {
            Ok(form) => authorize::serve(inner, &parts, &form).await,
            Err(reply) => reply,
        },
        "/step" if parts.method == Method::GET => see(inner, &parts).await,
        "/step" if parts.method == Method::POST => match form(&parts, body).await {
            Ok(form) => act(inner, &parts, &form).await,
            Err(reply) => reply,
        },
        "/.well-known/openid-configuration" | "/jwks" => not_allowed("GET, HEAD"),
        "/authorize" => not_allowed("POST"),
        "/step" => not_allowed("GET, POST"),
        _ => dead_end(StatusCode::NOT_FOUND, "There is nothing here. Go back to where you signed in."),
    }
}

/// Shows where a step is.
async fn see(inner: &Inner, parts: &Parts) -> Reply {
    let Some(fields) = request::form(parts.uri.query().unwrap_or_default().as_bytes()) else {
        return lost(inner, &parts.headers);
    };
    let Some(carried) = open(inner, parts, &fields) else { return lost(inner, &parts.headers) };
    let returned = fields.get("returned").map(|_| Notice::NotConfirmed);
    let notice = fields.get("said").and_then(|word| Notice::of_word(word)).or(returned);
    match inner.verifier.trusted_now() {
        Ok(now) => {
            let at = carried.step.look(inner, now).await;
            show(inner, &carried, at, notice, &parts.headers, now)
        }
        Err(_) => unavailable(inner, &parts.headers),
    }
}

/// Does what the person asks.
async fn act(inner: &Inner, parts: &Parts, form: &Bytes) -> Reply {
    let Some(fields) = request::form(form) else { return lost(inner, &parts.headers) };
    let Some(mut carried) = open(inner, parts, &fields) else { return lost(inner, &parts.headers) };
    let Ok(now) = inner.verifier.trusted_now() else { return unavailable(inner, &parts.headers) };
    let field = |name| fields.get(name).map(String::as_str).unwrap_or_default();
    let caller = parts.extensions.get::<Caller>().copied().unwrap_or_default();
    let done = match field("do") {
        "answer" => carried.step.code(inner, field("code"), caller, now).await,
        "next" => carried.step.next(inner, caller, now).await,
        "cancel" => carried.step.cancel(inner).await,
        "start" => {
            let facts = parts.extensions.get::<Facts>().cloned().unwrap_or_default();
            match carried.choose(inner, field("phone").parse().unwrap_or(usize::MAX), &facts, caller, now).await {
                Ok(()) => Done::Look(None),
                Err(error) => Done::Look(Notice::of_error(&error)),
            }
        }
        _ => Done::Look(None),
    };
    match done {
        Done::Look(notice) => look_again(inner, &carried, notice, &parts.headers),
        Done::End(at) => show(inner, &carried, at, None, &parts.headers, now),
    }
}

fn open(inner: &Inner, parts: &Parts, fields: &BTreeMap<String, String>) -> Option<Carried> {
    let mut carried = Carried::open(inner, fields.get("step")?, &parts.headers)?;
    if let Some(id) = fields.get("returned").and_then(|text| inner.verifier.returned_check(text)) {
        carried.step.came_back(id);
    }
    Some(carried)
}

fn show(
    inner: &Inner,
    carried: &Carried,
    at: At,
    notice: Option<Notice>,
    headers: &HeaderMap,
    now: SystemTime,
) -> Reply {
    let Ok(ticket) = carried.ticket(inner) else { return unavailable(inner, headers) };
    let (stage, phone) = match &at {
        At::Choice(phones) => (Stage::Choice(phones), None),
        At::Check(check, phone) => (Stage::Check(check), Some(*phone)),
        At::Answered(token) => {
            tracing::info!("entra: the step ended well");
            return answer(inner, ("id_token", token), carried.step.state.as_deref());
        }
        At::Failed(error) => return answer(inner, ("error", error), carried.step.state.as_deref()),
        At::Unknown => return unavailable(inner, headers),
    };
    let page = StepPage {
        words: &inner.config.pages.words(&[], headers),
        brand: inner.config.pages.brand(),
        asking: Some(ASKING),
        transaction: None,
        phone,
        email: None,
        may_change: false,
        stage,
        notice,
        now,
        here: &saying(inner, &ticket, notice),
        changes: None,
        form_action: &format!("{}/step", inner.mount),
        hidden: &[("step", &ticket)],
        form_target: "",
    };
    page.response(StatusCode::OK)
}

/// Sends the browser to look where the step is, so that nothing is done twice when the page is loaded again.
fn look_again(inner: &Inner, carried: &Carried, notice: Option<Notice>, headers: &HeaderMap) -> Reply {
    let sent = carried.ticket(inner).and_then(|ticket| see_other(&saying(inner, &ticket, notice)));
    sent.unwrap_or_else(|_| unavailable(inner, headers))
}

/// The page of a step, with something to say.
fn saying(inner: &Inner, ticket: &str, notice: Option<Notice>) -> String {
    let said = notice.map_or_else(String::new, |notice| format!("&said={}", notice.word()));
    format!("{}{said}", inner.step_url(ticket))
}

/// Hands the result to Entra, through the browser, to the one place where it may go.
fn answer(inner: &Inner, result: (&str, &str), state: Option<&str>) -> Reply {
    let fields: Vec<(&str, &str)> = std::iter::once(result).chain(state.map(|state| ("state", state))).collect();
    hand_on::page(inner.config.client.cloud.redirect_uri(), &fields)
}

/// Reads a form that is not longer than any of ours or Entra's.
async fn form<B>(parts: &Parts, body: B) -> Result<Bytes, Reply>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(dead_end(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Only a form can be used here."));
    }
    read(body, LONGEST_FORM, TIME_OUT).await.map_err(|why| match why {
        Unread::TooSlow => dead_end(StatusCode::REQUEST_TIMEOUT, "The form came too slowly."),
        _ => dead_end(StatusCode::PAYLOAD_TOO_LARGE, "The form is too long."),
    })
}

fn lost(inner: &Inner, headers: &HeaderMap) -> Reply {
    end(inner, headers, StatusCode::BAD_REQUEST, "dead-end-over")
}

fn unavailable(inner: &Inner, headers: &HeaderMap) -> Reply {
    end(inner, headers, StatusCode::SERVICE_UNAVAILABLE, "dead-end-later")
}

/// Why nothing goes on, in the language of the person.
fn end(inner: &Inner, headers: &HeaderMap, status: StatusCode, message: &str) -> Reply {
    let pages = &inner.config.pages;
    dead_end_in(pages, &pages.words(&[], headers), status, message)
}

fn not_allowed(methods: &'static str) -> Reply {
    let mut reply = dead_end(StatusCode::METHOD_NOT_ALLOWED, "This cannot be asked for like that.");
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    reply
}

/// The path of an issuer that can be published.
fn mount(issuer: &str) -> Result<String> {
    let wrong = || {
        misconfigured(
            "the issuer is an `https` URL without a slash at its end, such as `https://mfa.example.com/entra`",
        )
    };
    let uri: Uri = issuer.parse().map_err(|_| wrong())?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/:".contains(&b);
    if uri.scheme_str() != Some("https") || uri.host().is_none() || issuer.ends_with('/') || !issuer.bytes().all(plain)
    {
        return Err(wrong());
    }
    Ok(uri.path().trim_end_matches('/').to_owned())
}

/// Who asks, as people know it.
const ASKING: &str = "Microsoft";

/// Bytes: Entra's form holds a token, and a state that comes back to us encrypted.
const LONGEST_FORM: usize = 32 * 1024;
