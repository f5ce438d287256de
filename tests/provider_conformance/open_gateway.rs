//! Open Gateway for the suite.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt};
use handset::{
    Channel,
    ErrorKind::{Misconfigured, RateLimited, Rejected, Unavailable},
    PhoneNumber, Result, Secret,
    provider::{
        Order, Prompt, Provider, Returned, Started,
        open_gateway::{ApiVersion, ClientAuth, Config, Endpoints, OpenGateway},
    },
    sandbox::{Over, Sandbox},
    testing::provider::{Ask, Callbacks, Declared, Evidence, Step, Vendor, Will, Wire},
};
use http::Method;

use crate::{NOTHING, answered, declare, error, no_callbacks, phones};

struct World {
    sandbox: Sandbox,
}

pub(super) async fn code() -> Result<Box<dyn Vendor>> {
    Ok(Box::new(World { sandbox: Sandbox::start().await? }))
}

impl Vendor for World {
    fn url(&self) -> String {
        self.sandbox.open_gateway_url()
    }

    fn provider(&self, wire: &Wire) -> Result<Arc<dyn Provider>> {
        let auth = ClientAuth::Basic { secret: self.sandbox.open_gateway_client_secret().clone() };
        let client_id = self.sandbox.open_gateway_client_id();
        let mut config = Config::new(self.url(), wire.url(), ApiVersion::V2, client_id, auth);
        config.time_out = wire.time_out();
        // The server describes itself by its own address; through the wire goes what is configured.
        config.endpoints = Some(Endpoints {
            authorization: format!("{}/authorize", self.url()),
            token: format!("{}/token", wire.url()),
            jwks: Some(format!("{}/jwks", wire.url())),
        });
        self.sandbox.open_gateway_redirect_uri(wire.return_url());
        Ok(Arc::new(OpenGateway::new(config, wire.client()?)?))
    }

    fn phones(&self) -> [PhoneNumber; 2] {
        phones([PHONE, OTHER])
    }

    fn asks(&self, _: Channel) -> Vec<Ask> {
        vec![
            answered(
                Ask::new("token", Step::Redirect, Method::POST, "/token"),
                [
                    (400, r#"{"error":"invalid_grant"}"#, error(Unavailable)),
                    (401, r#"{"error":"invalid_client"}"#, error(Misconfigured)),
                    (403, r#"{"error":"unauthorized_client"}"#, error(Misconfigured)),
                    (404, NOTHING, error(Misconfigured)),
                    (409, NOTHING, error(Misconfigured)),
                    (412, NOTHING, error(Misconfigured)),
                    (429, r#"{"code":"TOO_MANY_REQUESTS"}"#, error(RateLimited)),
                    (500, r#"{"error":"server_error"}"#, error(Unavailable)),
                    (503, r#"{"error":"temporarily_unavailable"}"#, error(Unavailable)),
                ],
            ),
            answered(
                Ask::new("key set", Step::Redirect, Method::GET, "/jwks"),
                [
                    (400, NOTHING, error(Misconfigured)),
                    (401, NOTHING, error(Misconfigured)),
                    (403, NOTHING, error(Misconfigured)),
                    (404, NOTHING, error(Misconfigured)),
                    (409, NOTHING, error(Misconfigured)),
                    (412, NOTHING, error(Misconfigured)),
                    (429, NOTHING, error(RateLimited)),
                    (500, NOTHING, error(Unavailable)),
                    (503, NOTHING, error(Unavailable)),
                ],
            ),
            answered(
                Ask::new("verify", Step::Redirect, Method::POST, "/number-verification/v2/verify"),
                [
                    (400, r#"{"status":400,"code":"INVALID_ARGUMENT","message":"x"}"#, error(Rejected)),
                    (401, r#"{"status":401,"code":"UNAUTHENTICATED","message":"x"}"#, error(Unavailable)),
                    (403, r#"{"status":403,"code":"PERMISSION_DENIED","message":"x"}"#, error(Misconfigured)),
                    (404, r#"{"status":404,"code":"IDENTIFIER_NOT_FOUND","message":"x"}"#, error(Rejected)),
                    (409, NOTHING, error(Misconfigured)),
                    (412, NOTHING, error(Misconfigured)),
                    (429, r#"{"status":429,"code":"QUOTA_EXCEEDED","message":"x"}"#, error(RateLimited)),
                    (500, r#"{"status":500,"code":"INTERNAL","message":"x"}"#, error(Unavailable)),
                    (503, r#"{"status":503,"code":"UNAVAILABLE","message":"x"}"#, error(Unavailable)),
                ],
            ),
        ]
    }

    fn callbacks(&self, _: Channel) -> Callbacks {
        Callbacks::None
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
            Ok(Evidence::Returned(Returned::Browser { url: opened.final_url }))
        }
        .boxed()
    }

    fn secrets(&self) -> Vec<Secret> {
        vec![self.sandbox.open_gateway_client_secret().clone()]
    }

    fn declared(&self, _: Channel) -> Vec<Declared> {
        let mut declared = no_callbacks("the vendor posts nothing");
        declared.extend(declare(&[
            ("expired_handle", "the handle is ours: the operator keeps nothing for a check"),
            ("32_parallel_starts_fetch_one_token", "an access token is that of one device, and used once"),
        ]));
        declared
    }
}

const PHONE: &str = "+37126123456";
const OTHER: &str = "+37129876543";
