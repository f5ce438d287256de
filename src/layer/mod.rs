//! Guards a route: a request goes through when the policy asks nothing of it, or when its proof meets what is asked.
//!
//! The layer belongs to one action. What else the policy's rules need to know, the application says in [`Facts`], either as a
//! request extension or through [`StepUpLayer::facts`]. The client shows a proof in the header [`PROOF_HEADER`]; a request
//! without one that is good enough gets a 401 with a challenge by RFC 9470 and a problem by RFC 9457 that says where to start.
//! A browser may be sent to the [step page](StepUpLayer::step_page) instead, and come back with its proof in a
//! [cookie](StepUpLayer::proof_cookie).
//!
//! A handler behind the layer finds the proof as [`Arc<Proof>`](crate::Proof) among the request's extensions. Outer layers
//! find the reason of a refusal as [`Refusal`] among the response's extensions.
//!
//! ```
//! use handset::{Action, StepUpLayer, Verifier};
//!
//! fn guard(verifier: &Verifier) -> handset::Result<StepUpLayer> {
//!     Ok(StepUpLayer::new(verifier, Action::new("transfer")?))
//! }
//! ```
//!
//! [`Facts`]: crate::verifier::Facts

mod browser;
mod client_ip;
mod decision;
mod future;
mod grpc;
#[expect(clippy::module_inception, reason = "the layer of the layer, as every middleware has one")]
mod layer;
mod response;
mod service;

use http::HeaderName;

pub use client_ip::{ClientIpLayer, WithClientIp};
pub(crate) use decision::Decision;
#[cfg(any(feature = "axum", feature = "actix"))]
pub(crate) use decision::{Passed, Visitor};
pub use future::ResponseFuture;
pub use layer::StepUpLayer;
pub use response::Refusal;
pub use service::StepUp;

/// The request header that carries a proof token.
pub const PROOF_HEADER: &str = "handset-proof";

/// The same, read once and not with each request.
static PROOF: HeaderName = HeaderName::from_static(PROOF_HEADER);
