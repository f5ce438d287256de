//! Citcall's reports, which nobody signs: posted by whoever knows the URL, from elsewhere and from the vendor's own network.

use std::time::Duration;

use handset::{
    provider::citcall::Citcall,
    sandbox::{Knob, Scope},
};
use serde_json::{Value, json};

use super::{
    Report,
    interceptor::{Callback, Interceptor},
    policy,
};
use crate::{
    stage::{PHONE, Stage},
    vendors::{self, citcall_config, last_code},
};

/// From another network than the vendor's.
pub(crate) async fn strangers() -> Report {
    attack(Report::new("callback forger: citcall, a stranger"), false).await
}

/// From the vendor's network, for what it is worth: an address can be shared, and a URL can leak.
pub(crate) async fn insiders() -> Report {
    attack(Report::new("callback forger and replayer: citcall"), true).await
}

async fn attack(mut report: Report, inside: bool) -> Report {
    let mut interceptor = Interceptor::start().await;
    let stage = stage(&interceptor.url, inside).await;
    stage.sandbox.knobs().set(Scope::All, Knob::RingTime(Duration::ZERO)).unwrap();
    let mallory = stage.person("mallory");
    let own = mallory.start(PHONE).await.expect(201);
    let told = interceptor.next().await;
    let said: Value = serde_json::from_slice(&told.body).unwrap();
    for body in [said.clone(), said.clone()].into_iter().chain(claims(&said)) {
        let status = Callback { body: body.to_string().into(), ..told.clone() }.post(&stage.url).await;
        let seen = mallory.look(own.id()).await.expect(200);
        let changed = (&seen.body["status"], &seen.body["attempts_left"]) != (&json!("pending"), &json!(5));
        let heard = if inside { "200 to a report; a report decides nothing".to_owned() } else { format!("{status}") };
        report.count(&heard, changed || (status == 200) != inside);
    }
    let ending = last_code(&stage.sandbox.handset(PHONE));
    mallory.answer(own.id(), &ending).await.expect(200);
    report
}

/// Everything that somebody might say to end a check, one way or the other.
fn claims(said: &Value) -> Vec<Value> {
    let changes = [
        json!({ "result": "Success", "rc": "00", "dial_status": "ANSWER", "call_status": "ANSWERED" }),
        json!({ "result": "Failed", "rc": "06" }),
        json!({ "result": "verified", "status": "verified", "verified": true, "match": true }),
        json!({ "token": "+371260000", "result": "Success" }),
        json!({ "trxid": "1", "trx_id": "1" }),
        json!({ "msisdn": "37129999999" }),
    ];
    changes.iter().map(|change| merged(said, change)).collect()
}

fn merged(said: &Value, change: &Value) -> Value {
    let mut said = said.as_object().unwrap().clone();
    said.extend(change.as_object().unwrap().clone());
    said.into()
}

/// An application whose vendor believes that it is at `url`.
async fn stage(url: &str, inside: bool) -> Stage {
    Stage::at(&policy("", r#"["citcall/flash_call"]"#), |builder, sandbox, _| {
        let mut config = citcall_config(sandbox);
        if inside {
            config.callback_sources = vec!["127.0.0.1/32".parse().unwrap()];
        }
        builder.provider(Citcall::new(config, vendors::client()).unwrap()).public_url(url)
    })
    .await
}
