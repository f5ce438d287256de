//! What a PHP server makes of a request's signature: queries as `http_build_query` writes them, HMAC by hand.

use base64::{Engine, engine::general_purpose::STANDARD};
use md5::Md5;
use sha1::{Digest, Sha1};

/// The `Authorization` that these parameters must come with: `key`, a colon, and base64 of the HMAC's hexadecimal text.
pub(super) fn authorization(key: &str, secret: &str, path: &str, parameters: &[(String, String)]) -> String {
    let query = build_query(parameters);
    let digest = lower_hex(&Md5::digest(query.as_bytes()));
    let mac = hmac_sha1(secret.as_bytes(), format!("{path}{query}{digest}").as_bytes());
    format!("{key}:{}", STANDARD.encode(lower_hex(&mac)))
}

/// The `Signature` of a notification: base64 of the HMAC's hexadecimal text, over some of its values.
pub(super) fn signature(secret: &str, values: &str) -> String {
    STANDARD.encode(lower_hex(&hmac_sha1(secret.as_bytes(), values.as_bytes())))
}

/// `http_build_query(ksort($parameters), '', '&', PHP_QUERY_RFC1738)`.
fn build_query(parameters: &[(String, String)]) -> String {
    let mut sorted: Vec<_> = parameters.iter().collect();
    sorted.sort_by(|(one, _), (other, _)| one.as_bytes().cmp(other.as_bytes()));
    let mut query = String::new();
    for (name, value) in sorted {
        if !query.is_empty() {
            query.push('&');
        }
        urlencode(name, &mut query);
        query.push('=');
        urlencode(value, &mut query);
    }
    query
}

/// `urlencode`: letters, digits and `-_.` stay, a blank is `+`, every other byte `%` and two capital hexadecimal digits.
fn urlencode(text: &str, query: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'.' => query.push(char::from(byte)),
            b' ' => query.push('+'),
            _ => query.extend(format!("%{byte:02X}").chars()),
        }
    }
}

/// RFC 2104 with SHA-1. Secrets of more than one block do not come up.
fn hmac_sha1(secret: &[u8], text: &[u8]) -> Vec<u8> {
    let padded = |with: u8| -> Vec<u8> {
        secret.iter().copied().chain(std::iter::repeat(0)).take(BLOCK).map(|byte| byte ^ with).collect()
    };
    let inner = Sha1::new().chain_update(padded(0x36)).chain_update(text).finalize();
    Sha1::new().chain_update(padded(0x5c)).chain_update(inner).finalize().to_vec()
}

const BLOCK: usize = 64;

fn lower_hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|half| char::from_digit(half.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(parameters: &[(&str, &str)]) -> Vec<(String, String)> {
        parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// RFC 2202, cases 1 and 2.
    #[test]
    fn the_hmac_is_that_of_the_rfc() {
        assert_eq!(lower_hex(&hmac_sha1(&[0x0b; 20], b"Hi There")), "b617318655057264e28bc0b6fb378c8ef146be00");
        let mac = hmac_sha1(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(lower_hex(&mac), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    }

    /// Computed with another implementation, over the values of the vendor's example.
    #[test]
    fn a_notification_is_signed_as_documented() {
        let values = ["0999999999", "0", "2024-10-23 16:00:47"].concat();
        let expected = "YjM2NjJlYTZjMWZiNDRkNTgxMDNhYTlmNmZjNzVlNTBhYTcwMjk3MQ==";
        assert_eq!(signature("9f8e7d6c5b4a39281706", &values), expected);
    }

    #[test]
    fn queries_are_sorted_and_escaped_as_php_does() {
        let parameters = owned(&[("to", "+49 9"), ("a_b", "~*!'()/é"), ("Zeta", ""), ("code", "1-2_3.4")]);
        assert_eq!(build_query(&parameters), "Zeta=&a_b=%7E%2A%21%27%28%29%2F%C3%A9&code=1-2_3.4&to=%2B49+9");
        assert_eq!(build_query(&[]), "");
    }

    /// Computed with another implementation, itself compared with PHP 8.2.
    #[test]
    fn a_signature_is_base64_of_hexadecimal() {
        let parameters = owned(&[("to", "+499999999999"), ("format", "json"), ("channel", "sms")]);
        assert_eq!(
            authorization("0a1b2c3d4e5f60718293", "9f8e7d6c5b4a39281706", "/v1/verify/", &parameters),
            "0a1b2c3d4e5f60718293:NzMzNzdiOTQxODBhMmZhYjY1MDliZGQyZDJjNWI2NDVhZmQ2YThlNg=="
        );
        assert_eq!(
            authorization("0a1b2c3d4e5f60718293", "9f8e7d6c5b4a39281706", "/v1/info/balance/", &[]),
            "0a1b2c3d4e5f60718293:YzE3NTI4MGIyN2NjYWU3NWY3M2JmMzY3ZmFiZDZiODMzNTJkMTVmOQ=="
        );
    }
}
