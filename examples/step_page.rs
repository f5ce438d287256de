//! A page that asks for the phone before it opens, and has no page of its own to ask with: the hosted step page does. The vendor and
//! the phone are emulated inside.
//!
//! `cargo run --example step_page --features ui,axum,sandbox` serves it: open the printed URL. With `-- --once` it plays the person
//! too, and ends.
#![expect(clippy::print_stdout, reason = "an example that talks")]

use std::env;

use axum::{Router, routing::get};
use handset::{
    Action, Endpoints, StepUpLayer, Verifier,
    adapter::{Proven, axum::routes},
    proof::ProofKey,
    provider::{http::HttpClient, numcheck},
    sandbox::{Handset, Sandbox},
    step_page::StepPages,
};
use reqwest::{Response, header::SET_COOKIE};
use tokio::net::TcpListener;
use tower::BoxError;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let sandbox = Sandbox::start().await?;
    let account = numcheck::Config::new(sandbox.numcheck_token().clone()).with_base_url(sandbox.numcheck_url());
    let verifier = Verifier::builder()
        .policy("policy.toml", include_str!("policy.toml"))
        .proof_key(ProofKey::random()?)
        .provider(numcheck::NumCheck::new(account, HttpClient::danger_with_private_addresses()?)?)
        .build()?;
    // ---- handset: the page, with your name and colour on it
    let pages = StepPages::builder().name("Example Bank").variable("--accent", "#00695c").build()?;
    // ---- handset: who opens `/transfer` without a proof is sent to the page, and comes back with one
    let guard = StepUpLayer::new(&verifier, Action::new("transfer")?).step_page("/handset/step").proof_cookie();
    let app = Router::new()
        .route("/transfer", get(transfer))
        .route_layer(guard)
        .merge(routes(Endpoints::new(&verifier).step_pages(pages)));

    let once = env::args().any(|word| word == "--once");
    let listener = TcpListener::bind(("localhost", if once { 0 } else { 3000 })).await?;
    let url = format!("http://localhost:{}", listener.local_addr()?.port());
    if !once {
        println!("open {url}/transfer, and look at the phone: curl {}/handsets/{NUMBER}/events", sandbox.url());
        return Ok(axum::serve(listener, app).await?);
    }
    tokio::select! {
        ended = axum::serve(listener, app) => Ok(ended?),
        walked = walk(&url, sandbox.handset(NUMBER)) => walked,
    }
}

/// Your page. It is reached when the policy's demand is met; the proof says by which phone.
async fn transfer(Proven(proof): Proven) -> String {
    format!("welcome, you have the phone {}\n", proof.phone())
}

/// What a person does with browser and phone.
async fn walk(url: &str, phone: Handset) -> Result<(), BoxError> {
    let mut browser = Browser::new(url)?;
    let sent = browser.open("/transfer").await?;
    println!("without a proof: {}, to {}", sent.status(), location(&sent)?);
    let page = browser.open(&location(&sent)?).await?.text().await?;
    let started = browser.press(&page, "do=start&phone=%2B37126123456").await?;
    let page = browser.open(&location(&started)?).await?.text().await?;
    let call = phone.next_call().await;
    println!("the phone rings: {}", call.from);
    let answered = browser.press(&page, &format!("do=answer&code={}", call.ending())).await?;
    let back = browser.open(&location(&answered)?).await?;
    let opened = browser.open(&location(&back)?).await?.error_for_status()?;
    println!("with the proof: {}, {}", opened.status(), opened.text().await?.trim());
    Ok(())
}

/// A browser that keeps cookies, and follows nothing by itself.
struct Browser {
    http: reqwest::Client,
    url: String,
    cookies: Vec<String>,
}

impl Browser {
    fn new(url: &str) -> Result<Self, BoxError> {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { http, url: url.to_owned(), cookies: Vec::new() })
    }

    async fn open(&mut self, path: &str) -> Result<Response, BoxError> {
        self.send(self.http.get(format!("{}{path}", self.url)).header("accept", "text/html")).await
    }

    async fn press(&mut self, page: &str, fields: &str) -> Result<Response, BoxError> {
        let form = format!("ticket={}&csrf={}&{fields}", hidden(page, "ticket")?, hidden(page, "csrf")?);
        let sent = self.http.post(format!("{}/handset/step", self.url)).body(form);
        self.send(sent.header("content-type", "application/x-www-form-urlencoded")).await
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Result<Response, BoxError> {
        let response = request.header("cookie", self.cookies.join("; ")).send().await?;
        for cookie in response.headers().get_all(SET_COOKIE) {
            self.cookies.extend(cookie.to_str()?.split(';').next().map(str::to_owned));
        }
        Ok(response)
    }
}

fn location(response: &Response) -> Result<String, BoxError> {
    let url = response.headers().get("location").ok_or_else(|| format!("sent nowhere: {}", response.status()))?;
    Ok(url.to_str()?.to_owned())
}

fn hidden<'a>(page: &'a str, name: &str) -> Result<&'a str, String> {
    let field = format!("name=\"{name}\" value=\"");
    let found = page.split_once(field.as_str()).and_then(|(_, rest)| rest.split('"').next());
    found.ok_or_else(|| format!("no `{name}` in {page}"))
}

const NUMBER: &str = "+37126123456";
