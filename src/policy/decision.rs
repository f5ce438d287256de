//! What a policy answers.

use std::time::Duration;

use super::route::Plan;
use crate::ids::RuleName;

/// Whether a request needs a step.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "callers must handle a new decision")]
#[must_use]
pub enum StepUp {
    /// It does not.
    Allow,
    /// It is refused, whatever is shown.
    Deny {
        /// The rule that says so.
        rule: RuleName,
        /// Why, in the words of the file.
        reason: String,
    },
    /// It needs a proof.
    Require(Requirement),
}

/// What a proof must meet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Requirement {
    /// The rule that asks.
    pub rule: RuleName,
    /// The authentication context class that the proof must have: one word of ASCII.
    pub acr: String,
    /// How long ago the check may have ended, in whole seconds: 1 second to 31 days.
    pub max_age: Duration,
    /// Whether the proof is used up by this request.
    pub single_use: bool,
}

/// Which routes a check may use.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "callers must handle a new decision")]
#[must_use]
pub enum Routing {
    /// These.
    Try(Plan),
    /// None.
    Deny {
        /// The rule that says so, or `None` when no rule matched.
        rule: Option<RuleName>,
        /// Why, in the words of the file; `no_route` when no rule matched.
        reason: String,
    },
}
