//! The knobs that change what a vendor does, not how it answers.

use handset::sandbox::{CallState, Event, Sandbox};
use serde_json::{Value, json};

use super::{
    NUMBER,
    raw::Ask,
    table::{Seen, turn_one},
    vendors::{citcall, idlayr, idlayr_token, numcheck, order, zadarma},
};

#[cfg(feature = "open-gateway")]
use super::vendors::{CIBA, open_gateway};

pub(super) async fn shows(vendor: &str, knob: &str, sandbox: &Sandbox) -> Seen {
    match (knob, vendor) {
        ("lost", "citcall") => {
            turn_one(sandbox, vendor, knob, json!(true)).await;
            assert_eq!(order(vendor, sandbox, NUMBER).await.send(sandbox).await.json()["rc"], 0);
            assert!(sandbox.handset(NUMBER).events().is_empty());
            // That nothing is called back either stands with the callbacks.
        }
        ("lost" | "not_answered", "numcheck") => {
            turn_one(sandbox, vendor, knob, json!(true)).await;
            assert_eq!(numcheck_status(sandbox).await, if knob == "lost" { 0 } else { -1 });
            assert!(sandbox.handset(NUMBER).events().is_empty());
        }
        ("lost" | "not_answered", "zadarma") => messages_that_never_arrive(knob, sandbox).await,
        ("lost", "idlayr") => {
            let ask = order(vendor, sandbox, NUMBER).await;
            let path = format!(
                "idlayr/phone_check/v0.1/checks/{}",
                ask.send(sandbox).await.json()["check_id"].as_str().unwrap()
            );
            turn_one(sandbox, vendor, knob, json!(true)).await;
            let network = Ask::new(format!("GET /{path}/redirect")).send(sandbox).await;
            let network = network.header("location").unwrap().trim_start_matches(&sandbox.url()).to_owned();
            let ended = Ask::new(format!("GET {network}")).header("x-sandbox-sim", NUMBER).send(sandbox).await;
            assert_eq!((ended.status, ended.header("location"), &*ended.body), (200, None, ""));
            let check = idlayr(sandbox, &format!("GET /{path}")).await.send(sandbox).await.json();
            assert_eq!((&check["status"], sandbox.calls()), (&json!("PENDING"), 0), "{check}");
        }
        ("not_answered", "citcall") => {
            turn_one(sandbox, vendor, knob, json!(true)).await;
            assert_eq!(order(vendor, sandbox, NUMBER).await.send(sandbox).await.json()["rc"], 0);
            assert!(sandbox.handset(NUMBER).events().is_empty());
        }
        ("voicemail", "citcall" | "numcheck") => {
            turn_one(sandbox, vendor, knob, json!(true)).await;
            if vendor == "numcheck" {
                assert_eq!(numcheck_status(sandbox).await, 1);
            } else {
                order(vendor, sandbox, NUMBER).await.send(sandbox).await;
            }
            let [Event::IncomingCall(call)] = &*sandbox.handset(NUMBER).events() else { panic!("one call") };
            assert_eq!(call.state, CallState::Voicemail);
        }
        ("voicemail", "zadarma") => {
            turn_one(sandbox, vendor, knob, json!(true)).await;
            for channel in ["call_code", "sms"] {
                zadarma(sandbox, "/v1/verify/", &[("channel", channel), ("to", NUMBER)]).send(sandbox).await;
            }
            let [Event::VoiceCall(call), Event::Sms(_)] = &*sandbox.handset(NUMBER).events() else {
                panic!("a call, a text")
            };
            assert!(call.voicemail && call.code().is_some());
        }
        ("ring_time" | "caller_ending", "citcall" | "numcheck") => {
            turn_one(sandbox, vendor, knob, if knob == "ring_time" { json!(0) } else { json!("0042") }).await;
            order(vendor, sandbox, NUMBER).await.send(sandbox).await;
            let calls = sandbox.handset(NUMBER).events();
            let Some(Event::IncomingCall(call)) = calls.last() else { panic!("no call") };
            let (state, ending) = (call.state, call.ending());
            assert!(if knob == "ring_time" { state == CallState::Missed } else { ending == "0042" }, "{call:?}");
        }
        ("ids_as_strings", "citcall" | "numcheck") => {
            let number = if vendor == "citcall" { "rc" } else { "callId" };
            let ask = order(vendor, sandbox, NUMBER).await;
            assert!(ask.send(sandbox).await.json()[number].is_number());
            turn_one(sandbox, vendor, knob, json!(true)).await;
            assert!(ask.send(sandbox).await.json()[number].is_string());
        }
        ("token_lifetime", "idlayr") => {
            turn_one(sandbox, vendor, knob, json!(60_000)).await;
            assert_eq!(idlayr_token(sandbox).send(sandbox).await.json()["expires_in"], 60);
        }
        ("notify_out_end" | "national_numbers" | "utc_offset", "zadarma") => super::keys::show(knob, sandbox).await,
        ("notify_out_end" | "national_numbers" | "utc_offset", _) => {
            return Seen::Not("it reports no calls in the words of Zadarma");
        }
        #[cfg(feature = "open-gateway")]
        (_, "open_gateway") => return open_gateway_shows(knob, sandbox).await,
        ("not_answered" | "voicemail", "idlayr") => return Seen::Not("it calls nobody"),
        ("ring_time" | "caller_ending", "idlayr") => return Seen::Not("it calls nobody"),
        ("ring_time" | "caller_ending", "zadarma") => {
            return Seen::Not("its calls that speak are taken at once, and the caller's number is no code");
        }
        ("ids_as_strings", "idlayr" | "zadarma") => return Seen::Not("its ids are strings"),
        ("token_lifetime", "citcall" | "numcheck" | "zadarma") => return Seen::Not("it gives no tokens"),
        (
            "over_wifi" | "backchannel" | "poll_interval" | "slow_down",
            "citcall" | "idlayr" | "numcheck" | "zadarma",
        ) => {
            return Seen::Not("it is no operator that speaks OpenID Connect");
        }
        _ => panic!("say in tests/sandbox/cells.rs what `{knob}` does to `{vendor}`, or why nothing"),
    }
    Seen::Yes
}

async fn numcheck_status(sandbox: &Sandbox) -> Value {
    let call = order("numcheck", sandbox, NUMBER).await.send(sandbox).await.json();
    assert_eq!(call["success"], true);
    numcheck(sandbox, &format!("get-call-info?callId={}", call["callId"])).send(sandbox).await.json()["status"].take()
}

async fn messages_that_never_arrive(knob: &str, sandbox: &Sandbox) {
    turn_one(sandbox, "zadarma", knob, json!(true)).await;
    for (channel, to) in [("sms", NUMBER), ("call_code", NUMBER), ("email", "ada@example.com")] {
        let answer = zadarma(sandbox, "/v1/verify/", &[("channel", channel), ("to", to)]).send(sandbox).await.json();
        assert_eq!(answer["status"], "success", "{channel}");
        assert!(sandbox.handset(to).events().is_empty(), "{channel}");
    }
    assert_eq!(sandbox.calls(), 3, "all are billed");
}

#[cfg(feature = "open-gateway")]
async fn open_gateway_shows(knob: &str, sandbox: &Sandbox) -> Seen {
    let value = match knob {
        "token_lifetime" | "poll_interval" => json!(60_000),
        "over_wifi" => json!("forbid"),
        "backchannel" => json!("approve"),
        "lost" | "slow_down" => json!(true),
        "not_answered" | "voicemail" | "ring_time" | "caller_ending" => return Seen::Not("it calls nobody"),
        "ids_as_strings" => return Seen::Not("its ids are strings"),
        _ => panic!("say in tests/sandbox/cells.rs what `{knob}` does to `open_gateway`, or why nothing"),
    };
    turn_one(sandbox, "open_gateway", knob, value).await;
    let authorize = open_gateway_authorize(sandbox).send(sandbox).await;
    let led_to = authorize.header("location").unwrap_or("nowhere").to_owned();
    let asked = order("open_gateway", sandbox, NUMBER).await.send(sandbox).await.json();
    if ["lost", "backchannel", "slow_down"].contains(&knob) {
        // Only the knob that says so may make the client wait.
        let settings = json!({ "number": NUMBER, "poll_interval": 0 });
        Ask::new("PUT /knobs").body(&settings.to_string()).send(sandbox).await;
    }
    let asked_again = order("open_gateway", sandbox, NUMBER).await.send(sandbox).await.json();
    let id = asked_again["auth_req_id"].as_str().unwrap();
    let outcome =
        open_gateway(sandbox, "token", &[("grant_type", CIBA), ("auth_req_id", id)]).send(sandbox).await.json();
    let holds = match knob {
        "lost" => {
            led_to == "nowhere"
                && authorize.status == 200
                && outcome["error"] == "authorization_pending"
                && sandbox.answer_operator(NUMBER, true) == 0
        }
        "token_lifetime" => asked["expires_in"] == 60,
        "poll_interval" => asked["interval"] == 60 && outcome["error"] == "slow_down",
        "over_wifi" => led_to.contains("code="),
        "backchannel" => outcome["access_token"].is_string(),
        _ => outcome["error"] == "slow_down",
    };
    assert!(holds, "{authorize:?} {asked} {outcome}");
    Seen::Yes
}

#[cfg(feature = "open-gateway")]
fn open_gateway_authorize(sandbox: &Sandbox) -> Ask {
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("client_id", sandbox.open_gateway_client_id()),
            ("redirect_uri", "https://shop.example/back"),
            ("response_type", "code"),
            ("scope", "dpv:FraudPreventionAndDetection number-verification:verify"),
            ("state", "xyz"),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
        ])
        .finish();
    Ask::new(format!("GET /open_gateway/authorize?{query}"))
}

/// A number is told from an order of Citcall's, as an application would send it.
pub(super) fn citcall_order(sandbox: &Sandbox, url: &str) -> Ask {
    citcall(sandbox, json!({ "msisdn": &NUMBER[1..], "retry": 0, "callback_url": url }))
}
