//! Whether some request can reach a rule.
//!
//! The values of each fact are put into classes between which no rule of the section tells a difference, and "missing" is one
//! more. A request is then a class for each fact, and the search looks for one that the rule matches and no rule above.
//!
//! What it says is sure in one direction only: every request has its classes, so a search that ends without a find has tried
//! them all. Facts are taken to be free of each other (a number of Latvia that begins with `+1`), patterns of words to go
//! together in every way, and a search that takes too long is given up: then a rule counts as reached.

use std::collections::{BTreeSet, HashMap};

use super::classes::{Classes, Missing, Sample, key};
use crate::policy::{
    condition::{Condition, Group, GroupKind, Truth, When},
    fact::Fact,
    rule::{Head, Passed, Reading},
};

/// The rules of a section, over classes of values.
pub(in crate::policy) struct Reach {
    names: Vec<Fact>,
    facts: Vec<Classes>,
    rules: Vec<Rule>,
    /// Looks at a rule that are left for the section.
    steps: usize,
}

/// What is known of a rule.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// Some request may reach it, as far as facts are free of each other.
    Maybe,
    /// It was not looked at to the end: nothing is said of it.
    Unknown,
    /// No request matches it.
    Never,
    /// Every request that matches it is matched by one of these rules above, by their positions.
    HiddenBy(Vec<usize>),
}

impl Reach {
    pub(in crate::policy) fn new(heads: &[&Head]) -> Self {
        let mut all: Vec<(Fact, Vec<&Condition>)> = Vec::new();
        let mut known: HashMap<&str, usize> = HashMap::new();
        for condition in heads.iter().flat_map(|head| head.when.every_condition()) {
            let at = *known.entry(condition.fact()).or_insert(all.len());
            match all.get_mut(at) {
                Some((_, conditions)) => conditions.push(condition),
                None => all.push((condition.fact.clone(), vec![condition])),
            }
        }
        let facts: Vec<_> = all.iter().map(|(fact, conditions)| Classes::of(fact, conditions)).collect();
        let rules = heads.iter().map(|head| Rule::of(head, &known, &facts)).collect();
        let names = all.into_iter().map(|(fact, _)| fact).collect();
        Self { names, facts, rules, steps: MOST_STEPS }
    }

    /// Whether some request can reach a rule, by its position.
    pub(super) fn of(&mut self, position: usize) -> Reached {
        if self.steps == 0 || !self.rules.get(position).is_some_and(|rule| rule.is_whole) {
            return Reached::Unknown;
        }
        let above: Vec<_> = (0..position).filter(|at| self.rules.get(*at).is_some_and(|rule| rule.is_whole)).collect();
        match (self.search(&[position], &[]), self.search(&[position], &above)) {
            (Some(Searched { chosen: None, .. }), _) => Reached::Never,
            (_, Some(Searched { chosen: None, hiders })) => Reached::HiddenBy(hiders.into_iter().collect()),
            (_, Some(Searched { chosen: Some(_), .. })) => Reached::Maybe,
            (_, None) => Reached::Unknown,
        }
    }

    /// Looks for a request that all of these rules match and none of the others does.
    pub(in crate::policy) fn example(&mut self, all_of: &[usize], none_of: &[usize]) -> Example {
        let is_whole = |at: &usize| self.rules.get(*at).is_some_and(|rule| rule.is_whole);
        if !all_of.iter().all(is_whole) {
            return Example::Unsure;
        }
        let others: Vec<_> = none_of.iter().copied().filter(is_whole).collect();
        let Some(searched) = self.search(all_of, &others) else { return Example::Unsure };
        let Some(chosen) = searched.chosen else { return Example::None };
        let facts = self.names.iter().zip(&self.facts).zip(chosen);
        let value = |((fact, classes), class): ((&Fact, &Classes), Option<usize>)| {
            Some((fact.clone(), classes.sample(class?).map(|sample| sample.cloned())))
        };
        Example::Some(facts.filter_map(value).collect())
    }

    /// How much may still be looked at.
    #[cfg(test)]
    pub(super) fn steps_left(&self) -> usize {
        self.steps
    }

    /// Looks for a request that all of these rules match and none of the others does; `None` when the search was given up.
    fn search(&mut self, all_of: &[usize], others: &[usize]) -> Option<Searched> {
        let steps = self.steps.min(MOST_STEPS_OF_A_RULE);
        let mut search = Search {
            reach: self,
            all_of,
            chosen: vec![None; self.facts.len()],
            depth: 0,
            steps,
            hiders: BTreeSet::new(),
        };
        let found = search.find(others);
        let Search { chosen, steps: left, hiders, .. } = search;
        self.steps -= steps - left;
        found.map(|found| Searched { chosen: found.then_some(chosen), hiders })
    }
}

/// A request, as far as rules tell requests apart.
pub(in crate::policy) enum Example {
    /// The facts that matter, each with a value, the lack of one, or `Ok(None)` where no value is known. Facts are taken to
    /// be free of each other: there may be no such request.
    Some(Vec<(Fact, Result<Option<Sample>, Missing>)>),
    /// There is no such request.
    None,
    /// The search was given up.
    Unsure,
}

/// A search that came to its end.
struct Searched {
    /// The class of each fact that matters, when there is such a request.
    chosen: Option<Vec<Option<usize>>>,
    /// The rules that stood in the way.
    hiders: BTreeSet<usize>,
}

struct Search<'r> {
    reach: &'r Reach,
    /// The rules that have to match.
    all_of: &'r [usize],
    /// The class of each fact.
    chosen: Vec<Option<usize>>,
    depth: usize,
    steps: usize,
    hiders: BTreeSet<usize>,
}

impl Search<'_> {
    /// Chooses classes until the rules match and none of the others does. `None` when it takes too long.
    fn find(&mut self, others: &[usize]) -> Option<bool> {
        let mut open = None;
        for rule in self.all_of {
            match self.stand(*rule)? {
                Stand::Fails => return Some(false),
                Stand::Matches => {}
                Stand::Open(fact) => open = open.or(Some(fact)),
            }
        }
        let (mut still, mut open_of_others) = (Vec::with_capacity(others.len()), None);
        for other in others.iter().copied() {
            match self.stand(other)? {
                Stand::Fails => {}
                Stand::Matches => {
                    self.hiders.insert(other);
                    return Some(false);
                }
                Stand::Open(fact) => {
                    open_of_others = open_of_others.or(Some(fact));
                    still.push(other);
                }
            }
        }
        let Some(fact) = open.or(open_of_others) else { return Some(true) };
        if self.depth >= DEEPEST {
            return None;
        }
        self.depth += 1;
        for class in 0..self.reach.facts.get(fact)?.len() {
            self.choose(fact, Some(class));
            if self.find(&still)? {
                return Some(true);
            }
        }
        self.choose(fact, None);
        self.depth -= 1;
        Some(false)
    }

    fn choose(&mut self, fact: usize, class: Option<usize>) {
        if let Some(chosen) = self.chosen.get_mut(fact) {
            *chosen = class;
        }
    }

    fn stand(&mut self, rule: usize) -> Option<Stand> {
        self.steps = self.steps.checked_sub(1)?;
        Some(self.reach.rules.get(rule)?.stand(&self.reach.facts, &self.chosen))
    }
}

/// How a rule stands while some classes are chosen.
enum Stand {
    Fails,
    Matches,
    /// It hangs on this fact, among others.
    Open(usize),
}

struct Rule {
    reading: Reading,
    conditions: Vec<On>,
    groups: Vec<Branches>,
    /// Whether the classes of all its facts are known.
    is_whole: bool,
}

/// A condition, by its fact and its test.
struct On {
    fact: usize,
    test: usize,
    negated: bool,
    when_missing: Truth,
}

struct Branches {
    kind: GroupKind,
    branches: Vec<(Vec<On>, Vec<Branches>)>,
    facts: BTreeSet<usize>,
}

impl Rule {
    fn of(head: &Head, known: &HashMap<&str, usize>, facts: &[Classes]) -> Self {
        let reader = Reader { reading: head.reading, known, facts };
        let conditions = head.when.every_condition();
        let is_known = |condition: &&Condition| {
            known.get(condition.fact()).and_then(|at| facts.get(*at)).is_some_and(|classes| classes.is_known)
        };
        let is_whole = conditions.iter().all(is_known);
        let (conditions, groups) = reader.when(&head.when);
        Self { reading: head.reading, conditions, groups, is_whole }
    }

    fn stand(&self, facts: &[Classes], chosen: &[Option<usize>]) -> Stand {
        let mut open = None;
        for on in &self.conditions {
            match on.truth(facts, chosen) {
                Some(truth) if self.reading.passes(truth) == Passed::No => return Stand::Fails,
                Some(_) => {}
                None => open = open.or(Some(on.fact)),
            }
        }
        for group in &self.groups {
            let missing = group.facts.iter().find(|fact| class_of(chosen, **fact).is_none());
            match missing {
                None if self.reading.passes(group.truth(facts, chosen)) == Passed::No => return Stand::Fails,
                None => {}
                Some(fact) => open = open.or(Some(*fact)),
            }
        }
        open.map_or(Stand::Matches, Stand::Open)
    }
}

impl On {
    /// How it stands; `None` when the class of its fact is open.
    fn truth(&self, facts: &[Classes], chosen: &[Option<usize>]) -> Option<Truth> {
        let class = class_of(chosen, self.fact)?;
        Some(match facts.get(self.fact)?.holds(class, self.test) {
            Some(holds) => (holds != self.negated).into(),
            None => self.when_missing,
        })
    }
}

impl Branches {
    fn truth(&self, facts: &[Classes], chosen: &[Option<usize>]) -> Truth {
        let branches = self.branches.iter().map(|(conditions, groups)| {
            let conditions = conditions.iter().filter_map(|on| on.truth(facts, chosen));
            Truth::all(conditions.chain(groups.iter().map(|group| group.truth(facts, chosen))))
        });
        match self.kind {
            GroupKind::All => Truth::all(branches),
            GroupKind::Any => Truth::any(branches),
            GroupKind::None => Truth::any(branches).not(),
        }
    }
}

fn class_of(chosen: &[Option<usize>], fact: usize) -> Option<usize> {
    chosen.get(fact).copied().flatten()
}

struct Reader<'r> {
    reading: Reading,
    known: &'r HashMap<&'r str, usize>,
    facts: &'r [Classes],
}

impl Reader<'_> {
    fn when(&self, when: &When) -> (Vec<On>, Vec<Branches>) {
        let conditions = when.conditions().iter().filter_map(|condition| self.condition(condition)).collect();
        (conditions, when.groups().iter().map(|group| self.group(group)).collect())
    }

    fn condition(&self, condition: &Condition) -> Option<On> {
        let fact = *self.known.get(condition.fact())?;
        let test = *self.facts.get(fact)?.tests.get(&key(&condition.test))?;
        let when_missing = condition.truth_when_missing(self.reading.assume());
        Some(On { fact, test, negated: condition.negated, when_missing })
    }

    fn group(&self, group: &Group) -> Branches {
        let conditions = group.branches().iter().flat_map(When::every_condition);
        let facts = conditions.filter_map(|condition| self.known.get(condition.fact()).copied()).collect();
        let branches = group.branches().iter().map(|branch| self.when(branch)).collect();
        Branches { kind: group.kind(), branches, facts }
    }
}

/// Looks at a rule within one section, and for one rule: some tenths of a second.
const MOST_STEPS: usize = 8_000_000;
const MOST_STEPS_OF_A_RULE: usize = 200_000;

/// How many facts are chosen at once.
const DEEPEST: usize = 48;
