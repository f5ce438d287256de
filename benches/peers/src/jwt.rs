//! Letting a request with a token through to a service that answers at once: our layer, and that of jwt-authorizer. HS256 for both.

use std::convert::Infallible;

use axum_core::body::Body;
use futures_util::FutureExt;
use handset::{StepUpLayer, layer::PROOF_HEADER};
use http::{Request, Response, header::AUTHORIZATION};
use jwt_authorizer::{AuthError, IntoLayer, JwtAuthorizer, RegisteredClaims, Validation};
use tower::{Layer, ServiceExt, service_fn};

use crate::{
    row::{Question, Table, measured},
    site::Site,
};

const NAMES: [&str; 2] = ["handset", "jwt-authorizer"];

pub fn time(shown: &Table) {
    shown.head("a request with a token", &NAMES);
    let site = Site::with_room(10_000);
    let proven = site.proven();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let authorizer = JwtAuthorizer::<RegisteredClaims>::from_secret(SECRET)
        .validation(Validation::new().aud(&["handset"]).leeway(YEARS))
        .build();
    let authorizer = runtime.block_on(authorizer).expect("an authorizer");

    let inner = service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty())));
    let layered = StepUpLayer::new(&site.verifier, Site::action("transfer")).layer(inner);
    let ours = |token: String| {
        let (layered, subject) = (layered.clone(), proven.subject.clone());
        move || {
            let mut request = Request::new(Body::empty());
            request.extensions_mut().insert(subject.clone());
            request.headers_mut().insert(PROOF_HEADER, token.parse().expect("a value"));
            let answer = layered.clone().oneshot(request).now_or_never().expect("nothing to wait for");
            answer.expect("no error").status() == 200
        }
    };
    let inner = service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Reply(Response::new(Body::empty()))));
    let layered = authorizer.into_layer().layer(inner);
    let theirs = |token: String| {
        let (layered, token) = (layered.clone(), format!("Bearer {token}"));
        move || {
            let mut request = Request::new(Body::empty());
            request.headers_mut().insert(AUTHORIZATION, token.parse().expect("a value"));
            let answer = layered.clone().oneshot(request).now_or_never().expect("nothing to wait for");
            answer.expect("no error").0.status() == 200
        }
    };
    let forged = format!("{}A", proven.token);
    assert!(!ours(forged.clone())() && !theirs(forged)(), "both refuse another signature");
    assert!(ours(proven.token.clone())() && theirs(proven.token.clone())(), "both let it through");
    let questions: [Question<'_>; 2] = [Box::new(ours(proven.token.clone())), Box::new(theirs(proven.token.clone()))];
    shown.row("jwt", "a token that was seen before", &NAMES, &measured(questions));
}

/// The layer makes its refusals into what the service answers with; those of axum are not for the axum of today.
struct Reply(Response<Body>);

impl From<AuthError> for Reply {
    fn from(_: AuthError) -> Self {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = http::StatusCode::UNAUTHORIZED;
        Self(response)
    }
}

/// In seconds: the site's clock stands still, and the other layer looks at the time of today.
const YEARS: u64 = 1_000_000_000;

/// That of the site, whose proofs are tokens for both.
const SECRET: &str = "0123456789abcdef0123456789abcdef";
