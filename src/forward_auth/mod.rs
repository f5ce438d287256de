//! A step before a route of an application in any language: a reverse proxy asks here before it passes a request on.
//!
//! ```text
//!  client ---> nginx, Traefik, Envoy ------------------------------------> the application
//!                      |       ^  200: go on, and who showed what
//!                      v       |  401, 403, 503: what the client gets
//!                   ForwardAuth: which action is this? then what the layer decides
//! ```
//!
//! [`ForwardAuth`] is one tower service. It asks what a [`StepUpLayer`] would ask, since it has one for each route.
//! The first [`Route`] whose path and method fit decides; a request that none lists is refused, unless [`ForwardAuth::open_elsewhere`]
//! says otherwise.
//!
//! ```
//! use handset::{Action, Verifier, forward_auth::{ForwardAuth, Proxy, Route}};
//! use http::{HeaderName, Method};
//!
//! fn service(verifier: &Verifier) -> handset::Result<ForwardAuth> {
//!     Ok(ForwardAuth::new(verifier, Proxy::Nginx)
//!         .route(Route::guard("/transfer/**", Action::new("transfer")?)?.methods([Method::POST]))
//!         .route(Route::open("/**")?)
//!         .subject_header(HeaderName::from_static("x-user")))
//! }
//! ```
//!
//! # What the application learns
//!
//! A request that may go on is answered with 200, an empty body and these headers; the proxy hands them on in place of what a client
//! may have sent by these names. They are always there, and empty where there is nothing to tell: the policy asked nothing, say.
//!
//! | header | says |
//! |---|---|
//! | `Handset-Subject` | whose request it is |
//! | `Handset-Acr` | what was shown: `phone` or `email` |
//! | `Handset-Amr` | by which means, such as `sms`; several are separated by blanks |
//! | `Handset-Auth-Time` | when, in seconds since 1970 |
//! | `Handset-Phone` | of which number, masked |
//!
//! The others get what the layer answers: the challenge with its problem as the body, which Traefik and Envoy hand on. nginx hands
//! on no body, so for nginx it is in the header `Handset-Problem`, too.
//!
//! An application without a page for the step has browsers [sent on](ForwardAuth::step_page) to the hosted one, which leaves the proof in a
//! [cookie](ForwardAuth::proof_cookie).
//!
//! # Paths that two servers may read as different ones
//!
//! The path is taken apart as it came, and percent-encoding is undone once. A path is refused with 403 when it holds a segment `.` or
//! `..`, an empty segment before its end, a slash, backslash, `%`, `?`, `#`, `;` or control character that is encoded or stands
//! where it has no place, an encoding that is none, or bytes that are no UTF-8: proxies and applications differ about these. A slash
//! at the end is no difference. Guarded paths are compared without regard to the case of ASCII letters, open ones to the letter.
//! The query decides nothing.
//!
//! An application that takes another method from a header or a field than that of the request is guarded by routes for all methods only.

mod admit;
mod identity;
mod path;
mod proxy;
mod route;

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header::LOCATION, request::Parts};
use http_body_util::{BodyExt, Either, Full};
use tower::{Layer, Service, ServiceExt};

use self::{admit::Admit, proxy::Original};
use crate::{
    layer::{StepUp, StepUpLayer},
    problem::Problem,
    verifier::Verifier,
};

pub(crate) use identity::Identity;
pub use proxy::Proxy;
pub use route::Route;

/// Decides about the requests that a reverse proxy asks about. Cheap to clone. See the [module](crate::forward_auth).
#[derive(Clone, Debug)]
pub struct ForwardAuth {
    settings: Arc<Settings>,
}

#[derive(Clone, Debug)]
struct Settings {
    verifier: Verifier,
    proxy: Proxy,
    routes: Vec<(Route, Option<StepUp<Admit>>)>,
    is_open_elsewhere: bool,
    takes_cookie: bool,
    step_page: Option<Arc<str>>,
    identity: Identity,
}

impl ForwardAuth {
    /// Answers this kind of proxy. Which kind has to be said: each writes other headers, and passes on what a client writes into
    /// those of the others.
    #[must_use]
    pub fn new(verifier: &Verifier, proxy: Proxy) -> Self {
        let (verifier, routes) = (verifier.clone(), Vec::new());
        let settings = Settings {
            verifier,
            proxy,
            routes,
            is_open_elsewhere: false,
            takes_cookie: false,
            step_page: None,
            identity: Identity::default(),
        };
        Self { settings: Arc::new(settings) }
    }

    /// Adds a route, after those that are there.
    #[must_use]
    pub fn route(mut self, route: Route) -> Self {
        let settings = Arc::make_mut(&mut self.settings);
        let guard = settings.guard_of(&route);
        settings.routes.push((route, guard));
        self
    }

    /// Takes a proof from the cookie too in which the hosted step page leaves it (feature `ui`), as
    /// [`StepUpLayer::proof_cookie`] does and under the same conditions: the browser has to say of what is no `GET` or `HEAD` that a page
    /// of the same origin sends it. Behind the proxy the application still sees the cookie.
    #[must_use]
    pub fn proof_cookie(self) -> Self {
        self.guarding(|settings| settings.takes_cookie = true)
    }

    /// Sends a browser that opens a page without a proof on to the hosted step page at this path, such as `/handset/step`, as
    /// [`StepUpLayer::step_page`] does. nginx takes no redirect from the service that it asks: for nginx the answer stays 401, and says
    /// where to in the header `Handset-Step-Page`. Say [`proof_cookie`](Self::proof_cookie) too.
    #[must_use]
    pub fn step_page(self, path: impl Into<Arc<str>>) -> Self {
        self.guarding(|settings| settings.step_page = Some(path.into()))
    }

    /// Changes how every route is guarded, those that are there already too.
    fn guarding(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        let settings = Arc::make_mut(&mut self.settings);
        change(settings);
        let guards: Vec<_> = settings.routes.iter().map(|(route, _)| settings.guard_of(route)).collect();
        settings.routes.iter_mut().zip(guards).for_each(|((_, guard), anew)| *guard = anew);
        self
    }

    /// Lets everything through that no route lists. Without it, that is refused.
    #[must_use]
    pub fn open_elsewhere(mut self) -> Self {
        Arc::make_mut(&mut self.settings).is_open_elsewhere = true;
        self
    }

    /// Takes the subject from a header that the proxy sets, after its own authentication and in place of what a client sends by that
    /// name. A guarded request without it is refused. Default: the [`Subject`](crate::Subject) among the request's extensions, or the visitor's
    /// cookie.
    #[must_use]
    pub fn subject_header(mut self, name: HeaderName) -> Self {
        Arc::make_mut(&mut self.settings).identity.subject = Some(name);
        self
    }

    /// Takes the number of the account, in E.164, from a header that the proxy sets in the same way; proofs of other numbers are refused
    /// then, and so is a guarded request without it. Say it to the endpoints too, as [`Facts::phone`](crate::verifier::Facts::phone).
    /// Without it a proof says that *some* phone was shown.
    #[must_use]
    pub fn phone_header(mut self, name: HeaderName) -> Self {
        Arc::make_mut(&mut self.settings).identity.phone = Some(name);
        self
    }
}

impl<B> Service<Request<B>> for ForwardAuth {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // What proxies send of the body, if anything, decides nothing.
        let (parts, _) = request.into_parts();
        let guarded = self.settings.guard(parts);
        let proxy = self.settings.proxy;
        async move {
            let answer = match guarded {
                Ok(Guarded { guard, request }) => whole(guard.oneshot(request).await?),
                Err(answer) => *answer,
            };
            Ok(if proxy == Proxy::Nginx { for_nginx(answer).await } else { answer })
        }
        .boxed()
    }
}

/// A request, and what it has to pass.
struct Guarded {
    guard: StepUp<Admit>,
    request: Request<()>,
}

impl Settings {
    /// What requests for a route have to pass; nothing for one that is open.
    fn guard_of(&self, route: &Route) -> Option<StepUp<Admit>> {
        let layer = StepUpLayer::new(&self.verifier, route.action()?.clone());
        let layer = if self.takes_cookie { layer.proof_cookie() } else { layer };
        let layer = self.step_page.iter().cloned().fold(layer, StepUpLayer::step_page);
        Some(layer.layer(Admit::new(&self.verifier)))
    }

    /// The original request as the layer takes it; or the answer, where there is nothing to ask.
    fn guard(&self, mut parts: Parts) -> Result<Guarded, Box<Response<Full<Bytes>>>> {
        let refused = |refusal: Refused| Box::new(refusal.into_response());
        let original = Original::of(self.proxy, &parts).map_err(refused)?;
        let route = self.routes.iter().find(|(route, _)| route.is_for(&original));
        let guard = match route {
            Some((_, Some(guard))) => guard.clone(),
            Some((_, None)) => return Err(Box::new(admit::unasked())),
            None if self.is_open_elsewhere => return Err(Box::new(admit::unasked())),
            None => return Err(refused(Refused::NotListed)),
        };
        self.identity.apply(&parts.headers, &mut parts.extensions).map_err(refused)?;
        (parts.method, parts.uri) = (original.method, original.uri);
        // That of the question, which the layer would take for the original one.
        #[cfg(feature = "axum")]
        parts.extensions.remove::<axum::extract::OriginalUri>();
        Ok(Guarded { guard, request: Request::from_parts(parts, ()) })
    }
}

/// Why a request is refused before the layer is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refused {
    /// The proxy did not say which request it asks about.
    NoOriginal,
    /// Its path can be read in two ways.
    Ambiguous(&'static str),
    /// No route lists it.
    NotListed,
    /// The proxy named no subject.
    NoSubject,
    /// The proxy named no number.
    NoPhone,
}

impl Refused {
    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        let (slug, title, detail) = match self {
            Self::NoOriginal => {
                let title = "The proxy does not say what is asked for";
                (
                    "no-original-request",
                    title,
                    "the headers with the original method and URI are missing, or there twice",
                )
            }
            Self::Ambiguous(why) => ("ambiguous-path", "The path can be read in two ways", why),
            Self::NotListed => ("not-listed", "This is not open", "no route lists this path and method"),
            Self::NoPhone => (
                "no-phone",
                "The account has no phone number",
                "the proxy does not say which number the account has, in E.164",
            ),
            Self::NoSubject => ("no-subject", "Nobody is signed in", "the proxy does not say whose request it is"),
        };
        tracing::info!(slug, detail, "forward-auth refused");
        Problem::new(slug, StatusCode::FORBIDDEN, title, detail).into_response()
    }
}

/// nginx takes the status and headers of an answer, and leaves its body: that is in a header too. Of statuses it knows 2xx, 401 and 403.
async fn for_nginx(answer: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    let (mut parts, body) = answer.into_parts();
    if parts.status == StatusCode::SEE_OTHER {
        parts.status = StatusCode::UNAUTHORIZED;
        let page = parts.headers.remove(LOCATION);
        parts.headers.extend(page.map(|page| (STEP_PAGE, page)));
    }
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(never) => match never {},
    };
    // JSON on one line: nothing that a header cannot hold.
    let value = HeaderValue::from_bytes(&body).unwrap_or_else(|_| HeaderValue::from_static(""));
    parts.headers.insert(PROBLEM, value);
    Response::from_parts(parts, Full::from(body))
}

fn whole(answer: Response<Either<Full<Bytes>, Full<Bytes>>>) -> Response<Full<Bytes>> {
    answer.map(|body| match body {
        Either::Left(body) | Either::Right(body) => body,
    })
}

const STEP_PAGE: HeaderName = HeaderName::from_static("handset-step-page");

const PROBLEM: HeaderName = HeaderName::from_static("handset-problem");

#[cfg(test)]
mod tests;
