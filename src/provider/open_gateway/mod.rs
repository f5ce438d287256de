#![doc = include_str!("docs.md")]

mod config;
mod wire;

use std::{sync::Arc, time::SystemTime};

use futures_util::future::{BoxFuture, FutureExt, TryFutureExt};

use super::{
    Handle, Order, Polled, Prompt, Provider, Returned, Settle, Started, Verdict,
    http::{Http, HttpClient, Repeat},
    oauth::{Grant, misconfigured, nonsense},
    openid::{Ask, OpenId, Outcome, Trip},
};
use crate::{
    channel::Channel,
    clock::{Clock, SystemClock},
    error::{Error, ErrorKind, Result},
};

use wire::{Errand, Way};

pub use super::{
    oauth::{ClientAuth, SigningAlgorithm},
    openid::Endpoints,
};
pub use config::{ApiVersion, CibaHint, Config, Flow, NumberForm};

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
    clock: Arc<dyn Clock>,
}

impl OpenGateway {
    /// Makes the client of one application of an account. Nothing is asked yet: the server is discovered for the first check.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] when a setting or the key cannot be used; the message names it.
    pub fn new(config: Config, client: HttpClient) -> Result<Self> {
        config.validate()?;
        let http = Http::new(NAME, client, config.time_out);
        let openid = OpenId::new(config.account(), http, config.time_out).map_err(named)?;
        Ok(Self { config, openid, clock: Arc::new(SystemClock) })
    }

    /// Takes the time of assertions from a clock of yours, for tests.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    async fn begin(&self, order: &Order) -> Result<Started> {
        order.needs_one_of(CHANNELS)?;
        match (self.config.flow, self.config.ciba_hint) {
            (Flow::AuthorizationCode, _) => self.send_device(order).await,
            (Flow::Ciba, CibaHint::DangerTel) => self.ask_operator(order).await,
            (Flow::Ciba, CibaHint::OperatorToken) | (Flow::JwtBearer, _) => {
                self.openid.find(self.config.flow == Flow::Ciba).await?;
                let errand = Errand::new(order, Way::OperatorToken);
                Ok(Started::new(errand.to_handle()?, Settle::Redirect).with_prompt(Prompt::OperatorToken))
            }
        }
    }

    async fn send_device(&self, order: &Order) -> Result<Started> {
        let no_way_back = || misconfigured("the verifier needs its `public_url`, for the device to come back to");
        let return_to = order.return_to.as_ref().ok_or_else(no_way_back)?;
        let trip = Trip::new(&return_to.url)?;
        let ask = Ask {
            trip: &trip,
            scopes: self.config.scopes(),
            state: &return_to.state,
            login_hint: self.config.login_hint.then(|| wire::tel(order)),
        };
        let prompt = Prompt::OpenUrl { url: self.openid.authorization_url(&ask).await?, mobile_data: true };
        let errand = Errand::new(order, Way::Trip(trip));
        Ok(Started::new(errand.to_handle()?, Settle::Redirect).with_prompt(prompt))
    }

    async fn ask_operator(&self, order: &Order) -> Result<Started> {
        let scope = self.config.scope();
        let (awaited, expires_in) = self.openid.ask(&wire::tel(order), &scope, self.clock.now()).await?;
        let errand = Errand::new(order, Way::Awaited(awaited));
        let mut started = Started::new(errand.to_handle()?, Settle::Poll).with_prompt(Prompt::Wait);
        started.expires_in = Some(expires_in);
        Ok(started)
    }

    async fn look(&self, handle: &Handle) -> Result<Polled> {
        let errand = Errand::read(handle)?;
        let Way::Awaited(awaited) = &errand.way else {
            return Err(Error::new(ErrorKind::Unsupported, "only the device can say more"));
        };
        let verdict = match self.openid.poll(awaited, self.clock.now()).await? {
            Outcome::Pending => Verdict::Pending,
            // A person said no, to the one question that was asked: it counts as a wrong answer, so that nobody is asked for ever.
            Outcome::Denied => Verdict::NoMatch,
            Outcome::Granted(grant) => self.verify(&errand, grant).await?,
        };
        Ok(Polled::verdict(verdict))
    }

    async fn finish(&self, handle: &Handle, returned: &Returned, now: SystemTime) -> Result<Verdict> {
        let errand = Errand::read(handle)?;
        let grant = match &errand.way {
            Way::Trip(trip) => self.openid.exchange(trip, returned, now).await?,
            Way::OperatorToken => {
                let (token, scope) = (wire::operator_token(returned)?, self.config.scope());
                match self.config.flow {
                    Flow::Ciba => self.granted(&token, &scope, now).await?,
                    _ => self.openid.present(&token, &scope, now).await?,
                }
            }
            Way::Awaited(_) => return Err(nonsense("a device came back, where the operator is asked")),
        };
        self.verify(&errand, grant).await
    }

    /// What CIBA gives for an operator token. The operator asks nobody, so it is waited for.
    async fn granted(&self, token: &str, scope: &str, now: SystemTime) -> Result<Grant> {
        let (awaited, _) = self.openid.ask(token, scope, now).await?;
        match self.openid.wait(&awaited, now).await? {
            Outcome::Granted(grant) => Ok(grant),
            Outcome::Denied | Outcome::Pending => Err(nonsense("does not say whose operator token it is")),
        }
    }

    async fn verify(&self, errand: &Errand, grant: Grant) -> Result<Verdict> {
        grant
            .spend(async |bearer| {
                let request = wire::verify(&self.config, errand, bearer)?;
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

    fn poll<'a>(&'a self, handle: &'a Handle) -> BoxFuture<'a, Result<Polled>> {
        self.look(handle).map_err(named).boxed()
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
