//! IDlayr from the first request to the proof, over real sockets: both versions, browsers and apps, and what strangers try.
#![cfg(all(feature = "sandbox", feature = "testing", feature = "client"))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "idlayr/tokens.rs"]
mod tokens;

use std::{future::IntoFuture, net::IpAddr, time::Duration};

use handset::{
    Endpoints, Secret, Verifier,
    clock::ManualClock,
    proof::ProofKey,
    provider::{
        http::HttpClient,
        idlayr::{Config, DataResidency, IdLayr, Version},
    },
    sandbox::{CallbackFault, Knob, Over, Sandbox, Scope},
    testing::CodeBook,
    verifier::Caller,
};
use reqwest::{Client, Method, RequestBuilder, StatusCode, redirect::Policy};
use serde_json::{Value, json};

const NUMBER: &str = "+37126123456";
const OTHER: &str = "+37126123458";

/// Long enough for a loaded machine; nothing waits for it to pass unless something is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// An application with its verifier, and the vendor beside it.
struct App {
    sandbox: Sandbox,
    book: CodeBook,
    clock: ManualClock,
    url: String,
}

/// How an application differs from the ordinary one.
struct Setup {
    version: Version,
    policy: &'static str,
    public: bool,
    signed: bool,
    client_ip: Option<IpAddr>,
    manual_clock: bool,
}

const ORDINARY: Setup = Setup {
    version: Version::V0_2,
    policy: "try = [\"idlayr/silent_network\", \"code_book/sms\"]",
    public: true,
    signed: true,
    client_ip: None,
    manual_clock: false,
};

impl App {
    async fn start(setup: Setup) -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (book, clock) = (CodeBook::default(), ManualClock::default());
        let mut config = config(&sandbox).with_version(setup.version);
        config.require_signed_redirect = setup.signed;
        config.signature_max_future = Duration::from_secs(60);
        let idlayr = IdLayr::new(config, HttpClient::danger_with_private_addresses().unwrap()).unwrap();
        let policy = format!("version = 1\n[code]\nlifetime = \"10m\"\n[[route]]\nname = \"all\"\n{}", setup.policy);
        let mut builder = Verifier::builder()
            .policy("policy.toml", policy)
            .proof_key(ProofKey::random().unwrap())
            .provider(idlayr)
            .provider(book.clone());
        if setup.public {
            builder = builder.public_url(&url);
        }
        if setup.manual_clock {
            builder = builder.clock(clock.clone());
        }
        let verifier = builder.build().unwrap();
        let mut app = axum::Router::new().nest_service("/handset", Endpoints::new(&verifier));
        if let Some(ip) = setup.client_ip {
            app = app.layer(axum::Extension(Caller::at(ip)));
        }
        tokio::spawn(axum::serve(listener, app).into_future());
        Self { sandbox, book, clock, url }
    }

    /// How often the vendor was asked for this.
    fn asked(&self, method: &str, path_ends: &str) -> usize {
        let requests = self.sandbox.requests();
        requests.iter().filter(|asked| asked.method == method && asked.path.ends_with(path_ends)).count()
    }

    /// Waits for so many answers to callbacks.
    async fn callbacks(&self, count: usize) -> Vec<u16> {
        let answered = async {
            while self.sandbox.idlayr_callbacks().len() < count {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, answered).await.unwrap();
        self.sandbox.idlayr_callbacks()
    }
}

fn config(sandbox: &Sandbox) -> Config {
    Config::new(sandbox.idlayr_client_id(), sandbox.idlayr_client_secret().clone(), DataResidency::Eu)
        .with_base_url(sandbox.idlayr_url())
}

fn client() -> Client {
    Client::builder().redirect(Policy::none()).timeout(PATIENCE).build().unwrap()
}

/// A browser, or an app: it has a cookie of its own, or none yet.
struct Browser<'a> {
    app: &'a App,
    client: Client,
    cookie: Option<String>,
}

impl<'a> Browser<'a> {
    fn new(app: &'a App) -> Self {
        Self { app, client: client(), cookie: None }
    }

    async fn send(&self, request: RequestBuilder) -> (StatusCode, Value, Option<String>) {
        let request = match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        };
        let answer = request.send().await.unwrap();
        let cookie = answer.headers().get("set-cookie").map(|value| value.to_str().unwrap().to_owned());
        (answer.status(), answer.json().await.unwrap_or_default(), cookie)
    }

    async fn ask(&self, method: Method, path: &str) -> (StatusCode, Value) {
        let request = self.client.request(method, format!("{}/handset{path}", self.app.url));
        let (status, body, _) = self.send(request.header("prefer", "wait=15")).await;
        (status, body)
    }

    async fn begin(&mut self, number: &str) -> Value {
        let body = json!({ "phone_number": number, "action": "transfer" });
        let request = self.client.post(format!("{}/handset/checks", self.app.url)).json(&body);
        let (status, check, cookie) = self.send(request).await;
        assert_eq!(status, StatusCode::CREATED, "{check}");
        if let Some(cookie) = cookie {
            self.cookie = cookie.split(';').next().map(str::to_owned);
        }
        check
    }

    async fn open(&self, url: &str) -> (StatusCode, Value) {
        let (status, body, _) = self.send(self.client.get(url)).await;
        (status, body)
    }

    /// Where the check stands, without waiting for a change.
    async fn look(&self, check: &Value) -> Value {
        let url = format!("{}/handset/checks/{}", self.app.url, check["check_id"].as_str().unwrap());
        self.open(&url).await.1
    }

    async fn answer(&self, check: &Value, code: &str) -> (StatusCode, Value) {
        let url = format!("{}/handset/checks/{}/code", self.app.url, check["check_id"].as_str().unwrap());
        let (status, body, _) = self.send(self.client.post(url).json(&json!({ "code": code }))).await;
        (status, body)
    }

    async fn next(&self, check: &Value) -> Value {
        let (status, body) =
            self.ask(Method::POST, &format!("/checks/{}/next", check["check_id"].as_str().unwrap())).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    }

    async fn finish_by_sms(&self, check: &Value) {
        let code = self.app.book.last_code().unwrap();
        let (status, body) = self.answer(check, code.expose()).await;
        assert_eq!((status, &body["status"]), (StatusCode::OK, &json!("verified")), "{body}");
    }
}

fn check_url(check: &Value) -> String {
    assert_eq!(check["prompt"]["type"], "open_url", "{check}");
    assert_eq!(check["prompt"]["mobile_data"], true);
    check["prompt"]["url"].as_str().unwrap().to_owned()
}

/// Opens the check's URL on a phone, up to the hop that leads to the application.
async fn open_on(app: &App, number: &str, check: &Value, over: Over) -> String {
    let opened = app.sandbox.handset(number).open(&check_url(check), over).await.unwrap();
    assert_eq!(opened.status, 302, "{}", opened.body);
    assert!(opened.final_url.starts_with(&app.url));
    opened.final_url
}

fn parameter(url: &str, name: &str) -> Option<String> {
    let url = reqwest::Url::parse(url).unwrap();
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

// v0.2

#[tokio::test]
async fn the_browser_that_started_comes_back_and_is_verified() {
    let app = App::start(ORDINARY).await;
    let mut browser = Browser::new(&app);
    let check = browser.begin(NUMBER).await;
    assert_eq!((&check["status"], &check["channel"]), (&json!("pending"), &json!("silent_network")));
    assert!(check.get("provider").is_none());

    let back = open_on(&app, NUMBER, &check, Over::MobileData).await;
    let (status, body) = browser.open(&back).await;
    assert_eq!((status, &body["status"]), (StatusCode::OK, &json!("verified")), "{body}");
    assert!(body.get("proof").is_none(), "a browser that passes through gets no proof");
    let seen = browser.look(&check).await;
    assert_eq!(seen["status"], "verified");
    assert!(seen["proof"].is_string());
    assert!(browser.look(&check).await.get("proof").is_none(), "the proof is given once");

    assert_eq!(browser.open(&back).await.0, StatusCode::GONE, "the state is good once");
    assert_eq!(app.callbacks(1).await, [200]);
    assert_eq!((app.asked("POST", "/v0.2/checks"), app.sandbox.calls()), (1, 1));
}

#[tokio::test]
async fn another_browser_cannot_bring_the_phone_back() {
    let app = App::start(ORDINARY).await;
    let (mut attacker, mut victim) = (Browser::new(&app), Browser::new(&app));
    let check = attacker.begin(NUMBER).await;
    victim.begin(OTHER).await;

    // The attacker has the victim's phone open the attacker's URL.
    let back = open_on(&app, NUMBER, &check, Over::MobileData).await;
    assert_eq!(victim.open(&back).await.0, StatusCode::GONE);
    assert_eq!(Browser::new(&app).open(&back).await.0, StatusCode::GONE);
    let seen = attacker.look(&check).await;
    assert_eq!((&seen["status"], &seen["attempts_left"]), (&json!("pending"), &json!(5)));

    let (_, body) = attacker.open(&back).await;
    assert_eq!(body["status"], "verified", "what the others did has spoilt nothing");
}

#[tokio::test]
async fn an_app_hands_the_code_in() {
    for public in [false, true] {
        let app = App::start(Setup { public, ..ORDINARY }).await;
        let mut phone = Browser::new(&app);
        let check = phone.begin(NUMBER).await;
        let early = phone.answer(&check, "94dae426fg").await;
        assert_eq!((early.0, &early.1["attempts_left"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(4)));

        let opened = app.sandbox.handset(NUMBER).open(&check_url(&check), Over::MobileData).await.unwrap();
        let code = match public {
            true => parameter(&opened.final_url, "code").unwrap(),
            false => {
                assert_eq!(opened.status, 200);
                let body: Value = serde_json::from_str(&opened.body).unwrap();
                body["code"].as_str().unwrap().to_owned()
            }
        };
        let wrong = phone.answer(&check, "000000000x").await;
        assert_eq!((wrong.0, &wrong.1["attempts_left"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(3)));
        let (status, stranger) = Browser::new(&app).answer(&check, &code).await;
        assert_eq!(status, StatusCode::GONE, "{stranger}");
        let (status, body) = phone.answer(&check, &code).await;
        assert_eq!((status, &body["status"]), (StatusCode::OK, &json!("verified")), "{body}");
        assert!(body["proof"].is_string());
        assert_eq!(phone.answer(&check, &code).await.0, StatusCode::GONE);
    }
}

#[tokio::test]
async fn another_sim_is_a_wrong_answer() {
    let app = App::start(ORDINARY).await;
    let mut browser = Browser::new(&app);
    let check = browser.begin(NUMBER).await;
    let back = open_on(&app, OTHER, &check, Over::MobileData).await;
    let (_, body) = browser.open(&back).await;
    assert_eq!(body["status"], "pending");
    let seen = browser.look(&check).await;
    assert_eq!((&seen["status"], &seen["attempts_left"]), (&json!("pending"), &json!(4)));
    assert_eq!(app.callbacks(1).await, [200]);
    assert_eq!(browser.look(&check).await["attempts_left"], 4, "the callback counts nothing once more");
    browser.next(&check).await;
    browser.finish_by_sms(&check).await;
}

#[tokio::test]
async fn over_wifi_the_next_channel_is_the_way_out() {
    let app = App::start(ORDINARY).await;
    let mut browser = Browser::new(&app);
    let check = browser.begin(NUMBER).await;
    let back = open_on(&app, NUMBER, &check, Over::Wifi).await;
    assert_eq!(parameter(&back, "error").as_deref(), Some("not_mobile_ip"));
    let (status, body) = browser.open(&back).await;
    assert_eq!((status, &body["status"]), (StatusCode::OK, &json!("pending")));
    assert_eq!(browser.look(&check).await["attempts_left"], 5, "nobody has answered wrong");

    let moved = browser.next(&check).await;
    assert_eq!((&moved["channel"], &moved["prompt"]["type"]), (&json!("sms"), &json!("enter_code")));
    browser.finish_by_sms(&check).await;
    assert_eq!(app.sandbox.calls(), 0, "nothing is billed");
}

#[tokio::test]
async fn altered_unsigned_and_strange_returns_have_no_effect() {
    let app = App::start(ORDINARY).await;
    let cut = |url: &str, name: &str| {
        let mut url = reqwest::Url::parse(url).unwrap();
        let kept: Vec<(String, String)> =
            url.query_pairs().filter(|(key, _)| key != name).map(|(key, value)| (key.into(), value.into())).collect();
        url.query_pairs_mut().clear().extend_pairs(kept);
        url.to_string()
    };
    let other_code = |url: &str| url.replace(&parameter(url, "code").unwrap(), "94dae426fg");
    let edits: [&dyn Fn(&str) -> String; 6] = [
        &other_code,
        &|url| cut(url, "authorization"),
        &|url| cut(&cut(url, "authorization"), "date"),
        &|url| cut(url, "check_id"),
        &|url| format!("{url}&error=not_mobile_ip"),
        &|url| url.replace("&code=", "&code=0&code="),
    ];
    for (number, edit) in edits.iter().enumerate() {
        let mut browser = Browser::new(&app);
        let phone = format!("+3712612345{number}");
        let check = browser.begin(&phone).await;
        let back = edit(&open_on(&app, &phone, &check, Over::MobileData).await);
        let (_, body) = browser.open(&back).await;
        assert_eq!(body["status"], "pending", "{number}");
        assert_eq!(browser.look(&check).await["attempts_left"], 5, "{number}");
        browser.next(&check).await;
        browser.finish_by_sms(&check).await;
    }
    assert_eq!(app.asked("PATCH", ""), 0, "no code reached the vendor");
    for query in ["", "?state=", "?state=AAAA&code=1", "?code=1"] {
        let (status, _) = Browser::new(&app).open(&format!("{}/handset/redirect/idlayr{query}", app.url)).await;
        assert_eq!(status, StatusCode::GONE, "{query}");
    }
}

#[tokio::test]
async fn an_unsigned_return_will_do_where_the_settings_say_so() {
    let app = App::start(Setup { signed: false, ..ORDINARY }).await;
    let mut browser = Browser::new(&app);
    let check = browser.begin(NUMBER).await;
    let back = open_on(&app, NUMBER, &check, Over::MobileData).await;
    let (unsigned, _) = back.split_once("&authorization=").unwrap();
    let (_, body) = browser.open(unsigned).await;
    assert_eq!(body["status"], "verified", "{body}");

    let check = browser.begin(OTHER).await;
    let back = open_on(&app, OTHER, &check, Over::MobileData).await;
    let (_, body) = browser.open(&back.replace("&date=", "&dated=")).await;
    assert_eq!(body["status"], "pending", "a signature that is there has to be right");
}

#[tokio::test]
async fn a_return_that_took_too_long_is_refused() {
    let app = App::start(Setup { manual_clock: true, ..ORDINARY }).await;
    let mut browser = Browser::new(&app);
    let check = browser.begin(NUMBER).await;
    let back = open_on(&app, NUMBER, &check, Over::MobileData).await;
    app.clock.advance(Duration::from_secs(320));
    let (_, body) = browser.open(&back).await;
    assert_eq!(body["status"], "pending");
    assert_eq!(app.asked("PATCH", ""), 0);
}

#[tokio::test]
async fn the_vendor_may_change_its_key() {
    let app = App::start(Setup { manual_clock: true, ..ORDINARY }).await;
    let mut browser = Browser::new(&app);
    let mut go = async |number| {
        let check = browser.begin(number).await;
        let back = open_on(&app, number, &check, Over::MobileData).await;
        browser.open(&back).await.1["status"].clone()
    };
    assert_eq!(go(NUMBER).await, "verified");
    app.sandbox.rotate_idlayr_key();
    assert_eq!(go(OTHER).await, "pending", "an unknown key is not looked for twice in a minute");
    assert_eq!(app.asked("GET", "/jwks.json"), 1);
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(go("+37126123460").await, "verified");
    assert_eq!(app.asked("GET", "/jwks.json"), 2);
}

// v0.1

#[tokio::test]
async fn asking_the_vendor_verifies_a_check_of_v0_1() {
    let app = App::start(Setup { version: Version::V0_1, public: false, ..ORDINARY }).await;
    let mut phone = Browser::new(&app);
    let check = phone.begin(NUMBER).await;
    assert_eq!(phone.look(&check).await["status"], "pending");
    let opened = app.sandbox.handset(NUMBER).open(&check_url(&check), Over::MobileData).await.unwrap();
    assert_eq!((opened.status, opened.body.as_str()), (200, ""));

    let (_, seen) = phone.ask(Method::GET, &format!("/checks/{}", check["check_id"].as_str().unwrap())).await;
    assert_eq!(seen["status"], "verified", "{seen}");
    assert!(seen["proof"].is_string());
    assert_eq!((app.asked("POST", "/v0.1/checks"), app.sandbox.calls()), (1, 1));
    assert!(app.sandbox.idlayr_callbacks().is_empty());
}

#[tokio::test]
async fn a_callback_verifies_a_check_of_v0_1_and_a_second_one_changes_nothing() {
    let app = App::start(Setup { version: Version::V0_1, ..ORDINARY }).await;
    let mut phone = Browser::new(&app);
    for (number, sim, status, attempts_left) in [(NUMBER, NUMBER, "verified", 4), (OTHER, NUMBER, "pending", 4)] {
        let check = phone.begin(number).await;
        // From now on only the callback can tell.
        app.sandbox.knobs().set(Scope::Number(number), Knob::Http500).unwrap();
        app.sandbox.knobs().set(Scope::Number(number), Knob::Callback(CallbackFault::Duplicate)).unwrap();
        let before = app.sandbox.idlayr_callbacks().len();
        app.sandbox.handset(sim).open(&check_url(&check), Over::MobileData).await.unwrap();
        assert_eq!(app.callbacks(before + 2).await[before..], [200, 200]);
        let seen = phone.look(&check).await;
        assert_eq!((&seen["status"], &seen["attempts_left"]), (&json!(status), &json!(attempts_left)));
    }
}

#[tokio::test]
async fn an_older_callback_after_a_newer_one_and_one_before_the_answer_are_all_the_same() {
    let app = App::start(Setup { version: Version::V0_1, ..ORDINARY }).await;
    let mut phone = Browser::new(&app);
    for (number, fault, count) in [(NUMBER, CallbackFault::OutOfOrder, 2), (OTHER, CallbackFault::Early, 1)] {
        let check = phone.begin(number).await;
        app.sandbox.knobs().set(Scope::Number(number), Knob::Http500).unwrap();
        app.sandbox.knobs().set(Scope::Number(number), Knob::Callback(fault)).unwrap();
        let before = app.sandbox.idlayr_callbacks().len();
        app.sandbox.handset(number).open(&check_url(&check), Over::MobileData).await.unwrap();
        app.callbacks(before + count).await;
        assert_eq!(phone.look(&check).await["status"], "verified", "{fault:?}");
    }
}

#[tokio::test]
async fn forged_and_late_callbacks_have_no_effect() {
    let app = App::start(Setup { version: Version::V0_1, ..ORDINARY }).await;
    let mut phone = Browser::new(&app);
    for (number, sim, fault) in [
        (NUMBER, OTHER, CallbackFault::Forged),
        (OTHER, OTHER, CallbackFault::Late),
        ("+37126123460", "+37126123460", CallbackFault::Unsigned),
        ("+37126123461", "+37126123461", CallbackFault::WrongSignature),
        ("+37126123462", "+37126123462", CallbackFault::ForeignKey),
    ] {
        let check = phone.begin(number).await;
        app.sandbox.knobs().set(Scope::Number(number), Knob::Http500).unwrap();
        app.sandbox.knobs().set(Scope::Number(number), Knob::Callback(fault)).unwrap();
        let before = app.sandbox.idlayr_callbacks().len();
        app.sandbox.handset(sim).open(&check_url(&check), Over::MobileData).await.unwrap();
        assert_eq!(app.callbacks(before + 1).await[before..], [404], "{fault:?}");
        let seen = phone.look(&check).await;
        assert_eq!((&seen["status"], &seen["attempts_left"]), (&json!("pending"), &json!(5)), "{fault:?}");
    }
    let stranger = client().post(format!("{}/handset/callback/idlayr/AAAAAAAA", app.url));
    assert_eq!(stranger.body("{}").send().await.unwrap().status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn wrong_sims_and_wifi_with_v0_1() {
    let app = App::start(Setup { version: Version::V0_1, ..ORDINARY }).await;
    let mut phone = Browser::new(&app);
    for (number, sim, over, attempts_left) in
        [(NUMBER, OTHER, Over::MobileData, 4), ("+37126123460", "+37126123460", Over::Wifi, 5)]
    {
        let check = phone.begin(number).await;
        let before = app.sandbox.idlayr_callbacks().len();
        app.sandbox.handset(sim).open(&check_url(&check), over).await.unwrap();
        assert_eq!(app.callbacks(before + 1).await[before], 200);
        let seen = phone.look(&check).await;
        assert_eq!((&seen["status"], &seen["attempts_left"]), (&json!("pending"), &json!(attempts_left)));
        let moved = phone.next(&check).await;
        assert_eq!(moved["channel"], "sms");
        phone.finish_by_sms(&check).await;
    }
}

// Starts

#[tokio::test]
async fn a_preflight_moves_on_before_anything_is_ordered() {
    for (ip, channel, orders) in
        [("192.0.2.7", "sms", 0), ("198.51.100.7", "sms", 0), ("203.0.113.7", "silent_network", 1)]
    {
        let policy = "try = [\"idlayr/silent_network\", \"code_book/sms\"]\npreflight = true";
        let app = App::start(Setup { policy, client_ip: ip.parse().ok(), ..ORDINARY }).await;
        assert_eq!(Browser::new(&app).begin(NUMBER).await["channel"], channel, "{ip}");
        assert_eq!((app.asked("GET", ip), app.asked("POST", "/v0.2/checks")), (1, orders), "{ip}");

        // Without one, the order itself names the address.
        let app = App::start(Setup { client_ip: ip.parse().ok(), ..ORDINARY }).await;
        assert_eq!(Browser::new(&app).begin(NUMBER).await["channel"], channel, "{ip}");
        assert_eq!((app.asked("GET", ip), app.asked("POST", "/v0.2/checks")), (0, 1), "{ip}");
    }
}

#[tokio::test]
async fn an_order_is_sent_once_and_every_failure_leads_to_the_next_route() {
    let app = App::start(ORDINARY).await;
    Browser::new(&app).begin("+37126123400").await;
    let faults = [
        Knob::DropConnection,
        Knob::WrongJson,
        Knob::BigBody,
        Knob::Html,
        Knob::Redirect("http://169.254.169.254/".to_owned()),
        Knob::ErrorCode { code: 1, status: 400 },
        Knob::ErrorCode { code: 1, status: 403 },
        Knob::ErrorCode { code: 1, status: 409 },
        Knob::ErrorCode { code: 1, status: 412 },
        Knob::ErrorCode { code: 1, status: 429 },
        Knob::Http500,
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        let phone = format!("+371261234{:02}", number + 1);
        app.sandbox.knobs().set(Scope::Number(&phone), fault.clone()).unwrap();
        let before = app.asked("POST", "/v0.2/checks");
        let check = Browser::new(&app).begin(&phone).await;
        assert_eq!(check["channel"], "sms", "{fault:?}");
        assert_eq!(app.asked("POST", "/v0.2/checks"), before + 1, "{fault:?}");
        // A success closes the breaker, so that every fault meets the vendor.
        let check = Browser::new(&app).begin(&format!("+371261235{number:02}")).await;
        assert_eq!(check["channel"], "silent_network", "{fault:?}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_account_is_told_without_secrets() {
    let sandbox = Sandbox::start().await.unwrap();
    let secret = "hunter2-hunter2";
    let mut config = config(&sandbox);
    config.client_secret = Secret::new(secret);
    let idlayr = IdLayr::new(config, HttpClient::danger_with_private_addresses().unwrap()).unwrap();
    assert!(!format!("{idlayr:?}").contains(secret));
    let error = IdLayr::new(
        Config::new("", Secret::new(secret), DataResidency::Us),
        HttpClient::danger_with_private_addresses().unwrap(),
    )
    .unwrap_err();
    assert!(error.to_string().contains("client_id") && !error.to_string().contains(secret));

    let handle = handset::provider::Handle::new("c69bc0e6-a429-11ea-bb37-0242ac130002");
    let error = handset::provider::Provider::poll(&idlayr, &handle).await.unwrap_err();
    assert_eq!(error.kind(), handset::ErrorKind::Misconfigured);
    let shown = format!("{error:?} {idlayr:?} {handle:?}");
    assert!(!shown.contains(secret) && !shown.contains("c69bc0e6"), "{shown}");
}

// The emulator

/// The vendor's API, asked as another client would.
struct Api<'a> {
    sandbox: &'a Sandbox,
    token: String,
}

impl<'a> Api<'a> {
    async fn new(sandbox: &'a Sandbox, scope: &str) -> Self {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("grant_type", "client_credentials"), ("scope", scope)])
            .finish();
        let basic = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let id = basic(sandbox.idlayr_client_id());
        let secret = basic(sandbox.idlayr_client_secret().expose());
        let request = client().post(format!("{}/oauth2/v1/token", sandbox.idlayr_url())).basic_auth(id, Some(secret));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        let body: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!((&body["expires_in"], &body["scope"]), (&json!(3600), &json!(scope)), "{body}");
        Self { sandbox, token: body["access_token"].as_str().unwrap().to_owned() }
    }

    async fn ask(&self, method: Method, path: &str, kind: &str, body: String) -> (u16, Value) {
        let request = client().request(method, format!("{}{path}", self.sandbox.idlayr_url()));
        let request = request.bearer_auth(&self.token).header("content-type", kind).body(body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    async fn create(&self, version: &str, body: Value) -> (u16, Value) {
        self.ask(Method::POST, &format!("/phone_check/{version}/checks"), "application/json", body.to_string()).await
    }

    async fn read(&self, version: &str, check: &Value) -> Value {
        let path = format!("/phone_check/{version}/checks/{}", check["check_id"].as_str().unwrap());
        self.ask(Method::GET, &path, "", String::new()).await.1
    }

    async fn patch(&self, check: &Value, patch: Value) -> (u16, Value) {
        let path = format!("/phone_check/v0.2/checks/{}", check["check_id"].as_str().unwrap());
        self.ask(Method::PATCH, &path, "application/json-patch+json", patch.to_string()).await
    }
}

/// Follows a check's URL as a browser that shows no SIM.
async fn browse(check: &Value) -> (u16, Value) {
    let url = check["_links"]["check_url"]["href"].as_str().unwrap();
    let answer = reqwest::get(url).await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

fn adding(code: &str) -> Value {
    json!([{ "op": "add", "path": "/code", "value": code }])
}

#[tokio::test]
async fn the_end_of_the_number_decides_for_a_browser() {
    let sandbox = Sandbox::start().await.unwrap();
    let api = Api::new(&sandbox, "phone_check coverage").await;
    for (number, outcome) in
        [("37126123458", Ok(true)), ("37126123457", Ok(false)), ("37126123499", Err("mno_response_error"))]
    {
        let (status, check) = api.create("v0.1", json!({ "phone_number": number })).await;
        assert_eq!((status, &check["status"], &check["ttl"]), (201, &json!("ACCEPTED"), &json!(120)), "{check}");
        browse(&check).await;
        let read = api.read("v0.1", &check).await;
        match outcome {
            Ok(matches) => assert_eq!((&read["status"], &read["match"]), (&json!("COMPLETED"), &json!(matches))),
            Err(slug) => assert_eq!((&read["status"], &read["error_code"]), (&json!("ERROR"), &json!(slug))),
        }
    }
    assert_eq!(sandbox.calls(), 2, "only a result is billed");
}

#[tokio::test]
async fn a_code_is_exchanged_once_and_not_before_the_visit() {
    let sandbox = Sandbox::start().await.unwrap();
    let api = Api::new(&sandbox, "phone_check").await;
    let (_, check) = api.create("v0.2", json!({ "phone_number": "+37126123456", "reference_id": "mine" })).await;
    assert_eq!(api.patch(&check, adding("94dae426fg")).await.0, 404);

    let (status, delivered) = browse(&check).await;
    assert_eq!((status, &delivered["reference_id"]), (200, &json!("mine")));
    assert_eq!(api.read("v0.2", &check).await["status"], "PENDING");
    assert_eq!(browse(&check).await.0, 404, "the URL is good once");

    let code = delivered["code"].as_str().unwrap();
    assert_eq!(api.patch(&check, adding("94dae426fg")).await.0, 400);
    assert_eq!(api.patch(&check, json!([{ "op": "replace", "path": "/code", "value": code }])).await.0, 400);
    let (status, done) = api.patch(&check, adding(code)).await;
    assert_eq!((status, &done["match"], done.get("_links")), (200, &json!(true), None));
    assert_eq!(api.patch(&check, adding(code)).await.0, 404);
}

#[tokio::test]
async fn the_emulator_refuses_what_the_vendor_would() {
    let sandbox = Sandbox::start().await.unwrap();
    let api = Api::new(&sandbox, "phone_check").await;
    for (version, body, status, slug) in [
        ("v0.2", json!({}), 400, "bad_request"),
        ("v0.2", json!({ "phone_number": "26-123" }), 400, "phone_format_invalid"),
        ("v0.2", json!({ "phone_number": "37126123456", "phone": 1 }), 400, "bad_request"),
        ("v0.2", json!({ "phone_number": "37126123456", "callback_url": "/x" }), 400, "bad_request"),
        ("v0.1", json!({ "phone_number": "37126123456", "redirect_url": "https://a.example" }), 400, "bad_request"),
        ("v0.2", json!({ "phone_number": "37126123456", "phone_ip": "192.0.2.1" }), 412, "not_mobile_ip"),
        ("v0.2", json!({ "phone_number": "37126123456", "phone_ip": "198.51.100.1" }), 400, "mno_not_supported"),
        ("v0.3", json!({ "phone_number": "37126123456" }), 404, "not_found"),
    ] {
        let (refused, problem) = api.create(version, body.clone()).await;
        assert_eq!(refused, status, "{body}");
        assert!(problem["type"].as_str().unwrap().ends_with(&format!("#{slug}")), "{body}: {problem}");
    }
    assert_eq!(api.ask(Method::GET, "/coverage/v0.1/device_ips/203.0.113.7", "", String::new()).await.0, 403);
    let stranger = Api { sandbox: &sandbox, token: "made-up".to_owned() };
    assert_eq!(stranger.create("v0.2", json!({ "phone_number": "37126123456" })).await.0, 401);

    let token = format!("{}/oauth2/v1/token", sandbox.idlayr_url());
    let id = sandbox.idlayr_client_id();
    for (secret, form, error) in [
        ("wrong", "grant_type=client_credentials&scope=phone_check", "invalid_client"),
        (sandbox.idlayr_client_secret().expose(), "grant_type=password&scope=phone_check", "unsupported_grant_type"),
        (sandbox.idlayr_client_secret().expose(), "grant_type=client_credentials&scope=console", "invalid_scope"),
        (sandbox.idlayr_client_secret().expose(), "grant_type=client_credentials", "invalid_scope"),
    ] {
        let request = client().post(&token).basic_auth(id, Some(secret)).body(form);
        let answer = request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
        assert_eq!(answer.json::<Value>().await.unwrap()["error"], error);
    }
}
