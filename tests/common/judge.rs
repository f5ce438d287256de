//! A vendor that judges codes itself, well or badly.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::future::{BoxFuture, FutureExt, ready};
use handset::{
    Channel, Code, Error, ErrorKind, Result,
    provider::{Handle, Order, Provider, Settle, Started, Verdict},
};

/// `judge/sms` in policies. The right one is [`Judge::RIGHT`].
#[derive(Clone, Debug, Default)]
pub(super) struct Judge {
    mood: Arc<Mutex<Mood>>,
    asked: Arc<AtomicUsize>,
}

/// How the vendor is today.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mood {
    #[default]
    Well,
    /// It answers with an error of this kind.
    Failing(ErrorKind),
    /// It answers that it does not know yet.
    Undecided,
    /// It never answers.
    Silent,
}

impl Judge {
    pub(super) const RIGHT: &str = "424242";

    pub(super) fn is(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// How many answers it was shown.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Provider for Judge {
    fn name(&self) -> &'static str {
        "judge"
    }

    fn channels(&self) -> &[Channel] {
        &[Channel::Sms]
    }

    fn start<'a>(&'a self, _: &'a Order) -> BoxFuture<'a, Result<Started>> {
        ready(Ok(Started::new(Handle::new("order-1"), Settle::RemoteCode { digits: 6 }))).boxed()
    }

    fn judge<'a>(&'a self, handle: &'a Handle, typed: &'a Code) -> BoxFuture<'a, Result<Verdict>> {
        assert_eq!(handle.as_str(), "order-1");
        self.asked.fetch_add(1, Ordering::Relaxed);
        match *self.mood.lock().unwrap() {
            Mood::Well if typed.expose() == Self::RIGHT => ready(Ok(Verdict::Match)).boxed(),
            Mood::Well => ready(Ok(Verdict::NoMatch)).boxed(),
            Mood::Failing(kind) => ready(Err(Error::new(kind, "the vendor is not well"))).boxed(),
            Mood::Undecided => ready(Ok(Verdict::Pending)).boxed(),
            Mood::Silent => pending().boxed(),
        }
    }
}
