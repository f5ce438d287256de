//! Who rings the phone: a vendor's API behind one small trait.
//!
//! Limits, storage, fallback, tracing and proofs are the verifier's, written once. A provider orders a message and, where
//! its vendor can, says how it went. [`registry`] lists those of this crate; an application may add its own.

pub mod breaker;
pub mod citcall;
pub mod http;
pub mod idlayr;
pub mod numcheck;
#[cfg(feature = "open-gateway")]
#[cfg_attr(docsrs, doc(cfg(feature = "open-gateway")))]
pub mod open_gateway;
pub mod registry;
pub mod zadarma;

use std::{
    fmt,
    net::IpAddr,
    time::{Duration, SystemTime},
};

use futures_util::future::{BoxFuture, FutureExt, ready};
use serde::{Deserialize, Serialize};

use crate::{
    callback::RawCallback,
    channel::Channel,
    check::Expected,
    error::{Error, ErrorKind, Result},
    ids::CheckId,
    phone::PhoneNumber,
    secret::{Code, Secret},
};

/// What a vendor can do. Implement it to add one; nobody outside the crate calls it.
///
/// ```
/// use futures_util::future::{BoxFuture, FutureExt};
/// use handset::{Channel, Result, check::Expected};
/// use handset::provider::{Handle, Order, Prompt, Provider, Settle, Started};
///
/// /// Prints the code on the operator's own console: for a workshop, not for the world.
/// #[derive(Debug)]
/// struct Console;
///
/// impl Provider for Console {
///     fn name(&self) -> &'static str {
///         "console"
///     }
///
///     fn channels(&self) -> &[Channel] {
///         &[Channel::Sms]
///     }
///
///     fn start<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Started>> {
///         async move {
///             eprintln!("to {}: {}", order.phone, order.code.expose());
///             Ok(Started::new(Handle::new("-"), Settle::LocalCode(Expected::code(order.code.clone()))))
///         }
///         .boxed()
///     }
/// }
/// ```
pub trait Provider: fmt::Debug + Send + Sync + 'static {
    /// The name that policy files know it by, such as `numcheck`: letters, digits and `_`.
    fn name(&self) -> &'static str;

    /// The channels that this account may use. Asked once, when the verifier is built.
    fn channels(&self) -> &[Channel];

    /// Orders the call or message. The library never sends one order twice.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Rejected`] when the vendor will not serve this number, [`ErrorKind::RateLimited`] and
    /// [`ErrorKind::Unavailable`] when it cannot now, [`ErrorKind::Misconfigured`] when it refuses the account. After any of
    /// them the verifier tries the next route of the plan.
    fn start<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Started>>;

    /// Judges what the person typed, for orders that are settled by [`Settle::RemoteCode`].
    fn judge<'a>(&'a self, _handle: &'a Handle, _typed: &'a Code) -> BoxFuture<'a, Result<Verdict>> {
        unsupported("this provider does not judge codes")
    }

    /// Asks what became of an order: for orders that are settled by [`Settle::Poll`], and to know why a message did not come.
    fn poll<'a>(&'a self, _handle: &'a Handle) -> BoxFuture<'a, Result<Polled>> {
        unsupported("this provider does not tell what became of an order")
    }

    /// Judges what a device came back with, for orders that are settled by [`Settle::Redirect`].
    fn redirect<'a>(
        &'a self,
        _handle: &'a Handle,
        _returned: &'a Returned,
        _now: SystemTime,
    ) -> BoxFuture<'a, Result<Verdict>> {
        unsupported("this provider sends no devices here")
    }

    /// Checks and reads what the vendor's server posted.
    fn callback<'a>(&'a self, _raw: RawCallback, _now: SystemTime) -> BoxFuture<'a, Result<Report>> {
        unsupported("this provider sends no callbacks")
    }

    /// What the vendor will name an order by in its callbacks, where it cannot carry a name of ours. It is claimed for the
    /// check before the order goes out, so that no two open checks share it.
    fn alias(&self, _order: &Order) -> Option<String> {
        None
    }

    /// The answer to a vendor that tests the callback URL with a `GET`; the query is as it came.
    fn echo(&self, _query: &str) -> Option<String> {
        None
    }
}

fn unsupported<'a, T: Send + 'a>(message: &'static str) -> BoxFuture<'a, Result<T>> {
    ready(Err(Error::new(ErrorKind::Unsupported, message))).boxed()
}

/// What is ordered from a provider.
#[derive(Clone)]
#[non_exhaustive]
pub struct Order {
    /// The check that it is for.
    pub check_id: CheckId,
    /// The phone to reach.
    pub phone: PhoneNumber,
    /// One of the provider's channels.
    pub channel: Channel,
    /// A fresh code, for vendors that send ours.
    pub code: Code,
    /// The language that the person reads, as a BCP 47 tag, if it is known.
    pub locale: Option<String>,
    /// The address for channels that write e-mail.
    pub email: Option<String>,
    /// The address of the device, if the application knows it.
    pub client_ip: Option<IpAddr>,
    /// Whether the policy asks the vendor first whether it can serve this device.
    pub preflight: bool,
    /// Where the vendor may report on this order: a secret URL of this check. `None` when the verifier has no public URL.
    pub callback_url: Option<String>,
    /// Where the device may come back to. `None` when the verifier has no public URL.
    pub return_to: Option<ReturnTo>,
}

impl Order {
    /// An order with nothing but what every order has, for the tests of a provider.
    #[must_use]
    pub fn new(check_id: CheckId, phone: PhoneNumber, channel: Channel, code: Code) -> Self {
        Self {
            check_id,
            phone,
            channel,
            code,
            locale: None,
            email: None,
            client_ip: None,
            preflight: false,
            callback_url: None,
            return_to: None,
        }
    }
}

/// Where a device comes back to, and what it has to bring along.
#[derive(Clone)]
#[non_exhaustive]
pub struct ReturnTo {
    /// The URL, without a query.
    pub url: String,
    /// The value that has to come back in the query parameter `state`. Random, good once, for one check and one browser; it
    /// says nothing about the number.
    pub state: String,
}

impl fmt::Debug for ReturnTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReturnTo").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What a device came back with.
#[derive(Clone)]
#[expect(clippy::exhaustive_enums, reason = "a device comes back by itself, or its app hands in what it got")]
pub enum Returned {
    /// Its browser opened the URL that it was sent to: our public URL, with the query as it came.
    Browser {
        /// That URL.
        url: String,
    },
    /// Its app handed in the code that it got.
    App {
        /// The code, of letters, digits, `-`, `.`, `_` and `~`.
        code: Secret,
    },
}

impl Returned {
    /// A parameter of the query, decoded. An app's code is the parameter `code`.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        match self {
            Self::Browser { url } => {
                let query = url.split_once('?').map_or("", |(_, query)| query);
                form_urlencoded::parse(query.as_bytes())
                    .find(|(key, _)| key == name)
                    .map(|(_, value)| value.into_owned())
            }
            Self::App { code } => (name == "code").then(|| code.expose().to_owned()),
        }
    }
}

impl fmt::Debug for Returned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Returned([redacted])")
    }
}

/// Shows what an operator may see.
impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Order")
            .field("check_id", &self.check_id)
            .field("phone", &self.phone)
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}

/// What a provider answers to an order.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Started {
    /// What the vendor knows the order by.
    pub handle: Handle,
    /// Who decides whether an answer is right.
    pub settle: Settle,
    /// For how long the vendor keeps the order, if that is less than the policy's lifetime.
    pub expires_in: Option<Duration>,
    /// What the client must do next, where that is not typing a code.
    pub prompt: Option<Prompt>,
}

impl Started {
    /// An order that the vendor has taken.
    #[must_use]
    pub fn new(handle: Handle, settle: Settle) -> Self {
        Self { handle, settle, expires_in: None, prompt: None }
    }

    /// Says what the client must do next.
    #[must_use]
    pub fn with_prompt(mut self, prompt: Prompt) -> Self {
        self.prompt = Some(prompt);
        self
    }
}

/// What a vendor knows an order by. Not shown: with some vendors it is all that is needed to ask about the order.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Handle(String);

impl Handle {
    /// Takes the vendor's id.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The vendor's id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle([redacted])")
    }
}

/// Who decides whether an answer is right.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Settle {
    /// We compare with this.
    LocalCode(Expected),
    /// The vendor judges each attempt; the attempt is reserved first.
    RemoteCode {
        /// How many digits the person has to type.
        digits: u8,
    },
    /// The vendor reports, in a callback.
    Callback,
    /// The device comes back with something that the vendor exchanges.
    Redirect,
    /// The vendor knows when it is asked.
    Poll,
}

/// What a vendor says to an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The vendor does not know yet.
    Pending,
    /// The answer is right.
    Match,
    /// The answer is wrong.
    NoMatch,
}

/// What a vendor says when it is asked about an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Polled {
    /// Whether possession was shown.
    pub verdict: Verdict,
    /// Whether the message arrived, where the vendor knows.
    pub delivery: Option<Delivery>,
}

impl Polled {
    /// A vendor that knows only whether the message arrived.
    #[must_use]
    pub fn delivery(delivery: Delivery) -> Self {
        Self { verdict: Verdict::Pending, delivery: Some(delivery) }
    }

    /// A vendor that knows whether possession was shown.
    #[must_use]
    pub fn verdict(verdict: Verdict) -> Self {
        Self { verdict, delivery: None }
    }
}

/// What a vendor's callback says, once its sender was checked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// What the vendor names the order by, for vendors that cannot call the URL of one check: see [`Provider::alias`].
    pub alias: Option<String>,
    /// The order that it is about, for vendors that name it: a report about an earlier order of the check has no effect.
    pub handle: Option<Handle>,
    /// Whether possession was shown. What only tells of the delivery is [`Verdict::Pending`].
    pub verdict: Verdict,
    /// Whether the message arrived.
    pub delivery: Option<Delivery>,
    /// What tells this report from the next one, where the vendor gives it: a second delivery of it has no effect. With a
    /// vendor that is asked as well, what the order's [`Handle`] says.
    pub id: Option<String>,
}

impl Report {
    /// A report with a verdict.
    #[must_use]
    pub fn new(verdict: Verdict) -> Self {
        Self { alias: None, handle: None, verdict, delivery: None, id: None }
    }
}

/// What became of an order, as far as the vendor knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// It is under way.
    InProgress,
    /// The phone was reached.
    Delivered,
    /// The phone was not reached.
    NotDelivered,
}

/// What the client must do next.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Prompt {
    /// Have the person type a code.
    EnterCode {
        /// How many digits it has.
        length: u8,
        /// Where the person finds it.
        source: CodeSource,
    },
    /// Open a URL on the phone itself.
    OpenUrl {
        /// The URL. Whoever opens it on another phone spoils the check.
        url: String,
        /// Whether it has to go over the phone's mobile data, not over Wi-Fi.
        mobile_data: bool,
    },
    /// Have the person answer the call and press these keys.
    PressKeys {
        /// The keys.
        digits: String,
    },
    /// Nothing yet: ask again.
    Wait,
}

/// Shows the kind, not the URL or the keys.
impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EnterCode { length, source } => write!(f, "EnterCode({length} digits, {source:?})"),
            Self::OpenUrl { mobile_data, .. } => write!(f, "OpenUrl(mobile_data: {mobile_data})"),
            Self::PressKeys { .. } => f.write_str("PressKeys"),
            Self::Wait => f.write_str("Wait"),
        }
    }
}

/// Where the person finds the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CodeSource {
    /// In a text message.
    Message,
    /// Spoken in a call.
    Call,
    /// The last digits of the number that called.
    CallerId,
    /// In an e-mail.
    Email,
}
