//! Tokens that clients and their identity servers sign: read with the keys that were configured for them, and with no other.
//!
//! What the header of a token says is never a reason to trust it (RFC 8725): the key says which algorithms there are, keys and
//! their URLs in headers are not looked at, and a shared secret is no key here.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    crypto,
    error::{Error, ErrorKind, Result},
};

/// The public keys of one signer.
pub(super) struct TrustedKeys(Vec<TrustedKey>);

struct TrustedKey {
    id: Option<String>,
    algorithms: &'static [Algorithm],
    key: DecodingKey,
}

impl TrustedKeys {
    /// Reads a JSON Web Key Set (RFC 7517) of public keys.
    pub(super) fn read_set(set: &Value) -> Result<Self> {
        crypto::install()?;
        let wrong = |message| Error::new(ErrorKind::Misconfigured, message);
        let keys = set.get("keys").and_then(Value::as_array).ok_or_else(|| wrong("a key set has `keys`, a list"))?;
        if keys.iter().any(|key| key.get("kty").is_some_and(|kind| kind == "oct") || key.get("d").is_some()) {
            return Err(wrong("a key set here holds public keys only, no shared secret and no private key"));
        }
        let usable: Vec<TrustedKey> = keys.iter().filter_map(TrustedKey::of).collect();
        if usable.is_empty() {
            return Err(wrong("a key set holds no key for RS256, PS256, ES256 or EdDSA"));
        }
        Ok(Self(usable))
    }

    /// The claims of a token, if one of these keys signed it and it is of one of the `types`, or does not say of which.
    pub(super) fn read<T: DeserializeOwned>(&self, token: &str, types: &[&str]) -> Result<T, &'static str> {
        if token.len() > LONGEST {
            return Err("longer than a token may be");
        }
        let header = decode_header(token).map_err(|_| "not a signed token")?;
        if header.crit.is_some() {
            return Err("`crit` is not supported");
        }
        if !header.typ.as_deref().is_none_or(|typ| types.iter().any(|one| one.eq_ignore_ascii_case(typ))) {
            return Err("a token of another type");
        }
        let key = self.find(header.kid.as_deref()).ok_or("signed with a key that is not configured")?;
        if !key.algorithms.contains(&header.alg) {
            return Err("signed with an algorithm that is not this key's");
        }
        let mut validation = Validation::new(header.alg);
        // Times and audiences are checked by whoever reads the claims, against the clock that it is given.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        decode(token, &key.key, &validation)
            .map(|read| read.claims)
            .map_err(|_| "not signed with this key, or misses claims")
    }

    /// The key of a name; of no name, where there is only one key.
    fn find(&self, id: Option<&str>) -> Option<&TrustedKey> {
        match (id, self.0.as_slice()) {
            (Some(id), [only]) => only.id.as_deref().is_none_or(|own| own == id).then_some(only),
            (Some(id), keys) => keys.iter().find(|key| key.id.as_deref() == Some(id)),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }
}

impl TrustedKey {
    fn of(key: &Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(key.clone()).ok()?;
        if matches!(jwk.common.public_key_use, Some(PublicKeyUse::Encryption)) {
            return None;
        }
        let fitting: &[Algorithm] = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => match jwk.common.key_algorithm {
                None => &[Algorithm::RS256, Algorithm::PS256],
                Some(KeyAlgorithm::RS256) => &[Algorithm::RS256],
                Some(KeyAlgorithm::PS256) => &[Algorithm::PS256],
                Some(_) => return None,
            },
            AlgorithmParameters::EllipticCurve(point) if point.curve == EllipticCurve::P256 => &[Algorithm::ES256],
            AlgorithmParameters::OctetKeyPair(_) => &[Algorithm::EdDSA],
            _ => return None,
        };
        Some(Self { id: jwk.common.key_id.clone(), algorithms: fitting, key: DecodingKey::from_jwk(&jwk).ok()? })
    }
}

/// Whose token it claims to be, before anything is known of it: to find the keys to check it with.
pub(super) fn claimed_subject(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        sub: String,
    }
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Claims>(&claims).ok().map(|claims| claims.sub)
}

/// When a token may be used (RFC 7519, sections 4.1.4 to 4.1.6). It has to end.
#[derive(Deserialize)]
pub(super) struct Times {
    pub(super) exp: u64,
    #[serde(default)]
    nbf: Option<u64>,
    #[serde(default)]
    iat: Option<u64>,
}

impl Times {
    /// Whether a token may be used now, and not much longer.
    pub(super) fn fit(&self, now: SystemTime) -> Result<(), &'static str> {
        let end = at(self.exp);
        if end <= now {
            return Err("it has ended");
        }
        if end > now + LONGEST_LIFE {
            return Err("it lives longer than an hour");
        }
        match [self.nbf, self.iat].into_iter().flatten().any(|begin| at(begin) > now + SKEW) {
            true => Err("it is from the future"),
            false => Ok(()),
        }
    }

    pub(super) fn end(&self) -> SystemTime {
        at(self.exp)
    }
}

/// `aud`: one, or a list.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    pub(super) fn has(&self, wanted: &str) -> bool {
        match self {
            Self::One(one) => one == wanted,
            Self::Many(many) => many.iter().any(|one| one == wanted),
        }
    }
}

fn at(seconds: u64) -> SystemTime {
    // Times that no clock can show are as far off as a year that nobody here will see.
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.min(FAR))
}

const LONGEST: usize = 16 * 1024;

/// For how long a signer may make a token good.
const LONGEST_LIFE: Duration = Duration::from_secs(60 * 60);

/// By how much clocks may differ.
const SKEW: Duration = Duration::from_secs(30);

const FAR: u64 = 1 << 40;

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;

    use super::*;
    use crate::signing::SigningKey;

    fn read(keys: &TrustedKeys, token: &str) -> Result<Value, &'static str> {
        keys.read(token, &["JWT"])
    }

    fn set(keys: &[&SigningKey]) -> Value {
        json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() })
    }

    #[test]
    fn only_the_configured_keys_sign_and_each_by_its_own_algorithm() {
        let [one, two, foreign] = [(); 3].map(|()| SigningKey::generate_es256().unwrap());
        let keys = TrustedKeys::read_set(&set(&[&one, &two])).unwrap();
        let claims = json!({ "sub": "ada" });
        for key in [&one, &two] {
            assert_eq!(read(&keys, &key.sign("JWT", &claims).unwrap()).unwrap(), claims);
        }
        assert!(read(&keys, &foreign.sign("JWT", &claims).unwrap()).is_err());
        assert!(read(&keys, &one.sign("at+jwt", &claims).unwrap()).is_err());

        // A foreign key under the name of one of ours, and tokens without a name.
        let pem = foreign.to_pem().unwrap();
        let mut header = Header::new(Algorithm::ES256);
        for kid in [Some(one.id().to_owned()), None] {
            header.kid = kid;
            let forged = encode(&header, &claims, &EncodingKey::from_ec_pem(pem.expose().as_bytes()).unwrap()).unwrap();
            assert!(read(&keys, &forged).is_err());
        }
    }

    #[test]
    fn no_algorithm_and_a_shared_secret_are_refused() {
        let key = SigningKey::generate_rs256().unwrap();
        let keys = TrustedKeys::read_set(&set(&[&key])).unwrap();
        let claims = json!({ "sub": "ada" });
        let good = key.sign("JWT", &claims).unwrap();
        let body = good.split('.').nth(1).unwrap();
        let none = URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "typ": "JWT", "kid": key.id() }).to_string());
        for forged in [format!("{none}.{body}."), format!("{none}.{body}"), String::new(), "..".to_owned()] {
            assert!(read(&keys, &forged).is_err(), "{forged}");
        }
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(key.id().to_owned());
        for secret in [key.jwk().to_string(), key.jwk()["n"].as_str().unwrap().to_owned()] {
            let forged = encode(&header, &claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap();
            assert!(read(&keys, &forged).is_err());
        }
        assert!(TrustedKeys::read_set(&json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0" }] })).is_err());
        assert!(TrustedKeys::read_set(&json!({ "keys": [] })).is_err());
        assert!(TrustedKeys::read_set(&json!([])).is_err());
    }

    #[test]
    fn a_token_has_an_end_that_is_near() {
        let now = at(1_800_000_000);
        let times = |exp, nbf, iat| Times { exp, nbf, iat }.fit(now).is_ok();
        assert!(times(1_800_000_060, None, Some(1_800_000_000)));
        assert!(!times(1_800_000_000, None, None));
        assert!(!times(1_800_003_601, None, None));
        assert!(!times(u64::MAX, None, None));
        assert!(!times(1_800_000_060, Some(1_800_000_031), None));
        assert!(!times(1_800_000_060, None, Some(u64::MAX)));
    }
}
