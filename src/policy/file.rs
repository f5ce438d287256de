//! The file as it is written: keys and types are checked, meaning is not.

use std::{collections::HashMap, ops::Range};

use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    code::Resend,
    diagnostic::{Report, plain},
    limit::{KeyPart, On},
};
use crate::ids::RuleName;

/// A file whose sections have the right keys. What could not be read is missing here and stands in the report.
#[derive(Debug, Default)]
pub(super) struct File<'t> {
    pub(super) version: Option<Spanned<i64>>,
    pub(super) profile: Option<Spanned<String>>,
    pub(super) code: CodeSection,
    pub(super) budget: BudgetSection,
    pub(super) limits: Option<Vec<Entry<'t, LimitBody>>>,
    pub(super) step_ups: Option<Vec<Entry<'t, StepUpBody>>>,
    pub(super) routes: Option<Vec<Entry<'t, RouteBody>>>,
}

impl<'t> File<'t> {
    /// Reads every section and entry by itself, so that a fault in one does not hide those in the others.
    pub(super) fn read(report: &mut Report<'_>, text: &'t str) -> Option<Self> {
        if text.len() > MAX_BYTES {
            report.add(0..0, "the file is longer than 64 KiB", "split it by service: a policy is read by people, too");
            return None;
        }
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            add_syntax_errors(report, &errors);
            return None;
        }
        let mut file = Self::default();
        for (key, value) in table.into_inner() {
            match key.get_ref().as_ref() {
                "version" => file.version = take(report, value),
                "profile" => file.profile = take(report, value),
                "code" => file.code = take(report, value).unwrap_or_default(),
                "budget" => file.budget = take(report, value).unwrap_or_default(),
                "limit" => file.limits = entries(report, value),
                "step_up" => file.step_ups = entries(report, value),
                "route" => file.routes = entries(report, value),
                unknown => report.add(
                    key.span(),
                    format!("unknown key `{}`", plain(unknown, 40)),
                    "known at the top of the file are `version`, `profile`, `[code]`, `[budget]`, `[[limit]]`, \
                     `[[step_up]]` and `[[route]]`",
                ),
            }
        }
        Some(file)
    }
}

/// One table of a list of rules or limits.
#[derive(Debug)]
pub(super) struct Entry<'t, T> {
    pub(super) name: RuleName,
    pub(super) span: Range<usize>,
    /// Read apart from the rest: every word of it keeps its place.
    pub(super) when: Option<Spanned<DeValue<'t>>>,
    pub(super) body: T,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CodeSection {
    pub(super) digits: Option<Spanned<i64>>,
    pub(super) lifetime: Option<Spanned<String>>,
    pub(super) attempts: Option<Spanned<i64>>,
    pub(super) resend: Option<Resend>,
    pub(super) resend_after: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct BudgetSection {
    pub(super) failures: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitBody {
    #[serde(rename = "name", default)]
    _name: IgnoredAny,
    pub(super) on: On,
    pub(super) key: Spanned<Vec<Spanned<KeyPart>>>,
    pub(super) quota: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepUpBody {
    #[serde(rename = "name", default)]
    _name: IgnoredAny,
    #[serde(rename = "when", default)]
    _when: IgnoredAny,
    pub(super) require: Option<RequireBody>,
    pub(super) deny: Option<Spanned<String>>,
    pub(super) allow: Option<Spanned<bool>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequireBody {
    pub(super) acr: Spanned<String>,
    pub(super) max_age: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) single_use: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteBody {
    #[serde(rename = "name", default)]
    _name: IgnoredAny,
    #[serde(rename = "when", default)]
    _when: IgnoredAny,
    pub(super) r#try: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) deny: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) preflight: bool,
}

fn take<T: DeserializeOwned>(report: &mut Report<'_>, value: Spanned<DeValue<'_>>) -> Option<T> {
    let span = value.span();
    T::deserialize(toml::de::ValueDeserializer::from(value)).map_err(|error| report.add_toml(&error, span)).ok()
}

/// Reads a list of tables. An empty list is as good as none: `limit = []` does not turn the built-in limits off.
fn entries<'t, T: DeserializeOwned>(report: &mut Report<'_>, value: Spanned<DeValue<'t>>) -> Option<Vec<Entry<'t, T>>> {
    let span = value.span();
    let DeValue::Array(list) = value.into_inner() else {
        report.add(span, "expected a list of tables", "write the header in double brackets, such as `[[route]]`");
        return Some(Vec::new());
    };
    if list.is_empty() {
        return None;
    }
    let mut used = HashMap::new();
    let read = list.into_iter().filter_map(|value| entry(report, value, &mut used)).collect();
    report.enter(None);
    Some(read)
}

fn entry<'t, T: DeserializeOwned>(
    report: &mut Report<'_>,
    mut value: Spanned<DeValue<'t>>,
    used: &mut HashMap<RuleName, usize>,
) -> Option<Entry<'t, T>> {
    let span = value.span();
    report.enter(None);
    let DeValue::Table(table) = value.get_mut() else {
        report.add(span, "expected a table", "write the header in double brackets, such as `[[route]]`");
        return None;
    };
    let when = table.remove("when");
    let name = name(report, table, &span);
    report.enter(name.clone());
    let body = take(report, value);
    let name = name.filter(|name| is_first(report, name, &span, used))?;
    Some(Entry { name, span, when, body: body? })
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

fn is_first(
    report: &mut Report<'_>,
    name: &RuleName,
    span: &Range<usize>,
    used: &mut HashMap<RuleName, usize>,
) -> bool {
    if let Some(line) = used.get(name) {
        let help = format!("the other one is on line {line}; logs and answers name rules, so each has its own name");
        report.add(span.clone(), format!("the name `{name}` is used twice"), help);
        return false;
    }
    used.insert(name.clone(), report.line(span.start));
    true
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

/// The longest file that is read, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// After a hundred syntax errors nobody reads on.
const MOST_SYNTAX_ERRORS: usize = 100;
