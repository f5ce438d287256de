//! Signatures in headers: draft-cavage-http-signatures, RSA over SHA-256, with keys that the signer publishes.

use std::{collections::HashMap, time::SystemTime};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http::{HeaderMap, HeaderName, Method, Uri, header};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, PublicKeyUse},
};
use sha2::{Digest, Sha256};

use super::{Freshness, Message, refused};
use crate::{
    cache::KeySet,
    error::{Error, Result},
};

/// A signature that has been read, and the text that it has to sign.
pub(crate) struct Signed {
    /// The signer's name of the key.
    pub(crate) key_id: String,
    text: String,
    /// In the alphabet of JSON Web Signatures.
    signature: String,
}

impl Signed {
    /// Reads the signature of a message, and checks everything but the signature itself: it has to cover target, host, date and,
    /// but for a `GET`, the digest of the body, which has to be right; and it has to be fresh.
    pub(crate) fn read(message: &Message, freshness: Freshness, now: SystemTime) -> Result<Self> {
        let authorization = single(&message.headers, &header::AUTHORIZATION).ok_or_else(unsigned)?;
        let parameters = parameters(authorization).ok_or_else(unsigned)?;
        let named = |name| parameters.get(name).copied();
        if named("algorithm").is_some_and(|algorithm| !algorithm.eq_ignore_ascii_case("rsa-sha256")) {
            return Err(refused("the signature is of another algorithm than `rsa-sha256`"));
        }
        let covered = named("headers").unwrap_or("date").split(' ');
        // A name may stand for much: bounded before the text is put together, which costs memory, and before it is checked.
        let covered: Vec<_> = covered.take(MOST_COVERED + 1).map(str::to_ascii_lowercase).collect();
        if covered.len() > MOST_COVERED {
            return Err(refused("the signature covers more than any vendor signs"));
        }
        let needed: &[&str] = if message.method == Method::GET { &WITHOUT_BODY } else { &WITH_BODY };
        if !needed.iter().all(|name| covered.iter().any(|covered| covered == name)) {
            return Err(refused("the signature does not cover what it has to"));
        }
        let date = single(&message.headers, &header::DATE).and_then(|date| httpdate::parse_http_date(date).ok());
        freshness.check(date.ok_or_else(|| refused("the signed date is no date"))?, now)?;
        if covered.iter().any(|name| name == "digest") && !is_digest_right(message) {
            return Err(refused("the digest is not that of the body"));
        }
        let signature = STANDARD.decode(named("signature").unwrap_or_default()).map_err(|_| unsigned())?;
        Ok(Self {
            key_id: named("keyId").ok_or_else(unsigned)?.to_owned(),
            text: text(message, &covered).ok_or_else(|| refused("the signature covers what is not there"))?,
            signature: URL_SAFE_NO_PAD.encode(signature),
        })
    }

    /// Checks the signature itself.
    pub(crate) fn verify(&self, key: &DecodingKey) -> Result<()> {
        match jsonwebtoken::crypto::verify(&self.signature, self.text.as_bytes(), key, Algorithm::RS256) {
            Ok(true) => Ok(()),
            _ => Err(refused("the signature is wrong")),
        }
    }
}

/// The RSA keys of a set that sign, by their names.
pub(crate) fn rsa_keys(set: KeySet) -> HashMap<String, DecodingKey> {
    set.by_name(|key| {
        let signs = matches!(key.common.public_key_use, None | Some(PublicKeyUse::Signature));
        signs && key.common.key_id.is_some() && matches!(key.algorithm, AlgorithmParameters::RSA(_))
    })
}

/// The parameters of `Signature name="value",..`; none may be there twice.
fn parameters(authorization: &str) -> Option<HashMap<&str, &str>> {
    let mut rest = authorization.strip_prefix("Signature ")?.trim();
    let mut parameters = HashMap::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = after.split_once('"')?;
        if parameters.insert(name.trim(), value).is_some() {
            return None;
        }
        rest = after.trim_start();
        rest = if rest.is_empty() { rest } else { rest.strip_prefix(',')?.trim_start() };
    }
    Some(parameters)
}

/// The text that is signed: a line for each covered name. The target and the host are those of the configured URL.
fn text(message: &Message, covered: &[String]) -> Option<String> {
    let url: Uri = message.url.parse().ok()?;
    let line = |name: &String| match name.as_str() {
        "(request-target)" => {
            let method = message.method.as_str().to_ascii_lowercase();
            Some(format!("{name}: {method} {}", url.path_and_query()?))
        }
        "host" => Some(format!("{name}: {}", host(&url)?)),
        _ => {
            let values = message.headers.get_all(HeaderName::from_bytes(name.as_bytes()).ok()?);
            let values: Option<Vec<_>> = values.iter().map(|value| Some(value.to_str().ok()?.trim())).collect();
            values.filter(|values| !values.is_empty()).map(|values| format!("{name}: {}", values.join(", ")))
        }
    };
    Some(covered.iter().map(line).collect::<Option<Vec<_>>>()?.join("\n"))
}

/// The host as a client sends it: without the port that goes without saying.
fn host(url: &Uri) -> Option<String> {
    let host = url.host()?;
    Some(match (url.port_u16(), url.scheme_str()) {
        (None, _) | (Some(443), Some("https")) | (Some(80), Some("http")) => host.to_owned(),
        (Some(port), _) => format!("{host}:{port}"),
    })
}

/// Whether `Digest` is that of the body. In base64 by RFC 3230, in hexadecimal digits by some.
fn is_digest_right(message: &Message) -> bool {
    let Some(digest) = single(&message.headers, &HeaderName::from_static("digest")) else { return false };
    let Some((algorithm, value)) = digest.split_once('=') else { return false };
    let hash = Sha256::digest(&message.body);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    algorithm.eq_ignore_ascii_case("sha-256") && (value == STANDARD.encode(hash) || value.eq_ignore_ascii_case(&hex))
}

/// The value of a header that is there once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

fn unsigned() -> Error {
    refused("there is no signature that can be read")
}

/// What the signature of a message with a body has to cover.
const WITH_BODY: [&str; 4] = ["(request-target)", "host", "date", "digest"];

/// What the signature of one without has to cover.
const WITHOUT_BODY: [&str; 3] = ["(request-target)", "host", "date"];

/// How many names a signature may cover.
const MOST_COVERED: usize = 16;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use http::HeaderValue;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::crypto;

    /// Made by an independent program, and checked with a library of another language.
    fn vectors() -> Value {
        serde_json::from_str(include_str!("testdata/signed.json")).unwrap()
    }

    fn message(vector: &Value) -> Message {
        let mut headers = HeaderMap::new();
        for (name, value) in vector["headers"].as_object().unwrap() {
            headers.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.as_str().unwrap().parse().unwrap());
        }
        let body = Bytes::from(vector["body"].as_str().unwrap().to_owned());
        Message::new(Method::POST, vector["url"].as_str().unwrap(), headers, body)
    }

    fn signed_at() -> SystemTime {
        httpdate::parse_http_date(vectors()["date"].as_str().unwrap()).unwrap()
    }

    fn check(message: &Message, now: SystemTime) -> Result<()> {
        crypto::install().unwrap();
        let keys = rsa_keys(serde_json::from_slice(include_bytes!("testdata/jwks.json")).unwrap());
        let signed = Signed::read(message, Freshness::default(), now)?;
        signed.verify(keys.get(&signed.key_id).ok_or_else(unsigned)?)
    }

    fn changed(change: impl FnOnce(&mut Message)) -> Message {
        let mut message = message(&vectors()["callback"]);
        change(&mut message);
        message
    }

    /// The same message with other parameters of the signature.
    fn with_parameters(edit: impl FnOnce(&str) -> String) -> Message {
        changed(|message| {
            let edited = edit(message.headers["authorization"].to_str().unwrap());
            message.headers.insert("authorization", edited.parse().unwrap());
        })
    }

    #[test]
    fn e1_the_vectors_are_accepted() {
        for name in ["callback", "callback_with_hex_digest"] {
            check(&message(&vectors()[name]), signed_at()).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    #[test]
    fn e2_the_age_and_the_future_are_bounded_each_by_its_own_setting() {
        let message = message(&vectors()["callback"]);
        for (seconds, fresh) in [(-6, false), (-5, true), (0, true), (300, true), (301, false)] {
            let offset = Duration::from_secs(i64::unsigned_abs(seconds));
            let now = if seconds < 0 { signed_at() - offset } else { signed_at() + offset };
            assert_eq!(check(&message, now).is_ok(), fresh, "{seconds}");
        }
    }

    #[test]
    fn e3_the_host_is_the_configured_one_whatever_the_header_says() {
        let elsewhere = changed(|message| {
            message.headers.insert("host", HeaderValue::from_static("evil.example.com"));
        });
        assert!(check(&elsewhere, signed_at()).is_ok());
        let ours = changed(|message| message.url = message.url.replace("app.example.com", "evil.example.com"));
        assert!(check(&ours, signed_at()).is_err());
        let with_port = changed(|message| message.url = message.url.replace(".com/", ".com:443/"));
        assert!(check(&with_port, signed_at()).is_ok(), "the port that goes without saying is not sent");
    }

    #[test]
    fn what_does_not_cover_the_message_is_refused() {
        for needed in WITH_BODY {
            let less =
                with_parameters(|text| text.replace(&format!("{needed} "), "").replace(&format!(" {needed}"), ""));
            let error = check(&less, signed_at()).unwrap_err();
            assert!(error.to_string().contains("cover"), "{needed}: {error}");
        }
        let unknown = with_parameters(|text| text.replace("x-tru-callback", "x-not-there"));
        assert!(check(&unknown, signed_at()).unwrap_err().to_string().contains("not there"));
    }

    #[test]
    fn e6_a_signature_covers_no_more_than_a_few_names() {
        let covering = |times| with_parameters(|text| text.replace("x-tru-callback", &"date ".repeat(times)));
        for (times, says) in [(8, "covers what is not there"), (2_000, "covers more than")] {
            let error = check(&covering(times), signed_at()).unwrap_err();
            assert!(error.to_string().contains(says), "{times}: {error}");
        }
    }

    #[test]
    fn what_is_no_such_signature_is_refused() {
        for edit in [
            (|text| text.replace("rsa-sha256", "hmac-sha256")) as fn(&str) -> String,
            |text| text.replace("rsa-sha256", "rsa-sha1"),
            |text| text.replace("Signature ", "Bearer "),
            |text| text.replace("public:test-2026", "public:test-2027"),
            |text| format!("{text},keyId=\"public:test-2026\""),
            |text| text.replace("keyId", "kid"),
            |text| text.replace(",signature=\"", ",signature=\"*"),
            |text| text.replace(",signature=", ";signature="),
            |_| "Signature ".to_owned(),
            |_| "Signature keyId=\"".to_owned(),
            |_| "Signature =\"\",,".to_owned(),
        ] {
            let error = check(&with_parameters(edit), signed_at()).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Denied);
        }
        let twice = changed(|message| {
            let again = message.headers["date"].clone();
            message.headers.append("date", again);
        });
        assert!(check(&twice, signed_at()).is_err());
        let unsigned = changed(|message| message.headers.clear());
        assert!(check(&unsigned, signed_at()).is_err());
    }

    #[test]
    fn keys_of_other_kinds_are_passed_over() {
        let mut set: Value = serde_json::from_str(include_str!("testdata/jwks.json")).unwrap();
        let rsa = set["keys"][0].clone();
        let mut for_encryption = rsa.clone();
        for_encryption["kid"] = "enc".into();
        for_encryption["use"] = "enc".into();
        let others = [
            for_encryption,
            serde_json::json!({ "kty": "oct", "kid": "shared", "k": "c2VjcmV0" }),
            serde_json::json!({ "kty": "AKP", "kid": "of tomorrow" }),
            serde_json::json!("nonsense"),
        ];
        set["keys"].as_array_mut().unwrap().extend(others);
        let keys = rsa_keys(serde_json::from_value(set).unwrap());
        assert_eq!(keys.into_keys().collect::<Vec<_>>(), ["public:test-2026"]);
    }

    fn flip(text: &str, bit: usize) -> Option<String> {
        let mut bytes = text.as_bytes().to_vec();
        let place = bit / 8 % bytes.len();
        bytes[place] ^= 1 << (bit % 8);
        String::from_utf8(bytes).ok()
    }

    proptest! {
        #[test]
        fn e1_one_flipped_bit_is_refused(part in 0..6_usize, bit in any::<usize>()) {
            let mut message = message(&vectors()["callback"]);
            match part {
                0 => message.body = flip(std::str::from_utf8(&message.body).unwrap(), bit).unwrap_or_default().into(),
                1 => {
                    let (scheme, rest) = message.url.split_once("://").unwrap();
                    message.url = format!("{scheme}://{}", flip(rest, bit).unwrap_or_default());
                }
                2 => {
                    let value = message.headers["authorization"].to_str().unwrap().to_owned();
                    let (before, signature) = value.split_once("signature=\"").unwrap();
                    let signature = signature.trim_end_matches('"');
                    let mut raw = STANDARD.decode(signature).unwrap();
                    let place = bit / 8 % raw.len();
                    raw[place] ^= 1 << (bit % 8);
                    let value = format!("{before}signature=\"{}\"", STANDARD.encode(raw));
                    message.headers.insert("authorization", value.parse().unwrap());
                }
                part => {
                    let name = ["date", "digest", "x-tru-callback"][part - 3];
                    let flipped = flip(message.headers[name].to_str().unwrap(), bit);
                    let value = flipped.and_then(|value| HeaderValue::from_str(&value).ok());
                    prop_assume!(value.is_some());
                    message.headers.insert(name, value.unwrap());
                }
            }
            prop_assert!(check(&message, signed_at()).is_err());
        }

        #[test]
        fn no_header_panics(text in ".{0,200}") {
            if let Ok(value) = HeaderValue::from_str(&text) {
                let strange = changed(|message| { message.headers.insert("authorization", value); });
                prop_assert!(check(&strange, signed_at()).is_err());
            }
        }
    }
}
