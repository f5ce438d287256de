//! Open Gateway's words: requests built, answers read. No I/O.
//!
//! Sources: CAMARA Number Verification 0.3.1, 1.0, 1.1, 2.0 and 2.1; the CAMARA security and interoperability profile.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Config, NumberForm};
use crate::{
    error::{ErrorKind, Result},
    ids::CheckId,
    provider::{
        Handle, Order, Returned, Verdict,
        oauth::{nonsense, refusal, request},
        openid::{Awaited, Trip},
    },
};

/// What has to be known when the device comes back. It is the handle of the order, and sealed where it is stored.
#[derive(Serialize, Deserialize)]
pub(super) struct Errand {
    correlator: String,
    phone: String,
    pub(super) way: Way,
}

/// How the access token will be had.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Way {
    /// The device goes to the operator and comes back.
    Trip(Trip),
    /// The operator was asked.
    Awaited(Awaited),
    /// The device's app hands in an operator token.
    OperatorToken,
}

impl Errand {
    pub(super) fn new(order: &Order, way: Way) -> Self {
        Self { correlator: correlator(&order.check_id), phone: order.phone.to_e164(), way }
    }

    pub(super) fn to_handle(&self) -> Result<Handle> {
        let text = serde_json::to_string(self);
        text.map(Handle::new).map_err(|source| nonsense("the order cannot be written down").with_source(source))
    }

    pub(super) fn read(handle: &Handle) -> Result<Self> {
        // No source: it could show a part of the handle.
        serde_json::from_str(handle.as_str()).map_err(|_| nonsense("the order was written by something else"))
    }
}

/// How an operator is told of a number.
pub(super) fn tel(order: &Order) -> String {
    format!("tel:{}", order.phone.to_e164())
}

/// How an operator is shown the operator token that an app handed in. A browser has none to bring.
pub(super) fn operator_token(returned: &Returned) -> Result<Zeroizing<String>> {
    match returned {
        Returned::App { code } => Ok(Zeroizing::new(format!("operatortoken:{}", code.expose()))),
        Returned::Browser { .. } => Err(nonsense("a browser came back, where an app hands in an operator token")),
    }
}

/// Asks whether the number is that of the device, with the value of the `Authorization` header.
pub(super) fn verify(config: &Config, errand: &Errand, bearer: HeaderValue) -> Result<Request<Bytes>> {
    let body = match config.number {
        NumberForm::Plain => serde_json::json!({ "phoneNumber": errand.phone }),
        NumberForm::Hashed => serde_json::json!({ "hashedPhoneNumber": hashed(&errand.phone) }),
    };
    let (root, version) = (config.api_root.trim_end_matches('/'), config.api_version.as_str());
    let uri = format!("{root}/number-verification/{version}/verify");
    let mut request = request(Method::POST, &uri, "application/json", body.to_string().into())?;
    request.headers_mut().insert(header::AUTHORIZATION, bearer);
    let correlator = HeaderValue::from_str(&errand.correlator).ok();
    request.headers_mut().extend(correlator.map(|correlator| (CORRELATOR, correlator)));
    Ok(request)
}

/// Reads the answer to [`verify`].
pub(super) fn read_verdict(answer: &Response<Bytes>) -> Result<Verdict> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        device_phone_number_verified: bool,
    }
    if answer.status() != StatusCode::OK {
        return Err(refusal(answer, words));
    }
    match serde_json::from_slice(answer.body()) {
        Ok(Body { device_phone_number_verified: true }) => Ok(Verdict::Match),
        Ok(Body { device_phone_number_verified: false }) => Ok(Verdict::NoMatch),
        Err(_) => Err(nonsense("answered without `devicePhoneNumberVerified`")),
    }
}

/// What CAMARA's words for what went wrong mean. Nothing here is ever a verdict.
pub(super) fn words(word: &str) -> Option<(ErrorKind, &'static str)> {
    use ErrorKind::{Misconfigured, RateLimited, Rejected, Unavailable};
    Some(match word.strip_prefix("NUMBER_VERIFICATION.").unwrap_or(word) {
        "TOO_MANY_REQUESTS" | "QUOTA_EXCEEDED" => (RateLimited, "takes no more requests for now"),
        "USER_NOT_AUTHENTICATED_BY_MOBILE_NETWORK" | "USER_NOT_AUTHENTICATED_BY_SUPPORTED_METHOD" => {
            (Unavailable, "the device did not come over its mobile network; switch Wi-Fi off, or use another channel")
        }
        "INVALID_TOKEN_CONTEXT" | "INVALID_TS43_TOKEN" => {
            (Unavailable, "cannot tell the device's number; use another channel")
        }
        "UNAUTHENTICATED" | "AUTHENTICATION_REQUIRED" => (Unavailable, "does not take its own access token"),
        "PERMISSION_DENIED" => {
            (Misconfigured, "does not allow this client the scope; look at `purpose`, `api_version` and the contract")
        }
        "ABORTED" | "ALREADY_EXISTS" | "CONFLICT" => (Unavailable, "is busy with the same number"),
        "SERVICE_NOT_APPLICABLE" | "UNSUPPORTED_IDENTIFIER" | "IDENTIFIER_NOT_FOUND" | "NOT_FOUND" => {
            (Rejected, "does not serve this number")
        }
        "INVALID_ARGUMENT" | "OUT_OF_RANGE" => (Rejected, "does not take the number"),
        _ => return None,
    })
}

/// SHA-256 of the number with its `+`, in hexadecimal.
fn hashed(phone: &str) -> String {
    Sha256::digest(phone.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The check's id in the letters that every version of the API takes for `x-correlator`: those of 1.1 are the fewest.
fn correlator(id: &CheckId) -> String {
    id.to_string().replace(|c: char| !c.is_ascii_alphanumeric(), "-")
}

const CORRELATOR: HeaderName = HeaderName::from_static("x-correlator");

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        channel::Channel,
        phone::PhoneNumber,
        provider::open_gateway::{ApiVersion, ClientAuth},
        secret::{Code, Secret},
    };

    const PHONE: &str = "+37126123456";

    fn basic() -> ClientAuth {
        ClientAuth::Basic { secret: Secret::new("hush") }
    }

    fn config(api_version: ApiVersion) -> Config {
        Config::new("https://as.example", "https://api.example/gw/", api_version, "app", basic())
    }

    fn errand() -> Errand {
        let id: CheckId = "-_AAAAAAAAAAAAAAAAAAAA".parse().unwrap();
        let order = Order::new(
            id,
            PhoneNumber::parse(PHONE, None).unwrap(),
            Channel::SilentNetwork,
            Code::new("123456").unwrap(),
        );
        Errand::new(&order, Way::Trip(Trip::new("https://app.example/handset/redirect/open_gateway").unwrap()))
    }

    fn answer(status: u16, body: &str) -> Response<Bytes> {
        Response::builder().status(status).body(Bytes::from(body.to_owned())).unwrap()
    }

    fn bearer() -> HeaderValue {
        HeaderValue::from_static("Bearer t0ken")
    }

    #[test]
    fn an_errand_survives_the_handle_and_is_not_shown() {
        let read = Errand::read(&errand().to_handle().unwrap()).unwrap();
        assert_eq!((read.phone, read.correlator), (PHONE.to_owned(), "--AAAAAAAAAAAAAAAAAAAA".to_owned()));
        let error = Errand::read(&Handle::new("37126123456")).err().unwrap();
        assert!(!format!("{error:?}").contains("26123456"));
    }

    #[test]
    fn only_an_app_hands_in_an_operator_token() {
        let app = Returned::App { code: Secret::new("t0ken") };
        assert_eq!(operator_token(&app).unwrap().as_str(), "operatortoken:t0ken");
        let browser = Returned::Browser { url: "https://app.example/redirect?code=t0ken".to_owned() };
        let error = operator_token(&browser).unwrap_err();
        assert!(!format!("{error:?}").contains("t0ken"));
    }

    #[test]
    fn the_number_is_asked_about_as_it_is_or_hashed() {
        for (version, path) in [(ApiVersion::V0, "v0"), (ApiVersion::V1, "v1"), (ApiVersion::V2, "v2")] {
            let request = verify(&config(version), &errand(), bearer()).unwrap();
            assert_eq!(request.uri(), &*format!("https://api.example/gw/number-verification/{path}/verify"));
            assert_eq!(request.headers()["authorization"], "Bearer t0ken");
            assert_eq!(request.headers()["content-type"], "application/json");
            assert_eq!(request.headers()["x-correlator"], "--AAAAAAAAAAAAAAAAAAAA");
            assert_eq!(request.body(), &*format!(r#"{{"phoneNumber":"{PHONE}"}}"#));
        }
        let config = Config { number: NumberForm::Hashed, ..config(ApiVersion::V2) };
        let request = verify(&config, &errand(), bearer()).unwrap();
        assert_eq!(request.body(), &*format!(r#"{{"hashedPhoneNumber":"{}"}}"#, hashed(PHONE)));
    }

    /// Reckoned with `printf '%s' +346661113334 | sha256sum`. The hashes printed in the specification are of something else.
    #[test]
    fn hashes_are_those_of_the_number_with_its_plus() {
        assert_eq!(hashed("+346661113334"), "6dd5d20f257c1f3620662454064e3aa25ba9a6c7a4d1e99e965bbadd3a7e07d6");
        assert_eq!(hashed("+123456789"), "b49f9168e8a886ffd61a090b51a26e117717f5f6fa804af49ea67043a2bfa4f0");
    }

    #[test]
    fn a_verdict_is_a_boolean_and_nothing_else() {
        for (body, verdict) in [
            (r#"{"devicePhoneNumberVerified":true}"#, Verdict::Match),
            (r#"{"devicePhoneNumberVerified":false,"more":1}"#, Verdict::NoMatch),
        ] {
            assert_eq!(read_verdict(&answer(200, body)).unwrap(), verdict);
        }
        for body in ["", "{}", "true", r#"{"devicePhoneNumberVerified":"true"}"#, r#"{"devicePhoneNumberVerified":1}"#]
        {
            assert_eq!(read_verdict(&answer(200, body)).unwrap_err().kind(), ErrorKind::Unavailable, "{body}");
        }
        for status in [201, 202, 204] {
            assert!(read_verdict(&answer(status, r#"{"devicePhoneNumberVerified":true}"#)).is_err());
        }
    }

    /// Every code that the OpenAPI documents of the three versions name, 0.3.1, 1.0.0 and 2.1.0, and those of the Commonalities
    /// that they point at for the rest, with the status that each comes with.
    #[test]
    fn f4_every_code_of_every_version_gets_its_kind() {
        use ErrorKind::{Misconfigured, RateLimited, Rejected, Unavailable};
        let shared = [
            (400, "INVALID_ARGUMENT", Rejected),
            (401, "UNAUTHENTICATED", Unavailable),
            (403, "PERMISSION_DENIED", Misconfigured),
            (403, "NUMBER_VERIFICATION.USER_NOT_AUTHENTICATED_BY_MOBILE_NETWORK", Unavailable),
        ];
        let faults = [(500, "INTERNAL", Unavailable), (503, "UNAVAILABLE", Unavailable), (504, "TIMEOUT", Unavailable)];
        let v0 = [(403, "NUMBER_VERIFICATION.INVALID_TOKEN_CONTEXT", Unavailable)];
        let v1 = [(401, "AUTHENTICATION_REQUIRED", Unavailable), (403, "INVALID_TOKEN_CONTEXT", Unavailable)];
        let commonalities = [
            (400, "OUT_OF_RANGE", Rejected),
            (404, "NOT_FOUND", Rejected),
            (404, "IDENTIFIER_NOT_FOUND", Rejected),
            (405, "METHOD_NOT_ALLOWED", Misconfigured),
            (406, "NOT_ACCEPTABLE", Misconfigured),
            (409, "ABORTED", Unavailable),
            (409, "ALREADY_EXISTS", Unavailable),
            (409, "CONFLICT", Unavailable),
            (410, "GONE", Misconfigured),
            (412, "FAILED_PRECONDITION", Misconfigured),
            (415, "UNSUPPORTED_MEDIA_TYPE", Misconfigured),
            (422, "SERVICE_NOT_APPLICABLE", Rejected),
            (422, "UNSUPPORTED_IDENTIFIER", Rejected),
            (422, "MISSING_IDENTIFIER", Misconfigured),
            (422, "UNNECESSARY_IDENTIFIER", Misconfigured),
            (429, "QUOTA_EXCEEDED", RateLimited),
            (429, "TOO_MANY_REQUESTS", RateLimited),
            (501, "NOT_IMPLEMENTED", Unavailable),
            (502, "BAD_GATEWAY", Unavailable),
        ];
        for (version, own) in
            [("v0", &[&v0[..], &faults].concat()), ("v1", &[&v1[..], &faults].concat()), ("v2", &vec![])]
        {
            for (status, code, kind) in shared.iter().chain(own).chain(&commonalities) {
                let body = format!(r#"{{"status":{status},"code":"{code}","message":"{PHONE} is bad"}}"#);
                let error = read_verdict(&answer(*status, &body)).unwrap_err();
                assert_eq!(error.kind(), *kind, "{version} {status} {code}");
                let shown = format!("{error:?}");
                assert!(shown.contains(code) && !shown.contains("26123456"), "{shown}");
            }
        }
    }

    #[test]
    fn every_refusal_gets_its_kind() {
        use ErrorKind::{Misconfigured, RateLimited, Rejected, Unavailable, Unsupported};
        for (status, word, kind) in [
            (400, "INVALID_ARGUMENT", Rejected),
            (401, "UNAUTHENTICATED", Unavailable),
            (401, "AUTHENTICATION_REQUIRED", Unavailable),
            (401, "", Misconfigured),
            (403, "PERMISSION_DENIED", Misconfigured),
            (403, "NUMBER_VERIFICATION.USER_NOT_AUTHENTICATED_BY_MOBILE_NETWORK", Unavailable),
            (403, "NUMBER_VERIFICATION.USER_NOT_AUTHENTICATED_BY_SUPPORTED_METHOD", Unavailable),
            (403, "NUMBER_VERIFICATION.INVALID_TOKEN_CONTEXT", Unavailable),
            (403, "INVALID_TOKEN_CONTEXT", Unavailable),
            (403, "NUMBER_VERIFICATION.INVALID_TS43_TOKEN", Unavailable),
            (403, "SOMETHING_NEW", Misconfigured),
            (404, "IDENTIFIER_NOT_FOUND", Rejected),
            (404, "", Misconfigured),
            (422, "SERVICE_NOT_APPLICABLE", Rejected),
            (429, "TOO_MANY_REQUESTS", RateLimited),
            (429, "QUOTA_EXCEEDED", RateLimited),
            (429, "", RateLimited),
            (500, "INTERNAL", Unavailable),
            (503, "UNAVAILABLE", Unavailable),
            (504, "TIMEOUT", Unavailable),
            (400, "invalid_grant", Unavailable),
            (400, "expired_token", Unavailable),
            (400, "unknown_user_id", Rejected),
            (403, "access_denied", Unavailable),
            (401, "invalid_client", Misconfigured),
            (400, "unauthorized_client", Misconfigured),
            (400, "invalid_scope", Misconfigured),
            (400, "invalid_request", Misconfigured),
            (400, "unsupported_grant_type", Misconfigured),
            (400, "invalid_dpop_proof", Unsupported),
            (301, "", Unavailable),
        ] {
            for field in ["code", "error"] {
                let body = format!(r#"{{"status":{status},"{field}":"{word}","message":"{PHONE} is bad"}}"#);
                let error = refusal(&answer(status, &body), words);
                assert_eq!(error.kind(), kind, "{status} {word}");
                let shown = format!("{error:?}");
                assert!(shown.contains(word) && !shown.contains("26123456"), "{shown}");
            }
        }
        // Some say a number where there should be a word, or nothing that can be read.
        for body in [r#"{"code":40101,"message":"no"}"#, "<html>", ""] {
            assert_eq!(refusal(&answer(401, body), words).kind(), Misconfigured, "{body}");
        }
        let smuggled = refusal(&answer(400, r#"{"code":"+37126123456"}"#), words);
        assert!(!format!("{smuggled:?}").contains("26123456"));
        let mut busy = answer(429, "");
        busy.headers_mut().insert("retry-after", HeaderValue::from_static("17"));
        assert_eq!(refusal(&busy, words).retry_after(), Some(Duration::from_secs(17)));
    }
}
