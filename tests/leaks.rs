//! Nothing tells a secret: not a log line at any level, not an answer, not the way a value prints, not the store.
//!
//! One journey goes through everything that can happen to a check. All that could be seen of it is collected and searched
//! for everything that nobody may see.
#![cfg(all(feature = "sandbox", feature = "testing", feature = "client"))]
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "common/judge.rs"]
mod judge;
#[path = "common/needle.rs"]
mod needle;
#[path = "common/recorder.rs"]
mod recorder;
#[path = "common/site.rs"]
mod site;

use std::{collections::HashSet, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use handset::{
    Action, Binding, Channel, Code, Endpoints, Error, ErrorKind, PhoneNumber, Secret, StepUpLayer, Subject, Verifier,
    check::ServerKey,
    layer::PROOF_HEADER,
    policy::{Catalogue, Policy},
    proof::{ProofKey, ProofKeys},
    provider::{
        http::HttpClient,
        numcheck::{Config, NumCheck},
    },
    sandbox::{Event, Knob, Sandbox, Scope},
    testing::{CodeBook, ManualClock},
    verifier::{Answer, Caller, Facts, StartRequest},
};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tower::Layer as _;

use judge::{Judge, Mood};
use needle::{Needle, listen, search, spellings};
use recorder::{Book, Hashed, RecordingLimiter, RecordingNumCheck, RecordingStore};
use site::{Reply, SUBJECT, Site};

const NUMBER: &str = "+37126123456";
/// The end of the number that calls, and a wrong answer close to it. Neither is a count, a size or a year.
const ENDING: &str = "8317";
const WRONG: &str = "8318";
const SERVER_KEY: &str = "server-key-server-key-server-key-QvX7";
const PROOF_SECRET: &str = "proof-secret-proof-secret-proof-s-Zk31";

const POLICY: &str = r#"
    version = 1

    [code]
    digits = 9

    [[step_up]]
    name = "transfers"
    when = { action = "transfer" }
    require = { acr = "phone", max_age = "5m", single_use = true }

    [[step_up]]
    name = "settings"
    when = { action = "settings" }
    require = { acr = "phone" }

    [[route]]
    name = "dear numbers"
    when = { "phone.type" = "premium_rate" }
    deny = "number_type"

    [[route]]
    name = "judged by the vendor"
    when = { action = "judged" }
    try = ["judge/sms"]

    [[route]]
    name = "everybody"
    try = ["numcheck/flash_call", "code_book/sms", "code_book/voice_code"]
"#;

#[tokio::test]
async fn d2_nothing_that_can_be_seen_tells_a_secret() {
    let (log, talkative) = (Book::default(), Book::default());
    listen(&log, &talkative);
    let mut journey = Journey::begin(log, talkative).await;
    journey.right_and_wrong_answers().await;
    journey.fallback_next_and_cancel().await;
    journey.a_vendor_that_fails().await;
    journey.a_vendor_that_judges().await;
    journey.bad_requests().await;
    journey.refusals().await;
    journey.without_http().await;
    journey.values_that_print();

    // The journey was seen at all: each place has what it should have.
    let log = journey.log.text();
    for said in ["check verified", "message not ordered", "answer incorrect", "check cancelled", "proof refused"] {
        assert!(log.contains(said), "the log does not say `{said}`");
    }
    for target in ["handset::verifier", "reqwest::"] {
        assert!(log.contains(target), "the log has nothing from `{target}`");
    }
    assert!(journey.replies.text().matches("urn:handset:problem:").count() > 20);
    assert!(journey.printed.text().contains("+371******56"));
    assert!(journey.store.text().contains("Sealed("));

    let places = [
        ("the log", journey.log.bytes()),
        ("an answer", journey.replies.bytes()),
        ("how a value prints", journey.printed.bytes()),
        ("the store or the limiter", journey.store.bytes()),
    ];
    let leaks: Vec<String> = places
        .iter()
        .flat_map(|(place, bytes)| search(&journey.needles, bytes).into_iter().map(move |n| format!("{n} in {place}")))
        .collect();
    assert!(leaks.is_empty(), "{leaks:#?}");

    // `SECURITY.md` warns of this: when it has ended, the warning can go, and the exception with it.
    assert!(
        !search(&journey.needles, &journey.talkative.bytes()).is_empty(),
        "`rlibphonenumber` tells no number any more"
    );
}

#[tokio::test]
async fn a5_a_copy_of_the_store_tells_no_code_and_no_number() {
    let mut journey = Journey::begin(Book::default(), Book::default()).await;
    journey.right_and_wrong_answers().await;
    journey.fallback_next_and_cancel().await;

    assert_eq!(search(&journey.needles, &journey.store.bytes()), [""; 0]);
    let hashes = journey.hashes.lock().unwrap().clone();
    assert!(hashes.iter().any(|hashed| hashed.digests.len() > 3), "no record with hashes of a code was seen");
    let numbers: Vec<String> = journey.numbers.iter().flat_map(|number| spellings(number)).collect();
    assert_eq!(guess(&hashes, &numbers), None, "a hash in the store can be guessed without the server key");
}

/// The searches find what is planted, in every form; so they would find a leak.
#[test]
fn the_search_finds_what_is_planted() {
    for needle in [Needle::text("a secret", "QvX7-planted"), Needle::number(NUMBER), Needle::code("a code", ENDING)] {
        for form in &needle.forms {
            let hay = [b"level=TRACE value=\"", form.as_slice(), b"\" more"].concat();
            let found = search(std::slice::from_ref(&needle), &hay);
            assert_eq!(found.len(), 1, "{}: {:?}", needle.name, String::from_utf8_lossy(form));
        }
        assert_eq!(search(&[needle], b"level=TRACE value=\"18317 83170 a8317 2612345\""), [""; 0]);
    }
}

#[test]
fn the_guesses_find_what_is_planted() {
    let (id, context) = ([7; 16], [9; 16]);
    let hmac = |key: &[u8], text: &[u8]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text);
        <[u8; 32]>::from(mac.finalize().into_bytes())
    };
    for planted in [
        Sha256::digest(ENDING).into(),
        hmac(b"", ENDING.as_bytes()),
        hmac(&id, ENDING.as_bytes()),
        Sha256::digest([&id, &context, ENDING.as_bytes()].concat()).into(),
    ] as [[u8; 32]; 4]
    {
        let digests = vec![[0; 16], planted[..16].try_into().unwrap()];
        assert_eq!(guess(&[Hashed { id, context, digests }], &[]).as_deref(), Some(ENDING));
    }
    assert_eq!(guess(&[Hashed { id, context, digests: vec![[1; 16]] }], &[NUMBER.to_owned()]), None);
}

/// Everything that happens, and everything that can be seen of it.
struct Journey {
    sandbox: Sandbox,
    codes: CodeBook,
    judge: Judge,
    clock: ManualClock,
    verifier: Verifier,
    site: Site,
    log: Book,
    talkative: Book,
    replies: Book,
    printed: Book,
    store: Book,
    hashes: std::sync::Arc<std::sync::Mutex<Vec<Hashed>>>,
    needles: Vec<Needle>,
    numbers: Vec<String>,
}

impl Journey {
    async fn begin(log: Book, talkative: Book) -> Self {
        let (printed, store) = (Book::default(), RecordingStore::default());
        let sandbox = Sandbox::start().await.unwrap();
        sandbox.knobs().set(Scope::All, Knob::CallerEnding(ENDING.to_owned())).unwrap();
        let numcheck = NumCheck::new(config(&sandbox), HttpClient::danger_with_private_addresses().unwrap()).unwrap();
        let (codes, judge, clock) = (CodeBook::default(), Judge::default(), ManualClock::default());
        let (store_book, hashes) = (store.book.clone(), store.hashes.clone());

        let wants_policy = Verifier::builder();
        printed.show(&wants_policy);
        let wants_key = wants_policy.policy("policy.toml", POLICY);
        printed.show(&wants_key);
        let ready = wants_key
            .proof_key(ProofKey::hs256(&Secret::new(PROOF_SECRET)).unwrap())
            .provider(RecordingNumCheck { inner: numcheck, book: printed.clone() })
            .provider(codes.clone())
            .provider(judge.clone())
            .limiter(RecordingLimiter::new(&store_book))
            .store(store)
            .clock(clock.clone())
            .server_key(ServerKey::from_secret(&Secret::new(SERVER_KEY)).unwrap());
        printed.show(&ready);
        let verifier = ready.build().unwrap();

        let needles = vec![
            Needle::code("the code", ENDING),
            Needle::code("a wrong answer", WRONG),
            Needle::text("the caller's number", &caller()),
            Needle::text("the caller's national number", caller().strip_prefix("371").unwrap()),
            Needle::text("the token of NumCheck", sandbox.numcheck_token().expose()),
            Needle::text("the secret of proofs", PROOF_SECRET),
            Needle::text("the server key", SERVER_KEY),
            Needle::bytes("the server key, hashed", &Sha256::digest(SERVER_KEY)),
            Needle::code("the code that a vendor judges", Judge::RIGHT),
        ];
        let site = Site::open(&verifier).await;
        let replies = Book::default();
        let numbers = Vec::new();
        Self {
            sandbox,
            codes,
            judge,
            clock,
            verifier,
            site,
            log,
            talkative,
            replies,
            printed,
            store: store_book,
            hashes,
            needles,
            numbers,
        }
    }

    /// A number that is searched for from now on.
    fn number(&mut self, number: &str) -> String {
        self.numbers.push(number.to_owned());
        self.needles.push(Needle::number(number));
        number.to_owned()
    }

    /// Sends a request and writes down the answer: whole, but for the proof and the cookie, which are meant for the client.
    async fn see(&mut self, request: RequestBuilder) -> Reply {
        let reply = Reply::to(request).await;
        for (name, value) in &reply.headers {
            if name != "set-cookie" {
                self.replies.write(&[name.as_str().as_bytes(), b": ", value.as_bytes()].concat());
            }
        }
        match serde_json::from_str(&reply.text) {
            Ok(Value::Object(mut body)) if body.contains_key("proof") => {
                let proof = body.remove("proof").unwrap();
                self.token(proof.as_str().unwrap());
                self.replies.write(Value::Object(body).to_string().as_bytes());
            }
            _ => self.replies.write(reply.text.as_bytes()),
        }
        if let Some(cookie) = reply.header("set-cookie") {
            let value = cookie.split(['=', ';']).nth(1).unwrap();
            self.needles.push(Needle::text("the visitor's cookie", value));
            self.needles.push(Needle::bytes("the visitor's secret", &URL_SAFE_NO_PAD.decode(value).unwrap()));
        }
        reply
    }

    fn token(&mut self, token: &str) {
        self.needles.push(Needle::text("a proof", token));
        for part in token.split('.').skip(1) {
            self.needles.push(Needle::text("a part of a proof", part));
        }
    }

    async fn post(&mut self, who: (&str, &str), path: &str, body: Value) -> Reply {
        let request = self.site.request(Method::POST, path).header(who.0, who.1).json(&body);
        self.see(request).await
    }

    async fn start(&mut self, who: (&str, &str), number: &str, action: &str) -> Reply {
        self.post(who, "/handset/checks", json!({ "phone_number": number, "action": action })).await
    }

    async fn answer(&mut self, who: (&str, &str), check: &Value, code: &str) -> Reply {
        let path = format!("/handset/checks/{}/code", check["check_id"].as_str().unwrap());
        self.post(who, &path, json!({ "code": code })).await
    }

    /// The code of the last message, which is searched for from now on.
    fn code(&mut self) -> String {
        let code = self.codes.last_code().unwrap().expose().to_owned();
        self.needles.push(Needle::text("the code of a message", &code));
        code
    }

    async fn right_and_wrong_answers(&mut self) {
        let number = self.number(NUMBER);
        let body = json!({ "phone_number": number, "action": "transfer" });
        let request = self.site.request(Method::POST, "/handset/checks").json(&body);
        let reply = self.see(request).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        let cookie = reply.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let (visitor, check) = (("cookie", cookie.as_str()), reply.json());
        assert_eq!(check["channel"], "flash_call");

        assert_eq!(self.answer(visitor, &check, WRONG).await.slug(), "incorrect-code");
        assert_eq!(self.answer(visitor, &check, &caller().replace(ENDING, WRONG)).await.slug(), "incorrect-code");
        for unreadable in [json!({ "code": "8317x" }), json!({ "code": 8317 }), json!({ "8317": 1 }), json!(["8317"])] {
            let path = format!("/handset/checks/{}/code", check["check_id"].as_str().unwrap());
            assert_eq!(self.post(visitor, &path, unreadable).await.slug(), "invalid-request");
        }
        let right = self.answer(visitor, &check, ENDING).await;
        assert_eq!(right.status, 200, "{right:?}");
        assert_eq!(self.answer(visitor, &check, ENDING).await.slug(), "check-ended");
        let path = format!("/handset/checks/{}", check["check_id"].as_str().unwrap());
        let request = self.site.request(Method::GET, &path).header(visitor.0, visitor.1);
        assert_eq!(self.see(request).await.json()["status"], "verified");

        let token = right.json()["proof"].as_str().unwrap().to_owned();
        let visit = |who: (&str, &str), token: &str| {
            self.site.request(Method::POST, "/transfer").header(who.0, who.1).header(PROOF_HEADER, token)
        };
        let (cut, _) = token.split_at(token.len() - 4);
        let visits = [
            (visit((SUBJECT, "eve"), &token), 401),
            (visit(visitor, cut), 401),
            (visit(visitor, &format!("{token}AAAA")), 401),
            (visit(visitor, &token), 200),
            (visit(visitor, &token), 401),
        ];
        for (request, status) in visits {
            assert_eq!(self.see(request).await.status, status);
        }
    }

    async fn fallback_next_and_cancel(&mut self) {
        let (ada, number) = ((SUBJECT, "ada"), self.number("+12025550123"));
        self.sandbox.knobs().set(Scope::Number(&number), Knob::Http500).unwrap();
        let check = self.start(ada, &number, "transfer").await.json();
        assert_eq!(check["channel"], "sms", "{check}");
        self.code();
        let path = format!("/handset/checks/{}/next", check["check_id"].as_str().unwrap());
        assert_eq!(self.post(ada, &path, Value::Null).await.json()["channel"], "voice_code");
        let code = self.code();
        self.clock.advance(Duration::from_secs(2));
        assert_eq!(self.post(ada, &path, Value::Null).await.slug(), "no-more-channels");
        let gone = format!("/handset/checks/{}", check["check_id"].as_str().unwrap());
        let request = self.site.request(Method::DELETE, &gone).header(SUBJECT, "ada");
        assert_eq!(self.see(request).await.status, 204);
        assert_eq!(self.answer(ada, &check, &code).await.slug(), "check-ended");

        // A flash call that is left behind: the vendor is asked what became of it.
        let number = self.number("+6281234567890");
        let check = self.start(ada, &number, "settings").await.json();
        let path = format!("/handset/checks/{}/next", check["check_id"].as_str().unwrap());
        assert_eq!(self.post(ada, &path, Value::Null).await.json()["channel"], "sms");
        let code = self.code();
        assert_eq!(self.answer(ada, &check, &code).await.status, 200);
    }

    async fn a_vendor_that_fails(&mut self) {
        let elsewhere = format!("{}/en/init-call?phone=37126123456", self.sandbox.numcheck_url());
        let refusal = |status| Knob::ErrorCode { code: 9, status };
        let knobs = [
            Knob::TimeOut,
            Knob::WrongJson,
            Knob::Html,
            Knob::IdsAsStrings,
            Knob::BigBody,
            Knob::DropConnection,
            Knob::Redirect(elsewhere),
            refusal(401),
            refusal(402),
            refusal(422),
            refusal(429),
        ];
        for (place, knob) in knobs.into_iter().enumerate() {
            let number = self.number(&format!("+371261234{:02}", 60 + place));
            self.sandbox.knobs().set(Scope::Number(&number), knob.clone()).unwrap();
            let others = if knob == Knob::IdsAsStrings { 0 } else { 2 };
            for _ in 0..others {
                self.codes.fail_next(Error::new(ErrorKind::Rejected, "not reachable"));
            }
            let reply = self.start((SUBJECT, &format!("subject-{place}")), &number, "settings").await;
            let status = match knob {
                Knob::IdsAsStrings => 201,
                Knob::ErrorCode { status: 422, .. } => 422,
                _ => 503,
            };
            assert_eq!(reply.status, status, "{knob:?}: {reply:?}");
        }
        self.printed.show(&self.sandbox);
        self.printed.show(self.sandbox.knobs());
        self.printed.show(&self.sandbox.requests());
    }

    async fn a_vendor_that_judges(&mut self) {
        let (bob, number) = ((SUBJECT, "bob"), self.number("+393123456789"));
        let check = self.start(bob, &number, "judged").await.json();
        for mood in [Mood::Failing(ErrorKind::Unavailable), Mood::Undecided] {
            self.judge.is(mood);
            assert_eq!(self.answer(bob, &check, Judge::RIGHT).await.slug(), "unavailable");
        }
        self.judge.is(Mood::Silent);
        let before = self.judge.asked();
        let judge = self.judge.clone();
        let asked = async move {
            while judge.asked() == before {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            early = self.answer(bob, &check, Judge::RIGHT) => panic!("it did not wait: {early:?}"),
            () = asked => {}
        }
        self.judge.is(Mood::Well);
        assert_eq!(self.answer(bob, &check, WRONG).await.slug(), "incorrect-code");
        assert_eq!(self.answer(bob, &check, Judge::RIGHT).await.status, 200);
    }

    async fn bad_requests(&mut self) {
        let who = (SUBJECT, "carl");
        let number = self.number("+491701234567");
        for body in [
            json!({ "phone_number": number.strip_prefix('+').unwrap(), "action": "transfer" }),
            json!({ "phone_number": format!("{number}0000"), "action": "transfer" }),
            json!({ "phone_number": format!("{number};ext=4"), "action": "transfer" }),
            json!({ "phone_number": 491_701_234_567_u64, "action": "transfer" }),
            json!({ "phone_number": number, "action": number }),
            json!({ "phone_number": number, "action": "transfer", "channel": number }),
            json!({ "phone_number": number, "action": "transfer", "region": number }),
            json!({ "phone_number": number, "action": "transfer", "locale": number }),
            json!({ "phone_number": number, "action": "transfer", "email": number }),
            json!({ "phone_number": number, "action": "transfer", number.clone(): 1 }),
            json!([number]),
            json!(number),
        ] {
            assert_eq!(self.post(who, "/handset/checks", body).await.slug(), "invalid-request");
        }
        for (path, slug) in [
            (format!("/handset/checks/{number}"), "method-not-allowed"),
            (format!("/handset/checks/{number}/code"), "check-ended"),
            (format!("/handset/callback/numcheck/{number}"), "not-found"),
            (format!("/handset/{number}?phone={number}"), "not-found"),
        ] {
            assert_eq!(self.post(who, &path, json!({ "code": "1" })).await.slug(), slug, "{path}");
        }
        let wrong_key = self.site.request(Method::POST, "/handset/checks").header("idempotency-key", "é");
        let wrong_key = wrong_key.json(&json!({ "phone_number": number, "action": "transfer" }));
        assert_eq!(self.see(wrong_key).await.slug(), "invalid-request");
    }

    async fn refusals(&mut self) {
        let dan = (SUBJECT, "dan");
        let premium = self.number("+37190001234");
        assert_eq!(self.start(dan, &premium, "transfer").await.slug(), "denied");

        let number = self.number("+4915112345678");
        for (action, status) in [("transfer", 201), ("transfer", 201), ("settings", 422)] {
            let body = json!({ "phone_number": number, "action": action });
            let request = self.site.request(Method::POST, "/handset/checks").header(SUBJECT, "dan");
            let reply = self.see(request.header("idempotency-key", "once").json(&body)).await;
            assert_eq!(reply.status, status, "{reply:?}");
        }
        for action in ["a", "b", "c", "d"] {
            assert_eq!(self.start(dan, &number, action).await.status, 201);
        }
        assert_eq!(self.start(dan, &number, "e").await.slug(), "rate-limited");

        let request = self.site.request(Method::POST, "/transfer").header(SUBJECT, "dan");
        assert_eq!(self.see(request).await.slug(), "step-up-required");

        self.clock.go_back(Duration::from_secs(3600));
        assert_eq!(self.start(dan, &number, "transfer").await.slug(), "unavailable");
        self.clock.advance(Duration::from_secs(3600));

        for broken in ["version = 1\nserver_key = \"x\"\n", "][", ""] {
            let error = self.verifier.replace_policy("policy.toml", broken).unwrap_err();
            self.printed.show_error(&error);
        }
    }

    /// The same through the Rust API, for how its values print.
    async fn without_http(&mut self) {
        let (erin, number) = (Subject::new("erin").unwrap(), self.number("+447400123456"));
        let phone = PhoneNumber::parse(&number, None).unwrap();
        let facts = Facts::default().with_amount(5).with_phone(phone);
        let mut request = StartRequest::new(erin.clone(), phone, Action::new("transfer").unwrap())
            .with_binding(Binding::new("5 EUR to Ada").unwrap())
            .with_channel(Channel::Sms)
            .with_idempotency_key("once");
        request.facts = facts;
        self.printed.show(&request);
        let check = self.verifier.start(request).await.unwrap();
        self.printed.show(&check);
        let code = self.code();
        let wrong = self.verifier.answer(&erin, check.id, "000000001", Caller::default()).await.unwrap();
        self.printed.show(&wrong);
        let nobody = Subject::new("nobody").unwrap();
        for (who, typed) in [(&nobody, code.as_str()), (&erin, "not digits"), (&erin, "")] {
            let error = self.verifier.answer(who, check.id, typed, Caller::default()).await.unwrap_err();
            self.printed.show_error(&error);
        }
        let right = self.verifier.answer(&erin, check.id, &code, Caller::default()).await.unwrap();
        self.printed.show(&right);
        let Answer::Verified(verified) = right else { panic!("the code was right") };
        self.printed.show(&verified.proof);
        self.printed.show(&verified.token);
        self.token(verified.token.expose());
        self.printed.show(&self.verifier.status(&erin, check.id).await.unwrap());

        // Nobody listens at the vendor's address.
        let gone = Sandbox::start().await.unwrap();
        let config = config(&gone);
        self.needles.push(Needle::text("the token of another NumCheck", gone.numcheck_token().expose()));
        self.printed.show(&config);
        let numcheck = NumCheck::new(config, HttpClient::danger_with_private_addresses().unwrap()).unwrap();
        let alone = Verifier::builder()
            .policy("policy.toml", "version = 1\n[[route]]\nname = \"all\"\ntry = [\"numcheck/flash_call\"]\n")
            .proof_key(ProofKey::random().unwrap())
            .provider(RecordingNumCheck { inner: numcheck, book: self.printed.clone() })
            .build()
            .unwrap();
        drop(gone);
        let error = alone.start(StartRequest::new(erin, phone, Action::new("sign_in").unwrap())).await.unwrap_err();
        self.printed.show_error(&error);
    }

    fn values_that_print(&mut self) {
        let book = &self.printed;
        let key = ProofKey::hs256(&Secret::new(PROOF_SECRET)).unwrap();
        let client = HttpClient::danger_with_private_addresses().unwrap();
        let layer = StepUpLayer::new(&self.verifier, Action::new("transfer").unwrap());
        let handset = self.sandbox.handset(NUMBER);
        let Some(Event::IncomingCall(call)) = handset.events().pop() else { panic!("no call") };
        book.show(&PhoneNumber::parse(NUMBER, None).unwrap());
        book.write(PhoneNumber::parse(NUMBER, None).unwrap().to_string().as_bytes());
        for wrong in [NUMBER.replace('+', ""), format!("{NUMBER};ext=5"), format!("{NUMBER}0000"), NUMBER.repeat(6)] {
            book.show_error(&PhoneNumber::parse(&wrong, None).unwrap_err());
        }
        book.show_error(&PhoneNumber::parse(&NUMBER.replace("371", "999"), None).unwrap_err());
        book.show(&(&key, ProofKeys::new(key.clone()).also_accept(key.clone())));
        book.show(&ServerKey::from_secret(&Secret::new(SERVER_KEY)).unwrap());
        book.show(&(Secret::new(PROOF_SECRET), Code::new(ENDING).unwrap(), Subject::new("erin").unwrap()));
        book.show(&NumCheck::new(config(&self.sandbox), client.clone()).unwrap());
        book.show(&(config(&self.sandbox), client));
        book.show(&(&layer, layer.layer(Endpoints::new(&self.verifier)), Endpoints::new(&self.verifier)));
        book.show(&(handset.events(), &call, &handset));
        book.show(&(Knob::CallerEnding(ENDING.to_owned()), Scope::Number(NUMBER)));
        book.show(&(&self.codes, self.codes.messages(), &self.clock));
        book.show(&(self.verifier.policy(), self.verifier.jwks(), Caller::at([192, 0, 2, 1].into())));
        let faults = Policy::parse("policy.toml", "version = 2\n[code]\ndigits = 4\n", &Catalogue::new()).unwrap_err();
        book.write(format!("{faults}\n{faults:?}").as_bytes());
    }
}

fn config(sandbox: &Sandbox) -> Config {
    Config::new(sandbox.numcheck_token().clone())
        .with_base_url(sandbox.numcheck_url())
        .with_time_out(Duration::from_secs(1))
}

/// The number that flash calls come from.
fn caller() -> String {
    format!("3716600{ENDING}")
}

/// What an attacker finds who has a copy of the store and not the server key: a text whose plain hash is in it.
fn guess(hashes: &[Hashed], texts: &[String]) -> Option<String> {
    let known: HashSet<[u8; 16]> = hashes.iter().flat_map(|hashed| hashed.digests.iter().copied()).collect();
    let mut salts: Vec<Vec<u8>> = vec![Vec::new()];
    // The salts of one record that has the hash of a code are enough: all are made in the same way.
    for hashed in hashes.iter().filter(|hashed| hashed.digests.len() != 3).take(1) {
        salts.extend([hashed.id.to_vec(), hashed.context.to_vec(), [hashed.id, hashed.context].concat()]);
    }
    let codes = (0..10_000).map(|code| format!("{code:04}"));
    codes.chain(texts.iter().cloned()).find(|text| {
        salts.iter().any(|salt| {
            let mut keyed = Hmac::<Sha256>::new_from_slice(salt).unwrap();
            keyed.update(text.as_bytes());
            let hashes: [[u8; 32]; 3] = [
                keyed.finalize().into_bytes().into(),
                Sha256::digest([salt, text.as_bytes()].concat()).into(),
                Sha256::digest([text.as_bytes(), salt].concat()).into(),
            ];
            hashes.iter().any(|hash| {
                let (first, second) = hash.split_at(16);
                known.contains(first) || known.contains(second)
            })
        })
    })
}
