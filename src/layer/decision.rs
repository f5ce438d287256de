//! The decision about a request: one function, whatever carries the request.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Response, request::Parts};
use http_body_util::Full;

use super::{PROOF, StepUpLayer, browser, grpc, response};
use crate::{
    ids::Subject,
    policy::Requirement,
    verifier::{Caller, Facts, Gate, SingleUse, Visit},
    visitor,
};

/// What becomes of a request.
pub(crate) enum Decision {
    /// It goes on.
    Pass,
    /// It goes on when the single use of its proof can be taken; what that fails with is the answer.
    Claim(Claim),
    /// It goes no further.
    Refuse(Response<Full<Bytes>>),
}

/// The single use of a proof, being taken.
pub(crate) type Claim = BoxFuture<'static, Result<(), Response<Full<Bytes>>>>;

/// Among the extensions of a request that a layer let through, so that a handler can tell "nothing was asked" from "nobody asked".
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passed;

/// Beside it, who stands behind the visitor's cookie, where the application named no subject.
#[derive(Clone, Debug)]
#[cfg_attr(not(any(feature = "axum", feature = "actix")), expect(dead_code, reason = "only extractors read it"))]
pub(crate) struct Visitor(pub(crate) Subject);

impl StepUpLayer {
    /// Decides about a request by its head, and leaves there what the handler may know: the proof without its token.
    pub(crate) fn decide(&self, parts: &mut Parts) -> Decision {
        let Self { verifier, action, facts, .. } = self;
        let mut facts = facts(parts);
        let caller = parts.extensions.get::<Caller>().copied().unwrap_or_default();
        facts.client_ip = facts.client_ip.or(caller.ip);
        let named = parts.extensions.get::<Subject>();
        let visitor = if named.is_none() { visitor::of_cookie(verifier, &parts.headers) } else { None };
        let token = self.token(parts);
        let visit = Visit { action, subject: named.or(visitor.as_ref()), token, facts: &facts };
        let gate = if self.is_open(parts.uri.path()) { Gate::Open } else { verifier.gate(&visit) };
        if matches!(gate, Gate::Open | Gate::Proven { .. }) {
            parts.extensions.insert(Passed);
            visitor.and_then(|visitor| parts.extensions.insert(Visitor(visitor)));
        }
        match gate {
            Gate::Open => Decision::Pass,
            Gate::Proven { proof, requirement, claim } => {
                // The token has done its work; nothing behind the layer needs it, or logs it.
                parts.headers.remove(&PROOF);
                if self.takes_cookie {
                    visitor::remove_proof(&mut parts.headers);
                }
                parts.extensions.insert(proof);
                match claim {
                    None => Decision::Pass,
                    Some(claim) => Decision::Claim(self.clone().take(facts, requirement, claim)),
                }
            }
            Gate::StepUp { requirement, why } => {
                if let Some(page) = &self.step_page
                    && let Some(sent) = browser::step_page(parts, page, action, facts.binding.as_ref())
                {
                    return Decision::Refuse(response::sent_on(sent, &requirement, why));
                }
                Decision::Refuse(self.say(response::challenge(verifier, action, &facts, &requirement, why)))
            }
            Gate::Deny { rule, reason } => Decision::Refuse(self.say(response::denial(rule, reason))),
        }
    }

    /// The proof that a request shows.
    fn token<'p>(&self, parts: &'p Parts) -> Option<&'p str> {
        match parts.headers.get(&PROOF) {
            Some(value) => value.to_str().ok(),
            None if self.takes_cookie => browser::proof(parts),
            None => None,
        }
    }

    /// Takes the single use of a proof, or makes the answer of a request that may not have it.
    fn take(self, facts: Facts, requirement: Requirement, claim: SingleUse) -> Claim {
        Box::pin(async move {
            match self.verifier.claim(claim).await {
                Ok(true) => Ok(()),
                Ok(false) => {
                    let why = "the proof has been used; get another one";
                    Err(self.say(response::challenge(&self.verifier, &self.action, &facts, &requirement, why)))
                }
                Err(error) => Err(self.say(response::unclaimed(&error))),
            }
        })
    }

    /// A refusal in the protocol of the client.
    fn say(&self, refusal: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
        match self.grpc {
            true => grpc::trailers_only(refusal),
            false => refusal,
        }
    }

    fn is_open(&self, path: &str) -> bool {
        self.open.iter().any(|open| open == path)
    }
}
