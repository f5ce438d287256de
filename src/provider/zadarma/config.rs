//! Settings of a Zadarma account.

use std::time::Duration;

use http::Uri;
use serde::Deserialize;

use crate::{
    error::{Error, ErrorKind, Result},
    phone::PhoneNumber,
    secret::Secret,
};

/// Settings of a Zadarma account, as they stand in a configuration file.
///
/// ```
/// use handset::provider::zadarma::Config;
///
/// let config: Config = toml::from_str(r#"
///     key = "0a1b2c3d4e5f60718293"
///     secret = "9f8e7d6c5b4a39281706"
///     caller_id = "Ada's Shop"
/// "#)?;
/// assert_eq!(config.base_url, "https://api.zadarma.com");
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// The key of the API user: 20 characters.
    pub key: Secret,
    /// The secret that signs requests, and with which the vendor signs callbacks: 20 characters.
    pub secret: Secret,
    /// Where the API is. Default `https://api.zadarma.com`; the vendor's sandbox is `https://api-sandbox.zadarma.com`.
    #[serde(default = "Config::default_base_url")]
    pub base_url: String,
    /// Whether messages carry our code, which we then judge ourselves. Default no: the vendor makes the code and judges.
    #[serde(default)]
    pub own_code: bool,
    /// The template of text messages, by its number in the account. Default: the vendor's.
    pub template_id: Option<u64>,
    /// The sender of text messages, once it is registered in the account. Default: the vendor's.
    pub caller_id: Option<String>,
    /// The account's number that calls, in E.164. Needed when the account has more than one.
    pub call_from: Option<String>,
    /// The account's address that writes e-mail. Needed when the account has more than one.
    pub email_from: Option<String>,
    /// The subject of e-mails. Default: the vendor's, in the person's language.
    pub email_subject: Option<String>,
    /// The text of e-mails, with `{#code#}` where the code goes. Default: the vendor's, in the person's language.
    pub email_body: Option<String>,
    /// How long the vendor may take to answer, in milliseconds in a file. Default 15 seconds.
    #[serde(default = "Config::default_time_out", rename = "time_out_ms", deserialize_with = "milliseconds")]
    pub time_out: Duration,
}

impl Config {
    /// The settings of an account with defaults for all the rest, to be set field by field.
    #[must_use]
    pub fn new(key: Secret, secret: Secret) -> Self {
        Self {
            key,
            secret,
            base_url: Self::default_base_url(),
            own_code: false,
            template_id: None,
            caller_id: None,
            call_from: None,
            email_from: None,
            email_subject: None,
            email_body: None,
            time_out: Self::default_time_out(),
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
        let wrong = |message| Err(Error::new(ErrorKind::Misconfigured, message).with_provider(super::NAME));
        if !is_credential(&self.key) || !is_credential(&self.secret) {
            return wrong("`key` and `secret` have 20 letters and digits each; copy them from the account's API page");
        }
        if self.base_url.parse::<Uri>().ok().and_then(|uri| uri.scheme_str().map(|_| ())).is_none() {
            return wrong("`base_url` is an absolute URL, such as `https://api.zadarma.com`");
        }
        if self.call_from.as_ref().is_some_and(|number| PhoneNumber::parse(number, None).is_err()) {
            return wrong("`call_from` is one of the account's numbers in E.164, such as `+442037691881`");
        }
        if self.email_body.as_ref().is_some_and(|text| !text.contains("{#code#}")) {
            return wrong("`email_body` has `{#code#}` where the code goes");
        }
        let texts = [&self.caller_id, &self.email_from, &self.email_subject];
        if texts.into_iter().flatten().any(|text| text.trim().is_empty()) {
            return wrong("`caller_id`, `email_from` and `email_subject` are left out or hold a text");
        }
        if self.time_out.is_zero() {
            return wrong("`time_out_ms` is more than zero");
        }
        Ok(())
    }

    fn default_base_url() -> String {
        "https://api.zadarma.com".to_owned()
    }

    fn default_time_out() -> Duration {
        Duration::from_secs(15)
    }
}

fn is_credential(secret: &Secret) -> bool {
    secret.expose().len() == 20 && secret.expose().bytes().all(|b| b.is_ascii_alphanumeric())
}

fn milliseconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0a1b2c3d4e5f60718293";
    const SECRET: &str = "9f8e7d6c5b4a39281706";

    #[test]
    fn unusable_settings_are_named() {
        let good = Config::new(Secret::new(KEY), Secret::new(SECRET));
        assert!(good.validate().is_ok());
        let text = |text: &str| Some(text.to_owned());
        for (config, name) in [
            (Config::new(Secret::new("short"), Secret::new(SECRET)), "`key`"),
            (Config::new(Secret::new(KEY), Secret::new("9f8e7d6c5b4a3928170\n")), "`secret`"),
            (good.clone().with_base_url("api.zadarma.com"), "base_url"),
            (good.clone().with_time_out(Duration::ZERO), "time_out_ms"),
            (Config { call_from: text("442037691881"), ..good.clone() }, "call_from"),
            (Config { email_body: text("Your code: code"), ..good.clone() }, "email_body"),
            (Config { caller_id: text(""), ..good.clone() }, "caller_id"),
            (Config { email_from: text(" "), ..good.clone() }, "email_from"),
            (Config { email_subject: text(""), ..good.clone() }, "email_subject"),
        ] {
            let error = config.validate().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Misconfigured);
            assert!(error.to_string().contains(name), "{error}");
        }
        let full = Config {
            call_from: text("+442037691881"),
            email_from: text("noreply@example.com"),
            email_body: text("Your code: {#code#}"),
            template_id: Some(7),
            ..good
        };
        assert!(full.validate().is_ok());
    }

    #[test]
    fn unknown_keys_are_errors_and_credentials_are_not_shown() {
        let account = format!("key = \"{KEY}\"\nsecret = \"{SECRET}\"");
        assert!(toml::from_str::<Config>(&format!("{account}\nfrom = \"+442037691881\"")).is_err());
        let config: Config = toml::from_str(&format!("{account}\nown_code = true\ntime_out_ms = 3000")).unwrap();
        assert!(config.own_code);
        assert_eq!(config.time_out, Duration::from_secs(3));
        let shown = format!("{config:?}");
        assert!(!shown.contains(KEY) && !shown.contains(SECRET), "{shown}");
    }
}
