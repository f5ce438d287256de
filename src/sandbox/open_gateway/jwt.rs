//! The operator's signatures, and how it reads those of its client.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode, jwk::Jwk};
use serde_json::{Value, json};

use super::{CLIENT_ES256, CLIENT_RS256};
use crate::{
    crypto,
    error::{Error, ErrorKind, Result},
};

/// The operator's own key, and the public keys of its client.
pub(super) struct Keys {
    own: EncodingKey,
    published: Value,
    client: [(Algorithm, DecodingKey); 2],
}

impl Keys {
    pub(super) fn new() -> Result<Self> {
        crypto::install()?;
        let broken = |source: jsonwebtoken::errors::Error| {
            Error::new(ErrorKind::Unavailable, "the emulator's keys cannot be used").with_source(source)
        };
        let own = EncodingKey::from_ec_pem(SERVER_ES256.as_bytes()).map_err(broken)?;
        let mut jwk = Jwk::from_encoding_key(&own, Algorithm::ES256).map_err(broken)?;
        jwk.common.key_id = Some(KEY_ID.to_owned());
        let published = json!({ "keys": [serde_json::to_value(jwk).unwrap_or_default()] });
        let public = |key: EncodingKey, algorithm| -> Result<_> {
            let jwk = Jwk::from_encoding_key(&key, algorithm).map_err(broken)?;
            Ok((algorithm, DecodingKey::from_jwk(&jwk).map_err(broken)?))
        };
        let client = [
            public(EncodingKey::from_ec_pem(CLIENT_ES256.as_bytes()).map_err(broken)?, Algorithm::ES256)?,
            public(EncodingKey::from_rsa_pem(CLIENT_RS256.as_bytes()).map_err(broken)?, Algorithm::RS256)?,
        ];
        Ok(Self { own, published, client })
    }

    /// The key set.
    pub(super) fn published(&self) -> Value {
        self.published.clone()
    }

    /// Signs an `id_token`.
    pub(super) fn sign(&self, claims: &Value) -> Option<String> {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(KEY_ID.to_owned());
        encode(&header, claims, &self.own).ok()
    }

    /// The claims of a client's assertion, if one of its keys has signed it. What they say is not looked at.
    pub(super) fn signed_by_client(&self, assertion: &str) -> Option<Value> {
        let algorithm = decode_header(assertion).ok()?.alg;
        let (_, key) = self.client.iter().find(|(known, _)| *known == algorithm)?;
        let mut validation = Validation::new(algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        decode(assertion, key, &validation).ok().map(|token| token.claims)
    }
}

const SERVER_ES256: &str = include_str!("testdata/server_es256.pem");
const KEY_ID: &str = "operator-1";
