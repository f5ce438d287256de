//! How this application shows the authorization server who it is.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};

use super::refusal::{misconfigured, request};
use crate::{crypto, error::Result, random, secret::Secret};

/// How an application shows an authorization server who it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Written")]
#[non_exhaustive]
pub enum ClientAuth {
    /// A shared secret, in HTTP Basic (RFC 6749, section 2.3.1). Not what the CAMARA profile asks for, and what some sandboxes take.
    Basic {
        /// The secret.
        secret: Secret,
    },
    /// A signed assertion (OpenID Connect Core, section 9), as the CAMARA profile demands.
    PrivateKeyJwt {
        /// The private key in PEM: PKCS#8.
        key: Secret,
        /// What the key is for.
        algorithm: SigningAlgorithm,
        /// The name under which the server knows the public key.
        #[serde(default)]
        key_id: Option<String>,
    },
}

/// The same as it stands in a file. Not a tagged enum: those are read into a buffer first, which does not tell a secret from
/// another text.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    method: Kind,
    secret: Option<Secret>,
    key: Option<Secret>,
    algorithm: Option<SigningAlgorithm>,
    key_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Basic,
    PrivateKeyJwt,
}

impl TryFrom<Written> for ClientAuth {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, &'static str> {
        match written {
            Written { method: Kind::Basic, secret: Some(secret), key: None, algorithm: None, key_id: None } => {
                Ok(Self::Basic { secret })
            }
            Written {
                method: Kind::PrivateKeyJwt,
                secret: None,
                key: Some(key),
                algorithm: Some(algorithm),
                key_id,
            } => Ok(Self::PrivateKeyJwt { key, algorithm, key_id }),
            Written { method: Kind::Basic, .. } => Err("the method `basic` has a `secret` and nothing else"),
            Written { method: Kind::PrivateKeyJwt, .. } => {
                Err("the method `private_key_jwt` has a `key`, an `algorithm` and perhaps a `key_id`, and nothing else")
            }
        }
    }
}

/// With what an assertion is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub enum SigningAlgorithm {
    /// ECDSA on P-256.
    ES256,
    /// RSA. Needs the feature `aws-lc`: signing with the pure Rust implementation leaks timing (RUSTSEC-2023-0071).
    RS256,
}

/// The application, ready to show who it is.
pub(crate) struct Client {
    id: String,
    credentials: Credentials,
}

enum Credentials {
    /// The value of the `Authorization` header.
    Basic(HeaderValue),
    /// What signs assertions.
    PrivateKeyJwt { key: EncodingKey, header: Box<Header> },
}

impl Client {
    pub(crate) fn new(id: &str, auth: &ClientAuth) -> Result<Self> {
        crypto::install()?;
        let (key, algorithm, key_id) = match auth {
            ClientAuth::Basic { secret } => {
                return Ok(Self { id: id.to_owned(), credentials: Credentials::Basic(basic(id, secret)?) });
            }
            ClientAuth::PrivateKeyJwt { key, algorithm, key_id } => (key.expose().as_bytes(), algorithm, key_id),
        };
        let (algorithm, key) = match algorithm {
            SigningAlgorithm::ES256 => (Algorithm::ES256, EncodingKey::from_ec_pem(key)),
            SigningAlgorithm::RS256 if !cfg!(feature = "aws-lc") => {
                return Err(misconfigured("`RS256` needs the feature `aws-lc` of `handset`; or use `ES256`"));
            }
            SigningAlgorithm::RS256 => (Algorithm::RS256, EncodingKey::from_rsa_pem(key)),
        };
        let key = key.map_err(|source| {
            misconfigured("`key` is no private key in PEM for its `algorithm`").with_source(source)
        })?;
        let mut header = Box::new(Header::new(algorithm));
        header.kid.clone_from(key_id);
        let client = Self { id: id.to_owned(), credentials: Credentials::PrivateKeyJwt { key, header } };
        // A key that parses may still not sign: find out now.
        client.sign(id, "", None, SystemTime::UNIX_EPOCH)?;
        Ok(client)
    }

    /// A form for an endpoint of the server, with the proof of who we are.
    pub(crate) fn form(&self, endpoint: &str, fields: &[(&str, &str)], now: SystemTime) -> Result<Request<Bytes>> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        if let Some(assertion) = self.sign(&self.id, endpoint, None, now)? {
            form.append_pair("client_id", &self.id)
                .append_pair("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
                .append_pair("client_assertion", &assertion);
        }
        let mut request = request(Method::POST, endpoint, FORM, form.finish().into())?;
        if let Credentials::Basic(credentials) = &self.credentials {
            request.headers_mut().insert(header::AUTHORIZATION, credentials.clone());
        }
        Ok(request)
    }

    /// A form that asks for a token about `subject` (RFC 7523, section 2.1). Its assertion shows who we are as well, so that nothing
    /// else does.
    pub(crate) fn grant_form(
        &self,
        endpoint: &str,
        subject: &str,
        scope: &str,
        now: SystemTime,
    ) -> Result<Request<Bytes>> {
        let no_key = || misconfigured("a grant by assertion needs `private_key_jwt` as `client_auth`");
        let assertion = self.sign(subject, endpoint, Some(scope), now)?.ok_or_else(no_key)?;
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
            .append_pair("assertion", &assertion);
        request(Method::POST, endpoint, FORM, form.finish().into())
    }

    /// A signed assertion about `subject` for one request to `audience`, or none for a client that has a secret.
    fn sign(&self, subject: &str, audience: &str, scope: Option<&str>, now: SystemTime) -> Result<Option<String>> {
        let Credentials::PrivateKeyJwt { key, header } = &self.credentials else { return Ok(None) };
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let claims = Claims {
            iss: &self.id,
            sub: subject,
            aud: audience,
            jti: URL_SAFE_NO_PAD.encode(random::bytes::<16>()?),
            iat: now.as_secs(),
            exp: (now + LIFETIME).as_secs(),
            scope,
        };
        crypto::signed(header, &claims, key).map(Some)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.credentials {
            Credentials::Basic(_) => "Basic",
            Credentials::PrivateKeyJwt { .. } => "PrivateKeyJwt",
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
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
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

const FORM: &str = "application/x-www-form-urlencoded";

/// The CAMARA profile allows five minutes; the assertion is used at once, and clocks differ.
const LIFETIME: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use jsonwebtoken::{DecodingKey, Validation, decode, jwk::Jwk};
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::error::ErrorKind;

    const ES256: &str = include_str!("testdata/es256.pem");

    #[cfg(feature = "aws-lc")]
    const RS256: &str = include_str!("testdata/rs256.pem");
    const AUDIENCE: &str = "https://as.example/token";

    fn jwt(key: &str, algorithm: SigningAlgorithm) -> Result<Client> {
        let key_id = Some("k1".to_owned());
        Client::new("app", &ClientAuth::PrivateKeyJwt { key: Secret::new(key), algorithm, key_id })
    }

    fn shared_secret() -> Client {
        Client::new("app", &ClientAuth::Basic { secret: Secret::new("hush") }).unwrap()
    }

    fn pairs(body: &[u8]) -> BTreeMap<String, String> {
        form_urlencoded::parse(body).into_owned().collect()
    }

    fn read(key: &EncodingKey, algorithm: Algorithm, assertion: &str) -> Option<Value> {
        let public = DecodingKey::from_jwk(&Jwk::from_encoding_key(key, algorithm).unwrap()).unwrap();
        let mut validation = Validation::new(algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.set_audience(&[AUDIENCE]);
        decode(assertion, &public, &validation).ok().map(|token| token.claims)
    }

    fn assert_signs(client: &Client, key: &EncodingKey, algorithm: Algorithm) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let mut ids = HashSet::new();
        for _ in 0..3 {
            let assertion = client.sign("app", AUDIENCE, None, now).unwrap().unwrap();
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
            &jwt(ES256, SigningAlgorithm::ES256).unwrap(),
            &EncodingKey::from_ec_pem(ES256.as_bytes()).unwrap(),
            Algorithm::ES256,
        );
        #[cfg(feature = "aws-lc")]
        assert_signs(
            &jwt(RS256, SigningAlgorithm::RS256).unwrap(),
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
            let error = jwt(key, algorithm).unwrap_err();
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
        let client = shared_secret();
        assert_eq!(format!("{client:?}"), "Basic");
        assert!(client.sign("app", AUDIENCE, None, SystemTime::UNIX_EPOCH).unwrap().is_none());
    }

    #[test]
    fn a_form_is_sent_with_either_proof_of_who_we_are() {
        let now = SystemTime::UNIX_EPOCH;
        let fields = [("grant_type", "authorization_code"), ("code", "c0de")];
        let request = shared_secret().form(AUDIENCE, &fields, now).unwrap();
        assert_eq!((request.method(), request.uri().to_string().as_str()), (&Method::POST, AUDIENCE));
        assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded");
        assert_eq!(request.headers()["authorization"], "Basic YXBwOmh1c2g=");
        let sent = pairs(request.body());
        assert_eq!(sent.len(), 2, "{sent:?}");
        assert_eq!((sent["grant_type"].as_str(), sent["code"].as_str()), ("authorization_code", "c0de"));

        let client = jwt(ES256, SigningAlgorithm::ES256).unwrap();
        let request = client.form(AUDIENCE, &fields, now).unwrap();
        assert!(!request.headers().contains_key("authorization"));
        let sent = pairs(request.body());
        assert_eq!(sent.len(), 5);
        assert_eq!(sent["client_id"], "app");
        assert_eq!(sent["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        let claims = URL_SAFE_NO_PAD.decode(sent["client_assertion"].split('.').nth(1).unwrap()).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["aud"], AUDIENCE);
    }

    #[test]
    fn a_grant_is_asked_for_by_one_assertion_and_nothing_else() {
        let (client, now) = (jwt(ES256, SigningAlgorithm::ES256).unwrap(), SystemTime::UNIX_EPOCH);
        let request = client.grant_form(AUDIENCE, "operatortoken:t", "dpv:X do:it", now).unwrap();
        assert!(!request.headers().contains_key("authorization"));
        let sent = pairs(request.body());
        assert_eq!(sent.len(), 2, "neither `scope` nor a second proof: {sent:?}");
        assert_eq!(sent["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
        let key = EncodingKey::from_ec_pem(ES256.as_bytes()).unwrap();
        let claims = read(&key, Algorithm::ES256, &sent["assertion"]).unwrap();
        assert_eq!((&claims["iss"], &claims["sub"]), (&"app".into(), &"operatortoken:t".into()));
        assert_eq!((&claims["scope"], &claims["aud"]), (&"dpv:X do:it".into(), &AUDIENCE.into()));
        assert_eq!(claims.as_object().unwrap().len(), 7, "{claims}");

        let error = shared_secret().grant_form(AUDIENCE, "operatortoken:t", "dpv:X do:it", now).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured);
    }

    /// The request of RFC 7523, section 2.1, as far as it is printed.
    #[test]
    fn the_request_printed_in_rfc_7523_is_like_ours() {
        const PRINTED: &str = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
        const HEADER: &str = "eyJhbGciOiJFUzI1NiIsImtpZCI6IjE2In0";
        let key_id = Some("16".to_owned());
        let auth = ClientAuth::PrivateKeyJwt { key: Secret::new(ES256), algorithm: SigningAlgorithm::ES256, key_id };
        let client = Client::new("https://jwt-idp.example.com", &auth).unwrap();
        let request = client.grant_form(AUDIENCE, "mailto:mike@example.com", "s", SystemTime::UNIX_EPOCH).unwrap();
        let body = String::from_utf8(request.body().to_vec()).unwrap();
        let header = |part: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
        let ours = header(body.strip_prefix(PRINTED).unwrap().split('.').next().unwrap());
        assert_eq!((&ours["alg"], &ours["kid"]), (&header(HEADER)["alg"], &header(HEADER)["kid"]));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn one_flipped_bit_spoils_an_assertion(place in 0_usize..4000, bit in 0_u8..6) {
            let client = jwt(ES256, SigningAlgorithm::ES256).unwrap();
            let key = EncodingKey::from_ec_pem(ES256.as_bytes()).unwrap();
            let assertion = client.sign("app", AUDIENCE, None, SystemTime::UNIX_EPOCH).unwrap().unwrap();
            let mut bytes = assertion.into_bytes();
            // The last character of a part may hold bits that mean nothing.
            let place = place % (bytes.len() - 1);
            bytes[place] ^= 1 << bit;
            let spoilt = String::from_utf8(bytes).unwrap();
            prop_assert!(read(&key, Algorithm::ES256, &spoilt).is_none());
        }
    }
}
