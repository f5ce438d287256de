//! The same application on each stack, as its users would write it: an open route, three that are guarded, and the endpoints.

use std::{convert::Infallible, future::Future, sync::Arc};

use actix_web::{App, HttpMessage, dev::Service as _, web};
use axum::{
    Router,
    extract::Request as AxumRequest,
    middleware::map_request,
    routing::{get, post},
};
use bytes::Bytes;
use handset::{
    Endpoints, Proof, Verifier,
    adapter::{Proven, actix::MaybeProven, axum::routes},
};
use http::{Request, Response, header::CONTENT_TYPE};
use http_body::Body;
use http_body_util::{Either, Full};
use hyper::{body::Incoming, server::conn::http1, service::HttpService};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::net::TcpListener;
use tonic::transport::{Server, server::TcpIncoming};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};

use crate::site::{USER, guard, seen, signed_in};

/// Serves an application of actix-web. A macro, since the type of one cannot be written.
macro_rules! serve_actix {
    ($app:expr) => {{
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = actix_web::HttpServer::new($app).workers(1).disable_signals().listen(listener).unwrap().run();
        tokio::spawn(server);
        address
    }};
}

// --- axum ------------------------------------------------------------------------------------------------------------

pub(super) async fn axum(verifier: &Verifier) -> String {
    serve_axum(axum_app(verifier)).await
}

pub(super) async fn serve_axum(app: Router) -> String {
    let (listener, address) = listener().await;
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

fn axum_app(verifier: &Verifier) -> Router {
    async fn strict(Proven(proof): Proven) -> String {
        seen(Some(proof))
    }
    async fn lenient(proof: Option<Proven>) -> String {
        seen(proof.map(|Proven(proof)| proof))
    }
    Router::new()
        .route("/open", get(async || "open\n"))
        .route("/balance", get(lenient).layer(guard(verifier, "balance")))
        .route("/transfer", post(strict).layer(guard(verifier, "transfer")))
        .route("/withdraw", post(strict).layer(guard(verifier, "withdraw")))
        .merge(routes(verifier))
        .layer(map_request(async |request: AxumRequest| sign_in(request)))
}

// --- actix-web -------------------------------------------------------------------------------------------------------

pub(super) fn actix(verifier: &Verifier) -> String {
    async fn strict(Proven(proof): Proven) -> String {
        seen(Some(proof))
    }
    async fn lenient(MaybeProven(proof): MaybeProven) -> String {
        seen(proof)
    }
    let verifier = verifier.clone();
    serve_actix!(move || {
        let guarded = |path, action| web::resource(path).wrap(guard(&verifier, action));
        App::new()
            .route("/open", web::get().to(async || "open\n"))
            .service(guarded("/balance", "balance").route(web::get().to(lenient)))
            .service(guarded("/transfer", "transfer").route(web::post().to(strict)))
            .service(guarded("/withdraw", "withdraw").route(web::post().to(strict)))
            .service(Endpoints::new(&verifier))
            .wrap_fn(|request, next| {
                let user = request.headers().get(USER).map(|user| user.to_str().unwrap());
                if let Some(subject) = signed_in(user) {
                    request.extensions_mut().insert(subject);
                }
                next.call(request)
            })
    })
}

// --- hyper, tower, tonic ---------------------------------------------------------------------------------------------

/// A hyper server that finds its way by hand.
pub(super) async fn hyper(verifier: &Verifier) -> String {
    let service = |action| guard(verifier, action).layer(service_fn(proven::<Incoming>));
    let (balance, transfer, withdraw) = (service("balance"), service("transfer"), service("withdraw"));
    let endpoints = Endpoints::new(verifier);
    serve(hyper::service::service_fn(move |request: Request<Incoming>| {
        let (balance, transfer, withdraw) = (balance.clone(), transfer.clone(), withdraw.clone());
        let (endpoints, request) = (endpoints.clone(), sign_in(request));
        async move {
            match request.uri().path() {
                "/open" => Ok(text("open\n").map(Either::Right)),
                "/balance" => balance.oneshot(request).await,
                "/transfer" => transfer.oneshot(request).await,
                "/withdraw" => withdraw.oneshot(request).await,
                _ => endpoints.oneshot(request).await.map(|response| response.map(Either::Right)),
            }
        }
    }))
    .await
}

/// A service of nothing but tower, which hyper-util serves.
pub(super) async fn tower(verifier: &Verifier) -> String {
    serve(TowerToHyperService::new(tower_app::<Incoming>(verifier))).await
}

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
    let endpoints = Endpoints::new(verifier);
    let guards = ["balance", "transfer", "withdraw"].map(|action| guard(verifier, action));
    service_fn(move |request: Request<B>| {
        let [balance, transfer, withdraw] = guards.clone().map(|guard| guard.layer(service_fn(proven::<B>)));
        let (endpoints, request) = (endpoints.clone(), sign_in(request));
        async move {
            match request.uri().path() {
                "/open" => Ok(text("open\n").map(Either::Right)),
                "/balance" => balance.oneshot(request).await,
                "/transfer" => transfer.oneshot(request).await,
                "/withdraw" => withdraw.oneshot(request).await,
                _ => endpoints.oneshot(request).await.map(|response| response.map(Either::Right)),
            }
        }
    })
}

pub(super) async fn tonic(verifier: &Verifier) -> String {
    let (listener, address) = listener().await;
    let server = Server::builder().accept_http1(true).add_routes(axum_app(verifier).into());
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    address
}

/// The handler behind the guards.
async fn proven<B>(request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(text(&seen(request.extensions().get::<Arc<Proof>>().cloned())))
}

fn text(text: &str) -> Response<Full<Bytes>> {
    let response = Response::builder().header(CONTENT_TYPE, "text/plain; charset=utf-8");
    response.body(Full::from(text.to_owned())).unwrap()
}

pub(super) fn sign_in<B>(mut request: Request<B>) -> Request<B> {
    let user = request.headers().get(USER).map(|user| user.to_str().unwrap());
    if let Some(subject) = signed_in(user) {
        request.extensions_mut().insert(subject);
    }
    request
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
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone()));
        }
    });
    address
}

fn spawn(connection: impl Future<Output: Send> + Send + 'static) {
    tokio::spawn(connection);
}

pub(super) async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}
