//! Finds the rule that decides.
//!
//! ```text
//!  fact by fact:   value ---> row of bits, one for each rule ---> and    what is left matches;
//!                             (a missing fact has a row, too)            the lowest bit decides
//! ```
//!
//! What a rule asks of one fact is in the fact's column, so the cost hardly grows with the rules. Only `any`, `all` and `none`
//! are looked at rule by rule, in those that everything else lets through.

use super::{
    column::Column,
    context::Context,
    decision::RuleSet,
    fact::Fact,
    rule::{Head, Passed},
};
use crate::ids::Action;

/// A rule: when these conditions hold, this is the answer.
#[derive(Debug)]
pub(super) struct Ruling<T> {
    pub(super) head: Head,
    pub(super) answer: T,
}

/// The rules of a section in the order of the file, of which the first that matches decides.
#[derive(Debug)]
pub(super) struct Table<T> {
    rules: Vec<Ruling<T>>,
    columns: Vec<Column>,
    all: RuleSet,
    /// The rules that have groups of conditions.
    grouped: RuleSet,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Found<'t, T> {
    /// The rule that decides.
    pub(super) rule: Option<&'t Ruling<T>>,
    /// Whether it refuses because a signal is missing.
    pub(super) is_refusing: bool,
    pub(super) matched: RuleSet,
}

impl<T> Table<T> {
    pub(super) fn new(rules: Vec<Ruling<T>>) -> Self {
        let heads: Vec<_> = rules.iter().map(|rule| &rule.head).collect();
        let mut facts: Vec<Fact> = Vec::new();
        for condition in heads.iter().flat_map(|head| &head.when.conditions) {
            if !facts.contains(&condition.fact) {
                facts.push(condition.fact.clone());
            }
        }
        let columns = facts.into_iter().map(|fact| Column::new(fact, &heads)).collect();
        let with_groups = |(position, head): (usize, &&Head)| (!head.when.groups.is_empty()).then_some(position);
        let grouped = heads.iter().enumerate().filter_map(with_groups).collect();
        Self { all: RuleSet::first_of(rules.len()), columns, grouped, rules }
    }

    /// The rules that match, and the first of them. Allocates nothing.
    pub(super) fn find(&self, context: &Context<'_>) -> Found<'_, T> {
        let (mut matched, mut refusing) = (self.all, RuleSet::default());
        for column in &self.columns {
            column.narrow(context, &mut matched, &mut refusing);
        }
        for position in matched.and(&self.grouped).iter() {
            let Some(Ruling { head, .. }) = self.rules.get(position) else { continue };
            for group in &head.when.groups {
                match head.reading.passes(group.truth(context, head.reading.assume())) {
                    Passed::Yes => {}
                    Passed::No => matched.set(position, false),
                    Passed::Refusing => refusing.set(position, true),
                }
            }
        }
        let first = matched.iter().next();
        Found {
            rule: first.and_then(|position| self.rules.get(position)),
            is_refusing: first.is_some_and(|position| refusing.contains(position)),
            matched,
        }
    }

    pub(super) fn rules(&self) -> &[Ruling<T>] {
        &self.rules
    }

    /// The rules that may match a request for the action, whatever its other facts are, in order; and whether each surely does.
    pub(super) fn candidates<'t>(&'t self, action: &'t Action) -> impl Iterator<Item = (&'t Ruling<T>, bool)> {
        let context = Context::new(action);
        self.rules.iter().filter_map(move |rule| {
            let when = &rule.head.when;
            let on_action = |condition: &&super::condition::Condition| condition.fact.is_action();
            let may = when.conditions.iter().filter(on_action).all(|condition| condition.holds(&context) == Some(true));
            let surely = when.groups.is_empty() && when.conditions.iter().all(|condition| condition.fact.is_action());
            may.then_some((rule, surely))
        })
    }
}
