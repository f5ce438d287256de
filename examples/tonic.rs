//! A phone-possession step before one method of a gRPC server, with the endpoints beside it. Vendor and phone are emulated inside.
//!
//! `cargo run --example tonic --features axum,sandbox` serves it; with `-- --once` it plays the client too, and ends.
#![expect(clippy::print_stdout, reason = "an example that talks")]

use std::{
    convert::Infallible,
    env,
    net::Ipv4Addr,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{Extension, Router};
use futures_util::future::{BoxFuture, FutureExt};
use handset::{
    Action, Proof, StepUpLayer, Subject, Verifier,
    adapter::axum::routes,
    layer::PROOF_HEADER,
    proof::ProofKey,
    provider::{http::HttpClient, numcheck},
    sandbox::{Handset, Sandbox},
};
use http::uri::PathAndQuery;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tonic::{
    Code, Request, Response, Status,
    body::Body,
    client::Grpc as Client,
    server::{Grpc, NamedService},
    service::{LayerExt, Routes},
    transport::{Channel, Server, server::TcpIncoming},
};
use tonic_prost::ProstCodec;
use tower::{BoxError, Service, ServiceBuilder, service_fn};

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
    // ---- handset: the layer before the service, except for one method, and the endpoints that clients call over HTTP
    let step_up = StepUpLayer::new(&verifier, Action::new("transfer")?).grpc().leave_open([BALANCE]);
    let bank = ServiceBuilder::new().layer(step_up).named_layer(Bank);
    let served = Routes::from(Router::new().merge(routes(&verifier))).add_service(bank);
    // ---- handset: whose request it is. Here always Ada's; your sign-in puts the real `Subject` there
    let mut server = Server::builder().accept_http1(true).layer(Extension(Subject::new("ada")?));

    let once = env::args().any(|word| word == "--once");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, if once { 0 } else { 3000 })).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let server = server.add_routes(served).serve_with_incoming(TcpIncoming::from(listener));
    if !once {
        println!("{}", instructions(&url, &sandbox.url()));
        return Ok(server.await?);
    }
    tokio::select! {
        ended = server => Ok(ended?),
        walked = walk(&url, sandbox.handset(NUMBER)) => walked,
    }
}

/// Your method. It runs when the policy's demand is met; the proof says by which phone.
async fn transfer(request: Request<i64>) -> Result<Response<String>, Status> {
    let proof = request.extensions().get::<Arc<Proof>>().ok_or_else(|| Status::internal("no layer before the bank"))?;
    Ok(Response::new(format!("sent {}, approved with the phone {}", request.get_ref(), proof.phone())))
}

async fn balance(_: Request<()>) -> Result<Response<i64>, Status> {
    Ok(Response::new(1200))
}

/// What tonic-prost-build writes for you from
/// `service Bank { rpc Transfer(Int64Value) returns (StringValue); rpc Balance(Empty) returns (Int64Value); }`.
#[derive(Clone)]
struct Bank;

impl NamedService for Bank {
    const NAME: &'static str = "bank.v1.Bank";
}

impl Service<http::Request<Body>> for Bank {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        async move {
            Ok(match request.uri().path() {
                TRANSFER => Grpc::new(ProstCodec::default()).unary(service_fn(transfer), request).await,
                BALANCE => Grpc::new(ProstCodec::default()).unary(service_fn(balance), request).await,
                _ => Status::unimplemented("").into_http(),
            })
        }
        .boxed()
    }
}

/// What a client does, and the person with the phone.
async fn walk(url: &str, phone: Handset) -> Result<(), BoxError> {
    let mut bank = Client::new(Channel::from_shared(url.to_owned())?.connect().await?);
    bank.ready().await?;
    let balance: Response<i64> = bank.unary(Request::new(()), method(BALANCE), ProstCodec::default()).await?;
    println!("the balance is open: {}", balance.into_inner());

    bank.ready().await?;
    let refused = bank.unary(Request::new(700_i64), method(TRANSFER), ProstCodec::<_, String>::default()).await;
    let refused = refused.err().filter(|status| status.code() == Code::Unauthenticated).ok_or("it was not refused")?;
    println!("without a proof: {}", refused.message());
    let problem = refused.metadata().get_bin("handset-problem-bin").ok_or("no problem in the metadata")?.to_bytes()?;
    let challenge: Value = serde_json::from_slice(&problem)?;

    let client = reqwest::Client::builder().no_proxy().build()?;
    let checks = format!("{url}{}", text(&challenge, "start")?);
    let wanted = json!({ "phone_number": phone.number(), "action": text(&challenge, "action")? });
    let check: Value = client.post(&checks).json(&wanted).send().await?.error_for_status()?.json().await?;
    let call = phone.next_call().await;
    println!("the phone rings: {}", call.from);

    let answers = format!("{checks}/{}/code", text(&check, "check_id")?);
    let code = json!({ "code": call.ending() });
    let answer: Value = client.post(answers).json(&code).send().await?.error_for_status()?.json().await?;
    let mut request = Request::new(700_i64);
    request.metadata_mut().insert(PROOF_HEADER, text(&answer, "proof")?.parse()?);
    bank.ready().await?;
    let sent: Response<String> = bank.unary(request, method(TRANSFER), ProstCodec::default()).await?;
    println!("with the proof: {}", sent.into_inner());
    Ok(())
}

fn method(path: &'static str) -> PathAndQuery {
    PathAndQuery::from_static(path)
}

fn text<'a>(answer: &'a Value, field: &str) -> Result<&'a str, String> {
    answer.get(field).and_then(Value::as_str).ok_or_else(|| format!("no `{field}` in {answer}"))
}

fn instructions(url: &str, sandbox: &str) -> String {
    format!(
        r#"{TRANSFER} at {url} is answered with UNAUTHENTICATED. Start, see who calls, hand in the last four digits:
curl {url}/handset/checks --json '{{"phone_number":"{NUMBER}","action":"transfer"}}'
curl {sandbox}/handsets/{NUMBER}/events
curl {url}/handset/checks/CHECK_ID/code --json '{{"code":"CODE"}}'
and call it again with the proof in the metadata `{PROOF_HEADER}`."#
    )
}

const TRANSFER: &str = "/bank.v1.Bank/Transfer";
const BALANCE: &str = "/bank.v1.Bank/Balance";
const NUMBER: &str = "+37126123456";
