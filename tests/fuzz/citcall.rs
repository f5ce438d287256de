//! What Citcall answers to an order, wrapped as version 2 of its API wraps it, or not.

use std::cell::RefCell;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use handset::{
    Channel, CheckId, Code, PhoneNumber, Secret,
    provider::{
        Order, Provider, Settle, Started,
        citcall::{Citcall, Config},
    },
};
use http::{Request, Response};
use serde_json::Value;

use super::world::{NOW, Standing, client, runtime};

/// The answer is read the same whether it is wrapped or not, it is about our order, and nothing that is printed repeats it.
pub(crate) fn citcall_message(bytes: &[u8]) -> bool {
    let plain = start(bytes);
    let text = String::from_utf8_lossy(bytes);
    let said: Value = serde_json::from_slice(bytes).unwrap_or_default();
    if text.is_ascii() && said.get("data").is_none() && !text.contains("data") {
        let wrapped = format!(r#"{{"data":"{}"}}"#, wrap(&text));
        let unwrapped = start(wrapped.as_bytes());
        assert_eq!(plain.as_ref().ok().map(|s| s.handle.as_str()), unwrapped.as_ref().ok().map(|s| s.handle.as_str()));
        assert_eq!(plain.as_ref().err().map(ToString::to_string), unwrapped.as_ref().err().map(ToString::to_string));
    }
    let shown = format!("{plain:?}");
    for secret in ["token", "msisdn"].iter().filter_map(|name| said.get(name)?.as_str()) {
        let is_telling = secret.bytes().filter(u8::is_ascii_digit).count() >= 6;
        assert!(!is_telling || !shown.contains(secret), "{shown}");
    }
    let Ok(started) = plain else { return false };
    assert!(matches!(started.settle, Settle::LocalCode(_)) && !started.handle.as_str().is_empty());
    true
}

/// Orders a call, which is answered so.
fn start(answer: &[u8]) -> handset::Result<Started> {
    thread_local! {
        static ANSWER: RefCell<Bytes> = RefCell::default();
    }
    ANSWER.set(Bytes::copy_from_slice(answer));
    let vendor = |_: &Request<Bytes>| Response::new(ANSWER.with_borrow(Bytes::clone));
    let config = Config::v2(Secret::new(USER_ID), Secret::new(API_KEY));
    let citcall = Citcall::new(config, client(vendor, &Default::default())).unwrap().with_clock(Standing);
    let phone = PhoneNumber::parse("+6281234567890", None).unwrap();
    let id = CheckId::from_bytes([0; 16]);
    let order = Order::new(id, phone, Channel::FlashCall, Code::new("123456").unwrap());
    runtime().block_on(citcall.start(&order))
}

/// Wraps a message as the vendor does: the time backwards, a full stop and the text, moved by both keys, each from its last byte on.
fn wrap(text: &str) -> String {
    let time: String = NOW.to_string().chars().rev().collect();
    let key = |key: &str, at: usize| key.as_bytes()[(at + key.len() - 1) % key.len()];
    let message = format!("{time}.{text}");
    let moved = |(at, byte): (usize, u8)| {
        let sum = u32::from(byte) + u32::from(key(USER_ID, at)) + u32::from(key(API_KEY, at));
        u8::try_from(sum % 128).unwrap()
    };
    URL_SAFE_NO_PAD.encode(message.bytes().enumerate().map(moved).collect::<Vec<_>>())
}

const USER_ID: &str = "demo";
const API_KEY: &str = "fe01ce2a7fbac8fafaed7c982a04e229";
