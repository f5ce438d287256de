#![doc = include_str!("docs.md")]

mod callback;
mod config;
mod token;
mod wire;

use std::time::SystemTime;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use http::{Request, Response, StatusCode};

use super::{
    Handle, Order, Polled, Prompt, Provider, Report, Returned, Settle, Started, Verdict,
    http::{Http, HttpClient, Repeat},
};
use crate::{
    cache::{Kept, PublicKeys},
    callback::{
        Message, RawCallback, Scheme,
        http_signature::{Signed, rsa_keys},
        refused,
    },
    channel::Channel,
    crypto,
    error::{Error, ErrorKind, Result},
    secret::Secret,
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
    http: Http,
    token: Kept<Secret>,
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
        let http = Http::new(NAME, client, config.time_out);
        Ok(Self { config, http, token: Kept::new(), keys: PublicKeys::new() })
    }

    /// Sends a request with an access token.
    async fn send(
        &self,
        repeat: Repeat,
        request: impl FnOnce(&Config, &Secret) -> Result<Request<Bytes>>,
    ) -> Result<Response<Bytes>> {
        let token = self.token.get_or_fetch(token::fetch(&self.config, &self.http)).await?;
        let answer = self.http.send(request(&self.config, &token)?, repeat).await?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            // Taken back before its time; the next request gets another one.
            self.token.forget(|kept| kept.matches(token.expose().as_bytes())).await;
        }
        Ok(answer)
    }

    async fn preflight(&self, order: &Order) -> Result<()> {
        let Some(ip) = order.client_ip.filter(|_| order.preflight) else { return Ok(()) };
        let answer = self.send(Repeat::Idempotent, |config, token| wire::coverage(config, token, ip)).await?;
        wire::read_coverage(&answer)
    }

    /// Refuses a browser that does not bring the vendor's signature back, or one that is wrong.
    async fn check_return(&self, returned: &Returned, now: SystemTime) -> Result<()> {
        let Returned::Browser { url } = returned else { return Ok(()) };
        match callback::signed_return(url) {
            Some(message) => self.check(&message, now).await,
            None if self.config.require_signed_redirect => Err(refused(
                "the device came back without a signature; if the vendor signs none for this project, set \
                             `require_signed_redirect = false`",
            )
            .with_provider(NAME)),
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
            let answer = self.send(Repeat::Never, |config, token| wire::create(config, token, order)).await?;
            let created = wire::read_created(&self.config, &answer)?;
            let settle = match self.config.version {
                Version::V0_1 => Settle::Poll,
                Version::V0_2 => Settle::Redirect,
            };
            let prompt = Prompt::OpenUrl { url: created.check_url, mobile_data: true };
            let mut started = Started::new(Handle::new(created.id), settle).with_prompt(prompt);
            started.expires_in = created.ttl;
            Ok(started)
        }
        .boxed()
    }

    fn poll<'a>(&'a self, handle: &'a Handle) -> BoxFuture<'a, Result<Polled>> {
        async move {
            let answer = self.send(Repeat::Idempotent, |config, token| wire::status(config, token, handle)).await?;
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
                return Err(Error::new(ErrorKind::Unsupported, "v0.1 sends no devices here").with_provider(NAME));
            }
            self.check_return(returned, now).await?;
            let code = wire::read_return(handle, returned)?;
            let answer = self.send(Repeat::Never, |config, token| wire::exchange(config, token, handle, &code)).await?;
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
                let answer = self.http.send(wire::key_set(&self.config)?, Repeat::Idempotent).await?;
                let keys = rsa_keys(wire::read_key_set(&answer)?);
                let none = || Error::new(ErrorKind::Unavailable, "publishes no key set").with_provider(NAME);
                keys.ok_or_else(none)
            };
            let key = self.keys.key(&signed.key_id, now, fetch).await?;
            signed.verify(&key.ok_or_else(|| refused("the signature is by a key that the vendor does not publish"))?)
        }
        .boxed()
    }
}
