//! What a replay found.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::{StartRecord, replay::Answer};
use crate::channel::Channel;

/// What would be different if a candidate decided the starts of a log.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// How many starts were read.
    pub starts: u64,
    /// How many of them would end alike, by whichever rule.
    pub same: u64,
    /// How many of those would be decided by another rule.
    pub other_rule: u64,
    /// How many would change, by what would become of them.
    pub changes: BTreeMap<Change, u64>,
    /// How many cannot be told: the record was cut where a rule looks.
    pub unsure: u64,
    /// How many cannot be asked about: their action was withheld.
    pub withheld: u64,
    /// How many ends of checks were read. They are not decided.
    pub ends: u64,
    /// How many lines are no records.
    pub unreadable: u64,
    /// By the region of the number; `-` is none. Counts the starts that are sent.
    pub regions: BTreeMap<String, Group>,
    /// By the channel that is tried first.
    pub channels: BTreeMap<String, Group>,
    /// By the provider that is tried first.
    pub providers: BTreeMap<String, Group>,
    /// By the rule that decides; `-` is none.
    pub rules: BTreeMap<String, Group>,
    /// Facts that the candidate's rules read, and how many records lack them: there they are read the careful way.
    pub missing: BTreeMap<String, u64>,
    /// The policies that decided then, by hash, and how many starts each.
    pub policies: BTreeMap<String, u64>,
    /// The first starts of each kind of change, by their lines.
    pub examples: Vec<Example>,
}

/// What would become of a start that changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// It was sent, and would be refused.
    NowDenied,
    /// It was refused, and would be sent.
    NowSent,
    /// Another route would be tried first.
    OtherFirst,
    /// The same route would be tried first, and others after it.
    OtherFallbacks,
    /// The routes are the same, and codes, messages or preflight are not. Told only beside a baseline.
    Settings,
}

impl Change {
    /// Every change, the gravest first.
    pub const ALL: [Self; 5] = [Self::NowDenied, Self::NowSent, Self::OtherFirst, Self::OtherFallbacks, Self::Settings];

    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NowDenied => "sent, now refused",
            Self::NowSent => "refused, now sent",
            Self::OtherFirst => "another route first",
            Self::OtherFallbacks => "other fallbacks",
            Self::Settings => "other settings",
        }
    }
}

/// How many starts something had a part in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Group {
    /// Before.
    pub before: u64,
    /// After.
    pub after: u64,
    /// How many of both change.
    pub changed: u64,
}

/// A start that would change.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Example {
    /// The line of the log, from 1.
    pub line: u64,
    /// The id of the check.
    pub id: String,
    /// What would become of it.
    pub change: Change,
    /// What the subject was trying to do.
    pub action: String,
    /// The region of the number; `-` is none.
    pub region: String,
    /// The type of the number; `-` is unknown.
    pub line_type: String,
    /// The answer before, and the rule.
    pub before: String,
    /// The answer after, and the rule.
    pub after: String,
}

impl Report {
    /// How many starts would change.
    #[must_use]
    pub fn changed(&self) -> u64 {
        self.changes.values().sum()
    }

    /// How many examples of a kind of change are kept.
    pub const EXAMPLES: usize = 3;

    pub(super) fn see(&mut self, start: &StartRecord) {
        bump(&mut self.policies, &start.decision.policy, |count| *count += 1);
    }

    pub(super) fn miss(&mut self, fact: &str) {
        bump(&mut self.missing, fact, |count| *count += 1);
    }

    pub(super) fn count(
        &mut self,
        start: &StartRecord,
        before: &Answer<'_>,
        after: &Answer<'_>,
        change: Option<Change>,
    ) {
        match change {
            Some(change) => *self.changes.entry(change).or_default() += 1,
            None => {
                self.same += 1;
                self.other_rule += u64::from(before.rule != after.rule);
            }
        }
        let region = start.facts.phone_region.as_deref().unwrap_or(NONE);
        let sent = |answer: &Answer<'_>| (!answer.routes.is_empty()).then_some(region);
        let region = (sent(before), sent(after));
        let first = |answer: &Answer<'_>| answer.routes.first().map(|(_, channel)| Channel::as_str(*channel));
        let provider = (before.routes.first().map(|route| route.0), after.routes.first().map(|route| route.0));
        let rule = (Some(before.rule.unwrap_or(NONE)), Some(after.rule.unwrap_or(NONE)));
        for (groups, (before, after)) in [
            (&mut self.regions, region),
            (&mut self.channels, (first(before), first(after))),
            (&mut self.providers, provider),
            (&mut self.rules, rule),
        ] {
            let is_changed = u64::from(change.is_some());
            if let Some(name) = before {
                bump(groups, name, |group: &mut Group| {
                    group.before += 1;
                    group.changed += is_changed;
                });
            }
            if let Some(name) = after {
                bump(groups, name, |group: &mut Group| {
                    group.after += 1;
                    group.changed += if before == after { 0 } else { is_changed };
                });
            }
        }
    }

    /// Whether an example of a change on a line would be kept.
    pub(super) fn wants(&self, change: Change, line: u64) -> bool {
        let mut same = self.examples.iter().filter(|example| example.change == change);
        same.nth(Self::EXAMPLES - 1).is_none_or(|last| line < last.line)
    }

    pub(super) fn show(&mut self, examples: impl IntoIterator<Item = Example>) {
        self.examples.extend(examples);
        self.examples.sort_by_key(|example| (example.change, example.line));
        for change in Change::ALL {
            let mut seen = 0;
            self.examples.retain(|example| {
                seen += usize::from(example.change == change);
                example.change != change || seen <= Self::EXAMPLES
            });
        }
    }

    /// Adds what another worker found.
    pub(super) fn add(&mut self, other: Self) {
        self.starts += other.starts;
        self.same += other.same;
        self.other_rule += other.other_rule;
        self.unsure += other.unsure;
        self.withheld += other.withheld;
        self.ends += other.ends;
        self.unreadable += other.unreadable;
        other.changes.into_iter().for_each(|(change, count)| *self.changes.entry(change).or_default() += count);
        for (mine, others) in [(&mut self.missing, other.missing), (&mut self.policies, other.policies)] {
            others.into_iter().for_each(|(name, count)| *mine.entry(name).or_default() += count);
        }
        for (mine, others) in [
            (&mut self.regions, other.regions),
            (&mut self.channels, other.channels),
            (&mut self.providers, other.providers),
            (&mut self.rules, other.rules),
        ] {
            for (name, group) in others {
                let sum = mine.entry(name).or_default();
                sum.before += group.before;
                sum.after += group.after;
                sum.changed += group.changed;
            }
        }
        self.show(other.examples);
    }
}

impl Example {
    pub(super) fn of(start: &StartRecord, line: u64, change: Change, before: &Answer<'_>, after: &Answer<'_>) -> Self {
        let facts = &start.facts;
        Self {
            line,
            id: start.id.clone(),
            change,
            action: facts.action.clone().unwrap_or_default(),
            region: facts.phone_region.clone().unwrap_or_else(|| NONE.to_owned()),
            line_type: facts.phone_type.map_or(NONE, |kind| kind.as_str()).to_owned(),
            before: before.to_string(),
            after: after.to_string(),
        }
    }
}

/// One line: the answer, and the rule that made it.
impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.deny {
            Some(reason) if self.routes.is_empty() => write!(f, "deny {reason}")?,
            _ => {
                let routes = self.routes.iter().map(|(provider, channel)| format!("{provider}/{channel}"));
                write!(f, "try {}", routes.collect::<Vec<_>>().join(", "))?;
            }
        }
        match self.rule {
            Some(rule) => write!(f, " (rule `{rule}`)"),
            None => f.write_str(" (no rule)"),
        }
    }
}

/// Adds to the count of a name; only the first of a name is copied.
fn bump<T: Default>(counts: &mut BTreeMap<String, T>, name: &str, add: impl Fn(&mut T)) {
    match counts.get_mut(name) {
        Some(count) => add(count),
        None => add(counts.entry(name.to_owned()).or_default()),
    }
}

/// What stands for no region and for no rule.
const NONE: &str = "-";
