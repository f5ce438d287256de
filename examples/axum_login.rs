//! `axum-login` with a phone step: a session whose password was right is pending, and only a proof makes it a login.
//!
//! `cargo run --example axum_login --features sandbox` serves it; with `-- --once` it plays the browser too, and ends.
#![expect(clippy::print_stdout, reason = "an example that talks")]

#[path = "axum_login/app.rs"]
mod app;

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

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let sandbox = Sandbox::start().await?;
    let account = numcheck::Config::new(sandbox.numcheck_token().clone()).with_base_url(sandbox.numcheck_url());
    let verifier = Verifier::builder()
        .policy("policy.toml", include_str!("policy.toml"))
        .proof_key(ProofKey::random()?)
        .provider(numcheck::NumCheck::new(account, HttpClient::danger_with_private_addresses()?)?)
        .build()?;
    let app = app::app(&verifier)?;

    let once = env::args().any(|word| word == "--once");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, if once { 0 } else { 3000 })).await?;
    let url = format!("http://{}", listener.local_addr()?);
    if !once {
        println!("curl -i {url}/login --json '{{\"name\":\"ada\",\"password\":\"correct horse\"}}'");
        println!("   then, with its cookie: {url}/login/code with {{\"code\":\"..\"}}, and {url}/account");
        println!("the phone {NUMBER}: {}/handsets/{NUMBER}/events", sandbox.url());
        return Ok(axum::serve(listener, app).await?);
    }
    tokio::select! {
        ended = axum::serve(listener, app) => Ok(ended?),
        walked = walk(&url, sandbox.handset(NUMBER)) => walked,
    }
}

/// Ada logs in.
async fn walk(url: &str, phone: Handset) -> Result<(), BoxError> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut cookie = String::new();
    let post = async |path: &str, cookie: &mut String, body: Value| -> Result<Value, BoxError> {
        let request = client.post(format!("{url}/{path}")).header(COOKIE, &*cookie).json(&body);
        let response = request.send().await?.error_for_status()?;
        if let Some(set) = response.headers().get(SET_COOKIE) {
            *cookie = set.to_str()?.split(';').next().unwrap_or_default().to_owned();
        }
        Ok(response.json().await?)
    };
    let account = async |cookie: &str| -> Result<String, BoxError> {
        let response = client.get(format!("{url}/account")).header(COOKIE, cookie).send().await?;
        Ok(format!("{} {}", response.status(), response.text().await?.trim()))
    };

    let password = json!({ "name": "ada", "password": "correct horse" });
    println!("password: {}", post("login", &mut cookie, password).await?);
    println!("that is no login: {}", account(&cookie).await?);
    let code = json!({ "code": phone.next_call().await.ending() });
    println!("the code: {}", post("login/code", &mut cookie, code).await?);
    let welcome = account(&cookie).await?;
    println!("and that is one: {welcome}");
    match welcome.contains("welcome, ada") {
        true => Ok(()),
        false => Err("not logged in".into()),
    }
}

const NUMBER: &str = "+37126123456";
