//! Settings of a NumCheck account.

use std::time::Duration;

use serde::Deserialize;

use crate::{error::Result, provider::settings, secret::Secret};

/// Settings of a NumCheck account, as they stand in a configuration file.
///
/// ```
/// use handset::provider::numcheck::Config;
///
/// let config: Config = toml::from_str(r#"token = "an X-AUTH-Token of 32 characters""#)?;
/// assert_eq!(config.base_url, "https://api.numcheckapi.com");
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// The secret key of the service, which goes out as `X-AUTH-Token`: 32 characters.
    pub token: Secret,
    /// Where the API is. Default `https://api.numcheckapi.com`.
    #[serde(default = "Config::default_base_url")]
    pub base_url: String,
    /// The first part of the path, which chooses the language of the vendor's error messages. Default `en`.
    #[serde(default = "Config::default_locale")]
    pub locale: String,
    /// How long the vendor may take to answer, in milliseconds in a file. Default 15 seconds.
    #[serde(default = "settings::time_out", rename = "time_out_ms", deserialize_with = "settings::milliseconds")]
    pub time_out: Duration,
}

impl Config {
    /// The settings of an account with defaults for all the rest.
    #[must_use]
    pub fn new(token: Secret) -> Self {
        Self {
            token,
            base_url: Self::default_base_url(),
            locale: Self::default_locale(),
            time_out: settings::time_out(),
        }
    }

    /// Another place of the API, such as the sandbox.
    #[must_use]
    pub fn with_base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = base_url.into();
        self
    }

    /// Another time limit.
    #[must_use]
    pub fn with_time_out(mut self, time_out: Duration) -> Self {
        self.time_out = time_out;
        self
    }

    pub(super) fn validate(&self) -> Result<()> {
        let (token, locale) = (self.token.expose(), &self.locale);
        let is_token = token.len() == 32 && token.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
        let is_locale = !locale.is_empty() && locale.bytes().all(|b| b.is_ascii_lowercase());
        let faults = [
            (!is_token, "`token` has 32 characters; copy the service's secret key from the dashboard"),
            (!is_locale, "`locale` is a language of small letters, such as `en`"),
        ];
        settings::check(super::NAME, &self.base_url, self.time_out, &faults)
    }

    fn default_base_url() -> String {
        "https://api.numcheckapi.com".to_owned()
    }

    fn default_locale() -> String {
        "en".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn unusable_settings_are_named() {
        let good = Config::new(Secret::new("x".repeat(32)));
        assert!(good.validate().is_ok());
        for (config, name) in [
            (Config::new(Secret::new("short")), "token"),
            (good.clone().with_base_url("api.numcheckapi.com"), "base_url"),
            (good.clone().with_time_out(Duration::ZERO), "time_out_ms"),
            (Config { locale: "../".to_owned(), ..good.clone() }, "locale"),
        ] {
            let error = config.validate().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Misconfigured);
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn unknown_keys_are_errors_and_the_token_is_not_shown() {
        let token = "pNTmaqxpAmNxzQlDlagWIrpZ9Ge4qlzI";
        assert!(toml::from_str::<Config>(&format!("token = \"{token}\"\ntimeout = 3")).is_err());
        let config: Config = toml::from_str(&format!("token = \"{token}\"\ntime_out_ms = 3000")).unwrap();
        assert_eq!(config.time_out, Duration::from_secs(3));
        assert!(!format!("{config:?}").contains(token));
    }
}
