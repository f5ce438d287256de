//! Whether some request gets another answer of a mutant, and which.

use super::{Mutant, RuleOf, Rules, SuggestedCase, make::Change, sample};
use crate::policy::{
    case::Case,
    lint::{Example, Reach},
    rule::{Head, OnMissing},
    suite::{Suite, otherwise},
};

/// What a mutant is to its policy.
pub(super) enum Twin {
    /// No case could tell them apart: every request gets the same answer, by the same rule or by none.
    Same,
    /// This case tells them apart.
    Other(Box<Case>, SuggestedCase),
    /// Neither was found.
    Unsure,
}

/// Compares a mutant with its policy over the classes of values that no rule tells apart, as the linter does. Only requests
/// that no rule above matches count. `number` tells the suggested cases apart; without one none is looked for.
pub(super) fn of(suite: &Suite, rules: &Rules<'_>, mutant: &Mutant, number: Option<usize>) -> Twin {
    let Some(rule) = rules.list.get(mutant.position) else { return Twin::Unsure };
    let mut search = Search { suite, rules, mutant, number, reach: Reach::new(&[]), above: 0, below: 0, is_sure: true };
    match search.run(rule) {
        Some((case, suggested)) => Twin::Other(Box::new(case), suggested),
        None if search.is_sure => Twin::Same,
        None => Twin::Unsure,
    }
}

/// Looks at the rule, at some above and below it, and at variants, in this order.
struct Search<'s> {
    suite: &'s Suite,
    rules: &'s Rules<'s>,
    mutant: &'s Mutant,
    number: Option<usize>,
    reach: Reach,
    /// How many rules above are looked at. Those that are left out can only make it look as though there were more requests.
    above: usize,
    /// How many rules below are looked at.
    below: usize,
    /// Whether no request was found that may be answered differently.
    is_sure: bool,
}

type Found = (Case, SuggestedCase);

impl Search<'_> {
    fn run(&mut self, rule: &RuleOf<'_>) -> Option<Found> {
        let made = match &self.mutant.change {
            Change::Made { head, .. } => head.as_ref(),
            Change::Removed | Change::Swapped => rule.head,
        };
        let heads = || self.rules.list.iter().map(|rule| rule.head).enumerate();
        let position = self.mutant.position;
        let is_near = |other: &Head| !other.is_apart_from(rule.head) || !other.is_apart_from(made);
        let above = heads().take(position).rev().filter(|(_, other)| is_near(other)).take(MOST_NEAR);
        let above: Vec<_> = above.map(|(_, head)| head).collect();
        let below = heads().skip(position + 1).filter(|(at, other)| *at == position + 1 || is_near(other));
        // One more than are looked at tells that these are not all.
        let below: Vec<_> = below.map(|(_, head)| head).take(MOST_NEAR + 1).collect();
        let (old_sure, new_sure) = (when_sure(rule.head), when_sure(made));
        let variants = [made, &old_sure, &new_sure];
        (self.above, self.below) = (above.len(), below.len());
        let all: Vec<_> = above.into_iter().chain([rule.head]).chain(below).chain(variants).collect();
        self.reach = Reach::new(&all);
        let old = self.above;
        let [new, old_sure, new_sure] = [1, 2, 3].map(|variant| old + self.below + variant);
        match &self.mutant.change {
            // A rule that is gone is missed by what it decides, one that is swapped by what both match.
            Change::Removed => self.find(&[old], None),
            Change::Swapped => self.find(&[old, old + 1], None),
            Change::Made { answer: Some(_), .. } => self.find(&[old], None).or_else(|| self.find(&[new], None)),
            Change::Made { head, answer: None } => {
                let refuses = |head: &Head| head.reading.on_missing == Some(OnMissing::Deny);
                if !refuses(rule.head) && !refuses(head) {
                    return self.find(&[old], Some(new)).or_else(|| self.find_gained(old, new));
                }
                // It matches, or it matches for sure: the two may differ in either.
                [(old, new), (old_sure, new_sure), (new, old), (new_sure, old_sure)]
                    .into_iter()
                    .find_map(|(one, other)| self.find(&[one], Some(other)).or_else(|| self.find_below(one, other)))
            }
        }
    }

    /// Looks among what the mutant's rule matches and the policy's does not. Where no rule below matches either, the answer may
    /// stay the same, and a case has no way to say that no rule gave it.
    fn find_gained(&mut self, old: usize, new: usize) -> Option<Found> {
        let was_sure = self.is_sure;
        if let Some(found) = self.find(&[new], Some(old)) {
            return Some(found);
        }
        let answer = self.rules.list.get(self.mutant.position).map(|rule| rule.answer.as_str());
        if self.below <= MOST_NEAR && answer == Some(otherwise(self.rules.section)) {
            self.is_sure = was_sure;
        }
        self.find_below(new, old)
    }

    /// Looks where a rule below matches, too: there the policy surely answers by a rule.
    fn find_below(&mut self, one: usize, but: usize) -> Option<Found> {
        let below = self.above + 1..self.above + 1 + self.below;
        below.into_iter().find_map(|other| self.find(&[one, other], Some(but)))
    }

    /// Looks for a request that these rules match and neither `but` nor a rule above does.
    fn find(&mut self, all_of: &[usize], but: Option<usize>) -> Option<Found> {
        let none_of: Vec<_> = (0..self.above).chain(but).collect();
        match self.reach.example(all_of, &none_of) {
            Example::None => None,
            Example::Unsure => {
                self.is_sure = false;
                None
            }
            Example::Some(facts) => {
                self.is_sure = false;
                sample::case(self.suite, self.rules, self.mutant, &facts, self.number?)
            }
        }
    }
}

/// A rule that matches when this one does and does not refuse since a signal is missing.
fn when_sure(head: &Head) -> Head {
    let mut sure = head.clone();
    if sure.reading.on_missing == Some(OnMissing::Deny) {
        sure.reading.on_missing = Some(OnMissing::SkipRule);
    }
    sure
}

/// How many rules above and below are looked at.
const MOST_NEAR: usize = 64;
