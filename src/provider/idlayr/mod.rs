#![doc = include_str!("docs.md")]

mod callback;
mod config;
mod wire;

use std::time::SystemTime;

use futures_util::future::{BoxFuture, FutureExt};

use super::{
    Handle, Order, Polled, Provider, Report, Returned, Started, Verdict,
    access_token::{Account, TokenApi},
    http::{Http, HttpClient, Repeat},
};
use crate::{
    cache::PublicKeys,
    callback::{Message, RawCallback, Scheme, http_signature::Signed, refused},
    channel::Channel,
    crypto,
    error::{ErrorKind, Result},
};

pub use config::{Config, DataResidency, Version};

/// The name that policy files know it by.
pub const NAME: &str = "idlayr";

/// What the vendor offers.
pub const CHANNELS: &[Channel] = &[Channel::SilentNetwork];

/// The client of IDlayr's PhoneCheck.
///
/// ```
/// # #[cfg(feature = "client")] {
/// use handset::{Secret, provider::{http::HttpClient, idlayr::{Config, DataResidency, IdLayr}}};
///
/// let config = Config::new("the project's client_id", Secret::new("its client_secret"), DataResidency::Eu);
/// let provider = IdLayr::new(config, HttpClient::with_defaults()?)?;
/// # let _ = provider;
/// # }
/// # Ok::<(), handset::Error>(())
/// ```
#[derive(Debug)]
pub struct IdLayr {
    config: Config,
    api: TokenApi,
    keys: PublicKeys,
}

impl IdLayr {
    /// Makes the client of one project.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] when a setting cannot be used, or the build has no cryptography; the message names it.
    pub fn new(config: Config, client: HttpClient) -> Result<Self> {
        config.validate()?;
        crypto::install()?;
        let account = Account {
            vendor: wire::VENDOR,
            token_url: format!("{}/oauth2/v1/token", config.base_url()),
            client_id: config.client_id.clone(),
            client_secret: config.client_secret.clone(),
            scopes: &["phone_check", "coverage"],
        };
        let api = TokenApi::new(account, Http::new(NAME, client, config.time_out));
        Ok(Self { config, api, keys: PublicKeys::new() })
    }

    async fn preflight(&self, order: &Order) -> Result<()> {
        let Some(ip) = order.client_ip.filter(|_| order.preflight) else { return Ok(()) };
        wire::read_coverage(&self.api.send(wire::coverage(&self.config, ip)?, Repeat::Idempotent).await?)
    }

    /// Refuses a browser that does not bring the vendor's signature back, or one that is wrong.
    async fn check_return(&self, returned: &Returned, now: SystemTime) -> Result<()> {
        let Returned::Browser { url } = returned else { return Ok(()) };
        match callback::signed_return(url) {
            Some(message) => self.check(&message, now).await,
            None if self.config.require_signed_redirect => Err(wire::VENDOR.error(ErrorKind::Denied, UNSIGNED)),
            None => Ok(()),
        }
    }
}

impl Provider for IdLayr {
    fn name(&self) -> &'static str {
        NAME
    }

    fn channels(&self) -> &[Channel] {
        CHANNELS
    }

    fn start<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Started>> {
        async move {
            order.needs_one_of(CHANNELS).map_err(|error| error.with_provider(NAME))?;
            self.preflight(order).await?;
            let answer = self.api.send(wire::create(&self.config, order)?, Repeat::Never).await?;
            wire::read_started(&self.config, &answer)
        }
        .boxed()
    }

    fn poll<'a>(&'a self, handle: &'a Handle) -> BoxFuture<'a, Result<Polled>> {
        async move {
            let answer = self.api.send(wire::status(&self.config, handle)?, Repeat::Idempotent).await?;
            wire::read_verdict(handle, &answer).map(Polled::verdict)
        }
        .boxed()
    }

    fn redirect<'a>(
        &'a self,
        handle: &'a Handle,
        returned: &'a Returned,
        now: SystemTime,
    ) -> BoxFuture<'a, Result<Verdict>> {
        async move {
            if self.config.version == Version::V0_1 {
                return Err(wire::VENDOR.error(ErrorKind::Unsupported, "v0.1 sends no devices here"));
            }
            self.check_return(returned, now).await?;
            let code = wire::read_return(handle, returned)?;
            let answer = self.api.send(wire::exchange(&self.config, handle, &code)?, Repeat::Never).await?;
            wire::read_exchange(handle, &answer)
        }
        .boxed()
    }

    fn callback<'a>(&'a self, raw: RawCallback, now: SystemTime) -> BoxFuture<'a, Result<Report>> {
        async move { callback::read(&raw.verify(self, now).await?, self.config.version) }.boxed()
    }
}

/// The vendor signs, with keys that it publishes.
impl Scheme for IdLayr {
    fn check<'a>(&'a self, message: &'a Message, now: SystemTime) -> BoxFuture<'a, Result<()>> {
        async move {
            // What costs nothing comes first: strangers do not make us ask the vendor for keys.
            let signed = Signed::read(message, self.config.freshness(), now)?;
            let fetch = async {
                wire::read_key_set(&self.api.http().send(wire::key_set(&self.config)?, Repeat::Idempotent).await?)
            };
            let key = self.keys.key(&signed.key_id, now, fetch).await?;
            signed.verify(&key.ok_or_else(|| refused("the signature is by a key that the vendor does not publish"))?)
        }
        .boxed()
    }
}

const UNSIGNED: &str = "the device came back without a signature; if the vendor signs none for this project, set \
                        `require_signed_redirect = false`";
