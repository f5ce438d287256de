//! NumCheck for the suite.

use std::{sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, FutureExt};
use handset::{
    Channel, Code, ErrorKind, PhoneNumber, Result, Secret,
    provider::{
        Order, Provider, Started,
        numcheck::{Config, NumCheck},
    },
    sandbox::{Knob, Sandbox, Scope},
    testing::provider::{Ask, Callbacks, Declared, Evidence, Reading, Step, Vendor, Will, Wire},
};
use http::Method;

use crate::{another, declare, no_callbacks, phones};

pub(super) struct World {
    sandbox: Sandbox,
}

pub(super) async fn open() -> Result<Box<dyn Vendor>> {
    let sandbox = Sandbox::start().await?;
    sandbox.knobs().set(Scope::All, Knob::RingTime(Duration::ZERO))?;
    Ok(Box::new(World { sandbox }))
}

impl Vendor for World {
    fn url(&self) -> String {
        self.sandbox.numcheck_url()
    }

    fn provider(&self, wire: &Wire) -> Result<Arc<dyn Provider>> {
        let config = Config::new(self.sandbox.numcheck_token().clone());
        let config = config.with_base_url(wire.url()).with_time_out(wire.time_out());
        Ok(Arc::new(NumCheck::new(config, wire.client()?)?))
    }

    fn phones(&self) -> [PhoneNumber; 2] {
        phones(["+37126123456", "+37129876543"])
    }

    fn asks(&self, _: Channel) -> Vec<Ask> {
        vec![ask("init-call", Step::Start, "/init-call").orders(), ask("get-call-info", Step::Poll, "/get-call-info")]
    }

    fn callbacks(&self, _: Channel) -> Callbacks {
        Callbacks::None
    }

    fn act<'a>(&'a self, order: &'a Order, _: &'a Started, will: Will) -> BoxFuture<'a, Result<Evidence>> {
        async move {
            let ending = self.sandbox.handset(&order.phone.to_e164()).next_call().await.ending().to_owned();
            let typed = if will == Will::Pass { ending } else { another(&ending) };
            Ok(Evidence::Typed(Code::new(typed)?))
        }
        .boxed()
    }

    fn secrets(&self) -> Vec<Secret> {
        vec![self.sandbox.numcheck_token().clone()]
    }

    fn declared(&self, _: Channel) -> Vec<Declared> {
        let mut declared = no_callbacks("the vendor posts nothing");
        declared.extend(declare(&[
            ("expired_handle", "the vendor documents no time after which it forgets a call"),
            ("pending_then_settled", "the caller's number comes with the order, and answers are judged here"),
            ("32_parallel_starts_fetch_one_token", "the account has a key, and no access token to fetch"),
        ]));
        declared
    }
}

/// What the vendor says to a refused request; its documentation gives the shape and no list of the codes.
fn ask(name: &'static str, step: Step, ending: &'static str) -> Ask {
    use ErrorKind::{Misconfigured, RateLimited, Rejected, Unavailable};
    let kinds = [
        (400, Rejected),
        (401, Misconfigured),
        (403, Misconfigured),
        (404, Rejected),
        (409, Rejected),
        (412, Rejected),
        (429, RateLimited),
        (500, Unavailable),
        (503, Unavailable),
    ];
    kinds.into_iter().fold(Ask::new(name, step, Method::POST, ending), |ask, (status, kind)| {
        let body = format!(r#"{{"statusCode":{status},"errorCode":9,"success":false,"message":"Error"}}"#);
        ask.answers(status, body, Reading::Error(kind))
    })
}
