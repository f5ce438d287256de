//! An application on a real socket: the endpoints under `/handset`, and two things that are guarded.

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::Response,
    routing::post,
};
use handset::{Action, Endpoints, Proof, StepUpLayer, Subject, Verifier};
use reqwest::{Client, Method, RequestBuilder, header::HeaderMap, redirect::Policy};
use serde_json::Value;
use tokio::net::TcpListener;

/// Who asks. The application trusts this header in place of a session.
pub(super) const SUBJECT: &str = "x-subject";

/// A running application.
pub(super) struct Site {
    url: String,
    client: Client,
}

impl Site {
    /// `POST /transfer` and `POST /settings` are guarded, and say whose proof they got.
    pub(super) async fn open(verifier: &Verifier) -> Self {
        let guard = |action| StepUpLayer::new(verifier, Action::new(action).unwrap());
        let app = Router::new()
            .route("/transfer", post(guarded).layer(guard("transfer")))
            .route("/settings", post(guarded).layer(guard("settings")))
            .nest_service("/handset", Endpoints::new(verifier))
            .layer(from_fn(sign_in));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let client = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        Self { url, client }
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Reply {
    pub(super) async fn to(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, text: response.text().await.unwrap() }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The last part of the problem's type, such as `unavailable`.
    pub(super) fn slug(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{self:?}");
        let slug = problem["type"].as_str().and_then(|slug| slug.strip_prefix("urn:handset:problem:"));
        slug.unwrap_or_else(|| panic!("no type: {self:?}")).to_owned()
    }
}

async fn sign_in(mut request: Request, next: Next) -> Response {
    if let Some(id) = request.headers().get(SUBJECT) {
        let subject = Subject::new(id.to_str().unwrap()).unwrap();
        request.extensions_mut().insert(subject);
    }
    next.run(request).await
}

async fn guarded(Extension(proof): Extension<Arc<Proof>>) -> String {
    proof.subject().as_str().to_owned()
}
