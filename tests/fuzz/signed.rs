//! Signatures of IDlayr's kind, made here: what is signed can be changed beforehand, and is still told from a forgery.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http::{HeaderMap, Method};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use sha2::{Digest, Sha256};

use super::world::DATE;

/// Signs a message that goes to a path of ours; what it has of the header `x-tru-callback` is covered as well. Returns the values of
/// `Authorization` and `Digest`.
pub(super) fn sign(method: &Method, path: &str, headers: &HeaderMap, body: &[u8]) -> (String, String) {
    let digest = format!("SHA-256={}", STANDARD.encode(Sha256::digest(body)));
    let target = format!("{} {path}", method.as_str().to_ascii_lowercase());
    let mut lines = vec![("(request-target)", target), ("host", HOST.to_owned()), ("date", DATE.to_owned())];
    if *method != Method::GET {
        lines.push(("digest", digest.clone()));
    }
    let products: Vec<_> = headers.get_all(PRODUCT).iter().map(|value| value.to_str().unwrap_or_default()).collect();
    if !products.is_empty() {
        lines.push((PRODUCT, products.join(", ")));
    }
    let covered: Vec<_> = lines.iter().map(|(name, _)| *name).collect();
    let text: Vec<_> = lines.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let key = EncodingKey::from_rsa_pem(include_bytes!("../../src/provider/oauth/testdata/rs256.pem")).unwrap();
    let signature = crypto::sign(text.join("\n").as_bytes(), &key, Algorithm::RS256).unwrap();
    let signature = STANDARD.encode(URL_SAFE_NO_PAD.decode(signature).unwrap());
    let covered = covered.join(" ");
    let parameters = format!(r#"keyId="{KEY_ID}",algorithm="rsa-sha256",headers="{covered}",signature="{signature}""#);
    (format!("Signature {parameters}"), digest)
}

pub(super) const PRODUCT: &str = "x-tru-callback";
/// What the vendor publishes, with the public half of the key that signs here.
pub(super) const KEY_SET: &str = include_str!("../../src/provider/oauth/testdata/jwks.json");
pub(super) const KEY_ID: &str = "2026-1";
const HOST: &str = "app.example.com";
