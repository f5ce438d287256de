//! For whom the answers are different.
//!
//! Values that no condition of either policy tells apart are one: regions are put together so, types and actions too, and each
//! combination of what is left is looked at once. There, what rules ask of these three is decided, and what they ask of other
//! facts is kept as it stands. Where the two lists that are left are the same, no request gets another answer.

use std::collections::BTreeMap;

use super::{AnswerChange, Branch, answer};
use crate::{
    ids::Action,
    phone::{LineType, Region},
    policy::{
        Policy,
        condition::{Condition, Group, Test},
        context::{Context, Line},
        decision::Decision,
        fact::{LINE_TYPE, Value},
        rule::{OnMissing, Passed, Reading, Section},
    },
};

/// The combinations that get another answer, those with the same two answers together.
pub(super) fn changes(older: &Policy, newer: &Policy, section: Section) -> Vec<AnswerChange> {
    let axes = Axes::of(older, newer, section);
    let mut found: BTreeMap<(Vec<Branch>, Vec<Branch>), Vec<Block>> = BTreeMap::new();
    for (actions, action) in &axes.actions {
        for (types, line_type) in &axes.types {
            for (regions, place) in &axes.regions {
                let context = context(action, *place, *line_type);
                let (before, after) = (left(older, section, &context), left(newer, section, &context));
                if is_same(&before, &after) {
                    continue;
                }
                let key = (shown(&before), shown(&after));
                let block = Block { actions: actions.clone(), types: types.clone(), regions: regions.clone() };
                found.entry(key).or_default().push(block);
            }
        }
    }
    let change = |((before, after), blocks): ((Vec<Branch>, Vec<Branch>), Vec<Block>)| {
        join(blocks).into_iter().map(move |Block { actions, types, regions }| AnswerChange {
            section,
            actions,
            regions,
            types,
            before: before.clone(),
            after: after.clone(),
        })
    };
    found.into_iter().flat_map(change).collect()
}

/// Combinations of some values of each axis.
#[derive(Clone, Debug)]
struct Block {
    actions: Vec<String>,
    types: Vec<LineType>,
    regions: Vec<String>,
}

/// The values of each axis, put together, each with one that stands for them.
struct Axes {
    actions: Vec<Alike<String, Action>>,
    types: Vec<Alike<LineType, Option<LineType>>>,
    regions: Vec<Alike<String, Option<Place>>>,
}

/// Values that no condition tells apart, and one of them.
type Alike<T, V> = (Vec<T>, V);

/// A region and its country code.
type Place = (Region, u16);

impl Axes {
    fn of(older: &Policy, newer: &Policy, section: Section) -> Self {
        let rules: Vec<_> = older.rules(section).chain(newer.rules(section)).collect();
        let conditions: Vec<_> = rules.iter().flat_map(|rule| rule.when().every_condition()).collect();
        let on = |name: &str| conditions.iter().copied().filter(|c| c.fact() == name).collect::<Vec<_>>();
        let actions = actions(&on("action"));
        if section == Section::StepUp {
            return Self { actions, types: vec![(Vec::new(), None)], regions: vec![(Vec::new(), None)] };
        }
        // Rules that send read whether a number is dear, whatever they say.
        let dear = |kind: &LineType| kind.is_dear().then_some(kind.as_str());
        let types = together(LineType::ALL, |kind| (dear(kind), accepted(&on(LINE_TYPE), Value::Word(kind.as_str()))));
        let types = types.into_iter().map(|types| (types.clone(), types.first().copied())).collect();
        let (regional, by_code) = (on("phone.region"), on("phone.country_code"));
        let regions = together(Region::all(), |(region, code)| {
            let of_code = accepted(&by_code, Value::Scalar(Value::number((*code).into())));
            [accepted(&regional, Value::Word(region.as_str())), of_code].concat()
        });
        let named = |regions: Vec<Place>| {
            (regions.iter().map(|(region, _)| region.to_string()).collect(), regions.first().copied())
        };
        let nowhere = (vec!["-".to_owned()], None);
        Self { actions, types, regions: regions.into_iter().map(named).chain([nowhere]).collect() }
    }
}

/// The actions that conditions name, one that looks like each pattern, and one that is like none.
fn actions(conditions: &[&Condition]) -> Vec<Alike<String, Action>> {
    let mut names: Vec<(String, String)> = Vec::new();
    for condition in conditions {
        let Test::Words(words) = &condition.test else { continue };
        names.extend(words.named().iter().map(|word| (word.to_string(), word.to_string())));
        names.extend(words.looks().map(|look| (look.clone(), look.replace('*', "").replace('?', "x"))));
    }
    let mut other = "any-other".to_owned();
    while names.iter().any(|(_, name)| *name == other) {
        other.push('-');
    }
    names.push(("*".to_owned(), other));
    names.sort_unstable();
    names.dedup();
    let known = names.into_iter().filter_map(|(shown, name)| Some((shown, Action::new(name).ok()?)));
    let alike = together(known, |(_, action)| accepted(conditions, Value::Word(action.as_str())));
    let named = |group: Vec<(String, Action)>| {
        let action = group.first()?.1.clone();
        Some((group.into_iter().map(|(shown, _)| shown).collect(), action))
    };
    alike.into_iter().filter_map(named).collect()
}

/// Puts values together that look the same.
fn together<T, K: Ord>(values: impl IntoIterator<Item = T>, look: impl Fn(&T) -> K) -> Vec<Vec<T>> {
    let mut groups: BTreeMap<K, Vec<T>> = BTreeMap::new();
    for value in values {
        groups.entry(look(&value)).or_default().push(value);
    }
    groups.into_values().collect()
}

fn accepted(conditions: &[&Condition], value: Value<'_>) -> Vec<bool> {
    conditions.iter().map(|condition| condition.accepts(value)).collect()
}

fn context<'a>(action: &'a Action, place: Option<Place>, line_type: Option<LineType>) -> Context<'a> {
    let mut context = Context::new(action);
    context.plain.region = place.map(|(region, _)| region);
    let country_code = place.map(|(_, code)| code);
    context.plain.line = Some(Line { country_code, line_type, begins: None, is_test: None });
    context
}

/// A rule in one cell: what it asks of other facts, and its answer.
struct Left<'p> {
    conditions: Vec<&'p Condition>,
    groups: Vec<&'p Group>,
    reading: Option<Reading>,
    answer: Decision<'p>,
}

impl Left<'_> {
    fn is_sure(&self) -> bool {
        self.conditions.is_empty() && self.groups.is_empty()
    }

    fn is_same(&self, other: &Left<'_>) -> bool {
        // How a rule reads what is missing makes no difference where it asks for nothing more.
        self.conditions == other.conditions
            && self.groups == other.groups
            && (self.is_sure() || self.reading == other.reading)
            && self.answer.is_same(other.answer)
    }
}

/// What is left of the rules in a cell, up to the first that asks for nothing more.
fn left<'p>(policy: &'p Policy, section: Section, context: &Context<'_>) -> Vec<Left<'p>> {
    let mut list = Vec::new();
    for rule in policy.rules(section) {
        let reading = rule.head.reading;
        let passes = |truth| reading.passes(truth) != Passed::No;
        let (decided, open): (Vec<&Condition>, Vec<_>) =
            rule.when().conditions().iter().partition(|condition| is_decided(condition));
        let (decided_groups, open_groups): (Vec<&Group>, Vec<_>) = rule.when().groups().iter().partition(|group| {
            group.branches().iter().all(|branch| branch.every_condition().into_iter().all(is_decided))
        });
        let may = decided.iter().all(|condition| passes(condition.truth(context, reading.assume())))
            && decided_groups.iter().all(|group| passes(group.truth(context, reading.assume())));
        if !may {
            continue;
        }
        let answer = rule.head.refusal(context).map_or(rule.answer(), Decision::Deny);
        let rule = Left { conditions: open, groups: open_groups, reading: Some(reading), answer };
        let is_sure = rule.is_sure();
        list.push(rule);
        if is_sure {
            return trimmed(list);
        }
    }
    let otherwise = match section {
        Section::StepUp => Decision::Allow,
        Section::Route => Decision::Deny(super::super::NO_ROUTE),
    };
    list.push(Left { conditions: Vec::new(), groups: Vec::new(), reading: None, answer: otherwise });
    trimmed(list)
}

/// Leaves out the last branches that answer the same as what follows them.
fn trimmed(mut list: Vec<Left<'_>>) -> Vec<Left<'_>> {
    let Some(last) = list.pop() else { return list };
    let can_refuse = |rule: &Left<'_>| rule.reading.is_some_and(|r| r.on_missing == Some(OnMissing::Deny));
    while list.pop_if(|rule| rule.answer.is_same(last.answer) && !can_refuse(rule)).is_some() {}
    list.push(last);
    list
}

fn is_decided(condition: &Condition) -> bool {
    ["action", "phone.region", "phone.country_code", LINE_TYPE].contains(&condition.fact())
}

fn is_same(before: &[Left<'_>], after: &[Left<'_>]) -> bool {
    before.len() == after.len() && before.iter().zip(after).all(|(before, after)| before.is_same(after))
}

fn shown(list: &[Left<'_>]) -> Vec<Branch> {
    let branch = |rule: &Left<'_>| {
        let conditions = rule.conditions.iter().map(|condition| condition.text());
        let groups = rule.groups.iter().map(|group| group.text());
        Branch { when: conditions.chain(groups).map(str::to_owned).collect(), answer: answer(rule.answer) }
    };
    list.iter().map(branch).collect()
}

/// Joins blocks that differ in one axis only.
fn join(blocks: Vec<Block>) -> Vec<Block> {
    let blocks = join_by(blocks, |b| (b.actions.clone(), b.types.clone()), |to, from| to.regions.extend(from.regions));
    let blocks = join_by(blocks, |b| (b.actions.clone(), b.regions.clone()), |to, from| to.types.extend(from.types));
    join_by(blocks, |b| (b.types.clone(), b.regions.clone()), |to, from| to.actions.extend(from.actions))
}

fn join_by<K: PartialEq>(blocks: Vec<Block>, key: impl Fn(&Block) -> K, add: impl Fn(&mut Block, Block)) -> Vec<Block> {
    let mut joined: Vec<Block> = Vec::new();
    for block in blocks {
        match joined.iter_mut().find(|known| key(known) == key(&block)) {
            Some(known) => add(known, block),
            None => joined.push(block),
        }
        if let Some(known) = joined.iter_mut().last() {
            known.regions.sort_unstable();
        }
    }
    joined.iter_mut().for_each(|block| {
        block.actions.sort_unstable();
        block.regions.sort_unstable();
    });
    joined
}
