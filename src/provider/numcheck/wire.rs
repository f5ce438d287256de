//! NumCheck's words: requests built, answers read. No I/O.
//!
//! Source: the vendor's "API Integration Documentation", methods `init-call` and `get-call-info`. Everything goes in the query
//! of a POST without a body.

use bytes::Bytes;
use http::{HeaderName, Method, Request, Response, StatusCode};
use serde::Deserialize;

use super::{Config, NAME};
use crate::{
    error::{ErrorKind, Result},
    ids::CheckId,
    phone::PhoneNumber,
    provider::{
        Delivery, Handle, Started, flash_call,
        http::{Vendor, integer, text},
    },
};

/// `init-call`. The check id goes along as the description, so that operators find the call of a check in the dashboard.
pub(super) fn init_call(config: &Config, phone: &PhoneNumber, id: &CheckId) -> Result<Request<Bytes>> {
    request(config, "init-call", &[("phone", &phone.digits().to_string()), ("description", &id.to_string())])
}

/// `get-call-info`.
pub(super) fn call_info(config: &Config, handle: &Handle) -> Result<Request<Bytes>> {
    request(config, "get-call-info", &[("callId", handle.as_str())])
}

/// Reads the answer to `init-call`.
pub(super) fn read_started(answer: &Response<Bytes>) -> Result<Started> {
    let body = read(answer)?;
    let id = body.call_id.ok_or_else(|| VENDOR.nonsense("answered without a `callId`"))?;
    let caller = body.caller_id.ok_or_else(|| VENDOR.nonsense("answered without a `callerId`"))?;
    // `code` is a JSON number, which has lost its leading zeros: fill it up before it is compared. The caller's number is
    // what the phone shows, so a `code` that says something else would only ever refuse the right digits.
    let ending = body.code.map(|code| format!("{code:0>width$}", width = usize::from(flash_call::DIGITS)));
    match ending {
        Some(ending) if !caller.ends_with(&ending) => {
            Err(VENDOR.nonsense("answered with a `code` that is not the caller's ending"))
        }
        _ => flash_call::started(NAME, id, &caller),
    }
}

/// Reads the answer to `get-call-info`.
pub(super) fn read_delivery(answer: &Response<Bytes>) -> Result<Delivery> {
    match read(answer)?.status {
        Some(0) => Ok(Delivery::InProgress),
        Some(1) => Ok(Delivery::Delivered),
        Some(-1) => Ok(Delivery::NotDelivered),
        _ => Err(VENDOR.nonsense("answered with an unknown call `status`")),
    }
}

fn request(config: &Config, method: &str, query: &[(&str, &str)]) -> Result<Request<Bytes>> {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    let url = format!("{}/{}/{method}?{query}", config.base_url.trim_end_matches('/'), config.locale);
    VENDOR.request(Method::POST, url).credentials(TOKEN, config.token.expose())?.empty()
}

/// The fields of both answers. Documented as numbers, met as strings: both are taken.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Body {
    #[serde(deserialize_with = "text")]
    call_id: Option<String>,
    #[serde(deserialize_with = "text")]
    caller_id: Option<String>,
    #[serde(deserialize_with = "text")]
    code: Option<String>,
    #[serde(deserialize_with = "integer")]
    status: Option<i64>,
    #[serde(deserialize_with = "integer")]
    status_code: Option<i64>,
    #[serde(deserialize_with = "integer")]
    error_code: Option<i64>,
    success: Option<bool>,
}

/// Reads an answer, or makes our error of the vendor's: the only place where that happens.
fn read(answer: &Response<Bytes>) -> Result<Body> {
    let body: Result<Body> = VENDOR.read(answer);
    let said = body.as_ref().ok().and_then(|body| body.status_code).and_then(|code| u16::try_from(code).ok());
    let status = match said.and_then(|code| StatusCode::from_u16(code).ok()) {
        // The vendor may answer 200 and put the real status into the body.
        Some(said) if answer.status().is_success() => said,
        _ => answer.status(),
    };
    if !status.is_success() {
        return Err(VENDOR.refusal(status, answer));
    }
    let body = body?;
    // The vendor's `message` is not repeated: it may hold the number, or what somebody put into it. Nor is it documented what
    // its numbers for what went wrong mean.
    match (body.success, body.error_code.unwrap_or(0)) {
        (Some(true), 0) => Ok(body),
        (_, 0) => Err(VENDOR.nonsense("answered neither with success nor with an error")),
        (_, code) => {
            Err(VENDOR.error(ErrorKind::Rejected, "does not place the call").with_source(format!("errorCode {code}")))
        }
    }
}

const TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

const VENDOR: Vendor = Vendor::new(NAME, "refuses the `token`");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{provider::Settle, secret::Secret};

    fn answer(status: u16, body: &'static str) -> Response<Bytes> {
        Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap()
    }

    /// The handle, and the digits that are asked for.
    fn started(body: &'static str) -> (String, String) {
        let started = read_started(&answer(200, body)).unwrap();
        let Settle::LocalCode(expected) = started.settle else { panic!("we compare") };
        (started.handle.as_str().to_owned(), expected.digits().expose().to_owned())
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
        assert_eq!(started(DOCUMENTED), ("33168".to_owned(), "4953".to_owned()));
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
            assert_eq!(started(body), ("7".to_owned(), "0042".to_owned()), "{body}");
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
            let error = read_started(&answer(status, body)).unwrap_err();
            assert_eq!(error.kind(), kind, "{status} {body}");
            assert_eq!(error.provider(), Some(NAME));
            assert!(!format!("{error:?}").contains("37126123456"), "{error:?}");
        }
    }

    #[test]
    fn retry_after_is_passed_on() {
        let mut answer = answer(429, "");
        answer.headers_mut().insert("retry-after", "17".parse().unwrap());
        assert_eq!(read_started(&answer).unwrap_err().retry_after(), Some(std::time::Duration::from_secs(17)));
    }
}
