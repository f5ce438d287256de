//! How this application shows the authorization server who it is.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http::HeaderValue;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;

use super::{ClientAuth, Config, NAME, SigningAlgorithm};
use crate::{
    crypto,
    error::{Error, ErrorKind, Result},
    random,
    secret::Secret,
};

/// The application, ready to show who it is.
pub(super) enum Client {
    /// The value of the `Authorization` header.
    Basic(HeaderValue),
    /// What signs assertions.
    PrivateKeyJwt { key: EncodingKey, header: Box<Header> },
}

impl Client {
    pub(super) fn new(config: &Config) -> Result<Self> {
        crypto::install().map_err(|error| error.with_provider(NAME))?;
        match &config.client_auth {
            ClientAuth::Basic { secret } => basic(&config.client_id, secret).map(Self::Basic),
            ClientAuth::PrivateKeyJwt { key, algorithm, key_id } => {
                let (algorithm, key) = match algorithm {
                    SigningAlgorithm::ES256 => (Algorithm::ES256, EncodingKey::from_ec_pem(key.expose().as_bytes())),
                    SigningAlgorithm::RS256 if !cfg!(feature = "aws-lc") => {
                        return Err(misconfigured("`RS256` needs the feature `aws-lc` of `handset`; or use `ES256`"));
                    }
                    SigningAlgorithm::RS256 => (Algorithm::RS256, EncodingKey::from_rsa_pem(key.expose().as_bytes())),
                };
                let key = key.map_err(|source| {
                    misconfigured("`key` is no private key in PEM for its `algorithm`").with_source(source)
                })?;
                let mut header = Header::new(algorithm);
                header.kid.clone_from(key_id);
                let client = Self::PrivateKeyJwt { key, header: Box::new(header) };
                // A key that parses may still not sign: find out now.
                client.assertion(config, &config.issuer, SystemTime::UNIX_EPOCH)?;
                Ok(client)
            }
        }
    }

    /// A signed assertion for one request to `audience`, or none for a client that has a secret.
    pub(super) fn assertion(&self, config: &Config, audience: &str, now: SystemTime) -> Result<Option<String>> {
        let Self::PrivateKeyJwt { key, header } = self else { return Ok(None) };
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let claims = Claims {
            iss: &config.client_id,
            sub: &config.client_id,
            aud: audience,
            jti: URL_SAFE_NO_PAD.encode(random::bytes::<16>()?),
            iat: now.as_secs(),
            exp: (now + LIFETIME).as_secs(),
        };
        let assertion = encode(header, &claims, key);
        assertion.map(Some).map_err(|source| misconfigured("`key` does not sign").with_source(source))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic(_) => "Basic",
            Self::PrivateKeyJwt { .. } => "PrivateKeyJwt",
        })
    }
}

/// RFC 7523, section 3.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    jti: String,
    iat: u64,
    exp: u64,
}

/// Name and secret are form-encoded first (RFC 6749, section 2.3.1).
fn basic(id: &str, secret: &Secret) -> Result<HeaderValue> {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret.expose())));
    let mut value = HeaderValue::from_str(&format!("Basic {pair}"))
        .map_err(|source| misconfigured("`client_auth` cannot be sent").with_source(source))?;
    value.set_sensitive(true);
    Ok(value)
}

fn misconfigured(message: &'static str) -> Error {
    Error::new(ErrorKind::Misconfigured, message).with_provider(NAME)
}

/// The CAMARA profile allows five minutes; the assertion is used at once, and clocks differ.
const LIFETIME: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use jsonwebtoken::{DecodingKey, Validation, decode, jwk::Jwk};
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::provider::open_gateway::ApiVersion;

    const ES256: &str = include_str!("testdata/es256.pem");
    #[cfg(feature = "aws-lc")]
    const RS256: &str = include_str!("testdata/rs256.pem");
    const AUDIENCE: &str = "https://as.example/token";

    fn config(client_auth: ClientAuth) -> Config {
        Config::new("https://as.example", "https://api.example", ApiVersion::V2, "app", client_auth)
    }

    fn jwt(key: &str, algorithm: SigningAlgorithm) -> Config {
        config(ClientAuth::PrivateKeyJwt { key: Secret::new(key), algorithm, key_id: Some("k1".to_owned()) })
    }

    fn read(key: &EncodingKey, algorithm: Algorithm, assertion: &str) -> Option<Value> {
        let public = DecodingKey::from_jwk(&Jwk::from_encoding_key(key, algorithm).unwrap()).unwrap();
        let mut validation = Validation::new(algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.set_audience(&[AUDIENCE]);
        decode(assertion, &public, &validation).ok().map(|token| token.claims)
    }

    fn assert_signs(config: &Config, key: &EncodingKey, algorithm: Algorithm) {
        let client = Client::new(config).unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let mut ids = HashSet::new();
        for _ in 0..3 {
            let assertion = client.assertion(config, AUDIENCE, now).unwrap().unwrap();
            let claims = read(key, algorithm, &assertion).unwrap();
            assert_eq!((&claims["iss"], &claims["sub"]), (&"app".into(), &"app".into()));
            assert_eq!(claims["iat"], 1_800_000_000_u64);
            let lifetime = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
            assert!((1..=300).contains(&lifetime));
            assert_eq!(jsonwebtoken::decode_header(&assertion).unwrap().kid.as_deref(), Some("k1"));
            assert!(ids.insert(claims["jti"].as_str().unwrap().to_owned()));
        }
    }

    #[test]
    fn an_assertion_is_for_one_request_to_one_endpoint() {
        assert_signs(
            &jwt(ES256, SigningAlgorithm::ES256),
            &EncodingKey::from_ec_pem(ES256.as_bytes()).unwrap(),
            Algorithm::ES256,
        );
        #[cfg(feature = "aws-lc")]
        assert_signs(
            &jwt(RS256, SigningAlgorithm::RS256),
            &EncodingKey::from_rsa_pem(RS256.as_bytes()).unwrap(),
            Algorithm::RS256,
        );
    }

    #[test]
    fn unusable_keys_are_refused_when_the_client_is_made() {
        for (key, algorithm) in [
            ("", SigningAlgorithm::ES256),
            (ES256, SigningAlgorithm::RS256),
            #[cfg(feature = "aws-lc")]
            (RS256, SigningAlgorithm::ES256),
        ] {
            let error = Client::new(&jwt(key, algorithm)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Misconfigured);
        }
    }

    #[test]
    fn basic_is_form_encoded_and_not_shown() {
        let basic = |id: &str, secret: &str| basic(id, &Secret::new(secret)).unwrap();
        // The example of RFC 7617.
        assert_eq!(basic("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuK3Nlc2FtZQ==");
        assert_eq!(basic("a:b", "ü&"), "Basic YSUzQWI6JUMzJUJDJTI2");
        assert!(!format!("{:?}", basic("a", "b")).contains("Basic"));
        let client = Client::new(&config(ClientAuth::Basic { secret: Secret::new("hush") })).unwrap();
        assert_eq!(format!("{client:?}"), "Basic");
        assert!(
            client
                .assertion(&config(ClientAuth::Basic { secret: Secret::new("hush") }), AUDIENCE, SystemTime::UNIX_EPOCH)
                .unwrap()
                .is_none()
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn one_flipped_bit_spoils_an_assertion(place in 0_usize..4000, bit in 0_u8..6) {
            let config = jwt(ES256, SigningAlgorithm::ES256);
            let key = EncodingKey::from_ec_pem(ES256.as_bytes()).unwrap();
            let assertion =
                Client::new(&config).unwrap().assertion(&config, AUDIENCE, SystemTime::UNIX_EPOCH).unwrap().unwrap();
            let mut bytes = assertion.into_bytes();
            // The last character of a part may hold bits that mean nothing.
            let place = place % (bytes.len() - 1);
            bytes[place] ^= 1 << bit;
            let spoilt = String::from_utf8(bytes).unwrap();
            prop_assert!(read(&key, Algorithm::ES256, &spoilt).is_none());
        }
    }
}
