//! A rule: when it matches, and how it reads what is missing.

use std::{fmt, ops::Range};

use serde::{Deserialize, Serialize};

use super::{
    condition::{Assume, Truth, When},
    context::Context,
    decision::Decision,
    sources::Sources,
};
use crate::ids::RuleName;

/// The two questions that a policy answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "a policy answers two questions")]
pub enum Section {
    /// Does a request need a step? The rules of `[[step_up]]`.
    StepUp,
    /// Which routes may a check use? The rules of `[[route]]`.
    Route,
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StepUp => "step_up",
            Self::Route => "route",
        })
    }
}

/// What a rule does when a signal that it reads is missing: not handed in, too old, or of another type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OnMissing {
    /// A rule that asks or denies matches, and one that allows does not. A rule that sends is read with the signal's riskiest
    /// value: `true`, the largest number, just now, unless the signal is declared otherwise.
    AssumeRisky,
    /// The rule does not match.
    SkipRule,
    /// When all else in the rule matches, the answer is a refusal, with the reason `signal_missing`.
    Deny,
}

impl OnMissing {
    /// The name as it stands in policy files, such as `skip_rule`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AssumeRisky => "assume_risky",
            Self::SkipRule => "skip_rule",
            Self::Deny => "deny",
        }
    }
}

/// A rule of a policy, to look at.
#[derive(Clone, Copy)]
pub struct Rule<'p> {
    pub(super) section: Section,
    pub(super) position: usize,
    pub(super) head: &'p Head,
    pub(super) answer: Decision<'p>,
    pub(super) sources: &'p Sources,
}

impl<'p> Rule<'p> {
    /// The section that it stands in.
    #[must_use]
    pub fn section(&self) -> Section {
        self.section
    }

    /// Its place among the rules of its section, from 0: rules of included files come first.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'p RuleName {
        &self.head.name
    }

    /// The file that it stands in.
    #[must_use]
    pub fn file(&self) -> &'p str {
        self.sources.name(self.head.file)
    }

    /// The line on which it begins, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.sources.line(self.head.file, self.head.span.start)
    }

    /// Its place in its file, in bytes.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.head.span.clone()
    }

    /// What it asks for.
    #[must_use]
    pub fn when(&self) -> &'p When {
        &self.head.when
    }

    /// What it does when a signal that it reads is missing; `None` when it reads none.
    #[must_use]
    pub fn on_missing(&self) -> Option<OnMissing> {
        self.head.reading.on_missing
    }

    /// What it answers when it matches.
    pub fn answer(&self) -> Decision<'p> {
        self.answer
    }
}

impl fmt::Debug for Rule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule").field("section", &self.section).field("name", self.name()).finish_non_exhaustive()
    }
}

/// Everything about a rule but its answer.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) name: RuleName,
    pub(super) file: usize,
    pub(super) span: Range<usize>,
    pub(super) when: When,
    pub(super) reading: Reading,
}

impl Head {
    /// Whether the two ask for different actions, so that no request matches both. When not, it is not known.
    pub(super) fn is_apart_from(&self, other: &Self) -> bool {
        // The action is the one fact that is never missing.
        let mine = self.when.conditions.iter().find(|condition| condition.fact.is_action());
        let others = other.when.conditions.iter().find(|condition| condition.fact.is_action());
        mine.zip(others).is_some_and(|(mine, others)| mine.is_apart_from(others))
    }

    /// How it stands in a request, read by itself.
    pub(super) fn passes(&self, context: &Context<'_>) -> Passed {
        let assume = self.reading.assume();
        let conditions = self.when.conditions.iter().map(|condition| condition.truth(context, assume));
        let groups = self.when.groups.iter().map(|group| group.truth(context, assume));
        let passed = conditions.chain(groups).map(|truth| self.reading.passes(truth));
        passed.max_by_key(|passed| passed.weight()).unwrap_or(Passed::Yes)
    }

    /// Why it refuses a number that it matches and does not name the type of: who calls a dear number pays its owner, so that is
    /// to be wanted.
    pub(super) fn refusal(&self, context: &Context<'_>) -> Option<&'static str> {
        let line_type = context.plain.line_type().filter(|line_type| self.reading.sends && line_type.is_dear())?;
        (!self.when.names(line_type)).then_some(NUMBER_TYPE)
    }

    /// The same, of a rule that was read by itself.
    pub(super) fn refusal_of(&self, passed: Passed, context: &Context<'_>) -> Option<&'static str> {
        (passed == Passed::Refusing).then_some(SIGNAL_MISSING).or_else(|| self.refusal(context))
    }

    /// Whether it surely matches whatever `other` matches: it asks for nothing that the other does not ask for.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let (mine, others) = (&self.when, &other.when);
        let on_action_only =
            mine.groups.is_empty() && mine.conditions.iter().all(|condition| condition.fact.is_action());
        let same_when_missing = on_action_only
            || ((self.reading.careful || !other.reading.careful)
                && (!mine.every_condition().iter().any(|c| c.is_on_signal()) || self.reading == other.reading));
        same_when_missing
            && mine.conditions.iter().all(|condition| others.conditions.iter().any(|other| condition.covers(other)))
            && mine.groups.iter().all(|group| others.groups.contains(group))
    }
}

/// Why a rule with `on_missing = "deny"` refuses.
pub(super) const SIGNAL_MISSING: &str = "signal_missing";

/// The reason of a refusal where a rule would send to a dear number without saying so.
pub(super) const NUMBER_TYPE: &str = "number_type";

/// How a rule reads what is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// Whether a condition on a missing fact holds: yes in rules that ask or deny, no in rules that allow or send.
    pub(super) careful: bool,
    /// Whether it sends.
    pub(super) sends: bool,
    pub(super) on_missing: Option<OnMissing>,
}

/// What a condition does for its rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    No,
    Yes,
    /// It passes, and the rule refuses: a signal is missing.
    Refusing,
}

impl Passed {
    /// Of several conditions the one with the most weight tells.
    fn weight(self) -> u8 {
        match self {
            Self::Yes => 0,
            Self::Refusing => 1,
            Self::No => 2,
        }
    }
}

impl Reading {
    pub(super) fn assume(self) -> Assume {
        match self.on_missing {
            Some(OnMissing::AssumeRisky) if self.sends => Assume::Riskiest,
            _ => Assume::Nothing,
        }
    }

    pub(super) fn passes(self, truth: Truth) -> Passed {
        let careful = if self.careful { Passed::Yes } else { Passed::No };
        match (truth, self.on_missing) {
            (Truth::Yes, _) => Passed::Yes,
            (Truth::No, _) | (Truth::Unsignalled, Some(OnMissing::SkipRule)) => Passed::No,
            (Truth::Unsignalled, Some(OnMissing::Deny)) => Passed::Refusing,
            (Truth::Unknown | Truth::Unsignalled, _) => careful,
        }
    }
}
