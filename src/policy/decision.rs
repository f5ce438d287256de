//! What a policy answers.

use std::{fmt, time::Duration};

use serde::{Serialize, Serializer};

use super::{route::Plan, rule::Section};
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
    /// The rule that decided, or `None` when none matched.
    pub rule: Option<&'p RuleName>,
    /// Every rule that matched; the first of them decided.
    pub matched: RuleSet,
    /// The hash of the policy.
    pub policy: &'p str,
}

/// A set of rules of one section, by their positions.
///
/// Serializes as a list of positions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RuleSet([u64; Self::WORDS]);

impl RuleSet {
    /// Whether it holds the rule at a position.
    #[must_use]
    pub fn contains(&self, position: usize) -> bool {
        self.0.get(position / 64).is_some_and(|word| word >> (position % 64) & 1 == 1)
    }

    /// The positions of its rules, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(at, word)| {
            std::iter::successors(Some(word), |word| Some(word & word.wrapping_sub(1)))
                .take_while(|word| *word != 0)
                .filter_map(move |word| Some(at * 64 + usize::try_from(word.trailing_zeros()).ok()?))
        })
    }

    /// How many rules it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// How many rules fit.
    pub(super) const CAPACITY: usize = Self::WORDS * 64;

    const WORDS: usize = 16;

    /// The first `count` rules.
    pub(super) fn first_of(count: usize) -> Self {
        (0..count).collect()
    }

    pub(super) fn set(&mut self, position: usize, holds: bool) {
        if let Some(word) = self.0.get_mut(position / 64) {
            let bit = 1 << (position % 64);
            *word = if holds { *word | bit } else { *word & !bit };
        }
    }

    /// Keeps those that are in a row of a table, too.
    pub(super) fn keep(&mut self, row: &[u64]) {
        for (word, other) in self.0.iter_mut().zip(row) {
            *word &= other;
        }
    }

    pub(super) fn with(mut self, other: &Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(word, other)| *word |= other);
        self
    }

    pub(super) fn without(mut self, other: &Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(word, other)| *word &= !other);
        self
    }

    pub(super) fn and(mut self, other: &Self) -> Self {
        self.keep(&other.0);
        self
    }

    pub(super) fn words(&self) -> &[u64] {
        &self.0
    }
}

impl FromIterator<usize> for RuleSet {
    fn from_iter<I: IntoIterator<Item = usize>>(positions: I) -> Self {
        let mut set = Self::default();
        positions.into_iter().for_each(|position| set.set(position, true));
        set
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
    use std::collections::BTreeSet;

    use super::*;

    proptest::proptest! {
        #[test]
        fn a_rule_set_is_a_set(
            some in proptest::collection::btree_set(0..RuleSet::CAPACITY, 0..40),
            others in proptest::collection::btree_set(0..RuleSet::CAPACITY, 0..40),
        ) {
            let set = |positions: &BTreeSet<usize>| positions.iter().copied().collect::<RuleSet>();
            let (a, b) = (set(&some), set(&others));
            proptest::prop_assert!(a.iter().eq(some.iter().copied()));
            proptest::prop_assert_eq!((a.len(), a.is_empty()), (some.len(), some.is_empty()));
            proptest::prop_assert_eq!(a.with(&b), set(&(&some | &others)));
            proptest::prop_assert_eq!(a.without(&b), set(&(&some - &others)));
            proptest::prop_assert_eq!(a.and(&b), set(&(&some & &others)));
            proptest::prop_assert!((0..2 * RuleSet::CAPACITY).all(|at| a.contains(at) == some.contains(&at)));
        }
    }

    #[test]
    fn a_rule_set_is_recorded_as_positions() {
        let set: RuleSet = [0, 64, 1023].into_iter().collect();
        assert_eq!(serde_json::to_string(&set).unwrap(), "[0,64,1023]");
        assert_eq!(RuleSet::first_of(3).iter().collect::<Vec<_>>(), [0, 1, 2]);
    }
}
