//! What the author of a provider brings along.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt, ready};
use http::Method;

use super::wire::{Seen, Wire};
use crate::{
    channel::Channel,
    error::{ErrorKind, Result},
    phone::PhoneNumber,
    provider::{Handle, Order, Provider, Returned, Started, Verdict},
    secret::{Code, Secret},
};

/// A vendor as the suite meets it: a server that behaves like the real one, and a person with a phone. Each case gets a
/// fresh one.
///
/// ```
/// use std::sync::Arc;
///
/// use futures_util::future::{BoxFuture, FutureExt, ready};
/// use handset::{Channel, Code, PhoneNumber, Result, Secret};
/// use handset::provider::{Order, Provider, Started, numcheck::{Config, NumCheck}};
/// use handset::testing::provider::{Ask, Callbacks, Declared, Evidence, Step, Vendor, Will, Wire};
///
/// struct World {
///     url: String, // of a server that you have written
///     token: Secret,
///     phones: [PhoneNumber; 2],
/// }
///
/// impl Vendor for World {
///     fn url(&self) -> String {
///         self.url.clone()
///     }
///
///     fn provider(&self, wire: &Wire) -> Result<Arc<dyn Provider>> {
///         let config = Config::new(self.token.clone()).with_base_url(wire.url()).with_time_out(wire.time_out());
///         Ok(Arc::new(NumCheck::new(config, wire.client()?)?))
///     }
///
///     fn phones(&self) -> [PhoneNumber; 2] {
///         self.phones
///     }
///
///     fn asks(&self, _: Channel) -> Vec<Ask> {
///         // With what the vendor answers, as `Ask` shows.
///         vec![Ask::new("call", Step::Start, http::Method::POST, "/calls").orders()]
///     }
///
///     fn callbacks(&self, _: Channel) -> Callbacks {
///         Callbacks::None
///     }
///
///     fn act<'a>(&'a self, _: &'a Order, _: &'a Started, will: Will) -> BoxFuture<'a, Result<Evidence>> {
///         // What the person reads on the phone is for the server to say.
///         let read = if will == Will::Pass { "4218" } else { "4219" };
///         ready(Code::new(read).map(Evidence::Typed)).boxed()
///     }
///
///     fn secrets(&self) -> Vec<Secret> {
///         vec![self.token.clone()]
///     }
///
///     fn declared(&self, _: Channel) -> Vec<Declared> {
///         vec![Declared::new("callback_stale", "the vendor posts nothing")]
///     }
/// }
/// ```
pub trait Vendor: Send + Sync {
    /// Where the vendor's API begins. What the suite lets through goes there, with its path appended.
    fn url(&self) -> String;

    /// The provider under test: its API at [`Wire::url`], its client [`Wire::client`], its time limit [`Wire::time_out`].
    ///
    /// # Errors
    ///
    /// Whatever the provider refuses its settings with.
    fn provider(&self, wire: &Wire) -> Result<Arc<dyn Provider>>;

    /// Called when the provider listens at [`Wire::callback_url`]: the place to enter that URL into the vendor's account.
    fn ready<'a>(&'a self, _wire: &'a Wire) -> BoxFuture<'a, Result<()>> {
        ready(Ok(())).boxed()
    }

    /// Numbers that the vendor serves: two different ones.
    fn phones(&self) -> [PhoneNumber; 2];

    /// Completes an order of the suite with what this vendor wants besides.
    fn complete(&self, _order: &mut Order) {}

    /// Every kind of request that the provider sends for an order on this channel.
    fn asks(&self, channel: Channel) -> Vec<Ask>;

    /// What the vendor posts.
    fn callbacks(&self, channel: Channel) -> Callbacks;

    /// The person acts on the phone, as the prompt says.
    fn act<'a>(&'a self, order: &'a Order, started: &'a Started, will: Will) -> BoxFuture<'a, Result<Evidence>>;

    /// Makes the vendor forget an order, as it does when its time is over. `false` when it keeps none.
    fn forget<'a>(&'a self, _handle: &'a Handle) -> BoxFuture<'a, bool> {
        ready(false).boxed()
    }

    /// The credentials of the account, which may be shown nowhere. Numbers, codes, handles and whatever the provider sends in
    /// `Authorization` are known to the suite.
    fn secrets(&self) -> Vec<Secret>;

    /// The cases that cannot apply on this channel, each with the reason.
    fn declared(&self, channel: Channel) -> Vec<Declared>;
}

/// A case that cannot apply.
///
/// ```
/// use handset::testing::provider::Declared;
///
/// let declared = Declared::new("32_parallel_starts_fetch_one_token", "requests are signed; there is no token");
/// assert_eq!(declared.case, "32_parallel_starts_fetch_one_token");
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Declared {
    /// The name of the case.
    pub case: &'static str,
    /// Why it cannot apply.
    pub reason: &'static str,
}

impl Declared {
    /// Declares that a case cannot apply.
    #[must_use]
    pub fn new(case: &'static str, reason: &'static str) -> Self {
        Self { case, reason }
    }
}

/// What the person wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an answer is right or wrong")]
pub enum Will {
    /// To pass: they hold the phone.
    Pass,
    /// To pass with a wrong answer: a wrong code, another SIM, a refusal on the phone.
    Fail,
}

/// What the person's action leads to.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "the ways to settle an order are as many")]
pub enum Evidence {
    /// A code to type.
    Typed(Code),
    /// What the device comes back with.
    Returned(Returned),
    /// Nothing: the vendor knows.
    Acted,
}

/// One kind of request, and how the vendor refuses it.
///
/// ```
/// use handset::{ErrorKind::{Misconfigured, Rejected, Unavailable}, provider::Verdict};
/// use handset::testing::provider::{Ask, Reading::{Error, Verdict as Says}, Step};
/// use http::Method;
///
/// let order = Ask::new("order", Step::Start, Method::POST, "/orders")
///     .orders()
///     .answers(400, r#"{"error":"bad number"}"#, Error(Rejected))
///     .answers(401, r#"{"error":"who are you?"}"#, Error(Misconfigured))
///     .answers(503, "", Error(Unavailable)); // and 403, 404, 409, 412, 429, 500
/// // Here a refusal is an answer: the code was wrong.
/// let check = Ask::new("check", Step::Judge, Method::POST, "/orders/*/check")
///     .answers(400, r#"{"error":"wrong code"}"#, Says(Verdict::NoMatch));
/// assert!(order.orders && !check.orders);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ask {
    /// A name for reports.
    pub name: &'static str,
    /// When it is sent.
    pub step: Step,
    /// Whether it orders a call or a message, and so is sent once at most.
    pub orders: bool,
    /// Whether it fetches an access token that many orders share.
    pub fetches_token: bool,
    method: Method,
    ending: &'static str,
    answers: Vec<(u16, String, Reading)>,
}

impl Ask {
    /// A request of this method to a path that ends so; `*` stands for any one part of it.
    #[must_use]
    pub fn new(name: &'static str, step: Step, method: Method, ending: &'static str) -> Self {
        Self { name, step, orders: false, fetches_token: false, method, ending, answers: Vec::new() }
    }

    /// It orders a call or a message.
    #[must_use]
    pub fn orders(mut self) -> Self {
        self.orders = true;
        self
    }

    /// It fetches an access token that many orders share.
    #[must_use]
    pub fn fetches_token(mut self) -> Self {
        self.fetches_token = true;
        self
    }

    /// What the vendor answers with this status, and how that is to be read. Every status of the suite needs one.
    #[must_use]
    pub fn answers(mut self, status: u16, body: impl Into<String>, reading: Reading) -> Self {
        self.answers.push((status, body.into(), reading));
        self
    }

    pub(super) fn is(&self, seen: &Seen) -> bool {
        let mut path = seen.path.rsplit('/');
        let mut wanted = self.ending.trim_start_matches('/').rsplit('/');
        let same = |wanted: &str| path.next().is_some_and(|part| wanted == "*" || part == wanted);
        seen.method == self.method && wanted.all(same)
    }

    pub(super) fn answer(&self, status: u16) -> Option<(&str, Reading)> {
        self.answers.iter().find(|(known, ..)| *known == status).map(|(_, body, reading)| (body.as_str(), *reading))
    }
}

/// When a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// When the order is placed.
    Start,
    /// When what was typed is judged.
    Judge,
    /// When the device has come back.
    Redirect,
    /// When the vendor is asked what became of the order.
    Poll,
    /// When the vendor has called.
    Callback,
}

/// How an answer is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an answer is an error or a verdict")]
pub enum Reading {
    /// As an error of this kind.
    Error(ErrorKind),
    /// As a verdict.
    Verdict(Verdict),
}

/// What the vendor posts.
///
/// ```
/// use handset::testing::provider::{Callbacks, Covers};
///
/// let signed = Callbacks::Signed { headers: &["date", "acme-signature"], covers: Covers::Body, dated: true };
/// # let _ = signed;
/// ```
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a vendor signs, does not sign, or does not call")]
pub enum Callbacks {
    /// Nothing.
    None,
    /// Reports without a signature: they may tell of the delivery, and must never verify a check.
    Unsigned,
    /// Signed reports.
    Signed {
        /// The headers without which there is no signature, in lower case.
        headers: &'static [&'static str],
        /// What the signature covers.
        covers: Covers,
        /// Whether the signature covers the time at which it was made.
        dated: bool,
    },
}

/// What a signature covers.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "all of the body or some of its fields")]
pub enum Covers {
    /// Every byte of the body.
    Body,
    /// The values of these fields of a form.
    Fields(&'static [&'static str]),
}
