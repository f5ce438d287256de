//! Settings of a Zadarma account.

use std::{net::Ipv4Addr, time::Duration};

use ipnet::IpNet;
use serde::Deserialize;

use crate::{
    error::Result,
    phone::{PhoneNumber, Region},
    provider::settings,
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
    /// The text of e-mails, with `{#code#}` where the code goes, unless the policy has a `message`. Default: the vendor's, in the
    /// person's language.
    pub email_body: Option<String>,
    /// The sound that asks for the key, by its id in the account. `key_press` needs all three sounds.
    pub greeting_sound_id: Option<String>,
    /// The sound for whoever has pressed 1.
    pub button_1_sound_id: Option<String>,
    /// The sound for everybody else.
    pub fallback_sound_id: Option<String>,
    /// The country whose national form callbacks may use, such as `DE`. Default: none, they are understood in E.164 only.
    pub default_region: Option<Region>,
    /// The networks that callbacks come from. Default: the vendor's, 185.45.152.40/30.
    #[serde(default = "Config::default_callback_sources")]
    pub callback_sources: Vec<IpNet>,
    /// How long the vendor may take to answer, in milliseconds in a file. Default 15 seconds.
    #[serde(default = "settings::time_out", rename = "time_out_ms", deserialize_with = "settings::milliseconds")]
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
            greeting_sound_id: None,
            button_1_sound_id: None,
            fallback_sound_id: None,
            default_region: None,
            callback_sources: Self::default_callback_sources(),
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

    /// The sounds by the vendor's names for them.
    pub(super) fn sounds(&self) -> [(&'static str, Option<String>); 3] {
        let [greeting, button, fallback] = [&self.greeting_sound_id, &self.button_1_sound_id, &self.fallback_sound_id];
        [("greeting_sound_id", greeting), ("button_1_sound_id", button), ("fallback_sound_id", fallback)]
            .map(|(name, id)| (name, id.clone()))
    }

    pub(super) fn has_sounds(&self) -> bool {
        self.sounds().iter().all(|(_, id)| id.is_some())
    }

    pub(super) fn validate(&self) -> Result<()> {
        let credential = |secret: &str| secret.len() == 20 && secret.bytes().all(|b| b.is_ascii_alphanumeric());
        let call_from = self.call_from.as_ref().is_none_or(|number| PhoneNumber::parse(number, None).is_ok());
        let email_body = self.email_body.as_ref().is_none_or(|text| text.contains("{#code#}"));
        let sounds = self.sounds().map(|(_, id)| id);
        let all_or_none = self.has_sounds() || sounds.iter().all(Option::is_none);
        let mut texts = [&self.caller_id, &self.email_from, &self.email_subject].into_iter().chain(&sounds).flatten();
        let faults = [
            (![&self.key, &self.secret].iter().all(|secret| credential(secret.expose())), CREDENTIALS),
            (!call_from, "`call_from` is one of the account's numbers in E.164, such as `+442037691881`"),
            (!email_body, "`email_body` has `{#code#}` where the code goes"),
            (texts.any(|text| text.trim().is_empty()), TEXTS),
            (!all_or_none, "`greeting_sound_id`, `button_1_sound_id` and `fallback_sound_id` are all set or none is"),
            (self.callback_sources.is_empty(), "`callback_sources` names the networks that callbacks come from"),
        ];
        settings::check(super::NAME, &self.base_url, self.time_out, &faults)
    }

    fn default_base_url() -> String {
        "https://api.zadarma.com".to_owned()
    }

    fn default_callback_sources() -> Vec<IpNet> {
        IpNet::new(Ipv4Addr::new(185, 45, 152, 40).into(), 30).into_iter().collect()
    }
}

const CREDENTIALS: &str = "`key` and `secret` have 20 letters and digits each; copy them from the account's API page";
const TEXTS: &str = "`caller_id`, `email_from`, `email_subject` and the ids of sounds are left out or hold a text";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    const KEY: &str = "0a1b2c3d4e5f60718293";
    const SECRET: &str = "9f8e7d6c5b4a39281706";

    #[test]
    fn unusable_settings_are_named() {
        let good = Config::new(Secret::new(KEY), Secret::new(SECRET));
        assert!(good.validate().is_ok());
        let text = |text: &str| Some(text.to_owned());
        let with_sounds = |[greeting, button, fallback]: [&str; 3]| Config {
            greeting_sound_id: text(greeting),
            button_1_sound_id: text(button),
            fallback_sound_id: text(fallback),
            ..good.clone()
        };
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
            (Config { greeting_sound_id: text("1"), ..good.clone() }, "`button_1_sound_id` and `fallback_sound_id`"),
            (with_sounds(["1", "2", " "]), "the ids of sounds"),
            (Config { callback_sources: vec![], ..good.clone() }, "callback_sources"),
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
            default_region: Some("GB".parse().unwrap()),
            ..with_sounds(["1", "2", "3"])
        };
        assert!(full.validate().is_ok());
    }

    #[test]
    fn unknown_keys_are_errors_and_credentials_are_not_shown() {
        let account = format!("key = \"{KEY}\"\nsecret = \"{SECRET}\"");
        let region = |letters| toml::from_str::<Config>(&format!("{account}\ndefault_region = \"{letters}\""));
        assert_eq!(region("LV").unwrap().default_region.unwrap().as_str(), "LV");
        assert!(region("Latvia").unwrap_err().to_string().contains("ISO 3166-1"));
        assert!(toml::from_str::<Config>(&format!("{account}\nfrom = \"+442037691881\"")).is_err());
        let config: Config = toml::from_str(&format!("{account}\nown_code = true\ntime_out_ms = 3000")).unwrap();
        assert!(config.own_code);
        assert_eq!(format!("{:?}", config.callback_sources), "[185.45.152.40/30]");
        let loopback = toml::from_str::<Config>(&format!("{account}\ncallback_sources = [\"127.0.0.0/8\"]")).unwrap();
        assert_eq!(format!("{:?}", loopback.callback_sources), "[127.0.0.0/8]");
        assert_eq!(config.time_out, Duration::from_secs(3));
        let shown = format!("{config:?}");
        assert!(!shown.contains(KEY) && !shown.contains(SECRET), "{shown}");
    }
}
