//! The world of the silent tests: an operator, an application on a socket, handsets, browsers.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::Router;
use handset::{
    Endpoints, Verifier,
    proof::ProofKey,
    provider::{
        http::HttpClient,
        open_gateway::{ApiVersion, ClientAuth, Config, NumberForm, OpenGateway},
    },
    sandbox::{Opened, Over, Sandbox},
    testing::CodeBook,
};
use reqwest::{Client, Method, redirect::Policy};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tracing_subscriber::fmt::MakeWriter;

/// Long enough for a loaded machine; nothing waits for it to pass unless something is broken.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// The number that is claimed.
pub(super) const PHONE: &str = "+37126123456";

/// The part of it that must be seen nowhere.
pub(super) const DIGITS: &str = "26123456";

/// The SIM of somebody else.
pub(super) const OTHER: &str = "+37129999999";

const ROUTES: &str = r#"
version = 1
[[route]]
name = "silently first"
try = ["open_gateway/silent_network", "code_book/sms"]
"#;

/// An operator, and an application that asks it.
pub(super) struct World {
    pub(super) sandbox: Sandbox,
    pub(super) book: CodeBook,
    pub(super) verifier: Verifier,
    /// Where the application listens.
    pub(super) url: String,
}

impl World {
    pub(super) async fn new(config: impl FnOnce(&Sandbox) -> Config) -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let config = config(&sandbox);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        sandbox.open_gateway_redirect_uri(format!("{url}/handset/redirect/open_gateway"));
        let book = CodeBook::default();
        let verifier = Verifier::builder()
            .policy("policy.toml", ROUTES)
            .proof_key(ProofKey::random().unwrap())
            .provider(OpenGateway::new(config, HttpClient::danger_with_private_addresses().unwrap()).unwrap())
            .provider(book.clone())
            .public_url(&*url)
            .build()
            .unwrap();
        let app = Router::new().nest_service("/handset", Endpoints::new(&verifier));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { sandbox, book, verifier, url }
    }

    /// With the settings that most tests need: v2, a signed assertion, discovery.
    pub(super) async fn usual() -> Self {
        Self::new(|sandbox| config(sandbox, ApiVersion::V2, basic(sandbox))).await
    }

    /// A browser without cookies.
    pub(super) fn browser(&self) -> Browser {
        Browser { url: self.url.clone(), cookie: None, check: String::new() }
    }

    /// A browser that has started a check of [`PHONE`], and the URL that its phone has to open.
    pub(super) async fn started(&self) -> (Browser, String) {
        let mut browser = self.browser();
        let check = browser.start().await;
        assert_eq!(check["channel"], "silent_network", "{check}");
        assert_eq!(check["prompt"]["type"], "open_url");
        assert_eq!(check["prompt"]["mobile_data"], true);
        (browser, check["prompt"]["url"].as_str().unwrap().to_owned())
    }

    /// A phone with a SIM opens a URL.
    pub(super) async fn open(&self, sim: &str, url: &str, over: Over) -> Opened {
        let handset = self.sandbox.handset(sim);
        tokio::time::timeout(PATIENCE, handset.open(url, over)).await.unwrap().unwrap()
    }

    /// The phone comes back with a URL of the application.
    pub(super) async fn back(&self, sim: &str, url: &str, over: Over) -> String {
        let opened = self.open(sim, url, over).await;
        assert_eq!(opened.status, 302, "{}", opened.body);
        assert!(opened.final_url.starts_with(&format!("{}/handset/redirect/open_gateway?", self.url)));
        opened.final_url
    }

    /// How often the operator was asked at a path.
    pub(super) fn asked(&self, ending: &str) -> usize {
        self.sandbox.requests().iter().filter(|request| request.path.ends_with(ending)).count()
    }
}

/// The settings of the sandbox's one client.
pub(super) fn config(sandbox: &Sandbox, version: ApiVersion, auth: ClientAuth) -> Config {
    let url = sandbox.open_gateway_url();
    let mut config = Config::new(url.clone(), url, version, sandbox.open_gateway_client_id(), auth);
    config.time_out = Duration::from_secs(10);
    config
}

pub(super) fn hashed(mut config: Config) -> Config {
    config.number = NumberForm::Hashed;
    config
}

pub(super) fn basic(sandbox: &Sandbox) -> ClientAuth {
    ClientAuth::Basic { secret: sandbox.open_gateway_client_secret().clone() }
}

/// A person's browser, with the cookie of the application.
pub(super) struct Browser {
    url: String,
    cookie: Option<String>,
    /// The check that it has started.
    pub(super) check: String,
}

impl Browser {
    /// Starts a check of [`PHONE`].
    pub(super) async fn start(&mut self) -> Value {
        let body = json!({ "phone_number": PHONE, "action": "sign_in" });
        let (status, check) = self.ask(Method::POST, "/handset/checks", Some(body)).await;
        assert_eq!(status, 201, "{check}");
        self.check = check["check_id"].as_str().unwrap().to_owned();
        check
    }

    /// Where the check stands.
    pub(super) async fn status(&mut self) -> Value {
        let (status, check) = self.ask(Method::GET, &format!("/handset/checks/{}", self.check), None).await;
        assert_eq!(status, 200, "{check}");
        check
    }

    /// Where the check stands once something has changed, or after some seconds.
    pub(super) async fn wait(&mut self) -> Value {
        let client = Client::builder().timeout(PATIENCE).build().unwrap();
        let url = format!("{}/handset/checks/{}", self.url, self.check);
        let cookie = self.cookie.clone().unwrap();
        let answer = client.get(url).header("cookie", cookie).header("prefer", "wait=10").send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }

    /// Goes on to the next channel.
    pub(super) async fn next(&mut self) -> Value {
        let (status, check) = self.ask(Method::POST, &format!("/handset/checks/{}/next", self.check), None).await;
        assert_eq!(status, 200, "{check}");
        check
    }

    /// Hands in a code.
    pub(super) async fn code(&mut self, code: &str) -> (u16, Value) {
        let path = format!("/handset/checks/{}/code", self.check);
        self.ask(Method::POST, &path, Some(json!({ "code": code }))).await
    }

    /// Opens a URL of the application.
    pub(super) async fn visit(&mut self, url: &str) -> (u16, Value) {
        let path = url.strip_prefix(&self.url).unwrap().to_owned();
        self.ask(Method::GET, &path, None).await
    }

    async fn ask(&mut self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let client = Client::builder().redirect(Policy::none()).timeout(PATIENCE).build().unwrap();
        let mut request = client.request(method, format!("{}{path}", self.url));
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        if let Some(cookie) = answer.headers().get("set-cookie") {
            self.cookie = cookie.to_str().unwrap().split(';').next().map(str::to_owned);
        }
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

/// Everything that is logged by this thread, at every level.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Listens until the guard is dropped.
    pub(super) fn listen(&self) -> tracing::subscriber::DefaultGuard {
        use tracing_subscriber::util::SubscriberInitExt;
        let writer = self.clone();
        tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
            .with_writer(writer)
            .set_default()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
