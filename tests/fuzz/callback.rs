//! What strangers post where vendors call back. NumCheck and Open Gateway call nobody.

use std::{cell::RefCell, net::IpAddr};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use handset::{
    PhoneNumber, Secret,
    check::Status,
    provider::{
        citcall::{self, Citcall},
        idlayr::{self, DataResidency, IdLayr},
        zadarma::{self, Zadarma},
    },
    verifier::Caller,
};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use serde_json::{Value, json};
use sha1::Sha1;

use super::{
    sheet::Sheet,
    signed::{KEY_SET, PRODUCT, sign},
    world::{Answer, Begun, DATE, ORIGIN, World, Worlds, answer, not_found, request, token},
};

/// Citcall signs nothing, so nothing that is posted changes anything about a check.
///
/// Of the sheet, `.version: v2` is the older API, `.to: account` its URL, and `.from` the address.
pub(crate) fn callback_citcall(bytes: &[u8]) -> bool {
    thread_local! {
        static V2: RefCell<Worlds> = const { RefCell::new(Worlds::new(|| citcall(true))) };
        static V3: RefCell<Worlds> = const { RefCell::new(Worlds::new(|| citcall(false))) };
    }
    let is_v2 = Sheet::read(bytes, &[]).told("version") == Some("v2");
    if is_v2 { &V2 } else { &V3 }.with_borrow_mut(|worlds| {
        let world = worlds.now();
        let begun = world.begin();
        let sheet = Sheet::read(bytes, &[("{phone}", &digits(&begun)), ("{check}", &begun.check.id.to_string())]);
        let Some(seen) = Seen::of(world, citcall::NAME, &begun, &sheet, sheet.headers()) else { return false };
        seen.changes_nothing();
        seen.answer.status.is_success()
    })
}

/// IDlayr's word of v0.1 ends a check when its signature is right, and what is signed says so of this check.
///
/// Of the sheet, `.sign: yes` has the vendor sign it.
pub(crate) fn callback_idlayr(bytes: &[u8]) -> bool {
    thread_local! {
        static WORLDS: RefCell<Worlds> = const { RefCell::new(Worlds::new(idlayr)) };
    }
    WORLDS.with_borrow_mut(|worlds| {
        let world = worlds.now();
        let begun = world.begin();
        let sheet = Sheet::read(bytes, &[("{check}", CHECK)]);
        let mut headers = sheet.headers();
        let url = begun.url_of_check().unwrap_or_default();
        let is_signed = sheet.told("sign") == Some("yes") && sheet.told("to").is_none();
        if is_signed {
            let path = url.strip_prefix(ORIGIN).unwrap();
            let (authorization, digest) = sign(&Method::POST, path, &headers, &sheet.body);
            for (name, value) in [("date", DATE), ("authorization", &authorization), ("digest", &digest)] {
                headers.append(name, HeaderValue::from_str(value).unwrap());
            }
        }
        let product = headers.get(PRODUCT).cloned();
        let Some(seen) = Seen::of(world, idlayr::NAME, &begun, &sheet, headers) else { return false };
        if !seen.answer.status.is_success() {
            seen.changes_nothing();
            return false;
        }
        assert!(is_signed && product.is_none_or(|product| product == "phone_check"));
        // What is not looked at may be what serde_json would not read.
        let Ok(said) = serde_json::from_slice::<Value>(&sheet.body) else { return true };
        let is_match = said["check_id"] == CHECK && said["status"] == "COMPLETED" && said["match"] == true;
        assert_eq!(seen.is_verified(), is_match, "{said}");
        true
    })
}

/// Zadarma's word ends a check when it comes from the vendor's network, with the right signature, and says that 1 was pressed on the
/// phone that was called.
///
/// Of the sheet, `.sign: yes` has the vendor sign it, and `.from` is the address.
pub(crate) fn callback_zadarma(bytes: &[u8]) -> bool {
    thread_local! {
        static WORLDS: RefCell<Worlds> = const { RefCell::new(Worlds::new(zadarma)) };
    }
    WORLDS.with_borrow_mut(|worlds| {
        let world = worlds.now();
        let begun = world.begin();
        let sheet = Sheet::read(bytes, &[("{phone}", &digits(&begun)), ("{start}", "2026-11-23 12:00:00")]);
        let mut headers = sheet.headers();
        let is_signed = sheet.told("sign") == Some("yes");
        if let Some(signature) = is_signed.then(|| zadarma_signature(&sheet.body)).flatten() {
            headers.append("signature", HeaderValue::from_str(&signature).unwrap());
        }
        let Some(seen) = Seen::of(world, zadarma::NAME, &begun, &sheet, headers) else { return false };
        if seen.answer.body != "{}" && seen.answer.status.is_success() {
            // The answer to a test of the URL repeats what it brought, and that is no markup.
            assert!(seen.answer.body.bytes().all(|b| b.is_ascii_alphanumeric()), "{}", seen.answer.body);
            seen.changes_nothing();
            return true;
        }
        if !seen.answer.status.is_success() {
            seen.changes_nothing();
            return false;
        }
        assert!(is_signed && sheet.told("from").is_some_and(is_zadarma));
        if seen.before != seen.after {
            let (event, said) = (field(&sheet.body, "event"), |name| field(&sheet.body, name));
            let called = if event == "NOTIFY_END" { said("caller_id") } else { said("destination") };
            let called = PhoneNumber::parse(&format!("+{}", called.trim_start_matches('+')), None);
            assert_eq!(called.unwrap(), begun.phone);
            assert_eq!(said("disposition"), "answered");
            assert_eq!(seen.is_verified(), said("callback_dtmf") == "1");
        }
        true
    })
}

/// A callback with what it did to the check.
struct Seen {
    answer: Answer,
    before: (Status, u8),
    after: (Status, u8),
}

impl Seen {
    /// Posts a sheet. `None` where what was made up makes no request.
    fn of(world: &World, provider: &str, begun: &Begun, sheet: &Sheet, headers: HeaderMap) -> Option<Self> {
        let url = match (sheet.told("to"), begun.url_of_check()) {
            (Some("account"), _) | (None, None) => world.verifier.callback_url(provider).unwrap(),
            (None, Some(url)) => url,
            (Some(token), _) => format!("{ORIGIN}/handset/callback/{provider}/{token}"),
        };
        let url = sheet.told("query").map_or(url.clone(), |query| format!("{url}?{query}"));
        let method = if sheet.told("method") == Some("GET") { Method::GET } else { Method::POST };
        let mut request = request(method, &url, headers, sheet.body.clone())?;
        let from = sheet.told("from").and_then(|ip| ip.parse::<IpAddr>().ok());
        request.extensions_mut().insert(from.map_or_else(Caller::default, Caller::at));
        let before = world.look(begun);
        let answer = world.ask(request);
        answer.is_sound(&[200, 404, 413]);
        answer.hides(&digits(begun));
        Some(Self { answer, before, after: world.look(begun) })
    }

    fn changes_nothing(&self) {
        assert_eq!(self.before, self.after);
    }

    fn is_verified(&self) -> bool {
        self.after.0 == Status::Verified
    }
}

impl Begun {
    /// The URL that the vendor was told to call, where it is told one.
    fn url_of_check(&self) -> Option<String> {
        let order: Value = serde_json::from_slice(self.order.body()).ok()?;
        order["callback_url"].as_str().map(str::to_owned)
    }
}

fn digits(begun: &Begun) -> String {
    begun.phone.digits().to_string()
}

fn citcall(is_v2: bool) -> World {
    fn vendor(request: &Request<Bytes>) -> Response<Bytes> {
        match request.uri().path() {
            "/v2/asynccall" => answer(200, &json!({ "rc": "00", "token": "02150808955" })),
            "/v3/motp" => answer(200, &json!({ "rc": 0, "trxid": CHECK, "token": "622150808955" })),
            _ => not_found(),
        }
    }
    let key = Secret::new("fe01ce2a7fbac8fafaed7c982a04e229");
    World::new("citcall/flash_call", vendor, |builder, client| {
        let config = if is_v2 { citcall::Config::v2(Secret::new("demo"), key) } else { citcall::Config::new(key) };
        builder.provider(Citcall::new(config, client).unwrap())
    })
}

fn idlayr() -> World {
    fn vendor(request: &Request<Bytes>) -> Response<Bytes> {
        let url = "https://eu.api.idlayr.com/phone_check/v0.1/checks/x/redirect";
        match (request.method().as_str(), request.uri().path()) {
            ("POST", "/oauth2/v1/token") => token(),
            ("POST", "/phone_check/v0.1/checks") => {
                answer(200, &json!({ "check_id": CHECK, "_links": { "check_url": { "href": url } } }))
            }
            ("GET", "/.well-known/jwks.json") => Response::new(KEY_SET.into()),
            ("GET", _) => answer(200, &json!({ "check_id": CHECK, "status": "ACCEPTED" })),
            _ => not_found(),
        }
    }
    let config = idlayr::Config::new("project", Secret::new("its secret"), DataResidency::Eu);
    let config = config.with_version(idlayr::Version::V0_1);
    World::new("idlayr/silent_network", vendor, |builder, client| {
        builder.provider(IdLayr::new(config, client).unwrap())
    })
}

fn zadarma() -> World {
    let mut config = zadarma::Config::new(Secret::new("0a1b2c3d4e5f60718293"), Secret::new(ZADARMA_SECRET));
    config.greeting_sound_id = Some("1".to_owned());
    config.button_1_sound_id = Some("2".to_owned());
    config.fallback_sound_id = Some("3".to_owned());
    let vendor = |_: &Request<Bytes>| answer(200, &json!({ "status": "success" }));
    World::new("zadarma/key_press", vendor, |builder, client| builder.provider(Zadarma::new(config, client).unwrap()))
}

/// The vendor's signature of a form, for the events that the vendor signs with an account of ours.
fn zadarma_signature(form: &[u8]) -> Option<String> {
    let names = match field(form, "event").as_str() {
        "NOTIFY_END" | "NOTIFY_START" => ["caller_id", "called_did", "call_start"],
        "NOTIFY_OUT_END" => ["internal", "destination", "call_start"],
        _ => return None,
    };
    let mut mac = Hmac::<Sha1>::new_from_slice(ZADARMA_SECRET.as_bytes()).unwrap();
    names.iter().for_each(|name| mac.update(field(form, name).as_bytes()));
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Some(STANDARD.encode(hex))
}

/// The vendor's network, 185.45.152.40/30.
fn is_zadarma(from: &str) -> bool {
    let IpAddr::V4(from) = from.parse::<IpAddr>().unwrap().to_canonical() else { return false };
    matches!(from.octets(), [185, 45, 152, 40..=43])
}

fn field(form: &[u8], name: &str) -> String {
    let value = form_urlencoded::parse(form).find(|(field, _)| field == name);
    value.map(|(_, value)| value.into_owned()).unwrap_or_default()
}

const CHECK: &str = "c69bc0e6-a429-11ea-bb37-0242ac130002";
const ZADARMA_SECRET: &str = "9f8e7d6c5b4a39281706";
