//! What the authorization server says of itself: its endpoints, its keys.

use std::collections::HashMap;

use bytes::Bytes;
use http::{Request, Response};
use jsonwebtoken::{DecodingKey, jwk::JwkSet};
use openidconnect::core::CoreProviderMetadata;
use serde::Deserialize;

use super::{
    Config,
    config::{Endpoints, scheme},
    wire::{get, misconfigured, nonsense, refusal},
};
use crate::error::Result;

/// An authorization server that a device can be sent to.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) endpoints: Endpoints,
    /// Whether every answer that passes through a device names the server (RFC 9207).
    pub(super) sends_iss: bool,
}

impl Server {
    /// The server of a configuration that names its endpoints.
    pub(super) fn configured(config: &Config) -> Option<Self> {
        config.endpoints.clone().map(|endpoints| Self { endpoints, sends_iss: config.require_iss })
    }
}

/// Asks for what the server publishes (OpenID Connect Discovery, section 4).
pub(super) fn discover(config: &Config) -> Result<Request<Bytes>> {
    get(&format!("{}/.well-known/openid-configuration", config.issuer.trim_end_matches('/')))
}

/// Reads what the server publishes. It counts only if it names the issuer that was asked, to the letter.
pub(super) fn read_metadata(config: &Config, answer: &Response<Bytes>) -> Result<Server> {
    if !answer.status().is_success() {
        return Err(refusal(answer));
    }
    let metadata: CoreProviderMetadata = serde_json::from_slice(answer.body())
        .map_err(|source| nonsense("answered discovery with something that is no metadata").with_source(source))?;
    if metadata.issuer().as_str() != config.issuer {
        return Err(misconfigured("`issuer` is not the name that the server gives itself"));
    }
    let token = metadata.token_endpoint().ok_or_else(|| nonsense("publishes no token endpoint"))?;
    let endpoints = Endpoints {
        authorization: metadata.authorization_endpoint().as_str().to_owned(),
        token: token.as_str().to_owned(),
        jwks: Some(metadata.jwks_uri().as_str().to_owned()),
    };
    let urls = [&endpoints.authorization, &endpoints.token].into_iter().chain(&endpoints.jwks);
    if urls.into_iter().any(|url| scheme(url) != scheme(&config.issuer)) {
        return Err(nonsense("publishes an endpoint that is no URL like its issuer"));
    }
    let Rfc9207 { authorization_response_iss_parameter_supported: announced } =
        serde_json::from_slice(answer.body()).unwrap_or_default();
    Ok(Server { endpoints, sends_iss: announced || config.require_iss })
}

/// The part of the metadata that RFC 9207, section 3, adds.
#[derive(Default, Deserialize)]
struct Rfc9207 {
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// Asks for the server's public keys.
pub(super) fn keys(server: &Server) -> Result<Request<Bytes>> {
    get(server
        .endpoints
        .jwks
        .as_deref()
        .ok_or_else(|| misconfigured("`endpoints` needs `jwks`: an `id_token` came"))?)
}

/// Reads the server's public keys, by their names. The only key of a set is found without a name, too.
pub(super) fn read_keys(answer: &Response<Bytes>) -> Result<HashMap<String, DecodingKey>> {
    if !answer.status().is_success() {
        return Err(refusal(answer));
    }
    let set: Set = serde_json::from_slice(answer.body())
        .map_err(|source| nonsense("answered with something that is no key set").with_source(source))?;
    // A key of a kind that is not known here is no reason to refuse the others (RFC 7517, section 5).
    let known =
        set.keys.into_iter().filter_map(|key| serde_json::from_value(serde_json::json!({ "keys": [key] })).ok());
    let mut keys: HashMap<String, DecodingKey> = known
        .flat_map(|set: JwkSet| set.keys)
        .filter_map(|jwk| Some((jwk.common.key_id.clone().unwrap_or_default(), DecodingKey::from_jwk(&jwk).ok()?)))
        .collect();
    if let (1, Some(only)) = (keys.len(), keys.values().next().cloned()) {
        keys.insert(String::new(), only);
    }
    Ok(keys)
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        error::ErrorKind,
        provider::open_gateway::{ApiVersion, ClientAuth, NAME},
        secret::Secret,
    };

    fn config() -> Config {
        let basic = ClientAuth::Basic { secret: Secret::new("hush") };
        Config::new("https://as.example/op", "https://api.example", ApiVersion::V2, "app", basic)
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
        })
    }

    fn answer(status: u16, body: &Value) -> Response<Bytes> {
        Response::builder().status(status).body(Bytes::from(body.to_string())).unwrap()
    }

    #[test]
    fn metadata_is_read() {
        let request = discover(&config()).unwrap();
        assert_eq!(request.uri(), "https://as.example/op/.well-known/openid-configuration");
        let server = read_metadata(&config(), &answer(200, &published())).unwrap();
        assert_eq!(server.endpoints.token, "https://as.example/op/token");
        assert!(!server.sends_iss);

        let mut announced = published();
        announced["authorization_response_iss_parameter_supported"] = json!(true);
        assert!(read_metadata(&config(), &answer(200, &announced)).unwrap().sends_iss);
        let required = Config { require_iss: true, ..config() };
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
            ("jwks_uri", json!("file:///etc/passwd"), ErrorKind::Unavailable),
        ] {
            let mut metadata = published();
            metadata[field] = value;
            let error = read_metadata(&config(), &answer(200, &metadata)).unwrap_err();
            assert_eq!(error.kind(), kind, "{field}: {error:?}");
            assert_eq!(error.provider(), Some(NAME));
        }
        assert!(read_metadata(&config(), &answer(404, &published())).is_err());
    }

    #[test]
    fn keys_are_found_by_name_and_strange_ones_are_passed_over() {
        crate::crypto::install().unwrap();
        let point = json!({ "kty": "EC", "crv": "P-256", "kid": "a",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" });
        let mut other = point.clone();
        other["kid"] = json!("b");
        let strange = json!({ "kty": "XYZ", "kid": "c" });
        let names = |keys: &[&Value]| {
            let read = read_keys(&answer(200, &json!({ "keys": keys }))).unwrap();
            let mut names: Vec<String> = read.into_keys().collect();
            names.sort();
            names
        };
        assert_eq!(names(&[&point, &other, &strange]), ["a", "b"]);
        assert_eq!(names(&[&point, &strange]), ["", "a"]);
        assert!(names(&[]).is_empty());
        assert!(read_keys(&answer(200, &json!([]))).is_err());
        assert_eq!(read_keys(&answer(503, &json!({}))).unwrap_err().kind(), ErrorKind::Unavailable);
    }
}
