//! What clients and vendors call: one tower service to mount under a prefix.
//!
//! | method and path below the mount | does |
//! |---|---|
//! | `POST /checks` | starts a check |
//! | `GET /checks/{id}` | says where it stands; `Prefer: wait=N` waits for a change |
//! | `POST /checks/{id}/code` | hands in a code |
//! | `POST /checks/{id}/next` | goes on to the next channel |
//! | `DELETE /checks/{id}` | calls it off |
//! | `GET /redirect/{provider}`, `POST /callback/{provider}/{token}` | for providers that use them |
//! | `GET /step`, `POST /step`, `GET /step/changes` | the page of a step, where [`Endpoints::step_pages`] has switched it on |
//! | `GET /.well-known/jwks.json`, `GET /openapi.json` | the keys of proofs, the description |
//!
//! Bodies are JSON, errors are problems (RFC 9457), nothing is cached. Whose request it is, the application says by putting a
//! [`Subject`] into the request's extensions; for visitors without one, a `__Host-` cookie is set. The client's
//! address comes as a [`Caller`], what the policy needs to know as [`Facts`], both in the extensions.

mod body;
mod callback;
mod code;
mod jwks;
#[cfg(any(feature = "axum", feature = "actix"))]
mod nesting;
mod next;
mod openapi;
mod redirect;
mod start;
mod status;
#[cfg(feature = "ui")]
mod step;
mod view;

use std::{
    convert::Infallible,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{ALLOW, SET_COOKIE},
    request::Parts,
};
use http_body::Body;
use http_body_util::Full;
use tower::{BoxError, Service};

#[cfg(feature = "ui")]
use crate::step_page::StepPages;
use crate::{
    body::TIME_OUT,
    error::Result,
    ids::{CheckId, Subject},
    problem::Problem,
    verifier::{Caller, Facts, Verifier},
    visitor,
};

/// The HTTP surface as a tower service. Cheap to clone.
///
/// It knows its mount from the verifier, so that it can be nested by a router that strips the prefix, as axum's
/// `nest_service` does, or be called with the whole path. With the feature `axum`, a router of axum that has nested it under a path
/// with which the mount does not end gets 500 for every request, since challenges would point elsewhere; `adapter::axum::routes`
/// nests it right.
#[derive(Clone, Debug)]
pub struct Endpoints {
    verifier: Verifier,
    body_time_out: Duration,
    #[cfg(feature = "ui")]
    pages: Option<StepPages>,
}

impl Endpoints {
    /// Serves the checks of a verifier.
    #[must_use]
    pub fn new(verifier: &Verifier) -> Self {
        Self {
            verifier: verifier.clone(),
            body_time_out: TIME_OUT,
            #[cfg(feature = "ui")]
            pages: None,
        }
    }

    /// How long the body of a request may take to arrive whole; one that takes longer is answered with 408. Default ten seconds.
    ///
    /// Heads that come slowly, and how many connections there are at once, only the server can bound: set its time-out for heads.
    #[must_use]
    pub fn body_time_out(mut self, time_out: Duration) -> Self {
        self.body_time_out = time_out;
        self
    }

    /// Serves the page of a step too, for applications that have none of their own: `/step` below the mount. `docs/step-page.md` says
    /// what it is asked with, and how the proof comes back.
    #[cfg(feature = "ui")]
    #[cfg_attr(docsrs, doc(cfg(feature = "ui")))]
    #[must_use]
    pub fn step_pages(mut self, pages: StepPages) -> Self {
        self.pages = Some(pages);
        self
    }

    /// The path under which they are served: the verifier's [mount](crate::verifier::Builder::mount).
    #[must_use]
    pub fn mount(&self) -> &str {
        self.verifier.mount()
    }

    /// Answers a request with its whole path, which has to be below the mount.
    #[cfg(feature = "actix")]
    pub(crate) async fn answer_below<B>(&self, head: Parts, body: B) -> Response<Full<Bytes>>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        let answer = async {
            nesting::by_path(&self.verifier, &head)?;
            serve(self, Request::from_parts(head, body)).await
        };
        answer.await.unwrap_or_else(Problem::into_response)
    }

    /// The first segments below the mount, and whether something may follow: for routers that cannot nest at the root.
    #[cfg(any(feature = "axum", feature = "actix"))]
    pub(crate) const AT_ROOT: &[(&'static str, bool)] = &[
        ("/checks", true),
        #[cfg(feature = "ui")]
        ("/step", true),
        ("/redirect", true),
        ("/callback", true),
        ("/.well-known/jwks.json", false),
        ("/openapi.json", false),
    ];
}

impl From<&Verifier> for Endpoints {
    fn from(verifier: &Verifier) -> Self {
        Self::new(verifier)
    }
}

impl<B> Service<Request<B>> for Endpoints
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let endpoints = self.clone();
        async move { Ok(serve(&endpoints, request).await.unwrap_or_else(Problem::into_response)) }.boxed()
    }
}

/// What an operation answers, or the problem with the request.
type Served = Result<Response<Full<Bytes>>, Problem>;

async fn serve<B>(endpoints: &Endpoints, request: Request<B>) -> Served
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let Endpoints { verifier, body_time_out: time_out, .. } = endpoints;
    let (parts, body) = request.into_parts();
    #[cfg(feature = "axum")]
    nesting::by_axum(verifier, &parts)?;
    let path = parts.uri.path();
    let path = path.strip_prefix(verifier.mount()).filter(|rest| rest.starts_with('/')).unwrap_or(path);
    let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    match (segments.as_slice(), parts.method.as_str()) {
        // A slash too many names nothing; an empty id would otherwise be taken for one that is unknown.
        (segments, _) if segments.contains(&"") => Err(not_found(NO_ENDPOINT)),
        #[cfg(feature = "ui")]
        (["step", rest @ ..], method) if endpoints.pages.is_some() => {
            step::serve(endpoints, &parts, body, rest, method).await
        }
        (["checks"], "POST") => {
            let (visit, cookie) = Visit::or_newcomer(verifier, &parts)?;
            let asked = body::json(&parts.headers, body, *time_out).await?;
            let mut response = start::serve(verifier, visit, &parts.headers, asked).await?;
            if let Some(cookie) = cookie {
                response.headers_mut().insert(SET_COOKIE, cookie);
            }
            Ok(response)
        }
        (["checks"], _) => Err(method_not_allowed("POST")),
        (["checks", id], "GET") => {
            status::serve(verifier, Visit::of(verifier, &parts)?, id_of(id)?, &parts.headers).await
        }
        (["checks", id], "DELETE") => next::cancel(verifier, Visit::of(verifier, &parts)?, id_of(id)?).await,
        (["checks", _], _) => Err(method_not_allowed("GET, DELETE")),
        (["checks", id, "code"], "POST") => {
            let visit = Visit::of(verifier, &parts)?;
            code::serve(verifier, visit, id_of(id)?, body::json(&parts.headers, body, *time_out).await?).await
        }
        (["checks", id, "next"], "POST") => next::serve(verifier, Visit::of(verifier, &parts)?, id_of(id)?).await,
        (["checks", _, "code" | "next"], _) => Err(method_not_allowed("POST")),
        (["redirect", provider], "GET") => redirect::serve(verifier, &parts, provider).await,
        (["redirect", _], _) => Err(method_not_allowed("GET")),
        (["callback", provider, token], "GET" | "POST") => {
            callback::serve(verifier, provider, token, &parts, body::bytes(body, *time_out).await?).await
        }
        (["callback", _, _], _) => Err(method_not_allowed("GET, POST")),
        ([".well-known", "jwks.json"], "GET") => Ok(jwks::serve(verifier)),
        (["openapi.json"], "GET") => Ok(openapi::serve()),
        ([".well-known", "jwks.json"] | ["openapi.json"], _) => Err(method_not_allowed("GET")),
        _ => Err(not_found(NO_ENDPOINT)),
    }
}

/// Who asks, from where, and what the application knows about it.
struct Visit {
    subject: Subject,
    caller: Caller,
    facts: Facts,
}

impl Visit {
    /// The visit of a known subject. Without one there is no check that it could ask about.
    fn of(verifier: &Verifier, parts: &Parts) -> Result<Self, Problem> {
        let subject = visitor::subject(verifier, &parts.extensions, &parts.headers).ok_or_else(ended)?;
        Ok(Self::new(subject, parts))
    }

    /// The visit of a known subject, or of a newcomer with the cookie that it gets.
    fn or_newcomer(verifier: &Verifier, parts: &Parts) -> Result<(Self, Option<HeaderValue>), Problem> {
        match visitor::subject(verifier, &parts.extensions, &parts.headers) {
            Some(subject) => Ok((Self::new(subject, parts), None)),
            None => {
                let (subject, cookie) = visitor::newcomer(verifier).map_err(|error| Problem::from(&error))?;
                Ok((Self::new(subject, parts), Some(cookie)))
            }
        }
    }

    fn new(subject: Subject, parts: &Parts) -> Self {
        let caller = parts.extensions.get::<Caller>().copied().unwrap_or_default();
        let facts = parts.extensions.get::<Facts>().cloned().unwrap_or_default();
        Self { subject, caller, facts }
    }
}

/// A text that is no id gets the answer of an id that is unknown.
fn id_of(text: &str) -> Result<CheckId, Problem> {
    text.parse().map_err(|_| ended())
}

fn ended() -> Problem {
    Problem::from(&crate::verifier::ended())
}

fn not_found(detail: &'static str) -> Problem {
    Problem::new("not-found", StatusCode::NOT_FOUND, "There is nothing here", detail)
}

fn method_not_allowed(allowed: &'static str) -> Problem {
    let detail = format!("this path takes {}", allowed.replace(", ", " and "));
    Problem::new("method-not-allowed", StatusCode::METHOD_NOT_ALLOWED, "This method does nothing here", detail)
        .with_header(ALLOW, HeaderValue::from_static(allowed))
}

const NO_ENDPOINT: &str = "there is no such endpoint; `openapi.json` under the mount lists them";
