//! IDlayr for the suite, in both versions of its API.

use std::{net::IpAddr, sync::Arc};

use futures_util::future::{BoxFuture, FutureExt};
use handset::{
    Channel,
    ErrorKind::{Misconfigured, RateLimited, Rejected, Unavailable},
    PhoneNumber, Result, Secret,
    provider::{
        Order, Prompt, Provider, Returned, Started, Verdict,
        idlayr::{Config, DataResidency, IdLayr, Version},
    },
    sandbox::{Over, Sandbox},
    testing::provider::{Ask, Callbacks, Covers, Declared, Evidence, Reading, Step, Vendor, Will, Wire},
};
use http::Method;

use crate::{NOTHING, answered, declare, error, phones};

struct World {
    sandbox: Sandbox,
    version: Version,
}

pub(super) async fn v0_1() -> Result<Box<dyn Vendor>> {
    Ok(Box::new(World { sandbox: Sandbox::start().await?, version: Version::V0_1 }))
}

pub(super) async fn v0_2() -> Result<Box<dyn Vendor>> {
    Ok(Box::new(World { sandbox: Sandbox::start().await?, version: Version::V0_2 }))
}

impl Vendor for World {
    fn url(&self) -> String {
        self.sandbox.idlayr_url()
    }

    fn provider(&self, wire: &Wire) -> Result<Arc<dyn Provider>> {
        let secret = self.sandbox.idlayr_client_secret().clone();
        let config = Config::new(self.sandbox.idlayr_client_id(), secret, DataResidency::Eu)
            .with_version(self.version)
            .with_base_url(wire.url())
            .with_time_out(wire.time_out());
        Ok(Arc::new(IdLayr::new(config, wire.client()?)?))
    }

    fn phones(&self) -> [PhoneNumber; 2] {
        phones([PHONE, OTHER])
    }

    /// The policy asks for a pre-flight, so that it is seen as well.
    fn complete(&self, order: &mut Order) {
        order.preflight = true;
        order.client_ip = Some(IpAddr::from([203, 0, 113, 7]));
    }

    fn asks(&self, _: Channel) -> Vec<Ask> {
        let coverage = "/coverage/v0.1/device_ips/203.0.113.7";
        let (status, keys) = match self.version {
            Version::V0_1 => ("/v0.1/checks/*", Step::Callback),
            _ => ("/v0.2/checks/*", Step::Redirect),
        };
        let mut asks = vec![
            token(),
            refused("coverage", Step::Start, Method::GET, coverage, REJECTED, GONE),
            refused("create", Step::Start, Method::POST, "/checks", REJECTED, GONE).orders(),
            refused("status", Step::Poll, Method::GET, status, REJECTED, GONE),
            refused("key set", keys, Method::GET, "/.well-known/jwks.json", REJECTED, GONE),
        ];
        if self.version == Version::V0_2 {
            // A code that the vendor does not know is a wrong answer.
            asks.push(refused("exchange", Step::Redirect, Method::PATCH, status, WRONG, WRONG));
        }
        asks
    }

    fn callbacks(&self, _: Channel) -> Callbacks {
        Callbacks::Signed { headers: &["authorization", "date", "digest"], covers: Covers::Body, dated: true }
    }

    fn act<'a>(&'a self, order: &'a Order, started: &'a Started, will: Will) -> BoxFuture<'a, Result<Evidence>> {
        async move {
            let Some(Prompt::OpenUrl { url, .. }) = &started.prompt else { return Ok(Evidence::Acted) };
            let right = order.phone.to_e164();
            let sim = match will {
                Will::Pass => right.as_str(),
                Will::Fail if right == PHONE => OTHER,
                Will::Fail => PHONE,
            };
            let opened = self.sandbox.handset(sim).open(url, Over::MobileData).await?;
            Ok(match self.version {
                Version::V0_1 => Evidence::Acted,
                _ => Evidence::Returned(Returned::Browser { url: opened.final_url }),
            })
        }
        .boxed()
    }

    fn secrets(&self) -> Vec<Secret> {
        vec![self.sandbox.idlayr_client_secret().clone()]
    }

    fn declared(&self, _: Channel) -> Vec<Declared> {
        declare(&[("expired_handle", "how the vendor answers about a check whose time is over is not known")])
    }
}

fn token() -> Ask {
    let ask = Ask::new("token", Step::Start, Method::POST, "/oauth2/v1/token").fetches_token();
    answered(
        ask,
        [
            (400, r#"{"error":"invalid_scope"}"#, error(Misconfigured)),
            (401, r#"{"error":"invalid_client"}"#, error(Misconfigured)),
            (403, r#"{"error":"unauthorized_client"}"#, error(Misconfigured)),
            (404, NOTHING, error(Unavailable)),
            (409, NOTHING, error(Unavailable)),
            (412, NOTHING, error(Unavailable)),
            (429, NOTHING, error(RateLimited)),
            (500, NOTHING, error(Unavailable)),
            (503, NOTHING, error(Unavailable)),
        ],
    )
}

/// What the vendor says in its problems; `bad` is how 400 is read, `gone` how 404 is.
fn refused(name: &'static str, step: Step, method: Method, ending: &'static str, bad: Reading, gone: Reading) -> Ask {
    let ask = Ask::new(name, step, method, ending);
    answered(
        ask,
        [
            (400, r#"{"type":"https://idlayr.com/docs/api-errors#bad_request","status":400}"#, bad),
            (401, NOTHING, error(Misconfigured)),
            (403, r#"{"type":"https://idlayr.com/docs/api-errors#forbidden","status":403}"#, error(Misconfigured)),
            (404, r#"{"type":"https://idlayr.com/docs/api-errors#check_not_found","status":404}"#, gone),
            (409, NOTHING, error(Rejected)),
            (412, r#"{"type":"https://idlayr.com/docs/api-errors#not_mobile_ip","status":412}"#, error(Unavailable)),
            (
                429,
                r#"{"type":"https://idlayr.com/docs/api-errors#too_many_requests","status":429}"#,
                error(RateLimited),
            ),
            (500, NOTHING, error(Unavailable)),
            (503, NOTHING, error(Unavailable)),
        ],
    )
}

const PHONE: &str = "+37126123456";
const OTHER: &str = "+37129876543";
const REJECTED: Reading = error(Rejected);
const GONE: Reading = error(Unavailable);
const WRONG: Reading = Reading::Verdict(Verdict::NoMatch);
