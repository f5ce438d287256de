#![doc = include_str!("docs.md")]

#[cfg_attr(not(test), expect(dead_code, reason = "the endpoint that takes callbacks will use it"))]
mod callback;
mod config;
mod sign;
mod wire;

use futures_util::future::{BoxFuture, FutureExt};

use super::{
    Handle, Order, Provider, Settle, Started, Verdict,
    http::{Http, HttpClient, Repeat},
};
use crate::{
    channel::Channel,
    check::Expected,
    clock::{Clock, SystemClock},
    error::Result,
    secret::Code,
};

pub use config::Config;

/// The name that policy files know it by.
pub const NAME: &str = "zadarma";

/// What the vendor offers, as far as this version has it.
pub const CHANNELS: &[Channel] = &[Channel::Sms, Channel::VoiceCode, Channel::Email];

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
    /// [`ErrorKind::Misconfigured`](crate::ErrorKind::Misconfigured) when a setting cannot be used; the message names it.
    pub fn new(config: Config, client: HttpClient) -> Result<Self> {
        config.validate()?;
        let http = Http::new(NAME, client, config.time_out);
        Ok(Self { config, http })
    }
}

impl Provider for Zadarma {
    fn name(&self) -> &'static str {
        NAME
    }

    fn channels(&self) -> &[Channel] {
        CHANNELS
    }

    fn start<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Started>> {
        async move {
            order.needs_one_of(CHANNELS).map_err(|error| error.with_provider(NAME))?;
            let own = self.config.own_code.then(|| without_leading_zero(&order.code)).transpose()?;
            let request = wire::verify(&self.config, order, own.as_ref())?;
            let handle = wire::read_started(&self.http.send(request, Repeat::Never).await?, SystemClock.now())?;
            Ok(match own {
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
}

/// The code, or a fresh one in its place when it begins with a zero: the vendor calls `code` an integer, and what it would
/// send of `004218` is anybody's guess. All codes that are left are equally likely.
fn without_leading_zero(code: &Code) -> Result<Code> {
    let digits = u8::try_from(code.expose().len()).unwrap_or(u8::MAX);
    let mut code = code.clone();
    while code.expose().starts_with('0') {
        code = Code::random(digits)?;
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_codes_are_kept_unless_they_begin_with_a_zero() {
        assert_eq!(without_leading_zero(&Code::new("482916").unwrap()).unwrap().expose(), "482916");
        for _ in 0..200 {
            let code = without_leading_zero(&Code::new("004218").unwrap()).unwrap();
            assert!(code.expose().len() == 6 && !code.expose().starts_with('0'));
        }
    }
}
