//! The decision about a request: one function, whatever carries the request.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Response, request::Parts};
use http_body_util::Full;

use super::{PROOF_HEADER, StepUpLayer, grpc, response};
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
#[derive(Clone, Debug)]
#[cfg_attr(not(any(feature = "axum", feature = "actix")), expect(dead_code, reason = "only extractors read it"))]
pub(crate) struct Passed {
    /// Who stands behind the visitor's cookie, where the application named no subject.
    pub(crate) visitor: Option<Subject>,
}

impl StepUpLayer {
    /// Decides about a request by its head, and leaves there what the handler may know: the proof without its token.
    pub(crate) fn decide(&self, parts: &mut Parts) -> Decision {
        let Self { verifier, action, facts, .. } = self;
        let mut facts = facts(parts);
        let caller = parts.extensions.get::<Caller>().copied().unwrap_or_default();
        facts.client_ip = facts.client_ip.or(caller.ip);
        let subject = visitor::subject(verifier, &parts.extensions, &parts.headers);
        let token = parts.headers.get(PROOF_HEADER).and_then(|value| value.to_str().ok());
        let visit = Visit { action, subject: subject.as_ref(), token, facts: &facts };
        let gate = if self.is_open(parts.uri.path()) { Gate::Open } else { verifier.gate(&visit) };
        let passed = Passed { visitor: subject.filter(|_| parts.extensions.get::<Subject>().is_none()) };
        match gate {
            Gate::Open => {
                parts.extensions.insert(passed);
                Decision::Pass
            }
            Gate::Proven { proof, requirement, claim } => {
                // The token has done its work; nothing behind the layer needs it, or logs it.
                parts.headers.remove(PROOF_HEADER);
                parts.extensions.insert(proof);
                parts.extensions.insert(passed);
                match claim {
                    None => Decision::Pass,
                    Some(claim) => Decision::Claim(self.clone().take(facts, requirement, claim)),
                }
            }
            Gate::StepUp { requirement, why } => {
                Decision::Refuse(self.say(response::challenge(verifier, action, &facts, &requirement, why)))
            }
            Gate::Deny { rule, reason } => Decision::Refuse(self.say(response::denial(rule, reason))),
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
