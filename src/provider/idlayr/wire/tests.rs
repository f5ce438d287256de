use super::*;
use crate::{channel::Channel, phone::PhoneNumber, provider::ReturnTo, provider::idlayr::DataResidency, secret::Code};

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
        message: None,
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
    let request = create(&config(Version::V0_2), &order()).unwrap();
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.uri(), "https://eu.api.idlayr.com/phone_check/v0.2/checks");
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
    let request = create(&config, &bare).unwrap();
    assert_eq!(request.uri(), "https://eu.api.idlayr.com/phone_check/v0.1/checks");
    assert_eq!(json_of(&request), json!({ "phone_number": "447900123456", "reference_id": "AAAAAAAAAAAAAAAAAAAAAA" }));
}

#[test]
fn the_other_requests_are_the_documented_ones() {
    let (config, handle) = (config(Version::V0_2), Handle::new(ID));
    let request = exchange(&config, &handle, &Secret::new("94dae426fg")).unwrap();
    assert_eq!(request.method(), Method::PATCH);
    assert_eq!(request.uri().path(), format!("/phone_check/v0.2/checks/{ID}"));
    assert_eq!(request.headers()["content-type"], "application/json-patch+json");
    assert_eq!(json_of(&request), json!([{ "op": "add", "path": "/code", "value": "94dae426fg" }]));

    let request = status(&config, &handle).unwrap();
    assert_eq!((request.method(), request.body().len()), (&Method::GET, 0));
    let request = coverage(&config, "2001:db8::7".parse().unwrap()).unwrap();
    assert_eq!(request.uri(), "https://eu.api.idlayr.com/coverage/v0.1/device_ips/2001:db8::7");
    let request = key_set(&config).unwrap();
    assert_eq!(request.uri(), "https://eu.api.idlayr.com/.well-known/jwks.json");
}

#[test]
fn the_documented_answers_are_read() {
    let started = read_started(&config(Version::V0_2), &answer(201, include_str!("../testdata/created.json"))).unwrap();
    assert_eq!((started.handle.as_str(), started.expires_in), (ID, Some(Duration::from_secs(60))));
    let url = format!("https://eu.api.idlayr.com/phone_check/v0.2/checks/{ID}/redirect");
    assert_eq!(started.prompt, Some(Prompt::OpenUrl { url, mobile_data: true }));
    let completed = answer(200, include_str!("../testdata/completed.json"));
    assert_eq!(read_verdict(&Handle::new(ID), &completed).unwrap(), Verdict::Match);
    let other = read_verdict(&Handle::new("another"), &completed).unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Unavailable);
}

#[test]
fn a_check_that_cannot_be_used_is_no_check() {
    let good: Value = serde_json::from_str(include_str!("../testdata/created.json")).unwrap();
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
        let error = read_started(&config(Version::V0_2), &answer(201, body.to_string())).unwrap_err();
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
        let error = read_started(&config(Version::V0_2), &answer).unwrap_err();
        assert_eq!(error.kind(), kind, "{answer:?}");
        assert_eq!(error.provider(), Some(NAME));
        assert!(!format!("{error:?}").contains("447900123456"), "{error:?}");
    }
}

#[test]
fn retry_after_is_passed_on() {
    let mut answer = problem(429, "too_many_requests");
    answer.headers_mut().insert("retry-after", "17".parse().unwrap());
    assert_eq!(refusal(&answer).retry_after(), Some(Duration::from_secs(17)));
}

#[test]
fn a_code_that_the_vendor_does_not_know_is_a_wrong_answer() {
    let read = |answer| read_exchange(&Handle::new(ID), &answer).map_err(|error| error.kind());
    assert_eq!(read(answer(200, include_str!("../testdata/completed.json"))), Ok(Verdict::Match));
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
