//! The vendor's word, once checked.
//!
//! Bytes that a stranger posted have no accessors: the only way to read them is to check who sent them. Each vendor declares
//! its scheme. A callback that was checked is still only as good as what the scheme covers; a vendor's `docs.md` says what
//! that is.

pub(crate) mod http_signature;
pub(crate) mod local_time;

use std::{
    borrow::Cow,
    fmt,
    net::IpAddr,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt, ready};
use http::{HeaderMap, Method};
use ipnet::IpNet;

use crate::error::{Error, ErrorKind, Result};

/// Bytes that a stranger posted. Has no accessors on purpose.
pub struct RawCallback {
    message: Message,
}

/// What a [`Scheme`] looks at.
#[derive(Clone)]
#[non_exhaustive]
pub struct Message {
    /// The method of the request.
    pub method: Method,
    /// The public URL that the vendor was given, from the configuration and never from a header, with the query as it came.
    pub url: String,
    /// The headers of the request.
    pub headers: HeaderMap,
    /// The body, at most as many bytes as the endpoint reads.
    pub body: Bytes,
    /// Where the request came from, if the application knows it.
    pub peer: Option<IpAddr>,
}

impl RawCallback {
    /// What was posted, for a provider's [`callback`](crate::provider::Provider::callback).
    #[must_use]
    pub fn new(message: Message) -> Self {
        Self { message }
    }

    /// Checks who sent it. The only way to the body.
    ///
    /// # Errors
    ///
    /// Whatever the scheme refuses with; [`ErrorKind::Denied`] for a wrong signature.
    pub async fn verify(self, scheme: &dyn Scheme, now: SystemTime) -> Result<Verified> {
        scheme.check(&self.message, now).await?;
        Ok(Verified { message: self.message })
    }
}

impl fmt::Debug for RawCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawCallback({} bytes)", self.message.body.len())
    }
}

impl Message {
    /// A message as a vendor would send it, for the tests of a scheme.
    pub fn new(method: Method, url: impl Into<String>, headers: HeaderMap, body: Bytes) -> Self {
        Self { method, url: url.into(), headers, body, peer: None }
    }

    /// The fields of a body of `application/x-www-form-urlencoded`. A name that comes twice is refused: readers differ in which
    /// of the two counts.
    pub(crate) fn form(&self) -> Result<Form<'_>> {
        let mut fields: Vec<_> = form_urlencoded::parse(&self.body).collect();
        fields.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        match fields.is_sorted_by(|(one, _), (other, _)| one < other) {
            true => Ok(Form(fields)),
            false => Err(refused("a callback has each field once")),
        }
    }
}

/// The fields of a form, sorted by their names.
pub(crate) struct Form<'m>(Vec<(Cow<'m, str>, Cow<'m, str>)>);

impl Form<'_> {
    /// The value of a field; empty when it is not there.
    pub(crate) fn field(&self, name: &str) -> &str {
        let place = self.0.binary_search_by(|(known, _)| known.as_ref().cmp(name));
        place.ok().and_then(|place| self.0.get(place)).map(|(_, value)| value.as_ref()).unwrap_or_default()
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({} bytes)", self.body.len())
    }
}

/// A callback whose sender was checked.
#[derive(Debug)]
pub struct Verified {
    message: Message,
}

impl Verified {
    /// The body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.message.body
    }

    /// The fields of a form; see [`Message::form`].
    pub(crate) fn form(&self) -> Result<Form<'_>> {
        self.message.form()
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.message.headers
    }
}

/// How a vendor shows that a callback is its own.
pub trait Scheme: fmt::Debug + Send + Sync {
    /// Refuses what the vendor did not send, or not lately.
    fn check<'a>(&'a self, message: &'a Message, now: SystemTime) -> BoxFuture<'a, Result<()>>;
}

/// No signature at all: what there is to check is the secret in the URL, which the endpoint has checked before, and the
/// network that it came from.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Unsigned {
    /// Where the vendor calls from. Empty: from anywhere.
    pub sources: Vec<IpNet>,
}

impl Unsigned {
    /// Accepts callbacks from these networks only.
    #[must_use]
    pub fn from(sources: Vec<IpNet>) -> Self {
        Self { sources }
    }
}

impl Scheme for Unsigned {
    fn check<'a>(&'a self, message: &'a Message, _: SystemTime) -> BoxFuture<'a, Result<()>> {
        let from = message.peer.map(|peer| peer.to_canonical());
        let known = self.sources.is_empty()
            || from.is_some_and(|from| self.sources.iter().any(|network| network.contains(&from)));
        ready(if known { Ok(()) } else { Err(refused("the callback comes from another network than the vendor's")) })
            .boxed()
    }
}

/// How old a signed callback may be, and how far ahead of our clock. Two settings: one bound for both would double the time
/// in which a copy can be played again.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Freshness {
    /// The oldest that is accepted.
    pub max_age: Duration,
    /// The furthest ahead that is accepted.
    pub max_future: Duration,
}

impl Default for Freshness {
    /// Five minutes old, five seconds ahead.
    fn default() -> Self {
        Self { max_age: Duration::from_secs(300), max_future: Duration::from_secs(5) }
    }
}

impl Freshness {
    /// Refuses what was signed too long ago or in the future.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Denied`].
    pub fn check(&self, signed_at: SystemTime, now: SystemTime) -> Result<()> {
        if signed_at + self.max_age < now {
            return Err(refused("the callback is too old"));
        }
        if signed_at > now + self.max_future {
            return Err(refused("the callback is from the future"));
        }
        Ok(())
    }
}

/// The refusal of a callback. The sender is told no more than that.
#[must_use]
pub fn refused(message: &'static str) -> Error {
    Error::new(ErrorKind::Denied, message)
}
