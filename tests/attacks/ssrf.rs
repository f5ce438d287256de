//! Has the application fetch what a vendor points at: a service inside, which counts who connects to it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use handset::sandbox::{Knob, Scope};
use http::Response;
use serde_json::{Value, json};
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
};

use super::{
    Report, hostile_vendor, policy,
    return_forger::{parameter, with},
};
use crate::{
    stage::PHONE,
    vendors::{self, OTHER},
};

/// Every vendor answers every request with a redirect.
pub(crate) async fn redirects() -> Report {
    let (inside, mut report) = (Inside::start().await, Report::new("SSRF through a vendor's redirects"));
    for route in routes() {
        let stage = vendors::stage(&policy("", &format!("[\"{route}\"]"))).await;
        stage.sandbox.knobs().set(Scope::All, Knob::Redirect(inside.url())).unwrap();
        let started = stage.person("ada").start(PHONE).await;
        assert!(!stage.sandbox.requests().is_empty(), "{route}: the vendor was asked");
        inside.count(&mut report, &format!("{} when a start is redirected", started.status)).await;
    }
    for route in routes().filter(|route| route.ends_with("silent_network")) {
        let stage = vendors::stage(&policy("", &format!("[\"{route}\"]"))).await;
        let ada = stage.person("ada");
        let back = vendors::open(&stage.sandbox.handset(PHONE), &ada.start(PHONE).await.expect(201)).await;
        stage.sandbox.knobs().set(Scope::All, Knob::Redirect(inside.url())).unwrap();
        let visited = vendors::visit(&stage, &ada, &back).await;
        inside.count(&mut report, &format!("{} when an exchange is redirected", visited.status)).await;
    }
    report
}

/// Names of keys and issuers that are URLs: a signature's `keyId`, the `iss` that a device brings.
pub(crate) async fn names() -> Report {
    let (inside, mut report) = (Inside::start().await, Report::new("SSRF through names of keys and issuers"));
    let edits: [(&str, Edit); 3] = [
        ("idlayr/silent_network", signed_by),
        ("open_gateway/silent_network", |back, url| with(back, "iss", Some(url))),
        ("open_gateway/silent_network", |back, url| format!("{back}&jku={url}&jwks_uri={url}&request_uri={url}")),
    ];
    for (route, edit) in edits.into_iter().filter(|(route, _)| routes().any(|known| known == *route)) {
        let stage = vendors::stage(&policy("", &format!("[\"{route}\"]"))).await;
        let mallory = stage.person("mallory");
        let back = vendors::open(&stage.sandbox.handset(OTHER), &mallory.start(PHONE).await.expect(201)).await;
        let visited = vendors::visit(&stage, &mallory, &edit(&back, &inside.url())).await.expect(200);
        inside.count(&mut report, &format!("200 {}", visited.text("status"))).await;
    }
    report
}

/// Links in answers: the URL that the phone is to open, and where a token says that its key is.
pub(crate) async fn links() -> Report {
    let (inside, mut report) = (Inside::start().await, Report::new("SSRF through links in answers"));
    for route in routes().filter(|route| route.ends_with("silent_network")) {
        let (url, changed) = (inside.url(), Arc::new(AtomicUsize::default()));
        let count = Arc::clone(&changed);
        let client = hostile_vendor::client(move |answer| {
            count.fetch_add(usize::from(point(answer, &url)), Ordering::SeqCst);
        });
        let stage = vendors::stage_through(client, &policy("", &format!("[\"{route}\"]"))).await;
        let ada = stage.person("ada");
        let check = ada.start(PHONE).await.expect(201);
        if check.body["prompt"]["url"] != inside.url() {
            let back = vendors::open(&stage.sandbox.handset(PHONE), &check).await;
            vendors::visit(&stage, &ada, &back).await.expect(200);
        }
        let seen = ada.look(check.id()).await.expect(200);
        assert!(changed.load(Ordering::SeqCst) > 0, "{route}: the application got the link");
        inside.count(&mut report, &format!("200 {}", seen.text("status"))).await;
    }
    report
}

/// Has an answer point at `url`, if it has a link.
fn point(answer: &mut Response<Bytes>, url: &str) -> bool {
    let mut body: Value = serde_json::from_slice(answer.body()).unwrap();
    if let Some(link) = body.pointer_mut("/_links/check_url/href") {
        *link = json!(url);
    } else if let Some(token) = body.get_mut("id_token") {
        let (header, rest) = token.as_str().unwrap().split_once('.').unwrap();
        let mut header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
        (header["jku"], header["x5u"], header["kid"]) = (json!(url), json!(url), json!("of another set"));
        *token = json!(format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string())));
    } else {
        return false;
    }
    *answer.body_mut() = body.to_string().into();
    true
}

/// What becomes of the URL that a device came back with, with a URL inside.
type Edit = fn(&str, &str) -> String;

/// The URL that came back, as if it were signed with a key whose name is `url`.
fn signed_by(back: &str, url: &str) -> String {
    let signed = String::from_utf8(STANDARD.decode(parameter(back, "authorization")).unwrap()).unwrap();
    let renamed = signed.replace("public:sandbox-0", url);
    assert_ne!(renamed, signed);
    with(back, "authorization", Some(&STANDARD.encode(renamed)))
}

/// A service that only machines inside may reach.
pub(super) struct Inside {
    pub(super) port: u16,
    connections: Arc<AtomicUsize>,
    /// Those that were seen already.
    seen: AtomicUsize,
}

impl Inside {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let inside = Self { port, connections: Arc::default(), seen: AtomicUsize::default() };
        let connections = Arc::clone(&inside.connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                drop(stream);
            }
        });
        TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        assert_eq!(inside.connections().await, 1, "who connects is counted");
        inside
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/latest/meta-data", self.port)
    }

    /// Counts an attempt, which has succeeded if somebody has connected.
    pub(super) async fn count(&self, report: &mut Report, defence: &str) {
        report.count(defence, self.connections().await > 0);
    }

    /// How many have connected since the last look. They are taken one after the other, so once ours is, all before it are.
    async fn connections(&self) -> usize {
        let mut ours = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        // The end of the stream, or that it was reset.
        let _ = ours.read(&mut [0]).await;
        let all = self.connections.load(Ordering::SeqCst);
        all - self.seen.swap(all, Ordering::SeqCst) - 1
    }
}

/// A route of each vendor.
pub(super) fn routes() -> impl Iterator<Item = &'static str> {
    let routes = ["citcall/flash_call", "idlayr/silent_network", "numcheck/flash_call", "zadarma/sms"];
    routes.into_iter().chain(cfg!(feature = "open-gateway").then_some("open_gateway/silent_network"))
}
