//! What a policy answers.

use std::{fmt, sync::Arc, time::Duration};

use serde::{Serialize, Serializer};

use super::{bits, route::Plan, rule::Section};
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
    pub acr: Arc<str>,
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

/// The answer to either question, as it stands in the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "callers must handle a new decision")]
#[must_use]
pub enum Decision<'p> {
    /// No step is needed.
    Allow,
    /// A proof is needed.
    Require(&'p Requirement),
    /// These routes.
    Try(&'p Plan),
    /// No, with the reason.
    Deny(&'p str),
}

impl Decision<'_> {
    /// Whether it has the same effect: the names of rules and the words of reasons aside.
    #[must_use]
    pub fn is_same(self, other: Decision<'_>) -> bool {
        match (self, other) {
            (Self::Allow, Decision::Allow) | (Self::Deny(_), Decision::Deny(_)) => true,
            (Self::Require(a), Decision::Require(b)) => {
                (&a.acr, a.max_age, a.single_use) == (&b.acr, b.max_age, b.single_use)
            }
            (Self::Try(a), Decision::Try(b)) => {
                (&a.routes, a.preflight, &a.code, &a.message) == (&b.routes, b.preflight, &b.code, &b.message)
            }
            _ => false,
        }
    }
}

/// One line: `allow`, `deny number_type`, `require phone` or `try citcall/flash_call, zadarma/sms`.
impl fmt::Display for Decision<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allow => f.write_str("allow"),
            Self::Require(requirement) => write!(f, "require {}", requirement.acr),
            Self::Deny(reason) => write!(f, "deny {reason}"),
            Self::Try(plan) => {
                let routes: Vec<_> = plan.routes().iter().map(ToString::to_string).collect();
                write!(f, "try {}", routes.join(", "))
            }
        }
    }
}

impl<'p> From<&'p StepUp> for Decision<'p> {
    fn from(answer: &'p StepUp) -> Self {
        match answer {
            StepUp::Allow => Self::Allow,
            StepUp::Deny { reason, .. } => Self::Deny(reason),
            StepUp::Require(requirement) => Self::Require(requirement),
        }
    }
}

impl<'p> From<&'p Routing> for Decision<'p> {
    fn from(answer: &'p Routing) -> Self {
        match answer {
            Routing::Try(plan) => Self::Try(plan),
            Routing::Deny { reason, .. } => Self::Deny(reason),
        }
    }
}

/// A decision and what made it. Borrows from the policy; making one allocates nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct Evaluation<'p> {
    /// Which question was asked.
    pub section: Section,
    /// The answer.
    pub decision: Decision<'p>,
    /// The rule that decided, the first that matched, or `None` when none did.
    pub rule: Option<&'p RuleName>,
    /// The hash of the policy.
    pub policy: &'p str,
}

/// A set of rules of one section, by their positions: a bit for each.
///
/// Serializes as a list of positions.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct RuleSet {
    /// The last word is not zero, so that equal sets have equal words.
    words: Vec<u64>,
}

impl RuleSet {
    /// Whether it holds the rule at a position.
    #[must_use]
    pub fn contains(&self, position: usize) -> bool {
        bits::contains(&self.words, position)
    }

    /// The positions of its rules, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        bits::places(self.words.iter().copied())
    }

    /// How many rules it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }
}

impl FromIterator<usize> for RuleSet {
    fn from_iter<I: IntoIterator<Item = usize>>(positions: I) -> Self {
        let mut words = Vec::new();
        for position in positions {
            let at = position / 64;
            words.resize(words.len().max(at + 1), 0_u64);
            if let Some(word) = words.get_mut(at) {
                *word |= 1 << (position % 64);
            }
        }
        Self { words }
    }
}

impl Serialize for RuleSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl fmt::Debug for RuleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_rule_set_is_a_set(some in proptest::collection::btree_set(0..20_000_usize, 0..40)) {
            let set: RuleSet = some.iter().copied().collect();
            proptest::prop_assert!(set.iter().eq(some.iter().copied()));
            proptest::prop_assert_eq!((set.len(), set.is_empty()), (some.len(), some.is_empty()));
            proptest::prop_assert!((0..20_100).all(|at| set.contains(at) == some.contains(&at)));
            proptest::prop_assert_eq!(&set, &some.iter().rev().copied().collect());
        }
    }

    #[test]
    fn a_rule_set_is_recorded_as_positions() {
        let set: RuleSet = [0, 64, 16_383].into_iter().collect();
        assert_eq!(serde_json::to_string(&set).unwrap(), "[0,64,16383]");
    }
}
