#![doc = include_str!("docs.md")]

mod callback;
mod config;
mod sign;
mod wire;

use std::time::SystemTime;

use futures_util::future::{BoxFuture, FutureExt};

use super::{
    Handle, Order, Prompt, Provider, Report, Settle, Started, Verdict,
    http::{Http, HttpClient, Repeat},
};
use crate::{
    callback::{RawCallback, Unsigned},
    channel::Channel,
    check::Expected,
    clock::{Clock, SystemClock},
    error::{Error, ErrorKind, Result},
    secret::Code,
};

pub use config::Config;

/// The name that policy files know it by.
pub const NAME: &str = "zadarma";

/// What the vendor offers. An account without sounds has no `key_press`.
pub const CHANNELS: &[Channel] = &[Channel::Sms, Channel::VoiceCode, Channel::Email, Channel::KeyPress];

const WITHOUT_SOUNDS: &[Channel] = &[Channel::Sms, Channel::VoiceCode, Channel::Email];

/// The client of Zadarma.
///
/// ```
/// # #[cfg(feature = "client")] {
/// use handset::{Secret, provider::{http::HttpClient, zadarma::{Config, Zadarma}}};
///
/// let config = Config::new(Secret::new("0a1b2c3d4e5f60718293"), Secret::new("9f8e7d6c5b4a39281706"));
/// let provider = Zadarma::new(config, HttpClient::with_defaults()?)?;
/// # let _ = provider;
/// # }
/// # Ok::<(), handset::Error>(())
/// ```
#[derive(Debug)]
pub struct Zadarma {
    config: Config,
    http: Http,
}

impl Zadarma {
    /// Makes the client of an account.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] when a setting cannot be used; the message names it.
    pub fn new(config: Config, client: HttpClient) -> Result<Self> {
        config.validate()?;
        let http = Http::new(NAME, client, config.time_out);
        Ok(Self { config, http })
    }

    /// Refuses to ask for a key where the result could not come, or could be taken for another number's.
    fn check_call(&self, order: &Order) -> Result<()> {
        match (&order.callback_url, order.phone.is_unmistakable(self.config.default_region)) {
            _ if order.channel != Channel::KeyPress => Ok(()),
            (None, _) => Err(error(ErrorKind::Misconfigured, "reports by callback; give the verifier its public URL")),
            (_, false) => Err(error(ErrorKind::Rejected, "might write this number as it writes another one")),
            _ => Ok(()),
        }
    }
}

impl Provider for Zadarma {
    fn name(&self) -> &'static str {
        NAME
    }

    fn channels(&self) -> &[Channel] {
        if self.config.has_sounds() { CHANNELS } else { WITHOUT_SOUNDS }
    }

    fn start<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Started>> {
        async move {
            order.needs_one_of(self.channels()).map_err(|error| error.with_provider(NAME))?;
            self.check_call(order)?;
            let asks_for_key = order.channel == Channel::KeyPress;
            let own = self.config.own_code && !asks_for_key;
            let own = own.then(|| order.code.without_leading_zero()).transpose()?;
            let request = wire::verify(&self.config, order, own.as_ref())?;
            let answer = self.http.send(request, Repeat::Never).await?;
            let handle = wire::read_started(&answer, order.channel, SystemClock.now())?;
            Ok(match own {
                _ if asks_for_key => {
                    let prompt = Prompt::PressKeys { digits: callback::KEY.to_owned() };
                    Started::new(handle, Settle::Callback).with_prompt(prompt)
                }
                Some(code) => Started::new(handle, Settle::LocalCode(Expected::code(code))),
                None => Started {
                    expires_in: Some(wire::LIFETIME),
                    ..Started::new(handle, Settle::RemoteCode { digits: wire::DIGITS })
                },
            })
        }
        .boxed()
    }

    fn judge<'a>(&'a self, handle: &'a Handle, typed: &'a Code) -> BoxFuture<'a, Result<Verdict>> {
        async move {
            let request = wire::check(&self.config, handle, typed)?;
            // Nobody knows whether a right code is right twice, nor how many wrong ones the vendor bears: asked once.
            wire::read_verdict(&self.http.send(request, Repeat::Never).await?, SystemClock.now())
        }
        .boxed()
    }

    fn callback<'a>(&'a self, raw: RawCallback, now: SystemTime) -> BoxFuture<'a, Result<Report>> {
        async move {
            let sources = Unsigned::from(self.config.callback_sources.clone());
            let verified = raw.verify(&callback::Signed { sources, secret: &self.config.secret }, now).await?;
            callback::read(&verified.form()?, self.config.default_region, now)
        }
        .boxed()
    }

    fn alias(&self, order: &Order) -> Option<String> {
        (order.channel == Channel::KeyPress).then(|| order.phone.digits().to_string())
    }

    fn echo(&self, query: &str) -> Option<String> {
        callback::echo(query)
    }
}

fn error(kind: ErrorKind, message: &'static str) -> Error {
    Error::new(kind, message).with_provider(NAME)
}
