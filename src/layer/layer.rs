//! The layer: what to guard with, before there is anything to guard.

use std::{fmt, sync::Arc};

use http::request::Parts;
use tower::Layer;

use super::StepUp;
use crate::{
    ids::Action,
    verifier::{Facts, Verifier},
};

/// Asks for a proof where the policy says so. See the [module](crate::layer).
#[derive(Clone)]
pub struct StepUpLayer {
    pub(super) verifier: Verifier,
    pub(super) action: Action,
    pub(super) facts: Arc<dyn Fn(&Parts) -> Facts + Send + Sync>,
    pub(super) open: Arc<[String]>,
    pub(super) grpc: bool,
    pub(super) takes_cookie: bool,
    pub(super) step_page: Option<Arc<str>>,
}

impl StepUpLayer {
    /// Guards what does `action`.
    ///
    /// A policy whose rules never ask anything of this action is logged as a warning: such a layer lets everything through.
    #[must_use]
    pub fn new(verifier: &Verifier, action: Action) -> Self {
        if !verifier.guards(&action) {
            tracing::warn!(%action, "no [[step_up]] rule of the policy can apply to this action: the layer never asks");
        }
        let from_extensions = |parts: &Parts| parts.extensions.get::<Facts>().cloned().unwrap_or_default();
        let (facts, open) = (Arc::new(from_extensions), Arc::default());
        let verifier = verifier.clone();
        Self { verifier, action, facts, open, grpc: false, takes_cookie: false, step_page: None }
    }

    /// Takes the facts from the head of each request, in place of those in its extensions.
    #[must_use]
    pub fn facts(mut self, facts: impl Fn(&Parts) -> Facts + Send + Sync + 'static) -> Self {
        self.facts = Arc::new(facts);
        self
    }

    /// Lets requests of exactly these paths through, and guards all the others. For what has no routes to put a layer on, such as
    /// the methods of a gRPC service: a name that is misspelt here is a method that is guarded, and not one that is open.
    #[must_use]
    pub fn leave_open<P: Into<String>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.open = paths.into_iter().map(Into::into).collect();
        self
    }

    /// Refuses as a gRPC client reads it: with the status `UNAUTHENTICATED`, the challenge in the metadata `www-authenticate` and
    /// the problem, which says where to start, in `handset-problem-bin`; with `PERMISSION_DENIED` or `UNAVAILABLE` where HTTP
    /// has 403 or 503. The client shows its proof in the metadata `handset-proof`.
    ///
    /// The layer stands before a service of tonic, or before a whole server; `examples/tonic.rs` shows both ends.
    #[must_use]
    pub fn grpc(mut self) -> Self {
        self.grpc = true;
        self
    }

    /// Takes a proof from the cookie too in which the hosted step page leaves it (feature `ui`). A cookie comes with requests that
    /// other sites have the browser send, so it counts only where those cannot be: for what is no `GET` or `HEAD`, a page of the same
    /// origin has to send it, by what the browser says in `Sec-Fetch-Site` or `Origin`. A `GET` that changes something is not safe here.
    #[must_use]
    pub fn proof_cookie(mut self) -> Self {
        self.takes_cookie = true;
        self
    }

    /// Sends a browser that opens a page without a proof on to the hosted step page at this path, such as `/handset/step`, in place
    /// of a 401; when the step is taken it comes back. All other requests get the 401. The browser comes back with a cookie: say
    /// [`proof_cookie`](Self::proof_cookie) too.
    #[must_use]
    pub fn step_page(mut self, path: impl Into<Arc<str>>) -> Self {
        self.step_page = Some(path.into());
        self
    }
}

impl<S> Layer<S> for StepUpLayer {
    type Service = StepUp<S>;

    fn layer(&self, inner: S) -> StepUp<S> {
        StepUp { inner, layer: self.clone() }
    }
}

impl fmt::Debug for StepUpLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepUpLayer").field("action", &self.action).finish_non_exhaustive()
    }
}
