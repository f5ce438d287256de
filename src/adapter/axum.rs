//! axum 0.8: routes that know their prefix, and extractors for the proof and the [`Subject`].
//!
//! ```
//! use axum::{Router, routing::post};
//! use handset::{Action, StepUpLayer, Subject, Verifier, adapter::{Proven, axum::routes}};
//!
//! async fn transfer(Proven(proof): Proven, ada: Subject) -> String {
//!     format!("{} approved with the phone {}", ada.as_str(), proof.phone())
//! }
//!
//! fn app(verifier: &Verifier) -> handset::Result<Router> {
//!     Ok(Router::new()
//!         .route("/transfer", post(transfer))
//!         .route_layer(StepUpLayer::new(verifier, Action::new("transfer")?))
//!         .merge(routes(verifier)))
//! }
//! ```
//!
//! `Option<Proven>` is for routes of which the policy does not always ask: `None` says that a layer has looked, and that nothing
//! was asked. Where no layer has looked, it is a 500 like [`Proven`].

use std::sync::Arc;

use axum::{
    Router,
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::request::Parts;

use super::{Proven, Rejection, subject};
use crate::{endpoint::Endpoints, ids::Subject, layer::Passed, proof::Proof};

/// The [`Endpoints`], or those of a verifier, under its [mount](crate::verifier::Builder::mount), to merge into a router of any state.
///
/// Merge them into the outermost router, since challenges point below the mount. Of an application that is nested under a prefix as
/// a whole, nest [`Endpoints`] by hand and give the mount the prefix too. Elsewhere than the mount says, the first request and
/// every other is answered with 500, and the log says both paths.
pub fn routes<S: Clone + Send + Sync + 'static>(endpoints: impl Into<Endpoints>) -> Router<S> {
    let endpoints = endpoints.into();
    let mount = endpoints.mount().to_owned();
    match mount.as_str() {
        "" => Endpoints::AT_ROOT.iter().fold(Router::new(), |router, (path, more)| {
            let router = router.route_service(path, endpoints.clone());
            match more {
                true => router.route_service(&format!("{path}/{{*rest}}"), endpoints.clone()),
                false => router,
            }
        }),
        mount => Router::new().nest_service(mount, endpoints),
    }
}

impl<S: Sync> FromRequestParts<S> for Proven {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let (proof, passed) = found(parts);
        Self::from_parts(proof, passed)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Proven {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Rejection> {
        let (proof, passed) = found(parts);
        Self::maybe(proof, passed)
    }
}

/// Extracts whose request it is: the application's own subject from the extensions, else the visitor that a
/// [`StepUpLayer`](crate::StepUpLayer) has met. Nobody: 401.
impl<S: Sync> FromRequestParts<S> for Subject {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        subject(parts.extensions.get(), parts.extensions.get())
    }
}

/// `None` for nobody.
impl<S: Sync> OptionalFromRequestParts<S> for Subject {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Rejection> {
        Ok(subject(parts.extensions.get(), parts.extensions.get()).ok())
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        self.problem().into_response().into_response()
    }
}

fn found(parts: &Parts) -> (Option<&Arc<Proof>>, Option<&Passed>) {
    (parts.extensions.get(), parts.extensions.get())
}
