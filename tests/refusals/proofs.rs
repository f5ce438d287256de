//! Proofs that are not good enough: used, forged, foreign, for something else, too old.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use handset::{
    Action, PhoneNumber, Secret, Subject, Verifier,
    proof::ProofKey,
    verifier::{Answer as Verdict, Caller, StartRequest},
};
use http::Method;
use jsonwebtoken::{Algorithm, EncodingKey, Header, decode_header, encode};
use serde_json::{Value, json};

use crate::{
    PHONE, Stage, WIDE, prove,
    stage::{Answer, Person},
};

#[tokio::test]
async fn a_single_use_proof_passes_once() {
    let stage = Stage::new(&single_use()).await;
    let ada = stage.person("ada");
    let proof = prove(&stage, &ada).await;
    ada.transfer(Some(&proof)).await.expect(200);
    refused(ada.transfer(Some(&proof)).await);
    // Its use is spent until it ends.
    stage.clock.advance(Duration::from_secs(299));
    refused(ada.transfer(Some(&proof)).await);
    let proof = prove(&stage, &ada).await;
    ada.transfer(Some(&proof)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_parallel_uses_of_a_single_use_proof_one_passes() {
    let stage = Stage::new(&single_use()).await;
    let ada = stage.person("ada");
    for _ in 0..5 {
        let proof = prove(&stage, &ada).await;
        let uses: Vec<_> = (0..20)
            .map(|_| {
                let (ada, proof) = (ada.clone(), proof.clone());
                tokio::spawn(async move { ada.transfer(Some(&proof)).await })
            })
            .collect();
        let mut passed = 0;
        for one in uses {
            match one.await.unwrap() {
                answer if answer.status == 200 => passed += 1,
                answer => refused(answer),
            }
        }
        assert_eq!(passed, 1);
    }
}

#[tokio::test]
async fn a_proof_of_somebody_else_or_for_something_else_is_none() {
    let stage = Stage::new(WIDE).await;
    let ada = stage.person("ada");
    let proof = prove(&stage, &ada).await;
    ada.transfer(Some(&proof)).await.expect(200);

    refused(stage.person("eve").transfer(Some(&proof)).await);
    refused(Person::at(&stage.url).transfer(Some(&proof)).await);
    refused(ada.with("x-binding", "900 EUR to Eve").transfer(Some(&proof)).await);
    refused(ada.with("x-phone", "+37126999999").transfer(Some(&proof)).await);

    let check = ada.start_with(json!({ "phone_number": PHONE, "action": "sign_in" })).await.expect(201);
    let sign_in = ada.answer(check.id(), &stage.code()).await.expect(200);
    refused(ada.transfer(Some(sign_in.text("proof"))).await);

    let body = json!({ "phone_number": PHONE, "action": "transfer", "binding": "100 EUR to Ben" });
    let check = ada.start_with(body).await.expect(201);
    let bound = ada.answer(check.id(), &stage.code()).await.expect(200);
    refused(ada.transfer(Some(bound.text("proof"))).await);
}

#[tokio::test]
async fn a_proof_of_a_key_is_good_with_that_key_only() {
    let stage = Stage::new(WIDE).await;
    let [key, another] = [[1_u8; 32], [2; 32]].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
    let ada = stage.person("ada");
    let with_key = ada.with("x-key", &key);
    let proof = prove(&stage, &with_key).await;
    with_key.transfer(Some(&proof)).await.expect(200);
    refused(ada.transfer(Some(&proof)).await);
    refused(ada.with("x-key", &another).transfer(Some(&proof)).await);
    // And a proof of no key is not taken where a key was shown.
    let plain = prove(&stage, &ada).await;
    ada.transfer(Some(&plain)).await.expect(200);
    refused(with_key.transfer(Some(&plain)).await);
}

#[tokio::test]
async fn f6_a_proof_grows_too_old() {
    let stage = Stage::new(WIDE).await;
    let ada = stage.person("ada");
    let proof = prove(&stage, &ada).await;
    stage.clock.advance(Duration::from_secs(299));
    ada.transfer(Some(&proof)).await.expect(200);
    // Older than the rule asks for, though it has not ended; then at its end.
    stage.clock.advance(Duration::from_secs(2));
    let old = ada.transfer(Some(&proof)).await;
    assert_eq!(old.text("detail"), "the proof is too old");
    refused(old);
    stage.clock.advance(Duration::from_secs(299));
    refused(ada.transfer(Some(&proof)).await);
}

#[tokio::test]
async fn a_proof_that_another_verifier_made_is_none() {
    let (stage, elsewhere) = (Stage::new(WIDE).await, Stage::new(WIDE).await);
    // One key, two audiences.
    let other = Verifier::builder()
        .policy("policy.toml", WIDE)
        .proof_key(ProofKey::es256_pem(&Secret::new(OURS)).unwrap())
        .provider(elsewhere.book.clone())
        .audience("elsewhere")
        .build()
        .unwrap();
    assert_eq!(other.jwks(), stage.verifier.jwks());
    let ada = Subject::new("ada").unwrap();
    let phone = PhoneNumber::parse(PHONE, None).unwrap();
    let action = Action::new("transfer").unwrap();
    let start = StartRequest::new(ada.clone(), phone, action);
    let check = other.start(start).await.unwrap();
    let answer = other.answer(&ada, check.id, &elsewhere.code(), Caller::default()).await.unwrap();
    let Verdict::Verified(verified) = answer else { panic!("the code was right") };
    refused(stage.person("ada").transfer(Some(verified.token.expose())).await);
}

#[tokio::test]
async fn f6_forged_proofs_are_none() {
    let stage = Stage::new(WIDE).await;
    let ada = stage.person("ada");
    let proof = prove(&stage, &ada).await;
    let published = ada.send(Method::GET, "/handset/.well-known/jwks.json", None).await.expect(200);
    let header = decode_header(&proof).unwrap();
    let parts: Vec<&str> = proof.split('.').collect();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        claims
    };

    let mut forged: Vec<String> = ["", "x", ".", "..", "...", "a.b.c"].map(str::to_owned).into();
    // Without a signature, by whatever name.
    for none in ["none", "None", "NONE", "nOnE", ""] {
        let header = json!({ "typ": "handset-proof+jwt", "alg": none, "kid": header.kid });
        for signature in ["", parts[2]] {
            forged.push(format!("{}.{}.{signature}", encoded(&header), parts[1]));
        }
    }
    forged.push(format!("{}.{}.", parts[0], parts[1]));
    // Other claims under our signature, and a signature that is not ours.
    forged.push(format!("{}.{}.{}", parts[0], encoded(&with("phone_number", json!("+37126999999"))), parts[2]));
    let stranger = EncodingKey::from_ec_pem(include_bytes!("../testdata/stranger.pem")).unwrap();
    forged.push(encode(&header, &claims, &stranger).unwrap());
    // Our public key, which everybody has, taken for a shared secret (RFC 8725, section 2.1).
    let symmetric = Header { alg: Algorithm::HS256, ..header.clone() };
    let x = published.body["keys"][0]["x"].as_str().unwrap();
    for secret in [published.body.to_string().into_bytes(), URL_SAFE_NO_PAD.decode(x).unwrap(), Vec::new()] {
        forged.push(encode(&symmetric, &claims, &EncodingKey::from_secret(&secret)).unwrap());
    }
    // Our own signature under something that is no proof.
    let ours = EncodingKey::from_ec_pem(OURS.as_bytes()).unwrap();
    for header in [
        Header { typ: Some("JWT".to_owned()), ..header.clone() },
        Header { kid: None, ..header.clone() },
        Header { kid: Some("another".to_owned()), ..header.clone() },
    ] {
        forged.push(encode(&header, &claims, &ours).unwrap());
    }
    for (name, value) in [
        ("iss", json!("elsewhere")),
        ("aud", json!("elsewhere")),
        ("exp", json!(1)),
        ("auth_time", json!(4_000_000_000_u64)),
        ("acr", json!("email")),
        ("phone_number_verified", json!(false)),
    ] {
        forged.push(encode(&header, &with(name, value), &ours).unwrap());
    }

    for token in &forged {
        refused(ada.transfer(Some(token)).await);
    }
    ada.transfer(Some(&encode(&header, &claims, &ours).unwrap())).await.expect(200);
}

fn single_use() -> String {
    WIDE.replace(r#"max_age = "5m""#, r#"max_age = "5m", single_use = true"#)
}

/// Insists on the same challenge that a request without a proof gets.
#[track_caller]
fn refused(answer: Answer) {
    let answer = answer.expect_problem(401, "step-up-required");
    assert!(answer.header("www-authenticate").contains(r#"error="insufficient_user_authentication""#));
    assert_eq!(answer.text("start"), "/handset/checks");
}

fn encoded(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

const OURS: &str = include_str!("../../src/proof/testdata/es256.pem");
