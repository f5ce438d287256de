//! Finds the rule that decides.

use std::{collections::HashMap, iter};

use super::{context::Context, matcher::Matcher};
use crate::ids::{Action, RuleName};

/// A rule: when these conditions hold, this is the answer.
#[derive(Debug)]
pub(super) struct Rule<T> {
    pub(super) name: RuleName,
    pub(super) when: Matcher,
    pub(super) answer: T,
}

/// Rules in the order of the file, of which the first that matches decides; found by action.
#[derive(Debug)]
pub(super) struct Table<T> {
    rules: Vec<Rule<T>>,
    /// For each action that rules are bound to, the positions of these rules, ascending.
    by_action: HashMap<String, Vec<usize>>,
    /// The positions of the rules that are bound to no action, ascending.
    of_any_action: Vec<usize>,
}

impl<T> Table<T> {
    pub(super) fn new(rules: Vec<Rule<T>>) -> Self {
        let mut by_action: HashMap<String, Vec<usize>> = HashMap::new();
        let mut of_any_action = Vec::new();
        for (position, rule) in rules.iter().enumerate() {
            match rule.when.actions() {
                Some(names) => names.iter().for_each(|name| by_action.entry(name.clone()).or_default().push(position)),
                None => of_any_action.push(position),
            }
        }
        Self { rules, by_action, of_any_action }
    }

    /// The answer of the first rule that matches. Allocates nothing.
    pub(super) fn first(&self, context: &Context<'_>) -> Option<&T> {
        self.candidates(context.action).find(|rule| rule.when.matches(context)).map(|rule| &rule.answer)
    }

    /// The rules that may match the action, in order.
    pub(super) fn candidates(&self, action: &Action) -> impl Iterator<Item = &Rule<T>> {
        let mut bound = self.by_action.get(action.as_str()).into_iter().flatten().peekable();
        let mut free = self.of_any_action.iter().peekable();
        iter::from_fn(move || match (bound.peek(), free.peek()) {
            (Some(b), Some(f)) if b < f => bound.next(),
            (Some(_), None) => bound.next(),
            _ => free.next(),
        })
        .filter_map(|position| self.rules.get(*position))
    }

    pub(super) fn rules(&self) -> &[Rule<T>] {
        &self.rules
    }
}
