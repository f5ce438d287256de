//! A phone-possession step before any tower service, bound to what the request says. Vendor and phone are emulated inside.
//!
//! `cargo run --example tower --features sandbox` serves it; with `-- --once` it plays the client too, and ends.
#![expect(clippy::print_stdout, reason = "an example that talks")]

use std::{convert::Infallible, env, net::Ipv4Addr, sync::Arc};

use bytes::Bytes;
use handset::{
    Action, Binding, Endpoints, Proof, StepUpLayer, Subject, Verifier,
    layer::PROOF_HEADER,
    proof::ProofKey,
    provider::{http::HttpClient, numcheck},
    sandbox::{Handset, Sandbox},
    verifier::Facts,
};
use http::{Request, Response, request::Parts};
use http_body_util::{Either, Full};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::{BoxError, Layer, ServiceExt, service_fn, util::BoxCloneSyncService};

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
    // ---- handset: the layer before a service. The facts tell the policy's rules the amount, and bind the proof to it
    let step_up = StepUpLayer::new(&verifier, Action::new("transfer")?).facts(|head| facts(head).unwrap_or_default());
    let transfer = step_up.layer(service_fn(transfer));
    let handset = Endpoints::new(&verifier);
    let handset = ServiceExt::<Request<Incoming>>::map_response(handset, |response| response.map(Either::Right));
    let ada = Subject::new("ada")?;
    let site = service_fn(move |mut request: Request<Incoming>| {
        // ---- handset: whose request it is. Here always Ada's; your sign-in knows
        request.extensions_mut().insert(ada.clone());
        match request.uri().path() {
            "/transfer" => BoxCloneSyncService::new(transfer.clone()).oneshot(request),
            _ => BoxCloneSyncService::new(handset.clone()).oneshot(request),
        }
    });

    let once = env::args().any(|word| word == "--once");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, if once { 0 } else { 3000 })).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let server = async move {
        while let Ok((stream, _)) = listener.accept().await {
            let site = TowerToHyperService::new(site.clone());
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), site));
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

/// What the head of the request says: `?amount=1200`, in euros. Without it the rules are read the careful way.
fn facts(head: &Parts) -> Option<Facts> {
    let amount = head.uri.query()?.strip_prefix("amount=")?.parse().ok()?;
    let binding = Binding::new(format!("{amount} EUR")).ok()?;
    Some(Facts::default().with_amount(amount).with_currency("EUR").with_binding(binding))
}

/// Your handler. It runs when the policy's demand is met, and does what the proof is bound to.
async fn transfer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let bound = request.extensions().get::<Arc<Proof>>().and_then(|proof| proof.binding());
    Ok(Response::new(Full::from(format!("sent {}\n", bound.map_or("nothing", Binding::as_str)))))
}

/// What a client does, and the person with the phone.
async fn walk(url: &str, phone: Handset) -> Result<(), BoxError> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let transfer = || client.post(format!("{url}/transfer?amount=1200"));
    let refused = transfer().send().await?;
    println!("without a proof: {}", refused.status());
    let challenge: Value = refused.json().await?;
    let checks = format!("{url}{}", text(&challenge, "start")?);
    let wanted = json!({ "phone_number": NUMBER, "action": "transfer", "binding": text(&challenge, "binding")? });
    let check: Value = client.post(&checks).json(&wanted).send().await?.error_for_status()?.json().await?;
    let call = phone.next_call().await;
    println!("the phone rings: {}", call.from);

    let answers = format!("{checks}/{}/code", text(&check, "check_id")?);
    let answer: Value =
        client.post(answers).json(&json!({ "code": call.ending() })).send().await?.error_for_status()?.json().await?;
    let sent = transfer().header(PROOF_HEADER, text(&answer, "proof")?).send().await?.error_for_status()?;
    println!("with the proof: {}, {}", sent.status(), sent.text().await?.trim());
    Ok(())
}

fn text<'a>(answer: &'a Value, field: &str) -> Result<&'a str, String> {
    answer.get(field).and_then(Value::as_str).ok_or_else(|| format!("no `{field}` in {answer}"))
}

fn instructions(url: &str, sandbox: &str) -> String {
    format!(
        r#"curl -i -X POST '{url}/transfer?amount=1200'
    401: a proof is needed, and where to start. Start, see who calls, hand in the last four digits:
curl {url}/handset/checks --json '{{"phone_number":"{NUMBER}","action":"transfer","binding":"1200 EUR"}}'
curl {sandbox}/handsets/{NUMBER}/events
curl {url}/handset/checks/CHECK_ID/code --json '{{"code":"CODE"}}'
curl -X POST '{url}/transfer?amount=1200' -H 'Handset-Proof: PROOF'"#
    )
}

const NUMBER: &str = "+37126123456";
