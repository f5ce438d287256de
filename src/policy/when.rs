//! Reads the conditions of a rule.

use std::{collections::HashSet, ops::Range, sync::Arc};

use ipnet::IpNet;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};
use wildmatch::WildMatch;

use super::{
    condition::{Condition, Group, GroupKind, Pattern, Test, When, Words},
    diagnostic::{Report, plain},
    fact::{Fact, Kind, Meaning, Written},
    ranges::{self, Ranges},
    rule::Section,
    vocabulary::{Entries, List, Vocabulary},
};

/// Reads a table of facts and conditions.
pub(super) fn read(
    report: &mut Report<'_>,
    vocabulary: &mut Vocabulary<'_>,
    when: &Spanned<DeValue<'_>>,
    section: Section,
) -> Option<When> {
    Reader { report, vocabulary, section, depth: 0 }.when(when)
}

/// What a written value is, as far as values of facts are concerned.
pub(super) fn written<'v>(value: &'v DeValue<'_>) -> Written<'v> {
    match value {
        DeValue::String(text) => Written::Text(text),
        DeValue::Boolean(flag) => Written::Flag(*flag),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Written::Other, Written::Integer)
        }
        _ => Written::Other,
    }
}

struct Reader<'r, 's, 'v, 't> {
    report: &'r mut Report<'s>,
    vocabulary: &'v mut Vocabulary<'t>,
    section: Section,
    depth: usize,
}

impl Reader<'_, '_, '_, '_> {
    fn when(&mut self, when: &Spanned<DeValue<'_>>) -> Option<When> {
        let Some(table) = when.get_ref().as_table() else {
            return self.refuse(
                when.span(),
                "expected a table of conditions",
                "for instance `when = { action = \"transfer\" }`",
            );
        };
        let mut read = When::default();
        let whole = self.table("", table, &mut read, &mut HashSet::new());
        read.conditions.sort_by(|a, b| a.fact().cmp(b.fact()));
        whole.map(|()| read)
    }

    /// `phone.region = ..` without quotes makes a table in a table: the names are put together again.
    fn table(&mut self, prefix: &str, table: &DeTable<'_>, read: &mut When, seen: &mut HashSet<String>) -> Option<()> {
        let mut whole = Some(());
        for (key, value) in table {
            let name =
                if prefix.is_empty() { key.get_ref().to_string() } else { format!("{prefix}.{}", key.get_ref()) };
            let done = match (self.vocabulary.fact(&name), value.get_ref()) {
                (Some(fact), _) => {
                    self.named(fact, key.span(), value, seen).map(|condition| read.conditions.push(condition))
                }
                (None, _) if GroupKind::named(&name).is_some() => {
                    self.group(&name, key.span(), value).map(|group| read.groups.push(group))
                }
                (None, DeValue::Table(inner)) if self.vocabulary.is_group(&name) => {
                    self.table(&name, inner, read, seen)
                }
                (None, _) => self.unknown(&name, key.span()),
            };
            whole = whole.and(done);
        }
        whole
    }

    fn named(
        &mut self,
        fact: Fact,
        span: Range<usize>,
        value: &Spanned<DeValue<'_>>,
        seen: &mut HashSet<String>,
    ) -> Option<Condition> {
        if self.section == Section::StepUp && fact.is_of_start_only() {
            let help = "that is not known before a check starts; put the condition into a `[[route]]` rule";
            return self.refuse(span, format!("a step_up rule cannot ask for `{fact}`"), help);
        }
        if !seen.insert(fact.as_str().to_owned()) {
            return self.refuse(span, format!("`{fact}` is named twice"), "put the values into one list");
        }
        self.condition(fact, value)
    }

    fn unknown<T>(&mut self, name: &str, span: Range<usize>) -> Option<T> {
        let at_start = self.section == Section::Route;
        let help = match name.starts_with("provider.") {
            true => {
                let providers: Vec<_> = self.vocabulary.providers().map(|name| format!("`{name}`")).collect();
                let known = if providers.is_empty() { "none".to_owned() } else { providers.join(", ") };
                format!("the health of a provider is `provider.<name>.healthy`; known providers: {known}")
            }
            false => format!(
                "known facts here are {}, and the groups `any`, `all` and `none`",
                self.vocabulary.known(at_start)
            ),
        };
        self.refuse(span, format!("unknown fact `{}`", plain(name, 40)), help)
    }

    /// Reads `any`, `all` or `none`: a list of tables, or one table.
    fn group(&mut self, name: &str, span: Range<usize>, value: &Spanned<DeValue<'_>>) -> Option<Group> {
        let kind = GroupKind::named(name)?;
        let help = format!("write `{name} = [{{ .. }}, {{ .. }}]`, with conditions in each pair of braces");
        let branches: Vec<_> = match value.get_ref() {
            DeValue::Array(list) => list.iter().collect(),
            DeValue::Table(_) => vec![value],
            _ => return self.refuse(value.span(), "expected a list of tables", help),
        };
        if self.depth >= DEEPEST {
            return self.refuse(span, "groups stand in each other too deeply", "make two rules of this one");
        }
        if branches.is_empty() {
            return self.refuse(value.span(), "an empty list", help);
        }
        self.depth += 1;
        let read: Vec<_> = branches.iter().filter_map(|branch| self.branch(branch, &help)).collect();
        self.depth -= 1;
        let text = format!("{name} = {}", self.report.quote(value.span(), MOST_QUOTED)).into();
        (read.len() == branches.len()).then_some(Group { kind, branches: read, text })
    }

    fn branch(&mut self, branch: &Spanned<DeValue<'_>>, help: &str) -> Option<When> {
        let read = self.when(branch)?;
        if read.is_always() {
            return self.refuse(branch.span(), "a branch without conditions", help);
        }
        Some(read)
    }

    fn condition(&mut self, fact: Fact, value: &Spanned<DeValue<'_>>) -> Option<Condition> {
        let text = format!("{fact} = {}", self.report.quote(value.span(), MOST_QUOTED)).into();
        let table = value.get_ref().as_table();
        let (negated, inner) = match table.and_then(|table| table.get("not")) {
            Some(_) if table.is_some_and(|table| table.len() > 1) => {
                return self.refuse(
                    value.span(),
                    "`not` stands alone",
                    "one table has either `not` or the other operators",
                );
            }
            Some(inner) => (true, inner),
            None => (false, value),
        };
        let test = match inner.get_ref().as_table() {
            Some(table) => self.operators(&fact, table, inner)?,
            None => self.any_of(&fact, inner)?,
        };
        Some(Condition { fact, negated, test, text })
    }

    fn operators(&mut self, fact: &Fact, table: &DeTable<'_>, value: &Spanned<DeValue<'_>>) -> Option<Test> {
        let known = fact.kind().operators();
        if let Some((key, _)) = table.iter().find(|(key, _)| !known.contains(&key.get_ref().as_ref())) {
            let message = format!("no operator `{}` here for `{fact}`", plain(key.get_ref(), 40));
            let table = match known {
                [] => String::new(),
                operators => format!(", or a table of `{}`", operators.join("`, `")),
            };
            let help = format!("write a value or a list{table}; one `not` may go around it");
            return self.refuse(key.span(), message, help);
        }
        let alone = table.iter().find(|(key, _)| !RANGE.contains(&key.get_ref().as_ref()));
        match alone {
            Some((key, _)) if table.len() > 1 => {
                let message = format!("`{}` stands alone", key.get_ref());
                self.refuse(key.span(), message, "write one operator, or make two rules of this one")
            }
            Some((key, inner)) => match key.get_ref().as_ref() {
                "in" => self.in_list(fact, inner),
                "cidr" => self.each(fact, inner, |value| network(value.as_str()?)).map(places),
                "prefix" => {
                    let texts = self.each(fact, inner, |value| label(value).map(str::to_owned))?;
                    if texts.iter().any(|text| text.contains(['*', '?'])) {
                        let help = "leave the wildcards out, or write `glob` in place of `prefix`";
                        return self.refuse(inner.span(), "a prefix has no wildcards", help);
                    }
                    Some(patterns(texts.into_iter().map(|text| Pattern::Prefix(text.into())).collect()))
                }
                _ => {
                    let glob = |text: &str| Pattern::Glob(WildMatch::new(text));
                    self.each(fact, inner, |value| label(value).map(glob)).map(patterns)
                }
            },
            None => self.range(fact, table, value),
        }
    }

    fn any_of(&mut self, fact: &Fact, value: &Spanned<DeValue<'_>>) -> Option<Test> {
        let kind = fact.kind();
        self.each(fact, value, |item| kind.read(written(item))).map(|meanings| test(kind, meanings))
    }

    /// Reads one value, or each of a list; every bad one is reported.
    fn each<T>(
        &mut self,
        fact: &Fact,
        value: &Spanned<DeValue<'_>>,
        read: impl Fn(&DeValue<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items: Vec<_> = match value.get_ref() {
            DeValue::Array(list) => list.iter().collect(),
            _ => vec![value],
        };
        if items.is_empty() {
            let help = "a rule that can never match is a mistake: name a value, or remove it";
            return self.refuse(value.span(), "an empty list", help);
        }
        let mut good = Vec::with_capacity(items.len());
        for item in &items {
            match read(item.get_ref()) {
                Some(value) => good.push(value),
                None => self.report.add(item.span(), format!("not a value of `{fact}`"), fact.kind().wants()),
            }
        }
        (good.len() == items.len()).then_some(good)
    }

    fn range(&mut self, fact: &Fact, table: &DeTable<'_>, value: &Spanned<DeValue<'_>>) -> Option<Test> {
        let kind = fact.kind();
        let bound = |key: &str| table.get(key).map(|bound| kind.bound(written(bound.get_ref())));
        let values =
            if kind == Kind::Age { "an age in quotes, such as \"7d\"" } else { "a whole number without quotes" };
        if let Some((_, bad)) = table.iter().find(|(key, _)| bound(key.get_ref()) == Some(None)) {
            return self.refuse(bad.span(), format!("not a bound of `{fact}`"), format!("write {values}"));
        }
        let (least, most) = match (bound("gte"), bound("gt"), bound("lte"), bound("lt")) {
            (Some(_), Some(_), ..) | (.., Some(_), Some(_)) => {
                return self.refuse(value.span(), "two bounds on the same side", "keep one of them");
            }
            (gte, gt, lte, lt) => (
                gte.or_else(|| gt.map(|n| n?.checked_add(1))).unwrap_or(Some(i64::MIN)),
                lte.or_else(|| lt.map(|n| n?.checked_sub(1))).unwrap_or(Some(i64::MAX)),
            ),
        };
        match (least, most) {
            (Some(least), Some(most)) if least <= most && !table.is_empty() => {
                Some(places(vec![vec![(ranges::of_number(least), ranges::of_number(most))]]))
            }
            _ => {
                let help = "give a lower bound (`gte` or `gt`), an upper bound (`lt` or `lte`), or one of each, the lower one \
                            below the upper one";
                self.refuse(value.span(), "no value meets this", help)
            }
        }
    }

    fn in_list(&mut self, fact: &Fact, value: &Spanned<DeValue<'_>>) -> Option<Test> {
        let Some(name) = value.get_ref().as_str() else {
            return self.refuse(value.span(), "not the name of a list", "`in` takes the name of a list of `[lists]`");
        };
        let Some(list) = self.vocabulary.list(name) else {
            let help = format!("name a list of `[lists]`; {}", self.vocabulary.list_names());
            return self.refuse(value.span(), format!("unknown list `{}`", plain(name, 40)), help);
        };
        let (kind, report) = (fact.kind(), &mut *self.report);
        self.vocabulary.list_for(name, kind, || read_list(report, &list, name, fact))
    }

    fn refuse<T>(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Option<T> {
        self.report.add(span, message, help);
        None
    }
}

/// Reads the entries of a list as values of a fact. A list may be empty: it is filled by others.
fn read_list(report: &mut Report<'_>, list: &List<'_>, name: &str, fact: &Fact) -> Option<Test> {
    let kind = fact.kind();
    let mut meanings = Vec::new();
    let mut bad: Vec<Range<usize>> = Vec::new();
    let mut read = |entry: Written<'_>, span: Range<usize>| match listed(kind, entry) {
        Some(meaning) => meanings.push(meaning),
        None => bad.push(span),
    };
    match &list.entries {
        Entries::Here(items) => items.iter().for_each(|item| read(written(item.get_ref()), item.span())),
        Entries::Lines(text) => lines(text).for_each(|(line, span)| read(kind.in_a_line(line), span)),
    }
    if bad.is_empty() {
        return Some(test(kind, meanings));
    }
    let before = report.turn_to(list.file);
    let also = match bad.len() {
        1 => String::new(),
        all => format!("; {all} entries of the list are wrong"),
    };
    // One fault for the list: each of a hundred thousand would say the same.
    if let Some(first) = bad.into_iter().next() {
        let message = format!("not a value of `{fact}`, in the list `{name}`");
        report.add(first, message, format!("{}{also}", kind.wants()));
    }
    report.turn_to(before);
    None
}

/// A list holds what a value can be; one of addresses holds networks, too.
fn listed(kind: Kind, entry: Written<'_>) -> Option<Meaning> {
    let as_network = || match (kind, entry) {
        (Kind::Address, Written::Text(text)) => network(text).map(Meaning::Places),
        _ => None,
    };
    kind.read(entry).or_else(as_network)
}

/// The lines of a list's file that hold something, each with its place. What follows a `#` is a comment.
fn lines(text: &str) -> impl Iterator<Item = (&str, Range<usize>)> {
    let mut next = 0;
    text.split_inclusive('\n').filter_map(move |whole| {
        let after = next + whole.len();
        let start = std::mem::replace(&mut next, after);
        let entry = whole.split('#').next().unwrap_or_default();
        let start = start + (entry.len() - entry.trim_start().len());
        let entry = entry.trim();
        (!entry.is_empty()).then(|| (entry, start..start + entry.len()))
    })
}

fn test(kind: Kind, meanings: Vec<Meaning>) -> Test {
    let (mut spots, mut words) = (Vec::new(), Vec::new());
    for meaning in meanings {
        match meaning {
            Meaning::Places(places) => spots.extend(places),
            Meaning::Word(word) => words.push(word),
        }
    }
    match kind.is_word() {
        true => Test::Words(Arc::new(Words::exact(words))),
        false => Test::Scalars(Arc::new(Ranges::new(spots))),
    }
}

fn places(places: Vec<Vec<(u128, u128)>>) -> Test {
    Test::Scalars(Arc::new(Ranges::new(places.concat())))
}

fn patterns(patterns: Vec<Pattern>) -> Test {
    Test::Words(Arc::new(Words::patterns(patterns)))
}

/// How a word of a fact can look.
fn label<'v>(value: &'v DeValue<'_>) -> Option<&'v str> {
    value.as_str().filter(|text| super::file::is_label(text))
}

/// Reads a network whose address has no bits beyond its length: `10.1.2.3/8` may mean two things.
fn network(text: &str) -> Option<Vec<(u128, u128)>> {
    let network: IpNet = text.parse().ok()?;
    // Clients with such addresses are compared as IPv4.
    let is_mapped = matches!(network, IpNet::V6(v6) if v6.addr().to_ipv4_mapped().is_some());
    (network.trunc() == network && !is_mapped).then(|| ranges::of_network(network))
}

/// The operators of which one table may have two.
const RANGE: [&str; 4] = ["gte", "gt", "lt", "lte"];

/// How deeply groups may stand in each other.
const DEEPEST: usize = 8;

/// How much of a condition is quoted in a trace, in characters.
const MOST_QUOTED: usize = 200;
