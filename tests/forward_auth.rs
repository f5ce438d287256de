//! A real nginx before an application in another language: it asks `handset serve` before it passes a request on.
#![cfg(all(feature = "cli", unix))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper that fails is a test that fails"
)]

#[path = "common/served.rs"]
#[expect(dead_code, reason = "`tests/serve.rs` uses all of it")]
mod served;

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
};

use handset::sandbox::Sandbox;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use served::{Folder, POLICY, Served, client, step, until};

const SETTINGS: &str = r#"
[client_ip]
header = "x-forwarded-for"
trusted_proxies = 1

[subject]
header = "X-User"
phone_header = "X-User-Phone"

[forward_auth]
proxy = "nginx"
to_step_page = true

[[forward_auth.route]]
path = "/transfer/**"
action = "transfer"

[[forward_auth.route]]
path = "/destroy"
action = "destroy"

[[forward_auth.route]]
path = "/look"
action = "look"

[[forward_auth.route]]
path = "/"
open = true

[step_page]
name = "Example Bank"
"#;

/// Everything: client ---> nginx ---> the application, and beside it `handset serve` and the sandbox.
struct Stage {
    sandbox: Sandbox,
    served: Option<Served>,
    _app: Process,
    _nginx: Process,
    url: String,
}

impl Stage {
    async fn new(name: &str) -> Self {
        let (folder, sandbox) = (Folder::new(name), Sandbox::start().await.unwrap());
        let deny = "[[step_up]]\nname = \"never\"\nwhen = { action = \"destroy\" }\ndeny = \"not_here\"\n";
        folder.put("policy.toml", &POLICY.replace("[[route]]", &format!("{deny}\n[[route]]")));
        let served = folder.serve(&sandbox, "", SETTINGS);
        let (app, app_port) = app();
        let handset = served.url.rsplit(':').next().unwrap().to_owned();
        let (nginx, port) = nginx(&folder, &app_port, &handset);
        Self { sandbox, served: Some(served), _app: app, _nginx: nginx, url: format!("http://127.0.0.1:{port}") }
    }

    async fn ask(&self, method: Method, path: &str, more: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Answer {
        let request = client().request(method, format!("{}{path}", self.url));
        Answer::of(more(request).send().await.unwrap()).await
    }
}

struct Answer {
    status: u16,
    challenges: Vec<String>,
    content_type: String,
    body: Value,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let text =
            |name| response.headers().get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect();
        let (status, challenges) = (response.status().as_u16(), text("www-authenticate"));
        let content_type: Vec<String> = text("content-type");
        let body = response.text().await.unwrap();
        Self {
            status,
            challenges,
            content_type: content_type.join(", "),
            body: serde_json::from_str(&body).unwrap_or(Value::String(body)),
        }
    }

    fn slug(&self) -> (u16, &str) {
        assert_eq!(self.content_type, "application/problem+json", "{}", self.body);
        assert_eq!(self.body["status"], self.status, "{}", self.body);
        (self.status, self.body["type"].as_str().unwrap().strip_prefix("urn:handset:problem:").unwrap())
    }
}

/// A program that runs. It is killed when it is dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spawn(command: &mut Command, install: &str) -> Process {
    let program = command.get_program().to_owned();
    Process(
        command.stdin(Stdio::null()).spawn().unwrap_or_else(|error| panic!("{program:?}: {error}; install {install}")),
    )
}

/// The application, and its port.
fn app() -> (Process, String) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/forward_auth/app.py");
    let mut app = spawn(Command::new("python3").arg(path).stdout(Stdio::piped()).stderr(Stdio::null()), "python3");
    let mut port = String::new();
    BufReader::new(app.0.stdout.as_mut().unwrap()).read_line(&mut port).unwrap();
    (app, port.trim().to_owned())
}

/// nginx and its port. It takes no port 0, so one that was free a moment ago is tried, and another one if it is taken again.
fn nginx(folder: &Folder, app: &str, handset: &str) -> (Process, u16) {
    let template = include_str!("forward_auth/nginx.conf");
    for _ in 0..10 {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let ports = [("PORT", port.to_string()), ("APP", app.to_owned()), ("HANDSET", handset.to_owned())];
        let conf = ports.iter().fold(template.to_owned(), |conf, (name, port)| {
            conf.replace(&format!("127.0.0.1:{name};"), &format!("127.0.0.1:{port};"))
        });
        folder.put("nginx.conf", &conf);
        let prefix = format!("{}/", folder.0.display());
        let mut command = Command::new("nginx");
        command.args(["-p", &prefix, "-c", "nginx.conf", "-e", "error.log"]);
        command.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
        let mut nginx = spawn(command.stdout(Stdio::null()).stderr(Stdio::null()), "nginx-light");
        let mut ended = None;
        until("nginx listens", || {
            ended = nginx.0.try_wait().unwrap();
            ended.is_some() || TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        match ended {
            None => return (nginx, port),
            Some(_) if folder.read("error.log").contains("Address already in use") => {}
            Some(status) => panic!("nginx ended: {status}: {}", folder.read("error.log")),
        }
    }
    panic!("no port for nginx");
}

fn ada(request: RequestBuilder) -> RequestBuilder {
    request.header("cookie", "session=session-of-ada")
}

#[tokio::test]
async fn a_challenge_a_step_and_the_application_answers() {
    let stage = Stage::new("nginx-step").await;
    let refused = stage.ask(Method::POST, "/transfer/now?to=eve", ada).await;
    assert_eq!(refused.slug(), (401, "step-up-required"));
    assert_eq!(refused.challenges.len(), 1, "{:?}", refused.challenges);
    assert!(
        refused.challenges[0].starts_with("Bearer error=\"insufficient_user_authentication\""),
        "{:?}",
        refused.challenges
    );
    assert_eq!((&refused.body["action"], &refused.body["start"]), (&json!("transfer"), &json!("/handset/checks")));

    let proof = step(&stage.sandbox, &stage.url, ada).await;
    let with_proof =
        |request: RequestBuilder| ada(request).header("handset-proof", &proof).header("handset-acr", "forged");
    let passed = stage.ask(Method::POST, "/transfer/now?to=eve", with_proof).await;
    assert_eq!(passed.status, 200, "{}", passed.body);
    assert_eq!(passed.body["path"], "/transfer/now?to=eve");
    let mut told = passed.body["told"].clone();
    let auth_time: u64 = told["handset-auth-time"].take().as_str().unwrap().parse().unwrap();
    assert!(auth_time > 1_700_000_000);
    // Neither the proof nor what the client wrote reaches the application.
    let expected = json!({
        "handset-subject": "ada", "handset-acr": "phone", "handset-amr": "flash_call", "handset-phone": "+371******56",
        "handset-auth-time": null,
    });
    assert_eq!(told, expected);
    let again = stage.ask(Method::POST, "/transfer/now", with_proof).await;
    assert_eq!(again.slug(), (401, "step-up-required"), "the rule says that a proof is used once");
}

#[tokio::test]
async fn a_phone_that_is_not_the_accounts_shows_nothing() {
    let stage = Stage::new("nginx-phone").await;
    let eve = |request: RequestBuilder| request.header("cookie", "session=session-of-eve");
    let start = json!({ "phone_number": "+37126123456", "action": "transfer" });
    // Whatever a client says of its own number.
    let claim = |request: RequestBuilder| eve(request).header("x-user-phone", "+37126123456").json(&start);
    let refused = stage.ask(Method::POST, "/handset/checks", claim).await;
    assert_eq!(refused.slug(), (400, "invalid-request"), "{}", refused.body);
    let proof = step(&stage.sandbox, &stage.url, ada).await;
    let stolen = |request: RequestBuilder| eve(request).header("handset-proof", &proof);
    assert_eq!(stage.ask(Method::POST, "/transfer", stolen).await.slug(), (401, "step-up-required"));
}

#[tokio::test]
async fn a_browser_takes_the_step_on_the_hosted_page() {
    let stage = Stage::new("nginx-browser").await;
    let browser = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let open = async |path: &str| {
        let request = ada(browser.get(format!("{}{path}", stage.url))).header("accept", "text/html");
        request.header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document").send().await.unwrap()
    };
    let sent = open("/transfer/now?to=eve&amount=10").await;
    let page = sent.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(sent.status(), 303);
    assert!(
        page.ends_with("/handset/step?action=transfer&return_to=%2Ftransfer%2Fnow%3Fto%3Deve%26amount%3D10"),
        "{page}"
    );
    let page = open(page.strip_prefix(&stage.url).unwrap_or(&page)).await;
    assert_eq!(page.status(), 200);
    let text = page.text().await.unwrap();
    assert!(text.contains("Example Bank") && text.contains("+371******56"), "{text}");
    let program = stage.ask(Method::GET, "/transfer/now", ada).await;
    assert_eq!(program.slug(), (401, "step-up-required"), "a program is told in its own words");

    // The page leaves the proof in a cookie, which counts where no other site has the browser send it.
    let proof = step(&stage.sandbox, &stage.url, ada).await;
    for (site, status) in [("cross-site", 401), ("same-site", 401), ("none", 401), ("same-origin", 200)] {
        let with_cookie = |request: RequestBuilder| {
            let cookies = format!("session=session-of-ada; __Host-handset-proof={proof}");
            request.header("cookie", cookies).header("sec-fetch-site", site)
        };
        let answer = stage.ask(Method::POST, "/transfer/now", with_cookie).await;
        assert_eq!(answer.status, status, "{site}: {}", answer.body);
    }
}

#[tokio::test]
async fn what_is_open_passes_and_what_is_not_does_not() {
    let stage = Stage::new("nginx-paths").await;
    let forged = |request: RequestBuilder| {
        request.header("handset-subject", "ada").header("handset-acr", "phone").header("x-user", "ada")
    };
    let open = stage.ask(Method::GET, "/?x=y", forged).await;
    assert_eq!((open.status, &open.body["told"]), (200, &json!({})), "what a client says of itself is not told");
    let looked = stage.ask(Method::GET, "/look", |request| forged(ada(request))).await;
    assert_eq!((looked.status, &looked.body["told"]), (200, &json!({ "handset-subject": "ada" })));

    assert_eq!(stage.ask(Method::GET, "/look", forged).await.slug(), (403, "no-subject"));
    assert_eq!(stage.ask(Method::DELETE, "/destroy", ada).await.slug(), (403, "denied"));
    assert_eq!(stage.ask(Method::GET, "/unlisted", ada).await.slug(), (403, "not-listed"));
    // nginx itself reads these as other paths than they look.
    for path in ["/look%2f..%2ftransfer", "//look", "/look;x=1", "/a/%2e%2e/look", "/look//"] {
        let request = raw(&stage.url, path);
        assert!(request.starts_with("HTTP/1.1 403 "), "{path}: {request}");
        assert!(request.contains("urn:handset:problem:ambiguous-path"), "{path}: {request}");
    }
    let spoofed =
        |request: RequestBuilder| ada(request).header("x-original-uri", "/").header("x-original-method", "GET");
    assert_eq!(stage.ask(Method::POST, "/transfer", spoofed).await.slug(), (401, "step-up-required"));
}

#[tokio::test]
async fn h2_without_the_service_that_decides_nothing_passes() {
    let mut stage = Stage::new("nginx-down").await;
    assert_eq!(stage.ask(Method::GET, "/look", ada).await.status, 200);
    drop(stage.served.take());
    for path in ["/look", "/", "/transfer"] {
        let answer = stage.ask(Method::GET, path, ada).await;
        assert_eq!((answer.status, answer.body), (503, json!("")), "{path}");
    }
}

/// The answer to a path that a client would tidy up first.
fn raw(url: &str, path: &str) -> String {
    use std::io::{Read, Write};

    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    let head =
        format!("GET {path} HTTP/1.1\r\nhost: app\r\ncookie: session=session-of-ada\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_page_on_proxies_shows_what_is_tested() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/proxies.md")).unwrap();
    let conf = include_str!("forward_auth/nginx.conf").lines().map(str::trim).filter(|line| !line.is_empty());
    let shown: Vec<_> = page.lines().map(str::trim).collect();
    // From the map on; what is before is for the test.
    let missing: Vec<_> = conf
        .skip_while(|line| !line.starts_with("map "))
        .filter(|line| !line.contains("127.0.0.1") && !shown.contains(line))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}
