//! What devices bring back from a silent check, altered, exchanged and brought once more.

use super::{Report, is_verified, policy};
use crate::{
    stage::{PHONE, Stage},
    vendors::{self, OTHER},
};

/// From what came back for the attacker's check with her own SIM, and for the victim's with the right one, the URL with which she
/// would like to have come back.
type Forgery = fn(own: &str, hers: &str) -> String;

/// The vendor signs the URL.
pub(crate) async fn idlayr() -> Report {
    let forgeries: [Forgery; 11] = [
        |own, _| own.to_owned(),
        |own, hers| with(own, "code", Some(&parameter(hers, "code"))),
        |own, hers| with(hers, "state", Some(&parameter(own, "state"))),
        |own, hers| with(&with(own, "code", Some(&parameter(hers, "code"))), "authorization", None),
        |own, hers| {
            with(&with(own, "check_id", Some(&parameter(hers, "check_id"))), "code", Some(&parameter(hers, "code")))
        },
        |own, hers| with(own, "authorization", Some(&parameter(hers, "authorization"))),
        |own, _| with(own, "date", Some("TW9uLCAwMSBKdW4gMjAyMCAwMDowMDowMCBHTVQ=")),
        |own, hers| format!("{own}&code={}", parameter(hers, "code")),
        |own, _| format!("{own}&match=true&status=COMPLETED"),
        |own, _| own.replace("/redirect/idlayr", "/redirect/open_gateway"),
        |_, hers| hers.to_owned(),
    ];
    attack("return forger and replayer: idlayr", "idlayr/silent_network", &forgeries).await
}

/// The operator signs nothing on the way back; state, code, issuer and PKCE belong together.
#[cfg(feature = "open-gateway")]
pub(crate) async fn open_gateway() -> Report {
    let forgeries: [Forgery; 11] = [
        |own, _| own.to_owned(),
        |own, hers| with(own, "code", Some(&parameter(hers, "code"))),
        |own, hers| with(hers, "state", Some(&parameter(own, "state"))),
        |own, hers| with(&with(own, "code", Some(&parameter(hers, "code"))), "iss", Some("https://evil.example")),
        |own, hers| with(&with(own, "code", Some(&parameter(hers, "code"))), "iss", None),
        |own, _| with(own, "code", Some("made-up")),
        |own, _| with(own, "state", Some(&"A".repeat(43))),
        |own, hers| format!("{own}&code={}", parameter(hers, "code")),
        |own, hers| format!("{own}&state={}", parameter(hers, "state")),
        |own, _| own.replace("/redirect/open_gateway", "/redirect/idlayr"),
        |_, hers| hers.to_owned(),
    ];
    attack("return forger and replayer: open gateway", "open_gateway/silent_network", &forgeries).await
}

async fn attack(name: &'static str, route: &str, forgeries: &[Forgery]) -> Report {
    let stage = vendors::stage(&policy("", &format!("[\"{route}\", \"code_book/sms\"]"))).await;
    let mut report = Report::new(name);
    for (attempt, forge) in forgeries.iter().enumerate() {
        let (own_id, own) = came_back(&stage, &format!("mallory-{attempt}"), OTHER).await;
        let (_, hers) = came_back(&stage, &format!("ada-{attempt}"), PHONE).await;
        let mallory = stage.person(&format!("mallory-{attempt}"));
        let visited = vendors::visit(&stage, &mallory, &forge(&own, &hers)).await;
        let defence = format!("{} {}", visited.status, visited.body["status"].as_str().unwrap_or("check-ended"));
        report.count(&defence, visited.body["status"] == "verified" || is_verified(&mallory, &own_id).await);
    }
    replay(&stage, &mut report).await;
    report
}

/// What came back to its owner is good once, for the owner too.
async fn replay(stage: &Stage, report: &mut Report) {
    let (id, back) = came_back(stage, "ada", PHONE).await;
    let ada = stage.person("ada");
    vendors::visit(stage, &ada, &back).await.expect(200);
    let verified = ada.look(id.as_str()).await.expect(200);
    assert!(verified.body["proof"].is_string(), "what the device of its owner brings back counts");
    for person in [ada, stage.person("mallory")] {
        let again = vendors::visit(stage, &person, &back).await;
        report.tally(&again, again.status == 200);
    }
}

/// Starts a check of the victim's number, and has a phone with this SIM open its URL: the check's id, and where the phone ends up.
async fn came_back(stage: &Stage, name: &str, sim: &str) -> (String, String) {
    let check = stage.person(name).start(PHONE).await.expect(201);
    let back = vendors::open(&stage.sandbox.handset(sim), &check).await;
    (check.id().to_owned(), back)
}

/// The value of a parameter, which is there once.
pub(super) fn parameter(url: &str, name: &str) -> String {
    let (_, query) = url.split_once('?').unwrap();
    let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
    values.next().unwrap_or_else(|| panic!("no `{name}` in {url}")).1.into_owned()
}

/// The URL with another value for a parameter, or without it; the others stay as they are written.
pub(super) fn with(url: &str, name: &str, value: Option<&str>) -> String {
    let (path, query) = url.split_once('?').unwrap();
    let mut pairs: Vec<String> =
        query.split('&').filter(|pair| pair.split('=').next() != Some(name)).map(str::to_owned).collect();
    pairs.extend(value.map(|value| form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish()));
    format!("{path}?{}", pairs.join("&"))
}
