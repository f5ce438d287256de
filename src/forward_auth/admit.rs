//! The answer to a request that may go on, which stands behind the layer in place of a handler.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
    time::SystemTime,
};

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Request, Response,
    header::{CACHE_CONTROL, HeaderMap},
};
use http_body_util::Full;
use tower::Service;

use crate::{ids::Subject, proof::Proof, verifier::Verifier, visitor};

/// Says 200, and what was shown.
#[derive(Clone, Debug)]
pub(super) struct Admit {
    verifier: Verifier,
}

impl Admit {
    pub(super) fn new(verifier: &Verifier) -> Self {
        Self { verifier: verifier.clone() }
    }
}

impl Service<Request<()>> for Admit {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let subject = visitor::subject(&self.verifier, request.extensions(), request.headers());
        ready(Ok(admitted(subject.as_ref(), request.extensions().get::<Arc<Proof>>().map(Arc::as_ref))))
    }
}

/// The answer where nobody was asked for anything.
pub(super) fn unasked() -> Response<Full<Bytes>> {
    admitted(None, None)
}

fn admitted(subject: Option<&Subject>, proof: Option<&Proof>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Each one always, so that none of a client's own is left in its place.
    tell(headers, SUBJECT, subject.map(Subject::as_str));
    tell(headers, ACR, proof.map(Proof::acr));
    tell(headers, AMR, proof.map(|proof| proof.amr().join(" ")).as_deref());
    tell(headers, AUTH_TIME, proof.map(|proof| seconds(proof.auth_time())).as_deref());
    tell(headers, PHONE, proof.map(|proof| proof.phone().to_string()).as_deref());
    response
}

fn tell(headers: &mut HeaderMap, name: HeaderName, text: Option<&str>) {
    // A subject has no control character, and nothing else here can have one.
    let value = HeaderValue::from_bytes(text.unwrap_or_default().as_bytes());
    headers.insert(name, value.unwrap_or_else(|_| HeaderValue::from_static("")));
}

fn seconds(time: SystemTime) -> String {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs().to_string()
}

const SUBJECT: HeaderName = HeaderName::from_static("handset-subject");
const ACR: HeaderName = HeaderName::from_static("handset-acr");
const AMR: HeaderName = HeaderName::from_static("handset-amr");
const AUTH_TIME: HeaderName = HeaderName::from_static("handset-auth-time");
const PHONE: HeaderName = HeaderName::from_static("handset-phone");
