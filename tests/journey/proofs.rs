//! A proof as others read it: the published key, the signature, the claims.

use std::{collections::HashSet, time::SystemTime};

use handset::clock::Clock;
use http::Method;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde_json::{Value, json};

use crate::{PHONE, POLICY, Stage, next_call};

#[tokio::test]
async fn a_proof_verifies_with_the_published_key() {
    let stage = Stage::new(POLICY).await;
    let ada = stage.person("ada");
    let body = json!({ "phone_number": PHONE, "action": "transfer", "binding": "100 EUR to Ben" });
    let check = ada.start_with(body).await.expect(201);
    let call = next_call(&stage.sandbox.handset(PHONE)).await;
    let verified = ada.answer(check.id(), call.ending()).await.expect(200);

    let published = ada.send(Method::GET, "/handset/.well-known/jwks.json", None).await.expect(200);
    assert_eq!(published.header("content-type"), "application/jwk-set+json");
    assert!(published.body["keys"][0].get("d").is_none(), "no private key is published");
    let keys: JwkSet = serde_json::from_value(published.body).unwrap();

    let token = verified.text("proof");
    let header = decode_header(token).unwrap();
    assert_eq!((header.typ.as_deref(), header.alg), (Some("handset-proof+jwt"), Algorithm::ES256));
    let key = keys.find(header.kid.as_deref().unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_issuer(&["handset"]);
    validation.set_audience(&["handset"]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let mut claims = decode::<Value>(token, &DecodingKey::from_jwk(key).unwrap(), &validation).unwrap().claims;

    let now = stage.clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let jti = claims["jti"].take();
    assert!(jti.as_str().is_some_and(|jti| jti.len() >= 16), "{jti}");
    let expected = json!({
        "iss": "handset", "aud": "handset", "sub": "ada", "jti": null, "iat": now, "exp": now + 600,
        "auth_time": now, "acr": "phone", "amr": ["flash_call"], "action": "transfer", "channel": "flash_call",
        "binding": "100 EUR to Ben", "phone_number": PHONE, "phone_number_verified": true,
        "line": { "country_code": 371, "region": "LV", "type": "mobile" },
    });
    assert_eq!(claims, expected);
}

#[tokio::test]
async fn every_proof_has_a_name_of_its_own() {
    let stage = Stage::new(POLICY).await;
    let (ada, handset) = (stage.person("ada"), stage.sandbox.handset(PHONE));
    let mut names = HashSet::new();
    for _ in 0..3 {
        let check = ada.start(PHONE).await.expect(201);
        let verified = ada.answer(check.id(), next_call(&handset).await.ending()).await.expect(200);
        let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(verified.text("proof")).unwrap().claims;
        names.insert(claims["jti"].as_str().unwrap().to_owned());
    }
    assert_eq!(names.len(), 3);
}
