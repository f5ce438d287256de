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
mod oauth;
#[cfg(feature = "open-gateway")]
#[cfg_attr(docsrs, doc(cfg(feature = "open-gateway")))]
pub mod open_gateway;
#[cfg(feature = "open-gateway")]
mod openid;
pub mod registry;
pub mod zadarma;

mod access_token;
mod flash_call;
mod order;
mod prompt;
mod settings;
mod verdict;

use std::{fmt, time::SystemTime};

use futures_util::future::{BoxFuture, FutureExt, ready};

use crate::{
    callback::RawCallback,
    channel::Channel,
    error::{Error, ErrorKind, Result},
    secret::Code,
};

pub use order::{Handle, Order, ReturnTo, Returned};
pub use prompt::{CodeSource, Prompt};
pub use verdict::{Delivery, Polled, Report, Settle, Started, Verdict};

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
