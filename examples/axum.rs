//! A phone-possession step before one route of an axum app. The vendor and the phone are emulated inside.
//!
//! `cargo run --example axum --features axum,sandbox` serves it; with `-- --once` it plays the client too, and ends.
#![expect(clippy::print_stdout, reason = "an example that talks")]

use std::{env, net::Ipv4Addr};

use axum::{Extension, Router, routing::post};
use handset::{
    Action, StepUpLayer, Subject, Verifier,
    adapter::{Proven, axum::routes},
    layer::PROOF_HEADER,
    proof::ProofKey,
    provider::{http::HttpClient, numcheck},
    sandbox::{Handset, Sandbox},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::BoxError;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let sandbox = Sandbox::start().await?;

    // ---- handset: who rings, what decides
    let account = numcheck::Config::new(sandbox.numcheck_token().clone()).with_base_url(sandbox.numcheck_url());
    let verifier = Verifier::builder()
        .policy("policy.toml", include_str!("policy.toml"))
        .proof_key(ProofKey::random()?)
        .provider(numcheck::NumCheck::new(account, HttpClient::danger_with_private_addresses()?)?)
        .build()?;
    // ---- handset: the layer before the route, and the endpoints that clients call
    let app = Router::new()
        .route("/transfer", post(transfer))
        .route_layer(StepUpLayer::new(&verifier, Action::new("transfer")?))
        .merge(routes(&verifier))
        // ---- handset: whose request it is. Here always Ada's; your sign-in puts the real `Subject` there
        .layer(Extension(Subject::new("ada")?));

    let once = env::args().any(|word| word == "--once");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, if once { 0 } else { 3000 })).await?;
    let url = format!("http://{}", listener.local_addr()?);
    if !once {
        println!("{}", instructions(&url, &sandbox.url()));
        return Ok(axum::serve(listener, app).await?);
    }
    tokio::select! {
        ended = axum::serve(listener, app) => Ok(ended?),
        walked = walk(&url, sandbox.handset(NUMBER)) => walked,
    }
}

/// Your handler. It runs when the policy's demand is met; the proof says by which phone.
async fn transfer(Proven(proof): Proven) -> String {
    format!("sent, approved with the phone {}\n", proof.phone())
}

/// What a client does, and the person with the phone.
async fn walk(url: &str, phone: Handset) -> Result<(), BoxError> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let transfer = || client.post(format!("{url}/transfer"));
    let refused = transfer().send().await?;
    println!("without a proof: {}", refused.status());
    let challenge: Value = refused.json().await?;

    let checks = format!("{url}{}", text(&challenge, "start")?);
    let wanted = json!({ "phone_number": phone.number(), "action": text(&challenge, "action")? });
    let check: Value = client.post(&checks).json(&wanted).send().await?.error_for_status()?.json().await?;
    let call = phone.next_call().await;
    println!("the phone rings: {}", call.from);

    let answers = format!("{checks}/{}/code", text(&check, "check_id")?);
    let code = json!({ "code": call.ending() });
    let answer: Value = client.post(answers).json(&code).send().await?.error_for_status()?.json().await?;
    let sent = transfer().header(PROOF_HEADER, text(&answer, "proof")?).send().await?.error_for_status()?;
    println!("with the proof: {}, {}", sent.status(), sent.text().await?.trim());
    Ok(())
}

fn text<'a>(answer: &'a Value, field: &str) -> Result<&'a str, String> {
    answer.get(field).and_then(Value::as_str).ok_or_else(|| format!("no `{field}` in {answer}"))
}

fn instructions(url: &str, sandbox: &str) -> String {
    format!(
        r#"curl -i -X POST '{url}/transfer'
    401: a proof is needed, and where to start. Start, see who calls, hand in the last four digits:
curl {url}/handset/checks --json '{{"phone_number":"{NUMBER}","action":"transfer"}}'
curl {sandbox}/handsets/{NUMBER}/events
curl {url}/handset/checks/CHECK_ID/code --json '{{"code":"CODE"}}'
curl -X POST '{url}/transfer' -H 'Handset-Proof: PROOF'"#
    )
}

const NUMBER: &str = "+37126123456";
