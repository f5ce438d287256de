//! Sets of rules of one block, on the stack.

/// A set of rules by their places in a [`Block`](super::block::Block).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub(super) struct Bits([u64; Self::WORDS]);

impl Bits {
    /// How many rules fit.
    pub(super) const CAPACITY: usize = Self::WORDS * 64;

    const WORDS: usize = 16;

    /// The first `count` rules.
    pub(super) fn first_of(count: usize) -> Self {
        (0..count).collect()
    }

    pub(super) fn contains(&self, place: usize) -> bool {
        contains(&self.0, place)
    }

    /// The places of its rules, ascending.
    pub(super) fn iter(self) -> impl Iterator<Item = usize> {
        places(self.0)
    }

    pub(super) fn set(&mut self, place: usize, holds: bool) {
        if let Some(word) = self.0.get_mut(place / 64) {
            let bit = 1 << (place % 64);
            *word = if holds { *word | bit } else { *word & !bit };
        }
    }

    /// Keeps those that are in a row of a table, too.
    pub(super) fn keep(&mut self, row: &[u64]) {
        for (word, other) in self.0.iter_mut().zip(row) {
            *word &= other;
        }
    }

    pub(super) fn with(mut self, other: &Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(word, other)| *word |= other);
        self
    }

    pub(super) fn without(mut self, other: &Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(word, other)| *word &= !other);
        self
    }

    pub(super) fn words(&self) -> &[u64] {
        &self.0
    }
}

impl FromIterator<usize> for Bits {
    fn from_iter<I: IntoIterator<Item = usize>>(places: I) -> Self {
        let mut set = Self::default();
        places.into_iter().for_each(|place| set.set(place, true));
        set
    }
}

/// Whether the bit at a place is set.
pub(super) fn contains(words: &[u64], place: usize) -> bool {
    words.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
}

/// The places of the bits that are set, ascending.
pub(super) fn places(words: impl IntoIterator<Item = u64>) -> impl Iterator<Item = usize> {
    words.into_iter().enumerate().flat_map(|(at, word)| {
        std::iter::successors(Some(word), |word| Some(word & word.wrapping_sub(1)))
            .take_while(|word| *word != 0)
            .filter_map(move |word| Some(at * 64 + usize::try_from(word.trailing_zeros()).ok()?))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    proptest::proptest! {
        #[test]
        fn bits_are_a_set(
            some in proptest::collection::btree_set(0..Bits::CAPACITY, 0..40),
            others in proptest::collection::btree_set(0..Bits::CAPACITY, 0..40),
        ) {
            let set = |places: &BTreeSet<usize>| places.iter().copied().collect::<Bits>();
            let (a, b) = (set(&some), set(&others));
            proptest::prop_assert!(a.iter().eq(some.iter().copied()));
            proptest::prop_assert_eq!(a.with(&b), set(&(&some | &others)));
            proptest::prop_assert_eq!(a.without(&b), set(&(&some - &others)));
            let mut both = a;
            both.keep(b.words());
            proptest::prop_assert_eq!(both, set(&(&some & &others)));
            proptest::prop_assert!((0..2 * Bits::CAPACITY).all(|at| a.contains(at) == some.contains(&at)));
        }
    }

    #[test]
    fn the_first_are_the_lowest() {
        assert_eq!(Bits::first_of(3).iter().collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(Bits::first_of(Bits::CAPACITY).iter().count(), 1024);
    }
}
