use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{
    channel::Channel,
    provider::Settle,
    secret::{Code, Secret},
};

const KEY: &str = "0123456789abcdef0123456789abcdef";
const V2_ANSWER: &str = include_str!("../testdata/asynccall.json");
const V3_ANSWER: &str = include_str!("../testdata/motp.json");

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

/// The handle, and the digits that are asked for.
fn call(config: &Config, body: impl Into<Bytes>) -> (String, String) {
    let started = read_started(config, &order("+6281234567890"), &answer(200, body), now()).unwrap();
    let Settle::LocalCode(expected) = started.settle else { panic!("we compare") };
    (started.handle.as_str().to_owned(), expected.digits().expose().to_owned())
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
    let ours = "AAAAAAAAAAAAAAAAAAAAAA";
    assert_eq!(call(&v2(), wrapped(V2_ANSWER)), (ours.to_owned(), "8955".to_owned()));
    assert_eq!(call(&v3(), V3_ANSWER), ("20261122101500123456".to_owned(), "8955".to_owned()));
}

#[test]
fn the_vendors_own_answer_opens() {
    let config = Config::v2(Secret::new("demo"), Secret::new("fe01ce2a7fbac8fafaed7c982a04e229"));
    let vectors: serde_json::Value = serde_json::from_str(include_str!("../testdata/cipher.json")).unwrap();
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
            assert_eq!(call(&config, body.clone()), ("7".to_owned(), "0042".to_owned()), "{body}");
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
                    let error = read_started(&config, &order("+6281234567890"), &answer, now()).unwrap_err();
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
        (200, r#"{"rc":0,"token":"622150800042","clientUniqueId":"BAAAAAAAAAAAAAAAAAAAAA"}"#, ErrorKind::Unavailable),
        (200, r#"{"data":"AAAA"}"#, ErrorKind::Unavailable),
    ] {
        for config in [v2(), v3()] {
            let answer = answer(status, body);
            let error = read_started(&config, &order("+6281234567890"), &answer, now()).unwrap_err();
            assert_eq!((error.kind(), error.provider()), (kind, Some(NAME)), "{status} {body}");
            assert!(!format!("{error:?}").contains("6221508"), "{error:?}");
        }
    }
}

#[test]
fn a_wrapped_answer_from_another_time_is_refused() {
    let answer = answer(200, wrapped(V2_ANSWER));
    for (now, good) in [(now() + Duration::from_secs(480), true), (now() + Duration::from_secs(481), false)] {
        let read = read_started(&v2(), &order("+6281234567890"), &answer, now);
        assert_eq!(read.is_ok(), good);
        assert!(read.map_or_else(|error| format!("{error:?}").contains("clock"), |_| true));
    }
}

#[test]
fn retry_after_is_passed_on() {
    let mut answer = answer(429, "");
    answer.headers_mut().insert("retry-after", "17".parse().unwrap());
    let error = read_started(&v3(), &order("+6281234567890"), &answer, now()).unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(17)));
}

proptest! {
    #[test]
    fn any_answer_is_read_or_refused(status in 200..500_u16, body in any::<Vec<u8>>(), text in "\\PC{0,60}") {
        for body in [body, text.clone().into_bytes(), format!(r#"{{"data":"{text}"}}"#).into_bytes()] {
            let answer = answer(status, body);
            prop_assert!(read_started(&v2(), &order("+6281234567890"), &answer, now()).is_err());
            prop_assert!(read_started(&v3(), &order("+6281234567890"), &answer, now()).is_err());
        }
    }
}
