//! What a check must remember and the store must not see: encrypted under the server key.

use std::fmt;

use bytes::Bytes;
use chacha20poly1305::{
    XNonce,
    aead::{Aead, Payload},
};
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::keys::Keys;
use crate::{
    error::{Error, ErrorKind, Result},
    ids::CheckId,
    random,
};

/// Encrypted data of one check: XChaCha20-Poly1305, the check id authenticated with it, the nonce in front.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Bytes);

impl Sealed {
    /// What was written elsewhere.
    pub(crate) fn from_bytes(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// The encrypted bytes, for a store that writes them elsewhere.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

impl Keys {
    pub(crate) fn seal<T: Serialize>(&self, id: &CheckId, value: &T) -> Result<Sealed> {
        self.seal_for(id.as_bytes(), value).map(|bytes| Sealed(bytes.into()))
    }

    /// Opens what [`seal`](Self::seal) made for the same check.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`]: the store holds something else, or another server key made it.
    pub(crate) fn open<T: DeserializeOwned>(&self, id: &CheckId, sealed: &Sealed) -> Result<T> {
        self.open_for(id.as_bytes(), &sealed.0)
    }

    /// Encrypts for whoever names the same `whose`, for what is kept elsewhere than in the store.
    pub(crate) fn seal_for<T: Serialize>(&self, whose: &[u8], value: &T) -> Result<Vec<u8>> {
        let text = Zeroizing::new(rmp_serde::to_vec(value).map_err(|source| unsealable().with_source(source))?);
        let nonce: [u8; NONCE] = random::bytes()?;
        let payload = Payload { msg: &text, aad: whose };
        let encrypted = self.seal.encrypt(&XNonce::from(nonce), payload).map_err(|_| unsealable())?;
        Ok([nonce.as_slice(), &encrypted].concat())
    }

    /// Opens what [`seal_for`](Self::seal_for) made.
    pub(crate) fn open_for<T: DeserializeOwned>(&self, whose: &[u8], sealed: &[u8]) -> Result<T> {
        let (nonce, encrypted) = sealed.split_first_chunk::<NONCE>().ok_or_else(unsealable)?;
        let payload = Payload { msg: encrypted, aad: whose };
        let text = Zeroizing::new(self.seal.decrypt(&XNonce::from(*nonce), payload).map_err(|_| unsealable())?);
        rmp_serde::from_slice(&text).map_err(|source| unsealable().with_source(source))
    }
}

fn unsealable() -> Error {
    Error::new(ErrorKind::Unavailable, "a stored check cannot be opened: do all processes share one server key?")
}

const NONCE: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::ServerKey;

    #[test]
    fn what_is_sealed_opens_for_the_same_check_and_key_only() {
        let keys = Keys::derive(&ServerKey::random().unwrap());
        let id = CheckId::random().unwrap();
        let sealed = keys.seal(&id, &"+37126123456").unwrap();
        assert_eq!(keys.open::<String>(&id, &sealed).unwrap(), "+37126123456");

        assert!(keys.open::<String>(&CheckId::random().unwrap(), &sealed).is_err());
        let other = Keys::derive(&ServerKey::random().unwrap());
        assert!(other.open::<String>(&id, &sealed).is_err());
        for bit in 0..sealed.0.len() * 8 {
            let mut forged = sealed.0.to_vec();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(keys.open::<String>(&id, &Sealed(forged.into())).is_err(), "bit {bit}");
        }
        assert!(keys.open::<String>(&id, &Sealed(Bytes::new())).is_err());
    }
}
