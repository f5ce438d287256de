//! What is different between two policies: in their text, and in what they answer.

mod cells;

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Policy,
    decision::Decision,
    limit::{Limit, Shown},
    route::Plan,
    rule::{Rule, Section},
};
use crate::phone::LineType;

/// What is different in a newer policy.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Diff {
    /// The rules that were added, removed, changed or moved, in the order of the newer policy; removed ones come last.
    pub rules: Vec<RuleChange>,
    /// What stands outside the rules and is different: codes, budget, limits, signals, test numbers.
    pub settings: Vec<SettingChange>,
    /// For whom the answers are different.
    pub answers: Vec<AnswerChange>,
}

/// A rule that is not what it was.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RuleChange {
    /// The section that it stands in.
    pub section: Section,
    /// Its name.
    pub rule: String,
    /// What became of it.
    pub kind: RuleChangeKind,
    /// What it was, in a line for each of its parts; empty when it was not there.
    pub before: Vec<String>,
    /// What it is; empty when it is not there.
    pub after: Vec<String>,
}

/// What became of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RuleChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// Its conditions or its answer are others.
    Changed,
    /// A list that it names has other entries.
    OtherList,
    /// It stands before or after others now.
    Moved,
}

/// A setting that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SettingChange {
    /// Where it stands, such as `[code]` or `[[limit]] sends per number`.
    pub setting: String,
    /// What it was; `None` when it was not there.
    pub before: Option<String>,
    /// What it is; `None` when it is not there.
    pub after: Option<String>,
}

/// Requests that get another answer: every combination of these regions, types and actions.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AnswerChange {
    /// Which question is asked. For steps, only actions count.
    pub section: Section,
    /// The actions. `*` stands for all that neither policy names; a pattern stands for what looks like it.
    pub actions: Vec<String>,
    /// The regions of the number; `-` is none.
    pub regions: Vec<String>,
    /// The types of the number.
    pub types: Vec<LineType>,
    /// What was answered: the first branch whose condition holds.
    pub before: Vec<Branch>,
    /// What is answered.
    pub after: Vec<Branch>,
}

/// An answer, and what has to hold for it beside action, region and type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Branch {
    /// The conditions on other facts, all of which have to hold; empty in the last branch.
    pub when: Vec<String>,
    /// The answer, in one line.
    pub answer: String,
}

impl Diff {
    /// Whether nothing is different.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.settings.is_empty() && self.answers.is_empty()
    }
}

impl AnswerChange {
    /// How many combinations of region, type and action it is about.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.actions.len() * self.regions.len().max(1) * self.types.len().max(1)
    }
}

pub(super) fn of(older: &Policy, newer: &Policy) -> Diff {
    let sections = [Section::StepUp, Section::Route];
    Diff {
        rules: sections.into_iter().flat_map(|section| rules(older, newer, section)).collect(),
        settings: settings(older, newer),
        answers: sections.into_iter().flat_map(|section| cells::changes(older, newer, section)).collect(),
    }
}

fn rules(older: &Policy, newer: &Policy, section: Section) -> Vec<RuleChange> {
    let before: BTreeMap<_, _> = older.rules(section).map(|rule| (rule.name().as_str(), rule)).collect();
    let after: BTreeMap<_, _> = newer.rules(section).map(|rule| (rule.name().as_str(), rule)).collect();
    let common = newer.rules(section).filter_map(|rule| Some(before.get(rule.name().as_str())?.position()));
    let stayed = longest_ascending(&common.collect::<Vec<_>>());
    let change = |rule: &str, kind, before: Option<&Rule<'_>>, after: Option<&Rule<'_>>| RuleChange {
        section,
        rule: rule.to_owned(),
        kind,
        before: before.map(text).unwrap_or_default(),
        after: after.map(text).unwrap_or_default(),
    };
    let mut changes = Vec::new();
    for rule in newer.rules(section) {
        let name = rule.name().as_str();
        let Some(old) = before.get(name) else {
            changes.push(change(name, RuleChangeKind::Added, None, Some(&rule)));
            continue;
        };
        let is_same = old.when() == rule.when();
        let is_written_alike = text(old) == text(&rule);
        let is_same_besides = old.on_missing() == rule.on_missing() && answer(old.answer()) == answer(rule.answer());
        let kind = if !is_same && is_written_alike {
            RuleChangeKind::OtherList
        } else if !is_same || !is_same_besides {
            RuleChangeKind::Changed
        } else if stayed.binary_search(&old.position()).is_err() {
            RuleChangeKind::Moved
        } else {
            continue;
        };
        changes.push(change(name, kind, Some(old), Some(&rule)));
    }
    let gone = older.rules(section).filter(|rule| !after.contains_key(rule.name().as_str()));
    changes.extend(gone.map(|rule| change(rule.name().as_str(), RuleChangeKind::Removed, Some(&rule), None)));
    changes
}

/// The parts of a rule, each on a line.
fn text(rule: &Rule<'_>) -> Vec<String> {
    let when = rule.when();
    let conditions = when.conditions().iter().map(|condition| condition.text());
    let groups = when.groups().iter().map(|group| group.text());
    let parts = conditions.chain(groups).map(|part| format!("when {part}"));
    let missing = rule.on_missing().map(|what| format!("on_missing {}", what.as_str()));
    parts.chain(missing).chain([answer(rule.answer())]).collect()
}

/// An answer with all that belongs to it.
fn answer(decision: Decision<'_>) -> String {
    match decision {
        Decision::Require(asked) => {
            let once = if asked.single_use { ", single use" } else { "" };
            format!("{decision}, at most {} old{once}", Shown(asked.max_age))
        }
        Decision::Try(Plan { preflight, code, message, .. }) => {
            let (digits, lifetime, attempts) = (code.digits, Shown(code.lifetime), code.attempts);
            let preflight = if *preflight { ", preflight" } else { "" };
            let message = message.as_ref().map(|text| format!(", message {text:?}")).unwrap_or_default();
            format!("{decision} ({digits} digits, {lifetime}, {attempts} attempts{preflight}{message})")
        }
        Decision::Allow | Decision::Deny(_) => decision.to_string(),
    }
}

fn settings(older: &Policy, newer: &Policy) -> Vec<SettingChange> {
    let (before, after) = (named_settings(older), named_settings(newer));
    let mut names: Vec<_> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let changed = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    let change = |name: &String| SettingChange {
        setting: name.clone(),
        before: before.get(name).cloned(),
        after: after.get(name).cloned(),
    };
    changed.map(change).collect()
}

fn named_settings(policy: &Policy) -> BTreeMap<String, String> {
    let code = policy.code();
    let again = format!("{:?} after {}", code.resend, Shown(code.resend_after)).to_lowercase();
    let limit = |limit: &Limit| {
        let text = format!("{} on {:?} by {:?}", limit.quota, limit.on, limit.key).to_lowercase();
        (format!("[[limit]] {}", limit.name), text)
    };
    let mut settings: BTreeMap<_, _> = policy.limits().iter().map(limit).collect();
    settings.insert("[code] resend".to_owned(), again);
    settings.insert("[budget] failures".to_owned(), policy.failure_budget().to_string());
    settings.extend(policy.signals().map(|signal| {
        let risky = signal.riskiest.map(|place| format!(", risky {place:x}")).unwrap_or_default();
        let text = format!("{:?}, expires {}{risky}", signal.kind, Shown(signal.expires)).to_lowercase();
        (format!("[signals] {}", signal.name), text)
    }));
    // Neither the numbers nor their code are shown.
    settings.extend(policy.test_numbers().map(|numbers| {
        let until = humantime::format_rfc3339_seconds(numbers.expires);
        let text = format!("{} numbers, until {until}, {} each", numbers.len(), numbers.limit.quota);
        ("[test_numbers]".to_owned(), text)
    }));
    settings
}

/// The longest part of a list that ascends: what stayed in its place when the rest was moved.
fn longest_ascending(list: &[usize]) -> Vec<usize> {
    // For each length, the position of the smallest end of an ascending part of that length; and what stands before each.
    let (mut ends, mut previous): (Vec<usize>, Vec<Option<usize>>) = (Vec::new(), Vec::new());
    let value = |position: &usize| list.get(*position).copied().unwrap_or_default();
    for (position, number) in list.iter().enumerate() {
        let length = ends.partition_point(|end| value(end) < *number);
        previous.push(length.checked_sub(1).and_then(|shorter| ends.get(shorter)).copied());
        ends.truncate(ends.len().max(length));
        match ends.get_mut(length) {
            Some(end) => *end = position,
            None => ends.push(position),
        }
    }
    let last = ends.last().copied();
    let chain = std::iter::successors(last, |position| previous.get(*position).copied().flatten());
    let mut longest: Vec<_> = chain.map(|position| value(&position)).collect();
    longest.reverse();
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn what_stayed_ascends_and_nothing_longer_does(list in proptest::sample::subsequence((0..9_usize).collect::<Vec<_>>(), 0..9).prop_shuffle()) {
            let stayed = longest_ascending(&list);
            proptest::prop_assert!(stayed.is_sorted());
            let longest = (0_u32..1 << list.len())
                .map(|mask| list.iter().enumerate().filter(|(at, _)| mask >> at & 1 == 1).map(|(_, n)| *n).collect::<Vec<_>>())
                .filter(|part| part.is_sorted())
                .map(|part| part.len())
                .max();
            proptest::prop_assert_eq!(Some(stayed.len()), longest);
        }
    }

    use proptest::strategy::Strategy;
}
