//! Settings of an IDlayr project.

use std::time::Duration;

use serde::Deserialize;

use crate::{callback::Freshness, error::Result, provider::settings, secret::Secret};

/// Settings of an IDlayr project, as they stand in a configuration file.
///
/// ```
/// use handset::provider::idlayr::Config;
///
/// let config: Config = toml::from_str(
///     r#"
///     client_id = "6ab16b1f-3f5a-4c35-a4b6-5ab1f0d7e0ea"
///     client_secret = "the project's secret"
///     data_residency = "eu"
///     "#,
/// )?;
/// assert_eq!(config.base_url(), "https://eu.api.idlayr.com");
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// The `client_id` of the project.
    pub client_id: String,
    /// The `client_secret` of the project.
    pub client_secret: Secret,
    /// Where the project's data is kept; it gives the base URL.
    pub data_residency: DataResidency,
    /// The version of the vendor's API. Default `v0.2`.
    #[serde(default)]
    pub version: Version,
    /// Another place of the API than the residency's own, such as the sandbox.
    #[serde(default)]
    pub base_url: Option<String>,
    /// How long the vendor may take to answer, in milliseconds in a file. Default 15 seconds.
    #[serde(default = "settings::time_out", rename = "time_out_ms", deserialize_with = "settings::milliseconds")]
    pub time_out: Duration,
    /// Whether a device that comes back without the vendor's signature is refused. Default `true`; the
    /// [module](crate::provider::idlayr) says what it is worth.
    #[serde(default = "settings::yes")]
    pub require_signed_redirect: bool,
    /// Whether the vendor is told the client's address, and compares it with that of the mobile data session. Default `true`;
    /// turn it off where checks are started over Wi-Fi or on another device than the phone.
    #[serde(default = "settings::yes")]
    pub send_client_ip: bool,
    /// The oldest signature that is accepted, in seconds in a file, up to an hour. Default 300 seconds.
    #[serde(default = "settings::max_age", rename = "signature_max_age_s", deserialize_with = "settings::seconds")]
    pub signature_max_age: Duration,
    /// How far ahead of our clock a signature may be, in seconds in a file, up to a minute. Default 5 seconds.
    #[serde(
        default = "settings::max_future",
        rename = "signature_max_future_s",
        deserialize_with = "settings::seconds"
    )]
    pub signature_max_future: Duration,
}

/// Where a project's data is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DataResidency {
    /// The European Union.
    Eu,
    /// India.
    In,
    /// The United States.
    Us,
}

/// A version of the vendor's API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub enum Version {
    /// We ask the vendor for the result. Nothing ties the phone to the browser that started the check.
    #[serde(rename = "v0.1")]
    V0_1,
    /// The device comes back with a code, which we exchange for the result.
    #[default]
    #[serde(rename = "v0.2")]
    V0_2,
}

impl Config {
    /// The settings of a project with defaults for all the rest.
    #[must_use]
    pub fn new(client_id: impl Into<String>, client_secret: Secret, data_residency: DataResidency) -> Self {
        Self {
            client_id: client_id.into(),
            client_secret,
            data_residency,
            version: Version::default(),
            base_url: None,
            time_out: settings::time_out(),
            require_signed_redirect: true,
            send_client_ip: true,
            signature_max_age: settings::max_age(),
            signature_max_future: settings::max_future(),
        }
    }

    /// Another version of the API.
    #[must_use]
    pub fn with_version(mut self, version: Version) -> Self {
        self.version = version;
        self
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

    /// Where the API is, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        let residency = match self.data_residency {
            DataResidency::Eu => "https://eu.api.idlayr.com",
            DataResidency::In => "https://in.api.idlayr.com",
            DataResidency::Us => "https://us.api.idlayr.com",
        };
        self.base_url.as_deref().unwrap_or(residency).trim_end_matches('/')
    }

    pub(super) fn freshness(&self) -> Freshness {
        Freshness { max_age: self.signature_max_age, max_future: self.signature_max_future }
    }

    pub(super) fn validate(&self) -> Result<()> {
        let nobody = self.client_id.is_empty() || self.client_secret.expose().is_empty();
        let (age, future) = (self.signature_max_age.as_secs(), self.signature_max_future.as_secs());
        let faults = [
            (nobody, "`client_id` and `client_secret` are those of the project; copy them from the console"),
            (!(1..=3600).contains(&age), "`signature_max_age_s` is 1 to 3600"),
            (future > 60, "`signature_max_future_s` is at most 60"),
        ];
        settings::check(super::NAME, self.base_url(), self.time_out, &faults)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    const FILE: &str = "client_id = \"me\"\nclient_secret = \"hunter2\"\ndata_residency = \"in\"\n";

    fn config() -> Config {
        Config::new("me", Secret::new("hunter2"), DataResidency::Us)
    }

    #[test]
    fn unusable_settings_are_named() {
        assert!(config().validate().is_ok());
        for (config, name) in [
            (Config::new("", Secret::new("x"), DataResidency::Eu), "client_id"),
            (Config::new("me", Secret::new(""), DataResidency::Eu), "client_secret"),
            (config().with_base_url("eu.api.idlayr.com"), "base_url"),
            (config().with_time_out(Duration::ZERO), "time_out_ms"),
            (Config { signature_max_age: Duration::ZERO, ..config() }, "signature_max_age_s"),
            (Config { signature_max_age: Duration::MAX, ..config() }, "signature_max_age_s"),
            (Config { signature_max_future: Duration::MAX, ..config() }, "signature_max_future_s"),
        ] {
            let error = config.validate().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Misconfigured);
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn the_residency_gives_the_base_url_unless_there_is_another() {
        assert_eq!(config().base_url(), "https://us.api.idlayr.com");
        assert_eq!(config().with_base_url("http://127.0.0.1:1/idlayr/").base_url(), "http://127.0.0.1:1/idlayr");
        assert_eq!(toml::from_str::<Config>(FILE).unwrap().base_url(), "https://in.api.idlayr.com");
    }

    #[test]
    fn a_file_sets_the_rest_and_unknown_keys_are_errors() {
        let more = format!("{FILE}version = \"v0.1\"\ntime_out_ms = 3000\nsignature_max_age_s = 60\n");
        let config: Config = toml::from_str(&more).unwrap();
        assert_eq!((config.version, config.time_out), (Version::V0_1, Duration::from_secs(3)));
        assert_eq!(config.freshness().max_age, Duration::from_secs(60));
        assert!(config.require_signed_redirect && config.send_client_ip);
        assert!(!format!("{config:?}").contains("hunter2"));
        for wrong in ["timeout = 3", "version = \"v0.3\"", "signature_max_age_s = -1", "signature_max_age_s = inf"] {
            assert!(toml::from_str::<Config>(&format!("{FILE}{wrong}")).is_err(), "{wrong}");
        }
    }
}
