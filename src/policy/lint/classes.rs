//! The values of a fact in classes, between which no rule of a section tells a difference.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use crate::{
    phone::{LineType, Region},
    policy::{
        condition::{Condition, Test},
        fact::{self, Fact, Kind, Value},
    },
};

/// A value that stands for its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Sample {
    Scalar(u128),
    Word(Box<str>),
}

/// The values of a fact, as far as rules tell them apart.
pub(super) struct Classes {
    /// Which tests hold for the values of each class; tests are told apart by their place in memory.
    signatures: Vec<Vec<bool>>,
    /// A value of each class, where one is known.
    samples: Vec<Option<Sample>>,
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
        let classes = match fact.kind().is_word() {
            true => of_words(fact.kind(), &distinct),
            false => of_scalars(fact.kind(), &distinct),
        };
        let is_known = classes.is_some();
        let (signatures, samples) = classes.unwrap_or_default().into_iter().unzip();
        Self { signatures, samples, tests, can_be_missing: !fact.is_action(), is_known }
    }

    pub(super) fn len(&self) -> usize {
        self.signatures.len() + usize::from(self.can_be_missing)
    }

    /// A value of a class; `Err` for the class of the missing, and `Ok(None)` where no value is known.
    pub(super) fn sample(&self, class: usize) -> Result<Option<&Sample>, Missing> {
        self.samples.get(class).map(Option::as_ref).ok_or(Missing)
    }

    /// Whether a test holds for a class; `None` for the class of the missing.
    pub(super) fn holds(&self, class: usize, test: usize) -> Option<bool> {
        self.signatures.get(class).and_then(|signature| signature.get(test)).copied()
    }
}

/// The class of a fact that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) struct Missing;

/// Which tests hold for the values of a class, and one of these values.
type Class = (Vec<bool>, Option<Sample>);

/// A test's place in memory: rules that share a list share its test.
pub(super) fn key(test: &Test) -> usize {
    match test {
        Test::Scalars(ranges) => Arc::as_ptr(ranges).addr(),
        Test::Words(words) => Arc::as_ptr(words).addr(),
    }
}

fn of_scalars(kind: Kind, tests: &[&Test]) -> Option<Vec<Class>> {
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
        // What begins at the least number there is ends where a person would look for it: just below the next.
        let next = values.get(1).map(|next| next.saturating_sub(1));
        let shown = |value: u128| if value == least && kind == Kind::Number { next.unwrap_or(zero()) } else { value };
        distinct(values.iter().map(|value| (holds(*value), Some(Sample::Scalar(shown(*value))))))
    })
}

fn of_words(kind: Kind, tests: &[&Test]) -> Option<Vec<Class>> {
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
    let holds = |word: &str| tests.iter().map(|test| test.accepts(Value::Word(word))).collect::<Vec<_>>();
    let of_named = named.iter().map(|word| (holds(word), Some(Sample::Word((*word).into()))));
    let unnamed: Vec<_> = unnamed(kind, tests).filter(|word| !named.contains(word.as_ref())).collect();
    // A word that no rule names: the patterns may fit it in any way.
    let of_others = (0..1_u32 << patterns.len()).map(|fits| {
        let mut signature = vec![false; tests.len()];
        for (bit, position) in patterns.iter().enumerate() {
            if let Some(holds) = signature.get_mut(*position) {
                *holds = fits & (1 << bit) != 0;
            }
        }
        let fitting = unnamed.iter().find(|word| holds(word) == signature);
        (signature, fitting.map(|word| Sample::Word(word.clone())))
    });
    let every_word_is_named = kind == Kind::Weekday && named.len() == 7;
    Some(distinct(of_named.chain(of_others.filter(|_| !every_word_is_named))))
}

/// Some words that rules might not name, those first that people would think of.
fn unnamed(kind: Kind, tests: &[&Test]) -> impl Iterator<Item = Box<str>> {
    let known: Vec<Box<str>> = match kind {
        Kind::Region => {
            let all = Region::all().into_iter().map(|(region, _)| region.as_str().into());
            ["US", "DE", "GB"].map(Into::into).into_iter().chain(all).collect()
        }
        Kind::LineType => LineType::ALL.into_iter().map(|line_type| line_type.as_str().into()).collect(),
        Kind::Currency => ["EUR", "USD", "GBP", "XTS"].map(Into::into).into(),
        Kind::Weekday => fact::WEEKDAYS.map(Into::into).into(),
        _ => {
            let words = tests.iter().filter_map(|test| match test {
                Test::Words(words) => Some(words.looks()),
                Test::Scalars(_) => None,
            });
            let fitting = words.flatten().map(|look| look.replace('*', "").replace('?', "x").into());
            let other = (0..MOST_PATTERNS).map(|number| format!("other{}", "-".repeat(number)).into());
            other.chain(fitting).collect()
        }
    };
    known.into_iter()
}

fn distinct(classes: impl Iterator<Item = Class>) -> Vec<Class> {
    let mut seen = HashSet::new();
    classes.filter(|(signature, _)| seen.insert(signature.clone())).collect()
}

/// The number of nothing.
fn zero() -> u128 {
    Value::number(0)
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
