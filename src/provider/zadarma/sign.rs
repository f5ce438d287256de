//! Zadarma's signatures, of requests and of callbacks.
//!
//! Source: the vendor's API page, and its PHP client where the page leaves room. Parameters are sorted by their names' bytes and
//! written as `http_build_query` does. What goes into base64 is the *hexadecimal text* of the digest.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderValue;
use md5::{Digest, Md5};
use sha1::Sha1;

use super::error;
use crate::{
    crypto::hex,
    error::{ErrorKind, Result},
    secret::Secret,
};

/// The parameters as PHP writes them. This text is signed, and it is sent as the body.
pub(super) fn query(parameters: &BTreeMap<&str, String>) -> String {
    let pairs = parameters.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// The `Authorization` of a request: `path` is what follows the host, its last slash included.
pub(super) fn authorization(key: &Secret, secret: &Secret, path: &str, query: &str) -> Result<HeaderValue> {
    let signature = signature(secret, &[path, query, &hex(&Md5::digest(query))])?;
    let mut value = HeaderValue::from_str(&format!("{}:{signature}", key.expose()))
        .map_err(|_| error(ErrorKind::Misconfigured, "`key` has characters that cannot be sent"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Base64 of the hexadecimal HMAC-SHA1 of `parts`, one behind the other: 56 characters.
pub(super) fn signature(secret: &Secret, parts: &[&str]) -> Result<String> {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.expose().as_bytes())
        .map_err(|source| error(ErrorKind::Misconfigured, "`secret` cannot be used as a key").with_source(source))?;
    parts.iter().for_each(|part| mac.update(part.as_bytes()));
    Ok(STANDARD.encode(hex(&mac.finalize().into_bytes())))
}

/// `urlencode` of PHP: a blank is `+`, all but `A-Z a-z 0-9 - _ .` is `%XX`. The form serializer differs in one character.
fn escape(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('*', "%2A")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Vectors of another implementation of the scheme, itself compared with PHP 8.2.
    #[derive(serde::Deserialize)]
    struct Vector {
        path: String,
        parameters: BTreeMap<String, String>,
        query: String,
        authorization: String,
    }

    fn vectors() -> Vec<Vector> {
        serde_json::from_str(include_str!("testdata/signatures.json")).unwrap()
    }

    #[test]
    fn requests_are_signed_as_php_signs_them() {
        let (key, secret) = (Secret::new("0a1b2c3d4e5f60718293"), Secret::new("9f8e7d6c5b4a39281706"));
        for vector in vectors() {
            let parameters = vector.parameters.iter().map(|(name, value)| (name.as_str(), value.clone()));
            let query = query(&parameters.collect());
            assert_eq!(query, vector.query);
            let header = authorization(&key, &secret, &vector.path, &query).unwrap();
            assert_eq!(header, vector.authorization, "{} {query}", vector.path);
            assert!(header.is_sensitive());
        }
    }

    #[test]
    fn a_key_that_fits_no_header_is_refused() {
        let error = authorization(&Secret::new("a\nb"), &Secret::new("x"), "/", "").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured);
    }

    proptest! {
        #[test]
        fn every_text_is_escaped_to_phps_alphabet_and_back(text in any::<String>()) {
            let escaped = escape(&text);
            prop_assert!(escaped.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.+%".contains(&b)));
            let pair = format!("x={escaped}");
            let back: Vec<_> = form_urlencoded::parse(pair.as_bytes()).into_owned().collect();
            prop_assert_eq!(back, [("x".to_owned(), text)]);
        }

        #[test]
        fn one_changed_bit_changes_the_signature(text in "[ -~]{1,40}", at in any::<prop::sample::Index>(), bit in 0..7_u8) {
            let secret = Secret::new("9f8e7d6c5b4a39281706");
            let mut bytes = text.clone().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let changed = String::from_utf8(bytes).unwrap();
            prop_assert_ne!(signature(&secret, &[&text]).unwrap(), signature(&secret, &[&changed]).unwrap());
        }
    }
}
