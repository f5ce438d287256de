//! The HTTP seam: how providers reach their vendors.
//!
//! A provider speaks `http::Request<Bytes>` to any tower service. What every vendor needs is written here, once: a time limit,
//! a cap on the answer, HTTPS and public addresses only, no redirects, retries only of requests that may be repeated, a
//! circuit breaker, and errors that do not show the URL.

#[cfg(feature = "client")]
mod client;
mod json;
mod reach;
mod vendor;

use std::{
    fmt,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header::RETRY_AFTER};
use tower::{BoxError, Service, ServiceExt, util::BoxCloneSyncService};

use super::breaker::{self, Breaker};
use crate::error::{Error, ErrorKind, Result};

pub(super) use json::{integer, object, problem, text};
pub use reach::Reach;
pub(super) use vendor::{Draft, Vendor};

/// A tower service that carries requests to vendors. Cheap to clone.
///
/// The default is reqwest with rustls; hand in another with [`new`](Self::new), for instance one with a proxy or with an
/// organisation's own tracing.
#[derive(Clone)]
pub struct HttpClient {
    service: BoxCloneSyncService<Request<Bytes>, Response<Bytes>, BoxError>,
    reach: Reach,
}

impl HttpClient {
    /// Wraps a service, which should follow no redirect, read at most [`MAX_BODY`] bytes of an answer, and connect to no
    /// private address that a name leads to: where a name leads is seen by the service alone.
    pub fn new<S>(service: S) -> Self
    where
        S: Service<Request<Bytes>, Response = Response<Bytes>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send + 'static,
    {
        Self { service: BoxCloneSyncService::new(service.map_err(Into::into)), reach: Reach::PublicHttps }
    }

    /// Lets requests go out over plain HTTP and to private addresses: to an emulator on this machine, or to a proxy of the
    /// organisation's own. In production it turns a wrong base URL into a way into the internal network.
    #[must_use]
    pub fn danger_reach_private_addresses(mut self) -> Self {
        self.reach = Reach::Anything;
        self
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("reach", &self.reach).finish_non_exhaustive()
    }
}

/// The seam as one provider holds it: its client, its time limit, its breaker.
#[derive(Debug)]
pub struct Http {
    provider: &'static str,
    client: HttpClient,
    time_out: Duration,
    breaker: Breaker,
}

/// Whether a request may be sent again when its answer is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a request may be repeated or it may not")]
pub enum Repeat {
    /// It only reads.
    Idempotent,
    /// It orders a call or a message: never again.
    Never,
}

impl Http {
    /// The seam for `provider`. `time_out` bounds a request with its answer and its retries.
    #[must_use]
    pub fn new(provider: &'static str, client: HttpClient, time_out: Duration) -> Self {
        Self { provider, client, time_out, breaker: Breaker::new(breaker::Settings::default()) }
    }

    /// Sends a request and returns the answer whole, whatever its status below 500 but a redirect.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when there is no such answer in time; the message never holds the URL, which may hold a
    /// phone number. [`ErrorKind::Misconfigured`] when the address may not be reached.
    pub async fn send(&self, request: Request<Bytes>, repeat: Repeat) -> Result<Response<Bytes>> {
        self.client.reach.admit(request.uri()).map_err(|error| error.with_provider(self.provider))?;
        self.breaker.admit(Instant::now()).map_err(|wait| {
            self.unavailable("left alone for a while after failures in a row").with_retry_after(wait)
        })?;
        let answer = match tokio::time::timeout(self.time_out, self.try_send(request, repeat)).await {
            Ok(answer) => answer,
            Err(elapsed) => Err(self.unavailable("no answer in time").with_source(elapsed)),
        };
        self.breaker.record(answer.is_ok(), Instant::now());
        answer
    }

    async fn try_send(&self, request: Request<Bytes>, repeat: Repeat) -> Result<Response<Bytes>> {
        let mut pauses = RETRY_PAUSES.iter();
        loop {
            let error = match self.once(request.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match pauses.next() {
                Some(pause) if repeat == Repeat::Idempotent => tokio::time::sleep(*pause).await,
                _ => return Err(error),
            }
        }
    }

    async fn once(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        let answer = self
            .client
            .service
            .clone()
            .oneshot(request)
            .await
            .map_err(|source| self.unavailable("could not be reached").with_source(source))?;
        match answer.status() {
            status if status.is_redirection() => {
                Err(self.unavailable("answered with a redirect, which is not followed"))
            }
            status if status.is_server_error() => {
                Err(self.unavailable("answered with a server error").with_source(Status(status)))
            }
            _ if answer.body().len() > MAX_BODY => Err(self.unavailable("answered with too many bytes")),
            _ => Ok(answer),
        }
    }

    fn unavailable(&self, message: &'static str) -> Error {
        Error::new(ErrorKind::Unavailable, message).with_provider(self.provider)
    }
}

/// An error, with the wait that the answer asks for in `Retry-After` (RFC 9110, section 10.2.3), where the error is that there
/// were too many requests and the wait is in seconds.
pub(super) fn with_retry_after(error: Error, answer: &Response<Bytes>) -> Error {
    let seconds = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    match seconds {
        Some(seconds) if error.kind() == ErrorKind::RateLimited => error.with_retry_after(Duration::from_secs(seconds)),
        _ => error,
    }
}

/// The wait that `X-RateLimit-Reset` asks for, or else `Retry-After`.
///
/// No standard says what the number means: up to a day it is taken for the seconds to wait, beyond that for a time since 1970. A
/// wait of more than a day is nobody's.
pub(super) fn rate_limit_reset(answer: &Response<Bytes>, now: SystemTime) -> Option<Duration> {
    let number = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()?.parse().ok());
    let reset = number("x-ratelimit-reset").or_else(|| number("retry-after")).map(Duration::from_secs)?;
    if reset <= LONGEST_WAIT {
        return Some(reset);
    }
    SystemTime::UNIX_EPOCH.checked_add(reset)?.duration_since(now).ok().filter(|wait| *wait <= LONGEST_WAIT)
}

const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The status of an answer, as the source of an error.
#[derive(Debug)]
struct Status(StatusCode);

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP status {}", self.0)
    }
}

impl std::error::Error for Status {}

/// The most bytes of a vendor's answer that are read.
pub const MAX_BODY: usize = 64 * 1024;

/// How long to wait before the first and the second repetition.
const RETRY_PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];
