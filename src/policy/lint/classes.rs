//! The values of a fact in classes, between which no rule of a section tells a difference.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use crate::policy::{
    condition::{Condition, Test},
    fact::{Fact, Kind, Value},
};

/// The values of a fact, as far as rules tell them apart.
pub(super) struct Classes {
    /// Which tests hold for the values of each class; tests are told apart by their place in memory.
    signatures: Vec<Vec<bool>>,
    pub(super) tests: HashMap<usize, usize>,
    can_be_missing: bool,
    /// Whether these are all; if not, nothing can be said of rules on this fact.
    pub(super) is_known: bool,
}

impl Classes {
    pub(super) fn of(fact: &Fact, conditions: &[&Condition]) -> Self {
        let (mut tests, mut distinct) = (HashMap::new(), Vec::new());
        for condition in conditions {
            tests.entry(key(&condition.test)).or_insert_with(|| {
                distinct.push(&condition.test);
                distinct.len() - 1
            });
        }
        let signatures = match fact.kind().is_word() {
            true => of_words(fact.kind(), &distinct),
            false => of_scalars(fact.kind(), &distinct),
        };
        let is_known = signatures.is_some();
        Self { signatures: signatures.unwrap_or_default(), tests, can_be_missing: !fact.is_action(), is_known }
    }

    pub(super) fn len(&self) -> usize {
        self.signatures.len() + usize::from(self.can_be_missing)
    }

    /// Whether a test holds for a class; `None` for the class of the missing.
    pub(super) fn holds(&self, class: usize, test: usize) -> Option<bool> {
        self.signatures.get(class).and_then(|signature| signature.get(test)).copied()
    }
}

/// A test's place in memory: rules that share a list share its test.
pub(super) fn key(test: &Test) -> usize {
    match test {
        Test::Scalars(ranges) => Arc::as_ptr(ranges).addr(),
        Test::Words(words) => Arc::as_ptr(words).addr(),
    }
}

fn of_scalars(kind: Kind, tests: &[&Test]) -> Option<Vec<Vec<bool>>> {
    let (least, most) = domain(kind);
    let mut starts = BTreeSet::from([least]);
    for test in tests {
        let Test::Scalars(ranges) = test else { continue };
        for (first, last) in ranges.iter() {
            starts.extend([Some(first), last.checked_add(1)].into_iter().flatten());
        }
    }
    let values: Vec<_> = starts.into_iter().filter(|start| (least..=most).contains(start)).collect();
    is_small(values.len(), tests.len()).then(|| {
        let holds = |value: u128| tests.iter().map(|test| test.accepts(Value::Scalar(value))).collect();
        distinct(values.into_iter().map(holds))
    })
}

fn of_words(kind: Kind, tests: &[&Test]) -> Option<Vec<Vec<bool>>> {
    let (mut named, mut patterns) = (BTreeSet::new(), Vec::new());
    for (position, test) in tests.iter().enumerate() {
        let Test::Words(words) = test else { continue };
        named.extend(words.named().iter().map(AsRef::as_ref));
        if words.has_patterns() {
            patterns.push(position);
        }
    }
    if patterns.len() > MOST_PATTERNS || !is_small(named.len(), tests.len()) {
        return None;
    }
    let of_named = named.iter().map(|word| tests.iter().map(|test| test.accepts(Value::Word(word))).collect());
    // A word that no rule names: the patterns may fit it in any way.
    let of_others = (0..1_u32 << patterns.len()).map(|fits| {
        let mut signature = vec![false; tests.len()];
        for (bit, position) in patterns.iter().enumerate() {
            if let Some(holds) = signature.get_mut(*position) {
                *holds = fits & (1 << bit) != 0;
            }
        }
        signature
    });
    let every_word_is_named = kind == Kind::Weekday && named.len() == 7;
    Some(distinct(of_named.chain(of_others.filter(|_| !every_word_is_named))))
}

fn distinct(signatures: impl Iterator<Item = Vec<bool>>) -> Vec<Vec<bool>> {
    let mut seen = HashSet::new();
    signatures.filter(|signature| seen.insert(signature.clone())).collect()
}

/// The places that values of a kind have, at most.
fn domain(kind: Kind) -> (u128, u128) {
    let numbers = |least, most| (Value::number(least), Value::number(most));
    match kind {
        Kind::Flag => (0, 1),
        Kind::Channels => (0, u8::MAX.into()),
        Kind::Hour => numbers(0, 23),
        Kind::CountryCode => numbers(1, 999),
        Kind::Count | Kind::Age => numbers(0, i64::MAX),
        Kind::Number => numbers(i64::MIN, i64::MAX),
        _ => (0, u128::MAX),
    }
}

fn is_small(values: usize, tests: usize) -> bool {
    values.saturating_mul(tests) <= MOST_CELLS
}

/// How many values times tests of a fact are tabulated.
const MOST_CELLS: usize = 8_000_000;

/// How many patterns there may be on one fact: each one doubles the classes.
const MOST_PATTERNS: usize = 6;
