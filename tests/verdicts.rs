//! What a vendor says about an order counts once, for the order that is out, and only where the vendor is the one to say it.
#![cfg(feature = "testing")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use handset::{
    Action, Channel, Endpoints, PhoneNumber, Result, Subject, Verifier,
    callback::{RawCallback, Unsigned},
    check::Status,
    proof::ProofKey,
    provider::{Handle, Order, Polled, Provider, Report, Settle, Started, Verdict},
    verifier::{Check, StartRequest},
};
use http::{Request, StatusCode};
use http_body_util::Full;
use tokio::sync::Notify;
use tower::ServiceExt;

/// A vendor that says no when it is asked, and whatever its callbacks say.
#[derive(Clone, Debug)]
struct Stub {
    settle: Settle,
    orders: Arc<AtomicUsize>,
    polls: Arc<AtomicUsize>,
    callback_url: Arc<std::sync::Mutex<String>>,
}

impl Stub {
    fn new(settle: Settle) -> Self {
        Self { settle, orders: Arc::default(), polls: Arc::default(), callback_url: Arc::default() }
    }

    fn verifier(&self) -> Verifier {
        let policy =
            "version = 1\n[code]\nresend_after = \"1s\"\n[[route]]\nname = \"all\"\ntry = [\"stub/silent_network\"]";
        let builder = Verifier::builder().policy("policy.toml", policy).proof_key(ProofKey::random().unwrap());
        builder.provider(self.clone()).public_url("https://app.example.com").build().unwrap()
    }
}

impl Provider for Stub {
    fn name(&self) -> &'static str {
        "stub"
    }

    fn channels(&self) -> &[Channel] {
        &[Channel::SilentNetwork]
    }

    fn start<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Started>> {
        async move {
            self.callback_url.lock().unwrap().clone_from(order.callback_url.as_ref().unwrap());
            let number = self.orders.fetch_add(1, Ordering::Relaxed) + 1;
            Ok(Started::new(Handle::new(format!("order-{number}")), self.settle.clone()))
        }
        .boxed()
    }

    fn poll<'a>(&'a self, _: &'a Handle) -> BoxFuture<'a, Result<Polled>> {
        async move {
            self.polls.fetch_add(1, Ordering::Relaxed);
            Ok(Polled::verdict(Verdict::NoMatch))
        }
        .boxed()
    }

    /// The body is the name of the order and `match` or `no match`.
    fn callback<'a>(&'a self, raw: RawCallback, now: SystemTime) -> BoxFuture<'a, Result<Report>> {
        async move {
            let verified = raw.verify(&Unsigned::default(), now).await?;
            let text = String::from_utf8(verified.body().to_vec()).unwrap();
            let (order, said) = text.split_once(' ').unwrap();
            let mut report = Report::new(if said == "match" { Verdict::Match } else { Verdict::NoMatch });
            report.handle = Some(Handle::new(order));
            report.id = Some(order.to_owned());
            Ok(report)
        }
        .boxed()
    }
}

fn subject() -> Subject {
    Subject::new("user-42").unwrap()
}

async fn start(verifier: &Verifier) -> Check {
    let phone = PhoneNumber::parse("+37126123456", None).unwrap();
    verifier.start(StartRequest::new(subject(), phone, Action::new("transfer").unwrap())).await.unwrap()
}

async fn post(verifier: &Verifier, stub: &Stub, body: &'static str) {
    let url = stub.callback_url.lock().unwrap().clone();
    let request = Request::post(url.strip_prefix("https://app.example.com").unwrap());
    let request = request.body(Full::new(Bytes::from_static(body.as_bytes()))).unwrap();
    let answer = Endpoints::new(verifier).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

/// Asks for the status again and again until the vendor was asked so many times.
async fn poll(verifier: &Verifier, stub: &Stub, check: &Check, times: usize) -> Check {
    let asked = async {
        loop {
            let seen = verifier.status(&subject(), check.id).await.unwrap();
            if stub.polls.load(Ordering::Relaxed) >= times {
                return seen;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asked).await.unwrap()
}

#[tokio::test]
async fn e2_a_no_costs_one_attempt_however_often_it_is_told() {
    let stub = Stub::new(Settle::Poll);
    let verifier = stub.verifier();
    let check = start(&verifier).await;
    // The status that a start answers with has asked once.
    let seen = poll(&verifier, &stub, &check, 3).await;
    post(&verifier, &stub, "order-1 no match").await;
    let last = verifier.status(&subject(), check.id).await.unwrap();
    assert_eq!((seen.status, last.status), (Status::Pending, Status::Pending));
    assert_eq!((seen.attempts_left, last.attempts_left), (4, 4));
}

#[tokio::test]
async fn a_callback_does_not_end_what_a_redirect_has_to_end() {
    let stub = Stub::new(Settle::Redirect);
    let verifier = stub.verifier();
    let check = start(&verifier).await;
    post(&verifier, &stub, "order-1 match").await;
    let seen = verifier.status(&subject(), check.id).await.unwrap();
    assert_eq!((seen.status, seen.attempts_left), (Status::Pending, 5));
}

#[tokio::test]
async fn e5_a_report_on_an_earlier_order_comes_too_late() {
    let stub = Stub::new(Settle::Callback);
    let verifier = stub.verifier();
    let check = start(&verifier).await;
    let again = async {
        while stub.orders.load(Ordering::Relaxed) < 2 {
            assert_eq!(start(&verifier).await.id, check.id);
        }
    };
    tokio::time::timeout(Duration::from_secs(20), again).await.unwrap();

    post(&verifier, &stub, "order-1 no match").await;
    post(&verifier, &stub, "order-1 match").await;
    let seen = verifier.status(&subject(), check.id).await.unwrap();
    assert_eq!((seen.status, seen.attempts_left), (Status::Pending, 5));
    post(&verifier, &stub, "order-2 match").await;
    assert_eq!(verifier.status(&subject(), check.id).await.unwrap().status, Status::Verified);
}

/// A vendor that says yes once: to the second question, and when it is told to.
#[derive(Clone, Debug, Default)]
struct Once {
    polls: Arc<AtomicUsize>,
    asked: Arc<Notify>,
    go: Arc<Notify>,
}

impl Once {
    async fn started(&self) -> (Verifier, Check) {
        let policy = "version = 1\n[[route]]\nname = \"all\"\ntry = [\"once/silent_network\", \"once/sms\"]";
        let builder = Verifier::builder().policy("policy.toml", policy).proof_key(ProofKey::random().unwrap());
        let verifier = builder.provider(self.clone()).build().unwrap();
        let check = start(&verifier).await;
        (verifier, check)
    }
}

impl Provider for Once {
    fn name(&self) -> &'static str {
        "once"
    }

    fn channels(&self) -> &[Channel] {
        &[Channel::SilentNetwork, Channel::Sms]
    }

    fn start<'a>(&'a self, _: &'a Order) -> BoxFuture<'a, Result<Started>> {
        async { Ok(Started::new(Handle::new("order"), Settle::Poll)) }.boxed()
    }

    fn poll<'a>(&'a self, _: &'a Handle) -> BoxFuture<'a, Result<Polled>> {
        async move {
            if self.polls.fetch_add(1, Ordering::Relaxed) != 1 {
                return Ok(Polled::verdict(Verdict::Pending));
            }
            self.asked.notify_one();
            self.go.notified().await;
            Ok(Polled::verdict(Verdict::Match))
        }
        .boxed()
    }
}

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_client_that_stops_waiting_does_not_take_the_answer_with_it() {
    let vendor = Once::default();
    let (verifier, check) = vendor.started().await;
    let client = tokio::spawn({
        let verifier = verifier.clone();
        async move { verifier.wait(&subject(), check.id, PATIENCE).await }
    });
    tokio::time::timeout(PATIENCE, vendor.asked.notified()).await.unwrap();
    client.abort();
    assert!(client.await.unwrap_err().is_cancelled());
    vendor.go.notify_one();
    let seen = verifier.wait(&subject(), check.id, PATIENCE).await.unwrap();
    assert_eq!(seen.status, Status::Verified);
}

#[tokio::test]
async fn an_answer_that_was_asked_for_before_the_client_went_on_comes_too_late() {
    let vendor = Once::default();
    let (verifier, check) = vendor.started().await;
    let look = async {
        while vendor.polls.load(Ordering::Relaxed) < 2 {
            verifier.status(&subject(), check.id).now_or_never();
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.unwrap();
    let caller = handset::verifier::Caller::default();
    let moved = verifier.next(&subject(), check.id, caller).await.unwrap();
    assert_eq!(moved.channel, Some(Channel::Sms));
    vendor.go.notify_one();
    let look = async {
        while vendor.polls.load(Ordering::Relaxed) < 4 {
            verifier.status(&subject(), check.id).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.unwrap();
    let seen = verifier.status(&subject(), check.id).await.unwrap();
    assert_eq!((seen.status, seen.attempts_left), (Status::Pending, 5));
}
