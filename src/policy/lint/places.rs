//! Where the parts of a policy stand: looked up in its text, again.

use std::{borrow::Cow, ops::Range};

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
        Self { files: files.iter().map(read).collect() }
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

    /// Whether a condition of some rule names a list.
    pub(super) fn is_list_named(&self, list: &str) -> bool {
        let mut whens = self.files.iter().flat_map(|(_, table)| {
            let both = entries(table, "step_up").chain(entries(table, "route"));
            both.filter_map(|rule| rule.get_ref().as_table()?.get("when"))
        });
        whens.any(|when| names(when.get_ref(), list))
    }

    fn table(&self, section: Section, head: &Head) -> Option<&DeTable<'p>> {
        let (_, table) = self.files.iter().find(|(file, _)| *file == head.file)?;
        entries(table, &section.to_string()).find(|rule| rule.span() == head.span)?.get_ref().as_table()
    }
}

fn entries<'t, 'p>(table: &'t DeTable<'p>, kind: &str) -> impl Iterator<Item = &'t Spanned<DeValue<'p>>> {
    table.get(kind).and_then(|list| list.get_ref().as_array()).into_iter().flatten()
}

fn find<'t, 'p>(table: &'t DeTable<'p>, path: &[&str]) -> Option<&'t Spanned<DeValue<'p>>> {
    let (first, rest) = path.split_first()?;
    let value = table.get(*first)?;
    if rest.is_empty() { Some(value) } else { find(value.get_ref().as_table()?, rest) }
}

/// Whether an operator `in` somewhere in the value names the list.
fn names(value: &DeValue<'_>, list: &str) -> bool {
    match value {
        DeValue::Array(items) => items.iter().any(|item| names(item.get_ref(), list)),
        DeValue::Table(table) => table.iter().any(|(key, value)| match value.get_ref().as_str() {
            Some(name) => key.get_ref() == "in" && name == list,
            None => names(value.get_ref(), list),
        }),
        _ => false,
    }
}
