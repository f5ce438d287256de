//! The service: decides about each request, and passes on what may pass.

use std::{
    mem,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::{Either, Full};
use tower::Service;

use super::{PROOF_HEADER, ResponseFuture, StepUpLayer, response};
use crate::{
    policy::Requirement,
    verifier::{Facts, Gate, SingleUse, Visit},
    visitor,
};

/// A service behind a [`StepUpLayer`].
#[derive(Clone, Debug)]
pub struct StepUp<S> {
    pub(super) inner: S,
    pub(super) layer: StepUpLayer,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for StepUp<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
{
    type Response = Response<Either<ResBody, Full<Bytes>>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let StepUpLayer { verifier, action, facts } = &self.layer;
        let (mut parts, body) = request.into_parts();
        let facts = facts(&parts);
        let subject = visitor::subject(verifier, &parts.extensions, &parts.headers);
        let token = parts.headers.get(PROOF_HEADER).and_then(|value| value.to_str().ok());
        let visit = Visit { action, subject: subject.as_ref(), token, facts: &facts };
        match verifier.gate(&visit) {
            Gate::Open => ResponseFuture::pass(self.inner.call(Request::from_parts(parts, body))),
            Gate::Proven { proof, requirement, claim } => {
                // The token has done its work; nothing behind the layer needs it, or logs it.
                parts.headers.remove(PROOF_HEADER);
                parts.extensions.insert(proof);
                let request = Request::from_parts(parts, body);
                match claim {
                    None => ResponseFuture::pass(self.inner.call(request)),
                    Some(claim) => {
                        // The clone that was polled ready is the one that is called.
                        let next = self.inner.clone();
                        let ready = mem::replace(&mut self.inner, next);
                        ResponseFuture::claim(take(self.layer.clone(), facts, requirement, claim), ready, request)
                    }
                }
            }
            Gate::StepUp { requirement, why } => {
                ResponseFuture::refuse(response::challenge(verifier, action, &facts, &requirement, why))
            }
            Gate::Deny { rule, reason } => ResponseFuture::refuse(response::denial(rule, reason)),
        }
    }
}

/// Takes the single use of a proof, or makes the answer of a request that may not have it.
fn take(
    layer: StepUpLayer,
    facts: Facts,
    requirement: Requirement,
    claim: SingleUse,
) -> BoxFuture<'static, Result<(), Response<Full<Bytes>>>> {
    Box::pin(async move {
        let StepUpLayer { verifier, action, .. } = layer;
        match verifier.claim(claim).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                let why = "the proof has been used; get another one";
                Err(response::challenge(&verifier, &action, &facts, &requirement, why))
            }
            Err(error) => Err(response::unclaimed(&error)),
        }
    })
}
