//! Every knob of every vendor, over raw sockets: each cell shows that the knob does what it says, or says why it has nothing to
//! do there. A vendor or a knob that is new has no cell, and fails.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use handset::sandbox::Sandbox;
use serde_json::{Value, json};

use super::{
    NUMBER, PATIENCE, callbacks, cells,
    raw::{Answer, Ask},
    vendors::{endpoints, order, says_too_many},
};

/// What is to be seen of a knob.
pub(super) enum Seen {
    /// It did what it says.
    Yes,
    /// Why it has nothing to do with this vendor.
    Not(&'static str),
}

#[tokio::test(flavor = "multi_thread")]
async fn every_knob_of_every_vendor_does_what_it_says() {
    let sandbox = Sandbox::start().await.unwrap();
    let (vendors, knobs) = (vendors(&sandbox).await, knobs(&sandbox).await);
    let providers = handset::provider::registry::PROVIDERS.iter().map(|provider| provider.name);
    assert_eq!(vendors, providers.collect::<Vec<_>>(), "each provider has its emulator, known to the knobs");
    let rows = vendors.into_iter().map(|vendor| tokio::spawn(row(vendor, knobs.clone())));
    let mut unseen: BTreeSet<String> = knobs.iter().cloned().collect();
    for row in futures_util::future::join_all(rows).await {
        let seen = row.unwrap();
        unseen.retain(|knob| !seen.contains(knob));
    }
    assert!(unseen.is_empty() || !cfg!(feature = "open-gateway"), "{unseen:?} have something to do nowhere");
}

/// The knobs that have something to do with a vendor, each of which was seen to do it.
async fn row(vendor: String, knobs: Vec<String>) -> Vec<String> {
    let mut seen = Vec::new();
    for knob in knobs {
        let cell = tokio::spawn(cell(vendor.clone(), knob.clone())).await;
        match cell.unwrap_or_else(|failed| panic!("{knob} of {vendor}: {failed}")) {
            Seen::Yes => seen.push(knob),
            Seen::Not(why) => assert!(!why.is_empty()),
        }
    }
    seen
}

/// The names that the sandbox itself gives when it is asked for one that it has not.
async fn vendors(sandbox: &Sandbox) -> Vec<String> {
    names(&turn(sandbox, json!({ "vendor": "nobody" })).await, "name one of ")
}

async fn knobs(sandbox: &Sandbox) -> Vec<String> {
    names(&turn(sandbox, json!({ "nothing": true })).await, "expected one of ")
}

fn names(problem: &Answer, before: &str) -> Vec<String> {
    let problem = problem.json()["detail"].as_str().unwrap().to_owned();
    let (_, list) = problem.split_once(before).unwrap();
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Turns knobs over HTTP.
pub(super) async fn turn(sandbox: &Sandbox, knobs: Value) -> Answer {
    Ask::new("PUT /knobs").body(&knobs.to_string()).send(sandbox).await
}

/// Turns one knob of one vendor, and every other back.
pub(super) async fn turn_one(sandbox: &Sandbox, vendor: &str, knob: &str, value: Value) {
    let answer = turn(sandbox, json!({ "vendor": vendor, knob: value })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

async fn cell(vendor: String, knob: String) -> Seen {
    let (vendor, knob) = (&*vendor, &*knob);
    let sandbox = Sandbox::start().await.unwrap();
    match knob {
        "rate_limit" => limits(vendor, &sandbox).await,
        "callback" | "callback_url" | "plain_callbacks" => return callbacks::shows(vendor, knob, &sandbox).await,
        "latency" | "time_out" | "http_429" | "http_500" | "http_502" | "http_503" | "http_504" | "html"
        | "redirect" | "error_code" => {
            let calls = everywhere(vendor, knob, &sandbox).await;
            assert_eq!(calls, if knob == "latency" { billed(vendor) } else { 0 }, "calls are made");
        }
        "wrong_json" | "big_body" | "slow_body" | "drop_connection" => {
            let calls = everywhere(vendor, knob, &sandbox).await;
            assert_eq!(calls, billed(vendor), "what was asked is done");
        }
        _ => return cells::shows(vendor, knob, &sandbox).await,
    }
    Seen::Yes
}

/// How many calls and messages a request to each endpoint is billed as.
fn billed(vendor: &str) -> usize {
    match vendor {
        "citcall" => 2,
        "numcheck" | "zadarma" => 1,
        // A check is billed when it ends.
        _ => 0,
    }
}

/// Asks each endpoint, and tells how many calls that was. Well again, each answers something else.
async fn everywhere(vendor: &str, knob: &str, sandbox: &Sandbox) -> usize {
    let value = match knob {
        "latency" => json!(30),
        "http_429" | "http_503" => json!(29_001),
        "slow_body" => json!(1),
        "redirect" => json!("http://169.254.169.254/"),
        "error_code" => json!({ "code": 7, "status": 418 }),
        _ => json!(true),
    };
    let asks = endpoints(vendor, sandbox).await;
    let before = sandbox.calls();
    turn_one(sandbox, vendor, knob, value).await;
    for ask in &asks {
        shows(vendor, knob, ask, sandbox).await;
    }
    let calls = sandbox.calls() - before;
    turn_one(sandbox, vendor, knob, json!(false)).await;
    for ask in &asks {
        let answer = ask.send(sandbox).await;
        assert!(answer.is_whole && ![418, 429, 307].contains(&answer.status) && answer.status < 500, "{answer:?}");
        answer.json();
    }
    calls
}

/// Asks one endpoint, whose answer is as the knob says.
async fn shows(vendor: &str, knob: &str, ask: &Ask, sandbox: &Sandbox) {
    let (what, began) = (format!("{knob} of {vendor}, {}", ask.line), Instant::now());
    if knob == "time_out" {
        assert!(ask.is_left_waiting(sandbox).await, "{what}: it has answered");
        return;
    }
    let answer = match knob {
        "slow_body" => ask.send_for(sandbox, 10).await,
        _ => ask.send(sandbox).await,
    };
    let status = answer.status;
    assert!(answer.is_whole || ["slow_body", "drop_connection"].contains(&knob), "{what}: {answer:?}");
    let is_json = answer.header("content-type") == Some("application/json");
    let is_page = answer.header("content-type") == Some("text/html; charset=utf-8");
    let parses = serde_json::from_str::<Value>(&answer.body).is_ok();
    let holds = match knob {
        "latency" => parses && began.elapsed() >= Duration::from_millis(30),
        "http_429" => {
            status == 429 && answer.header("retry-after") == Some("30") && says_too_many(vendor, &answer.json())
        }
        "http_500" => status == 500 && !parses,
        "http_502" => status == 502 && is_page,
        "http_503" => status == 503 && answer.header("retry-after") == Some("30") && !parses,
        "http_504" => status == 504 && is_page,
        "html" => status == 200 && is_page && answer.body.starts_with("<!doctype html>"),
        "redirect" => status == 307 && answer.header("location") == Some("http://169.254.169.254/"),
        "error_code" => is_json && parses && status == 418,
        "wrong_json" => is_json && !parses && answer.body.starts_with('{'),
        "big_body" => is_json && parses && answer.body.len() > 2 * 1024 * 1024,
        "slow_body" => is_json && !answer.is_over && !parses,
        "drop_connection" => is_json && !parses && !answer.is_whole,
        _ => panic!("say in tests/sandbox/table.rs what `{knob}` does"),
    };
    assert!(holds, "{what}: {answer:?}");
}

/// The third request of two is refused, whichever endpoint it is for; the others go on, and room comes with time.
async fn limits(vendor: &str, sandbox: &Sandbox) {
    let asks = endpoints(vendor, sandbox).await;
    let (first, last) = (asks.first().unwrap(), asks.last().unwrap());
    turn_one(sandbox, vendor, "rate_limit", json!({ "requests": 2, "per": 3_600_000 })).await;
    assert_ne!(first.send(sandbox).await.status, 429);
    assert_ne!(last.send(sandbox).await.status, 429);
    let calls = sandbox.calls();
    for ask in [first, last] {
        let answer = ask.send(sandbox).await;
        assert_eq!(answer.status, 429, "{answer:?}");
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((3_500..=3_600).contains(&wait) && says_too_many(vendor, &answer.json()), "{answer:?}");
    }
    assert_eq!(sandbox.calls(), calls);

    turn_one(sandbox, vendor, "rate_limit", json!({ "requests": 1, "per": 20 })).await;
    let served = async {
        assert_ne!(first.send(sandbox).await.status, 429, "it counts anew");
        while first.send(sandbox).await.status == 429 {}
    };
    tokio::time::timeout(PATIENCE, served).await.expect("room never comes");
}

#[tokio::test]
async fn one_vendor_fails_while_the_others_work() {
    let sandbox = Sandbox::start().await.unwrap();
    let vendors = vendors(&sandbox).await;
    for broken in &vendors {
        for vendor in &vendors {
            let ask = order(vendor, &sandbox, NUMBER).await;
            turn(&sandbox, json!({ "vendor": broken, "http_502": true })).await;
            let is_broken = ask.send(&sandbox).await.status == 502;
            assert_eq!(is_broken, vendor == broken, "{broken} is broken, {vendor} answers");
            Ask::new(format!("DELETE /knobs?vendor={broken}")).send(&sandbox).await;
            assert_ne!(ask.send(&sandbox).await.status, 502);
        }
    }
}

#[tokio::test]
async fn one_number_fails_while_the_others_work() {
    let sandbox = Sandbox::start().await.unwrap();
    for vendor in vendors(&sandbox).await {
        let broken = order(&vendor, &sandbox, NUMBER).await;
        let well = order(&vendor, &sandbox, "+37126123457").await;
        turn(&sandbox, json!({ "number": NUMBER, "http_504": true })).await;
        assert_eq!(broken.send(&sandbox).await.status, 504, "{vendor}");
        assert_ne!(well.send(&sandbox).await.status, 504, "{vendor}");
        Ask::new("DELETE /knobs").send(&sandbox).await;
        assert_ne!(broken.send(&sandbox).await.status, 504, "{vendor}");
    }
}
