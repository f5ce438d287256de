//! Whether some request gets another answer of a mutant, and which.

use super::{Mutant, Rules, SuggestedCase, make::Change, sample};
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
    let mut search = Search { suite, rules, mutant, number, reach: Reach::new(&[]), is_sure: true };
    match search.run() {
        Some((case, suggested)) => Twin::Other(Box::new(case), suggested),
        None if search.is_sure => Twin::Same,
        None => Twin::Unsure,
    }
}

struct Search<'s> {
    suite: &'s Suite,
    rules: &'s Rules<'s>,
    mutant: &'s Mutant,
    number: Option<usize>,
    reach: Reach,
    /// Whether no request was found that may be answered differently.
    is_sure: bool,
}

type Found = (Case, SuggestedCase);

impl Search<'_> {
    fn run(&mut self) -> Option<Found> {
        let old = self.mutant.position;
        let heads: Vec<&Head> = self.rules.list.iter().map(|rule| rule.head).collect();
        let (Change::Made { head, answer }, Some(rule)) = (&self.mutant.change, heads.get(old)) else {
            self.reach = Reach::new(&heads);
            // A rule that is gone is missed by what it decides, one that is swapped by what both match.
            let next = (old + 1..).take(usize::from(matches!(self.mutant.change, Change::Swapped)));
            return self.find(&[old].into_iter().chain(next).collect::<Vec<_>>(), None);
        };
        let variants = [head.as_ref(), &when_sure(rule), &when_sure(head)];
        let [new, old_sure, new_sure] = [0, 1, 2].map(|variant| heads.len() + variant);
        self.reach = Reach::new(&heads.iter().copied().chain(variants).collect::<Vec<_>>());
        if answer.is_some() {
            return self.find(&[old], None).or_else(|| self.find(&[new], None));
        }
        // It matches, or it matches for sure: the two may differ in either.
        self.find(&[old], Some(new))
            .or_else(|| self.find(&[old_sure], Some(new_sure)))
            .or_else(|| self.find_gained(old, new, head.reading.on_missing == Some(OnMissing::Deny)))
            .or_else(|| self.find(&[new_sure], Some(old_sure)))
    }

    /// Looks among what the mutant's rule matches and the policy's does not. Where no rule below matches either, the answer may
    /// stay the same, and a case has no way to say that no rule gave it.
    fn find_gained(&mut self, old: usize, new: usize, may_refuse: bool) -> Option<Found> {
        let was_sure = self.is_sure;
        if let Some(found) = self.find(&[new], Some(old)) {
            return Some(found);
        }
        let below = old + 1..self.rules.list.len();
        let answer = self.rules.list.get(old).map(|rule| rule.answer.as_str());
        if may_refuse || below.len() > MOST_BELOW || answer != Some(otherwise(self.rules.section)) {
            return below.take(MOST_BELOW).find_map(|other| self.find(&[new, other], Some(old)));
        }
        self.is_sure = was_sure;
        below.into_iter().find_map(|other| self.find(&[new, other], Some(old)))
    }

    /// Looks for a request that these rules match and neither `but` nor a rule above does.
    fn find(&mut self, all_of: &[usize], but: Option<usize>) -> Option<Found> {
        let none_of: Vec<_> = (0..self.mutant.position).chain(but).collect();
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

/// How many rules below are looked at, one at a time.
const MOST_BELOW: usize = 64;
