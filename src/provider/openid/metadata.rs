//! What the authorization server says of itself: its endpoints, its keys.

use bytes::Bytes;
use http::{Method, Request, Response, Uri};
use openidconnect::core::CoreProviderMetadata;
use serde::Deserialize;

use super::Account;
use crate::{
    error::Result,
    provider::oauth::{misconfigured, nonsense, refusal, request},
};

/// Where the endpoints of an authorization server are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "an application writes it down; there are these four")]
pub struct Endpoints {
    /// What the device opens.
    pub authorization: String,
    /// Where tokens are had.
    pub token: String,
    /// The server's public keys. Needed with v1 and v2, where an `id_token` comes along.
    #[serde(default)]
    pub jwks: Option<String>,
    /// Where the server is asked about somebody without a redirect (CIBA).
    #[serde(default)]
    pub backchannel: Option<String>,
}

impl Endpoints {
    /// All that there are.
    pub(crate) fn all(&self) -> impl Iterator<Item = &String> {
        [&self.authorization, &self.token].into_iter().chain(&self.jwks).chain(&self.backchannel)
    }
}

/// An authorization server that a device can be sent to.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) endpoints: Endpoints,
    /// Whether every answer that passes through a device names the server (RFC 9207).
    pub(super) sends_iss: bool,
}

impl Server {
    /// The server of a configuration that names its endpoints.
    pub(super) fn configured(account: &Account) -> Option<Self> {
        account.endpoints.clone().map(|endpoints| Self { endpoints, sends_iss: account.require_iss })
    }

    /// Where the server is asked without a redirect.
    pub(super) fn backchannel(&self) -> Result<&str> {
        let none = || misconfigured("the server has no backchannel endpoint; use another `flow`");
        self.endpoints.backchannel.as_deref().ok_or_else(none)
    }
}

/// Asks for what the server publishes (OpenID Connect Discovery, section 4).
pub(super) fn discover(account: &Account) -> Result<Request<Bytes>> {
    let uri = format!("{}/.well-known/openid-configuration", account.issuer.trim_end_matches('/'));
    request(Method::GET, &uri, "", Bytes::new())
}

/// Reads what the server publishes. It counts only if it names the issuer that was asked, to the letter.
pub(super) fn read_metadata(account: &Account, answer: &Response<Bytes>) -> Result<Server> {
    if !answer.status().is_success() {
        return Err(refusal(answer, account.words));
    }
    let metadata: CoreProviderMetadata = serde_json::from_slice(answer.body())
        .map_err(|source| nonsense("answered discovery with something that is no metadata").with_source(source))?;
    if metadata.issuer().as_str() != account.issuer {
        return Err(misconfigured("`issuer` is not the name that the server gives itself"));
    }
    let token = metadata.token_endpoint().ok_or_else(|| nonsense("publishes no token endpoint"))?;
    let more: More = serde_json::from_slice(answer.body()).unwrap_or_default();
    let endpoints = Endpoints {
        authorization: metadata.authorization_endpoint().as_str().to_owned(),
        token: token.as_str().to_owned(),
        jwks: Some(metadata.jwks_uri().as_str().to_owned()),
        backchannel: more.backchannel_authentication_endpoint,
    };
    if endpoints.all().any(|url| scheme(url) != scheme(&account.issuer)) {
        return Err(nonsense("publishes an endpoint that is no URL like its issuer"));
    }
    let sends_iss = more.authorization_response_iss_parameter_supported || account.require_iss;
    Ok(Server { endpoints, sends_iss })
}

/// The parts of the metadata that RFC 9207, section 3, and CIBA Core, section 4, add.
#[derive(Default, Deserialize)]
#[serde(default)]
struct More {
    authorization_response_iss_parameter_supported: bool,
    backchannel_authentication_endpoint: Option<String>,
}

/// Asks for the server's public keys.
pub(super) fn keys(server: &Server) -> Result<Request<Bytes>> {
    let none = || misconfigured("`endpoints` needs `jwks`: an `id_token` came");
    request(Method::GET, server.endpoints.jwks.as_deref().ok_or_else(none)?, "", Bytes::new())
}

/// `http` or `https` of an absolute URL.
pub(crate) fn scheme(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    uri.host()?;
    uri.scheme_str().filter(|scheme| ["http", "https"].contains(scheme)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{error::ErrorKind, provider::openid::tests};

    fn account() -> Account {
        Account { issuer: "https://as.example/op".to_owned(), ..tests::account() }
    }

    fn published() -> Value {
        json!({
            "issuer": "https://as.example/op",
            "authorization_endpoint": "https://as.example/op/authorize",
            "token_endpoint": "https://as.example/op/token",
            "jwks_uri": "https://as.example/op/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "grant_types_supported": ["authorization_code", "urn:openid:params:grant-type:ciba"],
            "backchannel_token_delivery_modes_supported": ["poll"],
            "backchannel_authentication_endpoint": "https://as.example/op/bc-authorize",
        })
    }

    fn answer(status: u16, body: &Value) -> Response<Bytes> {
        Response::builder().status(status).body(Bytes::from(body.to_string())).unwrap()
    }

    #[test]
    fn metadata_is_read() {
        let request = discover(&account()).unwrap();
        assert_eq!(request.uri(), "https://as.example/op/.well-known/openid-configuration");
        let server = read_metadata(&account(), &answer(200, &published())).unwrap();
        assert_eq!(server.endpoints.token, "https://as.example/op/token");
        assert!(!server.sends_iss);
        assert_eq!(server.endpoints.backchannel.as_deref(), Some("https://as.example/op/bc-authorize"));

        let mut without = published();
        without["backchannel_authentication_endpoint"] = json!(null);
        let error = read_metadata(&account(), &answer(200, &without)).unwrap().backchannel().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured);

        let mut announced = published();
        announced["authorization_response_iss_parameter_supported"] = json!(true);
        assert!(read_metadata(&account(), &answer(200, &announced)).unwrap().sends_iss);
        let required = Account { require_iss: true, ..account() };
        assert!(read_metadata(&required, &answer(200, &published())).unwrap().sends_iss);
    }

    #[test]
    fn f1_another_issuer_and_strange_endpoints_are_refused() {
        for (field, value, kind) in [
            ("issuer", json!("https://as.example/op/"), ErrorKind::Misconfigured),
            ("issuer", json!("https://AS.example/op"), ErrorKind::Misconfigured),
            ("issuer", json!("https://evil.example"), ErrorKind::Misconfigured),
            ("issuer", json!(null), ErrorKind::Unavailable),
            ("token_endpoint", json!(null), ErrorKind::Unavailable),
            ("token_endpoint", json!("http://as.example/op/token"), ErrorKind::Unavailable),
            ("authorization_endpoint", json!("javascript:alert(1)"), ErrorKind::Unavailable),
            ("backchannel_authentication_endpoint", json!("http://as.example/op/bc-authorize"), ErrorKind::Unavailable),
            ("jwks_uri", json!("file:///etc/passwd"), ErrorKind::Unavailable),
        ] {
            let mut metadata = published();
            metadata[field] = value;
            let error = read_metadata(&account(), &answer(200, &metadata)).unwrap_err();
            assert_eq!(error.kind(), kind, "{field}: {error:?}");
        }
        assert!(read_metadata(&account(), &answer(404, &published())).is_err());
    }
}
