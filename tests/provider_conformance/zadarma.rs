//! Zadarma for the suite, with the vendor's codes and with ours.

use std::{sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, FutureExt, ready};
use handset::{
    Channel, Code, PhoneNumber, Result, Secret,
    provider::{
        Handle, Order, Provider, Started, Verdict,
        zadarma::{Config, Zadarma},
    },
    sandbox::Sandbox,
    testing::{
        ManualClock,
        provider::{Ask, Callbacks, Declared, Evidence, Reading, Step, Vendor, Will, Wire},
    },
};
use http::Method;

use crate::{another, answered, declare, error, no_callbacks, phones};

struct World {
    sandbox: Sandbox,
    clock: ManualClock,
    own_code: bool,
}

pub(super) async fn judged_there() -> Result<Box<dyn Vendor>> {
    open(false).await
}

pub(super) async fn judged_here() -> Result<Box<dyn Vendor>> {
    open(true).await
}

async fn open(own_code: bool) -> Result<Box<dyn Vendor>> {
    let clock = ManualClock::default();
    Ok(Box::new(World { sandbox: Sandbox::start_with_clock(clock.clone()).await?, clock, own_code }))
}

impl Vendor for World {
    fn url(&self) -> String {
        self.sandbox.zadarma_url()
    }

    fn provider(&self, wire: &Wire) -> Result<Arc<dyn Provider>> {
        let mut config = Config::new(self.sandbox.zadarma_key().clone(), self.sandbox.zadarma_secret().clone())
            .with_base_url(wire.url())
            .with_time_out(wire.time_out());
        config.own_code = self.own_code;
        Ok(Arc::new(Zadarma::new(config, wire.client()?)?))
    }

    fn phones(&self) -> [PhoneNumber; 2] {
        phones(["+37126123456", "+37129876543"])
    }

    fn asks(&self, _: Channel) -> Vec<Ask> {
        let mut asks = vec![ask("verify", Step::Start, "/v1/verify/", error(Rejected)).orders()];
        if !self.own_code {
            // A refusal of the code is a wrong answer.
            asks.push(ask("check", Step::Judge, "/v1/verify/check", Reading::Verdict(Verdict::NoMatch)));
        }
        asks
    }

    fn callbacks(&self, _: Channel) -> Callbacks {
        Callbacks::None
    }

    fn act<'a>(&'a self, order: &'a Order, _: &'a Started, will: Will) -> BoxFuture<'a, Result<Evidence>> {
        async move {
            let phone = self.sandbox.handset(&order.phone.to_e164());
            let sent = match order.channel {
                Channel::Sms => phone.next_sms().await.code().unwrap().to_owned(),
                Channel::VoiceCode => phone.next_voice_call().await.code().unwrap(),
                _ => {
                    let inbox = self.sandbox.handset(order.email.as_deref().unwrap());
                    inbox.next_email().await.code().unwrap().to_owned()
                }
            };
            Ok(Evidence::Typed(Code::new(if will == Will::Pass { sent } else { another(&sent) })?))
        }
        .boxed()
    }

    fn forget<'a>(&'a self, _: &'a Handle) -> BoxFuture<'a, bool> {
        self.clock.advance(Duration::from_secs(11 * 60));
        ready(!self.own_code).boxed()
    }

    fn secrets(&self) -> Vec<Secret> {
        vec![self.sandbox.zadarma_key().clone(), self.sandbox.zadarma_secret().clone()]
    }

    fn declared(&self, _: Channel) -> Vec<Declared> {
        let mut declared = no_callbacks("the vendor posts nothing about codes");
        declared.push(Declared::new("32_parallel_starts_fetch_one_token", "requests are signed; there is no token"));
        if self.own_code {
            const LOCAL: &str = "the code is ours: it is judged here, and the vendor is asked nothing";
            declared.extend(declare(&[
                ("unknown_handle", LOCAL),
                ("expired_handle", LOCAL),
                ("pending_then_settled", LOCAL),
            ]));
        }
        declared
    }
}

/// What the vendor says to a refused request; `refused` is how a refusal of what was sent is read.
fn ask(name: &'static str, step: Step, ending: &'static str, refused: Reading) -> Ask {
    const AUTH: &str = r#"{"status":"error","message":"Auth error"}"#;
    const PARAMETER: &str = r#"{"status":"error","message":"\"to\" param is invalid"}"#;
    const LIMIT: &str = r#"{"status":"error","message":"You exceeded the rate limit"}"#;
    const FAULT: &str = r#"{"status":"error","message":"Try again later"}"#;
    answered(
        Ask::new(name, step, Method::POST, ending),
        [
            (400, PARAMETER, refused),
            (401, AUTH, error(Misconfigured)),
            (403, AUTH, error(Misconfigured)),
            (404, PARAMETER, refused),
            (409, PARAMETER, refused),
            (412, PARAMETER, refused),
            (429, LIMIT, error(RateLimited)),
            (500, FAULT, error(Unavailable)),
            (503, FAULT, error(Unavailable)),
        ],
    )
}

use handset::ErrorKind::{Misconfigured, RateLimited, Rejected, Unavailable};
