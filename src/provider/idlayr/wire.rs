//! IDlayr's words: requests built, answers read. No I/O.
//!
//! Sources: the vendor's "PhoneCheck Integration Guide", and its published API definitions for what the guide leaves out.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Config, NAME, Version};
use crate::{
    error::{Error, ErrorKind, Result},
    provider::{Handle, Order, Returned, Verdict, http::with_retry_after},
    secret::Secret,
};

/// A check that the vendor has made.
#[derive(Debug)]
pub(super) struct Created {
    pub(super) id: String,
    /// What the phone has to open.
    pub(super) check_url: String,
    pub(super) ttl: Option<Duration>,
}

/// Makes a check.
pub(super) fn create(config: &Config, token: &Secret, order: &Order) -> Result<Request<Bytes>> {
    let return_to = order.return_to.as_ref().filter(|_| config.version == Version::V0_2);
    let optional = [
        ("phone_ip", order.client_ip.filter(|_| config.send_client_ip).map(|ip| ip.to_canonical().to_string())),
        ("callback_url", order.callback_url.clone()),
        // The state is of an alphabet that no query has to escape.
        ("redirect_url", return_to.map(|to| format!("{}?state={}", to.url, to.state))),
    ];
    let required = [("phone_number", order.phone.digits().to_string()), ("reference_id", order.check_id.to_string())];
    let optional = optional.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let body: BTreeMap<_, _> = required.into_iter().chain(optional).collect();
    let body = json!(body).to_string().into_bytes();
    request(config, token, Method::POST, &checks(config, ""), Some(("application/json", body)))
}

/// Asks about a check. With v0.1 this is what makes the vendor decide.
pub(super) fn status(config: &Config, token: &Secret, handle: &Handle) -> Result<Request<Bytes>> {
    request(config, token, Method::GET, &checks(config, &format!("/{}", handle.as_str())), None)
}

/// Exchanges the code that a device came back with: a JSON patch (RFC 6902).
pub(super) fn exchange(config: &Config, token: &Secret, handle: &Handle, code: &Secret) -> Result<Request<Bytes>> {
    let patch = json!([{ "op": "add", "path": "/code", "value": code.expose() }]).to_string().into_bytes();
    let path = checks(config, &format!("/{}", handle.as_str()));
    request(config, token, Method::PATCH, &path, Some(("application/json-patch+json", patch)))
}

/// Asks whether the vendor can serve a device at this address.
pub(super) fn coverage(config: &Config, token: &Secret, ip: IpAddr) -> Result<Request<Bytes>> {
    request(config, token, Method::GET, &format!("/coverage/v0.1/device_ips/{}", ip.to_canonical()), None)
}

/// Asks for the keys of signed messages. They are public.
pub(super) fn key_set(config: &Config) -> Result<Request<Bytes>> {
    let url = format!("{}/.well-known/jwks.json", config.base_url());
    Request::get(url).body(Bytes::new()).map_err(|source| no_url().with_source(source))
}

/// Reads the answer to [`create`].
pub(super) fn read_created(config: &Config, answer: &Response<Bytes>) -> Result<Created> {
    let body: Value = read(answer)?;
    let text = |pointer| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let id = text("/check_id").filter(|id| is_check_id(id));
    let id = id.ok_or_else(|| nonsense("answered without a `check_id` that can be one"))?;
    let check_url = text("/_links/check_url/href");
    // The person's phone will open it: over TLS, unless the API itself is an emulator without.
    let emulated = config.base_url().starts_with("http:");
    let opens = |url: &Uri| url.host().is_some() && (emulated || url.scheme_str() == Some("https"));
    let check_url = check_url.filter(|url| url.parse().is_ok_and(|url| opens(&url)));
    let check_url = check_url.ok_or_else(|| nonsense("answered without a `check_url` of HTTPS"))?;
    let ttl = body.get("ttl").and_then(Value::as_u64).map(Duration::from_secs);
    Ok(Created { id, check_url, ttl })
}

/// A check as the vendor shows it: in answers and in callbacks.
#[derive(Deserialize)]
pub(super) struct Check {
    pub(super) check_id: String,
    status: String,
    #[serde(default, rename = "match")]
    matches: Option<bool>,
    #[serde(default)]
    error_code: Option<String>,
}

impl Check {
    pub(super) fn verdict(&self) -> Result<Verdict> {
        match (self.status.as_str(), self.matches) {
            ("ACCEPTED" | "PENDING", _) => Ok(Verdict::Pending),
            ("COMPLETED", Some(true)) => Ok(Verdict::Match),
            ("COMPLETED", Some(false)) => Ok(Verdict::NoMatch),
            ("EXPIRED", _) => Err(nonsense("waited in vain for the phone to open the URL")),
            ("ERROR", _) => Err(match self.error_code.as_deref().and_then(meaning) {
                Some((kind, message)) => error(kind, message),
                None => nonsense("could not compare the numbers"),
            }),
            _ => Err(nonsense("answered with an unknown `status`, or without `match`")),
        }
    }
}

/// Reads the answer to [`status`].
pub(super) fn read_verdict(handle: &Handle, answer: &Response<Bytes>) -> Result<Verdict> {
    let check: Check = read(answer)?;
    match check.check_id == handle.as_str() {
        true => check.verdict(),
        false => Err(nonsense("answered about another check")),
    }
}

/// Reads the answer to [`exchange`]: a code that the vendor does not know is a wrong answer, and costs an attempt.
pub(super) fn read_exchange(handle: &Handle, answer: &Response<Bytes>) -> Result<Verdict> {
    let slug = slug(answer);
    match (answer.status(), slug.as_deref()) {
        (StatusCode::BAD_REQUEST, None | Some("bad_request")) => Ok(Verdict::NoMatch),
        // Nobody has opened the URL yet, so nobody can have got a code.
        (StatusCode::NOT_FOUND, _) => Ok(Verdict::NoMatch),
        _ => match read_verdict(handle, answer)? {
            Verdict::Pending => Err(nonsense("took the code and has not decided")),
            verdict => Ok(verdict),
        },
    }
}

/// Reads the answer to [`coverage`]: an error when the vendor cannot serve the device.
pub(super) fn read_coverage(answer: &Response<Bytes>) -> Result<()> {
    let body: Value = read(answer)?;
    let offers = |product: &Value| product.get("product_id").and_then(Value::as_str) == Some(PHONE_CHECK);
    match body.get("products").and_then(Value::as_array) {
        Some(products) if !products.iter().any(offers) => {
            Err(error(ErrorKind::Rejected, "does not offer PhoneCheck on the phone's network"))
        }
        _ => Ok(()),
    }
}

/// Reads the answer to [`key_set`].
pub(super) fn read_key_set(answer: &Response<Bytes>) -> Result<&[u8]> {
    if answer.status().is_success() { Ok(answer.body()) } else { Err(refusal(answer)) }
}

/// Takes the code out of what a device brought back. What its app hands in is the code itself.
pub(super) fn read_return(handle: &Handle, returned: &Returned) -> Result<Secret> {
    if let Returned::Browser { .. } = returned {
        if returned.parameter("check_id").as_deref() != Some(handle.as_str()) {
            return Err(nonsense("sent the device back for another check"));
        }
        if let Some(slug) = returned.parameter("error") {
            return Err(meaning(&slug).map_or_else(
                || nonsense("could not compare the numbers"),
                |(_, message)| error(ErrorKind::Unavailable, message),
            ));
        }
    }
    let code = returned.parameter("code").filter(|code| !code.is_empty());
    code.map(Secret::new).ok_or_else(|| nonsense("sent the device back without a code"))
}

/// Makes our error of an answer that is none: the only place where that happens.
pub(super) fn refusal(answer: &Response<Bytes>) -> Error {
    // What the vendor says in words is not repeated: it may hold the number.
    let (kind, message) = match (slug(answer).as_deref().and_then(meaning), answer.status()) {
        (Some(known), _) => known,
        (None, StatusCode::UNAUTHORIZED) => (ErrorKind::Misconfigured, "refuses the access token"),
        (None, StatusCode::FORBIDDEN) => (ErrorKind::Misconfigured, "gives this project no access"),
        (None, StatusCode::TOO_MANY_REQUESTS) => (ErrorKind::RateLimited, "takes no more checks for now"),
        (None, StatusCode::PRECONDITION_FAILED) => (ErrorKind::Unavailable, "needs a device on mobile data"),
        (None, StatusCode::NOT_FOUND | StatusCode::GONE) => {
            (ErrorKind::Unavailable, "does not know the check any more")
        }
        (None, status) if status.is_client_error() => (ErrorKind::Rejected, "does not accept the request"),
        _ => (ErrorKind::Unavailable, "answered with an unexpected status"),
    };
    with_retry_after(error(kind, message), answer)
}

/// What a slug of the vendor's problems, or an `error_code` of a check, means for us. After each of them the plan goes on with
/// its next route; the kind says whom to blame.
fn meaning(slug: &str) -> Option<(ErrorKind, &'static str)> {
    use ErrorKind::{Misconfigured, RateLimited, Rejected, Unavailable};
    Some(match slug {
        // This number is not served here, now or later.
        "phone_format_invalid" => (Rejected, "does not take this number"),
        "mno_not_supported" => (Rejected, "does not serve the number's operator"),
        "mno_user_not_found" => (Rejected, "finds no such subscriber"),
        "ip_msisdn_mismatch" => (Rejected, "sees the device on another network than the number's"),
        "bad_request" => (Rejected, "does not accept the request"),
        // This device or its operator is not served now.
        "not_mobile_ip" => (Unavailable, "needs a device on mobile data"),
        "ip_mismatch" => (Unavailable, "sees the phone at another address than the client's"),
        "mno_redirect_unsupported" => (Unavailable, "cannot lead this device through its operator"),
        "mno_timeout" | "mno_response_error" | "mno_server_error" => (Unavailable, "gets no answer from the operator"),
        "mno_no_data_available" => (Unavailable, "gets no data from the operator"),
        "check_not_found" | "trace_gone" => (Unavailable, "does not know the check any more"),
        "too_many_requests" => (RateLimited, "takes no more checks for now"),
        // Our account.
        "forbidden" | "workspace_not_found" => (Misconfigured, "gives this project no access"),
        _ => return None,
    })
}

/// The last part of a problem's `type`.
fn slug(answer: &Response<Bytes>) -> Option<String> {
    let problem: Value = serde_json::from_slice(answer.body()).ok().filter(|_| !answer.status().is_success())?;
    problem.get("type")?.as_str()?.rsplit_once('#').map(|(_, slug)| slug.to_owned())
}

fn read<'a, T: Deserialize<'a>>(answer: &'a Response<Bytes>) -> Result<T> {
    if !answer.status().is_success() {
        return Err(refusal(answer));
    }
    serde_json::from_slice(answer.body()).map_err(|_| nonsense("answered with something that is not its JSON"))
}

fn request(
    config: &Config,
    token: &Secret,
    method: Method,
    path: &str,
    body: Option<(&'static str, Vec<u8>)>,
) -> Result<Request<Bytes>> {
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
        .map_err(|_| nonsense("gave an access token with characters that cannot be sent"))?;
    bearer.set_sensitive(true);
    let request = Request::builder().method(method).uri(format!("{}{path}", config.base_url()));
    let request = request.header(AUTHORIZATION, bearer);
    let built = match body {
        Some((kind, body)) => request.header(CONTENT_TYPE, kind).body(Bytes::from(body)),
        None => request.body(Bytes::new()),
    };
    built.map_err(|source| no_url().with_source(source))
}

fn checks(config: &Config, rest: &str) -> String {
    let version = match config.version {
        Version::V0_1 => "v0.1",
        Version::V0_2 => "v0.2",
    };
    format!("/phone_check/{version}/checks{rest}")
}

/// Whether a text can stand in a path; the vendor's ids are UUIDs.
fn is_check_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn no_url() -> Error {
    error(ErrorKind::Misconfigured, "`base_url` makes no URL")
}

fn nonsense(message: &'static str) -> Error {
    error(ErrorKind::Unavailable, message)
}

fn error(kind: ErrorKind, message: &'static str) -> Error {
    Error::new(kind, message).with_provider(NAME)
}

/// The vendor's name of the product.
const PHONE_CHECK: &str = "PCK";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        channel::Channel, phone::PhoneNumber, provider::ReturnTo, provider::idlayr::DataResidency, secret::Code,
    };

    const ID: &str = "c69bc0e6-a429-11ea-bb37-0242ac130002";

    fn config(version: Version) -> Config {
        Config::new("me", Secret::new("hunter2"), DataResidency::Eu).with_version(version)
    }

    fn order() -> Order {
        Order {
            check_id: "AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap(),
            phone: PhoneNumber::parse("+447900123456", None).unwrap(),
            channel: Channel::SilentNetwork,
            code: Code::new("123456").unwrap(),
            locale: None,
            email: None,
            client_ip: Some("::ffff:203.0.113.7".parse().unwrap()),
            preflight: false,
            callback_url: Some("https://app.example.com/handset/callback/idlayr/t0ken".to_owned()),
            return_to: Some(ReturnTo {
                url: "https://app.example.com/handset/redirect/idlayr".to_owned(),
                state: "c3RhdGU".to_owned(),
            }),
        }
    }

    fn answer(status: u16, body: impl Into<String>) -> Response<Bytes> {
        Response::builder().status(status).body(Bytes::from(body.into())).unwrap()
    }

    fn problem(status: u16, slug: &str) -> Response<Bytes> {
        let kind = format!("https://developer.tru.id/docs/reference/api-errors#{slug}");
        answer(status, json!({ "type": kind, "title": "no", "detail": "+447900123456" }).to_string())
    }

    fn json_of(request: &Request<Bytes>) -> Value {
        serde_json::from_slice(request.body()).unwrap()
    }

    #[test]
    fn an_order_of_v0_2_says_where_the_device_comes_back_to() {
        let request = create(&config(Version::V0_2), &Secret::new("b3arer"), &order()).unwrap();
        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.uri(), "https://eu.api.idlayr.com/phone_check/v0.2/checks");
        assert_eq!(request.headers()["authorization"], "Bearer b3arer");
        assert!(!format!("{request:?}").contains("b3arer"), "the token is marked sensitive");
        assert_eq!(
            json_of(&request),
            json!({
                "phone_number": "447900123456", "reference_id": "AAAAAAAAAAAAAAAAAAAAAA", "phone_ip": "203.0.113.7",
                "callback_url": "https://app.example.com/handset/callback/idlayr/t0ken",
                "redirect_url": "https://app.example.com/handset/redirect/idlayr?state=c3RhdGU",
            })
        );
    }

    #[test]
    fn an_order_of_v0_1_knows_no_redirect_and_what_is_not_known_is_not_sent() {
        let mut bare = order();
        bare.callback_url = None;
        let config = Config { send_client_ip: false, ..config(Version::V0_1) };
        let request = create(&config, &Secret::new("t0k"), &bare).unwrap();
        assert_eq!(request.uri(), "https://eu.api.idlayr.com/phone_check/v0.1/checks");
        assert_eq!(
            json_of(&request),
            json!({ "phone_number": "447900123456", "reference_id": "AAAAAAAAAAAAAAAAAAAAAA" })
        );
    }

    #[test]
    fn the_other_requests_are_the_documented_ones() {
        let (config, token, handle) = (config(Version::V0_2), Secret::new("t0k"), Handle::new(ID));
        let request = exchange(&config, &token, &handle, &Secret::new("94dae426fg")).unwrap();
        assert_eq!(request.method(), Method::PATCH);
        assert_eq!(request.uri().path(), format!("/phone_check/v0.2/checks/{ID}"));
        assert_eq!(request.headers()["content-type"], "application/json-patch+json");
        assert_eq!(json_of(&request), json!([{ "op": "add", "path": "/code", "value": "94dae426fg" }]));

        let request = status(&config, &token, &handle).unwrap();
        assert_eq!((request.method(), request.body().len()), (&Method::GET, 0));
        let request = coverage(&config, &token, "2001:db8::7".parse().unwrap()).unwrap();
        assert_eq!(request.uri(), "https://eu.api.idlayr.com/coverage/v0.1/device_ips/2001:db8::7");
        let request = key_set(&config).unwrap();
        assert_eq!(request.uri(), "https://eu.api.idlayr.com/.well-known/jwks.json");
        assert!(request.headers().is_empty(), "no token for what is public");
    }

    #[test]
    fn the_documented_answers_are_read() {
        let created =
            read_created(&config(Version::V0_2), &answer(201, include_str!("testdata/created.json"))).unwrap();
        assert_eq!((created.id.as_str(), created.ttl), (ID, Some(Duration::from_secs(60))));
        assert_eq!(
            created.check_url,
            "https://eu.api.idlayr.com/phone_check/v0.2/checks/c69bc0e6-a429-11ea-bb37-0242ac130002/redirect"
        );
        let completed = answer(200, include_str!("testdata/completed.json"));
        assert_eq!(read_verdict(&Handle::new(ID), &completed).unwrap(), Verdict::Match);
        let other = read_verdict(&Handle::new("another"), &completed).unwrap_err();
        assert_eq!(other.kind(), ErrorKind::Unavailable);
    }

    #[test]
    fn a_check_that_cannot_be_used_is_no_check() {
        let good: Value = serde_json::from_str(include_str!("testdata/created.json")).unwrap();
        for (pointer, value) in [
            ("/check_id", json!("../../coverage")),
            ("/check_id", json!("")),
            ("/check_id", json!(7)),
            ("/_links/check_url/href", json!("http://eu.api.idlayr.com/x")),
            ("/_links/check_url/href", json!("javascript:alert(1)")),
            ("/_links/check_url/href", json!("/redirect")),
            ("/_links", json!({})),
        ] {
            let mut body = good.clone();
            *body.pointer_mut(pointer).unwrap() = value.clone();
            let error = read_created(&config(Version::V0_2), &answer(201, body.to_string())).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{pointer} {value}");
        }
    }

    #[test]
    fn every_status_is_read() {
        let verdict = |rest: &str| {
            read_verdict(&Handle::new(ID), &answer(200, format!(r#"{{"check_id":"{ID}",{rest}}}"#)))
                .map_err(|error| error.kind())
        };
        for (rest, read) in [
            (r#""status":"ACCEPTED""#, Ok(Verdict::Pending)),
            (r#""status":"PENDING","match":true"#, Ok(Verdict::Pending)),
            (r#""status":"COMPLETED","match":true"#, Ok(Verdict::Match)),
            (r#""status":"COMPLETED","match":false"#, Ok(Verdict::NoMatch)),
            (r#""status":"COMPLETED""#, Err(ErrorKind::Unavailable)),
            (r#""status":"COMPLETED","match":null"#, Err(ErrorKind::Unavailable)),
            (r#""status":"COMPLETED","match":"true""#, Err(ErrorKind::Unavailable)),
            (r#""status":"completed","match":true"#, Err(ErrorKind::Unavailable)),
            (r#""status":"EXPIRED","match":true"#, Err(ErrorKind::Unavailable)),
            (r#""status":"ERROR","match":true"#, Err(ErrorKind::Unavailable)),
            (r#""status":"ERROR","error_code":"not_mobile_ip""#, Err(ErrorKind::Unavailable)),
            (r#""status":"ERROR","error_code":"ip_msisdn_mismatch""#, Err(ErrorKind::Rejected)),
            (r#""status":"ERROR","error_code":"of tomorrow""#, Err(ErrorKind::Unavailable)),
        ] {
            assert_eq!(verdict(rest), read, "{rest}");
        }
    }

    #[test]
    fn every_failure_gets_its_kind() {
        for (answer, kind) in [
            (problem(400, "phone_format_invalid"), ErrorKind::Rejected),
            (problem(400, "mno_not_supported"), ErrorKind::Rejected),
            (problem(400, "bad_request"), ErrorKind::Rejected),
            (problem(409, "ip_msisdn_mismatch"), ErrorKind::Rejected),
            (answer(400, ""), ErrorKind::Rejected),
            (problem(412, "not_mobile_ip"), ErrorKind::Unavailable),
            (answer(412, "<html>"), ErrorKind::Unavailable),
            (problem(404, "check_not_found"), ErrorKind::Unavailable),
            (problem(410, "trace_gone"), ErrorKind::Unavailable),
            (problem(403, "forbidden"), ErrorKind::Misconfigured),
            (answer(401, r#"{"type":7}"#), ErrorKind::Misconfigured),
            (problem(401, "of tomorrow"), ErrorKind::Misconfigured),
            (problem(429, "too_many_requests"), ErrorKind::RateLimited),
            (answer(429, ""), ErrorKind::RateLimited),
            (answer(201, "{}"), ErrorKind::Unavailable),
            (answer(201, "{\"check_id\":"), ErrorKind::Unavailable),
            (answer(304, ""), ErrorKind::Unavailable),
        ] {
            let error = read_created(&config(Version::V0_2), &answer).unwrap_err();
            assert_eq!(error.kind(), kind, "{answer:?}");
            assert_eq!(error.provider(), Some(NAME));
            assert!(!format!("{error:?}").contains("447900123456"), "{error:?}");
        }
    }

    #[test]
    fn retry_after_is_passed_on() {
        let mut answer = problem(429, "too_many_requests");
        answer.headers_mut().insert("retry-after", HeaderValue::from_static("17"));
        assert_eq!(refusal(&answer).retry_after(), Some(Duration::from_secs(17)));
    }

    #[test]
    fn a_code_that_the_vendor_does_not_know_is_a_wrong_answer() {
        let read = |answer| read_exchange(&Handle::new(ID), &answer).map_err(|error| error.kind());
        assert_eq!(read(answer(200, include_str!("testdata/completed.json"))), Ok(Verdict::Match));
        assert_eq!(read(problem(404, "check_not_found")), Ok(Verdict::NoMatch));
        assert_eq!(read(problem(400, "bad_request")), Ok(Verdict::NoMatch));
        assert_eq!(read(problem(400, "mno_not_supported")), Err(ErrorKind::Rejected));
        assert_eq!(read(problem(429, "too_many_requests")), Err(ErrorKind::RateLimited));
        let pending = format!(r#"{{"check_id":"{ID}","status":"PENDING"}}"#);
        assert_eq!(read(answer(200, pending)), Err(ErrorKind::Unavailable));
    }

    #[test]
    fn coverage_says_whether_the_device_can_be_served() {
        let read = |answer| read_coverage(&answer).map_err(|error| error.kind());
        assert_eq!(read(answer(200, r#"{"network_id":"24799","products":[{"product_id":"PCK"}]}"#)), Ok(()));
        assert_eq!(read(answer(200, r#"{"network_id":"24799"}"#)), Ok(()));
        assert_eq!(read(answer(200, r#"{"products":[{"product_id":"SCK"}]}"#)), Err(ErrorKind::Rejected));
        assert_eq!(read(answer(400, "")), Err(ErrorKind::Rejected));
        assert_eq!(read(answer(412, "")), Err(ErrorKind::Unavailable));
    }

    #[test]
    fn a_device_that_comes_back_brings_a_code_of_this_check() {
        let read = |query: &str| {
            let url = format!("https://app.example.com/r?{query}");
            read_return(&Handle::new(ID), &Returned::Browser { url }).map_err(|error| error.kind())
        };
        assert_eq!(read(&format!("check_id={ID}&code=94dae426fg")).unwrap().expose(), "94dae426fg");
        for query in [
            "code=94dae426fg",
            "check_id=another&code=94dae426fg",
            &format!("check_id={ID}"),
            &format!("check_id={ID}&code="),
            &format!("check_id={ID}&code=94dae426fg&error=mno_redirect_unsupported"),
            &format!("check_id={ID}&error=ip_msisdn_mismatch"),
            &format!("check_id={ID}&error=of+tomorrow&error_description=%2B447900123456"),
        ] {
            assert_eq!(read(query).unwrap_err(), ErrorKind::Unavailable, "{query}");
        }
        let app = Returned::App { code: Secret::new("94dae426fg") };
        assert_eq!(read_return(&Handle::new("any"), &app).unwrap().expose(), "94dae426fg");
    }
}
