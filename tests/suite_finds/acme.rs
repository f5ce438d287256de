//! A provider as it is written outside of this crate: its settings, the vendor's words, the vendor's signature.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt, ready};
use handset::{
    Channel, Code, Error, ErrorKind, Result, Secret,
    callback::{Freshness, Message, RawCallback, Scheme, Unsigned, Verified, refused},
    provider::{
        Handle, Order, Polled, Prompt, Provider, Report, Settle, Started, Verdict,
        http::{Http, HttpClient, Repeat},
    },
};
use hmac::{Hmac, KeyInit, Mac};
use http::{Method, Request, Response, StatusCode, header};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sha2::Sha256;

pub(crate) const NAME: &str = "acme";

/// The settings of an account.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) base_url: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: Secret,
    /// What the vendor signs its reports with. An account without it gets them unsigned, and no key presses.
    pub(crate) report_key: Option<Secret>,
    pub(crate) time_out: Duration,
}

/// The client of an account.
#[derive(Debug)]
pub(crate) struct Acme {
    config: Config,
    http: Http,
    /// Whoever comes second waits for what the first one fetches; a future that is dropped lets go of the lock.
    token: tokio::sync::Mutex<Option<Secret>>,
}

impl Acme {
    pub(crate) fn new(config: Config, client: HttpClient) -> Self {
        let http = Http::new(NAME, client, config.time_out);
        Self { config, http, token: tokio::sync::Mutex::default() }
    }

    /// Sends a request with the access token.
    async fn ask<T: DeserializeOwned>(&self, repeat: Repeat, method: Method, path: &str, body: &Value) -> Result<T> {
        let token = self.token().await?;
        let answer = self.http.send(self.request(method, path, Some(&token), body)?, repeat).await?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            // Taken back before its time; the next request gets another one.
            *self.token.lock().await = None;
        }
        read(&answer)
    }

    pub(crate) async fn token(&self) -> Result<Secret> {
        let mut kept = self.token.lock().await;
        if let Some(token) = kept.as_ref() {
            return Ok(token.clone());
        }
        let body = json!({ "id": self.config.client_id, "secret": self.config.client_secret.expose() });
        let request = self.request(Method::POST, "/token", None, &body)?;
        let Token { access_token } = read(&self.http.send(request, Repeat::Idempotent).await?)?;
        Ok(kept.insert(access_token).clone())
    }

    fn request(&self, method: Method, path: &str, token: Option<&Secret>, body: &Value) -> Result<Request<Bytes>> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.config.base_url))
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.expose()));
        }
        request.body(body.to_string().into()).map_err(|_| error(ErrorKind::Misconfigured, "`base_url` makes no URL"))
    }
}

impl Provider for Acme {
    fn name(&self) -> &'static str {
        NAME
    }

    fn channels(&self) -> &[Channel] {
        match self.config.report_key {
            Some(_) => &[Channel::Sms, Channel::KeyPress],
            None => &[Channel::Sms],
        }
    }

    fn start<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Started>> {
        async move {
            order.needs_one_of(self.channels()).map_err(|error| error.with_provider(NAME))?;
            let body = json!({
                "to": order.phone.to_e164(),
                "channel": order.channel,
                "report_to": order.callback_url,
            });
            // A message that is ordered twice is sent twice.
            let ordered: Ordered = self.ask(Repeat::Never, Method::POST, "/orders", &body).await?;
            let handle = Handle::new(ordered.order);
            Ok(match ordered.keys {
                Some(digits) => Started::new(handle, Settle::Callback).with_prompt(Prompt::PressKeys { digits }),
                None => Started::new(handle, Settle::RemoteCode { digits: DIGITS }),
            })
        }
        .boxed()
    }

    fn judge<'a>(&'a self, handle: &'a Handle, typed: &'a Code) -> BoxFuture<'a, Result<Verdict>> {
        async move {
            let path = format!("/orders/{}/check", handle.as_str());
            let body = json!({ "code": typed.expose() });
            let judged: Known = self.ask(Repeat::Never, Method::POST, &path, &body).await?;
            Ok(judged.state.verdict())
        }
        .boxed()
    }

    fn poll<'a>(&'a self, handle: &'a Handle) -> BoxFuture<'a, Result<Polled>> {
        async move {
            let path = format!("/orders/{}", handle.as_str());
            let known: Known = self.ask(Repeat::Idempotent, Method::GET, &path, &Value::Null).await?;
            Ok(Polled::verdict(known.state.verdict()))
        }
        .boxed()
    }

    fn callback<'a>(&'a self, raw: RawCallback, now: SystemTime) -> BoxFuture<'a, Result<Report>> {
        async move {
            match &self.config.report_key {
                Some(key) => read_report(&raw.verify(&Signature { key: key.clone() }, now).await?),
                None => {
                    let mut report = read_report(&raw.verify(&Unsigned::default(), now).await?)?;
                    // Anybody can write it: it decides nothing.
                    report.verdict = Verdict::Pending;
                    Ok(report)
                }
            }
        }
        .boxed()
    }
}

/// HMAC-SHA256, in base64, over the header `Date`, a line feed and the body.
#[derive(Debug)]
pub(crate) struct Signature {
    pub(crate) key: Secret,
}

impl Scheme for Signature {
    fn check<'a>(&'a self, message: &'a Message, now: SystemTime) -> BoxFuture<'a, Result<()>> {
        ready(self.holds(message, now)).boxed()
    }
}

impl Signature {
    fn holds(&self, message: &Message, now: SystemTime) -> Result<()> {
        let header = |name| message.headers.get(name).and_then(|value| value.to_str().ok());
        let date = header("date").ok_or_else(|| refused("the report has no date"))?;
        let signed_at = httpdate::parse_http_date(date).map_err(|_| refused("the date of the report is none"))?;
        let signature = header("acme-signature").and_then(|text| STANDARD.decode(text).ok());
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.expose().as_bytes())
            .map_err(|_| error(ErrorKind::Misconfigured, "`report_key` cannot be used as a key"))?;
        mac.update(format!("{date}\n").as_bytes());
        mac.update(&message.body);
        mac.verify_slice(&signature.unwrap_or_default()).map_err(|_| refused("the signature is missing or wrong"))?;
        Freshness::default().check(signed_at, now)
    }
}

#[derive(Deserialize)]
struct Token {
    access_token: Secret,
}

#[derive(Deserialize)]
struct Ordered {
    order: String,
    /// The keys to press, on a call that asks for some.
    keys: Option<String>,
}

#[derive(Deserialize)]
struct Known {
    state: State,
}

#[derive(Deserialize)]
struct Posted {
    report: String,
    order: String,
    state: State,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Open,
    Confirmed,
    Refused,
}

impl State {
    fn verdict(self) -> Verdict {
        match self {
            Self::Open => Verdict::Pending,
            Self::Confirmed => Verdict::Match,
            Self::Refused => Verdict::NoMatch,
        }
    }
}

/// Reads a report whose sender was checked.
pub(crate) fn read_report(verified: &Verified) -> Result<Report> {
    let posted: Posted = serde_json::from_slice(verified.body())
        .map_err(|_| error(ErrorKind::InvalidInput, "called with something that is not its JSON"))?;
    let mut report = Report::new(posted.state.verdict());
    report.handle = Some(Handle::new(posted.order));
    report.id = Some(posted.report);
    Ok(report)
}

/// Reads an answer. The vendor's refusals become our errors here and nowhere else.
fn read<T: DeserializeOwned>(answer: &Response<Bytes>) -> Result<T> {
    Err(match answer.status() {
        // The source would show what was answered, which may be the token.
        status if status.is_success() => {
            return serde_json::from_slice(answer.body())
                .map_err(|_| error(ErrorKind::Unavailable, "answered with something that is not its JSON"));
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            error(ErrorKind::Misconfigured, "refuses `client_id` and `client_secret`")
        }
        StatusCode::NOT_FOUND => error(ErrorKind::Unavailable, "does not know the order; send another message"),
        StatusCode::GONE => error(ErrorKind::Unavailable, "has closed the order; send another message"),
        StatusCode::TOO_MANY_REQUESTS => {
            let error = error(ErrorKind::RateLimited, "takes no more requests for now");
            wait(answer).into_iter().fold(error, Error::with_retry_after)
        }
        _ => error(ErrorKind::Rejected, "does not accept the request"),
    })
}

fn wait(answer: &Response<Bytes>) -> Option<Duration> {
    let seconds = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    seconds.parse().ok().map(Duration::from_secs)
}

fn error(kind: ErrorKind, message: &'static str) -> Error {
    Error::new(kind, message).with_provider(NAME)
}

/// How many digits the vendor's codes have.
const DIGITS: u8 = 6;
