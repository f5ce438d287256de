//! A vendor thinks about the answer to one leg while the person goes on to the next.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures_util::future::{BoxFuture, FutureExt};
use handset::{
    Channel, Result,
    provider::{Handle, Order, Polled, Prompt, Provider, Returned, Settle, Started, Verdict},
};
use http::Method;
use serde_json::json;
use tokio::sync::Semaphore;

use super::{policy, until};
use crate::{PHONE, Stage, vendors::claims};

/// `thinker/silent_network` in policies. It says what it has decided when it is let to.
#[derive(Clone, Debug)]
struct Thinker {
    settle: Settle,
    verdict: Verdict,
    /// Whether it thinks at all; until then it does not know.
    armed: Arc<AtomicBool>,
    asked: Arc<Semaphore>,
    said: Arc<Semaphore>,
}

impl Thinker {
    fn new(settle: Settle, verdict: Verdict) -> Self {
        let none = || Arc::new(Semaphore::new(0));
        Self { settle, verdict, armed: Arc::default(), asked: none(), said: none() }
    }

    async fn think(&self) -> Verdict {
        if !self.armed.load(Ordering::Relaxed) {
            return Verdict::Pending;
        }
        self.asked.add_permits(1);
        self.said.acquire().await.unwrap().forget();
        self.verdict
    }

    async fn stage(&self) -> Stage {
        let policy = policy("", "").replace(super::PLAN, r#"["thinker/silent_network", "code_book/sms"]"#);
        Stage::at(&policy, |builder, _, url| builder.provider(self.clone()).public_url(url)).await
    }
}

impl Provider for Thinker {
    fn name(&self) -> &'static str {
        "thinker"
    }

    fn channels(&self) -> &[Channel] {
        &[Channel::SilentNetwork]
    }

    fn start<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Started>> {
        async move {
            let to = order.return_to.as_ref().unwrap();
            let prompt = Prompt::OpenUrl { url: format!("{}?state={}", to.url, to.state), mobile_data: true };
            Ok(Started::new(Handle::new("order"), self.settle.clone()).with_prompt(prompt))
        }
        .boxed()
    }

    fn redirect<'a>(
        &'a self,
        _: &'a Handle,
        _: &'a Returned,
        _: std::time::SystemTime,
    ) -> BoxFuture<'a, Result<Verdict>> {
        self.think().map(Ok).boxed()
    }

    fn poll<'a>(&'a self, _: &'a Handle) -> BoxFuture<'a, Result<Polled>> {
        self.think().map(|verdict| Ok(Polled::verdict(verdict))).boxed()
    }
}

#[tokio::test]
async fn a_device_that_came_back_in_time_proves_what_it_showed() {
    let thinker = Thinker::new(Settle::Redirect, Verdict::Match);
    thinker.armed.store(true, Ordering::Relaxed);
    let stage = thinker.stage().await;
    let ada = stage.person("ada");
    let check = ada.start(PHONE).await.expect(201);
    let url = check.body["prompt"]["url"].as_str().unwrap();
    let (visitor, path) = (ada.clone(), url.strip_prefix(&stage.url).unwrap().to_owned());
    let visit = tokio::spawn(async move { visitor.send(Method::GET, &path, None).await });
    until("the vendor thinks", || thinker.asked.available_permits() == 1).await;
    assert_eq!(ada.next(check.id()).await.expect(200).text("channel"), "sms");

    thinker.said.add_permits(1);
    assert_eq!(visit.await.unwrap().expect(200).text("status"), "verified");
    let verified = ada.look(check.id()).await.expect(200);
    let claims = claims(verified.text("proof"));
    assert_eq!((&claims["channel"], &claims["amr"]), (&json!("silent_network"), &json!(["silent_network"])));
    assert_eq!(verified.text("channel"), "silent_network", "the check says what it was verified by");
}

#[tokio::test]
async fn a_verdict_that_was_asked_for_before_next_and_comes_after_it_has_no_effect() {
    for verdict in [Verdict::Match, Verdict::NoMatch] {
        let thinker = Thinker::new(Settle::Poll, verdict);
        let stage = thinker.stage().await;
        let ada = stage.person("ada");
        let check = ada.start(PHONE).await.expect(201);
        thinker.armed.store(true, Ordering::Relaxed);
        let (looker, id, asked) = (ada.clone(), check.id().to_owned(), Arc::clone(&thinker.asked));
        // The vendor is asked at most once in a second.
        let look = tokio::spawn(async move {
            while asked.available_permits() == 0 {
                looker.look(&id).await.expect(200);
            }
        });
        until("the vendor thinks", || thinker.asked.available_permits() == 1).await;
        assert_eq!(ada.next(check.id()).await.expect(200).text("channel"), "sms");

        thinker.said.add_permits(1);
        look.await.unwrap();
        let seen = ada.look(check.id()).await.expect(200);
        assert_eq!((seen.text("status"), &seen.body["attempts_left"]), ("pending", &json!(5)), "{verdict:?}");
        let verified = ada.answer(check.id(), &stage.code()).await.expect(200);
        assert_eq!(claims(verified.text("proof"))["amr"], json!(["sms"]));
    }
}
