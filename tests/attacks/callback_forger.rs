//! Posts what the vendor did not, and what it did post once more. NumCheck posts nothing: it is asked.

use std::time::{Duration, SystemTime};

use handset::clock::Clock;
use http::Method;
use serde_json::json;

use super::{Report, is_verified, policy};
use crate::{
    stage::{PHONE, Person},
    vendors,
};

/// Calls that ask for a key, whose end the vendor reports with a signature.
pub(crate) async fn zadarma() -> Report {
    let stage = vendors::stage(&policy("", r#"["zadarma/key_press", "code_book/sms"]"#)).await;
    let mut report = Report::new("callback forger and replayer: zadarma");
    let url = stage.verifier.callback_url("zadarma").expect("the verifier has a public URL");
    let (ada, mallory) = (stage.person("ada"), stage.person("mallory"));

    let honest = Notice::at(stage.clock.now());
    let signature = stage.sandbox.zadarma_signature(&honest.fields());
    let forged = mallory.start(PHONE).await.expect(201);
    for signature in [None, Some(String::new()), Some(flipped(&signature)), Some("AAAA".repeat(14))] {
        let status = honest.post(&url, signature.as_deref()).await;
        report.count(&format!("{status} to a wrong signature"), is_verified(&mallory, forged.id()).await);
    }
    mallory.send(Method::DELETE, &format!("/handset/checks/{}", forged.id()), None).await.expect(204);

    stage.clock.advance(Duration::from_secs(60));
    let check = ada.start(PHONE).await.expect(201);
    let honest = Notice::at(stage.clock.now());
    let signature = stage.sandbox.zadarma_signature(&honest.fields());
    honest.post(&url, Some(&signature)).await;
    assert!(is_verified(&ada, check.id()).await, "what the vendor says counts");

    for later in [0, 60] {
        stage.clock.advance(Duration::from_secs(later));
        let next = mallory.start(PHONE).await.expect(201);
        let status = honest.post(&url, Some(&signature)).await;
        report.count(&format!("{status}, and counts once"), is_verified(&mallory, next.id()).await);
    }
    report
}

/// Callbacks to URLs that somebody guessed, about a check that is open with that vendor.
pub(crate) async fn made_up_urls() -> Report {
    let mut report = Report::new("callback forger: made-up URLs");
    for route in ["citcall/flash_call", "idlayr/silent_network", "numcheck/flash_call", "zadarma/key_press"] {
        let stage = vendors::stage(&policy("", &format!("[\"{route}\", \"code_book/sms\"]"))).await;
        let ada = stage.person("ada");
        let check = ada.start(PHONE).await.expect(201);
        let vendor = route.split('/').next().unwrap();
        for token in [check.id(), "AAAA", "..%2f..", &"A".repeat(64)] {
            let told = json!({ "status": "COMPLETED", "match": true, "check_id": check.id(), "result": 1 });
            let path = format!("/handset/callback/{vendor}/{token}");
            let answer = Person::at(&stage.url).send(Method::POST, &path, Some(told)).await;
            report.tally(&answer, answer.status < 400 || is_verified(&ada, check.id()).await);
        }
        // The check was open all the while.
        stage.clock.advance(Duration::from_secs(2));
        ada.next(check.id()).await.expect(200);
        ada.answer(check.id(), &stage.code()).await.expect(200);
    }
    report
}

/// What the vendor posts when a call has ended with the key 1.
struct Notice {
    call_start: String,
}

impl Notice {
    fn at(call_start: SystemTime) -> Self {
        let call_start = humantime::format_rfc3339_seconds(call_start).to_string();
        Self { call_start: call_start.replace('T', " ").replace('Z', "") }
    }

    fn fields(&self) -> [(&str, &str); 8] {
        [
            ("event", "NOTIFY_END"),
            ("call_start", &self.call_start),
            ("pbx_call_id", "out_0e7d449cac2f0a3ce54919e91cd999194e8f2d97"),
            ("caller_id", "37126123456"),
            ("called_did", "0"),
            ("calltype", "callback_leg1"),
            ("callback_dtmf", "1"),
            ("disposition", "answered"),
        ]
    }

    async fn post(&self, url: &str, signature: Option<&str>) -> u16 {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(self.fields()).finish();
        let mut request = reqwest::Client::new().post(url).body(body);
        request = request.header("content-type", "application/x-www-form-urlencoded");
        if let Some(signature) = signature {
            request = request.header("signature", signature);
        }
        request.send().await.unwrap().status().as_u16()
    }
}

/// The same with one other character.
fn flipped(signature: &str) -> String {
    let (first, rest) = signature.split_at(1);
    format!("{}{rest}", if first == "A" { "B" } else { "A" })
}
