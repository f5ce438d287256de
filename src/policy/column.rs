//! One fact in the rules of a block: from its value to the rules that it lets through, in one look.

use std::{collections::HashMap, sync::Arc};

use super::{
    bits::Bits,
    condition::{Condition, Test, Words},
    context::Context,
    fact::{Fact, Value},
    ranges::Ranges,
    rule::{Head, Passed},
};

/// What each value of one fact means for every rule of a block.
#[derive(Debug)]
pub(super) struct Column {
    fact: Fact,
    lookup: Lookup,
    rows: Rows,
    /// The rules that go on when the fact is missing.
    when_missing: Bits,
    /// Those of them that refuse then.
    refusing: Bits,
    /// The rules that do not ask for the fact.
    unasked: Bits,
}

/// From a value to a row.
#[derive(Debug)]
enum Lookup {
    /// The places at which the row changes, ascending, and the rows from there on. The first place is zero.
    Scalars { starts: Vec<u128>, rows: Vec<usize> },
    /// The rows of words that rules name, the row of all others, and what the others look like.
    Words { named: HashMap<Box<str>, usize>, other: usize, patterns: Vec<Switch<Words>> },
}

/// A test and the rules that have it: those that ask for it and those that ask for its opposite.
#[derive(Debug)]
struct Switch<T> {
    test: Arc<T>,
    on: Bits,
    off: Bits,
}

impl Column {
    /// The column of a fact.
    pub(super) fn new(fact: Fact, heads: &[&Head]) -> Self {
        let conditions: Vec<_> = heads.iter().map(|head| (*head, condition_on(head, &fact))).collect();
        let (mut when_missing, mut refusing) = (Bits::default(), Bits::default());
        for (position, (head, condition)) in conditions.iter().enumerate() {
            let passed =
                condition.map_or(Passed::Yes, |c| head.reading.passes(c.truth_when_missing(head.reading.assume())));
            when_missing.set(position, passed != Passed::No);
            refusing.set(position, passed == Passed::Refusing);
        }
        let conditions: Vec<_> = conditions.into_iter().map(|(_, condition)| condition).collect();
        let unasked = conditions.iter().enumerate().filter_map(|(at, asked)| asked.is_none().then_some(at)).collect();
        let mut rows = Rows::new(heads.len());
        let lookup =
            if fact.kind().is_word() { words(&conditions, &mut rows) } else { scalars(&conditions, &mut rows) };
        Self { fact, lookup, rows, when_missing, refusing, unasked }
    }

    /// Keeps the rules that go on, and adds those that refuse.
    pub(super) fn narrow(&self, context: &Context<'_>, open: &mut Bits, refusing: &mut Bits) {
        if self.fact.value(context).and_then(|value| self.keep(value, open)).is_none() {
            open.keep(self.when_missing.words());
            *refusing = refusing.with(&self.refusing);
        }
    }

    /// Keeps the rules that may cover another one, as far as this fact tells: those that ask for nothing the other does not ask
    /// for, and take some value that the other takes.
    pub(super) fn keep_covering(&self, other: &Head, open: &mut Bits) {
        match condition_on(other, &self.fact) {
            None => open.keep(self.unasked.words()),
            Some(condition) => {
                condition.example().and_then(|value| self.keep(value, open));
            }
        }
    }

    /// Keeps the rules that a value lets through. `None` when it is no value of the fact.
    fn keep(&self, value: Value<'_>, open: &mut Bits) -> Option<()> {
        match (value, &self.lookup) {
            (Value::Scalar(place), Lookup::Scalars { starts, rows }) => {
                let after = starts.partition_point(|start| *start <= place);
                let row = after.checked_sub(1).and_then(|at| rows.get(at)).copied().unwrap_or_default();
                open.keep(self.rows.row(row));
            }
            (Value::Word(word), Lookup::Words { named, other, patterns }) => match named.get(word) {
                Some(row) => open.keep(self.rows.row(*row)),
                None if patterns.is_empty() => open.keep(self.rows.row(*other)),
                None => {
                    let mut row = Bits::first_of(Bits::CAPACITY);
                    row.keep(self.rows.row(*other));
                    open.keep(patterns.iter().fold(row, |row, switch| switch.turn(row, word)).words());
                }
            },
            _ => return None,
        }
        Some(())
    }
}

/// The condition of a rule on a fact; there is at most one.
fn condition_on<'h>(head: &'h Head, fact: &Fact) -> Option<&'h Condition> {
    head.when.conditions.iter().find(|condition| condition.fact == *fact)
}

fn scalars(conditions: &[Option<&Condition>], rows: &mut Rows) -> Lookup {
    let (mut row, switches) = switches(conditions, |test| match test {
        Test::Scalars(ranges) => Some(ranges),
        Test::Words(_) => None,
    });
    let mut changes: Vec<(u128, &Switch<Ranges>, bool)> = Vec::new();
    for switch in &switches {
        for (least, most) in switch.test.iter() {
            changes.push((least, switch, true));
            changes.extend(most.checked_add(1).map(|after| (after, switch, false)));
        }
    }
    changes.sort_unstable_by_key(|(place, ..)| *place);
    let (mut starts, mut found) = (vec![0], vec![rows.intern(row)]);
    for (place, switch, enter) in changes {
        row = if enter { row.with(&switch.on).without(&switch.off) } else { row.without(&switch.on).with(&switch.off) };
        let at = rows.intern(row);
        match (starts.last(), found.last_mut()) {
            (Some(last), Some(found)) if *last == place => *found = at,
            _ => {
                starts.push(place);
                found.push(at);
            }
        }
    }
    Lookup::Scalars { starts, rows: found }
}

fn words(conditions: &[Option<&Condition>], rows: &mut Rows) -> Lookup {
    let (other, switches) = switches(conditions, |test| match test {
        Test::Words(words) => Some(words),
        Test::Scalars(_) => None,
    });
    let mut named: HashMap<Box<str>, Bits> = HashMap::new();
    for switch in &switches {
        for word in switch.test.named() {
            let row = named.entry(word.clone()).or_insert(other);
            *row = row.with(&switch.on).without(&switch.off);
        }
    }
    let patterns: Vec<_> = switches.into_iter().filter(|switch| switch.test.has_patterns()).collect();
    let named = named.into_iter().map(|(word, row)| {
        let row = patterns.iter().fold(row, |row, switch| switch.turn(row, &word));
        (word, rows.intern(row))
    });
    Lookup::Words { named: named.collect(), other: rows.intern(other), patterns }
}

impl Switch<Words> {
    fn turn(&self, row: Bits, word: &str) -> Bits {
        if self.test.contain(word) { row.with(&self.on).without(&self.off) } else { row }
    }
}

/// The row of a value that no condition names, and the tests. Rules that share a list share its test.
fn switches<'c, T: 'c>(
    conditions: &[Option<&'c Condition>],
    test_of: impl Fn(&'c Test) -> Option<&'c Arc<T>>,
) -> (Bits, Vec<Switch<T>>) {
    let mut base = Bits::default();
    let mut switches: Vec<Switch<T>> = Vec::new();
    let mut known: HashMap<*const T, usize> = HashMap::new();
    for (position, condition) in conditions.iter().enumerate() {
        let Some((condition, test)) = condition.and_then(|c| Some((c, test_of(&c.test)?))) else {
            base.set(position, true);
            continue;
        };
        base.set(position, condition.negated);
        let at = *known.entry(Arc::as_ptr(test)).or_insert(switches.len());
        if at == switches.len() {
            switches.push(Switch { test: Arc::clone(test), on: Bits::default(), off: Bits::default() });
        }
        if let Some(switch) = switches.get_mut(at) {
            let side = if condition.negated { &mut switch.off } else { &mut switch.on };
            side.set(position, true);
        }
    }
    (base, switches)
}

/// Sets of rules, each kept once and only as wide as there are rules.
#[derive(Debug)]
struct Rows {
    width: usize,
    words: Vec<u64>,
    known: HashMap<Bits, usize>,
}

impl Rows {
    fn new(rules: usize) -> Self {
        Self { width: rules.div_ceil(64), words: Vec::new(), known: HashMap::new() }
    }

    /// The number of a row.
    fn intern(&mut self, set: Bits) -> usize {
        let next = self.known.len();
        *self.known.entry(set).or_insert_with(|| {
            self.words.extend(set.words().iter().take(self.width));
            next
        })
    }

    fn row(&self, number: usize) -> &[u64] {
        self.words.get(number * self.width..(number + 1) * self.width).unwrap_or_default()
    }
}
