//! The callbacks, as an application gets them that knows the vendor's documents and nothing of our clients.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use handset::sandbox::Sandbox;
use jsonwebtoken::{Algorithm, DecodingKey, jwk::JwkSet};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    NUMBER,
    cells::citcall_order,
    raw::{Answer, Application, Ask, Letter},
    table::{Seen, turn},
    vendors::{citcall_opened, citcall_v2, idlayr},
};

/// Each fault, and how many callbacks come of one order.
const FAULTS: [(&str, usize); 9] = [
    ("none", 0),
    ("duplicate", 2),
    ("out_of_order", 2),
    ("early", 1),
    ("forged", 1),
    ("unsigned", 1),
    ("wrong_signature", 1),
    ("foreign_key", 1),
    ("late", 1),
];

pub(super) async fn shows(vendor: &str, knob: &str, sandbox: &Sandbox) -> Seen {
    match (knob, vendor) {
        ("callback", "citcall") => {
            every_fault(sandbox, Way::CitcallV3).await;
            every_fault(sandbox, Way::CitcallV2).await;
        }
        ("callback", "idlayr") => every_fault(sandbox, Way::Idlayr).await,
        ("callback_url" | "plain_callbacks", "citcall") => {
            let mut application = Application::open().await;
            let is_plain = knob == "plain_callbacks";
            let url = &application.url;
            turn(
                sandbox,
                json!({ "vendor": "citcall", "ring_time": 0, "callback_url": url, "plain_callbacks": is_plain }),
            )
            .await;
            Way::CitcallV2.order(sandbox, url).await;
            let letter = application.next().await;
            assert_eq!(letter.json().get("data").is_none(), is_plain, "{letter:?}");
        }
        ("callback", "numcheck" | "open_gateway") => return Seen::Not("it is asked, and calls nobody back"),
        ("callback", "zadarma") => super::keys::show(knob, sandbox).await,
        ("callback_url", "idlayr") => return Seen::Not("each check names its own"),
        ("callback_url", "zadarma") => return Seen::Not("its account is told the URL by a request, and tests it"),
        ("callback_url", "numcheck" | "open_gateway") => return Seen::Not("it calls nobody back"),
        ("plain_callbacks", "idlayr" | "numcheck" | "open_gateway" | "zadarma") => {
            return Seen::Not("it wraps nothing");
        }
        _ => panic!("say in tests/sandbox/callbacks.rs what `{knob}` does to `{vendor}`, or why nothing"),
    }
    Seen::Yes
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    CitcallV2,
    CitcallV3,
    Idlayr,
}

/// What an application sees of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// It opens, or its signature is right.
    Good,
    /// The same, of ten minutes ago.
    Old,
    Bad,
    /// There is nothing that could be right or wrong.
    Plain,
}

async fn every_fault(sandbox: &Sandbox, way: Way) {
    let mut application = Application::open().await;
    let url = application.url.clone();
    for (fault, count) in FAULTS {
        // The call of one order must not be mistaken for that of the next.
        way.turn(sandbox, &url, json!({ "callback": fault })).await;
        let events = Arc::new(Mutex::new(Vec::new()));
        let answered = async {
            way.order(sandbox, &url).await;
            events.lock().unwrap().push("answer");
        };
        let mut letters = Vec::new();
        let called_back = async {
            for _ in 0..count {
                letters.push(application.next().await);
                events.lock().unwrap().push("callback");
            }
        };
        tokio::join!(answered, called_back);
        let seen: Vec<_> = letters.iter().map(|letter| way.judge(sandbox, letter)).collect::<Vec<_>>();
        let seen = futures_util::future::join_all(seen).await;
        way.is_as_told(fault, &seen);
        if fault == "early" {
            assert_eq!(*events.lock().unwrap(), ["callback", "answer"], "{way:?}");
        }
    }
    // Nothing was left over: the next to come is that of an order which is well.
    for lost in [true, false] {
        way.turn(sandbox, &url, json!({ "lost": lost })).await;
        way.order(sandbox, &url).await;
    }
    let letter = application.next().await;
    let (trust, is_good) = way.judge(sandbox, &letter).await;
    assert!(is_good && [Trust::Good, Trust::Plain].contains(&trust), "{way:?} {letter:?}");
    assert_eq!(application.waiting(), 0, "{way:?}");
}

impl Way {
    /// Turns knobs; calls end at once.
    async fn turn(self, sandbox: &Sandbox, url: &str, mut knobs: Value) {
        knobs["vendor"] = json!(if self == Self::Idlayr { "idlayr" } else { "citcall" });
        knobs["ring_time"] = json!(0);
        if self == Self::CitcallV2 {
            knobs["callback_url"] = json!(url);
        }
        assert_eq!(turn(sandbox, knobs).await.status, 200);
    }

    /// Orders, and goes on to where the callback is due.
    async fn order(self, sandbox: &Sandbox, url: &str) -> Answer {
        match self {
            Self::CitcallV2 => {
                let message = json!({ "msisdn": NUMBER, "gateway": 1, "clientUniqueId": "abc" });
                citcall_v2(sandbox, &message).send(sandbox).await
            }
            Self::CitcallV3 => citcall_order(sandbox, url).send(sandbox).await,
            Self::Idlayr => {
                let ask = idlayr(sandbox, "POST /idlayr/phone_check/v0.1/checks").await;
                let ask = ask.json(&json!({ "phone_number": NUMBER, "callback_url": url }));
                let check = ask.send(sandbox).await.json()["check_id"].as_str().unwrap().to_owned();
                Ask::new(format!("GET /idlayr/phone_check/v0.1/checks/{check}/redirect")).send(sandbox).await;
                let visit = Ask::new(format!("GET /idlayr/network/{check}")).header("x-sandbox-sim", NUMBER);
                visit.send(sandbox).await
            }
        }
    }

    /// Whether a callback can be trusted, and whether it says that all went well.
    async fn judge(self, sandbox: &Sandbox, letter: &Letter) -> (Trust, bool) {
        assert_eq!(letter.header("content-type"), Some("application/json"));
        let body = letter.json();
        match (self, body.get("data").and_then(Value::as_str)) {
            (Self::Idlayr, _) => (signature(sandbox, letter).await, body["match"] == true),
            (_, None) => (Trust::Plain, reports_success(self, &body)),
            (_, Some(blob)) => match citcall_opened(blob, sandbox) {
                Some((at, body)) => {
                    (age(SystemTime::UNIX_EPOCH + Duration::from_secs(at)), reports_success(self, &body))
                }
                None => (Trust::Bad, false),
            },
        }
    }

    fn is_as_told(self, fault: &str, seen: &[(Trust, bool)]) {
        use Trust::{Bad, Good, Old, Plain};
        let usual = if self == Self::CitcallV3 { Plain } else { Good };
        let expected: &[(Trust, bool)] = match (fault, self) {
            ("none", _) => &[],
            ("duplicate", _) => &[(usual, true), (usual, true)],
            ("out_of_order", _) => &[(usual, true), (usual, false)],
            ("early", _) => &[(usual, true)],
            ("forged", Self::Idlayr) => &[(Bad, false)],
            ("forged", _) => &[(usual, false)],
            (_, Self::CitcallV3) => &[(Plain, true)],
            ("unsigned", Self::Idlayr) => &[(Plain, true)],
            ("unsigned", Self::CitcallV2) => &[(Plain, true)],
            ("late", _) => &[(Old, true)],
            (_, Self::Idlayr) => &[(Bad, true)],
            (_, Self::CitcallV2) => &[(Bad, false)],
        };
        assert_eq!(seen, expected, "{fault} of {self:?}");
    }
}

fn reports_success(way: Way, body: &Value) -> bool {
    let v2 = way == Way::CitcallV2;
    assert!(body[if v2 { "trx_id" } else { "trxid" }].is_string(), "{body}");
    assert_eq!(body["msisdn"], if v2 { NUMBER } else { &NUMBER[1..] });
    assert_eq!(body.get("clientUniqueId"), v2.then_some(&json!("abc")));
    for field in ["via", "token", "dial_code", "dial_status", "call_status"] {
        assert!(!body[field].as_str().unwrap().is_empty(), "{field}: {body}");
    }
    body["result"] == "Success" && [json!("00"), json!(0)].contains(&body["rc"])
}

/// Checks IDlayr's signature as its documents say.
async fn signature(sandbox: &Sandbox, letter: &Letter) -> Trust {
    let Some(authorization) = letter.header("authorization") else { return Trust::Plain };
    let part = |name: &str| {
        let (_, rest) = authorization.split_once(&format!("{name}=\"")).unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    let lines: Vec<_> = part("headers")
        .split(' ')
        .map(|name| match name {
            "(request-target)" => "(request-target): post /report?to=us".to_owned(),
            name => format!("{name}: {}", letter.header(name).unwrap()),
        })
        .collect();
    let keys: JwkSet =
        serde_json::from_value(Ask::new("GET /idlayr/.well-known/jwks.json").send(sandbox).await.json()).unwrap();
    let key = DecodingKey::from_jwk(keys.find(&part("keyId")).unwrap()).unwrap();
    let signature = URL_SAFE_NO_PAD.encode(STANDARD.decode(part("signature")).unwrap());
    let is_signed =
        jsonwebtoken::crypto::verify(&signature, lines.join("\n").as_bytes(), &key, Algorithm::RS256).unwrap();
    let digest = format!("SHA-256={}", STANDARD.encode(Sha256::digest(&letter.body)));
    match is_signed && letter.header("digest") == Some(&digest) {
        true => age(httpdate::parse_http_date(letter.header("date").unwrap()).unwrap()),
        false => Trust::Bad,
    }
}

fn age(signed_at: SystemTime) -> Trust {
    let age = SystemTime::now().duration_since(signed_at).unwrap_or_default();
    if age < Duration::from_secs(300) { Trust::Good } else { Trust::Old }
}

#[tokio::test]
async fn citcall_reports_what_became_of_the_call_when_it_has_ended() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut application = Application::open().await;
    turn(&sandbox, json!({ "ring_time": 3_600_000 })).await;
    citcall_order(&sandbox, &application.url).send(&sandbox).await;
    assert_eq!((application.waiting(), sandbox.citcall_callbacks().len()), (0, 0), "it rings");
    sandbox.handset(NUMBER).hang_up();
    let report = application.next().await.json();
    assert_eq!([&report["call_status"], &report["result"]], ["missed", "Success"]);

    for (knob, status, result) in
        [("voicemail", "answered", "Success"), ("not_answered", "failed", "Failed"), ("ring_time", "missed", "Success")]
    {
        turn(&sandbox, json!({ "vendor": "citcall", "ring_time": 0, knob: if knob == "ring_time" { json!(0) } else { json!(true) } }))
            .await;
        let ordered = citcall_order(&sandbox, &application.url).send(&sandbox).await.json();
        let report = application.next().await.json();
        assert_eq!([&report["call_status"], &report["result"]], [status, result], "{knob}");
        assert_eq!([&report["trxid"], &report["token"]], [&ordered["trxid"], &ordered["token"]], "{knob}");
    }
    let answers = async {
        while sandbox.citcall_callbacks() != [204; 4] {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(super::PATIENCE, answers).await.expect("the answers are not told");
}
