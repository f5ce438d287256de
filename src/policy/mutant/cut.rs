//! Small changes to conditions as they are written.

use std::borrow::Cow;

use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

use super::MutantKind;
use crate::policy::{condition::GroupKind, diagnostic::Report, vocabulary::Vocabulary};

/// A table or value with one small change; `None` when nothing is left of it.
pub(super) struct Cut<T> {
    pub(super) made: Option<T>,
    pub(super) kind: MutantKind,
    pub(super) what: String,
    /// Where, in bytes.
    pub(super) at: usize,
}

impl<T> Cut<T> {
    fn map<U>(self, into: impl FnOnce(Option<T>) -> Option<U>) -> Cut<U> {
        let Self { made, kind, what, at } = self;
        Cut { made: into(made), kind, what, at }
    }
}

/// Changes conditions as they are written.
pub(super) struct Cutter<'c, 's, 't> {
    pub(super) report: &'c Report<'s>,
    pub(super) vocabulary: &'c Vocabulary<'t>,
}

impl Cutter<'_, '_, '_> {
    /// The changes to a table of conditions.
    pub(super) fn table<'t>(&self, prefix: &str, table: &DeTable<'t>) -> Vec<Cut<DeTable<'t>>> {
        let mut cuts = Vec::new();
        for (key, value) in table {
            let name = format!("{prefix}{}", key.get_ref());
            let text = format!("{name} = {}", self.report.quote(value.span(), MOST_QUOTED));
            let group = GroupKind::named(&name).filter(|_| self.vocabulary.fact(&name).is_none());
            if group.is_none() && self.vocabulary.fact(&name).is_none() {
                if let Some(inner) = value.get_ref().as_table() {
                    let inner = self.table(&format!("{name}."), inner);
                    let span = value.span();
                    let whole = |table| Spanned::new(span.clone(), DeValue::Table(table));
                    cuts.extend(inner.into_iter().map(|cut| cut.map(|made| with(table, key, made.map(whole)))));
                }
                continue;
            }
            let at = key.span().start;
            let (kind, what) = (MutantKind::ConditionRemoved, format!("`{text}` removed"));
            cuts.push(Cut { made: with(table, key, None), kind, what, at });
            match group {
                Some(group) => cuts.extend(self.group(table, key, value, group)),
                None => {
                    let (kind, what) = (MutantKind::ConditionNegated, format!("`{text}` negated"));
                    cuts.push(Cut { made: with(table, key, Some(negated(value))), kind, what, at });
                    let of_value = self.value(&name, value).into_iter();
                    cuts.extend(of_value.map(|cut| cut.map(|made| with(table, key, made))));
                }
            }
        }
        cuts
    }

    /// The changes to a group: another kind, and the changes to its branches.
    fn group<'t>(
        &self,
        table: &DeTable<'t>,
        key: &Spanned<Cow<'t, str>>,
        value: &Spanned<DeValue<'t>>,
        group: GroupKind,
    ) -> Vec<Cut<DeTable<'t>>> {
        let branches: Vec<_> = match value.get_ref() {
            DeValue::Array(list) => list.iter().cloned().collect(),
            _ => vec![value.clone()],
        };
        let mut cuts = Vec::new();
        let other = match group {
            GroupKind::Any => Some("none"),
            GroupKind::None => Some("any"),
            GroupKind::All => Some("any").filter(|_| branches.len() > 1),
        };
        if let Some(other) = other.filter(|other| !table.contains_key(*other)) {
            let what = format!("`{}` made `{other}`", key.get_ref());
            let mut made = table.clone();
            made.remove(key.get_ref().as_ref());
            made.insert(Spanned::new(key.span(), Cow::Borrowed(other)), value.clone());
            cuts.push(Cut { made: Some(made), kind: MutantKind::ConditionNegated, what, at: key.span().start });
        }
        for (position, branch) in branches.iter().enumerate() {
            let Some(inner) = branch.get_ref().as_table() else { continue };
            for cut in self.table("", inner) {
                cuts.push(cut.map(|made| {
                    let mut left = branches.clone();
                    match (made, left.get_mut(position)) {
                        (Some(made), Some(branch)) => *branch.get_mut() = DeValue::Table(made),
                        _ => drop(left.remove(position)),
                    }
                    let list = (!left.is_empty()).then(|| array(value, left));
                    with(table, key, list)
                }));
            }
            if branches.len() > 1 && inner.len() > 1 {
                let mut left = branches.clone();
                left.remove(position);
                let what =
                    format!("`{}` dropped from `{}`", self.report.quote(branch.span(), MOST_QUOTED), key.get_ref());
                let made = with(table, key, Some(array(value, left)));
                cuts.push(Cut { made, kind: MutantKind::EntryDropped, what, at: branch.span().start });
            }
        }
        cuts
    }

    /// The changes to what a fact is compared with.
    fn value<'t>(&self, name: &str, value: &Spanned<DeValue<'t>>) -> Vec<Cut<Spanned<DeValue<'t>>>> {
        match value.get_ref() {
            DeValue::Array(list) => self.entries(name, value, list),
            DeValue::Table(table) => {
                let mut cuts = Vec::new();
                for (key, inner) in table {
                    let whole = |table| Spanned::new(value.span(), DeValue::Table(table));
                    cuts.extend(self.boundary(table, key, inner).map(|cut| cut.map(|made| made.map(whole))));
                    let of_inner = self.value(name, inner).into_iter();
                    cuts.extend(of_inner.map(|cut| cut.map(|made| with(table, key, made).map(whole))));
                }
                cuts
            }
            _ => Vec::new(),
        }
    }

    fn boundary<'t>(
        &self,
        table: &DeTable<'t>,
        key: &Spanned<Cow<'t, str>>,
        value: &Spanned<DeValue<'t>>,
    ) -> Option<Cut<DeTable<'t>>> {
        let written = key.get_ref().as_ref();
        let other = BOUNDARIES.iter().find_map(|(one, other)| (*one == written).then_some(*other))?;
        let bound = self.report.quote(value.span(), MOST_QUOTED);
        let mut made = table.clone();
        made.remove(written);
        made.insert(Spanned::new(key.span(), Cow::Borrowed(other)), value.clone());
        let what = format!("`{written} = {bound}` made `{other} = {bound}`");
        Some(Cut { made: Some(made), kind: MutantKind::BoundaryMoved, what, at: key.span().start })
    }

    fn entries<'t>(
        &self,
        name: &str,
        value: &Spanned<DeValue<'t>>,
        list: &DeArray<'t>,
    ) -> Vec<Cut<Spanned<DeValue<'t>>>> {
        if list.len() < 2 {
            return Vec::new();
        }
        let all: Vec<_> = list.iter().cloned().collect();
        let cut = |(position, entry): (usize, &Spanned<DeValue<'t>>)| {
            let mut left = all.clone();
            left.remove(position);
            let what = format!("`{}` dropped from `{name}`", self.report.quote(entry.span(), MOST_QUOTED));
            Cut { made: Some(array(value, left)), kind: MutantKind::EntryDropped, what, at: entry.span().start }
        };
        all.iter().enumerate().take(MOST_ENTRIES).map(cut).collect()
    }
}

/// A table with another value of a key, or without the key. `None` when nothing is left.
fn with<'t>(
    table: &DeTable<'t>,
    key: &Spanned<Cow<'t, str>>,
    value: Option<Spanned<DeValue<'t>>>,
) -> Option<DeTable<'t>> {
    let mut made = table.clone();
    match value {
        Some(value) => drop(made.insert(key.clone(), value)),
        None => drop(made.remove(key.get_ref().as_ref())),
    }
    (!made.is_empty()).then_some(made)
}

fn array<'t>(value: &Spanned<DeValue<'t>>, list: Vec<Spanned<DeValue<'t>>>) -> Spanned<DeValue<'t>> {
    let mut made = DeArray::new();
    list.into_iter().for_each(|entry| made.push(entry));
    Spanned::new(value.span(), DeValue::Array(made))
}

/// Puts `not` around a value, or takes it away.
fn negated<'t>(value: &Spanned<DeValue<'t>>) -> Spanned<DeValue<'t>> {
    if let Some(inner) = value.get_ref().as_table().and_then(|table| table.get("not")) {
        return inner.clone();
    }
    let mut table = DeTable::new();
    table.insert(Spanned::new(value.span(), Cow::Borrowed("not")), value.clone());
    Spanned::new(value.span(), DeValue::Table(table))
}

/// What a comparison is made of to move its boundary by one.
const BOUNDARIES: [(&str, &str); 4] = [("lt", "lte"), ("lte", "lt"), ("gt", "gte"), ("gte", "gt")];

/// How many entries of one list are dropped, one at a time: what cases show of the first ones they show of a long list.
const MOST_ENTRIES: usize = 32;

/// How much of a condition is quoted, in characters.
const MOST_QUOTED: usize = 100;
