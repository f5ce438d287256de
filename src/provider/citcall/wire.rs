//! Citcall's words: requests built, answers read. No I/O.
//!
//! Sources: the vendor's "Missall OTP - Async - API" of February 2018 for version 2, and what the vendor's own client libraries
//! send and read for version 3.

use std::time::SystemTime;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};

use super::{
    Config, NAME, Version,
    cipher::{Cipher, Unreadable},
};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::CheckId,
    phone::PhoneNumber,
    provider::{Order, http::with_retry_after},
    secret::Code,
};

/// How many of the caller's last digits the person is asked for.
pub(super) const DIGITS: u8 = 4;

/// A call that the vendor has queued.
#[derive(Debug)]
pub(super) struct Call {
    /// The vendor's id of it; version 2 may give none.
    pub(super) id: Option<String>,
    /// The number that calls: what the vendor calls the token.
    pub(super) caller: Code,
}

/// Orders a call: `asynccall` in version 2, `motp` in version 3.
pub(super) fn miscall(config: &Config, order: &Order, now: SystemTime) -> Result<Request<Bytes>> {
    match config.version {
        Version::V2 => {
            let id = order.check_id.to_string();
            let body = AsyncCall {
                msisdn: national(&order.phone),
                gateway: config.gateway.unwrap_or(1),
                client_unique_id: &id,
            };
            let data = cipher(config).seal(&json(&body)?, now).ok_or_else(|| {
                error(ErrorKind::Misconfigured, "the message cannot be wrapped: `user_id` and `api_key` are needed")
            })?;
            let credentials = STANDARD.encode(format!("{}:{}", config.user_id(), config.api_key.expose()));
            post(config, "v2/asynccall", &credentials, json(&Wrapped { data })?)
        }
        Version::V3 => {
            let body = Motp {
                msisdn: order.phone.digits().to_string(),
                retry: config.retry.unwrap_or(0),
                valid_time: config.valid_time.as_deref(),
                limit_try: config.limit_try.as_deref(),
                callback_url: order.callback_url.as_deref(),
            };
            post(config, "v3/motp", &format!("Apikey {}", config.api_key.expose()), json(&body)?)
        }
    }
}

/// Reads the answer to an order.
pub(super) fn read_call(config: &Config, order: &Order, answer: &Response<Bytes>, now: SystemTime) -> Result<Call> {
    let body = read(config, answer, now)?;
    // Somebody else's token in an answer to us would let the wrong person pass.
    if body.msisdn.as_deref().is_some_and(|number| !is_number(number, &order.phone)) {
        return Err(nonsense("answered about another number"));
    }
    if body.client_unique_id.as_deref().is_some_and(|id| !is_check(id, &order.check_id)) {
        return Err(nonsense("answered about another order"));
    }
    let token = body.token.as_deref().ok_or_else(|| nonsense("answered without a `token`"))?;
    let caller = Code::new(token.strip_prefix('+').unwrap_or(token))
        .map_err(|source| nonsense("answered with a `token` that is no number").with_source(source))?;
    Ok(Call { id: body.trxid.or(body.trx_id), caller })
}

/// The keys that wrap messages of version 2.
pub(super) fn cipher(config: &Config) -> Cipher<'_> {
    Cipher::new(config.user_id(), config.api_key.expose())
}

/// The request inside a message of version 2.
#[derive(Serialize)]
struct AsyncCall<'a> {
    msisdn: String,
    gateway: u8,
    #[serde(rename = "clientUniqueId")]
    client_unique_id: &'a str,
}

/// A message of version 2.
#[derive(Serialize)]
struct Wrapped {
    data: String,
}

/// The request of version 3.
#[derive(Serialize)]
struct Motp<'a> {
    msisdn: String,
    retry: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_time: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_try: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_url: Option<&'a str>,
}

/// The number as version 2 documents it: an Indonesian one as it is dialled there, others with the country code first.
fn national(phone: &PhoneNumber) -> String {
    let digits = phone.digits().to_string();
    match digits.strip_prefix("62") {
        Some(national) if phone.country_code() == 62 => format!("0{national}"),
        _ => digits,
    }
}

/// Whether `text` is the number, in any of the forms that the vendor writes: `08..`, `628..`, `+628..`.
fn is_number(text: &str, phone: &PhoneNumber) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    digits == phone.digits().to_string() || digits == national(phone)
}

/// Whether `text` is the id that went along with the order.
fn is_check(text: &str, id: &CheckId) -> bool {
    text.parse().is_ok_and(|named: CheckId| named == *id)
}

fn json(body: &impl Serialize) -> Result<String> {
    serde_json::to_string(body)
        .map_err(|source| error(ErrorKind::Unavailable, "the request cannot be written").with_source(source))
}

fn post(config: &Config, path: &str, credentials: &str, body: String) -> Result<Request<Bytes>> {
    let mut credentials = HeaderValue::from_str(credentials)
        .map_err(|_| error(ErrorKind::Misconfigured, "`api_key` has characters that cannot be sent"))?;
    credentials.set_sensitive(true);
    Request::builder()
        .method(Method::POST)
        .uri(format!("{}/{path}", config.base_url()))
        .header(AUTHORIZATION, credentials)
        .header(CONTENT_TYPE, "application/json")
        .body(Bytes::from(body))
        .map_err(|source| error(ErrorKind::Misconfigured, "`base_url` makes no URL").with_source(source))
}

/// The fields of answers and reports. Texts in version 2, some of them numbers in version 3: both are taken everywhere.
#[derive(Deserialize)]
pub(super) struct Body {
    #[serde(default, deserialize_with = "text")]
    rc: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) trxid: Option<String>,
    /// The spelling of the vendor's document of 2018 for reports.
    #[serde(default, deserialize_with = "text")]
    pub(super) trx_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    msisdn: Option<String>,
    #[serde(default, deserialize_with = "text")]
    token: Option<String>,
    #[serde(default, deserialize_with = "text", rename = "clientUniqueId")]
    pub(super) client_unique_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) result: Option<String>,
}

impl Body {
    /// Reads what came over the wire, unwrapped where it is wrapped. A message in the clear is as good as a wrapped one: the
    /// wrapping proves nothing.
    pub(super) fn parse(config: &Config, bytes: &[u8], now: SystemTime) -> Result<Self, NotRead> {
        #[derive(Deserialize)]
        struct Envelope {
            data: Option<String>,
        }
        match object::<Envelope>(bytes)?.data {
            Some(data) if config.version == Version::V2 => {
                object(cipher(config).open(&data, now).map_err(NotRead::Wrapped)?.as_bytes())
            }
            _ => object(bytes),
        }
    }

    /// The vendor's response code, whether it is written `"06"`, `"6"` or `6`.
    pub(super) fn rc(&self) -> Option<u16> {
        self.rc.as_deref()?.parse().ok()
    }
}

/// Reads a JSON object. Left to itself, serde reads a struct from a list of its values as well. What is wrong is not told: it
/// would quote the body.
fn object<T: DeserializeOwned>(json: &[u8]) -> Result<T, NotRead> {
    if json.trim_ascii_start().first() != Some(&b'{') {
        return Err(NotRead::NotJson);
    }
    serde_json::from_slice(json).map_err(|_| NotRead::NotJson)
}

/// Why a body cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotRead {
    NotJson,
    Wrapped(Unreadable),
}

/// Reads an answer, or makes our error of the vendor's.
fn read(config: &Config, answer: &Response<Bytes>, now: SystemTime) -> Result<Body> {
    if answer.status() == StatusCode::TOO_MANY_REQUESTS {
        return Err(rate_limited(answer));
    }
    let body = Body::parse(config, answer.body(), now);
    // Which HTTP status goes with an error is not documented: the code in the body says more.
    match (body.as_ref().ok().and_then(Body::rc), answer.status()) {
        (Some(rc), _) if rc != 0 => return Err(refusal(rc)),
        (_, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            return Err(error(ErrorKind::Misconfigured, "refuses the account, or the address of this machine"));
        }
        // Another number would fare no better, so this is no `Rejected`.
        (_, StatusCode::PAYMENT_REQUIRED) => return Err(error(ErrorKind::Misconfigured, BALANCE)),
        (_, status) if status.is_client_error() => {
            return Err(error(ErrorKind::Rejected, "does not accept the request"));
        }
        (_, status) if !status.is_success() => return Err(nonsense("answered with an unexpected status")),
        _ => {}
    }
    match body {
        Ok(body) if body.rc() == Some(0) => Ok(body),
        Ok(_) => Err(nonsense("answered without an `rc`")),
        Err(NotRead::NotJson) => Err(nonsense("answered with something that is not its JSON")),
        Err(NotRead::Wrapped(why)) => Err(nonsense("answered with a message that cannot be read").with_source(why)),
    }
}

/// What a response code other than 0 means to us: the only place where that is said. The vendor's `info` is not repeated: it
/// may hold the number.
fn refusal(rc: u16) -> Error {
    use ErrorKind::{Misconfigured, Rejected, Unavailable};
    let (kind, message) = match rc {
        6 => (Rejected, "does not place the call"),
        14 => (Misconfigured, BALANCE),
        34 => (Unavailable, "the service is not available for now"),
        44 => (Misconfigured, "the sender of the account is closed"),
        66 => (Unavailable, "is being maintained"),
        76 => (Misconfigured, "refuses the password of the account"),
        77 => (Misconfigured, "does not know the `user_id`"),
        88 => (Misconfigured, "misses a parameter: is `version` the one of the account?"),
        95 => (Misconfigured, "refuses the `callback_url`"),
        96 => (Misconfigured, "does not know the `api_key`, or it is not active"),
        98 => (Misconfigured, "refuses the credentials: is `version` the one of the account?"),
        99 => (Misconfigured, "refuses the HTTP method: does `base_url` lead to the API?"),
        _ => (Unavailable, "answered with an unknown `rc`"),
    };
    error(kind, message).with_source(ResponseCode(rc))
}

fn rate_limited(answer: &Response<Bytes>) -> Error {
    with_retry_after(error(ErrorKind::RateLimited, "takes no more calls for now"), answer)
}

fn nonsense(message: &'static str) -> Error {
    error(ErrorKind::Unavailable, message)
}

fn error(kind: ErrorKind, message: &'static str) -> Error {
    Error::new(kind, message).with_provider(NAME)
}

/// The vendor's own number for what went wrong.
#[derive(Debug)]
struct ResponseCode(u16);

impl std::fmt::Display for ResponseCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "rc {:02}", self.0)
    }
}

impl std::error::Error for ResponseCode {}

/// A text or a number; an empty text is none.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum NumberOrText {
        Number(u64),
        Text(String),
    }
    Ok(match Option::<NumberOrText>::deserialize(deserializer)? {
        Some(NumberOrText::Number(number)) => Some(number.to_string()),
        Some(NumberOrText::Text(text)) if !text.is_empty() => Some(text),
        _ => None,
    })
}

const BALANCE: &str = "the account's balance is too low: top it up";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::{channel::Channel, secret::Secret};

    const KEY: &str = "0123456789abcdef0123456789abcdef";
    const V2_ANSWER: &str = include_str!("testdata/asynccall.json");
    const V3_ANSWER: &str = include_str!("testdata/motp.json");

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
    }

    fn v2() -> Config {
        Config::v2(Secret::new("acme"), Secret::new(KEY))
    }

    fn v3() -> Config {
        Config::new(Secret::new(KEY))
    }

    fn order(phone: &str) -> Order {
        let id = "AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap();
        Order::new(id, PhoneNumber::parse(phone, None).unwrap(), Channel::FlashCall, Code::new("123456").unwrap())
    }

    fn answer(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
        Response::builder().status(status).body(body.into()).unwrap()
    }

    fn wrapped(text: &str) -> String {
        format!(r#"{{"data":"{}"}}"#, cipher(&v2()).seal(text, now()).unwrap())
    }

    fn call(config: &Config, body: impl Into<Bytes>) -> Result<Call> {
        read_call(config, &order("+6281234567890"), &answer(200, body), now())
    }

    #[test]
    fn a_request_of_version_2_is_the_documented_one() {
        let request = miscall(&v2(), &order("+6281200000001"), now()).unwrap();
        assert_eq!(
            (request.method(), request.uri().to_string().as_str()),
            (&Method::POST, "https://gateway.citcall.com/v2/asynccall")
        );
        // base64 of `acme:` and the key, and no scheme before it.
        assert_eq!(request.headers()["authorization"], "YWNtZTowMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg==");
        assert_eq!(request.headers()["content-type"], "application/json");
        // From the independent program, for `{"msisdn":"081200000001","gateway":1,"clientUniqueId":"AAAAAAAAAAAAAAAAAAAAAA"}`.
        assert_eq!(
            request.body(),
            r#"{"data":"e0FET0hFSFNTSkpJaTE6Oz51AkFSN0hbTUtMfnd0dwJ7QjZLOnx5FwEQfUdpfnh-bXQACH0DDHgKAg1DLA0rdAUzVWBZVllkXVpdDwgFCBMMUlVgWVZZZD4W"}"#
        );
        assert!(!format!("{request:?}").contains("YWNtZ"), "the credentials are marked sensitive");
    }

    #[test]
    fn a_request_of_version_3_is_plain() {
        let request = miscall(&v3(), &order("+6281200000001"), now()).unwrap();
        assert_eq!(request.uri(), "https://pub.citcall.com/v3/motp");
        assert_eq!(request.headers()["authorization"], format!("Apikey {KEY}"));
        assert_eq!(request.body(), r#"{"msisdn":"6281200000001","retry":0}"#);
        assert!(!format!("{:?}", request.headers()).contains(KEY), "the key is marked sensitive");

        let config =
            Config { retry: Some(4), valid_time: Some("120".to_owned()), limit_try: Some("20".to_owned()), ..v3() };
        let mut order = order("+6281200000001");
        order.callback_url = Some("https://app.example/x".to_owned());
        assert_eq!(
            miscall(&config, &order, now()).unwrap().body(),
            r#"{"msisdn":"6281200000001","retry":4,"valid_time":"120","limit_try":"20","callback_url":"https://app.example/x"}"#
        );
    }

    #[test]
    fn numbers_of_other_countries_keep_their_code() {
        let request = miscall(&v3(), &order("+37126123456"), now()).unwrap();
        assert_eq!(request.body(), r#"{"msisdn":"37126123456","retry":0}"#);
        assert_eq!(national(&order("+37126123456").phone), "37126123456");
        // An American number that looks as if it had Indonesia's code.
        assert_eq!(national(&order("+16282345678").phone), "16282345678");
    }

    #[test]
    fn the_documented_answers_are_read() {
        let called = call(&v2(), wrapped(V2_ANSWER)).unwrap();
        assert_eq!((called.id, called.caller.expose()), (None, "02150808955"));
        let called = call(&v3(), V3_ANSWER).unwrap();
        assert_eq!((called.id.as_deref(), called.caller.expose()), (Some("20261122101500123456"), "622150808955"));
    }

    #[test]
    fn the_vendors_own_answer_opens() {
        let config = Config::v2(Secret::new("demo"), Secret::new("fe01ce2a7fbac8fafaed7c982a04e229"));
        let vectors: serde_json::Value = serde_json::from_str(include_str!("testdata/cipher.json")).unwrap();
        let body = serde_json::json!({ "data": vectors[1]["blob"] }).to_string();
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_519_013_656);
        let read = read(&config, &answer(200, body), then).unwrap();
        assert_eq!(read.token.as_deref(), Some("02150808955"));
        assert_eq!(read.client_unique_id.as_deref(), Some("1234567890"));
    }

    #[test]
    fn texts_and_numbers_are_taken_everywhere_and_a_plain_answer_in_version_2() {
        for body in [
            r#"{"rc":"00","trxid":"7","msisdn":"+6281234567890","token":"+622150800042"}"#,
            r#"{"rc":"0","trx_id":7,"msisdn":6281234567890,"token":622150800042}"#,
            r#"{"rc":0,"trxid":7,"msisdn":"081234567890","token":"622150800042","clientUniqueId":null}"#,
            r#"{"rc":0,"trxid":7,"token":"622150800042","clientUniqueId":"","msisdn":""}"#,
        ] {
            for (config, body) in [(v2(), wrapped(body)), (v2(), body.to_owned()), (v3(), body.to_owned())] {
                let call = call(&config, body.clone()).unwrap();
                assert_eq!((call.id.as_deref(), call.caller.expose()), (Some("7"), "622150800042"), "{body}");
            }
        }
    }

    #[test]
    fn every_rc_gets_its_kind_however_it_is_written() {
        use ErrorKind::{Misconfigured, Rejected, Unavailable};
        for (rc, kind) in [
            (6, Rejected),
            (14, Misconfigured),
            (34, Unavailable),
            (44, Misconfigured),
            (66, Unavailable),
            (76, Misconfigured),
            (77, Misconfigured),
            (88, Misconfigured),
            (95, Misconfigured),
            (96, Misconfigured),
            (98, Misconfigured),
            (99, Misconfigured),
            (1, Unavailable),
            (500, Unavailable),
        ] {
            for body in [
                format!(r#"{{"rc":"{rc:02}","info":"bad +6281234567890"}}"#),
                format!(r#"{{"rc":"{rc}"}}"#),
                format!(r#"{{"rc":{rc},"info":"x","token":"622150800042"}}"#),
            ] {
                for (config, body) in [(v2(), body.clone()), (v2(), wrapped(&body)), (v3(), body)] {
                    for status in [200, 400, 401, 404] {
                        let answer = answer(status, body.clone());
                        let error = read_call(&config, &order("+6281234567890"), &answer, now()).unwrap_err();
                        assert_eq!((error.kind(), error.provider()), (kind, Some(NAME)), "{status} {body}");
                        let told = format!("{error:?}");
                        assert!(told.contains(&format!("rc {rc:02}")) && !told.contains("628123"), "{told}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_other_failure_gets_its_kind() {
        for (status, body, kind) in [
            (401, "", ErrorKind::Misconfigured),
            (403, "<html>not on the list</html>", ErrorKind::Misconfigured),
            (402, "", ErrorKind::Misconfigured),
            (404, "", ErrorKind::Rejected),
            (400, r#"{"rc":0}"#, ErrorKind::Rejected),
            (429, r#"{"rc":0}"#, ErrorKind::RateLimited),
            (304, "", ErrorKind::Unavailable),
            (200, "<html>busy</html>", ErrorKind::Unavailable),
            (200, "", ErrorKind::Unavailable),
            (200, "{}", ErrorKind::Unavailable),
            (200, r#"["0","7",null,null,"622150800042",null,null]"#, ErrorKind::Unavailable),
            (200, r#""0""#, ErrorKind::Unavailable),
            (200, r#"{"rc":"OK","token":"622150800042"}"#, ErrorKind::Unavailable),
            (200, r#"{"rc":-1,"token":"622150800042"}"#, ErrorKind::Unavailable),
            (200, r#"{"token":"622150800042"}"#, ErrorKind::Unavailable),
            (200, r#"{"rc":0}"#, ErrorKind::Unavailable),
            (200, r#"{"rc":0,"token":""}"#, ErrorKind::Unavailable),
            (200, r#"{"rc":0,"token":"anonymous"}"#, ErrorKind::Unavailable),
            (200, r#"{"rc":0,"token":"6221508000426221508"}"#, ErrorKind::Unavailable),
            (200, r#"{"rc":0,"token":"622150800042","msisdn":"6281234567891"}"#, ErrorKind::Unavailable),
            (
                200,
                r#"{"rc":0,"token":"622150800042","clientUniqueId":"BAAAAAAAAAAAAAAAAAAAAA"}"#,
                ErrorKind::Unavailable,
            ),
            (200, r#"{"data":"AAAA"}"#, ErrorKind::Unavailable),
        ] {
            for config in [v2(), v3()] {
                let answer = answer(status, body);
                let error = read_call(&config, &order("+6281234567890"), &answer, now()).unwrap_err();
                assert_eq!((error.kind(), error.provider()), (kind, Some(NAME)), "{status} {body}");
                assert!(!format!("{error:?}").contains("6221508"), "{error:?}");
            }
        }
    }

    #[test]
    fn a_wrapped_answer_from_another_time_is_refused() {
        let answer = answer(200, wrapped(V2_ANSWER));
        for (now, good) in [(now() + Duration::from_secs(480), true), (now() + Duration::from_secs(481), false)] {
            let read = read_call(&v2(), &order("+6281234567890"), &answer, now);
            assert_eq!(read.is_ok(), good);
            assert!(read.map_or_else(|error| format!("{error:?}").contains("clock"), |_| true));
        }
    }

    #[test]
    fn retry_after_is_passed_on() {
        let mut answer = answer(429, "");
        answer.headers_mut().insert("retry-after", HeaderValue::from_static("17"));
        let error = read_call(&v3(), &order("+6281234567890"), &answer, now()).unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(17)));
    }

    proptest! {
        #[test]
        fn any_answer_is_read_or_refused(status in 200..500_u16, body in any::<Vec<u8>>(), text in "\\PC{0,60}") {
            for body in [body, text.clone().into_bytes(), format!(r#"{{"data":"{text}"}}"#).into_bytes()] {
                let answer = answer(status, body);
                prop_assert!(read_call(&v2(), &order("+6281234567890"), &answer, now()).is_err());
                prop_assert!(read_call(&v3(), &order("+6281234567890"), &answer, now()).is_err());
            }
        }
    }
}
