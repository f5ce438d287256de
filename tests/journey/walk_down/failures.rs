//! What makes the plan go on by itself, and what does not.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Json, Router, http::StatusCode, response::IntoResponse, routing::post};
use handset::sandbox::{Knob, Over, Scope};
use serde_json::json;
use tokio::net::TcpListener;

use super::{World, attempts_left, down, policy, stands_at};
use crate::{PHONE, stage::wrong, vendors::OTHER};

#[tokio::test]
async fn whatever_breaks_at_the_first_vendor_the_second_takes_over() {
    let refusal = |status| Knob::ErrorCode { code: 1, status };
    let faults = [400, 401, 403, 404, 409, 412, 422, 429, 500, 502, 503, 504].map(refusal).into_iter();
    for fault in faults.chain([
        Knob::Http500,
        Knob::TimeOut,
        Knob::Html,
        Knob::WrongJson,
        Knob::BigBody,
        Knob::DropConnection,
        Knob::Redirect("http://169.254.169.254/".to_owned()),
    ]) {
        let world = World::with(&policy("", ""), |config| {
            if fault == Knob::TimeOut {
                config.time_out = Duration::from_millis(300);
            }
        })
        .await;
        // Of one number: the access token is about none, and is given.
        world.idlayr.knobs().set(Scope::Number(PHONE), fault.clone()).unwrap();
        let ada = world.ada();
        let check = ada.start(PHONE).await.expect(201);
        stands_at(&check, "flash_call", &["sms"]);
        assert_eq!(world.orders(), [1, 1, 0], "{fault:?}: each order is sent once");
        assert_eq!(check.body["attempts_left"], 5, "{fault:?}");
        let verified = ada.answer(check.id(), &world.ending()).await.expect(200);
        assert_eq!(crate::vendors::claims(verified.text("proof"))["amr"], json!(["flash_call"]), "{fault:?}");
    }
}

/// Every word that the vendor's documents have for a check that it will not make, and one that they have not.
const WORDS: [(u16, &str); 16] = [
    (400, "phone_format_invalid"),
    (400, "mno_not_supported"),
    (400, "mno_user_not_found"),
    (400, "bad_request"),
    (409, "ip_msisdn_mismatch"),
    (412, "not_mobile_ip"),
    (400, "ip_mismatch"),
    (400, "mno_redirect_unsupported"),
    (504, "mno_timeout"),
    (502, "mno_response_error"),
    (500, "mno_server_error"),
    (404, "mno_no_data_available"),
    (429, "too_many_requests"),
    (403, "forbidden"),
    (404, "workspace_not_found"),
    (400, "a_word_of_tomorrow"),
];

#[tokio::test]
async fn whatever_the_first_vendor_says_the_second_takes_over() {
    let vendor = Refusing::start().await;
    let world = World::with(&policy("", ""), |config| config.base_url = Some(vendor.url.clone())).await;
    for (place, word) in WORDS.into_iter().enumerate() {
        *vendor.says.lock().unwrap() = word;
        let check = world.ada().start(&format!("+371261234{place:02}")).await.expect(201);
        stands_at(&check, "flash_call", &["sms"]);
        let asked = vendor.asked.load(Ordering::Relaxed);
        assert_eq!((asked, world.orders()), (place + 1, [0, place + 1, 0]), "{word:?}");
    }
}

#[tokio::test]
async fn without_coverage_nothing_is_ordered_of_the_first_vendor() {
    // An address of no mobile network, of an operator that is not served, of one that is.
    for (ip, channel, orders) in [
        ("192.0.2.7", "flash_call", [0, 1, 0]),
        ("198.51.100.7", "flash_call", [0, 1, 0]),
        ("203.0.113.7", "silent_network", [1, 0, 0]),
    ] {
        let world = World::with(&policy("", "preflight = true"), |_| {}).await;
        let check = world.ada().with("x-ip", ip).start(PHONE).await.expect(201);
        assert_eq!((check.text("channel"), world.orders()), (channel, orders), "{ip}");
    }
    // The vendor cannot even say whether it covers the device.
    let world = World::with(&policy("", "preflight = true"), |_| {}).await;
    down(&world.idlayr);
    let check = world.ada().with("x-ip", "203.0.113.7").start(PHONE).await.expect(201);
    assert_eq!((check.text("channel"), world.orders()), ("flash_call", [0, 1, 0]));
}

#[tokio::test]
async fn a_plan_is_walked_to_its_end_and_no_further() {
    let world = World::new().await;
    let ada = world.ada();
    [&world.idlayr, &world.citcall].into_iter().for_each(down);
    let check = ada.start(PHONE).await.expect(201);
    stands_at(&check, "sms", &[]);
    ada.answer(check.id(), &world.text_code()).await.expect(200);

    down(&world.zadarma);
    ada.start(PHONE).await.expect_problem(503, "unavailable");
    // Nothing is left behind that would stand in the way when a vendor is back.
    world.zadarma.knobs().reset();
    let check = ada.start(PHONE).await.expect(201);
    stands_at(&check, "sms", &[]);
    assert_eq!(world.zadarma.calls(), 2);
}

#[tokio::test]
async fn only_when_no_vendor_takes_the_number_the_number_is_to_blame() {
    let world = World::new().await;
    for (sandbox, code) in [(&world.idlayr, 1), (&world.citcall, 6), (&world.zadarma, 1)] {
        sandbox.knobs().set(Scope::Number(PHONE), Knob::ErrorCode { code, status: 400 }).unwrap();
    }
    world.ada().start(PHONE).await.expect_problem(422, "number-rejected");
    world.citcall.knobs().set(Scope::Number(PHONE), Knob::ErrorCode { code: 34, status: 400 }).unwrap();
    world.ada().start(PHONE).await.expect_problem(503, "unavailable");
    assert_eq!((world.orders()[0], world.billed()), (2, 0));
}

#[tokio::test]
async fn what_we_refuse_goes_nowhere() {
    let limit = "[[limit]]\nname = \"sends\"\non = \"start\"\nkey = [\"phone\"]\nquota = \"2/1h\"";
    let world = World::with(&policy(limit, ""), |_| {}).await;
    let ada = world.ada();
    ada.start("+449098790123").await.expect_problem(403, "denied");
    let by_voice = json!({ "phone_number": PHONE, "action": "transfer", "channel": "voice_code" });
    ada.start_with(by_voice).await.expect_problem(400, "invalid-request");
    assert_eq!(world.orders(), [0, 0, 0]);

    let check = ada.start(PHONE).await.expect(201);
    world.next(&ada, &check).await.expect(200);
    for _ in 0..3 {
        world.next(&ada, &check).await.expect_problem(429, "rate-limited");
    }
    world.stage.person("ben").start(PHONE).await.expect_problem(429, "rate-limited");
    assert_eq!(world.orders(), [1, 1, 0]);
    ada.answer(check.id(), &world.ending()).await.expect(200);
}

#[tokio::test]
async fn a_wrong_answer_is_an_answer_and_goes_nowhere() {
    let world = World::new().await;
    let ada = world.ada();
    let check = ada.start(PHONE).await.expect(201);
    let back = world.open(OTHER, &check).await;
    assert_eq!(world.visit(&ada, &back).await.expect(200).text("status"), "pending");
    let seen = ada.look(check.id()).await.expect(200);
    stands_at(&seen, "silent_network", &["flash_call", "sms"]);
    assert_eq!((&seen.body["attempts_left"], world.orders()), (&json!(4), [1, 0, 0]));

    world.next(&ada, &check).await.expect(200);
    ada.answer(check.id(), &wrong(&world.ending())).await.expect_problem(422, "incorrect-code");
    stands_at(&ada.look(check.id()).await.expect(200), "flash_call", &["sms"]);
    assert_eq!(world.orders(), [1, 1, 0]);
}

#[tokio::test]
async fn a_failure_after_the_order_goes_nowhere_and_costs_no_attempt() {
    let world = World::new().await;
    let ada = world.ada();
    let check = ada.start(PHONE).await.expect(201);
    let back = world.open(PHONE, &check).await;
    world.idlayr.knobs().set(Scope::Number(PHONE), Knob::Http500).unwrap();
    assert_eq!(world.visit(&ada, &back).await.expect(200).text("status"), "pending");
    assert_eq!((world.exchanges(), attempts_left(&ada, &check).await), (1, 5), "the code is handed in once");
    stands_at(&ada.look(check.id()).await.expect(200), "silent_network", &["flash_call", "sms"]);
    world.idlayr.knobs().reset();

    // A device without mobile data comes back with an error, and it is the person who goes on.
    world.stage.clock.advance(Duration::from_secs(30));
    let again = ada.start(PHONE).await.expect(201);
    let back = world.open_over(&world.idlayr.handset(PHONE), &again, Over::Wifi).await;
    assert!(back.contains("error=not_mobile_ip"));
    assert_eq!(world.visit(&ada, &back).await.expect(200).text("status"), "pending");
    assert_eq!((world.orders(), attempts_left(&ada, &check).await), ([2, 0, 0], 5));

    [&world.citcall].into_iter().for_each(down);
    stands_at(&world.next(&ada, &check).await.expect(200), "sms", &[]);
    down(&world.zadarma);
    ada.answer(check.id(), &world.text_code()).await.expect_problem(503, "unavailable");
    world.zadarma.knobs().reset();
    assert_eq!((world.orders(), attempts_left(&ada, &check).await), ([2, 1, 1], 5));
    ada.answer(check.id(), &world.text_code()).await.expect(200);
}

/// A vendor that gives a token and makes no check, in the words that it is told.
struct Refusing {
    url: String,
    says: Arc<Mutex<(u16, &'static str)>>,
    asked: Arc<AtomicUsize>,
}

impl Refusing {
    async fn start() -> Self {
        let (says, asked) = (Arc::new(Mutex::new((500, ""))), Arc::new(AtomicUsize::new(0)));
        let (word, count) = (Arc::clone(&says), Arc::clone(&asked));
        let refuse = move || async move {
            count.fetch_add(1, Ordering::Relaxed);
            let (status, slug) = *word.lock().unwrap();
            let problem = json!({ "type": format!("https://vendor.example/errors#{slug}"), "title": "No" });
            (StatusCode::from_u16(status).unwrap(), Json(problem)).into_response()
        };
        let token = json!({ "access_token": "token", "token_type": "bearer", "expires_in": 3600 });
        let app = Router::new()
            .route("/oauth2/v1/token", post(async || Json(token)))
            .route("/phone_check/v0.2/checks", post(refuse));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, says, asked }
    }
}
