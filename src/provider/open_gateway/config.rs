//! Settings of an account at an Open Gateway operator or aggregator.

use std::time::Duration;

use serde::Deserialize;

use super::{ClientAuth, Endpoints, wire};
use crate::{
    error::{Error, ErrorKind, Result},
    provider::{
        openid::{Account, scheme},
        settings,
    },
};

/// Settings of an account, as they stand in a configuration file.
///
/// ```
/// use handset::provider::open_gateway::{ApiVersion, Config};
///
/// let config: Config = toml::from_str(r#"
///     issuer = "https://auth.operator.example"
///     api_root = "https://api.operator.example"
///     api_version = "v2"
///     client_id = "my-app"
///     client_auth = { method = "basic", secret = "a secret" }
/// "#)?;
/// assert_eq!(config.api_version, ApiVersion::V2);
/// assert!(!config.login_hint);
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// The name of the authorization server, exactly as it writes it: what is discovered there, what comes back as `iss` and
    /// what an `id_token` says is compared with it. Where a server publishes no name, its base URL.
    pub issuer: String,
    /// Where the server's endpoints are, for one that does not publish them. Default: discovered at
    /// `{issuer}/.well-known/openid-configuration`.
    #[serde(default)]
    pub endpoints: Option<Endpoints>,
    /// Where the API is; `/number-verification/v2/verify` is appended.
    pub api_root: String,
    /// The version of Number Verification, which decides how scopes are written.
    pub api_version: ApiVersion,
    /// The name that the server knows this application by.
    pub client_id: String,
    /// How this application shows the server who it is.
    pub client_auth: ClientAuth,
    /// How an access token is had. Default: by the authorization code flow.
    #[serde(default)]
    pub flow: Flow,
    /// With the flow `ciba`, by what the operator is told whom it is about. Default: by an operator token.
    #[serde(default)]
    pub ciba_hint: CibaHint,
    /// What the data is used for, a term of the W3C Data Privacy Vocabulary. Default `FraudPreventionAndDetection`.
    #[serde(default = "Config::default_purpose")]
    pub purpose: String,
    /// Whether the API is sent the number or its SHA-256. Default: the number.
    #[serde(default)]
    pub number: NumberForm,
    /// Whether the URL that the device opens names the number (`login_hint=tel:+..`). Some sandboxes demand it; then the number
    /// is in histories and in logs on the way. Default `false`.
    #[serde(default)]
    pub login_hint: bool,
    /// Whether a device that comes back has to bring `iss` (RFC 9207), which tells the answers of several servers apart.
    /// Required as well when discovery says that the server sends it. Default `false`.
    #[serde(default)]
    pub require_iss: bool,
    /// How long each answer of the server may take, in milliseconds in a file. Default 15 seconds.
    #[serde(default = "settings::time_out", rename = "time_out_ms", deserialize_with = "settings::milliseconds")]
    pub time_out: Duration,
}

/// A version of the Number Verification API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ApiVersion {
    /// 0.3.1: one scope, which names purpose and operation.
    V0,
    /// 1.0 and 1.1.
    V1,
    /// 2.0 and 2.1.
    V2,
}

/// How an access token is had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Flow {
    /// The device opens a URL of the operator over mobile data.
    #[default]
    AuthorizationCode,
    /// The operator is asked without a redirect, and polled (OpenID CIBA); [`CibaHint`] says about whom.
    Ciba,
    /// The device's app hands in an operator token (GSMA TS.43), and an assertion of ours presents it (RFC 7523). Needs
    /// [`ClientAuth::PrivateKeyJwt`].
    JwtBearer,
}

/// By what the operator is told whom a CIBA request is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CibaHint {
    /// By an operator token (GSMA TS.43) that the device's app hands in: the SIM shows itself.
    #[default]
    OperatorToken,
    /// By the number that the check is about. No device takes part, so the answer is worth what the operator does to find out: only
    /// for one that has the person approve on that very phone, and says so in the contract. One that asks nobody would say of every
    /// number that it is itself, and let everybody in.
    DangerTel,
}

/// What the API is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum NumberForm {
    /// The number in E.164.
    #[default]
    Plain,
    /// The SHA-256 of that text, in hexadecimal. It hides the number from nobody who can count to a few billion.
    Hashed,
}

impl Config {
    /// The settings of an account with defaults for all the rest.
    pub fn new(
        issuer: impl Into<String>,
        api_root: impl Into<String>,
        api_version: ApiVersion,
        client_id: impl Into<String>,
        client_auth: ClientAuth,
    ) -> Self {
        Self {
            issuer: issuer.into(),
            endpoints: None,
            api_root: api_root.into(),
            api_version,
            client_id: client_id.into(),
            client_auth,
            flow: Flow::default(),
            ciba_hint: CibaHint::default(),
            purpose: Self::default_purpose(),
            number: NumberForm::default(),
            login_hint: false,
            require_iss: false,
            time_out: settings::time_out(),
        }
    }

    pub(super) fn validate(&self) -> Result<()> {
        let endpoints = self.endpoints.iter().flat_map(Endpoints::all);
        let lacks =
            |part: fn(&Endpoints) -> &Option<String>| self.endpoints.as_ref().is_some_and(|e| part(e).is_none());
        let scheme = scheme(&self.issuer);
        if scheme.is_none() || self.issuer.contains(['?', '#']) {
            return wrong("`issuer` is an absolute URL without a query, such as `https://auth.operator.example`");
        }
        if [&self.api_root].into_iter().chain(endpoints).any(|url| self::scheme(url) != scheme) {
            return wrong("`api_root` and `endpoints` are absolute URLs, with `https` as `issuer` is");
        }
        if self.scopes().iter().any(|scope| scope == OPENID) && lacks(|endpoints| &endpoints.jwks) {
            return wrong("`endpoints` needs `jwks` with v1 and v2: the server sends an `id_token` that is checked");
        }
        if self.flow == Flow::Ciba && lacks(|endpoints| &endpoints.backchannel) {
            return wrong("`endpoints` needs `backchannel` with the flow `ciba`");
        }
        if self.flow != Flow::Ciba && self.ciba_hint != CibaHint::default() {
            return wrong("`ciba_hint` needs `flow = \"ciba\"`");
        }
        if self.flow == Flow::JwtBearer && matches!(self.client_auth, ClientAuth::Basic { .. }) {
            return wrong("the flow `jwt_bearer` needs `private_key_jwt` as `client_auth`: the assertion is signed");
        }
        if self.client_id.is_empty() || !self.client_id.bytes().all(|b| b.is_ascii_graphic()) {
            return wrong("`client_id` is the name from the operator's dashboard, without blanks");
        }
        if self.purpose.is_empty() || !self.purpose.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return wrong("`purpose` is a term of letters, such as `FraudPreventionAndDetection`");
        }
        if self.time_out.is_zero() {
            return wrong("`time_out_ms` is more than zero");
        }
        Ok(())
    }

    /// What the authorization server knows us by.
    pub(super) fn account(&self) -> Account {
        Account {
            issuer: self.issuer.clone(),
            endpoints: self.endpoints.clone(),
            client_id: self.client_id.clone(),
            client_auth: self.client_auth.clone(),
            require_iss: self.require_iss,
            words: wire::words,
        }
    }

    /// What is asked for: one purpose, one operation. An assertion is no OpenID request, so no `id_token` comes for it.
    pub(super) fn scopes(&self) -> Vec<String> {
        if self.api_version == ApiVersion::V0 {
            return vec![format!("dpv:{}#number-verification-verify-read", self.purpose)];
        }
        let openid = (self.flow != Flow::JwtBearer).then(|| OPENID.to_owned());
        openid.into_iter().chain([format!("dpv:{}", self.purpose), "number-verification:verify".to_owned()]).collect()
    }

    /// The same in one text.
    pub(super) fn scope(&self) -> String {
        self.scopes().join(" ")
    }

    fn default_purpose() -> String {
        "FraudPreventionAndDetection".to_owned()
    }
}

impl ApiVersion {
    /// As it stands in paths.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::V0 => "v0",
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }
}

fn wrong(message: &'static str) -> Result<()> {
    Err(Error::new(ErrorKind::Misconfigured, message).with_provider(super::NAME))
}

const OPENID: &str = "openid";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn good() -> Config {
        let basic = ClientAuth::Basic { secret: Secret::new("hush") };
        Config::new("https://as.example", "https://api.example/gw", ApiVersion::V2, "app", basic)
    }

    #[test]
    fn unusable_settings_are_named() {
        assert!(good().validate().is_ok());
        let endpoints = |authorization: &str, jwks: Option<&str>| {
            let (authorization, jwks) = (authorization.to_owned(), jwks.map(str::to_owned));
            Some(Endpoints { authorization, token: "https://as.example/token".to_owned(), jwks, backchannel: None })
        };
        let jwks = Some("https://as.example/jwks");
        for (config, name) in [
            (Config { issuer: "as.example".to_owned(), ..good() }, "issuer"),
            (Config { issuer: "https://as.example?x".to_owned(), ..good() }, "issuer"),
            (Config { api_root: "/gw".to_owned(), ..good() }, "api_root"),
            (Config { api_root: "http://api.example".to_owned(), ..good() }, "api_root"),
            (Config { endpoints: endpoints("javascript:alert(1)", jwks), ..good() }, "endpoints"),
            (Config { endpoints: endpoints("http://as.example/authorize", jwks), ..good() }, "endpoints"),
            (Config { endpoints: endpoints("https://as.example/authorize", None), ..good() }, "jwks"),
            (
                Config { flow: Flow::Ciba, endpoints: endpoints("https://as.example/authorize", jwks), ..good() },
                "backchannel",
            ),
            (Config { ciba_hint: CibaHint::DangerTel, ..good() }, "ciba_hint"),
            (Config { flow: Flow::JwtBearer, ..good() }, "private_key_jwt"),
            (Config { client_id: String::new(), ..good() }, "client_id"),
            (Config { purpose: "Fraud#x".to_owned(), ..good() }, "purpose"),
            (Config { time_out: Duration::ZERO, ..good() }, "time_out_ms"),
        ] {
            let error = config.validate().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Misconfigured);
            assert!(error.to_string().contains(name), "{error}");
        }
        let v0 = endpoints("https://as.example/authorize", None);
        assert!(Config { endpoints: v0, api_version: ApiVersion::V0, ..good() }.validate().is_ok());
    }

    #[test]
    fn scopes_are_written_as_the_version_wants_them() {
        assert_eq!(
            Config { api_version: ApiVersion::V0, ..good() }.scopes(),
            ["dpv:FraudPreventionAndDetection#number-verification-verify-read"]
        );
        assert_eq!(
            Config { flow: Flow::JwtBearer, ..good() }.scope(),
            "dpv:FraudPreventionAndDetection number-verification:verify"
        );
        for api_version in [ApiVersion::V1, ApiVersion::V2] {
            assert_eq!(
                Config { api_version, ..good() }.scopes(),
                ["openid", "dpv:FraudPreventionAndDetection", "number-verification:verify"]
            );
        }
    }

    #[test]
    fn a_file_is_read_and_its_secrets_are_not_shown() {
        let file = |rest: &str| {
            toml::from_str::<Config>(&format!(
                "issuer = 'https://as.example'\napi_root = 'https://api.example'\napi_version = 'v1'\nclient_id = 'app'\n{rest}"
            ))
        };
        let jwt = "client_auth = { method = 'private_key_jwt', key = 'PEM-HERE', algorithm = 'ES256', key_id = 'k' }";
        let config = file(&format!(
            "number = 'hashed'\nflow = 'ciba'\nciba_hint = 'danger_tel'\nlogin_hint = true\ntime_out_ms = 3000\n{jwt}"
        ))
        .unwrap();
        assert_eq!((config.number, config.login_hint), (NumberForm::Hashed, true));
        assert_eq!((config.flow, config.ciba_hint), (Flow::Ciba, CibaHint::DangerTel));
        assert_eq!(config.time_out, Duration::from_secs(3));
        assert!(!format!("{config:?}").contains("PEM-HERE"));
        for wrong in [
            "client_auth = { method = 'none' }",
            "client_auth = { method = 'basic', secret = 's', password = 's' }",
            "client_auth = { method = 'private_key_jwt', key = 'k', algorithm = 'HS256' }",
            "client_auth = { method = 'basic', secret = 's' }\nscope = 'x'",
        ] {
            assert!(file(wrong).is_err(), "{wrong}");
        }
    }
}
