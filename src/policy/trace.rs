//! Why a policy answered as it did: the same question again, rule by rule.

use serde::Serialize;

use super::{
    condition::{Condition, Group, GroupKind, Truth},
    context::Context,
    rule::{Head, OnMissing, Passed, Rule, Section},
};
use crate::ids::RuleName;

/// How every rule of a section stood in one request.
///
/// It holds the values of the facts that stopped a rule, the client's address among them; a phone number is masked.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Trace {
    /// The hash of the policy.
    pub policy: String,
    /// Which question was asked.
    pub section: Section,
    /// The answer, in one line, such as `deny number_type`.
    pub decision: String,
    /// The rule that decided, or `None` when none matched.
    pub rule: Option<RuleName>,
    /// Every rule, in order.
    pub rules: Vec<RuleTrace>,
}

/// How one rule stood.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RuleTrace {
    /// Its name.
    pub rule: RuleName,
    /// The file that it stands in.
    pub file: String,
    /// The line on which it begins.
    pub line: usize,
    /// Whether it matched.
    pub matched: bool,
    /// Whether it refuses whatever it answers: a signal is missing, and it says `on_missing = "deny"`; or it would send to a dear
    /// number, and does not name the type.
    pub refuses: bool,
    /// The missing facts that it was read without, the careful way.
    pub missing: Vec<String>,
    /// The first condition that did not hold, when it did not match.
    pub stopped_by: Option<Stop>,
}

/// The condition that stopped a rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Stop {
    /// The condition or group as it stands in the file.
    pub text: String,
    /// Why it stopped the rule.
    pub why: Why,
    /// Which group it is, when it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupKind>,
    /// The facts that were looked at, with their values; `None` for a missing one.
    pub facts: Vec<(String, Option<serde_json::Value>)>,
}

/// Why a condition stopped a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Why {
    /// It does not hold.
    DoesNotHold,
    /// Its fact is missing, and the rule allows or sends.
    Missing,
    /// Its signal is missing, and the rule says `on_missing = "skip_rule"`.
    Skipped,
}

impl RuleTrace {
    pub(super) fn of(rule: &Rule<'_>, context: &Context<'_>) -> Self {
        let mut steps = steps(rule.head, context);
        let stopped_by = steps.iter_mut().find_map(|step| step.stop.take());
        let passed = stopped_by.is_none();
        Self {
            rule: rule.name().clone(),
            file: rule.file().to_owned(),
            line: rule.line(),
            matched: passed,
            refuses: passed
                && (steps.iter().any(|step| step.passed == Passed::Refusing) || rule.head.refusal(context).is_some()),
            missing: steps.into_iter().filter(|_| passed).flat_map(|step| step.missing).collect(),
            stopped_by,
        }
    }
}

/// One condition or group of a rule.
struct Step {
    passed: Passed,
    missing: Vec<String>,
    stop: Option<Stop>,
}

fn steps(head: &Head, context: &Context<'_>) -> Vec<Step> {
    let assume = head.reading.assume();
    let single = |condition: &Condition| {
        let truth = condition.truth(context, assume);
        step(head, truth, condition.text(), None, &[condition], context)
    };
    let grouped = |group: &Group| {
        let conditions: Vec<_> = group.branches.iter().flat_map(|branch| branch.every_condition()).collect();
        step(head, group.truth(context, assume), group.text(), Some(group.kind()), &conditions, context)
    };
    head.when.conditions().iter().map(single).chain(head.when.groups().iter().map(grouped)).collect()
}

fn step(
    head: &Head,
    truth: Truth,
    text: &str,
    group: Option<GroupKind>,
    conditions: &[&Condition],
    context: &Context<'_>,
) -> Step {
    let passed = head.reading.passes(truth);
    let why = match truth {
        Truth::Unsignalled if head.reading.on_missing == Some(OnMissing::SkipRule) => Why::Skipped,
        Truth::Unsignalled | Truth::Unknown => Why::Missing,
        Truth::Yes | Truth::No => Why::DoesNotHold,
    };
    let facts = || conditions.iter().map(|c| (c.fact().to_owned(), c.fact.shown(context))).collect();
    let missing = conditions.iter().filter(|c| c.fact.value(context).is_none()).map(|c| c.fact().to_owned()).collect();
    let stop = (passed == Passed::No).then(|| Stop { text: text.to_owned(), why, group, facts: facts() });
    Step { passed, missing, stop }
}
