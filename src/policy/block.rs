//! A stretch of the rules of a section: as many as fit into a set of bits on the stack.

use super::{bits::Bits, column::Column, context::Context, fact::Fact, rule::Head};

/// Up to 1,024 rules that stand one after the other, and what the values of facts mean for each.
///
/// The blocks of a section are asked one by one, and only until one has the rule that decides. What a block keeps grows with
/// the square of its rules, so a section of many rules stays small for being cut.
#[derive(Debug)]
pub(super) struct Block {
    /// The position of its first rule.
    first: usize,
    columns: Vec<Column>,
    all: Bits,
    /// The rules that have groups of conditions.
    grouped: Bits,
}

impl Block {
    /// Cuts the rules of a section into blocks.
    pub(super) fn cut(heads: &[&Head]) -> Vec<Self> {
        let block = |(number, heads): (usize, &[&Head])| Self::new(number * Bits::CAPACITY, heads);
        heads.chunks(Bits::CAPACITY).enumerate().map(block).collect()
    }

    fn new(first: usize, heads: &[&Head]) -> Self {
        let mut facts: Vec<Fact> = Vec::new();
        for condition in heads.iter().flat_map(|head| &head.when.conditions) {
            if !facts.contains(&condition.fact) {
                facts.push(condition.fact.clone());
            }
        }
        let with_groups = |(place, head): (usize, &&Head)| (!head.when.groups.is_empty()).then_some(place);
        Self {
            first,
            columns: facts.into_iter().map(|fact| Column::new(fact, heads)).collect(),
            all: Bits::first_of(heads.len()),
            grouped: heads.iter().enumerate().filter_map(with_groups).collect(),
        }
    }

    /// The position of the rule at a place.
    pub(super) fn position(&self, place: usize) -> usize {
        self.first + place
    }

    /// Whether the rule at a place has groups of conditions, of which the columns know nothing.
    pub(super) fn is_grouped(&self, place: usize) -> bool {
        self.grouped.contains(place)
    }

    /// The rules that every column lets through, and among others those that refuse if they match.
    pub(super) fn narrow(&self, context: &Context<'_>) -> (Bits, Bits) {
        let (mut open, mut refusing) = (self.all, Bits::default());
        for column in &self.columns {
            column.narrow(context, &mut open, &mut refusing);
        }
        (open, refusing)
    }

    /// The positions of those of its rules that may cover another one: all that do are among them.
    pub(super) fn may_cover(&self, other: &Head) -> impl Iterator<Item = usize> {
        let mut open = self.all;
        for column in &self.columns {
            column.keep_covering(other, &mut open);
        }
        open.iter().map(|place| self.position(place))
    }
}
