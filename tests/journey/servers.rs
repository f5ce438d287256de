//! One journey, three servers.

use std::{convert::Infallible, future::Future, sync::Arc};

use bytes::Bytes;
use handset::{Endpoints, Proof, Verifier};
use http::{Method, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Either, Full};
use hyper::{body::Incoming, server::conn::http1, service::HttpService};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};

use crate::{
    PHONE, POLICY, Person, Stage, next_call,
    stage::{authenticate, guard, seen},
};

#[tokio::test]
async fn the_whole_way_on_axum() {
    let stage = Stage::new(POLICY).await;
    whole_way(&stage, &stage.url).await;
}

#[tokio::test]
async fn the_whole_way_on_hyper() {
    let stage = Stage::new(POLICY).await;
    let url = serve_hyper(&stage.verifier).await;
    whole_way(&stage, &url).await;
}

#[tokio::test]
async fn the_whole_way_on_tower() {
    let stage = Stage::new(POLICY).await;
    let service = TowerToHyperService::new(tower_app::<Incoming>(&stage.verifier));
    let proof = whole_way(&stage, &serve(service).await).await;

    // The same application without a socket.
    let app = tower_app::<Full<Bytes>>(&stage.verifier);
    let request = || Request::post("/transfer").header("x-user", "ada");
    let refused = app.clone().oneshot(request().body(Full::default()).unwrap()).await.unwrap();
    assert_eq!(refused.status(), 401);
    let passed = app.clone().oneshot(request().header("handset-proof", proof).body(Full::default()).unwrap());
    let passed = passed.await.unwrap();
    assert_eq!(passed.status(), 200);
    let body = passed.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["phone"], PHONE);

    let start = Request::post("/handset/checks").header("x-user", "ada").header("content-type", "application/json");
    let body = json!({ "phone_number": PHONE, "action": "transfer" }).to_string();
    let started = app.oneshot(start.body(Full::from(body)).unwrap()).await.unwrap();
    assert_eq!(started.status(), 201);
    assert_eq!(stage.sandbox.calls(), 2);
}

/// Refused, started, rung, typed, let through. Gives the proof.
async fn whole_way(stage: &Stage, url: &str) -> String {
    let ada = Person::at(url).with("x-user", "ada");
    let refused = ada.transfer(None).await.expect_problem(401, "step-up-required");
    let challenge = refused.header("www-authenticate");
    assert!(challenge.starts_with("Bearer "), "{challenge}");
    for part in [r#"error="insufficient_user_authentication""#, r#"acr_values="phone""#, r#"max_age="300""#] {
        assert!(challenge.contains(part), "{challenge}");
    }
    assert_eq!(refused.text("start"), "/handset/checks");
    assert_eq!(refused.text("proof_header"), "handset-proof");

    let body = json!({ "phone_number": PHONE, "action": refused.text("action") });
    let check = ada.send(Method::POST, refused.text("start"), Some(body)).await.expect(201);
    assert_eq!(check.header("cache-control"), "no-store");
    assert_eq!(check.text("status"), "pending");
    assert_eq!(check.text("channel"), "flash_call");
    assert_eq!(check.body["prompt"], json!({ "type": "enter_code", "length": 4, "source": "caller_id" }));
    assert_eq!(check.body["next_channels"], json!([]));
    assert!(check.body.get("proof").is_none(), "{}", check.body);

    let call = next_call(&stage.sandbox.handset(PHONE)).await;
    let verified = ada.answer(check.id(), call.ending()).await.expect(200);
    assert_eq!(verified.text("status"), "verified");
    assert_eq!(verified.body["expires_in"], 600);

    let passed = ada.transfer(Some(verified.text("proof"))).await.expect(200);
    let expected = json!({
        "subject": "ada", "phone": PHONE, "action": "transfer", "binding": null, "channel": "flash_call",
        "token": false,
    });
    assert_eq!(passed.body, expected, "what the handler saw");
    assert_eq!(stage.sandbox.calls(), 1);
    verified.text("proof").to_owned()
}

/// A hyper server that finds its way by hand.
async fn serve_hyper(verifier: &Verifier) -> String {
    let (endpoints, guarded) = (Endpoints::new(verifier), guard(verifier).layer(service_fn(transfer::<Incoming>)));
    serve(hyper::service::service_fn(move |request: Request<Incoming>| {
        let (endpoints, guarded, request) = (endpoints.clone(), guarded.clone(), authenticate(request));
        async move {
            if request.uri().path().starts_with("/handset/") {
                endpoints.oneshot(request).await.map(|response| response.map(Either::Left))
            } else {
                guarded.oneshot(request).await.map(|response| response.map(Either::Right))
            }
        }
    }))
    .await
}

/// The application as a tower service, for any body.
fn tower_app<B>(
    verifier: &Verifier,
) -> impl Service<
    Request<B>,
    Response = Response<impl Body<Data = Bytes, Error = BoxError> + Send + 'static + use<B>>,
    Error = Infallible,
    Future: Send,
> + Clone
+ Send
+ use<B>
where
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let (endpoints, guarded) = (Endpoints::new(verifier), guard(verifier).layer(service_fn(transfer::<B>)));
    service_fn(move |request: Request<B>| {
        let (endpoints, guarded, request) = (endpoints.clone(), guarded.clone(), authenticate(request));
        async move {
            match request.uri().path() {
                "/transfer" => guarded.oneshot(request).await.map(|response| response.map(Either::Left)),
                _ => endpoints.oneshot(request).await.map(|response| response.map(Either::Right)),
            }
        }
    })
}

/// The handler behind the guard.
async fn transfer<B>(request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
    let proof = request.extensions().get::<Arc<Proof>>().unwrap();
    Ok(Response::new(Full::from(seen(proof, request.headers()).to_string())))
}

/// The least that serves HTTP/1.1 over a socket.
async fn serve<S>(service: S) -> String
where
    S: HttpService<
            Incoming,
            ResBody: Body<Data: Send, Error: Into<BoxError>> + Send,
            Error: Into<BoxError>,
            Future: Send,
        > + Clone
        + Send
        + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone()));
        }
    });
    url
}

fn spawn(connection: impl Future<Output: Send> + Send + 'static) {
    tokio::spawn(connection);
}
