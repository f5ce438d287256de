//! The future: carries the decision, and takes the single use of a proof before the handler runs.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::{Either, Full};
use pin_project_lite::pin_project;
use tower::Service;

pin_project! {
    /// The answer of a [`StepUp`](super::StepUp) service.
    pub struct ResponseFuture<S, ReqBody>
    where
        S: Service<Request<ReqBody>>,
    {
        #[pin]
        state: State<S, S::Future, ReqBody>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, F, ReqBody> {
        /// Nothing more to decide.
        Pass { #[pin] future: F },
        /// The single use of the proof is being taken; what is to be called waits.
        Claim { claim: BoxFuture<'static, Result<(), Response<Full<Bytes>>>>, call: Option<(S, Request<ReqBody>)> },
        /// The request goes no further.
        Refuse { response: Option<Response<Full<Bytes>>> },
    }
}

impl<S: Service<Request<ReqBody>>, ReqBody> ResponseFuture<S, ReqBody> {
    pub(super) fn pass(future: S::Future) -> Self {
        Self { state: State::Pass { future } }
    }

    /// Waits for `claim`, then calls the service that is ready; what the claim fails with is the answer.
    pub(super) fn claim(
        claim: BoxFuture<'static, Result<(), Response<Full<Bytes>>>>,
        ready: S,
        request: Request<ReqBody>,
    ) -> Self {
        Self { state: State::Claim { claim, call: Some((ready, request)) } }
    }

    pub(super) fn refuse(response: Response<Full<Bytes>>) -> Self {
        Self { state: State::Refuse { response: Some(response) } }
    }
}

impl<S, ReqBody, ResBody> Future for ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Output = Result<Response<Either<ResBody, Full<Bytes>>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Pass { future } => {
                    return Poll::Ready(Ok(ready!(future.poll(cx))?.map(Either::Left)));
                }
                StateProjection::Refuse { response } => {
                    // INVARIANT: a future is not polled again after it was ready.
                    return Poll::Ready(Ok(response.take().unwrap_or_default().map(Either::Right)));
                }
                StateProjection::Claim { claim, call } => match (ready!(claim.as_mut().poll(cx)), call.take()) {
                    (Ok(()), Some((mut service, request))) => State::Pass { future: service.call(request) },
                    (Ok(()), None) => State::Refuse { response: None },
                    (Err(response), _) => State::Refuse { response: Some(response) },
                },
            };
            state.set(next);
        }
    }
}

impl<S: Service<Request<ReqBody>>, ReqBody> fmt::Debug for ResponseFuture<S, ReqBody> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture")
    }
}
