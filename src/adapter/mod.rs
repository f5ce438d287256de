//! What web stacks need beyond tower: extractors and routes for axum, the layer and the endpoints for actix-web.
//!
//! On every stack the same decision is made and the same endpoints answer; what is here carries requests to them. hyper and
//! whatever speaks tower need nothing from here, tonic neither: its services take a [`StepUpLayer`](crate::StepUpLayer) with
//! [`grpc`](crate::StepUpLayer::grpc).
//!
//! A handler that takes [`Proven`] cannot run without a proof: where no layer stands before it, or the policy asks nothing of the
//! request, the answer is 500 and the log says what to mend.

#[cfg(feature = "actix")]
#[cfg_attr(docsrs, doc(cfg(feature = "actix")))]
pub mod actix;
#[cfg(feature = "axum")]
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
pub mod axum;

use std::{fmt, sync::Arc};

use http::{HeaderValue, StatusCode, header::WWW_AUTHENTICATE};

use crate::{
    ids::Subject,
    layer::{Passed, Visitor},
    problem::{Problem, misconfigured},
    proof::Proof,
};

/// Extracts the proof that a [`StepUpLayer`](crate::StepUpLayer) has checked for this request.
///
/// ```
/// use handset::adapter::Proven;
///
/// async fn transfer(Proven(proof): Proven) -> String {
///     format!("approved with the phone {}", proof.phone())
/// }
/// ```
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "taken apart in the arguments of handlers")]
pub struct Proven(pub Arc<Proof>);

/// Why there is nothing to extract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// No layer stands before the handler: 500, a mistake in the program.
    NoLayer,
    /// A layer let the request through without a proof, since the policy asks for none, but the handler insists: 500.
    NothingAsked,
    /// Nobody is signed in, and there is no visitor either: 401.
    NoSubject,
}

impl Proven {
    fn from_parts(proof: Option<&Arc<Proof>>, passed: Option<&Passed>) -> Result<Self, Rejection> {
        Self::maybe(proof, passed)?.ok_or_else(|| Rejection::NothingAsked.logged())
    }

    /// `None` only where a layer has looked and the policy asks nothing.
    fn maybe(proof: Option<&Arc<Proof>>, passed: Option<&Passed>) -> Result<Option<Self>, Rejection> {
        match (proof, passed) {
            (_, None) => Err(Rejection::NoLayer.logged()),
            (proof, Some(_)) => Ok(proof.cloned().map(Self)),
        }
    }
}

impl Rejection {
    fn logged(self) -> Self {
        tracing::error!(reason = %self, "a handler takes a proof that cannot be there");
        self
    }

    fn problem(self) -> Problem {
        match self {
            Self::NoLayer | Self::NothingAsked => misconfigured(),
            Self::NoSubject => {
                let detail = "this is for somebody who is signed in";
                Problem::new("no-subject", StatusCode::UNAUTHORIZED, "Nobody is signed in", detail)
                    .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
            }
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoLayer => "no `StepUpLayer` stands before this handler: put one on its route",
            Self::NothingAsked => {
                "the policy asks nothing of this request, but its handler insists on a proof: add a [[step_up]] rule, or take \
                 an optional proof"
            }
            Self::NoSubject => "no `Subject` is among the request's extensions, and there is no visitor's cookie",
        })
    }
}

impl std::error::Error for Rejection {}

/// Whose request it is: the application's own subject, else the visitor that a layer has met.
fn subject(own: Option<&Subject>, visitor: Option<&Visitor>) -> Result<Subject, Rejection> {
    own.or_else(|| visitor.map(|Visitor(subject)| subject)).cloned().ok_or(Rejection::NoSubject)
}
