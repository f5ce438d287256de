//! What a provider says: that it has taken an order, who decides about it, and what was decided.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use super::{Handle, Prompt};
use crate::check::Expected;

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
#[derive(Clone)]
#[non_exhaustive]
pub struct Report {
    /// What the vendor names the order by, for vendors that cannot call the URL of one check: see [`Provider::alias`](super::Provider::alias).
    pub alias: Option<String>,
    /// The order that it is about, for vendors that name it: a report about an earlier order of the check has no effect.
    pub handle: Option<Handle>,
    /// Whether possession was shown. What only tells of the delivery is [`Verdict::Pending`].
    pub verdict: Verdict,
    /// Whether the message arrived.
    pub delivery: Option<Delivery>,
    /// When what it is about began, where the vendor says: what began before the order that is out has no effect. For vendors that
    /// do not name the order.
    pub began: Option<SystemTime>,
    /// What tells this report from the next one, where the vendor gives it: a second delivery of it has no effect. With a
    /// vendor that is asked as well, what the order's [`Handle`] says.
    pub id: Option<String>,
}

impl Report {
    /// A report with a verdict.
    #[must_use]
    pub fn new(verdict: Verdict) -> Self {
        Self { alias: None, handle: None, verdict, delivery: None, began: None, id: None }
    }
}

/// Shows what an operator may see: an alias may be a number, and an id may be what the order is asked about by.
impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verdict, delivery, .. } = self;
        f.debug_struct("Report").field("verdict", verdict).field("delivery", delivery).finish_non_exhaustive()
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
