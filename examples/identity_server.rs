//! An identity server with a phone step: password, phone, and only then a login; accounts, numbers and sessions in SQLite.
//!
//! `cargo run --example identity_server --features sandbox` serves it; with `-- --once` it plays the browser too, and ends.
#![expect(clippy::print_stdout, reason = "an example that talks")]

#[path = "identity_server/app.rs"]
mod app;
#[path = "identity_server/book.rs"]
mod book;
#[path = "identity_server/sessions.rs"]
mod sessions;

use std::{env, net::Ipv4Addr};

use handset::{
    Verifier,
    proof::ProofKey,
    provider::{http::HttpClient, numcheck},
    sandbox::{Handset, Sandbox},
};
use reqwest::header::{COOKIE, SET_COOKIE};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::BoxError;

use self::{app::Server, book::Database};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let sandbox = Sandbox::start().await?;
    let account = numcheck::Config::new(sandbox.numcheck_token().clone()).with_base_url(sandbox.numcheck_url());
    let verifier = Verifier::builder()
        .policy("policy.toml", include_str!("policy.toml"))
        .proof_key(ProofKey::random()?)
        .provider(numcheck::NumCheck::new(account, HttpClient::danger_with_private_addresses()?)?)
        .build()?;
    let server = Server::new(Database::in_memory()?, verifier).routes();

    let once = env::args().any(|word| word == "--once");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, if once { 0 } else { 3000 })).await?;
    let url = format!("http://{}", listener.local_addr()?);
    if !once {
        println!("curl -i {url}/password --json '{{\"name\":\"grace\",\"password\":\"battery staple\"}}'");
        println!(
            "   then, with its cookie: /phone/enrol, /phone/code, /phone/resend .. with {{\"said\":\"..\"}}; {url}/"
        );
        println!("the phone {NUMBER}: {}/handsets/{NUMBER}/events", sandbox.url());
        return Ok(axum::serve(listener, server).await?);
    }
    let browser = Browser { client: reqwest::Client::builder().no_proxy().build()?, url, cookie: String::new() };
    tokio::select! {
        ended = axum::serve(listener, server) => Ok(ended?),
        walked = walk(browser, sandbox.handset(NUMBER)) => walked,
    }
}

/// Grace enrols her number, logs out, and logs in with it.
async fn walk(mut browser: Browser, phone: Handset) -> Result<(), BoxError> {
    let password = json!({ "name": "grace", "password": "battery staple" });
    println!("password: {}", browser.post("password", &password).await?);
    println!("that is no login: {}", browser.home().await?.trim());
    println!("enrolling: {}", browser.post("phone/enrol", &json!({ "said": phone.number() })).await?);
    let code = json!({ "said": phone.next_call().await.ending() });
    println!("the code: {}", browser.post("phone/code", &code).await?);
    println!("and that is one: {}", browser.home().await?.trim());

    println!("logged out: {}", browser.post("logout", &json!({})).await?);
    println!("password: {}", browser.post("password", &password).await?);
    let code = json!({ "said": phone.next_call().await.ending() });
    let done = browser.post("phone/code", &code).await?;
    println!("the code: {done}");
    match done.get("signed_in") {
        Some(_) => Ok(()),
        None => Err("not signed in".into()),
    }
}

/// A browser with one cookie.
struct Browser {
    client: reqwest::Client,
    url: String,
    cookie: String,
}

impl Browser {
    async fn post(&mut self, path: &str, body: &Value) -> Result<Value, BoxError> {
        let request = self.client.post(format!("{}/{path}", self.url)).header(COOKIE, &self.cookie).json(body);
        let response = request.send().await?.error_for_status()?;
        if let Some(cookie) = response.headers().get(SET_COOKIE) {
            self.cookie = cookie.to_str()?.split(';').next().unwrap_or_default().to_owned();
        }
        let text = response.text().await?;
        Ok(if text.is_empty() { Value::Null } else { serde_json::from_str(&text)? })
    }

    async fn home(&self) -> Result<String, BoxError> {
        let response = self.client.get(format!("{}/", self.url)).header(COOKIE, &self.cookie).send().await?;
        let status = response.status();
        Ok(format!("{status} {}", response.text().await?))
    }
}

const NUMBER: &str = "+37126123456";
