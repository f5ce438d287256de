#![doc = include_str!("docs.md")]

mod config;
mod wire;

use std::time::SystemTime;

use futures_util::future::{BoxFuture, FutureExt, TryFutureExt};

use super::{
    Handle, Order, Prompt, Provider, Returned, Settle, Started, Verdict,
    http::{Http, HttpClient, Repeat},
    oauth::misconfigured,
    openid::{Ask, OpenId, Trip},
};
use crate::{
    channel::Channel,
    error::{Error, Result},
};

pub use super::{
    oauth::{ClientAuth, SigningAlgorithm},
    openid::Endpoints,
};
pub use config::{ApiVersion, Config, NumberForm};

/// The name that policy files know it by.
pub const NAME: &str = "open_gateway";

/// What the vendor offers.
pub const CHANNELS: &[Channel] = &[Channel::SilentNetwork];

/// The client of an Open Gateway operator or aggregator.
///
/// The verifier needs a [public URL](crate::verifier::Builder::public_url); register its `/redirect/open_gateway` below the mount
/// as the redirect URI of the application.
///
/// ```
/// # #[cfg(feature = "client")] {
/// use handset::{Secret, provider::http::HttpClient};
/// use handset::provider::open_gateway::{ApiVersion, ClientAuth, Config, OpenGateway};
///
/// let auth = ClientAuth::Basic { secret: Secret::new("a secret") };
/// let config = Config::new("https://auth.operator.example", "https://api.operator.example", ApiVersion::V2, "my-app", auth);
/// let provider = OpenGateway::new(config, HttpClient::with_defaults()?)?;
/// # let _ = provider;
/// # }
/// # Ok::<(), handset::Error>(())
/// ```
#[derive(Debug)]
pub struct OpenGateway {
    config: Config,
    openid: OpenId,
}

impl OpenGateway {
    /// Makes the client of one application of an account. Nothing is asked yet: the server is discovered for the first check.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`](crate::ErrorKind::Misconfigured) when a setting or the key cannot be used; the message names it.
    pub fn new(config: Config, client: HttpClient) -> Result<Self> {
        config.validate()?;
        let http = Http::new(NAME, client, config.time_out);
        let openid = OpenId::new(config.account(), http).map_err(named)?;
        Ok(Self { config, openid })
    }

    async fn begin(&self, order: &Order) -> Result<Started> {
        let no_way_back = || misconfigured("the verifier needs its `public_url`, for the device to come back to");
        let return_to = order.return_to.as_ref().ok_or_else(no_way_back)?;
        let errand = wire::Errand::new(order, Trip::new(&return_to.url)?);
        let ask = Ask {
            trip: &errand.trip,
            scopes: self.config.scopes(),
            state: &return_to.state,
            login_hint: self.config.login_hint.then(|| format!("tel:{}", order.phone.to_e164())),
        };
        let prompt = Prompt::OpenUrl { url: self.openid.authorization_url(&ask).await?, mobile_data: true };
        Ok(Started::new(errand.to_handle()?, Settle::Redirect).with_prompt(prompt))
    }

    async fn finish(&self, handle: &Handle, returned: &Returned, now: SystemTime) -> Result<Verdict> {
        let errand = wire::Errand::read(handle)?;
        let grant = self.openid.exchange(&errand.trip, returned, now).await?;
        grant
            .spend(async |bearer| {
                let request = wire::verify(&self.config, &errand, bearer)?;
                wire::read_verdict(&self.openid.http().send(request, Repeat::Never).await?)
            })
            .await
    }
}

impl Provider for OpenGateway {
    fn name(&self) -> &'static str {
        NAME
    }

    fn channels(&self) -> &[Channel] {
        CHANNELS
    }

    fn start<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Started>> {
        self.begin(order).map_err(named).boxed()
    }

    fn redirect<'a>(
        &'a self,
        handle: &'a Handle,
        returned: &'a Returned,
        now: SystemTime,
    ) -> BoxFuture<'a, Result<Verdict>> {
        self.finish(handle, returned, now).map_err(named).boxed()
    }
}

/// Whose error it is.
fn named(error: Error) -> Error {
    error.with_provider(NAME)
}
