//! Who is to be asked: the `id_token_hint` that Entra signed.
//!
//! It is issued with its time over, so that it is good for nothing but this; everything else about it has to be right.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::Request;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::Jwk};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    Account, Client,
    config::{guid, misconfigured},
};
use crate::{
    cache::PublicKeys,
    error::{Error, ErrorKind, Result},
    provider::http::{Http, HttpClient, Repeat},
    secret::Secret,
};

/// What a good hint says.
pub(super) struct Hinted {
    pub(super) account: Account,
    pub(super) subject: String,
    /// When Entra sent the person here, and no later than now.
    pub(super) issued_at: SystemTime,
}

/// Why there is none.
#[derive(Debug)]
pub(super) enum Doubt {
    /// The hint is not one of Entra for us.
    Refused(&'static str),
    /// Whether it is cannot be told.
    Unknown(Error),
}

/// The tenants whose hints are read, with the keys of each.
pub(super) struct Tenants {
    by_id: BTreeMap<String, Tenant>,
    application: String,
    http: Http,
}

struct Tenant {
    issuer: String,
    keys: PublicKeys,
}

impl Tenants {
    pub(super) fn new(client: &Client, http: HttpClient) -> Result<Self> {
        let tenant = |id: &String| {
            let id = guid(id).ok_or_else(|| {
                misconfigured("a tenant is named by its id, such as `14c2f153-90a7-4689-9db7-9543bf084dad`")
            })?;
            let issuer = format!("{}/{id}/v2.0", client.authority);
            Ok((id, Tenant { issuer, keys: PublicKeys::new() }))
        };
        let by_id: BTreeMap<_, _> = client.tenants.iter().map(tenant).collect::<Result<_>>()?;
        if by_id.is_empty() {
            return Err(misconfigured("name the tenants whose people are served, with `tenant`"));
        }
        Ok(Self { by_id, application: client.application.clone(), http: Http::new("entra", http, TIME_OUT) })
    }

    /// Checks a hint. Nothing of it is used before its signature was found to be that of a key of a configured tenant; only which
    /// tenant's keys to look among is read from it first.
    pub(super) async fn check(&self, hint: &Secret, now: SystemTime) -> Result<Hinted, Doubt> {
        let text = hint.expose();
        let kid = key_name(text).ok_or(Doubt::Refused("not a token signed with RS256 and a named key"))?;
        let named: Named = unverified(text).ok_or(Doubt::Refused("not a token with a tenant"))?;
        let tenant = self.by_id.get(&named.tid.to_ascii_lowercase()).ok_or(Doubt::Refused("another tenant"))?;
        let key = tenant.keys.key(&kid, now, self.fetch(tenant)).await.map_err(Doubt::Unknown)?;
        let key = key.ok_or(Doubt::Refused("a key that the tenant does not publish"))?;
        let claims = decode::<Claims>(text, &key, &signature_only())
            .map_err(|_| Doubt::Refused("not signed with the tenant's key"))?
            .claims;
        claims.judge(&tenant.issuer, &self.application, now).map_err(Doubt::Refused)
    }

    /// The keys of a tenant, from where its metadata says (OpenID Connect Discovery, section 4).
    async fn fetch(&self, tenant: &Tenant) -> Result<HashMap<String, DecodingKey>> {
        let metadata: Metadata = self.get(&format!("{}/.well-known/openid-configuration", tenant.issuer)).await?;
        if metadata.issuer != tenant.issuer {
            return Err(nonsense("names another issuer than the tenant that was asked for"));
        }
        let set: KeySet = self.get(&metadata.jwks_uri).await?;
        Ok(set.of(&tenant.issuer))
    }

    async fn get<T: DeserializeOwned>(&self, url: &str) -> Result<T> {
        let request = Request::get(url).body(Bytes::new()).map_err(|_| nonsense("names a URL that is none"))?;
        let answer = self.http.send(request, Repeat::Idempotent).await?;
        if !answer.status().is_success() {
            return Err(nonsense("does not publish its keys"));
        }
        serde_json::from_slice(answer.body()).map_err(|_| nonsense("publishes something that cannot be read"))
    }
}

/// The name of the key that signed. RS256 only: what Entra signs with, and nothing that a public key could be made a secret of.
fn key_name(hint: &str) -> Option<String> {
    if hint.len() > LONGEST {
        return None;
    }
    let header = decode_header(hint).ok()?;
    let plain = header.alg == Algorithm::RS256 && header.crit.is_none();
    header.kid.filter(|kid| plain && !kid.is_empty())
}

/// Reads claims before anybody has vouched for them.
fn unverified<T: DeserializeOwned>(hint: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(hint.split('.').nth(1)?).ok()?).ok()
}

/// The claims are checked in [`Claims::judge`]; `exp` is not, as it is over when the hint is made.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation
}

#[derive(Deserialize)]
struct Named {
    tid: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    tid: String,
    oid: String,
    iat: u64,
}

impl Claims {
    fn judge(self, issuer: &str, application: &str, now: SystemTime) -> Result<Hinted, &'static str> {
        // The issuer ends in the tenant's id, so that this compares the tenant as well.
        if self.iss != issuer {
            return Err("another issuer than the tenant");
        }
        if self.aud != application {
            return Err("made for another application");
        }
        let issued_at = time(self.iat).filter(|at| *at <= now + SKEW && now <= *at + OLDEST);
        let issued_at = issued_at.ok_or("made at another time")?.min(now);
        let (Some(tenant), Some(object)) = (guid(&self.tid), guid(&self.oid)) else {
            return Err("without the id of an account");
        };
        if !(1..=255).contains(&self.sub.len()) {
            return Err("without a subject");
        }
        Ok(Hinted { account: Account { tenant, object }, subject: self.sub, issued_at })
    }
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

impl KeySet {
    /// The RSA keys by their names. Microsoft's sets say of some keys which issuer may sign with them: such a key is nobody else's.
    fn of(self, issuer: &str) -> HashMap<String, DecodingKey> {
        let of_issuer = |key: &Value| {
            let named = key.get("issuer").and_then(Value::as_str);
            named.is_none_or(|named| named == issuer || of_every_tenant(named, issuer))
        };
        let keys = self.keys.into_iter().filter(of_issuer).filter_map(|key| {
            let signs =
                key.get("use").is_none_or(|usage| usage == "sig") && key.get("kty").is_some_and(|kty| kty == "RSA");
            let jwk: Jwk = serde_json::from_value(key).ok().filter(|_| signs)?;
            Some((jwk.common.key_id.clone()?, DecodingKey::from_jwk(&jwk).ok()?))
        });
        keys.collect()
    }
}

/// Whether a name with a place for the tenant in it is that of an issuer.
fn of_every_tenant(named: &str, issuer: &str) -> bool {
    named.split_once("{tenantid}").is_some_and(|(before, after)| {
        let tenant = issuer.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        tenant.is_some_and(|tenant| guid(tenant).is_some())
    })
}

/// A `NumericDate` of RFC 7519, section 2, as far as the year 9999.
fn time(seconds: u64) -> Option<SystemTime> {
    (seconds < 253_402_300_800).then(|| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

fn nonsense(message: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, message).with_provider("entra")
}

/// How far ahead Entra's clock may be.
const SKEW: Duration = Duration::from_secs(60);

/// After this long Entra has given the sign-in up.
pub(super) const OLDEST: Duration = Duration::from_secs(600);

/// For keys and metadata together with their repetitions. The person waits for it once an hour.
const TIME_OUT: Duration = Duration::from_secs(10);

/// Bytes.
const LONGEST: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_of_another_issuer_is_nobody_elses() {
        crate::crypto::install().unwrap();
        let (tenant, other) = ("14c2f153-90a7-4689-9db7-9543bf084dad", "9188040d-6c67-4c5b-b112-36a304b66dad");
        let url = |id: &str| format!("https://login.microsoftonline.com/{id}/v2.0");
        let key = |kid: &str, issuer: Option<String>| {
            let mut key = json!({ "kty": "RSA", "use": "sig", "kid": kid, "e": "AQAB", "n": "u1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gunVTLw7onLRnrq0_IzW7yWR7QkrmBL7jTKEn5u-qKhbwKfBstIs-bMY2Zkp18gnTxKLxoS2tFczGkPLPgizskuemMghRniWaoLcyehkd3qqGElvW_VDL5AaWTg0nLVkjRo9z-40RQzuVaE8AkAFmxZzow3x-VJYKdjykkJ0iT9wCS0DRTXu269V264Vf_3jvredZiKRkgwlL9xNAwxXFg0x_XFw005UWVRIkdgcKWTjpBP2dPwVZ4WWC-9aGVd-Gyn1o0CLelf4rEjGoXbAAEgAqeGUxrcIlbjXfbcmw" });
            if let Some(issuer) = issuer {
                key["issuer"] = json!(issuer);
            }
            key
        };
        let mut for_other_uses = key("encrypts", None);
        for_other_uses["use"] = json!("enc");
        let set = KeySet {
            keys: vec![
                key("anybody", None),
                key("every", Some(url("{tenantid}"))),
                key("ours", Some(url(tenant))),
                key("theirs", Some(url(other))),
                key("elsewhere", Some("https://evil.example/{tenantid}/v2.0".to_owned())),
                for_other_uses,
                json!({ "kty": "XYZ", "kid": "strange" }),
            ],
        };
        let mut names: Vec<String> = set.of(&url(tenant)).into_keys().collect();
        names.sort();
        assert_eq!(names, ["anybody", "every", "ours"]);
    }
}
