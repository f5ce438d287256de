//! A vendor that judges, is told by a device, or calls back, and counts what it was asked.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use futures_util::future::BoxFuture;
use handset::{
    Channel, Code, Result,
    callback::{RawCallback, Unsigned},
    provider::{Handle, Order, Provider, Report, Returned, Settle, Started, Verdict},
};

use super::slow::Steps;

/// `vendor/silent_network` in policies.
#[derive(Clone, Debug)]
pub(super) struct Vendor {
    settle: Settle,
    steps: Steps,
    asked: Arc<AtomicUsize>,
    order: Arc<Mutex<Option<Order>>>,
}

impl Vendor {
    pub(super) fn new(settle: Settle, steps: &Steps) -> Self {
        Self { settle, steps: steps.clone(), asked: Arc::default(), order: Arc::default() }
    }

    /// How often it was asked for a verdict, and has given one.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// The query with which the device of the last order comes back.
    pub(super) fn came_back_with(&self) -> String {
        let order = self.order.lock().unwrap();
        format!("state={}&code=good", order.as_ref().unwrap().return_to.as_ref().unwrap().state)
    }

    /// The URL for reports on the last order.
    pub(super) fn callback_url(&self) -> String {
        self.order.lock().unwrap().as_ref().unwrap().callback_url.clone().unwrap()
    }

    fn judged(&self, verdict: Verdict) -> BoxFuture<'_, Result<Verdict>> {
        self.steps.step("judged", async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            Ok(verdict)
        })
    }
}

impl Provider for Vendor {
    fn name(&self) -> &'static str {
        "vendor"
    }

    fn channels(&self) -> &[Channel] {
        &[Channel::SilentNetwork]
    }

    fn start<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Started>> {
        self.steps.step("start", async {
            *self.order.lock().unwrap() = Some(order.clone());
            Ok(Started::new(Handle::new("order"), self.settle.clone()))
        })
    }

    fn judge<'a>(&'a self, _: &'a Handle, _: &'a Code) -> BoxFuture<'a, Result<Verdict>> {
        self.judged(Verdict::NoMatch)
    }

    fn redirect<'a>(&'a self, _: &'a Handle, _: &'a Returned, _: SystemTime) -> BoxFuture<'a, Result<Verdict>> {
        self.judged(Verdict::Match)
    }

    /// The body is `match` or `no match`.
    fn callback<'a>(&'a self, raw: RawCallback, now: SystemTime) -> BoxFuture<'a, Result<Report>> {
        self.steps.step("callback", async move {
            let verified = raw.verify(&Unsigned::default(), now).await?;
            let said = if verified.body() == "match" { Verdict::Match } else { Verdict::NoMatch };
            let mut report = Report::new(said);
            report.id = Some("the one report".to_owned());
            Ok(report)
        })
    }
}
