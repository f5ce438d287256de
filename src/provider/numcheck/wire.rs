//! NumCheck's words: requests built, answers read. No I/O.
//!
//! Source: the vendor's "API Integration Documentation", methods `init-call` and `get-call-info`. Everything goes in the query
//! of a POST without a body.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde::{Deserialize, Deserializer};

use super::{Config, NAME};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::CheckId,
    phone::PhoneNumber,
    provider::{Delivery, Handle, http::with_retry_after},
    secret::Code,
};

/// How many of the caller's last digits the person is asked for: what the vendor calls `code`.
pub(super) const DIGITS: u8 = 4;

/// A call that the vendor has placed.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: String,
    /// The number that calls, country code first.
    pub(super) caller: Code,
}

/// `init-call`. The check id goes along as the description, so that operators find the call of a check in the dashboard.
pub(super) fn init_call(config: &Config, phone: &PhoneNumber, id: &CheckId) -> Result<Request<Bytes>> {
    request(config, "init-call", &[("phone", &phone.digits().to_string()), ("description", &id.to_string())])
}

/// `get-call-info`.
pub(super) fn call_info(config: &Config, handle: &Handle) -> Result<Request<Bytes>> {
    request(config, "get-call-info", &[("callId", handle.as_str())])
}

/// Reads the answer to `init-call`.
pub(super) fn read_call(answer: &Response<Bytes>) -> Result<Call> {
    let body = read(answer)?;
    let id = body.call_id.ok_or_else(|| nonsense("answered without a `callId`"))?;
    let caller = body.caller_id.ok_or_else(|| nonsense("answered without a `callerId`"))?;
    let caller = Code::new(caller)
        .map_err(|source| nonsense("answered with a `callerId` that is no number").with_source(source))?;
    // `code` is a JSON number, which has lost its leading zeros: fill it up before it is compared. The caller's number is
    // what the phone shows, so a `code` that says something else would only ever refuse the right digits.
    let ending = body.code.map(|code| format!("{code:0>width$}", width = usize::from(DIGITS)));
    match ending {
        Some(ending) if !caller.expose().ends_with(&ending) => {
            Err(nonsense("answered with a `code` that is not the caller's ending"))
        }
        _ => Ok(Call { id, caller }),
    }
}

/// Reads the answer to `get-call-info`.
pub(super) fn read_delivery(answer: &Response<Bytes>) -> Result<Delivery> {
    match read(answer)?.status {
        Some(0) => Ok(Delivery::InProgress),
        Some(1) => Ok(Delivery::Delivered),
        Some(-1) => Ok(Delivery::NotDelivered),
        _ => Err(nonsense("answered with an unknown call `status`")),
    }
}

fn request(config: &Config, method: &str, query: &[(&str, &str)]) -> Result<Request<Bytes>> {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    let uri = format!("{}/{}/{method}?{query}", config.base_url.trim_end_matches('/'), config.locale);
    let unsendable =
        |message| move |source| Error::new(ErrorKind::Misconfigured, message).with_provider(NAME).with_source(source);
    let mut token = HeaderValue::from_str(config.token.expose()).map_err(|_| {
        Error::new(ErrorKind::Misconfigured, "`token` has characters that cannot be sent").with_provider(NAME)
    })?;
    token.set_sensitive(true);
    Request::builder()
        .method(Method::POST)
        .uri(uri)
        .header("x-auth-token", token)
        .header(http::header::CONTENT_LENGTH, 0)
        .body(Bytes::new())
        .map_err(unsendable("`base_url` and `locale` make no URL"))
}

/// The fields of both answers. Documented as numbers, met as strings: both are taken.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(default, deserialize_with = "digits")]
    call_id: Option<String>,
    #[serde(default, deserialize_with = "digits")]
    caller_id: Option<String>,
    #[serde(default, deserialize_with = "digits")]
    code: Option<String>,
    #[serde(default, deserialize_with = "integer")]
    status: Option<i64>,
    #[serde(default, deserialize_with = "integer")]
    status_code: Option<i64>,
    #[serde(default, deserialize_with = "integer")]
    error_code: Option<i64>,
    #[serde(default)]
    success: Option<bool>,
}

/// Reads an answer, or makes our error of the vendor's: the only place where that happens.
fn read(answer: &Response<Bytes>) -> Result<Body> {
    let body: Option<Body> = serde_json::from_slice(answer.body()).ok();
    let said = body.as_ref().and_then(|body| body.status_code).and_then(|code| u16::try_from(code).ok());
    let status = match said.and_then(|code| StatusCode::from_u16(code).ok()) {
        // The vendor may answer 200 and put the real status into the body.
        Some(said) if answer.status().is_success() => said,
        _ => answer.status(),
    };
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            return Err(error(ErrorKind::Misconfigured, "refuses the `token`"));
        }
        // Another number would fare no better, so this is no `Rejected`.
        StatusCode::PAYMENT_REQUIRED => return Err(error(ErrorKind::Misconfigured, "wants the account to be paid")),
        StatusCode::TOO_MANY_REQUESTS => return Err(rate_limited(answer)),
        status if status.is_client_error() => return Err(error(ErrorKind::Rejected, "does not accept the request")),
        status if !status.is_success() => return Err(nonsense("answered with an unexpected status")),
        _ => {}
    }
    let body = body.ok_or_else(|| nonsense("answered with something that is not its JSON"))?;
    // The vendor's `message` is not repeated: it may hold the number, or what somebody put into it.
    match (body.success, body.error_code.unwrap_or(0)) {
        (Some(true), 0) => Ok(body),
        (_, 0) => Err(nonsense("answered neither with success nor with an error")),
        (_, code) => Err(error(ErrorKind::Rejected, "does not place the call").with_source(VendorCode(code))),
    }
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

/// The vendor's own number for what went wrong. Their meaning is not documented.
#[derive(Debug)]
struct VendorCode(i64);

impl std::fmt::Display for VendorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "errorCode {}", self.0)
    }
}

impl std::error::Error for VendorCode {}

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(i64),
    Text(String),
}

fn digits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<NumberOrText>::deserialize(deserializer)?.map(|value| match value {
        NumberOrText::Number(number) => number.to_string(),
        NumberOrText::Text(text) => text,
    }))
}

fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    match Option::<NumberOrText>::deserialize(deserializer)? {
        None => Ok(None),
        Some(NumberOrText::Number(number)) => Ok(Some(number)),
        Some(NumberOrText::Text(text)) => text.parse().map(Some).map_err(serde::de::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn answer(status: u16, body: &'static str) -> Response<Bytes> {
        Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap()
    }

    const DOCUMENTED: &str = include_str!("testdata/init-call.json");

    #[test]
    fn the_request_is_the_documented_one() {
        let config = Config::new(Secret::new("pNTmaqxpAmNxzQlDlagWIrpZ9Ge4qlzI"));
        let id: CheckId = "AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap();
        let request = init_call(&config, &PhoneNumber::parse("+79991234567", None).unwrap(), &id).unwrap();
        assert_eq!(request.method(), Method::POST);
        assert_eq!(
            request.uri(),
            "https://api.numcheckapi.com/en/init-call?phone=79991234567&description=AAAAAAAAAAAAAAAAAAAAAA"
        );
        assert_eq!(request.headers()["x-auth-token"], "pNTmaqxpAmNxzQlDlagWIrpZ9Ge4qlzI");
        assert!(!format!("{request:?}").contains("pNTmaqxp"), "the token is marked sensitive");
    }

    #[test]
    fn the_documented_answer_is_read() {
        let call = read_call(&answer(200, DOCUMENTED)).unwrap();
        assert_eq!((call.id.as_str(), call.caller.expose()), ("33168", "37166004953"));
        assert_eq!(
            read_delivery(&answer(200, include_str!("testdata/get-call-info.json"))).unwrap(),
            Delivery::Delivered
        );
    }

    #[test]
    fn ids_may_be_texts_and_a_code_may_have_lost_its_zeros() {
        for body in [
            r#"{"callId":"7","callerId":"37166000042","code":"0042","statusCode":"200","errorCode":"0","success":true}"#,
            r#"{"callId":7,"callerId":37166000042,"code":42,"statusCode":200,"errorCode":0,"message":null,"success":true}"#,
            r#"{"callId":7,"callerId":37166000042,"success":true}"#,
        ] {
            let call = read_call(&answer(200, body)).unwrap();
            assert_eq!((call.id.as_str(), call.caller.expose()), ("7", "37166000042"), "{body}");
        }
    }

    #[test]
    fn every_call_status_is_read() {
        for (status, delivery) in [
            ("0", Delivery::InProgress),
            ("1", Delivery::Delivered),
            ("-1", Delivery::NotDelivered),
            ("\"-1\"", Delivery::NotDelivered),
        ] {
            let body = format!(r#"{{"callId":7,"status":{status},"statusCode":200,"errorCode":0,"success":true}}"#);
            let answer = Response::new(Bytes::from(body));
            assert_eq!(read_delivery(&answer).unwrap(), delivery);
        }
    }

    #[test]
    fn every_failure_gets_its_kind() {
        for (status, body, kind) in [
            (401, "", ErrorKind::Misconfigured),
            (403, "<html>", ErrorKind::Misconfigured),
            (200, r#"{"success":false,"statusCode":401,"errorCode":3}"#, ErrorKind::Misconfigured),
            (402, "", ErrorKind::Misconfigured),
            (200, r#"{"success":false,"statusCode":402,"errorCode":5}"#, ErrorKind::Misconfigured),
            (400, r#"{"success":false,"errorCode":7,"message":"bad +37126123456"}"#, ErrorKind::Rejected),
            (200, r#"{"success":false,"statusCode":200,"errorCode":7}"#, ErrorKind::Rejected),
            (200, r#"{"success":true,"statusCode":200,"errorCode":7}"#, ErrorKind::Rejected),
            (429, "", ErrorKind::RateLimited),
            (200, r#"{"success":false,"statusCode":429,"errorCode":9}"#, ErrorKind::RateLimited),
            (200, r#"{"success":false,"statusCode":503,"errorCode":9}"#, ErrorKind::Unavailable),
            (200, "<html>busy</html>", ErrorKind::Unavailable),
            (200, "{\"callId\":33168,", ErrorKind::Unavailable),
            (200, "{}", ErrorKind::Unavailable),
            (200, r#"{"callerId":37166004953,"success":true}"#, ErrorKind::Unavailable),
            (200, r#"{"callId":1,"success":true}"#, ErrorKind::Unavailable),
            (200, r#"{"callId":1,"callerId":"anonymous","success":true}"#, ErrorKind::Unavailable),
            (200, r#"{"callId":1,"callerId":37166004953,"code":1111,"success":true}"#, ErrorKind::Unavailable),
        ] {
            let error = read_call(&answer(status, body)).unwrap_err();
            assert_eq!(error.kind(), kind, "{status} {body}");
            assert_eq!(error.provider(), Some(NAME));
            assert!(!format!("{error:?}").contains("37126123456"), "{error:?}");
        }
    }

    #[test]
    fn retry_after_is_passed_on() {
        let mut answer = answer(429, "");
        answer.headers_mut().insert("retry-after", HeaderValue::from_static("17"));
        assert_eq!(read_call(&answer).unwrap_err().retry_after(), Some(std::time::Duration::from_secs(17)));
    }
}
