//! A phone-possession step before one path of a hyper server. The vendor and the phone are emulated inside.
//!
//! `cargo run --example hyper --features sandbox` serves it; with `-- --once` it plays the client too, and ends.
#![expect(clippy::print_stdout, reason = "an example that talks")]

use std::{convert::Infallible, env, net::Ipv4Addr, sync::Arc};

use bytes::Bytes;
use handset::{
    Action, Endpoints, Proof, StepUpLayer, Subject, Verifier,
    layer::PROOF_HEADER,
    proof::ProofKey,
    provider::{http::HttpClient, numcheck},
    sandbox::{Handset, Sandbox},
};
use http::{Request, Response};
use http_body_util::{Either, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::{BoxError, Layer, ServiceExt};

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
    // ---- handset: the layer before the path, and the endpoints that clients call
    let guarded = StepUpLayer::new(&verifier, Action::new("transfer")?).layer(tower::service_fn(transfer));
    let endpoints = Endpoints::new(&verifier);
    let ada = Subject::new("ada")?;
    let app = service_fn(move |mut request: Request<Incoming>| {
        // ---- handset: whose request it is. Here always Ada's; your sign-in knows
        request.extensions_mut().insert(ada.clone());
        let (guarded, endpoints) = (guarded.clone(), endpoints.clone());
        async move {
            match request.uri().path() {
                "/transfer" => guarded.oneshot(request).await,
                _ => endpoints.oneshot(request).await.map(|response| response.map(Either::Right)),
            }
        }
    });

    let once = env::args().any(|word| word == "--once");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, if once { 0 } else { 3000 })).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let server = async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), app.clone()));
        }
    };
    if !once {
        println!("{}", instructions(&url, &sandbox.url()));
        server.await;
        return Ok(());
    }
    tokio::select! {
        () = server => Err("the server ended".into()),
        walked = walk(&url, sandbox.handset(NUMBER)) => walked,
    }
}

/// Your handler. It runs when the policy's demand is met; the proof says by which phone.
async fn transfer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let phone = request.extensions().get::<Arc<Proof>>().map(|proof| proof.phone().to_string()).unwrap_or_default();
    Ok(Response::new(Full::from(format!("sent, approved with the phone {phone}\n"))))
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
