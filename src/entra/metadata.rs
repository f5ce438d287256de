//! What Entra learns about us by asking: the metadata, and the keys with their certificates.

use bytes::Bytes;
use http::{
    HeaderValue, Response,
    header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
};
use http_body_util::Full;
use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::{Value, json};

use super::{Config, config::misconfigured};
use crate::{
    error::Result,
    signing::{SigningKey, SigningKeys},
};

/// Looks at the keys, and gives each that has none a certificate. At least two, so that the next key is known before it signs.
pub(super) fn certified(keys: &SigningKeys) -> Result<SigningKeys> {
    let mut all: Vec<SigningKey> = keys.all().cloned().map(with_certificate).collect::<Result<_>>()?;
    if all.len() < 2 {
        return Err(misconfigured("publish two keys or more: the one that signs, and the next one"));
    }
    let published = all.split_off(1);
    let signing = all.into_iter().next().ok_or_else(|| misconfigured("there is no key that signs"))?;
    Ok(published.into_iter().fold(SigningKeys::new(signing), SigningKeys::also_publish))
}

/// A self-signed certificate, the same one each time: its dates are fixed and its number comes from the key. Entra looks at the key
/// in it, and trusts it because it was there to be fetched.
fn with_certificate(key: SigningKey) -> Result<SigningKey> {
    if key.algorithm() != "RS256" {
        return Err(misconfigured("Entra takes RS256 only"));
    }
    if key.jwk().get("x5c").is_some() {
        return Ok(key);
    }
    let wrong = |source| misconfigured("no certificate could be made for a key").with_source(source);
    let private = key.to_pem()?;
    let private = pem::parse(private.expose()).map_err(|_| misconfigured("a key could not be written"))?;
    let pair = KeyPair::try_from(private.contents()).map_err(wrong)?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "handset");
    let certificate = params.self_signed(&pair).map_err(wrong)?;
    key.with_certificates(&pem::encode(&pem::Pem::new("CERTIFICATE", certificate.der().to_vec())))
}

/// The metadata of OpenID Connect Discovery, section 3, as far as Entra reads it.
pub(super) fn discovery(config: &Config) -> Response<Full<Bytes>> {
    let issuer = &config.issuer;
    published(&json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "jwks_uri": format!("{issuer}/jwks"),
        "scopes_supported": ["openid"],
        "response_types_supported": ["id_token"],
        "response_modes_supported": ["form_post"],
        "grant_types_supported": ["implicit"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claim_types_supported": ["normal"],
        "claims_supported": ["sub", "acr", "amr"],
        "claims_parameter_supported": true,
    }))
}

pub(super) fn jwks(keys: &SigningKeys) -> Response<Full<Bytes>> {
    published(&keys.jwks())
}

/// What anybody may keep for a day, which is as long as Entra keeps it.
fn published(value: &Value) -> Response<Full<Bytes>> {
    let text = value.to_string();
    let length = text.len();
    let mut response = Response::new(Full::from(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // Entra insists on it, so it is not left to the server.
    headers.insert(CONTENT_LENGTH, length.into());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
