//! Answers that a vendor judges, slowly: what is under way at once is still bounded, and what is not judged costs nothing.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::future::{BoxFuture, FutureExt, ready};
use handset::{
    Channel, Code, Error, ErrorKind, Result,
    provider::{Handle, Order, Provider, Settle, Started, Verdict},
};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{PHONE, Stage, WIDE};

/// A vendor that judges an answer when it is let.
#[derive(Clone, Debug)]
struct Slow {
    asked: Arc<AtomicUsize>,
    let_go: Arc<Semaphore>,
}

impl Slow {
    fn new() -> Self {
        Self { asked: Arc::default(), let_go: Arc::new(Semaphore::new(0)) }
    }

    async fn stage(&self) -> Stage {
        let policy = WIDE.replace(r#""code_book/sms", "code_book/voice_code""#, r#""slow/sms""#);
        let vendor = self.clone();
        Stage::with(&policy, |builder| builder.provider(vendor)).await
    }
}

impl Provider for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn channels(&self) -> &[Channel] {
        &[Channel::Sms]
    }

    fn start<'a>(&'a self, _: &'a Order) -> BoxFuture<'a, Result<Started>> {
        ready(Ok(Started::new(Handle::new("1"), Settle::RemoteCode { digits: 6 }))).boxed()
    }

    /// Knows one right code, one wrong one and one that it cannot judge.
    fn judge<'a>(&'a self, _: &'a Handle, typed: &'a Code) -> BoxFuture<'a, Result<Verdict>> {
        async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            self.let_go.acquire().await.unwrap().forget();
            match typed.expose() {
                RIGHT => Ok(Verdict::Match),
                WRONG => Ok(Verdict::NoMatch),
                _ => Err(Error::new(ErrorKind::Unavailable, "the vendor is down")),
            }
        }
        .boxed()
    }
}

#[tokio::test]
async fn a_slow_vendor_is_asked_as_often_as_there_are_attempts() {
    let vendor = Slow::new();
    let stage = vendor.stage().await;
    let ada = stage.person("ada");
    let check = ada.start(PHONE).await.expect(201);
    let mut answers = JoinSet::new();
    for _ in 0..20 {
        let (ada, id) = (ada.clone(), check.id().to_owned());
        answers.spawn(async move { ada.answer(&id, WRONG).await });
    }
    // Nobody has judged anything yet: what is refused is refused for the attempts that are under way.
    for _ in 0..15 {
        answers.join_next().await.unwrap().unwrap().expect_problem(410, "check-ended");
    }
    vendor.let_go.add_permits(20);
    for answer in answers.join_all().await {
        answer.expect_problem(422, "incorrect-code");
    }
    assert_eq!(vendor.asked.load(Ordering::SeqCst), 5);
    assert_eq!(ada.look(check.id()).await.expect(200).text("status"), "failed");
}

#[tokio::test]
async fn right_answers_under_way_at_once_give_one_proof() {
    let vendor = Slow::new();
    let stage = vendor.stage().await;
    let ada = stage.person("ada");
    let check = ada.start(PHONE).await.expect(201);
    let mut answers = JoinSet::new();
    for _ in 0..20 {
        let (ada, id) = (ada.clone(), check.id().to_owned());
        answers.spawn(async move { ada.answer(&id, RIGHT).await });
    }
    for _ in 0..15 {
        answers.join_next().await.unwrap().unwrap().expect_problem(410, "check-ended");
    }
    vendor.let_go.add_permits(20);
    let mut judged: Vec<_> = answers.join_all().await.into_iter().map(|answer| answer.status).collect();
    judged.sort_unstable();
    assert_eq!(judged, [200, 410, 410, 410, 410]);
}

#[tokio::test]
async fn an_answer_that_cannot_be_judged_costs_no_attempt() {
    let vendor = Slow::new();
    let stage = vendor.stage().await;
    vendor.let_go.add_permits(100);
    let ada = stage.person("ada");
    let check = ada.start(PHONE).await.expect(201);
    for _ in 0..10 {
        let failed = ada.answer(check.id(), "555555").await.expect_problem(503, "unavailable");
        assert!(!failed.body.to_string().contains("vendor"), "{}", failed.body);
    }
    assert_eq!(ada.look(check.id()).await.expect(200).body["attempts_left"], 5);
    ada.answer(check.id(), RIGHT).await.expect(200);
}

const RIGHT: &str = "123456";
const WRONG: &str = "654321";
