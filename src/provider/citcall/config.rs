//! Settings of a Citcall account.

use std::{net::IpAddr, time::Duration};

use ipnet::IpNet;
use serde::Deserialize;

use crate::{error::Result, provider::settings, secret::Secret};

/// Settings of a Citcall account, as they stand in a configuration file.
///
/// ```
/// use handset::provider::citcall::{Config, Version};
///
/// let config: Config = toml::from_str(r#"api_key = "fe01ce2a7fbac8fafaed7c982a04e229""#)?;
/// assert_eq!(config.version, Version::V3);
///
/// let config: Config = toml::from_str(r#"
///     version = "v2"
///     user_id = "demo"
///     api_key = "fe01ce2a7fbac8fafaed7c982a04e229"
///     gateway = 2
/// "#)?;
/// assert_eq!(config.gateway, Some(2));
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// The API that the account is for. Default [`Version::V3`].
    #[serde(default)]
    pub version: Version,
    /// The API key: printable ASCII without blanks.
    pub api_key: Secret,
    /// The user id, which version 2 needs: printable ASCII without blanks and colons. Version 3 has none.
    #[serde(default)]
    pub user_id: Option<Secret>,
    /// Where the API is. Default `https://pub.citcall.com`, or for version 2 `https://gateway.citcall.com`.
    #[serde(default)]
    pub base_url: Option<String>,
    /// The way that calls take in version 2: 1 to 4. Default 1.
    #[serde(default)]
    pub gateway: Option<u8>,
    /// How often the vendor tries again in version 3: 0 to 4. Default 0.
    #[serde(default)]
    pub retry: Option<u8>,
    /// For how many seconds the vendor keeps the token, in version 3. It is passed on as it stands; codes have the lifetime
    /// that the policy says.
    #[serde(default)]
    pub valid_time: Option<String>,
    /// How often the vendor would let somebody try, in version 3. It is passed on as it stands; attempts are counted here.
    #[serde(default)]
    pub limit_try: Option<String>,
    /// The networks that the vendor reports from, such as `["104.199.196.122/32"]`, the default: the address that it is known
    /// to use. Empty: any. Whoever sets it tells the endpoint the [caller's address](crate::verifier::Caller).
    #[serde(default = "Config::default_callback_sources")]
    pub callback_sources: Vec<IpNet>,
    /// How long the vendor may take to answer, in milliseconds in a file. Default 15 seconds.
    #[serde(default = "settings::time_out", rename = "time_out_ms", deserialize_with = "settings::milliseconds")]
    pub time_out: Duration,
}

/// The API that an account is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Version {
    /// The asynchronous miscall of 2018: `/v2/asynccall`, with wrapped messages.
    V2,
    /// The present one: `/v3/motp`, in plain JSON.
    #[default]
    V3,
}

impl Config {
    /// The settings of an account of version 3, with defaults for all the rest.
    #[must_use]
    pub fn new(api_key: Secret) -> Self {
        Self {
            version: Version::V3,
            api_key,
            user_id: None,
            base_url: None,
            gateway: None,
            retry: None,
            valid_time: None,
            limit_try: None,
            callback_sources: Self::default_callback_sources(),
            time_out: settings::time_out(),
        }
    }

    /// The settings of an account of version 2, with defaults for all the rest.
    #[must_use]
    pub fn v2(user_id: Secret, api_key: Secret) -> Self {
        Self { version: Version::V2, user_id: Some(user_id), ..Self::new(api_key) }
    }

    /// Another place of the API, such as the sandbox.
    #[must_use]
    pub fn with_base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = Some(base_url.into());
        self
    }

    /// Another time limit.
    #[must_use]
    pub fn with_time_out(mut self, time_out: Duration) -> Self {
        self.time_out = time_out;
        self
    }

    pub(super) fn base_url(&self) -> &str {
        match (&self.base_url, self.version) {
            (Some(url), _) => url.trim_end_matches('/'),
            (None, Version::V2) => "https://gateway.citcall.com",
            (None, Version::V3) => "https://pub.citcall.com",
        }
    }

    pub(super) fn user_id(&self) -> &str {
        self.user_id.as_ref().map_or("", Secret::expose)
    }

    /// A setting that the version does not have would be silently without effect.
    pub(super) fn validate(&self) -> Result<()> {
        let printable = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        let v2 = self.version == Version::V2;
        let passed_on = [self.valid_time.as_deref(), self.limit_try.as_deref()];
        let of_v3 = self.retry.is_some() || passed_on != [None; 2];
        let faults = [
            (
                !printable(self.api_key.expose()),
                "`api_key` is printable ASCII without blanks; copy it from the dashboard",
            ),
            (v2 && !printable(self.user_id()), "version `v2` needs a `user_id`, printable ASCII without blanks"),
            (v2 && self.user_id().contains(':'), "`user_id` has no colon: it ends there when it is sent"),
            (!v2 && self.user_id.is_some(), "`user_id` is for version `v2`"),
            (v2 && of_v3, "`retry`, `valid_time` and `limit_try` are for version `v3`"),
            (!v2 && self.gateway.is_some(), "`gateway` is for version `v2`; version `v3` has `retry`"),
            (self.gateway.is_some_and(|way| !(1..=4).contains(&way)), "`gateway` is 1 to 4"),
            (self.retry.is_some_and(|retry| retry > 4), "`retry` is 0 to 4"),
            (passed_on.contains(&Some("")), "`valid_time` and `limit_try` are not empty; leave them out"),
        ];
        settings::check(super::NAME, self.base_url(), self.time_out, &faults)
    }

    fn default_callback_sources() -> Vec<IpNet> {
        vec![IpAddr::from([104, 199, 196, 122]).into()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn v3() -> Config {
        Config::new(Secret::new(KEY))
    }

    fn v2() -> Config {
        Config::v2(Secret::new("acme"), Secret::new(KEY))
    }

    #[test]
    fn unusable_settings_are_named() {
        assert!(v3().validate().is_ok() && v2().validate().is_ok());
        let secret = |text| Some(Secret::new(text));
        for (config, name) in [
            (Config::new(Secret::new("")), "`api_key`"),
            (Config::new(Secret::new("a key")), "`api_key`"),
            (Config { user_id: None, ..v2() }, "`user_id`"),
            (Config { user_id: secret(""), ..v2() }, "`user_id`"),
            (Config { user_id: secret("ac:me"), ..v2() }, "`user_id`"),
            (Config { user_id: secret("acme"), ..v3() }, "`user_id`"),
            (Config { gateway: Some(0), ..v2() }, "`gateway`"),
            (Config { gateway: Some(5), ..v2() }, "`gateway`"),
            (Config { gateway: Some(1), ..v3() }, "`gateway`"),
            (Config { retry: Some(5), ..v3() }, "`retry`"),
            (Config { retry: Some(0), ..v2() }, "`retry`"),
            (Config { valid_time: Some("60".to_owned()), ..v2() }, "`valid_time`"),
            (Config { limit_try: Some(String::new()), ..v3() }, "`limit_try`"),
            (v3().with_base_url("pub.citcall.com"), "`base_url`"),
            (v3().with_time_out(Duration::ZERO), "`time_out_ms`"),
        ] {
            let error = config.validate().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Misconfigured);
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn a_file_with_every_setting_is_read() {
        let config: Config = toml::from_str(&format!(
            "api_key = \"{KEY}\"\nversion = \"v3\"\nretry = 4\nvalid_time = \"120\"\nlimit_try = \"5\"\n\
             callback_sources = [\"192.0.2.0/24\"]\nbase_url = \"https://citcall.pub\"\ntime_out_ms = 3000"
        ))
        .unwrap();
        assert!(config.validate().is_ok());
        assert_eq!((config.time_out, config.base_url()), (Duration::from_secs(3), "https://citcall.pub"));
        assert!(config.callback_sources.iter().all(|network| network.to_string() == "192.0.2.0/24"));
        assert!(!format!("{config:?}").contains(KEY));
    }

    #[test]
    fn unknown_keys_and_versions_are_errors_and_each_version_has_its_host() {
        for wrong in ["timeout = 3", "version = \"v1\"", "version = 3", "gateway = \"1\""] {
            assert!(toml::from_str::<Config>(&format!("api_key = \"{KEY}\"\n{wrong}")).is_err(), "{wrong}");
        }
        assert_eq!(v2().base_url(), "https://gateway.citcall.com");
        assert_eq!(v3().base_url(), "https://pub.citcall.com");
        assert!(!format!("{:?}", v2()).contains("acme"));
    }
}
