//! The words of one policy: its facts, its signals and its lists.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use toml::{Spanned, de::DeValue};

use super::{
    condition::Test,
    diagnostic::{Report, plain},
    fact::{self, Fact, Kind},
    file::{self, Placed},
    route::Catalogue,
    section::{End, Risky, SignalBody},
    signal::{SignalDeclaration, SignalType},
    sources::Sources,
    test_numbers::TestNumbers,
    value::duration,
};
use super::{fact::Value, limit::Quota};

/// What the rules of a policy can name.
#[derive(Debug)]
pub(super) struct Vocabulary<'t> {
    facts: BTreeMap<String, Fact>,
    lists: HashMap<String, List<'t>>,
    /// Lists as they are read for one kind of fact: the same list in many rules is kept once.
    read: HashMap<(String, Kind), Option<Test>>,
}

/// A list with a name.
#[derive(Clone, Debug)]
pub(super) struct List<'t> {
    pub(super) file: usize,
    pub(super) entries: Entries<'t>,
}

/// Where the entries of a list are.
#[derive(Clone, Debug)]
pub(super) enum Entries<'t> {
    Here(Arc<Vec<Spanned<DeValue<'t>>>>),
    Lines(&'t str),
}

impl<'t> Vocabulary<'t> {
    pub(super) fn new(
        catalogue: &Catalogue,
        signals: &[Arc<SignalDeclaration>],
        test_numbers: Option<Arc<TestNumbers>>,
        lists: HashMap<String, List<'t>>,
    ) -> Self {
        let facts = fact::built_in()
            .chain([Fact::test_number(test_numbers)])
            .chain(catalogue.names().map(Fact::provider))
            .chain(signals.iter().map(|signal| Fact::signal(Arc::clone(signal))))
            .map(|fact| (fact.as_str().to_owned(), fact))
            .collect();
        Self { facts, lists, read: HashMap::new() }
    }

    pub(super) fn fact(&self, name: &str) -> Option<Fact> {
        self.facts.get(name).cloned()
    }

    /// Whether the name is the first part of some facts' names, as `phone` is.
    pub(super) fn is_group(&self, name: &str) -> bool {
        self.facts.keys().any(|fact| fact.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
    }

    /// The facts that can be named, for people. Of the providers only the first: a catalogue may be long.
    pub(super) fn known(&self, at_start: bool) -> String {
        let mut providers = 0;
        let names = self.facts.values().filter(|fact| {
            providers += usize::from(fact.as_str().starts_with("provider."));
            (at_start || !fact.is_of_start_only()) && (providers <= 1 || !fact.as_str().starts_with("provider."))
        });
        names.map(|fact| format!("`{fact}`")).collect::<Vec<_>>().join(", ")
    }

    /// The names of the providers whose health can be asked for.
    pub(super) fn providers(&self) -> impl Iterator<Item = &str> {
        self.facts.keys().filter_map(|fact| fact.strip_prefix("provider.")?.strip_suffix(".healthy"))
    }

    pub(super) fn list(&self, name: &str) -> Option<List<'t>> {
        self.lists.get(name).cloned()
    }

    pub(super) fn list_names(&self) -> String {
        let mut names: Vec<_> = self.lists.keys().map(|name| format!("`{name}`")).collect();
        names.sort_unstable();
        if names.is_empty() { "there are none".to_owned() } else { format!("known lists: {}", names.join(", ")) }
    }

    /// The list as facts of the kind read it: read by `read` the first time, remembered after that.
    pub(super) fn list_for(&mut self, name: &str, kind: Kind, read: impl FnOnce() -> Option<Test>) -> Option<Test> {
        self.read.entry((name.to_owned(), kind)).or_insert_with(read).clone()
    }
}

/// Finds the entries of the lists.
pub(super) fn lists<'t>(
    report: &mut Report<'_>,
    sources: &'t Sources,
    written: Vec<Placed<(Spanned<String>, Spanned<DeValue<'t>>)>>,
    used: &mut Vec<usize>,
) -> HashMap<String, List<'t>> {
    let mut lists = HashMap::new();
    for Placed { file, part: (name, value) } in written {
        report.turn_to(file);
        if !is_name(name.get_ref()) {
            report.add(name.span(), "not a name", NAME_HELP);
            continue;
        }
        let Some(list) = entries(report, sources, file, value) else { continue };
        if let Entries::Lines(_) = list.entries {
            used.push(list.file);
        }
        if lists.insert(name.get_ref().clone(), list).is_some() {
            let help = "one of the included files has it, too: give one of them another name";
            report.add(name.span(), format!("there are two lists `{}`", name.get_ref()), help);
        }
    }
    lists
}

fn entries<'t>(
    report: &mut Report<'_>,
    sources: &'t Sources,
    file: usize,
    value: Spanned<DeValue<'t>>,
) -> Option<List<'t>> {
    let help = "write `name = [\"..\", \"..\"]`, or `name = { file = \"..\" }` for a file with one entry on each line";
    let span = value.span();
    let table = match value.into_inner() {
        DeValue::Array(list) => {
            return Some(List { file, entries: Entries::Here(Arc::new(list.into_iter().collect())) });
        }
        DeValue::Table(table) if table.len() == 1 => table,
        _ => {
            report.add(span, "not a list", help);
            return None;
        }
    };
    let path = table.get("file").and_then(|path| Some(Spanned::new(path.span(), path.get_ref().as_str()?.to_owned())));
    let Some(path) = path else {
        report.add(span, "not a list", help);
        return None;
    };
    let file = file::beside(report, sources, &path)?;
    Some(List { file, entries: Entries::Lines(sources.text(file)) })
}

/// Reads the section `[signals]`: new ones, and other settings for those that every policy knows.
pub(super) fn signals(
    report: &mut Report<'_>,
    written: &[Placed<(Spanned<String>, SignalBody)>],
) -> Vec<Arc<SignalDeclaration>> {
    let mut signals = SignalDeclaration::built_in();
    let mut seen: Vec<&str> = Vec::new();
    for Placed { file, part: (name, body) } in written {
        report.turn_to(*file);
        if seen.contains(&name.get_ref().as_str()) {
            let help = "one of the included files has it, too: declare it once";
            report.add(name.span(), format!("the signal `{}` is declared twice", plain(name.get_ref(), 40)), help);
            continue;
        }
        seen.push(name.get_ref());
        let known = signals.iter().position(|signal| signal.name == *name.get_ref());
        let declared = match known.and_then(|at| signals.get(at)) {
            Some(known) => declaration(report, name, body, known.kind, known.expires, known.riskiest),
            None => new_signal(report, name, body),
        };
        match (declared, known.and_then(|at| signals.get_mut(at))) {
            (Some(declared), Some(known)) => *known = declared,
            (Some(declared), None) => signals.push(declared),
            (None, _) => {}
        }
    }
    signals.into_iter().map(Arc::new).collect()
}

fn new_signal(report: &mut Report<'_>, name: &Spanned<String>, body: &SignalBody) -> Option<SignalDeclaration> {
    let written = name.get_ref();
    if !is_name(written) {
        report.add(name.span(), "not a name", NAME_HELP);
        return None;
    }
    let taken = |fact: Fact| fact.as_str().split('.').next() == Some(written);
    if fact::built_in().any(taken) || ["any", "all", "none", "provider"].contains(&written.as_str()) {
        report.add(name.span(), format!("`{written}` is a word of this language"), "give the signal another name");
        return None;
    }
    let (Some(kind), Some(_)) = (&body.r#type, &body.expires) else {
        let help =
            "write for instance `{ type = \"boolean\", expires = \"1h\" }`; types are boolean, integer, time and text";
        report.add(name.span(), "a signal has a type and a time after which it is worth nothing", help);
        return None;
    };
    let kind = *kind.get_ref();
    let riskiest = match kind {
        SignalType::Boolean => Some(Value::flag(true)),
        SignalType::Integer => Some(Value::number(i64::MAX)),
        SignalType::Time => Some(Value::age(std::time::Duration::ZERO)),
        SignalType::Text => None,
    };
    declaration(report, name, body, kind, Quota::MAX_PER, riskiest)
}

fn declaration(
    report: &mut Report<'_>,
    name: &Spanned<String>,
    body: &SignalBody,
    kind: SignalType,
    expires: std::time::Duration,
    riskiest: Option<u128>,
) -> Option<SignalDeclaration> {
    if let Some(written) = body.r#type.as_ref().filter(|written| *written.get_ref() != kind) {
        let help = "every policy knows this signal; remove `type`, or give yours another name";
        report.add(written.span(), format!("the type of `{}` is another one", name.get_ref()), help);
    }
    let expires = duration(report, body.expires.as_ref(), Quota::MAX_PER, expires)?;
    let riskiest = match (kind, body.risky.as_ref().map(|risky| (risky.span(), *risky.get_ref()))) {
        (_, None) => riskiest,
        (SignalType::Boolean, Some((_, Risky::Flag(flag)))) => Some(Value::flag(flag)),
        (SignalType::Integer, Some((_, Risky::End(End::High)))) => Some(Value::number(i64::MAX)),
        (SignalType::Integer, Some((_, Risky::End(End::Low)))) => Some(Value::number(i64::MIN)),
        (_, Some((span, _))) => {
            let help = "`risky` is true or false for a boolean, \"high\" or \"low\" for an integer, and nothing for the others";
            report.add(span, "no such value is risky", help);
            return None;
        }
    };
    Some(SignalDeclaration { name: name.get_ref().clone(), kind, expires, riskiest })
}

/// Whether the text can name a list or a signal.
fn is_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    (1..=64).contains(&text.len()) && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(plain)
}

const NAME_HELP: &str = "a name has 1 to 64 characters of a-z, 0-9 and `_`, a letter first";
