//! Who rings the phone: a vendor's API behind one small trait.
//!
//! Limits, storage, fallback, tracing and proofs are the verifier's, written once. A provider orders a message and, where
//! its vendor can, says how it went. [`registry`] lists those of this crate; an application may add its own.

pub mod breaker;
pub mod http;
pub mod numcheck;
pub mod registry;

use std::{fmt, time::Duration};

use futures_util::future::{BoxFuture, FutureExt, ready};
use serde::{Deserialize, Serialize};

use crate::{
    channel::Channel,
    check::Expected,
    error::{Error, ErrorKind, Result},
    ids::CheckId,
    phone::PhoneNumber,
    secret::Code,
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

    /// Asks what became of an order.
    fn poll<'a>(&'a self, _handle: &'a Handle) -> BoxFuture<'a, Result<Delivery>> {
        unsupported("this provider does not tell what became of an order")
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
}

impl Started {
    /// An order that the vendor has taken.
    #[must_use]
    pub fn new(handle: Handle, settle: Settle) -> Self {
        Self { handle, settle, expires_in: None }
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Nothing yet: ask again.
    Wait,
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
