//! Finds the rule that decides.
//!
//! ```text
//!  fact by fact:   value ---> row of bits, one for each rule ---> and    what is left matches;
//!                             (a missing fact has a row, too)            the lowest bit decides
//! ```
//!
//! What a rule asks of one fact is in the fact's column, so the cost hardly grows with the rules. Only `any`, `all` and `none`
//! are looked at rule by rule, in those that everything else lets through. Rules come in [blocks](Block), and none is asked
//! after the one that has the deciding rule.

use super::{
    block::Block,
    context::Context,
    rule::{Head, Passed, SIGNAL_MISSING},
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
    blocks: Vec<Block>,
}

/// A rule that matches.
#[derive(Debug)]
pub(super) struct Match<'t, T> {
    pub(super) position: usize,
    pub(super) rule: &'t Ruling<T>,
    /// Why it refuses, whatever it answers.
    pub(super) refusal: Option<&'static str>,
}

impl<T> Table<T> {
    pub(super) fn new(rules: Vec<Ruling<T>>) -> Self {
        let heads: Vec<_> = rules.iter().map(|rule| &rule.head).collect();
        Self { blocks: Block::cut(&heads), rules }
    }

    /// The rules that match, in order: the first of them decides. They are looked for as they are asked for; allocates
    /// nothing.
    pub(super) fn matches<'t>(&'t self, context: &Context<'_>) -> impl Iterator<Item = Match<'t, T>> {
        self.blocks.iter().flat_map(move |block| {
            let (open, refusing) = block.narrow(context);
            open.iter().filter_map(move |place| {
                let position = block.position(place);
                let rule = self.rules.get(position)?;
                let by_groups = block.is_grouped(place) && grouped(&rule.head, context)?;
                let lacks_signal = by_groups || refusing.contains(place);
                let refusal = lacks_signal.then_some(SIGNAL_MISSING).or_else(|| rule.head.refusal(context));
                Some(Match { position, rule, refusal })
            })
        })
    }

    pub(super) fn rules(&self) -> &[Ruling<T>] {
        &self.rules
    }

    /// The first rule that matches whatever the one at a position matches, before it.
    pub(super) fn covering(&self, position: usize) -> Option<&Head> {
        let head = &self.rules.get(position)?.head;
        let above = self.blocks.iter().flat_map(|block| block.may_cover(head)).take_while(|above| *above < position);
        above.filter_map(|above| Some(&self.rules.get(above)?.head)).find(|above| above.covers(head))
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

/// Whether a rule refuses because of what its groups lack; `None` when they do not let it match.
fn grouped(head: &Head, context: &Context<'_>) -> Option<bool> {
    let mut refuses = false;
    for group in &head.when.groups {
        match head.reading.passes(group.truth(context, head.reading.assume())) {
            Passed::Yes => {}
            Passed::No => return None,
            Passed::Refusing => refuses = true,
        }
    }
    Some(refuses)
}
