//! actix-web 4: the layer as middleware, the endpoints as a service, and extractors for the proof and the [`Subject`].
//!
//! ```
//! use actix_web::{App, HttpServer, web};
//! use handset::{Action, Endpoints, StepUpLayer, Verifier, adapter::Proven};
//!
//! async fn transfer(Proven(proof): Proven) -> String {
//!     format!("approved with the phone {}", proof.phone())
//! }
//!
//! fn server(verifier: &Verifier) -> Result<actix_web::dev::Server, Box<dyn std::error::Error>> {
//!     let (step_up, endpoints) = (StepUpLayer::new(verifier, Action::new("transfer")?), Endpoints::new(verifier));
//!     let app = move || {
//!         App::new()
//!             .service(web::resource("/transfer").wrap(step_up.clone()).route(web::post().to(transfer)))
//!             .service(endpoints.clone()) // under the verifier's mount
//!     };
//!     Ok(HttpServer::new(app).bind(("127.0.0.1", 0))?.run())
//! }
//! ```
//!
//! Put the [`Subject`], the [`Facts`](crate::verifier::Facts) and the [`Caller`](crate::verifier::Caller) into the request's extensions before the layer, as on other stacks;
//! [`StepUpLayer::facts`] sees the head of the request with these three and no other extensions. Outer middleware finds the
//! [`Refusal`](crate::layer::Refusal) among the response's extensions, and must hold no clone of the request while the layer runs, as actix-web itself asks.
//!
//! Where the policy does not always ask, take [`MaybeProven`]. `Option<Proven>` would do, but actix-web makes `None` of every error,
//! so that a layer that was forgotten is seen in the log only.

mod bridge;

use std::{
    future::{Ready, ready},
    rc::Rc,
    sync::Arc,
};

use actix_web::{
    Error, FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError,
    body::{EitherBody, MessageBody},
    dev::{
        AppService, HttpServiceFactory, Payload, Service, ServiceRequest, ServiceResponse, Transform, forward_ready,
    },
    http::StatusCode,
    web,
};
use futures_util::future::LocalBoxFuture;

use super::{Proven, Rejection, subject};
use crate::{
    endpoint::Endpoints,
    ids::Subject,
    layer::{Decision, StepUpLayer, Visitor},
    proof::Proof,
};

/// A service behind a [`StepUpLayer`].
#[derive(Debug)]
pub struct Guarded<S> {
    inner: Rc<S>,
    layer: StepUpLayer,
}

/// Extracts the proof, or `None` where a layer has looked and the policy asks nothing. Where no layer has looked: 500.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "taken apart in the arguments of handlers")]
pub struct MaybeProven(pub Option<Arc<Proof>>);

impl<S, B> Transform<S, ServiceRequest> for StepUpLayer
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = Guarded<S>;
    type InitError = ();
    type Future = Ready<Result<Guarded<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(Guarded { inner: Rc::new(inner), layer: self.clone() }))
    }
}

impl<S, B> Service<ServiceRequest> for Guarded<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    forward_ready!(inner);

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let decision = match bridge::head(request.request()) {
            Ok(mut head) => {
                let decision = self.layer.decide(&mut head);
                bridge::leave(head, &mut request);
                decision
            }
            Err(problem) => Decision::Refuse(problem.into_response()),
        };
        let inner = Rc::clone(&self.inner);
        Box::pin(async move {
            let refused = match decision {
                Decision::Pass => None,
                Decision::Claim(claim) => claim.await.err(),
                Decision::Refuse(response) => Some(response),
            };
            match refused {
                None => Ok(inner.call(request).await?.map_into_left_body()),
                Some(response) => Ok(request.into_response(bridge::reply(response)).map_into_right_body()),
            }
        })
    }
}

/// Serves the endpoints under the verifier's [mount](crate::verifier::Builder::mount).
///
/// Register them in the `App` itself, since challenges point below the mount. Within a scope the first request and every other is
/// answered with 500, and the log says both paths.
impl HttpServiceFactory for Endpoints {
    fn register(self, config: &mut AppService) {
        let mount = self.mount().to_owned();
        let serve = move |request: HttpRequest, body: web::Payload| {
            let endpoints = self.clone();
            async move { bridge::serve(&endpoints, &request, body).await }
        };
        match mount.as_str() {
            "" => {
                let patterns = Self::AT_ROOT.iter().map(|(path, more)| match more {
                    true => format!("{path}{{rest:(/.*)?}}"),
                    false => (*path).to_owned(),
                });
                web::resource(patterns.collect::<Vec<_>>()).default_service(web::to(serve)).register(config);
            }
            mount => web::scope(mount).default_service(web::to(serve)).register(config),
        }
    }
}

impl FromRequest for Proven {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let found = request.extensions();
        ready(Self::from_parts(found.get(), found.get()))
    }
}

impl FromRequest for MaybeProven {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let found = request.extensions();
        ready(Proven::maybe(found.get(), found.get()).map(|proven| Self(proven.map(|Proven(proof)| proof))))
    }
}

/// Extracts whose request it is: the application's own subject from the extensions, else the visitor that a [`StepUpLayer`] has
/// met. Nobody: 401.
impl FromRequest for Subject {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let found = request.extensions();
        ready(subject(found.get(), found.get::<Visitor>()))
    }
}

impl ResponseError for Rejection {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NoSubject => StatusCode::UNAUTHORIZED,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        bridge::reply(self.problem().into_response())
    }
}
