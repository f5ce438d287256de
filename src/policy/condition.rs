//! Typed conditions, and whether they hold.

use std::{fmt, sync::Arc};

use wildmatch::WildMatch;

use super::{
    context::Context,
    fact::{Fact, LINE_TYPE, Value},
    ranges::Ranges,
};
use crate::phone::LineType;

/// The conditions of a rule or of a branch of a group: all of them must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct When {
    pub(super) conditions: Vec<Condition>,
    pub(super) groups: Vec<Group>,
}

impl When {
    /// The conditions on single facts, in alphabetical order of the facts.
    #[must_use]
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// The groups: `any`, `all`, `none`.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Every condition, those in groups too.
    #[must_use]
    pub fn every_condition(&self) -> Vec<&Condition> {
        let inner = self.groups.iter().flat_map(|group| group.branches.iter().flat_map(Self::every_condition));
        self.conditions.iter().chain(inner).collect()
    }

    pub(super) fn is_always(&self) -> bool {
        self.conditions.is_empty() && self.groups.is_empty()
    }

    /// Whether a condition asks for numbers of this type by name: not by excluding others.
    pub(super) fn names(&self, line_type: LineType) -> bool {
        let word = Value::Word(line_type.as_str());
        let named = |on: &Condition| on.fact.as_str() == LINE_TYPE && !on.negated && on.accepts(word);
        let asking = self.groups.iter().filter(|group| group.kind != GroupKind::None);
        self.conditions.iter().any(named) || asking.flat_map(Group::branches).any(|branch| branch.names(line_type))
    }

    fn truth(&self, context: &Context<'_>, assume: Assume) -> Truth {
        let conditions = self.conditions.iter().map(|condition| condition.truth(context, assume));
        let groups = self.groups.iter().map(|group| group.truth(context, assume));
        Truth::all(conditions.chain(groups))
    }
}

/// Several tables of conditions that count as one condition. Two are equal when they ask for the same, however that is written.
#[derive(Clone, Debug)]
pub struct Group {
    pub(super) kind: GroupKind,
    pub(super) branches: Vec<When>,
    pub(super) text: Box<str>,
}

impl Group {
    /// How many of the branches have to hold.
    #[must_use]
    pub fn kind(&self) -> GroupKind {
        self.kind
    }

    /// The branches. Never empty.
    #[must_use]
    pub fn branches(&self) -> &[When] {
        &self.branches
    }

    /// The group as it stands in the file, on one line.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn truth(&self, context: &Context<'_>, assume: Assume) -> Truth {
        let branches = self.branches.iter().map(|branch| branch.truth(context, assume));
        match self.kind {
            GroupKind::All => Truth::all(branches),
            GroupKind::Any => Truth::any(branches),
            GroupKind::None => Truth::any(branches).not(),
        }
    }
}

impl PartialEq for Group {
    fn eq(&self, other: &Self) -> bool {
        (self.kind, &self.branches) == (other.kind, &other.branches)
    }
}

/// How many branches of a [`Group`] have to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GroupKind {
    /// At least one.
    Any,
    /// Every one.
    All,
    /// Not one.
    None,
}

impl GroupKind {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "any" => Some(Self::Any),
            "all" => Some(Self::All),
            "none" => Some(Self::None),
            _ => None,
        }
    }
}

/// One condition on one fact. `Display` prints it as it stands in the file. Two are equal when they ask for the same, however
/// that is written.
#[derive(Clone, Debug)]
pub struct Condition {
    pub(super) fact: Fact,
    pub(super) negated: bool,
    pub(super) test: Test,
    pub(super) text: Box<str>,
}

impl Condition {
    /// The name of the fact.
    #[must_use]
    pub fn fact(&self) -> &str {
        self.fact.as_str()
    }

    /// Whether the fact is a signal.
    #[must_use]
    pub fn is_on_signal(&self) -> bool {
        self.fact.is_signal()
    }

    /// The condition as it stands in the file, on one line.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it holds, or `None` when the fact is missing.
    #[must_use]
    pub fn holds(&self, context: &Context<'_>) -> Option<bool> {
        self.fact.value(context).map(|value| self.accepts(value))
    }

    pub(super) fn accepts(&self, value: Value<'_>) -> bool {
        self.test.accepts(value) != self.negated
    }

    pub(super) fn truth(&self, context: &Context<'_>, assume: Assume) -> Truth {
        self.holds(context).map_or_else(|| self.truth_when_missing(assume), Truth::from)
    }

    pub(super) fn truth_when_missing(&self, assume: Assume) -> Truth {
        match (assume, self.fact.riskiest()) {
            (Assume::Riskiest, Some(riskiest)) => self.accepts(riskiest).into(),
            _ if self.fact.is_signal() => Truth::Unsignalled,
            _ => Truth::Unknown,
        }
    }

    /// A value with which it holds, where one is easily found.
    pub(super) fn example(&self) -> Option<Value<'_>> {
        match &self.test {
            _ if self.negated => None,
            Test::Scalars(ranges) => ranges.iter().next().map(|(least, _)| Value::Scalar(least)),
            Test::Words(words) => words.named().first().map(|word| Value::Word(word)),
        }
    }

    /// Whether both are on words and surely never hold for the same one.
    pub(super) fn is_apart_from(&self, other: &Self) -> bool {
        let (Test::Words(mine), Test::Words(others)) = (&self.test, &other.test) else { return false };
        let is_list = |condition: &Self, words: &Words| !condition.negated && !words.has_patterns();
        match (is_list(self, mine), is_list(other, others)) {
            (true, _) => mine.named().iter().all(|word| !other.accepts(Value::Word(word))),
            (_, true) => others.named().iter().all(|word| !self.accepts(Value::Word(word))),
            _ => false,
        }
    }

    /// Whether it surely holds wherever `other`, on the same fact, holds.
    pub(super) fn covers(&self, other: &Self) -> bool {
        if self.fact != other.fact {
            return false;
        }
        match (&self.test, self.negated, &other.test, other.negated) {
            (Test::Scalars(mine), false, Test::Scalars(others), false) => others.is_within(mine),
            (Test::Scalars(mine), true, Test::Scalars(others), true) => mine.is_within(others),
            (Test::Scalars(mine), true, Test::Scalars(others), false) => mine.is_apart_from(others),
            (Test::Words(mine), false, Test::Words(others), false) if !others.has_patterns() => {
                others.named().iter().all(|word| mine.contain(word))
            }
            _ => self.test == other.test && self.negated == other.negated,
        }
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        (&self.fact, self.negated, &self.test) == (&other.fact, other.negated, &other.test)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a fact is compared with. Shared: a list of many thousand entries may stand in many rules.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    Scalars(Arc<Ranges>),
    Words(Arc<Words>),
}

impl Test {
    pub(super) fn accepts(&self, value: Value<'_>) -> bool {
        match (self, value) {
            (Self::Scalars(ranges), Value::Scalar(place)) => ranges.contains(place),
            (Self::Words(words), Value::Word(word)) => words.contain(word),
            _ => false,
        }
    }
}

/// A set of words: some by name, some by how they look.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Words {
    /// Ascending.
    exact: Vec<Box<str>>,
    patterns: Vec<Pattern>,
}

impl Words {
    pub(super) fn exact(mut words: Vec<Box<str>>) -> Self {
        words.sort_unstable();
        words.dedup();
        Self { exact: words, patterns: Vec::new() }
    }

    pub(super) fn patterns(patterns: Vec<Pattern>) -> Self {
        Self { exact: Vec::new(), patterns }
    }

    pub(super) fn contain(&self, word: &str) -> bool {
        self.exact.binary_search_by(|known| known.as_ref().cmp(word)).is_ok()
            || self.patterns.iter().any(|pattern| pattern.matches(word))
    }

    /// The words that are named.
    pub(super) fn named(&self) -> &[Box<str>] {
        &self.exact
    }

    /// The patterns, as they are written.
    pub(super) fn looks(&self) -> impl Iterator<Item = String> {
        self.patterns.iter().map(|pattern| match pattern {
            Pattern::Prefix(prefix) => format!("{prefix}*"),
            Pattern::Glob(glob) => glob.to_string(),
        })
    }

    pub(super) fn has_patterns(&self) -> bool {
        !self.patterns.is_empty()
    }
}

/// How a word looks.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Pattern {
    Prefix(Box<str>),
    Glob(WildMatch),
}

impl Pattern {
    fn matches(&self, word: &str) -> bool {
        match self {
            Self::Prefix(prefix) => word.starts_with(prefix.as_ref()),
            Self::Glob(glob) => glob.matches(word),
        }
    }
}

/// What is taken for a signal that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Assume {
    Nothing,
    Riskiest,
}

/// How a condition stands. In this order: of conditions that all have to hold the least one tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Truth {
    No,
    /// A signal is missing.
    Unsignalled,
    /// Another fact is missing.
    Unknown,
    Yes,
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

impl Truth {
    pub(super) fn all(truths: impl Iterator<Item = Self>) -> Self {
        truths.min().unwrap_or(Self::Yes)
    }

    /// A missing signal outweighs another missing fact here, too: what a rule says about signals is never passed over.
    pub(super) fn any(truths: impl Iterator<Item = Self>) -> Self {
        truths.fold(Self::No, |best, truth| match (best, truth) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::Unsignalled, _) | (_, Self::Unsignalled) => Self::Unsignalled,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::No, Self::No) => Self::No,
        })
    }

    pub(super) fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            unclear => unclear,
        }
    }
}
