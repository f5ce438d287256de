//! The parameters of a request: each at most once, and an empty one is none (RFC 6749, section 3.1).

use std::collections::BTreeMap;

#[cfg(feature = "oidc-provider")]
use serde_json::{Map, Value};

/// What a query or a form says.
#[derive(Debug, Default)]
pub(crate) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Reads a query or a form, unless it says something twice.
    pub(crate) fn read(encoded: &[u8]) -> Option<Self> {
        let mut read = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(encoded) {
            if read.insert(name.into_owned(), value.into_owned()).is_some() {
                return None;
            }
        }
        Some(Self(read))
    }

    /// The same from the claims of a request object (RFC 9101, section 4), where values may be of other types.
    #[cfg(feature = "oidc-provider")]
    pub(crate) fn of_claims(claims: Map<String, Value>) -> Self {
        let text = |value: Value| match value {
            Value::String(text) => Some(text),
            Value::Number(_) | Value::Object(_) => Some(value.to_string()),
            _ => None,
        };
        Self(claims.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect())
    }

    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The words of a list that is separated by spaces.
    #[cfg(feature = "oidc-provider")]
    pub(crate) fn words(&self, name: &str) -> impl Iterator<Item = &str> {
        self.one(name).unwrap_or_default().split(' ').filter(|word| !word.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_twice_and_nothing_empty_is_said() {
        let read = Parameters::read(b"a=1&b=").unwrap();
        assert_eq!((read.one("a"), read.one("b"), read.one("c")), (Some("1"), None, None));
        assert!(Parameters::read(b"a=1&a=1").is_none());
    }

    #[cfg(feature = "oidc-provider")]
    #[test]
    fn words_are_apart_by_spaces() {
        let read = Parameters::read(b"scope=openid%20%20phone").unwrap();
        assert_eq!(read.words("scope").collect::<Vec<_>>(), ["openid", "phone"]);
    }
}
