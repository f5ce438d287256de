//! What an `id_token` says, once its signature was checked (OpenID Connect Core, section 3.1.3.7).
//!
//! Nothing is taken from it: it shows that the grant was made for this check and for us.

use std::time::{Duration, SystemTime};

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::Account;
use crate::{error::Result, provider::oauth::nonsense, secret::Secret};

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
    exp: u64,
    iat: u64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// The name of the key that signed; empty where there is none. Nothing else of the token is read before that key is there.
pub(super) fn key_name(id_token: &Secret) -> Result<String> {
    let header =
        decode_header(id_token.expose()).map_err(|_| nonsense("answered with an `id_token` that is no JWT"))?;
    match header.alg {
        Algorithm::ES256 | Algorithm::RS256 | Algorithm::PS256 if header.crit.is_none() => {
            Ok(header.kid.unwrap_or_default())
        }
        _ => Err(nonsense("signed its `id_token` in a way that is not accepted")),
    }
}

/// Checks an `id_token` against the server's key of that name. Only a way through a browser has a nonce.
pub(super) fn check(
    id_token: &Secret,
    key: &DecodingKey,
    account: &Account,
    nonce: Option<&str>,
    now: SystemTime,
) -> Result<()> {
    let malformed = |_| nonsense("answered with an `id_token` that is not signed with its key");
    // `key_name` has let pass only algorithms with a public key, and the key fits one kind of them.
    let mut validation = Validation::new(decode_header(id_token.expose()).map_err(malformed)?.alg);
    // Times and names are checked below, against the clock and the names that we are given.
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let claims: Claims = decode(id_token.expose(), key, &validation).map_err(malformed)?.claims;
    match claims.fault(account, nonce, now) {
        None => Ok(()),
        Some(fault) => Err(nonsense(fault)),
    }
}

impl Claims {
    fn fault(&self, account: &Account, nonce: Option<&str>, now: SystemTime) -> Option<&'static str> {
        // Nobody else is trusted with our tokens, so nobody else may be in the audience.
        let ours = |name: &String| *name == account.client_id;
        let for_us = match &self.aud {
            Audience::One(one) => ours(one),
            Audience::Many(all) => !all.is_empty() && all.iter().all(ours),
        };
        let nonce = nonce.is_none_or(|ours| {
            self.nonce.as_ref().is_some_and(|theirs| theirs.as_bytes().ct_eq(ours.as_bytes()).into())
        });
        let (issued, expires) = (time(self.iat), time(self.exp));
        [
            (self.iss == account.issuer, "answered with an `id_token` of another issuer"),
            (for_us && self.azp.as_ref().is_none_or(ours), "answered with an `id_token` for somebody else"),
            (nonce, "answered with an `id_token` of another check: its `nonce` is not ours"),
            (expires.is_some_and(|at| at > now), "answered with an `id_token` whose time is over"),
            (
                issued.is_some_and(|at| at <= now + SKEW && now <= at + OLDEST),
                "answered with an `id_token` of another time: compare the clocks",
            ),
        ]
        .into_iter()
        .find_map(|(good, fault)| (!good).then_some(fault))
    }
}

/// A `NumericDate` of RFC 7519, section 2, as far as the year 9999.
fn time(seconds: u64) -> Option<SystemTime> {
    (seconds < 253_402_300_800).then(|| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

/// How far ahead the server's clock may be.
const SKEW: Duration = Duration::from_secs(60);

/// How long ago a token that comes fresh from its issuer may have been made, by the issuer's clock.
const OLDEST: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header, encode, jwk::Jwk};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::provider::openid::tests::{ES256, account};

    const NONCE: &str = "n-0S6_WzA2Mj";

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }

    fn claims() -> Value {
        json!({ "iss": "https://as.example", "sub": "pairwise-1", "aud": "app", "nonce": NONCE,
            "iat": 1_800_000_000_u64, "exp": 1_800_000_300_u64 })
    }

    fn signing() -> EncodingKey {
        crate::crypto::install().unwrap();
        EncodingKey::from_ec_pem(ES256.as_bytes()).unwrap()
    }

    fn public() -> DecodingKey {
        DecodingKey::from_jwk(&Jwk::from_encoding_key(&signing(), Algorithm::ES256).unwrap()).unwrap()
    }

    fn signed(claims: &Value) -> Secret {
        Secret::new(encode(&Header::new(Algorithm::ES256), claims, &signing()).unwrap())
    }

    fn judged(claims: &Value) -> Result<()> {
        check(&signed(claims), &public(), &account(), Some(NONCE), now())
    }

    fn with(changes: Value) -> Value {
        let mut all = claims();
        for (name, value) in changes.as_object().unwrap() {
            all[name] = value.clone();
        }
        all
    }

    #[test]
    fn a_token_for_this_check_is_accepted() {
        for changes in [
            json!({}),
            json!({ "aud": ["app"] }),
            json!({ "azp": "app" }),
            json!({ "aud": ["app"], "azp": "app" }),
            json!({ "iat": 1_800_000_060_u64 }),
            json!({ "iat": 1_799_999_400_u64 }),
            json!({ "exp": 1_800_000_001_u64 }),
        ] {
            judged(&with(changes.clone())).unwrap_or_else(|error| panic!("{changes}: {error}"));
        }
    }

    #[test]
    fn f1_every_wrong_claim_is_refused() {
        for (changes, word) in [
            (json!({ "iss": "https://as.example/" }), "issuer"),
            (json!({ "iss": "https://evil.example" }), "issuer"),
            (json!({ "aud": "another" }), "somebody else"),
            (json!({ "aud": [] }), "somebody else"),
            (json!({ "aud": ["app", "another"], "azp": "app" }), "somebody else"),
            (json!({ "azp": "another" }), "somebody else"),
            (json!({ "nonce": "another" }), "nonce"),
            (json!({ "nonce": null }), "nonce"),
            (json!({ "nonce": "" }), "nonce"),
            (json!({ "exp": 1_800_000_000_u64 }), "over"),
            (json!({ "exp": u64::MAX }), "over"),
            (json!({ "iat": 1_800_000_061_u64 }), "clocks"),
            (json!({ "iat": 1_799_999_399_u64 }), "clocks"),
            (json!({ "iat": u64::MAX }), "clocks"),
            (json!({ "iat": null }), "signed"),
            (json!({ "exp": "soon" }), "signed"),
        ] {
            let error = judged(&with(changes.clone())).unwrap_err();
            assert!(error.to_string().contains(word), "{changes}: {error}");
        }
    }

    #[test]
    fn without_a_browser_there_is_no_nonce_and_all_the_rest_is_checked() {
        let judged = |claims: &Value| check(&signed(claims), &public(), &account(), None, now());
        assert!(judged(&with(json!({ "nonce": null }))).is_ok());
        assert!(judged(&with(json!({ "nonce": null, "aud": "another" }))).is_err());
    }

    #[test]
    fn f1_only_public_key_algorithms_name_a_key() {
        crate::crypto::install().unwrap();
        assert_eq!(key_name(&signed(&claims())).unwrap(), "");
        let hmac =
            encode(&Header::new(Algorithm::HS256), &claims(), &EncodingKey::from_secret(ES256.as_bytes())).unwrap();
        // {"alg":"none"}
        let none = format!("eyJhbGciOiJub25lIn0.{}.", hmac.split('.').nth(1).unwrap());
        for token in [hmac.as_str(), none.as_str(), "", "a.b.c", "not a token"] {
            assert!(key_name(&Secret::new(token)).is_err(), "{token}");
        }
        assert!(check(&Secret::new(hmac.as_str()), &public(), &account(), Some(NONCE), now()).is_err());
    }

    /// Made with another implementation: see `testdata/README.md`.
    #[test]
    fn a_token_of_another_implementation_is_read() {
        crate::crypto::install().unwrap();
        let token = Secret::new(include_str!("../oauth/testdata/id_token.rs256.jwt").trim());
        let jwks = http::Response::new(bytes::Bytes::from_static(include_bytes!("../oauth/testdata/jwks.json")));
        let keys = crate::provider::oauth::read_keys(&jwks, |_| None).unwrap();
        check(&token, &keys[&key_name(&token).unwrap()], &account(), Some(NONCE), now()).unwrap();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn one_flipped_bit_is_refused(place in 0_usize..4000, bit in 0_u8..6) {
            let mut bytes = signed(&claims()).expose().as_bytes().to_vec();
            // The last character holds bits that mean nothing.
            let place = place % (bytes.len() - 1);
            bytes[place] ^= 1 << bit;
            let spoilt = Secret::new(String::from_utf8(bytes).unwrap());
            prop_assert!(key_name(&spoilt).and_then(|_| check(&spoilt, &public(), &account(), Some(NONCE), now())).is_err());
        }
    }
}
