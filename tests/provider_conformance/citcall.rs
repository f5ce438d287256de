//! Citcall for the suite, in both versions of its API.

use std::{net::IpAddr, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::future::{BoxFuture, FutureExt};
use handset::{
    Channel, Code,
    ErrorKind::{Misconfigured, RateLimited, Rejected, Unavailable},
    PhoneNumber, Result, Secret,
    provider::{
        Order, Provider, Started,
        citcall::{Citcall, Config, Version},
    },
    sandbox::{Knob, Sandbox, Scope},
    testing::provider::{Ask, Callbacks, Declared, Evidence, Step, Vendor, Will, Wire},
};
use http::Method;

use crate::{NOTHING, another, answered, declare, error, phones};

struct World {
    sandbox: Sandbox,
    version: Version,
}

pub(super) async fn v2() -> Result<Box<dyn Vendor>> {
    open(Version::V2).await
}

pub(super) async fn v3() -> Result<Box<dyn Vendor>> {
    open(Version::V3).await
}

async fn open(version: Version) -> Result<Box<dyn Vendor>> {
    let sandbox = Sandbox::start().await?;
    sandbox.knobs().set(Scope::All, Knob::RingTime(Duration::ZERO))?;
    Ok(Box::new(World { sandbox, version }))
}

impl Vendor for World {
    fn url(&self) -> String {
        self.sandbox.citcall_url()
    }

    fn provider(&self, wire: &Wire) -> Result<Arc<dyn Provider>> {
        let key = self.sandbox.citcall_api_key().clone();
        let config = match self.version {
            Version::V2 => Config::v2(self.sandbox.citcall_user_id().clone(), key),
            _ => Config::new(key),
        };
        let mut config = config.with_base_url(wire.url()).with_time_out(wire.time_out());
        config.callback_sources = vec![IpAddr::from([127, 0, 0, 1]).into()];
        Ok(Arc::new(Citcall::new(config, wire.client()?)?))
    }

    /// Version 2 has one URL for the account, and no way to set it but the emulator's.
    fn ready<'a>(&'a self, wire: &'a Wire) -> BoxFuture<'a, Result<()>> {
        std::future::ready(self.sandbox.knobs().set(Scope::Vendor("citcall"), Knob::CallbackUrl(wire.callback_url())))
            .boxed()
    }

    fn phones(&self) -> [PhoneNumber; 2] {
        phones(["+6281234567890", "+6281298765432"])
    }

    fn asks(&self, _: Channel) -> Vec<Ask> {
        let ending = if self.version == Version::V2 { "/v2/asynccall" } else { "/v3/motp" };
        let order = Ask::new("call", Step::Start, Method::POST, ending).orders();
        // The vendor does not document which status goes with its codes: those of the body go first.
        vec![answered(
            order,
            [
                (400, r#"{"rc":"06","info":"Failed"}"#, error(Rejected)),
                (401, r#"{"rc":98,"info":"Authentication failed"}"#, error(Misconfigured)),
                (403, r#"{"rc":"96","info":"Invalid API key"}"#, error(Misconfigured)),
                (404, NOTHING, error(Rejected)),
                (409, NOTHING, error(Rejected)),
                (412, r#"{"rc":"88","info":"Missing parameter"}"#, error(Misconfigured)),
                (429, NOTHING, error(RateLimited)),
                (500, r#"{"rc":"34","info":"Service not available"}"#, error(Unavailable)),
                (503, r#"{"rc":"66","info":"Maintenance"}"#, error(Unavailable)),
            ],
        )]
    }

    fn callbacks(&self, _: Channel) -> Callbacks {
        Callbacks::Unsigned
    }

    fn act<'a>(&'a self, order: &'a Order, _: &'a Started, will: Will) -> BoxFuture<'a, Result<Evidence>> {
        async move {
            let ending = self.sandbox.handset(&order.phone.to_e164()).next_call().await.ending().to_owned();
            Ok(Evidence::Typed(Code::new(if will == Will::Pass { ending } else { another(&ending) })?))
        }
        .boxed()
    }

    fn secrets(&self) -> Vec<Secret> {
        let (user, key) = (self.sandbox.citcall_user_id(), self.sandbox.citcall_api_key());
        let basic = STANDARD.encode(format!("{}:{}", user.expose(), key.expose()));
        vec![user.clone(), key.clone(), Secret::new(basic)]
    }

    fn declared(&self, _: Channel) -> Vec<Declared> {
        const UNSIGNED: &str = "the vendor signs nothing";
        const LOCAL: &str = "the caller's number comes with the order; the vendor is asked nothing afterwards";
        declare(&[
            ("unknown_handle", LOCAL),
            ("expired_handle", LOCAL),
            ("pending_then_settled", LOCAL),
            ("callback_altered_by_one_byte", UNSIGNED),
            ("callback_without_its_signature", UNSIGNED),
            ("callback_stale", UNSIGNED),
            ("32_parallel_starts_fetch_one_token", "the account has a key, and no access token to fetch"),
        ])
    }
}
