//! Every route of the registry, the whole way: refused, started, answered wrong, answered right, let through once.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::join_all;
use handset::provider::registry::PROVIDERS;
use http::Method;
use serde_json::{Value, json};

use crate::{
    PHONE, Person, Stage,
    stage::{Answer, PATIENCE, wrong},
    vendors::{self, EMAIL, OTHER, claims, last_code, open, visit},
};

/// What is promised of a route, by decisions 0008 and 0017.
struct Route {
    provider: &'static str,
    channel: &'static str,
    acr: &'static str,
    amr: &'static str,
    answer: By,
    /// The end of the path at which the vendor takes orders.
    ordered_at: &'static str,
}

/// How a person answers.
#[derive(Clone, Copy)]
enum By {
    /// With so many digits, which are seen here.
    Code(u8, &'static str),
    /// By opening a URL on the phone.
    Sim,
    /// By pressing 1 on a call.
    Key,
}

#[rustfmt::skip]
const ROUTES: &[Route] = &[
    Route { provider: "citcall", channel: "flash_call", acr: "phone", amr: "flash_call",
            answer: By::Code(4, "caller_id"), ordered_at: "/v3/motp" },
    Route { provider: "idlayr", channel: "silent_network", acr: "phone", amr: "silent_network",
            answer: By::Sim, ordered_at: "/v0.2/checks" },
    Route { provider: "numcheck", channel: "flash_call", acr: "phone", amr: "flash_call",
            answer: By::Code(4, "caller_id"), ordered_at: "/init-call" },
    #[cfg(feature = "open-gateway")]
    Route { provider: "open_gateway", channel: "silent_network", acr: "phone", amr: "silent_network",
            answer: By::Sim, ordered_at: "/authorize" },
    Route { provider: "zadarma", channel: "sms", acr: "phone", amr: "sms",
            answer: By::Code(6, "message"), ordered_at: "/verify/" },
    Route { provider: "zadarma", channel: "voice_code", acr: "phone", amr: "tel",
            answer: By::Code(6, "call"), ordered_at: "/verify/" },
    Route { provider: "zadarma", channel: "key_press", acr: "phone", amr: "key_press",
            answer: By::Key, ordered_at: "/verify/" },
    Route { provider: "zadarma", channel: "email", acr: "email", amr: "email",
            answer: By::Code(6, "email"), ordered_at: "/verify/" },
];

const TO_BEN: &str = "100 EUR to Ben";

impl Route {
    fn name(&self) -> String {
        format!("{}/{}", self.provider, self.channel)
    }

    /// Transfers and settings are guarded, and this is the only route.
    fn policy(&self) -> String {
        let (name, acr) = (self.name(), self.acr);
        format!(
            r#"
            version = 1

            [[step_up]]
            name = "guarded"
            when = {{ action = ["transfer", "settings"] }}
            require = {{ acr = "{acr}", max_age = "5m", single_use = true }}

            [[route]]
            name = "everyone"
            try = ["{name}"]
            "#
        )
    }

    fn orders(&self, stage: &Stage) -> usize {
        let to_us = |asked: &&handset::sandbox::LoggedRequest| asked.vendor == self.provider;
        let requests = stage.sandbox.requests();
        requests.iter().filter(to_us).filter(|asked| asked.path.ends_with(self.ordered_at)).count()
    }

    fn inbox(&self) -> &'static str {
        if self.channel == "email" { EMAIL } else { PHONE }
    }

    /// From the guard's refusal to the proof.
    async fn prove(&self, stage: &Stage, ada: &Person) -> String {
        let refused = ada.transfer(None).await.expect_problem(401, "step-up-required");
        let challenge = refused.header("www-authenticate");
        assert!(challenge.contains(&format!(r#"acr_values="{}""#, self.acr)), "{challenge}");
        assert_eq!(self.orders(stage), 0, "nobody has asked for a message yet");

        let (action, binding) = (refused.text("action"), refused.text("binding"));
        let body = json!({ "phone_number": PHONE, "action": action, "binding": binding, "email": EMAIL });
        let start = || ada.send(Method::POST, refused.text("start"), Some(body.clone()));
        let check = start().await.expect(201);
        assert_eq!((check.text("status"), check.text("channel")), ("pending", self.channel));
        assert_eq!(check.body["next_channels"], json!([]));
        let again = async |check: &Answer| {
            // What was ordered is used up. Another one comes as any message does that is asked for again.
            stage.clock.advance(Duration::from_secs(30));
            let again = start().await.expect(201);
            assert_eq!((again.id(), &again.body["attempts_left"]), (check.id(), &json!(4)));
            again
        };
        match self.answer {
            By::Code(length, source) => {
                let prompt = json!({ "type": "enter_code", "length": length, "source": source });
                assert_eq!(check.body["prompt"], prompt);
                self.type_code(stage, ada, &check).await
            }
            By::Sim => {
                self.other_sim(stage, ada, &check).await;
                own_sim(stage, ada, &again(&check).await).await
            }
            By::Key => {
                assert_eq!(check.body["prompt"], json!({ "type": "press_keys", "digits": "1" }));
                let missed = pressed(stage, ada, &check, "2").await;
                assert_eq!((missed.text("status"), &missed.body["attempts_left"]), ("pending", &json!(4)));
                let verified = pressed(stage, ada, &again(&check).await, "1").await;
                assert_eq!((verified.text("status"), self.orders(stage)), ("verified", 2));
                verified.text("proof").to_owned()
            }
        }
    }

    async fn type_code(&self, stage: &Stage, ada: &Person, check: &Answer) -> String {
        let code = last_code(&stage.sandbox.handset(self.inbox()));
        let missed = ada.answer(check.id(), &wrong(&code)).await.expect_problem(422, "incorrect-code");
        assert_eq!(missed.body["attempts_left"], 4);
        let verified = ada.answer(check.id(), &code).await.expect(200);
        assert_eq!(verified.text("status"), "verified");
        assert_eq!((self.orders(stage), stage.sandbox.calls()), (1, 1), "one message");
        ada.answer(check.id(), &code).await.expect_problem(410, "check-ended");
        verified.text("proof").to_owned()
    }

    async fn other_sim(&self, stage: &Stage, ada: &Person, check: &Answer) {
        let back = open(&stage.sandbox.handset(OTHER), check).await;
        assert!(back.contains(&format!("/redirect/{}?", self.provider)), "the wrong way back");
        assert_eq!(visit(stage, ada, &back).await.expect(200).text("status"), "pending");
        let missed = ada.look(check.id()).await.expect(200);
        assert_eq!((missed.text("status"), &missed.body["attempts_left"]), ("pending", &json!(4)));
        assert_eq!(self.orders(stage), 1);
    }

    /// What the proof says, to us and to those who only read it.
    fn assert_says(&self, proof: &str) {
        let claims = claims(proof);
        for (name, value) in [
            ("acr", json!(self.acr)),
            ("amr", json!([self.amr])),
            ("channel", json!(self.channel)),
            ("sub", json!("ada")),
            ("action", json!("transfer")),
            ("binding", json!(TO_BEN)),
            ("phone_number_verified", json!(self.acr == "phone")),
        ] {
            assert_eq!(claims[name], value, "{name}");
        }
    }
}

async fn own_sim(stage: &Stage, ada: &Person, check: &Answer) -> String {
    let back = open(&stage.sandbox.handset(PHONE), check).await;
    visit(stage, &stage.person("eve"), &back).await.expect_problem(410, "check-ended");
    let passed = visit(stage, ada, &back).await.expect(200);
    assert_eq!((passed.text("status"), passed.body.get("proof")), ("verified", None));
    let verified = ada.look(check.id()).await.expect(200);
    visit(stage, ada, &back).await.expect_problem(410, "check-ended");
    verified.text("proof").to_owned()
}

/// Takes the call and presses a key; the check, once the vendor has reported.
async fn pressed(stage: &Stage, ada: &Person, check: &Answer, key: &str) -> Answer {
    let reports = stage.sandbox.zadarma_callbacks().len();
    assert!(stage.sandbox.handset(PHONE).press(key).unwrap(), "no call rings");
    let reported = async {
        while stage.sandbox.zadarma_callbacks().len() == reports {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, reported).await.unwrap();
    ada.look(check.id()).await.expect(200)
}

async fn whole_way(route: &'static Route) {
    let stage = vendors::stage(&route.policy()).await;
    let ada = stage.person("ada").with("x-binding", TO_BEN);
    let proof = route.prove(&stage, &ada).await;
    route.assert_says(&proof);

    // Good for nothing else, for nobody else, and not used up by trying.
    let shown = ada.with("handset-proof", &proof);
    shown.send(Method::POST, "/settings", None).await.expect_problem(401, "step-up-required");
    for other in [
        stage.person("ada").with("x-binding", "900 EUR to Ben"),
        stage.person("ada"),
        stage.person("eve").with("x-binding", TO_BEN),
    ] {
        other.transfer(Some(&proof)).await.expect_problem(401, "step-up-required");
    }
    let passed = ada.transfer(Some(&proof)).await.expect(200);
    let expected = json!({
        "subject": "ada", "phone": PHONE, "action": "transfer", "binding": TO_BEN, "channel": route.channel,
        "token": false,
    });
    assert_eq!(passed.body, expected);
    ada.transfer(Some(&proof)).await.expect_problem(401, "step-up-required");
}

#[tokio::test]
async fn each_route_leads_from_refusal_to_a_proof_that_passes_once() {
    let walks = ROUTES.iter().map(|route| async move { (route.name(), tokio::spawn(whole_way(route)).await) });
    let failed: Vec<_> = join_all(walks).await.into_iter().filter(|(_, walk)| walk.is_err()).collect();
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn every_route_of_the_registry_is_walked() {
    let offered =
        PROVIDERS.iter().flat_map(|entry| entry.channels.iter().map(|channel| (entry.name, channel.as_str())));
    let walked: BTreeSet<_> = ROUTES.iter().map(|route| (route.provider, route.channel)).collect();
    assert_eq!(walked, offered.collect(), "a row of `ROUTES` for each provider and channel, and no others");
    assert_eq!(walked.len(), ROUTES.len(), "no row twice");
}

#[test]
fn what_a_proof_says_differs_by_channel_and_not_by_vendor() {
    let said = |route: &Route| json!([route.acr, route.amr]);
    for (one, other) in ROUTES.iter().flat_map(|one| ROUTES.iter().map(move |other| (one, other))) {
        let same: Value = said(one);
        assert_eq!(one.channel == other.channel, same == said(other), "{} and {}", one.name(), other.name());
    }
}
