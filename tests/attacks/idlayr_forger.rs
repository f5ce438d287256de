//! IDlayr's callbacks, which are signed: altered, moved to another check, and played again.

use base64::{Engine, engine::general_purpose::STANDARD};
use handset::{
    provider::idlayr::Version,
    sandbox::{Knob, Over, Scope},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    Report,
    interceptor::{Callback, Interceptor},
    is_verified, policy,
};
use crate::{
    stage::{Answer, PHONE, Person, Stage},
    vendors::{OTHER, idlayr, idlayr_config},
};

/// The attacker has what the vendor says of her own check (another SIM) and of the victim's (the right one).
pub(crate) async fn callbacks() -> Report {
    let mut report = Report::new("callback forger and replayer: idlayr");
    let mut interceptor = Interceptor::start().await;
    let stage = stage(&interceptor.url).await;
    let (ada, mallory) = (stage.person("ada"), stage.person("mallory"));
    let (hers, own) = (ada.start(PHONE).await.expect(201), mallory.start(PHONE).await.expect(201));
    // From now on only a callback can tell.
    stage.sandbox.knobs().set(Scope::Number(PHONE), Knob::Http500).unwrap();
    let told_of_hers = told(&stage, PHONE, &hers, &mut interceptor).await;
    let told_of_own = told(&stage, OTHER, &own, &mut interceptor).await;
    assert_eq!((verdict(&told_of_hers), verdict(&told_of_own)), (json!(true), json!(false)));

    for forged in forged(&told_of_own, &told_of_hers) {
        let status = forged.post(&stage.url).await;
        report.count(&format!("{status} to a wrong signature"), status < 400);
    }
    let seen = mallory.look(own.id()).await.expect(200);
    report.count(
        "no attempt is lost, and none won",
        (&seen.body["status"], &seen.body["attempts_left"]) != (&json!("pending"), &json!(5)),
    );

    assert_eq!(told_of_hers.post(&stage.url).await, 200, "what the vendor says is heard");
    assert!(is_verified(&ada, hers.id()).await, "and counts");
    stage.sandbox.knobs().reset();
    let next = ada.start(PHONE).await.expect(201);
    replay(&stage, &ada, &told_of_hers, &next, &mut report).await;
    report
}

/// Again, and again as if it were about the next check.
async fn replay(stage: &Stage, ada: &Person, told: &Callback, next: &Answer, report: &mut Report) {
    let of_next = Callback { body: about(&told.body, next), ..told.clone() };
    for again in [told, told, &of_next] {
        let status = again.post(&stage.url).await;
        report.count(&format!("{status}, and counts once"), is_verified(ada, next.id()).await);
    }
}

/// An application whose vendor believes that it is at `url`, and where callbacks decide.
async fn stage(url: &str) -> Stage {
    Stage::at(&policy("", r#"["idlayr/silent_network"]"#), |builder, sandbox, _| {
        builder.provider(idlayr(idlayr_config(sandbox).with_version(Version::V0_1))).public_url(url)
    })
    .await
}

/// What the vendor posts when a phone with this SIM has opened the URL of a check.
async fn told(stage: &Stage, sim: &str, check: &Answer, interceptor: &mut Interceptor) -> Callback {
    let url = check.body["prompt"]["url"].as_str().expect("a URL to open");
    stage.sandbox.handset(sim).open(url, Over::MobileData).await.unwrap();
    interceptor.next().await
}

fn verdict(callback: &Callback) -> Value {
    serde_json::from_slice::<Value>(&callback.body).unwrap()["match"].take()
}

/// What would make a yes of the no about `own`, if the signature did not cover it, or were not looked at.
fn forged(own: &Callback, hers: &Callback) -> Vec<Callback> {
    let said = String::from_utf8(own.body.to_vec()).unwrap();
    let yes = Callback { body: said.replace("\"match\":false", "\"match\":true").into(), ..own.clone() };
    assert_ne!(yes.body, own.body);
    let digest = format!("SHA-256={}", STANDARD.encode(Sha256::digest(&yes.body)));
    let fitting = yes.clone().with("digest", Some(&digest));
    let authorization = own.header("authorization");
    let covering = |names: &str| {
        let (before, rest) = authorization.split_once("headers=\"").unwrap();
        let (_, after) = rest.split_once('"').unwrap();
        format!("{before}headers=\"{names}\"{after}")
    };
    let signed = |value: &str| fitting.clone().with("authorization", Some(value));
    vec![
        yes,
        fitting.clone(),
        fitting.clone().with("authorization", None),
        signed(""),
        signed(&authorization.replace("rsa-sha256", "none")),
        signed(&authorization.replace("rsa-sha256", "hmac-sha256")),
        signed(&authorization.replace("sandbox-0", "sandbox-1")),
        signed(&authorization.replace("signature=\"", "signature=\"A")),
        signed(&covering("date")),
        signed(&covering("(request-target) host date")),
        signed(&covering("(request-target) host date digest")),
        // The victim's yes, at the URL of the attacker's check: as it is, and as if the vendor had said it of that check.
        Callback { path: own.path.clone(), ..hers.clone() },
        Callback { path: own.path.clone(), body: fitting.body.clone(), ..hers.clone() },
        fitting.clone().with("authorization", Some(hers.header("authorization"))),
        // Signed by nobody for another day.
        own.clone().with("date", Some("Mon, 01 Jun 2020 00:00:00 GMT")),
    ]
}

/// The same message about another check.
fn about(body: &[u8], check: &Answer) -> bytes::Bytes {
    let url = check.body["prompt"]["url"].as_str().expect("a URL to open");
    let id = url.rsplit('/').find(|part| part.len() == 36).expect("the vendor's id of the check");
    let mut said: Value = serde_json::from_slice(body).unwrap();
    said["check_id"] = json!(id);
    said.to_string().into()
}
