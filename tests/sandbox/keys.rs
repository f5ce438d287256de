//! What knobs do to calls that ask for a key, and to what Zadarma reports of them.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use handset::sandbox::{CallState, Event, Sandbox};
use serde_json::json;

use super::{
    NUMBER,
    raw::{Application, Letter},
    table::turn_one,
    vendors::{zadarma, zadarma_signature},
};

/// Every knob that is about such a call or its report.
pub(super) async fn show(knob: &str, sandbox: &Sandbox) {
    let mut application = Application::open().await;
    sandbox.set_zadarma_webhook(&application.url).await.unwrap();
    match knob {
        "notify_out_end" => {
            let told = call(sandbox, &mut application, knob, json!(true)).await;
            assert_eq!((told["event"].as_str(), told["destination"].as_str()), ("NOTIFY_OUT_END", "37126123456"));
        }
        "national_numbers" => {
            let told = call(sandbox, &mut application, knob, json!(true)).await;
            assert_eq!((told["event"].as_str(), told["caller_id"].as_str()), ("NOTIFY_END", "26123456"));
        }
        "utc_offset" => {
            let told = call(sandbox, &mut application, knob, json!(345)).await;
            let start = humantime::parse_rfc3339_weak(&told["call_start"]).unwrap() - Duration::from_secs(345 * 60);
            assert!(SystemTime::now().duration_since(start).unwrap() < Duration::from_secs(60), "{told:?}");
        }
        _ => faults(sandbox, &mut application).await,
    }
}

/// Orders a call with a knob turned, presses the key, and reads what is told.
async fn call(
    sandbox: &Sandbox,
    application: &mut Application,
    knob: &str,
    value: serde_json::Value,
) -> BTreeMap<String, String> {
    turn_one(sandbox, "zadarma", knob, value).await;
    order_and_press(sandbox).await;
    let letter = application.next().await;
    assert!(is_signed(sandbox, &letter), "{letter:?}");
    fields(&letter)
}

async fn order_and_press(sandbox: &Sandbox) {
    let order = [
        ("channel", "call_button"),
        ("to", NUMBER),
        ("greeting_sound_id", "657c2c822fb364c1d201f685"),
        ("button_1_sound_id", "6718bc2af7cd712b0e0a96f6"),
        ("fallback_sound_id", "6718bd57e2cc3072e20c0ba6"),
    ];
    assert_eq!(zadarma(sandbox, "/v1/verify/", &order).send(sandbox).await.json()["status"], "success");
    assert!(sandbox.handset(NUMBER).press("1").unwrap());
}

/// What each fault does to the report: how many come, and whether their signature is right.
async fn faults(sandbox: &Sandbox, application: &mut Application) {
    for (fault, count, signed) in [
        ("none", 0, true),
        ("duplicate", 2, true),
        ("forged", 1, false),
        ("unsigned", 1, false),
        ("wrong_signature", 1, false),
        ("foreign_key", 1, false),
        ("late", 1, true),
    ] {
        turn_one(sandbox, "zadarma", "callback", json!(fault)).await;
        order_and_press(sandbox).await;
        for _ in 0..count {
            let letter = application.next().await;
            assert_eq!(is_signed(sandbox, &letter), signed, "{fault}: {letter:?}");
            assert_eq!(letter.header("signature").is_none(), fault == "unsigned", "{fault}");
            let start = humantime::parse_rfc3339_weak(&fields(&letter)["call_start"]).unwrap();
            let age = SystemTime::now().duration_since(start).unwrap();
            assert_eq!(age >= Duration::from_secs(600), fault == "late", "{fault}: {age:?}");
        }
    }
    // Of the call that was told nothing of nothing came later either: the next to come is that of a machine.
    turn_one(sandbox, "zadarma", "voicemail", json!(true)).await;
    let order = [("channel", "call_button"), ("to", NUMBER)];
    let sounds = ["greeting_sound_id", "button_1_sound_id", "fallback_sound_id"];
    let order: Vec<_> = order.into_iter().chain(sounds.map(|name| (name, "657c2c822fb364c1d201f685"))).collect();
    zadarma(sandbox, "/v1/verify/", &order).send(sandbox).await;
    let told = fields(&application.next().await);
    assert_eq!((told["disposition"].as_str(), told["callback_dtmf"].as_str()), ("answered", ""));
    let events = sandbox.handset(NUMBER).events();
    assert!(matches!(events.last(), Some(Event::IncomingCall(call)) if call.state == CallState::Voicemail));
}

fn fields(letter: &Letter) -> BTreeMap<String, String> {
    form_urlencoded::parse(letter.body.as_bytes()).into_owned().collect()
}

fn is_signed(sandbox: &Sandbox, letter: &Letter) -> bool {
    let told = fields(letter);
    let signed = match told["event"].as_str() {
        "NOTIFY_OUT_END" => ["internal", "destination", "call_start"],
        _ => ["caller_id", "called_did", "call_start"],
    };
    let text: String = signed.map(|name| told[name].as_str()).concat();
    letter.header("signature") == Some(&zadarma_signature(sandbox, &text))
}
