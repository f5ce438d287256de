//! What is served at which path.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
    routing::get,
};
use bytes::Bytes;
use http::{Extensions, StatusCode};
use http_body_util::Full;
use serde_json::json;

use super::prepare::{Oidc, Prepared};
use crate::{
    endpoint::Endpoints, forward_auth::Identity, layer::ClientIpLayer, problem::json_response, verifier::Verifier,
};

/// What tells a load balancer whether to send requests here.
#[derive(Clone, Debug)]
pub(super) struct Readiness {
    verifier: Verifier,
    is_draining: Arc<AtomicBool>,
}

impl Readiness {
    pub(super) fn new(verifier: &Verifier) -> Self {
        Self { verifier: verifier.clone(), is_draining: Arc::default() }
    }

    /// Says from now on that no requests are wanted any more.
    pub(super) fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    async fn answer(self) -> Response {
        let (status, word) = match self.is_draining.load(Ordering::Relaxed) {
            true => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
            false => match tokio::time::timeout(PATIENCE, self.verifier.ready()).await {
                Ok(Ok(())) => (StatusCode::OK, "ready"),
                Ok(Err(error)) => {
                    tracing::warn!(?error, "not ready");
                    (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
                }
                Err(_) => {
                    tracing::warn!("not ready: the store or the limiter does not answer in time");
                    (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
                }
            },
        };
        said(status, word)
    }
}

/// Everything. What another part serves is nested here, beside the endpoints.
pub(super) fn router(prepared: &Prepared, readiness: Readiness) -> Router {
    let Prepared { config, verifier, forward_auth, oidc, pages, .. } = prepared;
    let endpoints = Endpoints::new(verifier);
    let endpoints = match pages {
        Some(pages) => endpoints.step_pages(pages.clone()),
        None => endpoints,
    };
    let mut endpoints = Router::new().fallback_service(endpoints);
    if let Some(subject) = &config.subject {
        endpoints = endpoints.layer(from_fn_with_state(subject.identity(), identify));
    }
    let mut site = match verifier.mount() {
        "" => endpoints,
        mount => Router::new().nest_service(mount, endpoints),
    };
    // It reads the subject itself.
    if let Some(forward_auth) = forward_auth {
        site = site.nest_service(FORWARD_AUTH, forward_auth.clone());
    }
    // Its pages know people by their cookie, and its clients by their secret.
    if let Some(Oidc { mount, provider }) = oidc {
        site = match mount.as_str() {
            "" => site.fallback_service(provider.clone()),
            mount => site.nest_service(mount, provider.clone()),
        };
    }
    let peer = |extensions: &Extensions| extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    site.layer(ClientIpLayer::new(config.client_ip).peer(peer))
        .route("/healthz", get(async || said(StatusCode::OK, "up")))
        .route("/readyz", get(async move || readiness.answer().await))
}

/// Puts whom the proxy names into the request. What belongs to a subject is refused without one. Vendors and keys have none.
async fn identify(State(identity): State<Identity>, mut request: Request, next: Next) -> Response {
    // The mount has been taken away.
    let path = request.uri().path();
    let is_for_anybody = ["/callback/", "/.well-known/", "/openapi.json"].iter().any(|open| path.starts_with(open));
    if !is_for_anybody {
        let headers = request.headers().clone();
        if let Err(refused) = identity.apply(&headers, request.extensions_mut()) {
            return refused.into_response().map(Body::new);
        }
    }
    next.run(request).await
}

fn said(status: StatusCode, word: &str) -> Response {
    json_response(status, &json!({ "status": word })).map(|body: Full<Bytes>| Body::new(body))
}

/// Where proxies ask.
pub(super) const FORWARD_AUTH: &str = "/forward-auth";

/// How long the store and the limiter may take to show that they are there.
const PATIENCE: Duration = Duration::from_secs(2);
