//! A silent check that Entra's step starts, over real sockets: the browser goes to the operator over mobile data and comes back.

use axum::Router;
use handset::{
    Endpoints,
    clock::ManualClock,
    provider::{
        http::HttpClient,
        open_gateway::{ApiVersion, ClientAuth, Config, OpenGateway},
    },
    sandbox::{Over, Sandbox},
};
use http::header;
use reqwest::{Client, RequestBuilder, redirect::Policy};
use serde_json::json;
use tokio::net::TcpListener;

use super::stage::{ADA, BOB, ISSUER, Reply, Stage};

const POLICY: &str = r#"
version = 1
[[route]]
name = "silently first"
try = ["open_gateway/silent_network", "code_book/sms"]
"#;

const ADAS_PHONE: &str = "+37126123456";
const BOBS_PHONES: [&str; 2] = ["+37126123457", "+37126123458"];

/// The endpoint beside the endpoints that operators send browsers back to, at one origin.
struct Silent {
    stage: Stage,
    sandbox: Sandbox,
    /// Where it listens, behind what would be `https://mfa.example.com`.
    origin: String,
}

impl Silent {
    async fn new() -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        sandbox.open_gateway_redirect_uri(format!("{origin}/handset/redirect/open_gateway"));
        let (url, secret) = (sandbox.open_gateway_url(), sandbox.open_gateway_client_secret().clone());
        let auth = ClientAuth::Basic { secret };
        let config = Config::new(url.clone(), url, ApiVersion::V2, sandbox.open_gateway_client_id(), auth);
        let operator = OpenGateway::new(config, HttpClient::danger_with_private_addresses().unwrap()).unwrap();
        // The operator's tokens are of the real time.
        let stage =
            Stage::with(POLICY, ManualClock::default(), |builder| builder.public_url(&*origin).provider(operator))
                .await;
        let endpoints = Endpoints::new(&stage.verifier);
        let app = Router::new().nest_service("/entra", stage.entra.clone()).nest_service("/handset", endpoints);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { stage, sandbox, origin }
    }

    /// A browser that Entra has sent here.
    async fn begin(&self, account: &str) -> Browser<'_> {
        let http = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        let mut browser = Browser { silent: self, http, cookies: String::new(), url: String::new() };
        browser.bring(account).await;
        browser
    }

    /// Where the operator sends whoever opens its URL on the phone with this SIM.
    async fn back(&self, sim: &str, url: &str) -> String {
        let opened = self.sandbox.handset(sim).open(url, Over::MobileData).await.unwrap();
        assert!(opened.final_url.starts_with(&format!("{}/handset/redirect/", self.origin)), "{}", opened.final_url);
        opened.final_url
    }

    /// How often the operator was asked to judge a code.
    fn exchanged(&self) -> usize {
        self.sandbox.requests().iter().filter(|request| request.path.ends_with("/token")).count()
    }
}

/// A browser, with every cookie that it got.
struct Browser<'a> {
    silent: &'a Silent,
    http: Client,
    cookies: String,
    /// The page that it is on.
    url: String,
}

impl Browser<'_> {
    /// Comes from Entra. The form is of another site, so it comes without cookies.
    async fn bring(&mut self, account: &str) {
        let form = self.silent.stage.form(account).encoded();
        let request = self.http.post(format!("{}/entra/authorize", self.silent.origin)).body(form);
        let reply = send(request, "").await;
        let cookie = reply.header("set-cookie").split(';').next().unwrap().to_owned();
        self.cookies = if self.cookies.is_empty() { cookie } else { format!("{}; {cookie}", self.cookies) };
        self.url = self.here(reply.header("location"));
    }

    async fn get(&self, url: &str) -> Reply {
        send(self.http.get(url), &self.cookies).await
    }

    async fn look(&self) -> Reply {
        self.get(&self.url).await
    }

    /// Presses a button, and looks at the page to which that leads.
    async fn press(&mut self, button: &str, field: (&str, &str)) -> Reply {
        let ticket = self.url.split_once("step=").unwrap().1.split('&').next().unwrap();
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("step", ticket), ("do", button), field])
            .finish();
        let reply = send(self.http.post(format!("{}/entra/step", self.silent.origin)).body(form), &self.cookies).await;
        if reply.status != 303 {
            return reply;
        }
        self.url = self.here(reply.header("location"));
        self.look().await
    }

    /// The link of the page.
    async fn link(&self) -> String {
        let page = self.look().await;
        let (_, rest) = page.text.split_once("href=\"").unwrap_or_else(|| panic!("no link: {page:?}"));
        rest.split('"').next().unwrap().replace("&amp;", "&")
    }

    /// Comes back from the operator, and follows to the page.
    async fn follow(&self, back: &str) -> Reply {
        let arrived = self.get(back).await;
        assert_eq!(arrived.status, 303, "{arrived:?}");
        self.get(&self.here(arrived.header("location"))).await
    }

    /// A URL of the endpoint, as the proxy before it passes it on.
    fn here(&self, url: &str) -> String {
        let path = url.strip_prefix(ISSUER).unwrap_or_else(|| panic!("{url}"));
        format!("{}/entra{path}", self.silent.origin)
    }
}

async fn send(request: RequestBuilder, cookies: &str) -> Reply {
    let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let response = request.header(header::COOKIE, cookies).send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Reply { status, headers, text: response.text().await.unwrap() }
}

#[tokio::test]
async fn who_comes_back_from_the_operator_is_answered_for() {
    let silent = Silent::new().await;
    let browser = silent.begin(ADA).await;
    let back = silent.back(ADAS_PHONE, &browser.link().await).await;
    let token = silent.stage.read(&browser.follow(&back).await);
    assert_eq!((&token["amr"], &token["nonce"]), (&json!(["pop"]), &json!("nonce-0")));
    assert_eq!(silent.stage.messages(), 0);
}

#[tokio::test]
async fn of_two_phones_the_chosen_one_comes_back() {
    let silent = Silent::new().await;
    let mut browser = silent.begin(BOB).await;
    browser.press("start", ("phone", "1")).await;
    let back = silent.back(BOBS_PHONES[1], &browser.link().await).await;
    assert_eq!(silent.stage.read(&browser.follow(&back).await)["amr"], json!(["pop"]));
}

/// Somebody who has the password begins a sign-in, and gets the owner to open the operator's URL on the phone.
#[tokio::test]
async fn f7_another_browser_cannot_finish_the_silent_check_of_a_step() {
    let silent = Silent::new().await;
    let mut attacker = silent.begin(ADA).await;
    let back = silent.back(ADAS_PHONE, &attacker.link().await).await;
    let mut owner = silent.begin(ADA).await;
    assert_ne!(owner.link().await, attacker.link().await, "each browser has a check of its own");
    assert_eq!(owner.get(&back).await.status, 410, "signing in to the same account at the same time");
    owner.cookies.clear();
    assert_eq!(owner.get(&back).await.status, 410, "without a cookie");

    assert_eq!(silent.exchanged(), 0, "the operator is not even asked");
    let page = attacker.look().await;
    assert!(page.text.contains("Confirm with your phone"), "it waits as before: {page:?}");
    // The attacker is left with what asks for a code that the owner gets.
    assert!(attacker.press("next", ("", "")).await.text.contains("Enter the code"));
    assert_eq!(attacker.get(&back).await.status, 410);
}

#[tokio::test]
async fn f7_what_came_back_for_one_sign_in_is_not_good_for_another() {
    let silent = Silent::new().await;
    let mut browser = silent.begin(ADA).await;
    let mut ways = Vec::new();
    for _ in 0..2 {
        let back = silent.back(ADAS_PHONE, &browser.link().await).await;
        let arrived = browser.get(&back).await;
        let (page, check) = arrived.header("location").split_once("&returned=").unwrap();
        ways.push((browser.here(page), check.to_owned()));
        browser.bring(ADA).await;
    }
    let [(_, first), (second, _)] = &*ways else { panic!("{ways:?}") };
    let answer = browser.get(&format!("{second}&returned={first}")).await;
    assert_eq!(answer.refusal(), "access_denied");
}

/// A sign-in that begins in another tab comes with a form of Entra's, and takes nothing from the first.
#[tokio::test]
async fn two_sign_ins_in_one_browser_come_back_each_for_itself() {
    let silent = Silent::new().await;
    let mut browser = silent.begin(ADA).await;
    let first = silent.back(ADAS_PHONE, &browser.link().await).await;
    browser.bring(ADA).await;
    let second = silent.back(ADAS_PHONE, &browser.link().await).await;
    for (back, nonce) in [(second, "nonce-1"), (first, "nonce-0")] {
        assert_eq!(silent.stage.read(&browser.follow(&back).await)["nonce"], nonce);
    }
}

#[tokio::test]
async fn f7_a_step_that_waits_can_be_called_off() {
    let silent = Silent::new().await;
    let mut browser = silent.begin(ADA).await;
    let page = browser.look().await;
    assert!(page.text.contains(r#"http-equiv="refresh""#) && !page.text.contains("_blank"), "{page:?}");
    let back = silent.back(ADAS_PHONE, &browser.link().await).await;
    assert_eq!(browser.press("cancel", ("", "")).await.refusal(), "access_denied");
    assert_eq!(browser.get(&back).await.status, 410);
    assert_eq!(silent.exchanged(), 0);
}
