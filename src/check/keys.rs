//! The keys of one deployment, all from one server key, one for each use.

use std::{collections::BTreeSet, fmt};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::XChaCha20Poly1305;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::{
    error::{Error, ErrorKind, Result},
    ids::CheckId,
    random,
    secret::Secret,
};

/// The secret from which a deployment derives its keys: those of codes, seals and keyed hashes.
///
/// Processes that share a store share this key. Whoever has it and a copy of the store can find the codes.
#[derive(Clone)]
pub struct ServerKey(Zeroizing<[u8; 32]>);

impl ServerKey {
    /// A key for one process; what was stored under it means nothing to the next one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when the system's random generator fails.
    pub fn random() -> Result<Self> {
        Ok(Self(Zeroizing::new(random::bytes()?)))
    }

    /// A key from a configured secret of at least 32 bytes of randomness.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] when it is shorter.
    pub fn from_secret(secret: &Secret) -> Result<Self> {
        if secret.expose().len() < 32 {
            return Err(Error::new(
                ErrorKind::Misconfigured,
                "a server key has at least 32 bytes; make one with a generator",
            ));
        }
        Ok(Self(Zeroizing::new(Sha256::digest(secret.expose()).into())))
    }
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A keyed hash, cut to 128 bits: enough to tell things apart, nothing to find them by.
pub type Digest = [u8; 16];

/// The keys of new checks, and those of server keys that come into use or go out of it.
#[derive(Debug)]
pub(crate) struct Keyring {
    current: Keys,
    accepted: Vec<Keys>,
}

impl Keyring {
    pub(crate) fn new(current: &ServerKey, accepted: &[ServerKey]) -> Result<Self> {
        let ring = Self { current: Keys::derive(current), accepted: accepted.iter().map(Keys::derive).collect() };
        let marks: BTreeSet<u8> = ring.all().map(|keys| keys.mark).collect();
        match marks.len() == ring.all().count() {
            true => Ok(ring),
            // Of two hundred and fifty-six pairs, one happens to.
            false => Err(Error::new(
                ErrorKind::Misconfigured,
                "two server keys are the same, or their marks are; leave one out, or make another new one",
            )),
        }
    }

    /// The keys of new checks.
    pub(crate) fn current(&self) -> &Keys {
        &self.current
    }

    /// The keys that a check was started under, as the mark in its id says. A strange id gets the current ones.
    pub(crate) fn of(&self, id: &CheckId) -> &Keys {
        let marked = |keys: &&Keys| id.as_bytes().last() == Some(&keys.mark);
        self.accepted.iter().find(marked).unwrap_or(&self.current)
    }

    /// All of them, the current ones first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Keys> {
        std::iter::once(&self.current).chain(&self.accepted)
    }
}

/// The keys derived from one server key, ready for use.
#[derive(Clone)]
pub(crate) struct Keys {
    /// Stands in the ids of checks, to tell which keys they were started under.
    mark: u8,
    code: Hmac<Sha256>,
    name: Hmac<Sha256>,
    pub(super) seal: XChaCha20Poly1305,
}

impl Keys {
    pub(crate) fn derive(server: &ServerKey) -> Self {
        let root = prepared(&server.0);
        let key = |purpose: &[u8]| {
            Zeroizing::new(<[u8; 32]>::from(root.clone().chain_update(purpose).finalize().into_bytes()))
        };
        let [mark, ..] = *key(b"mark");
        Self {
            mark,
            code: prepared(&key(b"code")),
            name: prepared(&key(b"name")),
            seal: XChaCha20Poly1305::new(&(*key(b"seal")).into()),
        }
    }

    /// A new id, which says that it was made under these keys.
    pub(crate) fn new_id(&self) -> Result<CheckId> {
        let mut id: [u8; 16] = random::bytes()?;
        // The first bytes are what maps of ids are sorted by.
        let [.., last] = &mut id;
        *last = self.mark;
        Ok(CheckId::from_bytes(id))
    }

    /// Stands for `parts` in the store: the same parts give the same name, and only the key can tell which parts.
    pub(crate) fn name(&self, kind: &str, parts: &[&[u8]]) -> Digest {
        let mut mac = self.name.clone();
        for part in std::iter::once(&kind.as_bytes()).chain(parts) {
            // The length comes first, so that no two lists of parts run together to the same bytes.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        cut(mac)
    }

    /// The same as text, for where a name leaves this crate.
    pub(crate) fn text_name(&self, kind: &str, parts: &[&[u8]]) -> String {
        URL_SAFE_NO_PAD.encode(self.name(kind, parts))
    }

    /// The keyed hash of a code, under the check, action and binding that it was made for.
    pub(super) fn code(&self, id: &CheckId, context: &Digest, digits: &[u8]) -> Digest {
        let mut mac = self.code.clone();
        mac.update(id.as_bytes());
        mac.update(context);
        mac.update(digits);
        cut(mac)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

fn prepared(key: &[u8; 32]) -> Hmac<Sha256> {
    // HMAC fills a short key up with zeros to the block size of the hash (RFC 2104).
    let mut block = Zeroizing::new([0; 64]);
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    Hmac::new(&(*block).into())
}

fn cut(mac: Hmac<Sha256>) -> Digest {
    let mut cut = [0; 16];
    cut.iter_mut().zip(mac.finalize().into_bytes()).for_each(|(to, from)| *to = from);
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_by_kind_part_and_key() {
        let keys = Keys::derive(&ServerKey::random().unwrap());
        let other = Keys::derive(&ServerKey::random().unwrap());
        let name = keys.name("a", &[b"bc", b"d"]);
        assert_eq!(name, keys.name("a", &[b"bc", b"d"]));
        assert_ne!(name, keys.name("a", &[b"b", b"cd"]));
        assert_ne!(name, keys.name("ab", &[b"c", b"d"]));
        assert_ne!(name, other.name("a", &[b"bc", b"d"]));
    }

    #[test]
    fn a_short_server_key_is_refused() {
        assert!(ServerKey::from_secret(&Secret::new("too short")).is_err());
        assert!(ServerKey::from_secret(&Secret::new("x".repeat(32))).is_ok());
    }
}
