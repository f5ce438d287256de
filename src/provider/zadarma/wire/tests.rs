use ::http::HeaderValue;

use super::*;
use crate::{phone::PhoneNumber, secret::Secret};

const NUMBER: &str = "+37126123456";
const ID: &str = "N2QreWpjS25mR3EvOW8rdGNHdFF2aVE9";

fn config() -> Config {
    Config::new(Secret::new("0a1b2c3d4e5f60718293"), Secret::new("9f8e7d6c5b4a39281706"))
}

fn order(channel: Channel) -> Order {
    let id = "AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap();
    Order::new(id, PhoneNumber::parse(NUMBER, None).unwrap(), channel, Code::new("482916").unwrap())
}

fn body(request: &Request<Bytes>) -> &str {
    std::str::from_utf8(request.body()).unwrap()
}

fn answer(status: u16, body: &'static str) -> Response<Bytes> {
    Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap()
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

#[test]
fn the_shortest_order_is_the_documented_one() {
    let request = verify(&config(), &order(Channel::Sms), None).unwrap();
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.uri(), "https://api.zadarma.com/v1/verify/");
    assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(body(&request), "channel=sms&format=json&to=%2B37126123456");
    assert!(!format!("{request:?}").contains("0a1b2c3d"), "the key is marked sensitive");
}

#[test]
fn the_request_is_signed_over_its_path_and_body() {
    let (config, order) = (config().with_base_url("http://127.0.0.1:1/zadarma/"), order(Channel::Sms));
    let mut german = order.clone();
    german.phone = PhoneNumber::parse("+4915112345678", None).unwrap();
    for order in [order, german] {
        let request = verify(&config, &order, None).unwrap();
        assert_eq!(request.uri().path(), "/zadarma/v1/verify/");
        let expected = sign::authorization(&config.key, &config.secret, "/v1/verify/", body(&request)).unwrap();
        assert_eq!(request.headers()["authorization"], expected);
    }
}

#[test]
fn every_setting_goes_with_its_channel_only() {
    let text = |text: &str| Some(text.to_owned());
    let config = Config {
        template_id: Some(7),
        caller_id: text("Ada's Shop"),
        call_from: text("+442037691881"),
        email_from: text("noreply@example.com"),
        email_subject: text("Your code"),
        email_body: text("{#code#}*"),
        ..config()
    };
    let code = Code::new("482916").unwrap();
    let built = |channel| {
        let mut order = order(channel);
        order.locale = text("uk-UA");
        order.email = text("ada@example.com");
        body(&verify(&config, &order, Some(&code)).unwrap()).to_owned()
    };
    assert_eq!(
        built(Channel::Sms),
        "caller_id=Ada%27s+Shop&channel=sms&code=482916&format=json&language=ua&template_id=7&to=%2B37126123456"
    );
    assert_eq!(
        built(Channel::VoiceCode),
        "channel=call_code&code=482916&format=json&from=%2B442037691881&language=ua&to=%2B37126123456"
    );
    assert_eq!(
        built(Channel::Email),
        "channel=email&code=482916&email_body=%7B%23code%23%7D%2A&email_subject=Your+code&format=json\
         &from=noreply%40example.com&language=ua&to=ada%40example.com"
    );
}

#[test]
fn an_email_says_what_the_policy_has_it_say() {
    let mut order = order(Channel::Email);
    order.email = Some("ada@example.com".to_owned());
    order.message = Some("{code} lets you in".to_owned());
    let config = Config { email_body: Some("{#code#}".to_owned()), ..config() };
    let request = verify(&config, &order, None).unwrap();
    assert!(body(&request).contains("&email_body=%7B%23code%23%7D+lets+you+in&"), "{}", body(&request));
}

#[test]
fn what_cannot_be_ordered_is_refused_before_anything_is_sent() {
    let error = verify(&config(), &order(Channel::Email), None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(error.to_string(), "zadarma: needs an e-mail address");
    for channel in [Channel::FlashCall, Channel::SilentNetwork] {
        assert_eq!(verify(&config(), &order(channel), None).unwrap_err().kind(), ErrorKind::Unsupported);
    }
}

#[test]
fn a_call_that_asks_for_a_key_is_the_documented_one() {
    let text = |text: &str| Some(text.to_owned());
    let config = Config {
        greeting_sound_id: text("657c2c822fb364c1d201f685"),
        button_1_sound_id: text("6718bc2af7cd712b0e0a96f6"),
        fallback_sound_id: text("6718bd57e2cc3072e20c0ba6"),
        ..config()
    };
    let mut order = order(Channel::KeyPress);
    order.locale = text("de");
    let sounds = "fallback_sound_id=6718bd57e2cc3072e20c0ba6&format=json";
    let expected = |from: &str| {
        format!(
            "button_1_sound_id=6718bc2af7cd712b0e0a96f6&channel=call_button&{sounds}{from}\
             &greeting_sound_id=657c2c822fb364c1d201f685&to=%2B37126123456"
        )
    };
    assert_eq!(body(&verify(&config, &order, None).unwrap()), expected(""), "no language and no code");
    let from = Config { call_from: text("+442037691881"), ..config };
    assert_eq!(body(&verify(&from, &order, None).unwrap()), expected("&from=%2B442037691881"));
}

#[test]
fn the_answer_to_a_call_names_no_request() {
    assert!(read_started(&answer(200, r#"{"status":"success"}"#), Channel::KeyPress, now()).is_ok());
    for (status, body, kind) in [
        (200, r#"{"status":"error","message":"\"greeting_sound_id\" param is required"}"#, ErrorKind::Rejected),
        (401, r#"{"status":"error","message":"Auth error"}"#, ErrorKind::Misconfigured),
        (200, "{}", ErrorKind::Unavailable),
        (500, "", ErrorKind::Unavailable),
    ] {
        assert_eq!(
            read_started(&answer(status, body), Channel::KeyPress, now()).unwrap_err().kind(),
            kind,
            "{status} {body}"
        );
    }
}

#[test]
fn languages_are_named_as_the_vendor_names_them() {
    for (tag, expected) in [
        ("en", Some("en")),
        ("en-GB", Some("en")),
        ("DE", Some("de")),
        ("de-Latn-AT", Some("de")),
        ("uk", Some("ua")),
        ("ua", None),
        ("lv", None),
        ("", None),
        ("english", None),
    ] {
        assert_eq!(language(tag), expected, "{tag}");
    }
}

#[test]
fn a_check_is_the_documented_one() {
    let request = check(&config(), &Handle::new(ID), &Code::new("956305").unwrap()).unwrap();
    assert_eq!(request.uri(), "https://api.zadarma.com/v1/verify/check");
    assert_eq!(body(&request), format!("code=956305&format=json&request_id={ID}"));
    // The vector of `testdata/signatures.json` for the same request.
    assert_eq!(
        request.headers()["authorization"],
        "0a1b2c3d4e5f60718293:MGI2MDY2OTE5MmYwYWM5ZmYyNDhmMTZjYjUxZmJmM2M1NjYxY2YxNQ=="
    );
}

#[test]
fn the_documented_answers_are_read() {
    let handle = read_started(&answer(200, include_str!("../testdata/verify.json")), Channel::Sms, now()).unwrap();
    assert_eq!(handle.as_str(), ID);
    let verdict = read_verdict(&answer(200, include_str!("../testdata/check.json")), now()).unwrap();
    assert_eq!(verdict, Verdict::Match);
    let error =
        read_started(&answer(200, include_str!("../testdata/verify-error.json")), Channel::Sms, now()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
}

#[test]
fn every_failure_of_an_order_gets_its_kind() {
    for (status, body, kind) in [
        (401, "", ErrorKind::Misconfigured),
        (403, "<html>", ErrorKind::Misconfigured),
        (401, r#"{"status":"error","message":"Auth error"}"#, ErrorKind::Misconfigured),
        (200, r#"{"status":"error","message":"Auth error"}"#, ErrorKind::Misconfigured),
        (429, "", ErrorKind::RateLimited),
        (200, r#"{"status":"error","message":"You exceeded the rate limit"}"#, ErrorKind::RateLimited),
        (400, r#"{"status":"error","message":"bad +37126123456"}"#, ErrorKind::Rejected),
        (200, r#"{"status":"error","message":"no money"}"#, ErrorKind::Rejected),
        (200, r#"{"status":"error"}"#, ErrorKind::Rejected),
        (402, "", ErrorKind::Misconfigured),
        (404, "", ErrorKind::Rejected),
        (400, r#"{"status":"success","request_id":"x"}"#, ErrorKind::Rejected),
        (200, r#"{"status":"success"}"#, ErrorKind::Unavailable),
        (200, r#"{"status":"success","request_id":""}"#, ErrorKind::Unavailable),
        (200, r#"{"status":"success","request_id":7}"#, ErrorKind::Unavailable),
        (200, r#"{"status":"ok","request_id":"x"}"#, ErrorKind::Unavailable),
        (200, r#"{"status":"success","request_i"#, ErrorKind::Unavailable),
        (200, "<html>busy</html>", ErrorKind::Unavailable),
        (200, "{}", ErrorKind::Unavailable),
        (200, "", ErrorKind::Unavailable),
    ] {
        let error = read_started(&answer(status, body), Channel::Sms, now()).unwrap_err();
        assert_eq!(error.kind(), kind, "{status} {body}");
        assert_eq!(error.provider(), Some(super::super::NAME));
        assert!(!format!("{error:?}").contains("37126123456"), "{error:?}");
    }
}

#[test]
fn every_outcome_of_a_check_is_told_apart() {
    for (status, body) in [
        (200, r#"{"status":"error","message":"Invalid verification code"}"#),
        (400, r#"{"status":"error","message":"Invalid verification code"}"#),
        (200, r#"{"status":"error","message":"Falscher Code"}"#),
        (200, r#"{"status":"error"}"#),
    ] {
        assert_eq!(read_verdict(&answer(status, body), now()).unwrap(), Verdict::NoMatch, "{status} {body}");
    }
    for (status, body, kind) in [
        (200, r#"{"status":"error","message":"No such request id"}"#, ErrorKind::Unavailable),
        (200, r#"{"status":"success"}"#, ErrorKind::Unavailable),
        (200, r#"{"status":"success","request_id":"x"}"#, ErrorKind::Unavailable),
        (200, r#"{"status":"success","message":"Invalid verification code"}"#, ErrorKind::Unavailable),
        (400, r#"{"status":"success","message":"Code is correct"}"#, ErrorKind::Rejected),
        (200, r#"{"message":"Code is correct"}"#, ErrorKind::Unavailable),
        (401, r#"{"status":"error","message":"Auth error"}"#, ErrorKind::Misconfigured),
        (429, r#"{"status":"error","message":"You exceeded the rate limit"}"#, ErrorKind::RateLimited),
        (200, "<html>", ErrorKind::Unavailable),
    ] {
        assert_eq!(read_verdict(&answer(status, body), now()).unwrap_err().kind(), kind, "{status} {body}");
    }
}

#[test]
fn the_end_of_a_rate_limit_is_passed_on() {
    for (name, value, wait) in [
        ("x-ratelimit-reset", "17", Some(17)),
        ("x-ratelimit-reset", "1800000042", Some(42)),
        ("x-ratelimit-reset", "1799999999", None),
        ("x-ratelimit-reset", "1900000000", None),
        ("x-ratelimit-reset", "18446744073709551615", None),
        ("x-ratelimit-reset", "soon", None),
        ("retry-after", "5", Some(5)),
    ] {
        let mut answer = answer(429, "");
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
        let error = read_started(&answer, Channel::Sms, now()).unwrap_err();
        assert_eq!(error.retry_after(), wait.map(Duration::from_secs), "{name}: {value}");
    }
}

proptest::proptest! {
    #[test]
    fn no_answer_but_the_documented_one_is_a_match(status in 200_u16..500, body in ".{0,80}", message in ".{0,40}") {
        let said = format!(r#"{{"status":"success","message":{}}}"#, serde_json::to_string(&message).unwrap());
        for body in [body, said] {
            let answer = Response::builder().status(status).body(Bytes::from(body)).unwrap();
            let verdict = read_verdict(&answer, now());
            let documented = message.trim().eq_ignore_ascii_case("Code is correct");
            proptest::prop_assert!(documented || !matches!(verdict, Ok(Verdict::Match)));
        }
    }
}
