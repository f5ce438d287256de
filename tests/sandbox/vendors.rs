//! How each vendor is asked, by hand. A vendor without its lines here fails the table.

use std::time::SystemTime;

use base64::{Engine, engine::general_purpose::STANDARD};
use handset::sandbox::Sandbox;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use serde_json::{Value, json};
use sha1::Sha1;

use super::{NUMBER, raw::Ask};

/// An order of a call, a message or a check about a number.
pub(super) async fn order(vendor: &str, sandbox: &Sandbox, number: &str) -> Ask {
    match vendor {
        "citcall" => citcall(sandbox, json!({ "msisdn": &number[1..], "retry": 0 })),
        "idlayr" => {
            idlayr(sandbox, "POST /idlayr/phone_check/v0.1/checks").await.json(&json!({ "phone_number": number }))
        }
        "numcheck" => numcheck(sandbox, &format!("init-call?phone={}", &number[1..])),
        #[cfg(feature = "open-gateway")]
        "open_gateway" => open_gateway(
            sandbox,
            "bc-authorize",
            &[
                ("scope", "openid dpv:FraudPreventionAndDetection number-verification:verify"),
                ("login_hint", &format!("tel:{number}")),
            ],
        ),
        "zadarma" => zadarma(sandbox, "/v1/verify/", &[("channel", "sms"), ("to", number)]),
        vendor => panic!("say in tests/sandbox/vendors.rs how `{vendor}` is asked"),
    }
}

/// A request to each endpoint that servers ask, the order first.
pub(super) async fn endpoints(vendor: &str, sandbox: &Sandbox) -> Vec<Ask> {
    let mut endpoints = vec![order(vendor, sandbox, NUMBER).await];
    endpoints.extend(match vendor {
        "citcall" => vec![citcall_v2(sandbox, &json!({ "msisdn": NUMBER, "gateway": 1 }))],
        "idlayr" => {
            let check = endpoints[0].send(sandbox).await.json()["check_id"].as_str().unwrap().to_owned();
            vec![
                idlayr_token(sandbox),
                Ask::new("GET /idlayr/.well-known/jwks.json"),
                idlayr(sandbox, "GET /idlayr/coverage/v0.1/device_ips/203.0.113.7").await,
                idlayr(sandbox, "POST /idlayr/phone_check/v0.2/checks").await.json(&json!({ "phone_number": NUMBER })),
                idlayr(sandbox, &format!("GET /idlayr/phone_check/v0.1/checks/{check}")).await,
                idlayr(sandbox, &format!("PATCH /idlayr/phone_check/v0.2/checks/{check}")).await,
            ]
        }
        "numcheck" => vec![numcheck(sandbox, "get-call-info?callId=1")],
        #[cfg(feature = "open-gateway")]
        "open_gateway" => vec![
            Ask::new("GET /open_gateway/.well-known/openid-configuration"),
            Ask::new("GET /open_gateway/jwks"),
            Ask::new(format!("GET /open_gateway/authorize?client_id={}", sandbox.open_gateway_client_id())),
            open_gateway(sandbox, "token", &[("grant_type", CIBA), ("auth_req_id", "none")]),
            Ask::new("POST /open_gateway/number-verification/v0/verify"),
            Ask::new("POST /open_gateway/number-verification/v1/verify"),
            Ask::new("POST /open_gateway/number-verification/v2/verify"),
        ],
        "zadarma" => vec![zadarma(sandbox, "/v1/verify/check", &[("request_id", "none"), ("code", "1")])],
        vendor => panic!("say in tests/sandbox/vendors.rs which endpoints `{vendor}` has"),
    });
    endpoints
}

/// Whether a body is the vendor's way to say that there were too many requests.
pub(super) fn says_too_many(vendor: &str, body: &Value) -> bool {
    match vendor {
        "citcall" => body["rc"] == 34 || body["rc"] == "34",
        "idlayr" => body["type"].as_str().unwrap().ends_with("#too_many_requests"),
        "numcheck" => body["errorCode"] == 9 && body["statusCode"] == 429,
        "open_gateway" => body["status"] == 429 && body["code"] == "TOO_MANY_REQUESTS",
        "zadarma" => *body == json!({ "status": "error", "message": "You exceeded the rate limit" }),
        vendor => panic!("say in tests/sandbox/vendors.rs how `{vendor}` limits"),
    }
}

pub(super) fn numcheck(sandbox: &Sandbox, operation: &str) -> Ask {
    Ask::new(format!("POST /numcheck/en/{operation}")).header("X-AUTH-Token", sandbox.numcheck_token().expose())
}

/// Version 3.
pub(super) fn citcall(sandbox: &Sandbox, message: Value) -> Ask {
    let credentials = format!("Apikey {}", sandbox.citcall_api_key().expose());
    Ask::new("POST /citcall/v3/motp").header("Authorization", &credentials).json(&message)
}

pub(super) fn citcall_v2(sandbox: &Sandbox, message: &Value) -> Ask {
    let [id, key] = [sandbox.citcall_user_id(), sandbox.citcall_api_key()].map(|part| part.expose());
    let ask = Ask::new("POST /citcall/v2/asynccall");
    ask.header("Authorization", &STANDARD.encode(format!("{id}:{key}"))).json(&json!({
        "data": citcall_seal(&message.to_string(), id, key),
    }))
}

fn citcall_seal(text: &str, id: &str, key: &str) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs().to_string();
    let message = format!("{}.{text}", now.chars().rev().collect::<String>());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(citcall_mixed(message.as_bytes(), id, key, 1))
}

/// When a wrapped message was written and what it says; `None` where it does not open.
pub(super) fn citcall_opened(blob: &str, sandbox: &Sandbox) -> Option<(u64, Value)> {
    let [id, key] = [sandbox.citcall_user_id(), sandbox.citcall_api_key()].map(|part| part.expose());
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(blob).ok()?;
    let message = String::from_utf8(citcall_mixed(&bytes, id, key, -1)).ok()?;
    let (time, text) = message.split_once('.')?;
    Some((time.chars().rev().collect::<String>().parse().ok()?, serde_json::from_str(text).ok()?))
}

fn citcall_mixed(bytes: &[u8], id: &str, key: &str, sign: i32) -> Vec<u8> {
    let of = |key: &str, at: usize| i32::from(key.as_bytes()[(at + key.len() - 1) % key.len()]);
    let mixed = bytes.iter().enumerate().map(|(at, byte)| i32::from(*byte) + sign * (of(id, at) + of(key, at)));
    mixed.map(|byte| u8::try_from(byte.rem_euclid(128)).unwrap()).collect()
}

/// A request with an access token.
pub(super) async fn idlayr(sandbox: &Sandbox, line: &str) -> Ask {
    let token = idlayr_token(sandbox).send(sandbox).await.json()["access_token"].as_str().unwrap().to_owned();
    Ask::new(line).header("Authorization", &format!("Bearer {token}"))
}

pub(super) fn idlayr_token(sandbox: &Sandbox) -> Ask {
    // `~` is written as it is, for the emulator takes both.
    let pair = format!("{}:{}", sandbox.idlayr_client_id(), sandbox.idlayr_client_secret().expose());
    let ask = Ask::new("POST /idlayr/oauth2/v1/token");
    ask.header("Authorization", &format!("Basic {}", STANDARD.encode(pair)))
        .form(&[("grant_type", "client_credentials"), ("scope", "phone_check coverage")])
}

#[cfg(feature = "open-gateway")]
pub(super) fn open_gateway(sandbox: &Sandbox, operation: &str, fields: &[(&str, &str)]) -> Ask {
    let pair = format!("{}:{}", sandbox.open_gateway_client_id(), sandbox.open_gateway_client_secret().expose());
    let ask = Ask::new(format!("POST /open_gateway/{operation}"));
    ask.header("Authorization", &format!("Basic {}", STANDARD.encode(pair))).form(fields)
}

pub(super) fn zadarma(sandbox: &Sandbox, path: &str, parameters: &[(&str, &str)]) -> Ask {
    let mut sorted = parameters.to_vec();
    sorted.sort_unstable();
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&sorted).finish();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let text = format!("{path}{query}{}", hex(&Md5::digest(&query)));
    let authorization = format!("{}:{}", sandbox.zadarma_key().expose(), zadarma_signature(sandbox, &text));
    Ask::new(format!("POST /zadarma{path}")).header("Authorization", &authorization).form(parameters)
}

/// Base64 of the digits of the HMAC.
pub(super) fn zadarma_signature(sandbox: &Sandbox, text: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(sandbox.zadarma_secret().expose().as_bytes()).unwrap();
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

#[cfg(feature = "open-gateway")]
pub(super) const CIBA: &str = "urn:openid:params:grant-type:ciba";
