#![doc = include_str!("docs.md")]

mod claims;
mod config;
mod metadata;
mod sign;
mod wire;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures_util::future::{BoxFuture, FutureExt};

use super::{
    Handle, Order, Prompt, Provider, Returned, Settle, Started, Verdict,
    http::{Http, HttpClient, Repeat},
};
use crate::{
    cache::{Kept, PublicKeys},
    channel::Channel,
    error::{ErrorKind, Result},
    secret::Secret,
};

pub use config::{ApiVersion, ClientAuth, Config, Endpoints, NumberForm, SigningAlgorithm};

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
    client: sign::Client,
    http: Http,
    server: Kept<Arc<metadata::Server>>,
    keys: PublicKeys,
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
        let client = sign::Client::new(&config)?;
        Ok(Self { config, client, http, server: Kept::new(), keys: PublicKeys::new() })
    }

    /// The authorization server, as configured or as it describes itself.
    async fn server(&self) -> Result<Arc<metadata::Server>> {
        self.server
            .get_or_fetch(async {
                let server = match metadata::Server::configured(&self.config) {
                    Some(server) => server,
                    None => {
                        let answer = self.http.send(metadata::discover(&self.config)?, Repeat::Idempotent).await?;
                        metadata::read_metadata(&self.config, &answer)?
                    }
                };
                Ok((Arc::new(server), METADATA_LIFE))
            })
            .await
    }

    async fn begin(&self, order: &Order) -> Result<Started> {
        let no_way_back = || wire::misconfigured("the verifier needs its `public_url`, for the device to come back to");
        let return_to = order.return_to.as_ref().ok_or_else(no_way_back)?;
        let errand = wire::Errand::new(order, return_to)?;
        let url = wire::authorization_url(&self.config, &*self.server().await?, &errand, &return_to.state)?;
        let prompt = Prompt::OpenUrl { url, mobile_data: true };
        Ok(Started::new(errand.to_handle()?, Settle::Redirect).with_prompt(prompt))
    }

    async fn finish(&self, handle: &Handle, returned: &Returned, now: SystemTime) -> Result<Verdict> {
        let errand = wire::Errand::read(handle)?;
        let server = self.server().await?;
        let code = wire::read_return(&self.config, &server, returned)?;
        let request = wire::exchange(&self.config, &self.client, &server, &errand, &code, now)?;
        let grant = wire::read_grant(&self.http.send(request, Repeat::Never).await?);
        if grant.as_ref().is_err_and(|error| error.kind() == ErrorKind::Misconfigured) {
            // The server may have moved its endpoint: look again before the next check.
            self.server.forget().await;
        }
        let grant = grant?;
        // The token lives as long as this future, and no longer than it may.
        let too_late = |source| wire::nonsense("took longer than its access token lives").with_source(source);
        tokio::time::timeout(grant.lifetime(), self.verify(&server, &errand, grant, now)).await.map_err(too_late)?
    }

    async fn verify(
        &self,
        server: &metadata::Server,
        errand: &wire::Errand,
        grant: wire::Grant,
        now: SystemTime,
    ) -> Result<Verdict> {
        if let Some(id_token) = &grant.id_token {
            let key = self.key(server, id_token, now).await?;
            claims::check(id_token, &key, &self.config, &errand.nonce, now)?;
        }
        let request = wire::verify(&self.config, errand, grant)?;
        wire::read_verdict(&self.http.send(request, Repeat::Never).await?)
    }

    /// The key that a token of the server says it is signed with.
    async fn key(
        &self,
        server: &metadata::Server,
        id_token: &Secret,
        now: SystemTime,
    ) -> Result<jsonwebtoken::DecodingKey> {
        let fetch = async { metadata::read_keys(&self.http.send(metadata::keys(server)?, Repeat::Idempotent).await?) };
        let key = self.keys.key(&claims::key_name(id_token)?, now, fetch).await?;
        key.ok_or_else(|| wire::nonsense("signed its `id_token` with a key that it does not publish"))
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
        self.begin(order).boxed()
    }

    fn redirect<'a>(
        &'a self,
        handle: &'a Handle,
        returned: &'a Returned,
        now: SystemTime,
    ) -> BoxFuture<'a, Result<Verdict>> {
        self.finish(handle, returned, now).boxed()
    }
}

/// For how long the server is taken to be where it was.
const METADATA_LIFE: Duration = Duration::from_secs(60 * 60);
