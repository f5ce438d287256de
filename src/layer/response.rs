//! What a request gets that may not pass.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header::WWW_AUTHENTICATE};
use http_body_util::Full;

use super::PROOF_HEADER;
use crate::{
    error::Error,
    ids::{Action, RuleName},
    policy::Requirement,
    problem::Problem,
    verifier::{Facts, Verifier},
};

/// Why a request was refused; among the extensions of the response, for outer layers to log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// A proof has to be shown.
    StepUp {
        /// The rule that asks for it.
        rule: RuleName,
        /// What was wrong with the proof, or that there was none.
        why: &'static str,
    },
    /// The policy does not allow it.
    Denied {
        /// The rule that says so.
        rule: RuleName,
    },
    /// Whether the proof has been used cannot be told.
    Unavailable,
}

/// Asks for a proof: the challenge of RFC 9470, section 3, and a body that says where to start.
pub(super) fn challenge(
    verifier: &Verifier,
    action: &Action,
    facts: &Facts,
    requirement: &Requirement,
    why: &'static str,
) -> Response<Full<Bytes>> {
    let max_age = requirement.max_age.as_secs();
    tracing::info!(rule = %requirement.rule, why, "step-up required");
    let title = "A proof of phone possession is required";
    let mut problem = Problem::new("step-up-required", StatusCode::UNAUTHORIZED, title, why)
        .with("acr_values", &*requirement.acr)
        .with("max_age", max_age)
        .with("action", action.as_str())
        .with("start", format!("{}/checks", verifier.mount()))
        .with("proof_header", PROOF_HEADER);
    if let Some(binding) = &facts.binding {
        problem = problem.with("binding", binding.as_str());
    }
    let mut response = problem.into_response();
    let challenge = format!(
        r#"Bearer error="insufficient_user_authentication", error_description="{why}", acr_values="{}", max_age="{max_age}""#,
        requirement.acr
    );
    // The policy takes no `acr` that would have to be escaped here.
    if let Ok(challenge) = HeaderValue::from_str(&challenge) {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    with_refusal(response, Refusal::StepUp { rule: requirement.rule.clone(), why })
}

/// Sends a browser to where it can get a proof.
pub(super) fn sent_on(
    response: Response<Full<Bytes>>,
    requirement: &Requirement,
    why: &'static str,
) -> Response<Full<Bytes>> {
    tracing::info!(rule = %requirement.rule, why, "step-up required: sent to the step page");
    with_refusal(response, Refusal::StepUp { rule: requirement.rule.clone(), why })
}

pub(super) fn denial(rule: RuleName, reason: String) -> Response<Full<Bytes>> {
    tracing::info!(%rule, reason, "request denied");
    let detail = format!("the policy does not allow it: {reason}");
    let problem = Problem::new("denied", StatusCode::FORBIDDEN, "The policy does not allow it", detail);
    with_refusal(problem.into_response(), Refusal::Denied { rule })
}

/// The store could not say whether the proof has been used: nobody passes on a guess.
pub(super) fn unclaimed(error: &Error) -> Response<Full<Bytes>> {
    with_refusal(Problem::from(error).into_response(), Refusal::Unavailable)
}

fn with_refusal(mut response: Response<Full<Bytes>>, refusal: Refusal) -> Response<Full<Bytes>> {
    response.extensions_mut().insert(refusal);
    response
}
