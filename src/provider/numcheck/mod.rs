#![doc = include_str!("docs.md")]

mod config;
mod wire;

use futures_util::future::{BoxFuture, FutureExt};

use super::{
    Handle, Order, Polled, Provider, Started,
    http::{Http, HttpClient, Repeat},
};
use crate::{channel::Channel, error::Result};

pub use config::Config;

/// The name that policy files know it by.
pub const NAME: &str = "numcheck";

/// What the vendor offers.
pub const CHANNELS: &[Channel] = &[Channel::FlashCall];

/// The client of NumCheck.
///
/// ```
/// # #[cfg(feature = "client")] {
/// use handset::{Secret, provider::{http::HttpClient, numcheck::{Config, NumCheck}}};
///
/// let config = Config::new(Secret::new("an X-AUTH-Token of 32 characters"));
/// let provider = NumCheck::new(config, HttpClient::with_defaults()?)?;
/// # let _ = provider;
/// # }
/// # Ok::<(), handset::Error>(())
/// ```
#[derive(Debug)]
pub struct NumCheck {
    config: Config,
    http: Http,
}

impl NumCheck {
    /// Makes the client of one service of an account.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`](crate::ErrorKind::Misconfigured) when a setting cannot be used; the message names it.
    pub fn new(config: Config, client: HttpClient) -> Result<Self> {
        config.validate()?;
        let http = Http::new(NAME, client, config.time_out);
        Ok(Self { config, http })
    }
}

impl Provider for NumCheck {
    fn name(&self) -> &'static str {
        NAME
    }

    fn channels(&self) -> &[Channel] {
        CHANNELS
    }

    fn start<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Started>> {
        async move {
            order.needs_one_of(CHANNELS).map_err(|error| error.with_provider(NAME))?;
            let request = wire::init_call(&self.config, &order.phone, &order.check_id)?;
            wire::read_started(&self.http.send(request, Repeat::Never).await?)
        }
        .boxed()
    }

    fn poll<'a>(&'a self, handle: &'a Handle) -> BoxFuture<'a, Result<Polled>> {
        async move {
            let request = wire::call_info(&self.config, handle)?;
            wire::read_delivery(&self.http.send(request, Repeat::Idempotent).await?).map(Polled::delivery)
        }
        .boxed()
    }
}
