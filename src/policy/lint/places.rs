//! Where the parts of a policy stand: looked up in its text, again.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    ops::Range,
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    ids::RuleName,
    policy::{diagnostic::Fault, rule::Head, rule::Section, sources::Sources},
};

/// The texts of a policy, read as tables.
pub(super) struct Places<'p> {
    files: Vec<(usize, DeTable<'p>)>,
    /// The place of each rule among those of its file, by its section, its file and where it begins.
    rules: HashMap<(Section, usize, usize), usize>,
}

/// A place of a file.
#[derive(Clone, Debug)]
pub(super) struct Place {
    file: usize,
    span: Range<usize>,
}

impl Place {
    pub(super) fn fault(self, rule: Option<&RuleName>, message: String, help: String) -> Fault {
        Fault { file: self.file, span: self.span, rule: rule.cloned(), message, help }
    }

    fn of<T>(file: usize, at: &Spanned<T>) -> Self {
        Self { file, span: at.span() }
    }
}

impl<'p> Places<'p> {
    pub(super) fn new(sources: &'p Sources, files: &[usize]) -> Self {
        let read = |file: &usize| (*file, DeTable::parse_recoverable(sources.text(*file)).0.into_inner());
        let files: Vec<_> = files.iter().map(read).collect();
        let mut rules = HashMap::new();
        for (file, table) in &files {
            for section in [Section::StepUp, Section::Route] {
                let starts = entries(table, &section.to_string()).map(|rule| rule.span().start).enumerate();
                rules.extend(starts.map(|(place, start)| ((section, *file, start), place)));
            }
        }
        Self { files, rules }
    }

    /// The beginning of the policy.
    pub(super) fn start(&self) -> Place {
        Place { file: self.files.first().map_or(0, |(file, _)| *file), span: 0..0 }
    }

    /// The value of a key, which stands at the top of one of the files or in a section there.
    pub(super) fn value(&self, path: &[&str]) -> Option<Place> {
        self.files.iter().find_map(|(file, table)| find(table, path).map(|value| Place::of(*file, value)))
    }

    /// The keys of a section, and their places.
    pub(super) fn keys(&self, section: &str) -> Vec<(String, Place)> {
        let keys = |(file, table): &(usize, DeTable<'p>)| -> Vec<(String, Place)> {
            let section = table.get(section).and_then(|section| section.get_ref().as_table());
            let named = |key: &Spanned<Cow<'_, str>>| (key.get_ref().to_string(), Place::of(*file, key));
            section.into_iter().flat_map(|section| section.keys().map(named)).collect()
        };
        self.files.iter().flat_map(keys).collect()
    }

    /// The first of the tables of one kind.
    pub(super) fn first_of(&self, kind: &str) -> Option<Place> {
        self.files.iter().find_map(|(file, table)| Some(Place::of(*file, entries(table, kind).next()?)))
    }

    /// A rule.
    pub(super) fn rule(&self, head: &Head) -> Place {
        Place { file: head.file, span: head.span.clone() }
    }

    /// The value of a key of a rule; the rule, where it has no such key.
    pub(super) fn of_rule(&self, section: Section, head: &Head, path: &[&str]) -> Place {
        self.in_rule(section, head, path).unwrap_or_else(|| self.rule(head))
    }

    /// The value of a key of a rule, if it has that key.
    pub(super) fn in_rule(&self, section: Section, head: &Head, path: &[&str]) -> Option<Place> {
        let value = find(self.table(section, head)?, path)?;
        Some(Place::of(head.file, value))
    }

    /// One of the routes that a rule tries.
    pub(super) fn route(&self, head: &Head, position: usize) -> Place {
        let item = || {
            let list = find(self.table(Section::Route, head)?, &["try"])?.get_ref().as_array()?;
            list.get(position).map(|item| Place::of(head.file, item))
        };
        item().unwrap_or_else(|| self.rule(head))
    }

    /// A condition on a fact in a rule; the rule, where it stands in a group.
    pub(super) fn condition(&self, section: Section, head: &Head, fact: &str) -> Place {
        let mut path = vec!["when"];
        path.push(fact);
        let nested: Vec<_> = std::iter::once("when").chain(fact.split('.')).collect();
        self.in_rule(section, head, &path).unwrap_or_else(|| self.of_rule(section, head, &nested))
    }

    /// The lists that conditions of rules name.
    pub(super) fn lists_named(&self) -> HashSet<&str> {
        let mut named = HashSet::new();
        for (_, table) in &self.files {
            let rules = entries(table, "step_up").chain(entries(table, "route"));
            for when in rules.filter_map(|rule| rule.get_ref().as_table()?.get("when")) {
                lists_in(when.get_ref(), &mut named);
            }
        }
        named
    }

    fn table(&self, section: Section, head: &Head) -> Option<&DeTable<'p>> {
        let (_, table) = self.files.iter().find(|(file, _)| *file == head.file)?;
        let place = *self.rules.get(&(section, head.file, head.span.start))?;
        table.get(section.to_string().as_str())?.get_ref().as_array()?.get(place)?.get_ref().as_table()
    }
}

fn entries<'t, 'p>(table: &'t DeTable<'p>, kind: &str) -> impl Iterator<Item = &'t Spanned<DeValue<'p>>> + use<'t, 'p> {
    table.get(kind).and_then(|list| list.get_ref().as_array()).into_iter().flatten()
}

fn find<'t, 'p>(table: &'t DeTable<'p>, path: &[&str]) -> Option<&'t Spanned<DeValue<'p>>> {
    let (first, rest) = path.split_first()?;
    let value = table.get(*first)?;
    if rest.is_empty() { Some(value) } else { find(value.get_ref().as_table()?, rest) }
}

/// Adds the lists that an operator `in` somewhere in the value names.
fn lists_in<'t>(value: &'t DeValue<'_>, named: &mut HashSet<&'t str>) {
    match value {
        DeValue::Array(items) => items.iter().for_each(|item| lists_in(item.get_ref(), named)),
        DeValue::Table(table) => {
            for (key, value) in table {
                match value.get_ref().as_str() {
                    Some(name) if key.get_ref() == "in" => _ = named.insert(name),
                    Some(_) => {}
                    None => lists_in(value.get_ref(), named),
                }
            }
        }
        _ => {}
    }
}
