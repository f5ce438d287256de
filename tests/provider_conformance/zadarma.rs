//! Zadarma for the suite, with the vendor's codes and with ours, and with calls that ask for a key.

use std::{net::IpAddr, sync::Arc, time::Duration};

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
        provider::{Ask, Callbacks, Covers, Declared, Evidence, Reading, Step, Vendor, Will, Wire},
    },
};
use http::Method;
use ipnet::IpNet;

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
        config.greeting_sound_id = Some("657c2c822fb364c1d201f685".to_owned());
        config.button_1_sound_id = Some("6718bc2af7cd712b0e0a96f6".to_owned());
        config.fallback_sound_id = Some("6718bd57e2cc3072e20c0ba6".to_owned());
        config.callback_sources = vec![IpNet::from(IpAddr::from([127, 0, 0, 1]))];
        Ok(Arc::new(Zadarma::new(config, wire.client()?)?))
    }

    fn ready<'a>(&'a self, wire: &'a Wire) -> BoxFuture<'a, Result<()>> {
        async move { self.sandbox.set_zadarma_webhook(&wire.callback_url()).await }.boxed()
    }

    fn phones(&self) -> [PhoneNumber; 2] {
        phones(["+37126123456", "+37129876543"])
    }

    fn asks(&self, channel: Channel) -> Vec<Ask> {
        let mut asks = vec![ask("verify", Step::Start, "/v1/verify/", error(Rejected)).orders()];
        if !self.own_code && channel != Channel::KeyPress {
            // A refusal of the code is a wrong answer.
            asks.push(ask("check", Step::Judge, "/v1/verify/check", Reading::Verdict(Verdict::NoMatch)));
        }
        asks
    }

    fn callbacks(&self, channel: Channel) -> Callbacks {
        match channel {
            // When the call began is signed, in a zone that nobody knows; when the signature was made is not.
            Channel::KeyPress => Callbacks::Signed {
                headers: &["signature"],
                covers: Covers::Fields(&["caller_id", "called_did", "call_start"]),
                dated: false,
            },
            _ => Callbacks::None,
        }
    }

    fn act<'a>(&'a self, order: &'a Order, _: &'a Started, will: Will) -> BoxFuture<'a, Result<Evidence>> {
        async move {
            let phone = self.sandbox.handset(&order.phone.to_e164());
            let sent = match order.channel {
                Channel::KeyPress => {
                    phone.next_call().await;
                    phone.press(if will == Will::Pass { "1" } else { "2" })?;
                    return Ok(Evidence::Acted);
                }
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

    fn declared(&self, channel: Channel) -> Vec<Declared> {
        let mut declared = vec![Declared::new("32_parallel_starts_fetch_one_token", "requests are signed; no token")];
        if channel == Channel::KeyPress {
            const TOLD: &str = "the vendor tells the result, and cannot be asked for it";
            declared.extend(declare(&[
                ("callback_stale", "the signature has no date; the verifier compares when call and order began"),
                ("unknown_handle", TOLD),
                ("expired_handle", TOLD),
            ]));
            return declared;
        }
        declared.extend(no_callbacks("the vendor posts nothing about codes"));
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
