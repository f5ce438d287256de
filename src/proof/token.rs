//! The signed form of a proof.
//!
//! What a verifier of JSON Web Tokens has to look at is in RFC 8725: one algorithm for each key (3.1), a `typ` of our own
//! (3.11), issuer and audience (3.8, 3.9), and no claim that is read before the signature is checked.

use std::time::{Duration, SystemTime};

use jsonwebtoken::{Algorithm, Header, decode, decode_header, encode};
use serde::{Deserialize, Serialize};

use super::{Assertion, Proof, ProofKey, Proofs, acr, amr};
use crate::{
    channel::Channel,
    error::{Error, ErrorKind, Result},
    ids::{Action, Binding, KeyThumbprint, Subject},
    phone::{Line, PhoneNumber},
};

/// Why a token is no proof. For logs; a client is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProofRefusal {
    /// It is no JWT of our shape.
    Malformed,
    /// It is a token of another kind.
    WrongType,
    /// No key of that name is accepted.
    UnknownKey,
    /// The signature is not of that key, or not by its algorithm.
    BadSignature,
    /// Somebody else issued it.
    WrongIssuer,
    /// It is for somebody else.
    WrongAudience,
    /// Its time is over.
    Expired,
    /// It is from the future.
    NotYetValid,
}

/// The claims: RFC 7519, section 4.1; OpenID Connect Core, sections 2 and 5.1; `action`, `binding`, `channel` and `line` are ours.
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    jti: String,
    iat: u64,
    exp: u64,
    auth_time: u64,
    acr: String,
    amr: Vec<String>,
    action: String,
    channel: Channel,
    phone_number: String,
    phone_number_verified: bool,
    line: Line,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    binding: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation>,
    /// Only in proofs of test numbers, which show nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    test: bool,
}

/// The key that has to be shown beside the token (RFC 7800, section 3; `jkt` by RFC 9449, section 6.1). Another way of naming a
/// key is none of ours, and a token that has it is refused: read without it, it would be anybody's.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirmation {
    jkt: String,
}

/// The header of the tokens that a key signs.
pub(super) fn header(algorithm: Algorithm, key_id: &str) -> Header {
    let mut header = Header::new(algorithm);
    header.typ = Some(TYPE.to_owned());
    header.kid = Some(key_id.to_owned());
    header
}

pub(super) fn sign(proofs: &Proofs, proof: &Proof) -> Result<String> {
    let key = &proofs.keys.signing;
    let claims = Claims {
        iss: proofs.issuer.clone(),
        aud: proofs.audience.clone(),
        sub: proof.subject.as_str().to_owned(),
        jti: proof.id.clone(),
        iat: seconds(proof.auth_time),
        exp: seconds(proof.expires_at),
        auth_time: seconds(proof.auth_time),
        acr: proof.acr.to_owned(),
        amr: amr(proof.channel).iter().map(|&method| method.to_owned()).collect(),
        action: proof.action.as_str().to_owned(),
        channel: proof.channel,
        phone_number: proof.phone.to_e164(),
        phone_number_verified: shows_phone(proof.channel) && !proof.is_test,
        line: proof.phone.line(),
        binding: proof.binding.as_ref().map(|binding| binding.as_str().to_owned()),
        cnf: proof.key.as_ref().map(|key| Confirmation { jkt: key.as_str().to_owned() }),
        test: proof.is_test,
    };
    encode(&key.header, &claims, &key.signing)
        .map_err(|source| Error::new(ErrorKind::Unavailable, "a proof could not be signed").with_source(source))
}

pub(super) fn verify(proofs: &Proofs, token: &str, now: SystemTime) -> Result<Proof, ProofRefusal> {
    if token.len() > LONGEST_TOKEN {
        return Err(ProofRefusal::Malformed);
    }
    let head = token.split('.').next().unwrap_or_default();
    // Read only where it is not, to the letter, what we write.
    let key = proofs.keys.of_head(head).map_or_else(|| key_of_header(proofs, token), Ok)?;
    let claims = match decode::<Claims>(token, &key.verifying, &key.validation) {
        Ok(token) => token.claims,
        Err(error) => {
            return Err(match error.kind() {
                jsonwebtoken::errors::ErrorKind::InvalidSignature
                | jsonwebtoken::errors::ErrorKind::InvalidAlgorithm => ProofRefusal::BadSignature,
                _ => ProofRefusal::Malformed,
            });
        }
    };
    claims.check(proofs, now)?;
    claims.into_proof().ok_or(ProofRefusal::Malformed)
}

/// Whether a proof that was made at one time and ends at another is good now.
pub(super) fn in_time(made: SystemTime, exp: SystemTime, now: SystemTime) -> Result<(), ProofRefusal> {
    if exp <= now {
        return Err(ProofRefusal::Expired);
    }
    if made > now + SKEW {
        return Err(ProofRefusal::NotYetValid);
    }
    Ok(())
}

fn key_of_header<'a>(proofs: &'a Proofs, token: &str) -> Result<&'a ProofKey, ProofRefusal> {
    let header = decode_header(token).map_err(|_| ProofRefusal::Malformed)?;
    if header.typ.as_deref() != Some(TYPE) || header.crit.is_some() {
        return Err(ProofRefusal::WrongType);
    }
    header.kid.as_deref().and_then(|id| proofs.keys.find(id)).ok_or(ProofRefusal::UnknownKey)
}

impl Claims {
    fn check(&self, proofs: &Proofs, now: SystemTime) -> Result<(), ProofRefusal> {
        if self.iss != proofs.issuer {
            return Err(ProofRefusal::WrongIssuer);
        }
        if self.aud != proofs.audience {
            return Err(ProofRefusal::WrongAudience);
        }
        let exp = time(self.exp).ok_or(ProofRefusal::Expired)?;
        let latest = time(self.iat.max(self.auth_time)).ok_or(ProofRefusal::NotYetValid)?;
        in_time(latest, exp, now)
    }

    fn into_proof(self) -> Option<Proof> {
        // What our own words would not say was not said by us.
        let verified = shows_phone(self.channel) && !self.test;
        if self.phone_number_verified != verified || self.acr != acr(self.channel) {
            return None;
        }
        let assertion = Assertion {
            jti: self.jti,
            subject: Subject::new(self.sub).ok()?,
            phone: PhoneNumber::kept(&self.phone_number, &self.line)?,
            action: Action::new(self.action).ok()?,
            binding: self.binding.map(Binding::new).transpose().ok()?,
            key: self.cnf.map(|cnf| KeyThumbprint::new(cnf.jkt)).transpose().ok()?,
            channel: self.channel,
            is_test: self.test,
            auth_time: time(self.auth_time)?,
        };
        Some(Proof::assertion(assertion, time(self.exp)?))
    }
}

/// Whether a channel shows anything about the phone (OpenID Connect Core, section 5.1, `phone_number_verified`).
fn shows_phone(channel: Channel) -> bool {
    channel != Channel::Email
}

/// A `NumericDate` of RFC 7519, section 2.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn time(seconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Tells our tokens from all others (RFC 8725, section 3.11).
const TYPE: &str = "handset-proof+jwt";

/// The claims are bounded, so nothing longer is ours.
const LONGEST_TOKEN: usize = 4096;

/// How far ahead the clock of another node may be.
const SKEW: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use jsonwebtoken::{DecodingKey, EncodingKey, Validation, jwk::Jwk};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::proof::{ProofKeys, keys::tests::one_of_each};

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }

    fn proofs(keys: ProofKeys) -> Proofs {
        Proofs::new(keys, "us".to_owned(), "app".to_owned(), Duration::from_secs(600)).unwrap()
    }

    fn assertion() -> Assertion {
        Assertion {
            jti: "a-proof".to_owned(),
            subject: Subject::new("user-42").unwrap(),
            phone: PhoneNumber::parse("+37126123456", None).unwrap(),
            action: Action::new("transfer").unwrap(),
            binding: Some(Binding::new("100 EUR to Ada").unwrap()),
            key: Some(KeyThumbprint::new("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I").unwrap()),
            channel: Channel::FlashCall,
            is_test: false,
            auth_time: now(),
        }
    }

    fn part(token: &str, index: usize) -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap()).unwrap()
    }

    /// Signs other claims or headers with a key of ours.
    fn signed(key: &ProofKey, change: impl Fn(&mut Header, &mut Value)) -> String {
        let issued = proofs(ProofKeys::new(key.clone())).issue(assertion()).unwrap().1;
        let mut header = decode_header(issued.expose()).unwrap();
        let mut claims = part(issued.expose(), 1);
        change(&mut header, &mut claims);
        encode(&header, &claims, &key.signing).unwrap()
    }

    #[test]
    fn a_proof_survives_its_token_with_every_algorithm() {
        for key in one_of_each() {
            let proofs = proofs(ProofKeys::new(key));
            let (made, token) = proofs.issue(assertion()).unwrap();
            let read = proofs.verify(token.expose(), now()).unwrap();
            assert_eq!(format!("{made:?}"), format!("{read:?}"));
            assert_eq!((read.acr(), read.amr()), ("phone", ["flash_call"].as_slice()));
            assert_eq!(part(token.expose(), 0)["typ"], TYPE);
            assert_eq!(part(token.expose(), 1)["phone_number"], "+37126123456");
            assert_eq!(part(token.expose(), 1)["cnf"]["jkt"], "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
        }
    }

    #[test]
    fn others_verify_with_the_published_key() {
        let [_, es256, eddsa] = one_of_each();
        for key in [es256, eddsa] {
            let algorithm = key.algorithm;
            let proofs = proofs(ProofKeys::new(key));
            let token = proofs.issue(assertion()).unwrap().1;
            let jwk: Jwk = serde_json::from_value(proofs.jwks()["keys"][0].clone()).unwrap();
            let mut validation = Validation::new(algorithm);
            validation.set_audience(&["app"]);
            decode::<Value>(token.expose(), &DecodingKey::from_jwk(&jwk).unwrap(), &validation).unwrap();
        }
    }

    #[test]
    fn h4_an_old_key_is_accepted_until_it_is_taken_away() {
        let [old, new, _] = one_of_each();
        let token = proofs(ProofKeys::new(old.clone())).issue(assertion()).unwrap().1;
        let during = proofs(ProofKeys::new(new.clone()).also_accept(old));
        assert!(during.verify(token.expose(), now()).is_ok());
        let after = proofs(ProofKeys::new(new));
        assert_eq!(after.verify(token.expose(), now()).unwrap_err(), ProofRefusal::UnknownKey);
    }

    #[test]
    fn a_token_without_a_signature_is_refused() {
        let [key, ..] = one_of_each();
        let proofs = proofs(ProofKeys::new(key));
        let token = proofs.issue(assertion()).unwrap().1;
        let claims = token.expose().split('.').nth(1).unwrap();
        let mut header = part(token.expose(), 0);
        header["alg"] = json!("none");
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        for forged in [format!("{header}.{claims}."), format!("{header}.{claims}"), String::new(), "a.b.c".to_owned()] {
            assert_eq!(proofs.verify(&forged, now()).unwrap_err(), ProofRefusal::Malformed, "{forged}");
        }
    }

    #[test]
    fn a_public_key_does_not_verify_as_a_shared_secret() {
        let [_, es256, _] = one_of_each();
        let id = es256.id.clone();
        let proofs = proofs(ProofKeys::new(es256));
        let public = proofs.jwks()["keys"][0].to_string();
        let claims = part(proofs.issue(assertion()).unwrap().1.expose(), 1);
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(id);
        let forged = encode(&header, &claims, &EncodingKey::from_secret(public.as_bytes())).unwrap();
        assert_eq!(proofs.verify(&forged, now()).unwrap_err(), ProofRefusal::BadSignature);
    }

    #[test]
    fn what_is_signed_but_not_for_us_is_refused() {
        let [key, ..] = one_of_each();
        let proofs = proofs(ProofKeys::new(key.clone()));
        let claim = |name: &'static str, value: Value| signed(&key, move |_, claims| claims[name] = value.clone());
        for (token, refusal) in [
            (signed(&key, |header, _| header.typ = Some("JWT".to_owned())), ProofRefusal::WrongType),
            (signed(&key, |header, _| header.typ = None), ProofRefusal::WrongType),
            (signed(&key, |header, _| header.crit = Some(vec!["b64".to_owned()])), ProofRefusal::WrongType),
            (signed(&key, |header, _| header.kid = None), ProofRefusal::UnknownKey),
            (claim("iss", json!("them")), ProofRefusal::WrongIssuer),
            (claim("aud", json!("another")), ProofRefusal::WrongAudience),
            (claim("exp", json!(1_800_000_000)), ProofRefusal::Expired),
            (claim("exp", json!(u64::MAX)), ProofRefusal::Expired),
            (claim("iat", json!(1_800_000_006)), ProofRefusal::NotYetValid),
            (claim("auth_time", json!(1_900_000_000)), ProofRefusal::NotYetValid),
            (claim("auth_time", Value::Null), ProofRefusal::Malformed),
            (claim("phone_number_verified", json!(false)), ProofRefusal::Malformed),
            (claim("phone_number", json!("26123456")), ProofRefusal::Malformed),
            (claim("phone_number", json!("+4915112345678")), ProofRefusal::Malformed),
            (claim("line", json!({ "country_code": 371 })), ProofRefusal::Malformed),
            (claim("acr", json!("email")), ProofRefusal::Malformed),
            (claim("sub", json!("")), ProofRefusal::Malformed),
            (claim("cnf", json!({ "jwk": {} })), ProofRefusal::Malformed),
            (claim("cnf", json!({ "jkt": "short" })), ProofRefusal::Malformed),
            ("a".repeat(5000), ProofRefusal::Malformed),
        ] {
            assert_eq!(proofs.verify(&token, now()).unwrap_err(), refusal);
        }
    }

    #[test]
    fn a_code_by_email_says_nothing_about_the_phone() {
        let [key, ..] = one_of_each();
        let proofs = proofs(ProofKeys::new(key));
        let (proof, token) = proofs.issue(Assertion { channel: Channel::Email, ..assertion() }).unwrap();
        assert_eq!(proof.acr(), "email");
        assert_eq!(part(token.expose(), 1)["phone_number_verified"], false);
        assert!(proofs.verify(token.expose(), now()).is_ok());
    }

    #[test]
    fn h3_a_proof_of_a_test_number_says_so_and_says_nothing_about_the_phone() {
        let [key, ..] = one_of_each();
        let proofs = proofs(ProofKeys::new(key.clone()));
        let (_, token) = proofs.issue(Assertion { is_test: true, ..assertion() }).unwrap();
        let claims = part(token.expose(), 1);
        assert_eq!((&claims["test"], &claims["phone_number_verified"]), (&json!(true), &json!(false)));
        assert!(proofs.verify(token.expose(), now()).unwrap().is_test());
        let (_, real) = proofs.issue(assertion()).unwrap();
        assert!(part(real.expose(), 1).get("test").is_none());
        // Who takes the mark away has to say that the phone was shown, and cannot sign it; without that it is no proof.
        let unmarked = signed(&key, |_, claims| claims["phone_number_verified"] = json!(false));
        assert_eq!(proofs.verify(&unmarked, now()).unwrap_err(), ProofRefusal::Malformed);
    }

    #[test]
    fn a_proof_ends_at_its_time() {
        let [key, ..] = one_of_each();
        let proofs = proofs(ProofKeys::new(key));
        let token = proofs.issue(assertion()).unwrap().1;
        assert!(proofs.verify(token.expose(), now() + Duration::from_secs(599)).is_ok());
        let end = now() + Duration::from_secs(600);
        assert_eq!(proofs.verify(token.expose(), end).unwrap_err(), ProofRefusal::Expired, "seen before or not");
        proofs.sweep(end);
        assert_eq!(proofs.verify(token.expose(), end).unwrap_err(), ProofRefusal::Expired);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_changed_token_is_a_proof(which in 0_usize..3, at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.-]") {
            let proofs = proofs(ProofKeys::new(one_of_each()[which].clone()));
            let token = proofs.issue(assertion()).unwrap().1;
            // From now on the good one is known by its text.
            prop_assert!(proofs.verify(token.expose(), now()).is_ok());
            let mut forged: Vec<char> = token.expose().chars().collect();
            let at = at.index(forged.len());
            forged[at] = to.chars().next().unwrap();
            let forged: String = forged.into_iter().collect();
            // The last character of a part has bits that mean nothing; such a token is the same one.
            let same = |a: &str, b: &str| {
                a.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).ok()).eq(b.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).ok()))
            };
            if !same(&forged, token.expose()) {
                prop_assert!(proofs.verify(&forged, now()).is_err());
            }
        }
    }
}
