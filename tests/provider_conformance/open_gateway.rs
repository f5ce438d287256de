//! Open Gateway for the suite.

use std::{sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, FutureExt};
use handset::{
    Channel,
    ErrorKind::{Misconfigured, RateLimited, Rejected, Unavailable},
    PhoneNumber, Result, Secret,
    provider::{
        Order, Prompt, Provider, Returned, Started,
        open_gateway::{ApiVersion, CibaHint, ClientAuth, Config, Endpoints, Flow, OpenGateway, SigningAlgorithm},
    },
    sandbox::{Knob, Over, Sandbox, Scope},
    testing::provider::{Ask, Callbacks, Declared, Evidence, Reading, Step, Vendor, Will, Wire},
};
use http::Method;

use crate::{NOTHING, answered, declare, error, no_callbacks, phones};

struct World {
    sandbox: Sandbox,
    way: Way,
}

/// The flow, and how it says whom it asks about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Code,
    CibaToken,
    CibaNumber,
    JwtBearer,
}

pub(super) async fn code() -> Result<Box<dyn Vendor>> {
    open(Way::Code).await
}

pub(super) async fn ciba_token() -> Result<Box<dyn Vendor>> {
    open(Way::CibaToken).await
}

pub(super) async fn ciba_number() -> Result<Box<dyn Vendor>> {
    open(Way::CibaNumber).await
}

pub(super) async fn jwt_bearer() -> Result<Box<dyn Vendor>> {
    open(Way::JwtBearer).await
}

async fn open(way: Way) -> Result<Box<dyn Vendor>> {
    let sandbox = Sandbox::start().await?;
    sandbox.knobs().set(Scope::All, Knob::PollInterval(Duration::from_secs(1)))?;
    Ok(Box::new(World { sandbox, way }))
}

impl Vendor for World {
    fn url(&self) -> String {
        self.sandbox.open_gateway_url()
    }

    fn provider(&self, wire: &Wire) -> Result<Arc<dyn Provider>> {
        let client_id = self.sandbox.open_gateway_client_id();
        let mut config = Config::new(self.url(), wire.url(), ApiVersion::V2, client_id, self.auth());
        config.time_out = wire.time_out();
        (config.flow, config.ciba_hint) = match self.way {
            Way::Code => (Flow::AuthorizationCode, CibaHint::OperatorToken),
            Way::CibaToken => (Flow::Ciba, CibaHint::OperatorToken),
            Way::CibaNumber => (Flow::Ciba, CibaHint::DangerTel),
            Way::JwtBearer => (Flow::JwtBearer, CibaHint::OperatorToken),
        };
        // The server describes itself by its own address; through the wire goes what is configured. An assertion names the
        // token endpoint, so there it has to be the server's own.
        let token = if self.way == Way::JwtBearer { self.url() } else { wire.url() };
        config.endpoints = Some(Endpoints {
            authorization: format!("{}/authorize", self.url()),
            token: format!("{token}/token"),
            jwks: Some(format!("{}/jwks", wire.url())),
            backchannel: Some(format!("{}/bc-authorize", wire.url())),
        });
        self.sandbox.open_gateway_redirect_uri(wire.return_url());
        Ok(Arc::new(OpenGateway::new(config, wire.client()?)?))
    }

    fn phones(&self) -> [PhoneNumber; 2] {
        phones([PHONE, OTHER])
    }

    fn asks(&self, _: Channel) -> Vec<Ask> {
        let step = if self.way == Way::CibaNumber { Step::Poll } else { Step::Redirect };
        match self.way {
            Way::Code => vec![token(step), keys(step), verify(step)],
            Way::CibaToken => vec![backchannel(step), token(step), keys(step), verify(step)],
            Way::CibaNumber => vec![backchannel(Step::Start).orders(), token(step), keys(step), verify(step)],
            Way::JwtBearer => vec![verify(step)],
        }
    }

    fn callbacks(&self, _: Channel) -> Callbacks {
        Callbacks::None
    }

    fn act<'a>(&'a self, order: &'a Order, started: &'a Started, will: Will) -> BoxFuture<'a, Result<Evidence>> {
        async move {
            let right = order.phone.to_e164();
            let sim = match will {
                Will::Pass => right.as_str(),
                Will::Fail if right == PHONE => OTHER,
                Will::Fail => PHONE,
            };
            Ok(match &started.prompt {
                Some(Prompt::OpenUrl { url, .. }) => {
                    let opened = self.sandbox.handset(sim).open(url, Over::MobileData).await?;
                    Evidence::Returned(Returned::Browser { url: opened.final_url })
                }
                Some(Prompt::OperatorToken) => {
                    Evidence::Returned(Returned::App { code: self.sandbox.operator_token(sim)? })
                }
                _ => {
                    self.sandbox.answer_operator(&right, will == Will::Pass);
                    Evidence::Acted
                }
            })
        }
        .boxed()
    }

    fn secrets(&self) -> Vec<Secret> {
        vec![self.sandbox.open_gateway_client_secret().clone()]
    }

    fn declared(&self, _: Channel) -> Vec<Declared> {
        let mut declared = no_callbacks("the vendor posts nothing");
        declared.extend(declare(&[
            ("expired_handle", "the handle is ours: the operator keeps nothing that a test could let expire at will"),
            ("32_parallel_starts_fetch_one_token", "an access token is that of one device, and used once"),
        ]));
        declared
    }
}

impl World {
    fn auth(&self) -> ClientAuth {
        match self.way {
            Way::JwtBearer => ClientAuth::PrivateKeyJwt {
                key: self.sandbox.open_gateway_key(),
                algorithm: SigningAlgorithm::ES256,
                key_id: None,
            },
            _ => ClientAuth::Basic { secret: self.sandbox.open_gateway_client_secret().clone() },
        }
    }
}

fn backchannel(step: Step) -> Ask {
    let refusals = [
        (400, r#"{"error":"unknown_user_id"}"#, error(Rejected)),
        (401, r#"{"error":"invalid_client"}"#, error(Misconfigured)),
        (403, r#"{"error":"access_denied"}"#, error(Unavailable)),
    ];
    of_oauth(Ask::new("backchannel", step, Method::POST, "/bc-authorize"), refusals)
}

fn token(step: Step) -> Ask {
    let refusals = [
        (400, r#"{"error":"invalid_grant"}"#, error(Unavailable)),
        (401, r#"{"error":"invalid_client"}"#, error(Misconfigured)),
        (403, r#"{"error":"unauthorized_client"}"#, error(Misconfigured)),
    ];
    of_oauth(Ask::new("token", step, Method::POST, "/token"), refusals)
}

fn keys(step: Step) -> Ask {
    let refusals = [400, 401, 403].map(|status| (status, NOTHING, error(Misconfigured)));
    of_oauth(Ask::new("key set", step, Method::GET, "/jwks"), refusals)
}

/// The refusals of one endpoint, and those that all of them have.
fn of_oauth(ask: Ask, refusals: [(u16, &str, Reading); 3]) -> Ask {
    let common = [
        (404, NOTHING, error(Misconfigured)),
        (409, NOTHING, error(Misconfigured)),
        (412, NOTHING, error(Misconfigured)),
        (429, r#"{"code":"TOO_MANY_REQUESTS"}"#, error(RateLimited)),
        (500, r#"{"error":"server_error"}"#, error(Unavailable)),
        (503, r#"{"error":"temporarily_unavailable"}"#, error(Unavailable)),
    ];
    answered(answered(ask, refusals), common)
}

fn verify(step: Step) -> Ask {
    answered(
        Ask::new("verify", step, Method::POST, "/number-verification/v2/verify"),
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
    )
}

const PHONE: &str = "+37126123456";
const OTHER: &str = "+37129876543";
