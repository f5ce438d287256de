//! A plan of three vendors, walked down by failures and by the person. Each vendor has a sandbox of its own, so that each can
//! break by itself.

#[path = "walk_down/budget.rs"]
mod budget;
#[path = "walk_down/failures.rs"]
mod failures;
#[path = "walk_down/late.rs"]
mod late;
#[path = "walk_down/once.rs"]
mod once;
#[path = "walk_down/overtaken.rs"]
mod overtaken;

use std::time::Duration;

use handset::{
    provider::idlayr,
    sandbox::{Handset, Knob, Over, Sandbox, Scope},
};
use http::Method;
use serde_json::json;

use crate::{
    PHONE, Person, Stage,
    stage::{Answer, PATIENCE},
    vendors::{self, OTHER, last_code, open_over, visit},
};

const PLAN: &str = r#"["idlayr/silent_network", "citcall/flash_call", "zadarma/sms"]"#;

/// Transfers are guarded; limits are wide enough to hide nothing. `tables` comes before the plan, `route` is more of its route.
fn policy(tables: &str, route: &str) -> String {
    format!(
        r#"
        version = 1

        {tables}

        [[limit]]
        name = "everything"
        on = "start"
        key = ["global"]
        quota = "100000/1h"

        [[step_up]]
        name = "transfers"
        when = {{ action = "transfer" }}
        require = {{ acr = "phone", max_age = "5m" }}

        [[route]]
        name = "dear numbers"
        when = {{ "phone.type" = ["premium_rate", "shared_cost"] }}
        deny = "number_type"

        [[route]]
        name = "everyone else"
        try = {PLAN}
        {route}
        "#
    )
}

/// The application, and the three vendors of its plan.
struct World {
    stage: Stage,
    idlayr: Sandbox,
    citcall: Sandbox,
    zadarma: Sandbox,
}

impl World {
    async fn new() -> Self {
        Self::with(&policy("", ""), |_| {}).await
    }

    /// `change` has the last word on how the first vendor is used.
    async fn with(policy: &str, change: impl FnOnce(&mut idlayr::Config)) -> Self {
        let [idlayr, citcall, zadarma] = [sandbox().await, sandbox().await, sandbox().await];
        let mut config = vendors::idlayr_config(&idlayr);
        change(&mut config);
        let stage = Stage::at(policy, |builder, _, url| {
            let builder = builder.provider(vendors::idlayr(config)).provider(vendors::citcall(&citcall));
            builder.provider(vendors::zadarma(&zadarma)).public_url(url)
        })
        .await;
        Self { stage, idlayr, citcall, zadarma }
    }

    fn ada(&self) -> Person {
        self.stage.person("ada")
    }

    /// How many orders each vendor of the plan got.
    fn orders(&self) -> [usize; 3] {
        let count = |sandbox: &Sandbox, endings: &[&str]| {
            let requests = sandbox.requests();
            let order = |path: &str| endings.iter().any(|ending| path.ends_with(ending));
            requests.iter().filter(|asked| asked.method == Method::POST && order(&asked.path)).count()
        };
        [
            count(&self.idlayr, &["/v0.1/checks", "/v0.2/checks"]),
            count(&self.citcall, &["/v3/motp"]),
            count(&self.zadarma, &["/v1/verify/"]),
        ]
    }

    /// How many results, calls and messages were billed.
    fn billed(&self) -> usize {
        self.idlayr.calls() + self.citcall.calls() + self.zadarma.calls()
    }

    /// How often the first vendor was handed a code of a device.
    fn exchanges(&self) -> usize {
        self.idlayr.requests().iter().filter(|asked| asked.method == Method::PATCH).count()
    }

    /// The end of the number that called last.
    fn ending(&self) -> String {
        last_code(&self.citcall.handset(PHONE))
    }

    /// The code of the last text message.
    fn text_code(&self) -> String {
        last_code(&self.zadarma.handset(PHONE))
    }

    /// A phone with this SIM opens the URL of a silent check. Gives the URL that leads back.
    async fn open(&self, sim: &str, check: &Answer) -> String {
        self.open_over(&self.idlayr.handset(sim), check, Over::MobileData).await
    }

    async fn open_over(&self, phone: &Handset, check: &Answer, over: Over) -> String {
        open_over(phone, check, over).await
    }

    async fn visit(&self, person: &Person, url: &str) -> Answer {
        visit(&self.stage, person, url).await
    }

    /// Answers a silent check with a SIM that is not the claimed one.
    async fn miss_silently(&self, person: &Person, check: &Answer) {
        let back = self.open(OTHER, check).await;
        self.visit(person, &back).await.expect(200);
    }

    /// Goes on to the next channel; two clicks within a second would be one.
    async fn next(&self, person: &Person, check: &Answer) -> Answer {
        self.stage.clock.advance(Duration::from_secs(2));
        person.next(check.id()).await
    }
}

async fn sandbox() -> Sandbox {
    Sandbox::start().await.unwrap()
}

fn down(sandbox: &Sandbox) {
    sandbox.knobs().set(Scope::All, Knob::Http500).unwrap();
}

fn slow(sandbox: &Sandbox) {
    sandbox.knobs().set(Scope::All, Knob::Latency(Duration::from_millis(300))).unwrap();
}

#[track_caller]
fn stands_at(check: &Answer, channel: &str, next: &[&str]) {
    let seen = (check.text("status"), check.text("channel"), &check.body["next_channels"]);
    assert_eq!(seen, ("pending", channel, &json!(next)));
}

async fn attempts_left(person: &Person, check: &Answer) -> u64 {
    person.look(check.id()).await.expect(200).body["attempts_left"].as_u64().unwrap()
}

/// Waits until something holds that needs no waiting on an idle machine.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("never came true: {what}"));
}

#[tokio::test]
async fn the_person_walks_down_the_whole_plan() {
    let world = World::new().await;
    let ada = world.ada();
    let check = ada.start(PHONE).await.expect(201);
    stands_at(&check, "silent_network", &["flash_call", "sms"]);
    let second = world.next(&ada, &check).await.expect(200);
    stands_at(&second, "flash_call", &["sms"]);
    let third = world.next(&ada, &check).await.expect(200);
    stands_at(&third, "sms", &[]);
    world.next(&ada, &check).await.expect_problem(409, "no-more-channels");
    assert_eq!(world.orders(), [1, 1, 1]);
    for later in [&second, &third] {
        assert_eq!(later.id(), check.id());
        assert_eq!(later.body["expires_at"], check.body["expires_at"], "no message moves the end");
    }

    let verified = ada.answer(check.id(), &world.text_code()).await.expect(200);
    assert_eq!(vendors::claims(verified.text("proof"))["amr"], json!(["sms"]));
    ada.transfer(Some(verified.text("proof"))).await.expect(200);
    assert_eq!(world.billed(), 2, "the silent check came to no result");
}
