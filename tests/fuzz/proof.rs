//! What comes in the header of proofs.

use std::{cell::RefCell, convert::Infallible, sync::Arc, time::SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use handset::{
    Action, Proof, Secret, StepUpLayer, Subject,
    layer::PROOF_HEADER,
    proof::ProofKey,
    provider::numcheck::{Config, NumCheck},
};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::Value;
use sha2::Sha256;
use tower::{Layer, ServiceExt, service_fn};

use super::world::{ACTION, NOW, PROOF_SECRET, World, Worlds, not_found};

/// A request passes with a token that our key has signed, of our kind, for us, for its subject and action, and in time; its handler
/// finds what the token says. Every other one is refused with a challenge that repeats nothing of it.
///
/// Two lines of JSON, a header and claims, are signed with our key first. `{kid}` is its name.
pub(crate) fn proof_token(bytes: &[u8]) -> bool {
    thread_local! {
        static WORLDS: RefCell<Worlds> = const { RefCell::new(Worlds::new(world)) };
    }
    let text = String::from_utf8_lossy(bytes).replace("{kid}", proof_key().id());
    let token = match text.split_once('\n') {
        Some((header, claims)) => token(header, claims),
        None => text,
    };
    let Ok(value) = HeaderValue::from_str(&token) else { return false };
    WORLDS.with_borrow_mut(|worlds| {
        let world = worlds.now();
        let layer = StepUpLayer::new(&world.verifier, Action::new(ACTION).unwrap());
        let service = layer.layer(service_fn(async |request: Request<Full<Bytes>>| {
            assert!(!request.headers().contains_key(PROOF_HEADER), "the handler has no need of the token");
            let proof = request.extensions().get::<Arc<Proof>>().unwrap();
            compare(proof, &token);
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        }));
        let mut request = Request::new(Full::default());
        request.headers_mut().insert(PROOF_HEADER, value);
        request.extensions_mut().insert(Subject::new(SUBJECT).unwrap());
        let answer = world.run(service.oneshot(request)).unwrap_or_else(|never| match never {});
        if answer.status() == StatusCode::OK {
            return true;
        }
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        let challenge = answer.headers()[header::WWW_AUTHENTICATE].to_str().unwrap();
        assert!(challenge.contains("insufficient_user_authentication"), "{challenge}");
        assert!(token.matches('.').count() < 2 || !challenge.contains(&token), "{challenge}");
        false
    })
}

/// Fails unless a token was signed by us, and a proof says the same.
fn compare(proof: &Proof, token: &str) {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    assert_eq!(signature, mac(signed), "a signature that is not ours");
    let mut parts = signed.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
    let mut part = || serde_json::from_slice::<Value>(&parts.next().unwrap());
    // What is not looked at may be what serde_json would not read.
    let (Ok(header), Ok(claims)) = (part(), part()) else { return };
    let (kid, typ) = (&header["kid"], &header["typ"]);
    assert!(kid == proof_key().id() && header["alg"] == "HS256" && typ == "handset-proof+jwt", "{header}");
    assert!(header["crit"].is_null(), "{header}");
    assert!(claims["iss"] == "handset" && claims["aud"] == "handset" && claims["sub"] == SUBJECT, "{claims}");
    assert!(claims["exp"].as_u64().unwrap() > NOW && claims["action"] == ACTION, "{claims}");
    assert!(claims.get("binding").is_none_or(Value::is_null) && claims.get("cnf").is_none_or(Value::is_null));
    assert!(claims["acr"] == "phone" && claims["channel"] != "email" && claims["phone_number_verified"] == true);
    assert_eq!(claims["jti"], proof.id());
    assert_eq!((proof.subject().as_str(), proof.action().as_str(), proof.acr()), (SUBJECT, ACTION, "phone"));
    // What we have signed we have read before; it is taken as it stands there.
    assert_eq!(claims["phone_number"], proof.phone().to_e164());
    assert_eq!(claims["line"]["country_code"], proof.phone().country_code());
    assert!(proof.phone().to_string().contains('*'), "a number prints as a mask");
    assert_eq!(seconds(proof.expires_at()), claims["exp"]);
    assert_eq!(seconds(proof.auth_time()), claims["auth_time"]);
    assert!(seconds(proof.auth_time()) >= NOW - 600 && seconds(proof.auth_time()) <= NOW + 5);
    assert!(!proof.is_test());
}

fn token(header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    format!("{signed}.{}", mac(&signed))
}

fn mac(signed: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(PROOF_SECRET.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

fn proof_key() -> ProofKey {
    ProofKey::hs256(&Secret::new(PROOF_SECRET)).unwrap()
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

fn world() -> World {
    World::new(
        "numcheck/flash_call",
        |_| not_found(),
        |builder, client| {
            let config = Config::new(Secret::new("0123456789abcdef0123456789abcdef"));
            builder.provider(NumCheck::new(config, client).unwrap())
        },
    )
}

const SUBJECT: &str = "ada";
