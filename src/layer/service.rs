//! The service: decides about each request, and passes on what may pass.

use std::{
    mem,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{Either, Full};
use tower::Service;

use super::{Decision, ResponseFuture, StepUpLayer};

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
        let (mut parts, body) = request.into_parts();
        let decision = self.layer.decide(&mut parts);
        let request = Request::from_parts(parts, body);
        match decision {
            Decision::Pass => ResponseFuture::pass(self.inner.call(request)),
            Decision::Claim(claim) => {
                // The clone that was polled ready is the one that is called.
                let next = self.inner.clone();
                let ready = mem::replace(&mut self.inner, next);
                ResponseFuture::claim(claim, ready, request)
            }
            Decision::Refuse(response) => ResponseFuture::refuse(response),
        }
    }
}
