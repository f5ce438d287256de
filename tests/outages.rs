//! What happens when a part is down: the fail-closed table, a test for each of its cells, over real sockets.
//!
//! | down | layer, valid proof | layer, no proof | start | answer |
//! |---|---|---|---|---|
//! | provider | passes | 401 | next route of the plan, else 503 | 503, attempt refunded |
//! | store | passes unless single use is required | 401 | 503 | 503 |
//! | limiter | passes | 401 | 503 | 503 |
//! | policy reload | last good policy, loud warning | same | same | same |
//! | clock jumps back | no budget reset, no code revived | 401 | 503 | 503 |
#![cfg(all(feature = "sandbox", feature = "testing", feature = "client"))]
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "common/judge.rs"]
mod judge;
#[path = "common/outage.rs"]
mod outage;
#[path = "common/site.rs"]
mod site;

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use handset::{
    Action, Error, ErrorKind, PhoneNumber, Subject, Verifier,
    layer::PROOF_HEADER,
    limiter::LocalLimiter,
    proof::ProofKey,
    provider::{
        http::HttpClient,
        numcheck::{Config, NumCheck},
    },
    sandbox::{Knob, Sandbox, Scope},
    store::MemoryStore,
    testing::{CodeBook, ManualClock},
    verifier::{Caller, Check, StartRequest},
};
use reqwest::Method;
use serde_json::{Value, json};

use judge::{Judge, Mood};
use outage::Outage;
use site::{Reply, SUBJECT, Site};

const NUMBER: &str = "+37126123456";
const FLASH: &str = "numcheck/flash_call";
const SMS: &str = "code_book/sms";
const VOICE: &str = "code_book/voice_code";
const JUDGED: &str = "judge/sms";
const WRONG: &str = "000001";

/// Long enough for a loaded machine; nothing waits for it to pass unless something is broken.
const PATIENCE: Duration = Duration::from_secs(30);
const HOUR: Duration = Duration::from_secs(3600);

/// Everything that can go down, with the application in front of it. Ada is signed in.
struct Bench {
    sandbox: Sandbox,
    book: CodeBook,
    judge: Judge,
    clock: ManualClock,
    store: Outage<MemoryStore>,
    limiter: Outage<LocalLimiter>,
    verifier: Verifier,
    site: Site,
}

impl Bench {
    async fn new(plan: &[&str]) -> Self {
        Self::patient(plan, PATIENCE).await
    }

    /// `time_out` is how long NumCheck may take.
    async fn patient(plan: &[&str], time_out: Duration) -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let config =
            Config::new(sandbox.numcheck_token().clone()).with_base_url(sandbox.numcheck_url()).with_time_out(time_out);
        let numcheck = NumCheck::new(config, HttpClient::danger_with_private_addresses().unwrap()).unwrap();
        let (book, judge, clock) = (CodeBook::default(), Judge::default(), ManualClock::default());
        let (store, limiter) = (Outage::default(), Outage::default());
        let verifier = Verifier::builder()
            .policy("policy.toml", policy(plan))
            .proof_key(ProofKey::random().unwrap())
            .provider(numcheck)
            .provider(book.clone())
            .provider(judge.clone())
            .store(store.clone())
            .limiter(limiter.clone())
            .clock(clock.clone())
            .build()
            .unwrap();
        let site = Site::open(&verifier).await;
        Self { sandbox, book, judge, clock, store, limiter, verifier, site }
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        Reply::to(self.site.request(Method::POST, path).header(SUBJECT, "ada").json(&body)).await
    }

    async fn start(&self, number: &str, action: &str) -> Reply {
        self.post("/handset/checks", json!({ "phone_number": number, "action": action })).await
    }

    /// Starts a check of which a message went out.
    async fn started(&self, action: &str) -> Value {
        let reply = self.start(NUMBER, action).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        assert!(reply.json()["channel"].is_string(), "{reply:?}");
        reply.json()
    }

    async fn answer(&self, check: &Value, code: &str) -> Reply {
        let id = check["check_id"].as_str().unwrap();
        self.post(&format!("/handset/checks/{id}/code"), json!({ "code": code })).await
    }

    async fn get(&self, check: &Value) -> Reply {
        self.on(Method::GET, check).await
    }

    async fn on(&self, method: Method, check: &Value) -> Reply {
        let path = format!("/handset/checks/{}", check["check_id"].as_str().unwrap());
        Reply::to(self.site.request(method, &path).header(SUBJECT, "ada")).await
    }

    /// What the last message said, or the end of the number that called last.
    fn code(&self, check: &Value) -> String {
        if check["channel"] == "flash_call" {
            let events = self.sandbox.handset(NUMBER).events();
            let handset::sandbox::Event::IncomingCall(call) = events.last().unwrap() else { panic!("no call") };
            return call.ending().to_owned();
        }
        self.book.last_code().map_or_else(|| Judge::RIGHT.to_owned(), |code| code.expose().to_owned())
    }

    /// Goes the whole way to a proof.
    async fn proof(&self, action: &str) -> String {
        let check = self.started(action).await;
        let reply = self.answer(&check, &self.code(&check)).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["proof"].as_str().unwrap().to_owned()
    }

    /// Asks for something that is guarded.
    async fn visit(&self, path: &str, proof: Option<&str>) -> Reply {
        let mut request = self.site.request(Method::POST, path).header(SUBJECT, "ada");
        if let Some(proof) = proof {
            request = request.header(PROOF_HEADER, proof);
        }
        Reply::to(request).await
    }

    async fn passes(&self, path: &str, proof: &str) {
        let reply = self.visit(path, Some(proof)).await;
        assert_eq!((reply.status, reply.text.as_str()), (200, "ada"), "{path}: {reply:?}");
    }

    async fn is_challenged(&self, path: &str, proof: Option<&str>) {
        let reply = self.visit(path, proof).await;
        assert_eq!((reply.status, reply.slug().as_str()), (401, "step-up-required"), "{path}");
        let challenge = reply.header("www-authenticate").unwrap();
        assert!(challenge.contains("insufficient_user_authentication"), "{challenge}");
    }

    /// How many orders went out to NumCheck.
    fn orders(&self) -> usize {
        self.sandbox.requests().iter().filter(|request| request.path.ends_with("/init-call")).count()
    }
}

fn policy(plan: &[&str]) -> String {
    format!(
        r#"
        version = 1

        [[step_up]]
        name = "transfers"
        when = {{ action = "transfer" }}
        require = {{ acr = "phone", max_age = "5m", single_use = true }}

        [[step_up]]
        name = "settings"
        when = {{ action = "settings" }}
        require = {{ acr = "phone", max_age = "5m" }}

        [[route]]
        name = "everybody"
        try = {plan:?}
        "#
    )
}

/// A refusal that says nothing of what is broken, and where nothing was kept by a cache.
fn is_unavailable(reply: &Reply) {
    assert_eq!((reply.status, reply.slug().as_str()), (503, "unavailable"), "{reply:?}");
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.json()["detail"], "this cannot be done right now; try again later");
    assert!(reply.header("set-cookie").is_none(), "{reply:?}");
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("never came true: {what}"));
}

mod provider {
    use super::*;

    /// A way to fail, and what a start gets that has no other route.
    struct Fault {
        knob: Knob,
        alone: (u16, &'static str),
        /// Calls that the vendor made, and would bill, before it failed.
        billed: usize,
    }

    fn fault(knob: Knob, status: u16, slug: &'static str, billed: usize) -> Fault {
        Fault { knob, alone: (status, slug), billed }
    }

    fn faults(elsewhere: &str) -> Vec<Fault> {
        let refusal = |status| Knob::ErrorCode { code: 9, status };
        vec![
            fault(Knob::Http500, 503, "unavailable", 0),
            fault(Knob::Http502, 503, "unavailable", 0),
            fault(Knob::Http503(Duration::from_secs(17)), 503, "unavailable", 0),
            fault(Knob::Http504, 503, "unavailable", 0),
            fault(Knob::Http429(Duration::from_secs(17)), 503, "unavailable", 0),
            fault(Knob::TimeOut, 503, "unavailable", 0),
            fault(Knob::SlowBody(Duration::from_millis(5)), 503, "unavailable", 1),
            fault(Knob::WrongJson, 503, "unavailable", 1),
            fault(Knob::Html, 503, "unavailable", 0),
            fault(Knob::BigBody, 503, "unavailable", 1),
            fault(Knob::DropConnection, 503, "unavailable", 1),
            fault(Knob::Redirect(elsewhere.to_owned()), 503, "unavailable", 0),
            fault(refusal(401), 503, "unavailable", 0),
            fault(refusal(402), 503, "unavailable", 0),
            fault(refusal(429), 503, "unavailable", 0),
            fault(refusal(503), 503, "unavailable", 0),
            fault(refusal(422), 422, "number-rejected", 0),
        ]
    }

    async fn broken(plan: &[&str], fault: &Fault) -> Bench {
        let time_out = match fault.knob {
            Knob::TimeOut => Duration::from_millis(300),
            Knob::SlowBody(_) => Duration::from_secs(1),
            _ => PATIENCE,
        };
        let bench = Bench::patient(plan, time_out).await;
        bench.sandbox.knobs().set(Scope::All, fault.knob.clone()).unwrap();
        bench
    }

    #[tokio::test]
    async fn h2_down_and_a_valid_proof_passes() {
        let bench = Bench::new(&[FLASH]).await;
        let (settings, transfer) = (bench.proof("settings").await, bench.proof("transfer").await);
        bench.sandbox.knobs().set(Scope::All, Knob::Http500).unwrap();
        bench.passes("/settings", &settings).await;
        bench.passes("/transfer", &transfer).await;
        assert_eq!(bench.orders(), 2);
    }

    #[tokio::test]
    async fn h2_down_and_no_proof_is_challenged() {
        let bench = Bench::new(&[FLASH]).await;
        bench.sandbox.knobs().set(Scope::All, Knob::Http500).unwrap();
        bench.is_challenged("/settings", None).await;
        bench.is_challenged("/transfer", None).await;
    }

    #[tokio::test]
    async fn h2_down_and_a_start_goes_on_to_the_next_route() {
        let elsewhere = Sandbox::start().await.unwrap();
        for fault in faults(&elsewhere.url()) {
            let bench = broken(&[FLASH, SMS], &fault).await;
            let check = bench.started("settings").await;
            assert_eq!(check["channel"], "sms", "{:?}", fault.knob);
            assert_eq!(check["next_channels"], json!([]), "{:?}", fault.knob);
            assert_eq!((bench.orders(), bench.book.messages().len()), (1, 1), "{:?}", fault.knob);
            assert_eq!(bench.sandbox.calls(), fault.billed, "{:?}", fault.knob);
            let answer = bench.answer(&check, &bench.code(&check)).await;
            assert_eq!(answer.status, 200, "{:?}: {answer:?}", fault.knob);
        }
        assert!(elsewhere.requests().is_empty());
    }

    #[tokio::test]
    async fn h2_down_and_a_start_without_another_route_is_refused() {
        let elsewhere = Sandbox::start().await.unwrap();
        for fault in faults(&elsewhere.numcheck_url()) {
            let bench = broken(&[FLASH], &fault).await;
            let reply = bench.start(NUMBER, "settings").await;
            assert_eq!((reply.status, reply.slug().as_str()), fault.alone, "{:?}: {reply:?}", fault.knob);
            assert!(!reply.text.contains("numcheck"), "clients are not told which vendor failed: {reply:?}");
            // An order is sent once, whatever comes back.
            assert_eq!((bench.orders(), bench.sandbox.calls()), (1, fault.billed), "{:?}", fault.knob);

            // Nothing is left behind that would stand in the way of another try.
            bench.sandbox.knobs().reset();
            let check = bench.started("settings").await;
            assert_eq!(bench.answer(&check, &bench.code(&check)).await.status, 200, "{:?}", fault.knob);
        }
        assert!(elsewhere.requests().is_empty(), "a redirect was followed");
    }

    #[tokio::test]
    async fn h2_gone_and_a_start_goes_on_or_is_refused() {
        for (plan, status) in [(&[FLASH, SMS][..], 201), (&[FLASH], 503)] {
            let Bench { sandbox, site, .. } = Bench::new(plan).await;
            let url = sandbox.url();
            drop(sandbox);
            let address = url.strip_prefix("http://").unwrap();
            until("the port is closed", || std::net::TcpStream::connect(address).is_err()).await;
            let body = json!({ "phone_number": NUMBER, "action": "settings" });
            let request = site.request(Method::POST, "/handset/checks").header(SUBJECT, "ada").json(&body);
            let reply = Reply::to(request).await;
            assert_eq!(reply.status, status, "{reply:?}");
            if status == 503 {
                is_unavailable(&reply);
            }
        }
    }

    #[tokio::test]
    async fn h2_down_and_the_wait_that_it_asks_for_is_passed_on() {
        let refusal = |kind, seconds| Error::new(kind, "later").with_retry_after(Duration::from_secs(seconds));
        let bench = Bench::new(&[SMS, VOICE]).await;
        bench.book.fail_next(refusal(ErrorKind::RateLimited, 40));
        bench.book.fail_next(refusal(ErrorKind::Unavailable, 17));
        let reply = bench.start(NUMBER, "settings").await;
        is_unavailable(&reply);
        assert_eq!((reply.header("retry-after"), &reply.json()["retry_after"]), (Some("17"), &json!(17)));
    }

    #[tokio::test]
    async fn h2_down_with_a_wait_in_its_answer_and_a_start_is_told_so() {
        let bench = Bench::new(&[FLASH]).await;
        bench.sandbox.knobs().set(Scope::Vendor("numcheck"), Knob::Http429(Duration::from_secs(17))).unwrap();
        let reply = bench.start(NUMBER, "settings").await;
        is_unavailable(&reply);
        assert_eq!(reply.header("retry-after"), Some("17"), "{reply:?}");
    }

    #[tokio::test]
    async fn h2_only_when_every_route_rejects_the_number_is_to_blame() {
        let bench = Bench::new(&[FLASH, SMS]).await;
        bench.sandbox.knobs().set(Scope::All, Knob::ErrorCode { code: 9, status: 422 }).unwrap();
        bench.book.fail_next(Error::new(ErrorKind::Rejected, "no such number"));
        let reply = bench.start(NUMBER, "settings").await;
        assert_eq!((reply.status, reply.slug().as_str()), (422, "number-rejected"), "{reply:?}");

        bench.book.fail_next(Error::new(ErrorKind::Unavailable, "down"));
        is_unavailable(&bench.start(NUMBER, "settings").await);
    }

    #[tokio::test]
    async fn h2_down_and_an_answer_that_it_has_to_judge_is_refunded() {
        let bench = Bench::new(&[JUDGED]).await;
        let check = bench.started("settings").await;
        let moods = [Mood::Failing(ErrorKind::Unavailable), Mood::Failing(ErrorKind::Rejected), Mood::Undecided];
        // More failures than the check has attempts, and than the subject has in its budget.
        for mood in moods.into_iter().cycle().take(12) {
            bench.judge.is(mood);
            is_unavailable(&bench.answer(&check, Judge::RIGHT).await);
            assert_eq!(bench.get(&check).await.json()["attempts_left"], 5, "{mood:?}");
        }

        bench.judge.is(Mood::Well);
        let wrong = bench.answer(&check, WRONG).await;
        assert_eq!((wrong.status, wrong.slug().as_str()), (422, "incorrect-code"));
        assert_eq!(wrong.json()["attempts_left"], 4);
        let right = bench.answer(&check, Judge::RIGHT).await;
        assert_eq!(right.status, 200, "{right:?}");
        bench.passes("/settings", right.json()["proof"].as_str().unwrap()).await;
    }

    #[tokio::test]
    async fn h2_down_and_an_answer_that_it_does_not_judge_is_served() {
        let bench = Bench::new(&[FLASH]).await;
        let check = bench.started("settings").await;
        bench.sandbox.knobs().set(Scope::All, Knob::TimeOut).unwrap();
        assert_eq!(bench.answer(&check, &bench.code(&check)).await.status, 200);
    }

    #[tokio::test]
    async fn h2_down_five_times_in_a_row_and_it_is_left_alone() {
        let bench = Bench::new(&[FLASH]).await;
        bench.sandbox.knobs().set(Scope::All, Knob::Http500).unwrap();
        for last in 0..5 {
            is_unavailable(&bench.start(&format!("+3712612345{last}"), "settings").await);
        }
        assert_eq!(bench.sandbox.requests().len(), 5);

        bench.sandbox.knobs().reset();
        let reply = bench.start("+37126123459", "settings").await;
        is_unavailable(&reply);
        let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=30).contains(&wait), "{wait}");
        assert_eq!(bench.sandbox.requests().len(), 5, "it was asked again");
    }

    #[tokio::test]
    async fn h2_left_alone_and_a_start_goes_on_to_the_next_route() {
        let bench = Bench::new(&[FLASH, SMS]).await;
        bench.sandbox.knobs().set(Scope::All, Knob::Http500).unwrap();
        for last in 0..7 {
            assert_eq!(bench.start(&format!("+3712612345{last}"), "settings").await.status, 201);
        }
        assert_eq!((bench.sandbox.requests().len(), bench.book.messages().len()), (5, 7));
    }
}

mod store {
    use super::*;

    #[tokio::test]
    async fn h2_down_and_a_valid_proof_passes_unless_it_may_be_used_once() {
        let bench = Bench::new(&[SMS]).await;
        let (settings, transfer) = (bench.proof("settings").await, bench.proof("transfer").await);
        bench.store.down(&["every"]);
        bench.passes("/settings", &settings).await;
        is_unavailable(&bench.visit("/transfer", Some(&transfer)).await);

        // It was not used up by the refusal, and it is used up by its use.
        bench.store.down(&[]);
        bench.passes("/transfer", &transfer).await;
        bench.is_challenged("/transfer", Some(&transfer)).await;
    }

    #[tokio::test]
    async fn h2_down_and_no_proof_is_challenged() {
        let bench = Bench::new(&[SMS]).await;
        bench.store.down(&["every"]);
        bench.is_challenged("/settings", None).await;
        bench.is_challenged("/transfer", None).await;
    }

    #[tokio::test]
    async fn down_in_the_middle_of_a_start_and_the_next_one_is_a_new_one_after_a_minute() {
        let bench = Bench::new(&[SMS]).await;
        // The message goes out, and nobody can write that down.
        bench.store.down(&["advance"]);
        let reply = bench.start(NUMBER, "transfer").await;
        assert_eq!((reply.status, reply.slug().as_str()), (503, "unavailable"), "{reply:?}");
        bench.store.down(&[]);
        // Perhaps it is only slow, elsewhere.
        let waiting = bench.start(NUMBER, "transfer").await.json();
        assert_eq!((waiting["status"].as_str(), &waiting["channel"]), (Some("pending"), &Value::Null), "{waiting}");
        assert_eq!(bench.book.messages().len(), 1);
        bench.clock.advance(Duration::from_secs(60));
        let check = bench.started("transfer").await;
        assert_ne!(check["check_id"], waiting["check_id"]);
        assert_eq!(bench.book.messages().len(), 2);
        let reply = bench.answer(&check, &bench.code(&check)).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }

    /// What a client does that got a 503: it asks again, with the key of its request, or as another one.
    #[tokio::test]
    async fn down_in_the_middle_of_a_start_with_a_key_and_after_a_minute_every_key_gets_a_new_one() {
        for again in ["first", "second"] {
            let bench = Bench::new(&[SMS]).await;
            let start = async |key: &str| {
                let body = json!({ "phone_number": NUMBER, "action": "transfer" });
                let request = bench.site.request(Method::POST, "/handset/checks").header(SUBJECT, "ada");
                Reply::to(request.header("idempotency-key", key).json(&body)).await
            };
            bench.store.down(&["advance"]);
            assert_eq!(start("first").await.status, 503);
            bench.store.down(&[]);
            bench.clock.advance(Duration::from_secs(60));
            let check = start(again).await.json();
            assert_eq!((&check["status"], &check["channel"]), (&json!("pending"), &json!("sms")), "{again}: {check}");
            assert_eq!(bench.book.messages().len(), 2);
            let reply = bench.answer(&check, &bench.code(&check)).await;
            assert_eq!(reply.status, 200, "{again}: {check} {reply:?}");
            assert_eq!(start(again).await.json()["check_id"], check["check_id"]);
        }
    }

    #[tokio::test]
    async fn h2_down_and_nothing_is_started() {
        let bench = Bench::new(&[FLASH, SMS]).await;
        bench.store.down(&["every"]);
        is_unavailable(&bench.start(NUMBER, "settings").await);
        assert_eq!((bench.orders(), bench.book.messages().len()), (0, 0));

        bench.store.down(&[]);
        bench.started("settings").await;
    }

    /// A rule reads how often the subject failed, and nobody can say.
    #[tokio::test]
    async fn h2_down_and_failures_that_a_rule_reads_are_not_taken_for_none() {
        let rule = "[[route]]\nname = \"failing\"\nwhen = { subject.failures = { gte = 3 } }\ndeny = \"failures\"";
        let bench = Bench::new(&[SMS]).await;
        bench
            .verifier
            .replace_policy("policy.toml", &policy(&[SMS]).replace("version = 1", &format!("version = 1\n{rule}")))
            .unwrap();
        bench.store.down(&["failures"]);
        is_unavailable(&bench.start(NUMBER, "settings").await);
        assert_eq!(bench.book.messages().len(), 0);

        bench.store.down(&[]);
        bench.started("settings").await;
    }

    #[tokio::test]
    async fn h2_down_and_no_answer_is_compared() {
        let bench = Bench::new(&[SMS]).await;
        let check = bench.started("settings").await;
        bench.store.down(&["every"]);
        for _ in 0..6 {
            is_unavailable(&bench.answer(&check, &bench.code(&check)).await);
            is_unavailable(&bench.answer(&check, WRONG).await);
        }
        is_unavailable(&bench.get(&check).await);
        is_unavailable(&bench.on(Method::DELETE, &check).await);

        bench.store.down(&[]);
        assert_eq!(bench.get(&check).await.json()["attempts_left"], 5);
        assert_eq!(bench.answer(&check, &bench.code(&check)).await.status, 200);
    }

    /// The store fails between the comparison and the writing down of its result: nobody learns the result for nothing.
    #[tokio::test]
    async fn h2_down_in_the_middle_of_an_answer_and_the_attempt_stays_spent() {
        let bench = Bench::new(&[SMS]).await;
        let check = bench.started("settings").await;
        bench.store.down(&["settle"]);
        for left in [4, 3] {
            let code = if left == 4 { bench.code(&check) } else { WRONG.to_owned() };
            let reply = bench.answer(&check, &code).await;
            is_unavailable(&reply);
            assert_eq!(bench.get(&check).await.json()["attempts_left"], left);
        }
        bench.store.down(&[]);
        assert_eq!(bench.answer(&check, &bench.code(&check)).await.status, 200);
    }

    #[tokio::test]
    async fn h2_down_after_the_order_and_no_second_one_goes_out() {
        let bench = Bench::new(&[FLASH]).await;
        bench.store.down(&["advance"]);
        is_unavailable(&bench.start(NUMBER, "settings").await);
        assert_eq!(bench.orders(), 1);

        // Whether the message went out is not known, so the check waits until it is called off.
        bench.store.down(&[]);
        let check = bench.start(NUMBER, "settings").await;
        assert_eq!((check.status, &check.json()["prompt"]["type"]), (201, &json!("wait")), "{check:?}");
        assert_eq!(bench.orders(), 1);
        assert_eq!(bench.on(Method::DELETE, &check.json()).await.status, 204);
        bench.started("settings").await;
        assert_eq!(bench.orders(), 2);
    }
}

mod limiter {
    use super::*;

    #[tokio::test]
    async fn h2_down_and_a_valid_proof_passes() {
        let bench = Bench::new(&[SMS]).await;
        let (settings, transfer) = (bench.proof("settings").await, bench.proof("transfer").await);
        bench.limiter.down(&["every"]);
        bench.passes("/settings", &settings).await;
        bench.passes("/transfer", &transfer).await;
    }

    #[tokio::test]
    async fn h2_down_and_no_proof_is_challenged() {
        let bench = Bench::new(&[SMS]).await;
        bench.limiter.down(&["every"]);
        bench.is_challenged("/settings", None).await;
    }

    #[tokio::test]
    async fn h2_down_and_nothing_is_started() {
        let bench = Bench::new(&[FLASH, SMS]).await;
        bench.limiter.down(&["every"]);
        is_unavailable(&bench.start(NUMBER, "settings").await);
        assert_eq!((bench.orders(), bench.book.messages().len()), (0, 0));

        bench.limiter.down(&[]);
        bench.started("settings").await;
        assert_eq!(bench.orders(), 1);
    }

    #[tokio::test]
    async fn h2_down_and_no_answer_is_compared() {
        let bench = Bench::new(&[SMS]).await;
        let check = bench.started("settings").await;
        bench.limiter.down(&["every"]);
        is_unavailable(&bench.answer(&check, &bench.code(&check)).await);
        is_unavailable(&bench.answer(&check, WRONG).await);
        assert_eq!(bench.get(&check).await.json()["attempts_left"], 5);

        bench.limiter.down(&[]);
        assert_eq!(bench.answer(&check, &bench.code(&check)).await.status, 200);
    }

    #[tokio::test]
    async fn h2_down_and_no_further_message_goes_out() {
        let bench = Bench::new(&[SMS, VOICE]).await;
        let check = bench.started("settings").await;
        let next = format!("/handset/checks/{}/next", check["check_id"].as_str().unwrap());
        bench.limiter.down(&["every"]);
        is_unavailable(&bench.post(&next, Value::Null).await);
        assert_eq!(bench.book.messages().len(), 1);

        // The message that is out still counts, and the next one can be asked for again.
        bench.limiter.down(&[]);
        bench.clock.advance(Duration::from_secs(2)); // a second click within a second would be the same click
        let reply = bench.post(&next, Value::Null).await;
        assert_eq!((reply.status, &reply.json()["channel"]), (200, &json!("voice_code")), "{reply:?}");
    }
}

mod policy_reload {
    use super::*;

    /// Everything goes on as before a policy was refused.
    async fn goes_on(bench: &Bench) {
        let settings = bench.proof("settings").await;
        bench.passes("/settings", &settings).await;
        bench.is_challenged("/settings", None).await;
        bench.is_challenged("/transfer", Some(&settings)).await;
    }

    #[tokio::test]
    async fn g2_refused_and_the_last_good_policy_stays() {
        let bench = Bench::new(&[SMS]).await;
        let check = bench.started("transfer").await;
        let kept = bench.verifier.policy().hash().to_owned();
        let open = "version = 1\n[[route]]\nname = \"r\"\ntry = [\"code_book/sms\"]\n";
        for text in [
            "",
            "version = 2",
            "not toml",
            &policy(&["citcall/sms"]),
            &format!("{open}surprise = true\n"),
            &policy(&[SMS]).replace("5m", "five minutes"),
        ] {
            let error = bench.verifier.replace_policy("policy.toml", text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Misconfigured);
            assert!(format!("{error:?}").contains("policy.toml:"), "it does not say where: {error:?}");
            assert_eq!(bench.verifier.policy().hash(), kept);
        }
        goes_on(&bench).await;
        assert_eq!(bench.answer(&check, bench.book.messages()[0].code.expose()).await.status, 200);

        bench.verifier.replace_policy("policy.toml", open).unwrap();
        assert_ne!(bench.verifier.policy().hash(), kept);
    }

    #[tokio::test]
    async fn refused_and_a_warning_says_what_is_wrong() {
        let bench = Bench::new(&[SMS]).await;
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            bench.verifier.replace_policy("new-policy.toml", "version = 1\nlimits = 3\n").unwrap_err();
        });
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        for said in ["WARN", "the last good one stays in force", bench.verifier.policy().hash(), "new-policy.toml:2"] {
            assert!(log.contains(said), "no `{said}`: {log}");
        }
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}

mod clock {
    use super::*;

    #[tokio::test]
    async fn back_and_a_valid_proof_passes_and_an_old_one_is_not_revived() {
        let bench = Bench::new(&[SMS]).await;
        let old = bench.proof("settings").await;
        let used = bench.proof("transfer").await;
        bench.passes("/transfer", &used).await;
        bench.clock.advance(Duration::from_secs(6 * 60));
        bench.is_challenged("/settings", Some(&old)).await;
        let fresh = bench.proof("settings").await;

        bench.clock.go_back(HOUR);
        bench.passes("/settings", &fresh).await;
        bench.is_challenged("/settings", Some(&old)).await;
        bench.is_challenged("/transfer", Some(&used)).await;
        bench.is_challenged("/settings", None).await;
    }

    #[tokio::test]
    async fn back_and_a_used_proof_stays_used() {
        let bench = Bench::new(&[SMS]).await;
        let used = bench.proof("transfer").await;
        bench.passes("/transfer", &used).await;
        bench.clock.go_back(HOUR);
        bench.is_challenged("/transfer", Some(&used)).await;
    }

    #[tokio::test]
    async fn back_and_nothing_is_started_or_judged_until_it_catches_up() {
        let bench = Bench::new(&[SMS, VOICE]).await;
        let check = bench.started("settings").await;
        let next = format!("/handset/checks/{}/next", check["check_id"].as_str().unwrap());
        bench.clock.go_back(HOUR);
        is_unavailable(&bench.start("+37126123457", "settings").await);
        is_unavailable(&bench.start(NUMBER, "settings").await);
        is_unavailable(&bench.answer(&check, &bench.code(&check)).await);
        is_unavailable(&bench.answer(&check, WRONG).await);
        is_unavailable(&bench.post(&next, Value::Null).await);
        assert_eq!(bench.book.messages().len(), 1);
        let shown = bench.get(&check).await.json();
        assert_eq!((&shown["status"], &shown["attempts_left"]), (&json!("pending"), &json!(5)));

        bench.clock.advance(HOUR);
        assert_eq!(bench.answer(&check, &bench.code(&check)).await.status, 200);
        bench.started("transfer").await;
    }

    #[tokio::test]
    async fn b7_back_and_no_code_is_revived() {
        let bench = Bench::new(&[SMS]).await;
        let check = bench.started("settings").await;
        let code = bench.code(&check);
        bench.clock.advance(Duration::from_secs(5 * 60));
        assert_eq!(bench.answer(&check, &code).await.slug(), "check-ended");

        bench.clock.go_back(HOUR);
        is_unavailable(&bench.answer(&check, &code).await);
        assert_eq!(bench.get(&check).await.slug(), "check-ended");
        bench.clock.advance(HOUR);
        assert_eq!(bench.answer(&check, &code).await.slug(), "check-ended");
    }

    #[tokio::test]
    async fn b7_back_and_no_budget_is_reset() {
        let bench = Bench::new(&[SMS]).await;
        for action in ["settings", "transfer"] {
            let check = bench.started(action).await;
            for left in (0..5).rev() {
                assert_eq!(bench.answer(&check, WRONG).await.json()["attempts_left"], left);
            }
        }
        let spent = bench.start(NUMBER, "another").await;
        assert_eq!((spent.status, spent.slug().as_str()), (429, "rate-limited"));
        assert_eq!(spent.header("retry-after"), Some("3600"));

        bench.clock.go_back(2 * HOUR);
        is_unavailable(&bench.start(NUMBER, "another").await);
        bench.clock.advance(2 * HOUR);
        assert_eq!(bench.start(NUMBER, "another").await.slug(), "rate-limited");
        bench.clock.advance(HOUR);
        bench.started("another").await;
    }
}

mod hang_up {
    use super::*;

    fn request() -> StartRequest {
        let phone = PhoneNumber::parse(NUMBER, None).unwrap();
        StartRequest::new(Subject::new("ada").unwrap(), phone, Action::new("settings").unwrap())
    }

    /// Starts a check, and lets go of it as soon as the order is on its way.
    async fn start_and_leave(bench: &Bench, request: StartRequest) {
        let ordered = until("an order arrived", || bench.orders() == 1);
        tokio::select! {
            early = bench.verifier.start(request) => panic!("it did not wait for the vendor: {early:?}"),
            () = ordered => {}
        }
    }

    async fn ordered(bench: &Bench) -> Check {
        until("the vendor answered", || bench.sandbox.requests().iter().all(|request| request.status.is_some())).await;
        let wait = async {
            loop {
                let check = bench.verifier.start(request()).await.unwrap();
                if check.channel.is_some() {
                    return check;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap()
    }

    #[tokio::test]
    async fn during_a_start_and_it_is_written_down_all_the_same() {
        let bench = Bench::new(&[FLASH]).await;
        bench.sandbox.knobs().set(Scope::All, Knob::Latency(Duration::from_millis(200))).unwrap();
        start_and_leave(&bench, request()).await;

        // A repeat while the order is under way is the same check.
        let early = bench.verifier.start(request()).await.unwrap();
        let check = ordered(&bench).await;
        assert_eq!(check.id, early.id);
        assert_eq!((bench.orders(), bench.sandbox.calls()), (1, 1));

        let code = bench.code(&json!({ "channel": "flash_call" }));
        let ada = Subject::new("ada").unwrap();
        let answer = bench.verifier.answer(&ada, check.id, &code, Caller::default()).await.unwrap();
        assert!(matches!(answer, handset::verifier::Answer::Verified(_)), "{answer:?}");
    }

    #[tokio::test]
    async fn during_a_start_with_an_idempotency_key_and_the_key_finds_the_check() {
        let bench = Bench::new(&[FLASH]).await;
        bench.sandbox.knobs().set(Scope::All, Knob::Latency(Duration::from_millis(200))).unwrap();
        let keyed = || request().with_idempotency_key("tap-1");
        start_and_leave(&bench, keyed()).await;
        let check = ordered(&bench).await;
        assert_eq!(bench.verifier.start(keyed()).await.unwrap().id, check.id);
        assert_eq!((bench.orders(), bench.sandbox.calls()), (1, 1));
    }

    /// The same over the socket: the connection is closed while the vendor thinks.
    #[tokio::test]
    async fn of_the_connection_and_it_is_written_down_all_the_same() {
        let bench = Bench::new(&[FLASH]).await;
        bench.sandbox.knobs().set(Scope::All, Knob::Latency(Duration::from_millis(200))).unwrap();
        tokio::select! {
            early = bench.start(NUMBER, "settings") => panic!("it did not wait for the vendor: {early:?}"),
            () = until("an order arrived", || bench.orders() == 1) => {}
        }
        let check = ordered(&bench).await;
        let again = bench.started("settings").await;
        assert_eq!(again["check_id"], check.id.to_string());
        assert_eq!((bench.orders(), bench.sandbox.calls()), (1, 1));
        assert_eq!(bench.answer(&again, &bench.code(&again)).await.status, 200);
    }

    #[tokio::test]
    async fn b3_during_an_answer_and_the_attempt_stays_spent() {
        let bench = Bench::new(&[JUDGED]).await;
        let check = bench.started("settings").await;
        bench.judge.is(Mood::Silent);
        for left in (0..5).rev() {
            tokio::select! {
                early = bench.answer(&check, Judge::RIGHT) => panic!("it did not wait for the vendor: {early:?}"),
                () = until("the vendor was asked", || bench.judge.asked() == 5 - left) => {}
            }
            assert_eq!(bench.get(&check).await.json()["attempts_left"], left);
        }
        bench.judge.is(Mood::Well);
        assert_eq!(bench.answer(&check, Judge::RIGHT).await.slug(), "check-ended");
    }
}
