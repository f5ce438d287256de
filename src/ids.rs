//! The names of things: newtypes that are checked once, when they are made.

use std::{fmt, str::FromStr, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;

use crate::{
    error::{Error, ErrorKind, Result},
    random,
};

/// The account or pre-session that a check protects: the `sub` of a proof.
///
/// Between 1 and 255 bytes without control characters. A visitor's subject is the secret in its cookie, so `Debug` shows
/// nothing of any subject.
///
/// ```
/// use handset::Subject;
///
/// let subject = Subject::new("user-42")?;
/// assert_eq!(subject.as_str(), "user-42");
/// assert_eq!(format!("{subject:?}"), "Subject([redacted])");
/// assert!(Subject::new("").is_err());
/// # Ok::<(), handset::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject(String);

impl Subject {
    /// Takes the identifier that the application knows the account by.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when it is empty, longer than 255 bytes or holds a control character.
    pub fn new(id: impl Into<String>) -> Result<Self> {
        let id = id.into();
        if id.is_empty() || id.len() > 255 || id.chars().any(char::is_control) {
            return Err(Error::new(ErrorKind::InvalidInput, "a subject has 1 to 255 bytes and no control characters"));
        }
        Ok(Self(id))
    }

    /// The identifier as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subject([redacted])")
    }
}

/// Names one check: 16 bytes, written as 22 characters of base64url. All but the last are random; that one says which of the
/// deployment's server keys the check was started under.
///
/// It is no secret: a check answers only to the subject that started it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CheckId([u8; 16]);

impl CheckId {
    /// A new id from the operating system's generator.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when the generator fails.
    pub fn random() -> Result<Self> {
        Ok(Self(random::bytes()?))
    }

    /// The id of 16 bytes that a store or a URL has kept.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes of the id.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for CheckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for CheckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CheckId({self})")
    }
}

impl FromStr for CheckId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| Error::new(ErrorKind::InvalidInput, "not a check id"))
    }
}

impl Serialize for CheckId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What the subject is trying to do, such as `sign_in` or `transfer`.
///
/// Between 1 and 64 characters of `a-z`, `0-9`, `_`, `.`, `:` and `-`, so that it can stand in a policy file, a claim and a
/// log line without escaping.
///
/// ```
/// use handset::Action;
///
/// assert_eq!(Action::new("transfer")?.as_str(), "transfer");
/// assert!(Action::new("Drop Table").is_err());
/// # Ok::<(), handset::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Action(Arc<str>);

impl Action {
    /// Names an action.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when the name is empty, too long or has other characters.
    pub fn new(name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"_.:-".contains(&c);
        if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "an action has 1 to 64 characters of a-z, 0-9, `_`, `.`, `:` and `-`",
            ));
        }
        Ok(Self(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for Action {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The transaction that a check and its proof are bound to: for instance amount and payee.
///
/// Between 1 and 256 bytes without control characters. Two bindings are the same when their bytes are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Binding(String);

impl Binding {
    /// Takes the application's description of the transaction.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when it is empty, longer than 256 bytes or holds a control character.
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        if text.is_empty() || text.len() > 256 || text.chars().any(char::is_control) {
            return Err(Error::new(ErrorKind::InvalidInput, "a binding has 1 to 256 bytes and no control characters"));
        }
        Ok(Self(text))
    }

    /// The description as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The SHA-256 thumbprint of a client's public key (RFC 7638), as it stands in `cnf` (RFC 7800; `jkt` by RFC 9449).
///
/// 43 characters of base64url.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyThumbprint(String);

impl KeyThumbprint {
    /// Takes a thumbprint that the application has computed or read.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when it is no base64url of 32 bytes.
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        match URL_SAFE_NO_PAD.decode(&text) {
            Ok(bytes) if bytes.len() == 32 => Ok(Self(text)),
            _ => Err(Error::new(ErrorKind::InvalidInput, "a key thumbprint is base64url of 32 bytes")),
        }
    }

    /// The thumbprint as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a policy rule or limit, as it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleName(Arc<str>);

impl RuleName {
    pub(crate) fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for RuleName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_id_survives_its_text_form() {
        let id = CheckId::random().unwrap();
        assert_eq!(id.to_string().len(), 22);
        assert_eq!(id.to_string().parse::<CheckId>().unwrap(), id);
    }

    #[test]
    fn other_texts_are_not_check_ids() {
        for text in ["", "x", "../../etc/passwd", "AAAAAAAAAAAAAAAAAAAAAAAAA", "ééééééééééé"] {
            assert!(text.parse::<CheckId>().is_err(), "{text}");
        }
    }
}
