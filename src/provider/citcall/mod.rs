#![doc = include_str!("docs.md")]

mod callback;
pub(crate) mod cipher;
mod config;
mod wire;

use std::{sync::Arc, time::SystemTime};

use futures_util::future::{BoxFuture, FutureExt};

use super::{
    Order, Provider, Report, Started,
    http::{Http, HttpClient, Repeat},
};
use crate::{
    callback::{RawCallback, Unsigned},
    channel::Channel,
    clock::{Clock, SystemClock},
    error::Result,
};

pub use config::{Config, Version};

/// The name that policy files know it by.
pub const NAME: &str = "citcall";

/// What the vendor offers.
pub const CHANNELS: &[Channel] = &[Channel::FlashCall];

/// The client of Citcall.
///
/// ```
/// # #[cfg(feature = "client")] {
/// use handset::{Secret, provider::{http::HttpClient, citcall::{Citcall, Config}}};
///
/// let config = Config::new(Secret::new("fe01ce2a7fbac8fafaed7c982a04e229"));
/// let provider = Citcall::new(config, HttpClient::with_defaults()?)?;
/// # let _ = provider;
/// # }
/// # Ok::<(), handset::Error>(())
/// ```
#[derive(Debug)]
pub struct Citcall {
    config: Config,
    http: Http,
    clock: Arc<dyn Clock>,
}

impl Citcall {
    /// Makes the client of an account.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`](crate::ErrorKind::Misconfigured) when a setting cannot be used; the message names it.
    pub fn new(config: Config, client: HttpClient) -> Result<Self> {
        config.validate()?;
        let http = Http::new(NAME, client, config.time_out);
        Ok(Self { config, http, clock: Arc::new(SystemClock) })
    }

    /// What tells the time that is written into messages of version 2. Default: the computer's clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }
}

impl Provider for Citcall {
    fn name(&self) -> &'static str {
        NAME
    }

    fn channels(&self) -> &[Channel] {
        CHANNELS
    }

    fn start<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Started>> {
        async move {
            order.needs_one_of(CHANNELS).map_err(|error| error.with_provider(NAME))?;
            let request = wire::miscall(&self.config, order, self.clock.now())?;
            let answer = self.http.send(request, Repeat::Never).await?;
            wire::read_started(&self.config, order, &answer, self.clock.now())
        }
        .boxed()
    }

    fn callback<'a>(&'a self, raw: RawCallback, now: SystemTime) -> BoxFuture<'a, Result<Report>> {
        async move {
            let vendor = Unsigned::from(self.config.callback_sources.clone());
            let posted = raw.verify(&vendor, now).await.map_err(|error| error.with_provider(NAME))?;
            callback::read(&self.config, posted.body(), now)
        }
        .boxed()
    }

    /// Version 2 knows one URL for the whole account, and repeats the id that went along with the order.
    fn alias(&self, order: &Order) -> Option<String> {
        (self.config.version == Version::V2).then(|| order.check_id.to_string())
    }
}
