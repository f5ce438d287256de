//! Keys that sign tokens for other parties: identity servers that know this application as a provider.
//!
//! Private operations run in aws-lc, whatever else of the program has turned on in `jsonwebtoken`: the `rsa` crate leaks private
//! keys through timing (RUSTSEC-2023-0071). Proofs have [keys of their own](crate::proof::ProofKeys), which may be shared secrets;
//! these may not.

mod key;

use serde_json::{Value, json};

pub use key::SigningKey;

/// The key that signs, and those whose public halves are published besides.
///
/// To change keys: publish the new one beside the old one until everybody's copy of the key set is newer, have it sign, and
/// publish the old one until its last token has ended.
///
/// ```
/// use handset::signing::{SigningKey, SigningKeys};
///
/// let (old, new) = (SigningKey::generate_es256()?, SigningKey::generate_es256()?);
/// let keys = SigningKeys::new(new).also_publish(old);
/// assert_eq!(keys.jwks()["keys"].as_array().map(Vec::len), Some(2));
/// # Ok::<(), handset::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SigningKeys {
    signing: SigningKey,
    published: Vec<SigningKey>,
}

impl SigningKeys {
    /// One key, which signs and is published.
    #[must_use]
    pub fn new(signing: SigningKey) -> Self {
        Self { signing, published: Vec::new() }
    }

    /// Publishes another key as well: one that signed before, or one that will.
    #[must_use]
    pub fn also_publish(mut self, key: SigningKey) -> Self {
        self.published.push(key);
        self
    }

    /// The key that signs.
    #[must_use]
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// Every key, the one that signs first.
    pub fn all(&self) -> impl Iterator<Item = &SigningKey> {
        std::iter::once(&self.signing).chain(&self.published)
    }

    /// The public keys as a JSON Web Key Set (RFC 7517).
    #[must_use]
    pub fn jwks(&self) -> Value {
        let keys: Vec<&Value> = self.all().map(SigningKey::jwk).collect();
        json!({ "keys": keys })
    }
}
