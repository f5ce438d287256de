//! A method of a gRPC server behind the layer: refusals are statuses, with the challenge in their metadata.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use axum::Router;
use futures_util::future::{BoxFuture, FutureExt};
use handset::{Proof, StepUpLayer, adapter::axum::routes, store::MemoryStore};
use http::uri::PathAndQuery;
use serde_json::Value;
use tonic::{
    Code, Request, Response, Status,
    body::Body,
    client::Grpc as Client,
    server::{Grpc, NamedService},
    service::{LayerExt, Routes},
    transport::{Channel, Server, server::TcpIncoming},
};
use tonic_prost::ProstCodec;
use tower::{Service, ServiceBuilder, service_fn};

use crate::{
    outage::Outage,
    servers::{listener, sign_in},
    site::{Site, guard, seen},
    wire::post,
};

const TRANSFER: &str = "/bank.v1.Bank/Transfer";
const BALANCE: &str = "/bank.v1.Bank/Balance";

#[tokio::test]
async fn a_method_is_guarded_until_a_proof_comes() {
    let site = Site::new();
    let bank = serve(&site, guard(&site.verifier, "transfer").grpc().leave_open([BALANCE])).await;
    assert_eq!(bank.call(BALANCE, "ada", None).await.unwrap(), "nothing was asked\n");

    let refused = bank.call(TRANSFER, "ada", None).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::Unauthenticated, "show a proof of phone possession"));
    let challenge = refused.metadata().get("www-authenticate").unwrap().to_str().unwrap();
    assert!(challenge.starts_with(r#"Bearer error="insufficient_user_authentication""#), "{challenge}");
    let problem = problem(&refused);
    assert_eq!((&problem["start"], &problem["acr_values"]), (&"/handset/checks".into(), &"phone".into()));

    let proof = bank.proof(&site, "ada").await;
    let said = bank.call(TRANSFER, "ada", Some(&proof)).await.unwrap();
    assert_eq!(said, "ada has shown +371******56 for transfer\n");

    for (user, proof, why) in [
        ("ada", proof.as_str(), "the proof has been used; get another one"),
        ("eve", proof.as_str(), "the proof is another subject's"),
        ("ada", "a.b.c", "the proof is not valid; get another one"),
    ] {
        let refused = bank.call(TRANSFER, user, Some(proof)).await.unwrap_err();
        assert_eq!((refused.code(), refused.message()), (Code::Unauthenticated, why));
    }
}

#[tokio::test]
async fn a_name_that_is_misspelt_is_guarded() {
    let site = Site::new();
    let bank = serve(&site, guard(&site.verifier, "transfer").grpc().leave_open(["/bank.v1.Bank/balance"])).await;
    assert_eq!(bank.call(BALANCE, "ada", None).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn what_the_policy_denies_is_denied() {
    let site = Site::new();
    let bank = serve(&site, guard(&site.verifier, "withdraw").grpc()).await;
    let refused = bank.call(TRANSFER, "ada", None).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::PermissionDenied, "the policy does not allow it"));
    assert_eq!(problem(&refused)["type"], "urn:handset:problem:denied");
}

#[tokio::test]
async fn without_the_store_nobody_passes() {
    let store = Outage::<MemoryStore>::default();
    let site = Site::with(|builder| builder.store(store.clone()));
    let bank = serve(&site, guard(&site.verifier, "transfer").grpc()).await;
    let proof = bank.proof(&site, "ada").await;
    store.down(&["once"]);
    assert_eq!(bank.call(TRANSFER, "ada", Some(&proof)).await.unwrap_err().code(), Code::Unavailable);
    store.down(&[]);
    bank.call(TRANSFER, "ada", Some(&proof)).await.unwrap();
}

/// A client of the bank.
struct Bank {
    address: String,
    channel: Channel,
}

impl Bank {
    async fn call(&self, method: &'static str, user: &str, proof: Option<&str>) -> Result<String, Status> {
        let mut request = Request::new(700_i64);
        request.metadata_mut().insert("x-user", user.parse().unwrap());
        if let Some(proof) = proof {
            request.metadata_mut().insert("handset-proof", proof.parse().unwrap());
        }
        let mut client = Client::new(self.channel.clone());
        client.ready().await.unwrap();
        let answer = client.unary(request, PathAndQuery::from_static(method), ProstCodec::default()).await;
        answer.map(Response::into_inner)
    }

    /// Goes through a check, over HTTP on the same server.
    async fn proof(&self, site: &Site, user: &str) -> String {
        let start = r#"{"phone_number":"+37126123456","action":"transfer"}"#;
        let (_, check) = post(&self.address, "/handset/checks", user, start).await;
        let path = format!("/handset/checks/{}/code", check["check_id"].as_str().unwrap());
        let (_, answer) = post(&self.address, &path, user, &format!(r#"{{"code":"{}"}}"#, site.code())).await;
        answer["proof"].as_str().unwrap().to_owned()
    }
}

fn problem(refused: &Status) -> Value {
    let problem = refused.metadata().get_bin("handset-problem-bin").unwrap().to_bytes().unwrap();
    serde_json::from_slice(&problem).unwrap()
}

async fn serve(site: &Site, step_up: StepUpLayer) -> Bank {
    let (listener, address) = listener().await;
    let bank = ServiceBuilder::new().map_request(sign_in::<Body>).layer(step_up).named_layer(BankServer);
    let app = Router::new()
        .merge(routes(&site.verifier))
        .layer(axum::middleware::map_request(async |request| sign_in(request)));
    let server = Server::builder().accept_http1(true).add_routes(Routes::from(app).add_service(bank));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    Bank { address, channel }
}

/// The handler of both methods.
async fn say(request: Request<i64>) -> Result<Response<String>, Status> {
    assert!(!request.metadata().contains_key("handset-proof"), "the token has done its work");
    Ok(Response::new(seen(request.extensions().get::<Arc<Proof>>().cloned())))
}

/// What tonic's generator would write.
#[derive(Clone)]
struct BankServer;

impl NamedService for BankServer {
    const NAME: &'static str = "bank.v1.Bank";
}

impl Service<http::Request<Body>> for BankServer {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        async move { Ok(Grpc::new(ProstCodec::default()).unary(service_fn(say), request).await) }.boxed()
    }
}
