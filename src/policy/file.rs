//! The file as it is written: keys and types are checked, meaning is not.

use std::{borrow::Cow, collections::HashMap, ops::Range};

use serde::de::DeserializeOwned;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    diagnostic::{Report, plain},
    section::{
        BudgetSection, CaseBody, CodeSection, LimitBody, RouteBody, ShadowSection, SignalBody, StepUpBody,
        TestNumbersSection,
    },
    sources::Sources,
};
use crate::ids::RuleName;

/// A policy whose sections have the right keys, with all that it includes. What could not be read is missing here and
/// stands in the report.
#[derive(Debug, Default)]
pub(super) struct File<'t> {
    pub(super) version: Option<Spanned<i64>>,
    pub(super) profile: Option<Placed<Spanned<String>>>,
    pub(super) code: Option<Placed<CodeSection>>,
    pub(super) budget: Option<Placed<BudgetSection>>,
    pub(super) test_numbers: Option<Placed<TestNumbersSection>>,
    pub(super) shadow: Option<Placed<ShadowSection>>,
    pub(super) limits: Entries<'t, LimitBody>,
    pub(super) step_ups: Entries<'t, StepUpBody>,
    pub(super) routes: Entries<'t, RouteBody>,
    pub(super) cases: Entries<'t, CaseBody>,
    pub(super) lists: Vec<Placed<(Spanned<String>, Spanned<DeValue<'t>>)>>,
    pub(super) signals: Vec<Placed<(Spanned<String>, SignalBody)>>,
    /// The files that it is made of, lists aside.
    pub(super) files: Vec<usize>,
}

/// A part of a policy and the file that it stands in.
#[derive(Debug)]
pub(super) struct Placed<T> {
    pub(super) file: usize,
    pub(super) part: T,
}

/// The tables of one kind, in the order in which they are read: those of included files first.
#[derive(Debug)]
pub(super) struct Entries<'t, T> {
    pub(super) read: Vec<Entry<'t, T>>,
    /// How many there are, those that could not be read too.
    pub(super) written: usize,
    /// Where each name stands.
    names: HashMap<RuleName, (usize, usize)>,
}

impl<T> Default for Entries<'_, T> {
    fn default() -> Self {
        Self { read: Vec::new(), written: 0, names: HashMap::new() }
    }
}

impl<'t> File<'t> {
    /// Reads a policy and what it includes, every section and entry by itself, so that a fault in one does not hide those in
    /// the others.
    pub(super) fn read(report: &mut Report<'_>, sources: &'t Sources, main: usize) -> Option<Self> {
        let mut file = Self::default();
        let mut whole = file.add(report, sources, main, &mut Vec::new());
        report.turn_to(main);
        for (what, count) in [("step_up", file.step_ups.written), ("route", file.routes.written)] {
            if count > MOST_RULES {
                let message = format!("{count} rules of `[[{what}]]`");
                report.add(
                    0..0,
                    message,
                    format!("there can be {MOST_RULES} of a kind; put what many rules list into `[lists]`"),
                );
                whole = None;
            }
        }
        whole.map(|()| file)
    }

    /// Adds what stands in one file. `None` when a file could not be read as TOML, or is of another version.
    fn add(
        &mut self,
        report: &mut Report<'_>,
        sources: &'t Sources,
        position: usize,
        above: &mut Vec<usize>,
    ) -> Option<()> {
        report.turn_to(position);
        self.files.push(position);
        let mut table = table(report, sources.text(position))?;
        above.push(position);
        let included = self.include(report, sources, &mut table, above);
        above.pop();
        report.turn_to(position);
        let version: Option<Spanned<i64>> = match table.remove("version") {
            Some(value) => Some(take(report, value)?),
            None => None,
        };
        if let Some(version) = version.as_ref().filter(|version| *version.get_ref() != 1) {
            let message = format!("unknown version {}", version.get_ref());
            report.add(version.span(), message, "write `version = 1` at the top of the file");
            return None;
        }
        if above.is_empty() {
            self.version = version;
        }
        for (key, value) in table {
            self.section(report, position, &key, value);
        }
        included
    }

    /// Adds the files that one includes, in the order in which it names them.
    fn include(
        &mut self,
        report: &mut Report<'_>,
        sources: &'t Sources,
        table: &mut DeTable<'t>,
        above: &mut Vec<usize>,
    ) -> Option<()> {
        let naming = report.file();
        let Some(list) = table.remove("include") else { return Some(()) };
        let names: Vec<Spanned<String>> = take(report, list)?;
        let mut whole = Some(());
        for name in names {
            report.turn_to(naming);
            let Some(included) = beside(report, sources, &name) else {
                whole = None;
                continue;
            };
            let fault = if above.contains(&included) {
                Some(("a file includes itself", "remove one of the `include` lines of the circle"))
            } else if self.files.contains(&included) {
                Some(("a file is included twice", "include it once; its rules count once"))
            } else if above.len() >= DEEPEST_INCLUDE {
                Some(("files include each other too deeply", "include all files from the policy itself"))
            } else {
                None
            };
            match fault {
                Some((message, help)) => report.add(name.span(), message, help),
                None => whole = whole.and(self.add(report, sources, included, above)),
            }
        }
        whole
    }

    fn section(
        &mut self,
        report: &mut Report<'_>,
        file: usize,
        key: &Spanned<Cow<'t, str>>,
        value: Spanned<DeValue<'t>>,
    ) {
        match key.get_ref().as_ref() {
            "profile" => once(report, key, value, &mut self.profile),
            "code" => once(report, key, value, &mut self.code),
            "budget" => once(report, key, value, &mut self.budget),
            "test_numbers" => once(report, key, value, &mut self.test_numbers),
            "shadow" => once(report, key, value, &mut self.shadow),
            "limit" => self.limits.add(report, value, "when"),
            "step_up" => self.step_ups.add(report, value, "when"),
            "route" => self.routes.add(report, value, "when"),
            "test" => self.cases.add(report, value, "given"),
            "lists" => self.lists.extend(named(report, value).map(|part| Placed { file, part })),
            "signals" => {
                for (name, value) in named(report, value) {
                    if let Some(body) = take(report, value) {
                        self.signals.push(Placed { file, part: (name, body) });
                    }
                }
            }
            unknown => report.add(
                key.span(),
                format!("unknown key `{}`", plain(unknown, 40)),
                "known at the top of a file are `version`, `profile`, `include`, `[code]`, `[budget]`, `[lists]`, `[signals]`, \
                 `[test_numbers]`, `[shadow]`, `[[limit]]`, `[[step_up]]`, `[[route]]` and `[[test]]`",
            ),
        }
    }
}

impl<'t, T: DeserializeOwned> Entries<'t, T> {
    /// Adds a list of tables. `open` is the key that is read apart from the rest.
    pub(super) fn add(&mut self, report: &mut Report<'_>, value: Spanned<DeValue<'t>>, open: &str) {
        let span = value.span();
        let DeValue::Array(list) = value.into_inner() else {
            report.add(span, "expected a list of tables", "write the header in double brackets, such as `[[route]]`");
            // It counts: that there is none would be said in vain.
            self.written += 1;
            return;
        };
        self.written += list.len();
        for value in list {
            if let Some(entry) = self.entry(report, value, open) {
                self.read.push(entry);
            }
        }
        report.enter(None);
    }

    fn entry(&mut self, report: &mut Report<'_>, mut value: Spanned<DeValue<'t>>, open: &str) -> Option<Entry<'t, T>> {
        let span = value.span();
        report.enter(None);
        let DeValue::Table(table) = value.get_mut() else {
            report.add(span, "expected a table", "write the header in double brackets, such as `[[route]]`");
            return None;
        };
        let when = table.remove(open);
        let name = name(report, table, &span);
        report.enter(name.clone());
        let body = take(report, value);
        let name = name.filter(|name| self.is_first(report, name, &span))?;
        Some(Entry { name, file: report.file(), span, when, body: body? })
    }

    fn is_first(&mut self, report: &mut Report<'_>, name: &RuleName, span: &Range<usize>) -> bool {
        let Some((file, offset)) = self.names.get(name).copied() else {
            self.names.insert(name.clone(), (report.file(), span.start));
            return true;
        };
        let help = format!(
            "the other one is {}; logs and answers name rules, so each has its own name",
            report.place(file, offset)
        );
        report.add(span.clone(), format!("the name `{name}` is used twice"), help);
        false
    }
}

/// The files that a text names, and how long each may be, in bytes. A text that is no TOML names none.
pub(super) fn mentions(text: &str) -> Vec<(String, usize)> {
    let (table, _) = DeTable::parse_recoverable(text);
    let table = table.get_ref();
    let text_of = |value: &Spanned<DeValue<'_>>| value.get_ref().as_str().map(str::to_owned);
    let included =
        table.get("include").and_then(|list| list.get_ref().as_array()).into_iter().flatten().filter_map(text_of);
    let file_of = |value: &Spanned<DeValue<'_>>| text_of(value.get_ref().as_table()?.get("file")?);
    let lists = table.get("lists").and_then(|lists| lists.get_ref().as_table());
    let lists = lists.into_iter().flat_map(|lists| lists.values()).filter_map(file_of);
    let shadow = table.get("shadow").and_then(file_of);
    let policies = included.chain(shadow).map(|name| (name, Sources::MAX_POLICY));
    policies.chain(lists.map(|name| (name, Sources::MAX_LIST))).collect()
}

/// The file that is named here, if there is one.
pub(super) fn beside(report: &mut Report<'_>, sources: &Sources, name: &Spanned<String>) -> Option<usize> {
    let shown = plain(name.get_ref(), 80);
    let Some(path) = sources.beside(report.file(), name.get_ref()) else {
        let help =
            "name a file in the folder of this one or below, with `/` between folders, such as \"lists/blocked.txt\"";
        report.add(name.span(), format!("`{shown}` leads elsewhere"), help);
        return None;
    };
    let found = sources.find(&path);
    match found.map(|file| sources.trouble(file)) {
        Some(None) => return found,
        Some(Some(trouble)) => {
            report.add(
                name.span(),
                format!("`{shown}` cannot be read: {trouble}"),
                "put the file there, or remove its name here",
            );
        }
        None => {
            let help =
                "put the file beside the policy; a policy that is given as text needs the files that it names, too";
            report.add(name.span(), format!("there is no file `{shown}`"), help);
        }
    }
    None
}

pub(super) fn table<'t>(report: &mut Report<'_>, text: &'t str) -> Option<DeTable<'t>> {
    if text.len() > Sources::MAX_POLICY {
        report.add(0..0, "the file is longer than 1024 KiB", "split it, or put long lists into files of their own");
        return None;
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        add_syntax_errors(report, &errors);
        return None;
    }
    Some(table.into_inner())
}

/// Reads a section that stands in one of the files.
fn once<T: DeserializeOwned>(
    report: &mut Report<'_>,
    key: &Spanned<Cow<'_, str>>,
    value: Spanned<DeValue<'_>>,
    into: &mut Option<Placed<T>>,
) {
    if into.is_some() {
        let help = "one of the included files has it, too: keep it in one place";
        report.add(key.span(), format!("`{}` is there twice", key.get_ref()), help);
    } else if let Some(part) = take(report, value) {
        *into = Some(Placed { file: report.file(), part });
    }
}

/// The keys and values of a section whose keys are names.
fn named<'t>(
    report: &mut Report<'_>,
    value: Spanned<DeValue<'t>>,
) -> impl Iterator<Item = (Spanned<String>, Spanned<DeValue<'t>>)> + use<'t> {
    let span = value.span();
    let table = match value.into_inner() {
        DeValue::Table(table) => table,
        _ => {
            report.add(span, "expected a table", "write a name, `=` and a value on each line below the header");
            DeTable::default()
        }
    };
    table.into_iter().map(|(key, value)| (Spanned::new(key.span(), key.into_inner().into_owned()), value))
}

/// One table of a list of rules or limits.
#[derive(Debug)]
pub(super) struct Entry<'t, T> {
    pub(super) name: RuleName,
    pub(super) file: usize,
    pub(super) span: Range<usize>,
    /// Read apart from the rest: every word of it keeps its place.
    pub(super) when: Option<Spanned<DeValue<'t>>>,
    pub(super) body: T,
}

fn take<T: DeserializeOwned>(report: &mut Report<'_>, value: Spanned<DeValue<'_>>) -> Option<T> {
    let span = value.span();
    T::deserialize(toml::de::ValueDeserializer::from(value)).map_err(|error| report.add_toml(&error, span)).ok()
}

fn name(report: &mut Report<'_>, table: &DeTable<'_>, span: &Range<usize>) -> Option<RuleName> {
    let help = "give every rule and limit a `name` of its own: 1 to 64 letters, digits, signs and spaces";
    match table.get("name").map(|name| (name.span(), name.get_ref().as_str())) {
        Some((_, Some(name))) if is_label(name) => Some(RuleName::new(name)),
        Some((span, _)) => {
            report.add(span, "not a name", help);
            None
        }
        None => {
            report.add(span.clone(), "missing key `name`", help);
            None
        }
    }
}

/// Whether the text can stand in a log line, an answer and a terminal as it is.
pub(super) fn is_label(text: &str) -> bool {
    let shown = |c: char| c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric();
    !text.is_empty() && text.chars().count() <= 64 && text.trim() == text && text.chars().all(shown)
}

/// The first fault of each line: what follows on the line is mostly its echo.
fn add_syntax_errors(report: &mut Report<'_>, errors: &[toml::de::Error]) {
    let mut lines = std::collections::HashSet::new();
    // Finding a line takes time, and a hostile file has a fault in every byte.
    for error in errors.iter().take(MOST_SYNTAX_ERRORS) {
        let span = error.span().unwrap_or_default();
        if lines.insert(report.line(span.start)) {
            report.add_toml(error, span);
        }
    }
}

/// Sixteen blocks of rules, each of which is asked in turn.
pub(super) const MOST_RULES: usize = 16_384;

/// How many files may stand above an included one.
const DEEPEST_INCLUDE: usize = 8;

/// After a hundred syntax errors nobody reads on.
const MOST_SYNTAX_ERRORS: usize = 100;
