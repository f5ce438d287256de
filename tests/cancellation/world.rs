//! A verifier whose parts pause, and what a client does with it.

use std::{pin::pin, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use handset::{
    Action, Channel, Endpoints, PhoneNumber, Result, Subject, Verifier,
    limiter::LocalLimiter,
    proof::ProofKey,
    provider::{Order, Provider, Settle, Started},
    store::MemoryStore,
    testing::{CodeBook, ManualClock},
    verifier::{Answer, Caller, Check, StartRequest},
};
use http::Request;
use http_body_util::Full;
use tower::ServiceExt;

use super::{
    slow::{Slow, Steps},
    vendor::Vendor,
};

pub(super) struct World {
    pub(super) verifier: Verifier,
    pub(super) subject: Subject,
    pub(super) clock: ManualClock,
    pub(super) vendor: Vendor,
    book: CodeBook,
    steps: Steps,
}

impl World {
    /// Where we compare the code.
    pub(super) fn new() -> Self {
        Self::with(Settle::Callback, "\"code_book/sms\", \"code_book/voice_code\"")
    }

    /// The same, with more failures in the budget than one check has attempts.
    pub(super) fn with_more_failures() -> Self {
        Self::with_budget(Settle::Callback, "\"code_book/sms\", \"code_book/voice_code\"", 10)
    }

    pub(super) fn judged_by_the_vendor() -> Self {
        Self::with(Settle::RemoteCode { digits: 6 }, "\"vendor/silent_network\"")
    }

    pub(super) fn shown_by_a_device() -> Self {
        Self::with(Settle::Redirect, "\"vendor/silent_network\"")
    }

    pub(super) fn told_by_the_vendor() -> Self {
        Self::with(Settle::Callback, "\"vendor/silent_network\"")
    }

    fn with(settle: Settle, routes: &str) -> Self {
        Self::with_budget(settle, routes, 3)
    }

    fn with_budget(settle: Settle, routes: &str, failures: u8) -> Self {
        let (book, clock, steps) = (CodeBook::default(), ManualClock::default(), Steps::default());
        let vendor = Vendor::new(settle, &steps);
        let policy = format!(
            "version = 1\n[code]\nattempts = 3\n[budget]\nfailures = \"{failures}/1h\"\n\
             [[route]]\nname = \"everybody\"\ntry = [{routes}]\n"
        );
        let verifier = Verifier::builder()
            .policy("policy.toml", policy)
            .proof_key(ProofKey::random().unwrap())
            .provider(Paused(book.clone(), steps.clone()))
            .provider(vendor.clone())
            .store(Slow(MemoryStore::default(), steps.clone()))
            .limiter(Slow(LocalLimiter::default(), steps.clone()))
            .clock(clock.clone())
            .public_url(ORIGIN)
            .build()
            .unwrap();
        Self { verifier, subject: Subject::new("ada").unwrap(), clock, vendor, book, steps }
    }

    pub(super) fn request(&self) -> StartRequest {
        let phone = PhoneNumber::parse("+37126123456", None).unwrap();
        StartRequest::new(self.subject.clone(), phone, Action::new("transfer").unwrap())
    }

    pub(super) async fn start(&self) -> Check {
        self.verifier.start(self.request()).await.unwrap()
    }

    pub(super) async fn answer(&self, check: &Check, code: &str) -> Result<Answer> {
        self.verifier.answer(&self.subject, check.id, code, Caller::default()).await
    }

    pub(super) async fn look(&self, check: &Check) -> Check {
        self.verifier.status(&self.subject, check.id).await.unwrap()
    }

    pub(super) async fn attempts_left(&self, check: &Check) -> usize {
        self.look(check).await.attempts_left.into()
    }

    /// The vendor's server reports on the last order.
    pub(super) async fn call_back(&self, said: &'static str) {
        let url = self.vendor.callback_url();
        let request = Request::post(url.strip_prefix(ORIGIN).unwrap());
        let request = request.body(Full::new(Bytes::from_static(said.as_bytes()))).unwrap();
        let answer = Endpoints::new(&self.verifier).oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 200);
    }

    pub(super) fn code(&self) -> String {
        self.book.last_code().unwrap().expose().to_owned()
    }

    pub(super) fn wrong_code(&self) -> String {
        self.code().chars().map(|digit| if digit == '0' { '1' } else { '0' }).collect()
    }

    pub(super) fn messages(&self) -> usize {
        self.book.messages().len()
    }

    /// Whether the store has done this since it was made.
    pub(super) fn done(&self, step: &str) -> bool {
        self.steps.done(step)
    }

    /// Waits until nothing goes on in the background.
    pub(super) async fn calm(&self) {
        let mut calm = 0;
        tokio::time::timeout(PATIENCE, async {
            while calm < 20 {
                calm = if self.steps.active() == 0 { calm + 1 } else { 0 };
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
    }
}

/// Polls a future so many times, and drops it.
pub(super) async fn polled<T>(times: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    for _ in 0..times {
        if let std::task::Poll::Ready(ended) = futures_util::poll!(future.as_mut()) {
            return Some(ended);
        }
        // Whatever was handed to tasks goes on meanwhile.
        tokio::task::yield_now().await;
    }
    None
}

/// The provider for tests, with pauses.
#[derive(Debug)]
struct Paused(CodeBook, Steps);

impl Provider for Paused {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn channels(&self) -> &[Channel] {
        self.0.channels()
    }

    fn start<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Started>> {
        self.1.step("start", async move { self.0.start(order).await })
    }
}

const ORIGIN: &str = "https://app.example.com";

/// Long enough for a loaded machine; nothing waits for it to pass unless something is broken.
const PATIENCE: Duration = Duration::from_secs(20);
