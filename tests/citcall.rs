//! Citcall from start to proof over a real socket, in both versions of its API, and everything that goes wrong on the way.
#![cfg(all(feature = "sandbox", feature = "testing", feature = "client"))]
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "citcall/reports.rs"]
mod reports;

use std::{
    error::Error as _,
    time::{Duration, SystemTime},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use handset::{
    Action, Channel, Error, ErrorKind, PhoneNumber, Result, Subject, Verifier,
    proof::ProofKey,
    provider::{
        citcall::{Citcall, Config},
        http::HttpClient,
    },
    sandbox::{Knob, Sandbox, Scope},
    testing::{CodeBook, ManualClock},
    verifier::{Answer, Caller, Check, StartRequest},
};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

const NUMBER: &str = "+6281234567890";

/// Long enough for a loaded machine; nothing waits for it to pass unless something is broken.
const PATIENCE: Duration = Duration::from_secs(20);

const POLICY: &str = r#"
version = 1
[[route]]
name = "everybody"
try = ["citcall/flash_call"]
"#;

fn v2(sandbox: &Sandbox) -> Config {
    Config::v2(sandbox.citcall_user_id().clone(), sandbox.citcall_api_key().clone())
        .with_base_url(sandbox.citcall_url())
        .with_time_out(PATIENCE)
}

fn v3(sandbox: &Sandbox) -> Config {
    Config::new(sandbox.citcall_api_key().clone()).with_base_url(sandbox.citcall_url()).with_time_out(PATIENCE)
}

fn client(config: Config) -> Citcall {
    Citcall::new(config, HttpClient::danger_with_private_addresses().unwrap()).unwrap()
}

fn verifier(citcall: Citcall) -> Verifier {
    Verifier::builder()
        .policy("policy.toml", POLICY)
        .proof_key(ProofKey::random().unwrap())
        .provider(citcall)
        .build()
        .unwrap()
}

fn ada() -> Subject {
    Subject::new("ada").unwrap()
}

async fn start(verifier: &Verifier, number: &str) -> Result<Check> {
    let phone = PhoneNumber::parse(number, None).unwrap();
    let request = StartRequest::new(ada(), phone, Action::new("sign_in").unwrap());
    tokio::time::timeout(PATIENCE, verifier.start(request)).await.expect("the start hangs")
}

async fn answer(verifier: &Verifier, check: &Check, typed: &str) -> Answer {
    verifier.answer(&ada(), check.id, typed, Caller::default()).await.unwrap()
}

async fn caller(sandbox: &Sandbox, number: &str) -> String {
    let handset = sandbox.handset(number);
    tokio::time::timeout(PATIENCE, handset.next_call()).await.expect("no call came").from
}

/// The provider's own error, under the one that the client sees.
fn cause(error: &Error) -> &Error {
    error.source().expect("no cause").downcast_ref().expect("not an error of the provider")
}

/// Fails when a text shows a credential or the number.
fn assert_discreet(sandbox: &Sandbox, shown: &str) {
    let credentials = [sandbox.citcall_user_id(), sandbox.citcall_api_key()];
    let basic = STANDARD.encode(credentials.map(|secret| secret.expose()).join(":"));
    for secret in [credentials[0].expose(), credentials[1].expose(), &basic, "81234567890", "215080"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn a_call_is_ordered_rings_and_its_ending_verifies() {
    let sandbox = Sandbox::start().await.unwrap();
    for (config, number) in [(v2(&sandbox), NUMBER), (v3(&sandbox), "+6281234567891")] {
        let before = sandbox.requests().len();
        let verifier = verifier(client(config));
        let check = start(&verifier, number).await.unwrap();
        assert_eq!((check.channel, check.provider.as_deref()), (Some(Channel::FlashCall), Some("citcall")));
        assert_eq!(
            serde_json::to_value(&check.prompt).unwrap(),
            json!({ "type": "enter_code", "length": 4, "source": "caller_id" })
        );

        let caller = caller(&sandbox, number).await;
        assert!(caller.starts_with("+62215080") && caller.len() == 13);
        let (_, ending) = caller.split_at(9);
        let wrong = format!("{:04}", (ending.parse::<u16>().unwrap() + 1) % 10_000);
        let Answer::Incorrect { attempts_left: 4 } = answer(&verifier, &check, &wrong).await else {
            panic!("a wrong ending is incorrect")
        };
        let Answer::Verified(verified) = answer(&verifier, &check, ending).await else { panic!("the ending is right") };
        assert_eq!(verified.proof.phone().to_e164(), number);
        assert_eq!(verified.proof.channel(), Channel::FlashCall);
        assert_eq!(sandbox.requests().len() - before, 1, "one order, one request");
    }
    assert_eq!(sandbox.calls(), 2);
}

#[tokio::test]
async fn the_whole_number_is_right_as_the_vendor_writes_it() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.knobs().set(Scope::All, Knob::CallerEnding("0042".into())).unwrap();
    let cases = [
        (v2(&sandbox), "021 5080-0042", "+62 21 5081 0042"),
        (v3(&sandbox), "+62 21 5080 0042", "+62 21 5081 0042"),
        (v3(&sandbox), "0042", "42"),
    ];
    for (config, right, wrong) in cases {
        let verifier = verifier(client(config));
        let check = start(&verifier, NUMBER).await.unwrap();
        assert!(matches!(answer(&verifier, &check, wrong).await, Answer::Incorrect { .. }), "{wrong}");
        assert!(matches!(answer(&verifier, &check, right).await, Answer::Verified(_)), "{right}");
    }
}

#[tokio::test]
async fn settings_go_along_and_texts_are_read_as_numbers() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.knobs().set(Scope::All, Knob::IdsAsStrings).unwrap();
    let mut full = v3(&sandbox);
    full.retry = Some(4);
    full.valid_time = Some("120".to_owned());
    full.limit_try = Some("20".to_owned());
    let mut other_way = v2(&sandbox);
    other_way.gateway = Some(4);
    for config in [full, other_way] {
        start(&verifier(client(config)), NUMBER).await.unwrap();
    }
    // A country other than the vendor's own.
    start(&verifier(client(v2(&sandbox))), "+37126123456").await.unwrap();
    assert_eq!(caller(&sandbox, "+37126123456").await.len(), 13);
    assert_eq!(sandbox.calls(), 3);
}

#[tokio::test]
async fn a_call_that_never_comes_leaves_the_check_open() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.knobs().set(Scope::All, Knob::NotAnswered).unwrap();
    let verifier = verifier(client(v3(&sandbox)));
    let check = start(&verifier, NUMBER).await.unwrap();
    assert!(sandbox.handset(NUMBER).events().is_empty());
    assert_eq!(verifier.status(&ada(), check.id).await.unwrap().attempts_left, 5);
}

#[tokio::test]
async fn every_response_code_becomes_its_kind() {
    use ErrorKind::{Misconfigured, Rejected, Unavailable};
    let sandbox = Sandbox::start().await.unwrap();
    let codes = [
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
        (4711, Unavailable),
    ];
    for (code, kind) in codes {
        sandbox.knobs().set(Scope::All, Knob::ErrorCode { code, status: 400 }).unwrap();
        for config in [v2(&sandbox), v3(&sandbox)] {
            let verifier = verifier(client(config));
            let error = start(&verifier, NUMBER).await.unwrap_err();
            assert_eq!((cause(&error).kind(), cause(&error).provider()), (kind, Some("citcall")), "{code}");
            let told = format!("{error} {error:?}");
            assert!(told.contains(&format!("rc {code:02}")), "{told}");
            assert_discreet(&sandbox, &told);
        }
    }
    assert_eq!((sandbox.calls(), sandbox.requests().len()), (0, 2 * codes.len()));
}

#[tokio::test]
async fn every_fault_is_unavailable_and_the_order_is_sent_once() {
    let sandbox = Sandbox::start().await.unwrap();
    let faults = [
        Knob::Http500,
        Knob::Html,
        Knob::Redirect("http://169.254.169.254/".into()),
        Knob::WrongJson,
        Knob::BigBody,
        Knob::DropConnection,
        Knob::TimeOut,
    ];
    for knob in faults {
        sandbox.knobs().reset();
        for config in [v2(&sandbox), v3(&sandbox)] {
            sandbox.knobs().set(Scope::All, knob.clone()).unwrap();
            let config = if knob == Knob::TimeOut { config.with_time_out(Duration::from_millis(300)) } else { config };
            let before = sandbox.requests().len();
            let error = start(&verifier(client(config)), NUMBER).await.unwrap_err();
            assert_eq!(cause(&error).kind(), ErrorKind::Unavailable, "{knob:?}");
            assert_discreet(&sandbox, &format!("{error} {error:?}"));
            assert_eq!(sandbox.requests().len() - before, 1, "{knob:?}");
        }
    }
}

#[tokio::test]
async fn wrong_credentials_are_a_matter_for_the_operator() {
    let sandbox = Sandbox::start().await.unwrap();
    let other = || "0123456789abcdef0123456789abcdef".to_owned().into();
    let mut wrong_user = v2(&sandbox);
    wrong_user.user_id = Some("somebody".to_owned().into());
    let (mut wrong_key, mut wrong_key_3) = (v2(&sandbox), v3(&sandbox));
    wrong_key.api_key = other();
    wrong_key_3.api_key = other();
    for (config, rc) in [(wrong_user, "rc 77"), (wrong_key, "rc 96"), (wrong_key_3, "rc 96")] {
        let error = start(&verifier(client(config)), NUMBER).await.unwrap_err();
        assert_eq!(cause(&error).kind(), ErrorKind::Misconfigured, "{rc}");
        let told = format!("{error:?}");
        assert!(told.contains(rc) && !told.contains("somebody") && !told.contains("0123456789"), "{told}");
    }
    assert_eq!(sandbox.calls(), 0);
}

#[tokio::test]
async fn a_clock_that_is_off_is_refused_by_the_vendor_in_version_2() {
    let sandbox = Sandbox::start().await.unwrap();
    // A few seconds within the limit, for the time that the test takes.
    for (off, taken) in [(470, true), (490, false)] {
        let clock = ManualClock::default();
        clock.go_back(Duration::from_secs(off));
        let started = start(&verifier(client(v2(&sandbox)).with_clock(clock.clone())), NUMBER).await;
        assert_eq!(started.is_ok(), taken, "{off}");
        if let Err(error) = started {
            assert_eq!(cause(&error).kind(), ErrorKind::Rejected);
        }
        // Version 3 does not care.
        start(&verifier(client(v3(&sandbox)).with_clock(clock)), NUMBER).await.unwrap();
    }
    assert_eq!(sandbox.calls(), 3);
}

#[tokio::test]
async fn the_next_route_takes_over() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.knobs().set(Scope::All, Knob::ErrorCode { code: 66, status: 400 }).unwrap();
    let book = CodeBook::default();
    let verifier = Verifier::builder()
        .policy("policy.toml", POLICY.replace("flash_call\"", "flash_call\", \"code_book/sms\""))
        .proof_key(ProofKey::random().unwrap())
        .provider(client(v3(&sandbox)))
        .provider(book.clone())
        .build()
        .unwrap();
    let check = start(&verifier, NUMBER).await.unwrap();
    assert_eq!(check.channel, Some(Channel::Sms));
    let code = book.last_code().unwrap();
    assert!(matches!(answer(&verifier, &check, code.expose()).await, Answer::Verified(_)));
}

#[tokio::test]
async fn nothing_secret_is_shown() {
    let sandbox = Sandbox::start().await.unwrap();
    for config in [v2(&sandbox), v3(&sandbox)] {
        let citcall = client(config);
        let mut shown = format!("{citcall:?}");
        let check = start(&verifier(citcall), NUMBER).await.unwrap();
        shown += &format!("{check:?} {sandbox:?} {:?} {:?}", sandbox.requests(), sandbox.handset(NUMBER).events());
        assert_discreet(&sandbox, &shown);
    }
}

// The emulator on its own, as strict as a real server.

fn ask(sandbox: &Sandbox, method: Method, path: &str) -> RequestBuilder {
    Client::new().request(method, format!("{}{path}", sandbox.citcall_url())).timeout(PATIENCE)
}

async fn json_of(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn motp(sandbox: &Sandbox, body: &Value) -> RequestBuilder {
    let key = format!("Apikey {}", sandbox.citcall_api_key().expose());
    ask(sandbox, Method::POST, "/v3/motp").header("Authorization", key).json(body)
}

fn async_call(sandbox: &Sandbox, body: &Value) -> RequestBuilder {
    ask(sandbox, Method::POST, "/v2/asynccall").header("Authorization", pair(sandbox)).json(body)
}

fn pair(sandbox: &Sandbox) -> String {
    STANDARD.encode(format!("{}:{}", sandbox.citcall_user_id().expose(), sandbox.citcall_api_key().expose()))
}

/// The wrapping by its formula, for the whole message at once.
fn mix(sandbox: &Sandbox, message: &[u8], sign: i32) -> Vec<u8> {
    let keys = [sandbox.citcall_user_id(), sandbox.citcall_api_key()].map(|key| key.expose().as_bytes());
    let mixed = message.iter().enumerate().map(|(i, byte)| {
        let sum: i32 = keys.iter().map(|key| i32::from(key[(i + key.len() - 1) % key.len()])).sum();
        u8::try_from((i32::from(*byte) + sign * sum).rem_euclid(128)).unwrap()
    });
    mixed.collect()
}

fn wrap(sandbox: &Sandbox, message: &str) -> Value {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs().to_string();
    let message = format!("{}.{message}", now.chars().rev().collect::<String>());
    json!({ "data": URL_SAFE_NO_PAD.encode(mix(sandbox, message.as_bytes(), 1)) })
}

#[tokio::test]
async fn version_2_answers_as_documented() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.knobs().set(Scope::All, Knob::CallerEnding("8955".into())).unwrap();
    for msisdn in ["081234567890", "+6281234567890", "6281234567890"] {
        let order = json!({ "msisdn": msisdn, "gateway": 1, "clientUniqueId": "a/b é" });
        // PHP escapes what is not ASCII, and so must whoever wraps.
        let order = order.to_string().replace('é', "\\u00e9");
        let (status, body) = json_of(async_call(&sandbox, &wrap(&sandbox, &order))).await;
        assert_eq!(status, 200);
        let blob = URL_SAFE_NO_PAD.decode(body["data"].as_str().unwrap()).unwrap();
        let message = String::from_utf8(mix(&sandbox, &blob, -1)).unwrap();
        let (_, text) = message.split_once('.').unwrap();
        assert_eq!(
            text,
            r#"{"rc":"00","info":"success","msisdn":"+6281234567890","token":"02150808955","gateway":1,"clientUniqueId":"a\/b \u00e9"}"#
        );
    }
    assert_eq!(caller(&sandbox, NUMBER).await, "+622150808955");
}

#[tokio::test]
async fn version_3_answers_in_plain_json() {
    let sandbox = Sandbox::start().await.unwrap();
    let (status, body) = json_of(motp(&sandbox, &json!({ "msisdn": "6281234567890", "retry": 0 }))).await;
    assert_eq!((status, &body["rc"], &body["msisdn"]), (200, &json!(0), &json!("6281234567890")));
    assert_eq!(format!("+{}", body["token"].as_str().unwrap()), caller(&sandbox, NUMBER).await);
    let (_, again) = json_of(motp(&sandbox, &json!({ "msisdn": "6281234567890", "retry": 0 }))).await;
    assert_ne!(body["trxid"], again["trxid"]);
}

#[tokio::test]
async fn what_the_vendor_would_not_take_is_refused() {
    let sandbox = Sandbox::start().await.unwrap();
    let good = json!({ "msisdn": "6281234567890", "retry": 0 });
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    let refused = [
        (json!({}), 88),
        (json!({ "msisdn": "6281234567890" }), 88),
        (json!({ "retry": 0 }), 88),
        (json!([good]), 6),
        (with("msisdn", json!(6_281_234_567_890_u64)), 6),
        (with("msisdn", json!("081234567890")), 6),
        (with("msisdn", json!("+6281234567890")), 6),
        (with("msisdn", json!("6281234567")), 6),
        (with("msisdn", json!("62812345678901234")), 6),
        (with("msisdn", json!("")), 6),
        (with("retry", json!(5)), 6),
        (with("retry", json!("0")), 6),
        (with("limit_try", json!("21")), 6),
        (with("limit_try", json!(0)), 6),
        (with("valid_time", json!("a minute")), 6),
        (with("callback_url", json!("/report")), 95),
        (with("gateway", json!(1)), 6),
    ];
    for (body, rc) in refused {
        let (status, answer) = json_of(motp(&sandbox, &body)).await;
        assert_eq!((status, &answer["rc"]), (200, &json!(rc)), "{body}");
        assert_eq!(answer.as_object().unwrap().len(), 2);
    }
    let wrapped = |message: &str| wrap(&sandbox, message);
    let refused = [
        (json!({}), "88"),
        (json!({ "data": "AAAA" }), "06"),
        (json!({ "data": 1 }), "06"),
        (with("gateway", json!(1)), "06"),
        (wrapped("{}"), "88"),
        (wrapped(r#"{"msisdn":"081234567890"}"#), "88"),
        (wrapped(r#"{"gateway":1}"#), "88"),
        (wrapped(r#"{"msisdn":"081234567890","gateway":0}"#), "06"),
        (wrapped(r#"{"msisdn":"081234567890","gateway":5}"#), "06"),
        (wrapped(r#"{"msisdn":"081234567890","gateway":"1"}"#), "06"),
        (wrapped(r#"{"msisdn":"0812345678","gateway":1,"retry":1}"#), "06"),
        (wrapped(r#"{"msisdn":"0812 3456 7890","gateway":1}"#), "06"),
        (wrapped(r#"{"msisdn":"081234567890","gateway":1,"clientUniqueId":7}"#), "06"),
        (wrapped(r#"{"msisdn":"081234567890","gateway":1"#), "06"),
    ];
    for (body, rc) in refused {
        let (status, answer) = json_of(async_call(&sandbox, &body)).await;
        assert_eq!((status, &answer["rc"]), (200, &json!(rc)), "{body}");
    }
    assert_eq!(sandbox.calls(), 0);
    assert!(sandbox.handset(NUMBER).events().is_empty());
}

#[tokio::test]
async fn only_post_of_json_with_the_credentials_is_served() {
    let sandbox = Sandbox::start().await.unwrap();
    let key = sandbox.citcall_api_key().expose();
    let body = json!({ "msisdn": "6281234567890", "retry": 0 });
    for (path, credentials, rc) in [
        ("/v3/motp", None, json!(98)),
        ("/v3/motp", Some(key.to_owned()), json!(98)),
        ("/v3/motp", Some(format!("Bearer {key}")), json!(98)),
        ("/v3/motp", Some(pair(&sandbox)), json!(98)),
        ("/v3/motp", Some(format!("Apikey {}", pair(&sandbox))), json!(96)),
        ("/v3/motp", Some(format!("Apikey {key}x")), json!(96)),
        ("/v2/asynccall", None, json!("98")),
        ("/v2/asynccall", Some(format!("Basic {}", pair(&sandbox))), json!("98")),
        ("/v2/asynccall", Some(format!("Apikey {key}")), json!("98")),
        ("/v2/asynccall", Some(STANDARD.encode(format!("nobody:{key}"))), json!("77")),
        ("/v2/asynccall", Some(STANDARD.encode(format!("{}:x", sandbox.citcall_user_id().expose()))), json!("96")),
    ] {
        let mut request = ask(&sandbox, Method::POST, path).json(&body);
        if let Some(credentials) = credentials {
            request = request.header("Authorization", credentials);
        }
        let (status, answer) = json_of(request).await;
        assert_eq!((status, &answer["rc"]), (200, &rc), "{path}");
    }
    let credentials = format!("Apikey {key}");
    let request = |method, path| ask(&sandbox, method, path).header("Authorization", &credentials);
    assert_eq!(json_of(request(Method::GET, "/v3/motp")).await.1["rc"], 99);
    assert_eq!(json_of(request(Method::PUT, "/v2/asynccall")).await.1["rc"], "99");
    assert_eq!(json_of(request(Method::POST, "/v3/sms").json(&body)).await.0, 404);
    assert_eq!(json_of(request(Method::POST, "/v3/motp/").json(&body)).await.0, 404);
    let plain = request(Method::POST, "/v3/motp").header("Content-Type", "text/plain").body(body.to_string());
    assert_eq!(json_of(plain).await.1["rc"], 6);
    assert_eq!(sandbox.calls(), 0);
}
