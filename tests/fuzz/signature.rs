//! Signatures in headers, and the key sets that they are checked with.

use std::{
    cell::RefCell,
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use handset::{
    Secret,
    callback::{Message, Scheme},
    provider::idlayr::{Config, DataResidency, IdLayr},
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, header};
use serde_json::Value;

use super::{
    sheet::Sheet,
    signed::{KEY_ID, KEY_SET, sign},
    world::{DATE, ORIGIN, client, now, runtime},
};

/// Somebody who saw one message of the vendor makes another one: whatever is made up of it, none is taken but the message itself.
///
/// Of the sheet, `.method` and `.url` are those of the message.
pub(crate) fn http_signature(bytes: &[u8]) -> bool {
    let sheet = Sheet::read(bytes, &[]);
    let method = sheet.told("method").unwrap_or("POST").parse().unwrap_or(Method::POST);
    let url = sheet.told("url").unwrap_or_default();
    let message = Message::new(method, url, sheet.headers(), sheet.body.clone().into());
    let vendor = |_: &Request<Bytes>| Response::new(VECTOR_KEYS.into());
    let signed_at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_591_029_811);
    if runtime().block_on(idlayr(vendor).check(&message, signed_at)).is_err() {
        return false;
    }
    let known: Value = serde_json::from_str(VECTORS).unwrap();
    let known = &known["callback"];
    assert!(message.method.as_str().eq_ignore_ascii_case("post"));
    assert_eq!(message.body, known["body"].as_str().unwrap());
    let target = |url: &str| {
        let url: Uri = url.parse().unwrap();
        (url.host().map(str::to_owned), url.path_and_query().cloned())
    };
    assert_eq!(target(&message.url), target(known["url"].as_str().unwrap()));
    for name in ["date", "x-tru-callback"] {
        assert_eq!(message.headers[name].to_str().unwrap().trim(), known["headers"][name]);
    }
    true
}

/// Whatever key set a vendor publishes, a message counts only if the set has the key that signed it, for signatures, under its name.
pub(crate) fn key_set(bytes: &[u8]) -> bool {
    thread_local! {
        static SET: RefCell<Bytes> = RefCell::default();
        static MESSAGE: Message = message();
    }
    SET.set(Bytes::copy_from_slice(bytes));
    let vendor = |_: &Request<Bytes>| Response::new(SET.with_borrow(Bytes::clone));
    let checked = MESSAGE.with(|message| runtime().block_on(idlayr(vendor).check(message, now())));
    if let Err(error) = &checked {
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("AQAB") && !shown.contains(DATE), "{shown}");
        return false;
    }
    // What is not looked at may be what serde_json would not read.
    let Ok(published) = serde_json::from_slice::<Value>(bytes) else { return true };
    let ours: Value = serde_json::from_str(KEY_SET).unwrap();
    let is_ours = |key: &Value| {
        let is = |name: &str| number(&key[name]) == number(&ours["keys"][0][name]);
        let signs = key.get("use").is_none_or(|of| of.is_null() || of == "sig");
        key["kid"] == KEY_ID && key["kty"] == "RSA" && signs && is("n") && is("e")
    };
    assert!(published["keys"].as_array().unwrap().iter().any(is_ours), "{published}");
    true
}

/// A message that was signed here.
fn message() -> Message {
    // The cryptography is chosen when the first provider is made.
    let _ = idlayr(|_| Response::default());
    let (authorization, digest) = sign(&Method::POST, "/callback", &HeaderMap::new(), b"{}");
    let mut headers = HeaderMap::new();
    headers.insert(header::DATE, HeaderValue::from_static(DATE));
    headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
    headers.insert("digest", digest.parse().unwrap());
    Message::new(Method::POST, format!("{ORIGIN}/callback"), headers, Bytes::from_static(b"{}"))
}

fn idlayr(vendor: fn(&Request<Bytes>) -> Response<Bytes>) -> IdLayr {
    let config = Config::new("project", Secret::new("its secret"), DataResidency::Eu);
    IdLayr::new(config, client(vendor, &Default::default())).unwrap()
}

/// The bytes of a number, without the zeros in front.
fn number(encoded: &Value) -> Vec<u8> {
    let bytes = URL_SAFE_NO_PAD.decode(encoded.as_str().unwrap_or_default()).unwrap_or_default();
    bytes.into_iter().skip_while(|byte| *byte == 0).collect()
}

/// Messages that an independent program signed, and its public key.
const VECTORS: &str = include_str!("../../src/callback/testdata/signed.json");
const VECTOR_KEYS: &str = include_str!("../../src/callback/testdata/jwks.json");
