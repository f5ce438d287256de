//! The keys of proofs: one that signs, and all that are still accepted.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation,
    jwk::{Jwk, PublicKeyUse, ThumbprintHash},
};
use serde_json::{Value, json};
use sha2::Sha256;

use super::token;
use crate::{
    crypto,
    error::{Error, ErrorKind, Result},
    random,
    secret::Secret,
};

/// One key of proofs.
///
/// With HS256, whoever can verify a proof can make one: use it where one application does both. With ES256 and EdDSA others
/// verify with the public key, which is at `/.well-known/jwks.json`.
#[derive(Clone)]
pub struct ProofKey {
    pub(super) id: String,
    pub(super) header: Header,
    /// The same as it stands at the beginning of every token that it signs, up to the dot.
    head: String,
    pub(super) algorithm: Algorithm,
    pub(super) signing: EncodingKey,
    pub(super) verifying: DecodingKey,
    /// The key says which algorithm there is; a header may only agree.
    pub(super) validation: Validation,
    public: Option<Value>,
}

impl ProofKey {
    /// A shared secret of at least 32 bytes of randomness, for HS256.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] when it is shorter: RFC 7518, section 3.2, asks for as many bytes as the hash has.
    pub fn hs256(secret: &Secret) -> Result<Self> {
        Self::from_hmac(secret.expose().as_bytes())
    }

    /// A key for HS256 from the system's generator. The proofs of a process end with it: for one process, and for trying out.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when the system's random generator fails.
    pub fn random() -> Result<Self> {
        Self::from_hmac(&random::bytes::<32>()?)
    }

    /// A private key on P-256, in PKCS#8 PEM, for ES256. Make one with
    /// `openssl ecparam -genkey -noout -name prime256v1 | openssl pkcs8 -topk8 -nocrypt`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] when the text is something else.
    pub fn es256_pem(pem: &Secret) -> Result<Self> {
        let key = EncodingKey::from_ec_pem(pem.expose().as_bytes());
        Self::from_private(key, Algorithm::ES256, "not a private key on P-256 in PKCS#8 PEM")
    }

    /// A private Ed25519 key, in PKCS#8 PEM, for EdDSA. Make one with `openssl genpkey -algorithm ed25519`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] when the text is something else.
    pub fn eddsa_pem(pem: &Secret) -> Result<Self> {
        let key = EncodingKey::from_ed_pem(pem.expose().as_bytes());
        Self::from_private(key, Algorithm::EdDSA, "not a private Ed25519 key in PKCS#8 PEM")
    }

    /// The name of the key in tokens: its `kid`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    fn from_hmac(secret: &[u8]) -> Result<Self> {
        crypto::install()?;
        if secret.len() < 32 {
            return Err(misconfigured("a secret for HS256 has at least 32 bytes; make one with a generator"));
        }
        // A keyed hash of a fixed text names the key without giving anybody a hash of it to guess at.
        let mut name = Hmac::<Sha256>::new_from_slice(secret)
            .map_err(|source| misconfigured("a secret for HS256 cannot be used").with_source(source))?;
        name.update(b"handset proof key id");
        let name: Vec<u8> = name.finalize().into_bytes().into_iter().take(12).collect();
        let (signing, verifying) = (EncodingKey::from_secret(secret), DecodingKey::from_secret(secret));
        Self::new(URL_SAFE_NO_PAD.encode(name), Algorithm::HS256, signing, verifying, None)
            .map_err(|source| misconfigured("a secret for HS256 cannot be used").with_source(source))
    }

    fn from_private(
        key: jsonwebtoken::errors::Result<EncodingKey>,
        algorithm: Algorithm,
        otherwise: &'static str,
    ) -> Result<Self> {
        crypto::install()?;
        let wrong = |source| misconfigured(otherwise).with_source(source);
        let signing = key.map_err(wrong)?;
        let mut jwk = Jwk::from_encoding_key(&signing, algorithm).map_err(wrong)?;
        // RFC 7638.
        let id = jwk.thumbprint(ThumbprintHash::SHA256).map_err(wrong)?;
        let verifying = DecodingKey::from_jwk(&jwk).map_err(wrong)?;
        jwk.common.key_id = Some(id.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let public = serde_json::to_value(&jwk).map_err(|source| misconfigured(otherwise).with_source(source))?;
        Self::new(id, algorithm, signing, verifying, Some(public)).map_err(wrong)
    }

    fn new(
        id: String,
        algorithm: Algorithm,
        signing: EncodingKey,
        verifying: DecodingKey,
        public: Option<Value>,
    ) -> jsonwebtoken::errors::Result<Self> {
        let header = token::header(algorithm, &id);
        let head = jsonwebtoken::encode(&header, &(), &signing)?.split('.').next().unwrap_or_default().to_owned();
        Ok(Self { id, header, head, algorithm, signing, verifying, validation: signature_only(algorithm), public })
    }
}

impl fmt::Debug for ProofKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProofKey").field("id", &self.id).field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// The key that signs proofs, and those that are accepted besides.
///
/// To change keys: make the new one sign and accept the old one, until every proof of the old one has ended.
///
/// ```
/// use handset::proof::{ProofKey, ProofKeys};
///
/// let (old, new) = (ProofKey::random()?, ProofKey::random()?);
/// let keys = ProofKeys::new(new).also_accept(old);
/// # let _ = keys;
/// # Ok::<(), handset::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ProofKeys {
    pub(super) signing: ProofKey,
    accepted: Vec<ProofKey>,
}

impl ProofKeys {
    /// One key that signs and is accepted.
    #[must_use]
    pub fn new(signing: ProofKey) -> Self {
        Self { signing, accepted: Vec::new() }
    }

    /// Accepts the proofs of another key as well.
    #[must_use]
    pub fn also_accept(mut self, key: ProofKey) -> Self {
        self.accepted.push(key);
        self
    }

    /// The public keys as a JSON Web Key Set (RFC 7517). A shared secret is never in it.
    #[must_use]
    pub fn jwks(&self) -> Value {
        let keys: Vec<&Value> = self.all().filter_map(|key| key.public.as_ref()).collect();
        json!({ "keys": keys })
    }

    /// The key whose tokens begin so.
    pub(super) fn of_head(&self, head: &str) -> Option<&ProofKey> {
        self.all().find(|key| key.head == head)
    }

    pub(super) fn find(&self, id: &str) -> Option<&ProofKey> {
        self.all().find(|key| key.id == id)
    }

    fn all(&self) -> impl Iterator<Item = &ProofKey> {
        std::iter::once(&self.signing).chain(&self.accepted)
    }
}

/// What is asked of a token by its signature alone. Its claims are checked apart, and its times against the clock that is given.
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation
}

fn misconfigured(message: &'static str) -> Error {
    Error::new(ErrorKind::Misconfigured, message)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::proof) fn one_of_each() -> [ProofKey; 3] {
        [
            ProofKey::random().unwrap(),
            ProofKey::es256_pem(&Secret::new(include_str!("testdata/es256.pem"))).unwrap(),
            ProofKey::eddsa_pem(&Secret::new(include_str!("testdata/eddsa.pem"))).unwrap(),
        ]
    }

    #[test]
    fn the_key_set_holds_public_keys_only() {
        let [hs256, es256, eddsa] = one_of_each();
        let ids = [es256.id.clone(), eddsa.id.clone()];
        let keys = ProofKeys::new(hs256).also_accept(es256).also_accept(eddsa).jwks();
        let keys = keys["keys"].as_array().unwrap();
        assert_eq!(keys.len(), 2);
        for (key, id) in keys.iter().zip(ids) {
            assert_eq!(key["kid"], json!(id));
            assert_eq!(key["use"], "sig");
            for private in ["d", "k", "p", "q"] {
                assert!(key.get(private).is_none(), "{key}");
            }
        }
    }

    #[test]
    fn unusable_keys_are_refused() {
        let es256 = Secret::new(include_str!("testdata/es256.pem"));
        let eddsa = Secret::new(include_str!("testdata/eddsa.pem"));
        for result in [
            ProofKey::hs256(&Secret::new("too short")),
            ProofKey::es256_pem(&eddsa),
            ProofKey::eddsa_pem(&es256),
            ProofKey::es256_pem(&Secret::new("")),
        ] {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Misconfigured);
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let key = ProofKey::hs256(&Secret::new("0123456789abcdef0123456789abcdef")).unwrap();
        assert!(!format!("{key:?}").contains("0123456789"), "{key:?}");
    }
}
