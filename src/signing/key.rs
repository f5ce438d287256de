//! One key: RS256 or ES256, its public half as a JSON Web Key, and its certificates.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    error::Unspecified,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{
    error::{Error, ErrorKind, Result},
    secret::Secret,
};

/// A private key that signs tokens, RS256 or ES256. Cheap to clone.
///
/// ```
/// use handset::signing::SigningKey;
///
/// let key = SigningKey::generate_es256()?;
/// let kept = key.to_pem()?; // a `Secret`: put it where the next process finds it
/// assert_eq!(SigningKey::es256_pem(&kept)?.id(), key.id());
/// # Ok::<(), handset::Error>(())
/// ```
#[derive(Clone)]
pub struct SigningKey {
    id: String,
    pair: Arc<Pair>,
    jwk: Value,
}

/// The private half, in the hands of aws-lc.
enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

impl SigningKey {
    /// An RSA key of 2048 to 8192 bits, in PKCS#8 PEM, for RS256. Make one with
    /// `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] when the text is something else.
    pub fn rs256_pem(pem: &Secret) -> Result<Self> {
        Self::rs256_der(pkcs8(pem)?.contents())
    }

    /// The same, in PKCS#8 DER.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] when the bytes are something else.
    pub fn rs256_der(der: &[u8]) -> Result<Self> {
        let wrong = |source| misconfigured("not an RSA key of 2048 to 8192 bits in PKCS#8").with_source(source);
        Self::of(Pair::Rsa(RsaKeyPair::from_pkcs8(der).map_err(wrong)?))
    }

    /// A private key on P-256, in PKCS#8 PEM, for ES256. Make one with
    /// `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] when the text is something else.
    pub fn es256_pem(pem: &Secret) -> Result<Self> {
        Self::es256_der(pkcs8(pem)?.contents())
    }

    /// The same, in PKCS#8 DER.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] when the bytes are something else.
    pub fn es256_der(der: &[u8]) -> Result<Self> {
        let wrong = |source| misconfigured("not a private key on P-256 in PKCS#8").with_source(source);
        Self::of(Pair::Ec(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map_err(wrong)?))
    }

    /// A new RSA key of 2048 bits. It takes a moment.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when the system's random generator fails.
    pub fn generate_rs256() -> Result<Self> {
        Self::of(Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).map_err(not_made)?))
    }

    /// A new key on P-256.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when the system's random generator fails.
    pub fn generate_es256() -> Result<Self> {
        Self::of(Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(not_made)?))
    }

    /// Publishes a certificate chain with the key (`x5c`, RFC 7517, section 4.7): PEM, the key's own certificate first.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] when there is no certificate, something else among them, or the first is of another key.
    pub fn with_certificates(mut self, pem: &str) -> Result<Self> {
        let wrong = "not a chain of certificates in PEM";
        let chain = pem::parse_many(pem).map_err(|source| misconfigured(wrong).with_source(source))?;
        if chain.is_empty() || chain.iter().any(|part| part.tag() != "CERTIFICATE") {
            return Err(misconfigured(wrong));
        }
        // A certificate holds the public key as it stands (RFC 5280, section 4.1), so that looking for its bytes tells.
        let public = self.pair.public_der().map_err(not_made)?;
        let own = chain.first().is_some_and(|own| own.contents().windows(public.len()).any(|part| part == public));
        if !own {
            return Err(misconfigured("the first certificate is of another key"));
        }
        if let Some(jwk) = self.jwk.as_object_mut() {
            let chain: Vec<String> = chain.iter().map(|part| STANDARD.encode(part.contents())).collect();
            jwk.insert("x5c".to_owned(), json!(chain));
        }
        Ok(self)
    }

    /// The name of the key in tokens: its `kid`, which is its thumbprint (RFC 7638).
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// `RS256` or `ES256`.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        self.pair.algorithm()
    }

    /// The public half as a JSON Web Key (RFC 7517).
    #[must_use]
    pub fn jwk(&self) -> &Value {
        &self.jwk
    }

    /// The private key in PKCS#8 PEM, to be kept for the next process.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when it cannot be written so.
    pub fn to_pem(&self) -> Result<Secret> {
        let der = self.pair.private_der().map_err(not_made)?;
        Ok(Secret::new(pem::encode(&pem::Pem::new(PRIVATE_KEY, der.as_slice()))))
    }

    /// Signs claims as a JSON Web Token (RFC 7519) in compact form; `typ` goes into its header.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when the claims are no JSON, or the key does not sign.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String> {
        let header = json!({ "alg": self.algorithm(), "typ": typ, "kid": self.id });
        let claims = serde_json::to_vec(claims).map_err(|source| unsigned().with_source(source))?;
        let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.pair.sign(text.as_bytes()).map_err(|source| unsigned().with_source(source))?;
        Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn of(pair: Pair) -> Result<Self> {
        let mut jwk = pair.public_jwk();
        // RFC 7638: the members that a kind of key requires, in the order of their names.
        let id = URL_SAFE_NO_PAD.encode(Sha256::digest(jwk.to_string()));
        if let Some(jwk) = jwk.as_object_mut() {
            jwk.insert("kid".to_owned(), json!(id));
            jwk.insert("use".to_owned(), json!("sig"));
            jwk.insert("alg".to_owned(), json!(pair.algorithm()));
        }
        Ok(Self { id, pair: Arc::new(pair), jwk })
    }
}

/// Shows the public parts.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).field("algorithm", &self.algorithm()).finish_non_exhaustive()
    }
}

impl Pair {
    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ec(_) => "ES256",
        }
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, text, &mut signature)?;
                Ok(signature)
            }
            Self::Ec(pair) => Ok(pair.sign(&random, text)?.as_ref().to_vec()),
        }
    }

    /// The members that a key of this kind has to have (RFC 7518, sections 6.2.1 and 6.3.1).
    fn public_jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Rsa(pair) => {
                let public = pair.public_key();
                let [n, e] = [public.modulus(), public.exponent()].map(|n| text(n.big_endian_without_leading_zero()));
                json!({ "e": e, "kty": "RSA", "n": n })
            }
            Self::Ec(pair) => {
                // SEC 1, section 2.3.3: a byte that says "uncompressed", and two numbers of 32 bytes.
                let point = pair.public_key().as_ref();
                let coordinates = point.split_first().map_or(point, |(_, coordinates)| coordinates);
                let (x, y) = coordinates.split_at_checked(32).unwrap_or_default();
                json!({ "crv": "P-256", "kty": "EC", "x": text(x), "y": text(y) })
            }
        }
    }

    fn private_der(&self) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        Ok(Zeroizing::new(match self {
            Self::Rsa(pair) => AsDer::<Pkcs8V1Der<'_>>::as_der(pair)?.as_ref().to_vec(),
            Self::Ec(pair) => pair.to_pkcs8v1()?.as_ref().to_vec(),
        }))
    }

    /// The public half as it stands in certificates.
    fn public_der(&self) -> Result<Vec<u8>, Unspecified> {
        let der: PublicKeyX509Der<'_> = match self {
            Self::Rsa(pair) => pair.public_key().as_der()?,
            Self::Ec(pair) => pair.public_key().as_der()?,
        };
        Ok(der.as_ref().to_vec())
    }
}

fn pkcs8(pem: &Secret) -> Result<pem::Pem> {
    let wrong =
        || misconfigured("not a private key in PKCS#8 PEM; `openssl pkcs8 -topk8 -nocrypt` makes one of others");
    let parsed = pem::parse(pem.expose()).map_err(|source| wrong().with_source(source))?;
    (parsed.tag() == PRIVATE_KEY).then_some(parsed).ok_or_else(wrong)
}

fn misconfigured(message: &'static str) -> Error {
    Error::new(ErrorKind::Misconfigured, message)
}

fn not_made(source: Unspecified) -> Error {
    Error::new(ErrorKind::Unavailable, "a signing key could not be made").with_source(source)
}

fn unsigned() -> Error {
    Error::new(ErrorKind::Unavailable, "a token could not be signed")
}

const PRIVATE_KEY: &str = "PRIVATE KEY";

#[cfg(test)]
mod tests {
    use jsonwebtoken::{
        Algorithm, DecodingKey, Validation, decode, decode_header,
        jwk::{Jwk, ThumbprintHash},
    };

    use super::*;
    use crate::signing::SigningKeys;

    const RS256: &str = include_str!("testdata/rs256.pem");
    const ES256: &str = include_str!("testdata/es256.pem");
    const CERTIFICATE: &str = include_str!("testdata/rs256.crt");

    fn one_of_each() -> [(SigningKey, Algorithm); 2] {
        crate::crypto::install().unwrap();
        [
            (SigningKey::rs256_pem(&Secret::new(RS256)).unwrap(), Algorithm::RS256),
            (SigningKey::es256_pem(&Secret::new(ES256)).unwrap(), Algorithm::ES256),
        ]
    }

    #[test]
    fn others_verify_with_the_published_key_and_name_it_the_same() {
        let generated = [
            (SigningKey::generate_rs256().unwrap(), Algorithm::RS256),
            (SigningKey::generate_es256().unwrap(), Algorithm::ES256),
        ];
        for (key, algorithm) in one_of_each().into_iter().chain(generated) {
            let token = key.sign("JWT", &json!({ "sub": "ada" })).unwrap();
            let header = decode_header(&token).unwrap();
            assert_eq!((header.kid.as_deref(), header.typ.as_deref()), (Some(key.id()), Some("JWT")));
            let jwk: Jwk = serde_json::from_value(key.jwk().clone()).unwrap();
            assert_eq!(jwk.thumbprint(ThumbprintHash::SHA256).unwrap(), key.id());
            let mut validation = Validation::new(algorithm);
            validation.required_spec_claims.clear();
            let read = decode::<Value>(&token, &DecodingKey::from_jwk(&jwk).unwrap(), &validation).unwrap();
            assert_eq!(read.claims["sub"], "ada");
        }
    }

    #[test]
    fn a_key_survives_its_text() {
        let [(rs256, _), (es256, _)] = one_of_each();
        assert_eq!(SigningKey::rs256_pem(&rs256.to_pem().unwrap()).unwrap().id(), rs256.id());
        assert_eq!(SigningKey::es256_pem(&es256.to_pem().unwrap()).unwrap().id(), es256.id());
    }

    #[test]
    fn the_key_set_holds_public_keys_only() {
        let [(rs256, _), (es256, _)] = one_of_each();
        let ids = [rs256.id().to_owned(), es256.id().to_owned()];
        let keys = SigningKeys::new(rs256).also_publish(es256).jwks();
        for (key, id) in keys["keys"].as_array().unwrap().iter().zip(ids) {
            assert_eq!((&key["kid"], &key["use"]), (&json!(id), &json!("sig")));
            for private in ["d", "k", "p", "q", "dp", "dq", "qi"] {
                assert!(key.get(private).is_none(), "{key}");
            }
        }
    }

    #[test]
    fn a_certificate_is_of_this_key_or_refused() {
        let [(rs256, _), (es256, _)] = one_of_each();
        let jwk = rs256.clone().with_certificates(CERTIFICATE).unwrap().jwk().clone();
        let der = STANDARD.decode(jwk["x5c"][0].as_str().unwrap()).unwrap();
        assert_eq!(der, pem::parse(CERTIFICATE).unwrap().contents());
        for (key, chain) in [(es256, CERTIFICATE), (rs256.clone(), ""), (rs256, RS256)] {
            assert_eq!(key.with_certificates(chain).unwrap_err().kind(), ErrorKind::Misconfigured);
        }
    }

    #[test]
    fn unusable_keys_are_refused() {
        let [rs256, es256] = [RS256, ES256].map(Secret::new);
        for result in [
            SigningKey::rs256_pem(&es256),
            SigningKey::es256_pem(&rs256),
            SigningKey::rs256_pem(&Secret::new("")),
            SigningKey::rs256_pem(&Secret::new(include_str!("testdata/rsa1024.pem"))),
            SigningKey::rs256_pem(&Secret::new(CERTIFICATE)),
            SigningKey::es256_der(b"not a key"),
        ] {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Misconfigured);
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let [(key, _), _] = one_of_each();
        let shown = format!("{key:?} {:?} {:?}", SigningKeys::new(key.clone()), key.to_pem().unwrap());
        let words = shown.split(|c: char| !c.is_ascii_alphanumeric());
        let long: Vec<&str> = words.filter(|word| word.len() > 43).collect();
        assert!(long.is_empty() && shown.contains(key.id()), "{shown}");
    }
}
