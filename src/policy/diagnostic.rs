//! What is wrong with a policy file, and where.

use std::{error::Error as StdError, fmt, ops::Range};

use serde::Serialize;

use super::sources::Sources;
use crate::{
    error::{Error, ErrorKind},
    ids::RuleName,
};

/// Everything that is wrong with a policy file. `Display` and `Debug` print the same text, for people.
#[derive(Clone)]
pub struct PolicyErrors {
    diagnostics: Vec<Diagnostic>,
    left_out: usize,
}

impl PolicyErrors {
    /// The faults, in the order of the file; at most 50 of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.diagnostics.iter()
    }
}

impl<'a> IntoIterator for &'a PolicyErrors {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for PolicyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, diagnostic) in self.iter().enumerate() {
            let gap = if position == 0 { "" } else { "\n\n" };
            write!(f, "{gap}{diagnostic}")?;
        }
        match self.left_out {
            0 => Ok(()),
            more => write!(f, "\n\nand {more} more"),
        }
    }
}

impl fmt::Debug for PolicyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl StdError for PolicyErrors {}

impl From<PolicyErrors> for Error {
    fn from(errors: PolicyErrors) -> Self {
        Self::new(ErrorKind::Misconfigured, "the policy file cannot be used").with_source(errors)
    }
}

/// One fault of a policy file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Diagnostic {
    /// The name of the file: of the policy as it was given, of another file with its place beside the policy.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The rule or limit it is in, when that has a name.
    pub rule: Option<RuleName>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
    #[serde(skip)]
    snippet: Snippet,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, "error")
    }
}

impl Diagnostic {
    pub(super) fn of(sources: &Sources, fault: &Fault) -> Self {
        let text = sources.text(fault.file);
        let before = text.get(..fault.span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = text.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let column = before.get(line_start..).unwrap_or_default().chars().count();
        let marked = text.get(fault.span.clone()).and_then(|text| text.lines().next()).unwrap_or_default();
        Self {
            file: plain(sources.name(fault.file), MOST_CHARS),
            line: sources.line(fault.file, fault.span.start),
            column: column + 1,
            rule: fault.rule.clone(),
            message: plain(&fault.message, MOST_CHARS),
            help: plain(&fault.help, MOST_CHARS),
            snippet: Snippet::of(line, column, marked.chars().count()),
        }
    }

    /// Prints it with what it is called, such as `error`.
    pub(super) fn write(&self, f: &mut fmt::Formatter<'_>, title: &str) -> fmt::Result {
        let gutter = self.line.to_string().len();
        writeln!(f, "{title}: {}", self.message)?;
        write!(f, "{:gutter$}--> {}:{}:{}", "", self.file, self.line, self.column)?;
        if let Some(rule) = &self.rule {
            write!(f, " in `{rule}`")?;
        }
        writeln!(f, "\n{:gutter$} |", "")?;
        writeln!(f, "{} | {}", self.line, self.snippet.line)?;
        writeln!(f, "{:gutter$} | {:indent$}{}", "", "", "^".repeat(self.snippet.width), indent = self.snippet.indent)?;
        write!(f, "{:gutter$} = help: {}", "", self.help)
    }
}

/// The part of a line that is shown, and what is marked in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Snippet {
    line: String,
    indent: usize,
    width: usize,
}

/// Collects the faults while a file is read, so that one reading finds them all.
#[derive(Debug)]
pub(super) struct Report<'a> {
    sources: &'a Sources,
    file: usize,
    rule: Option<RuleName>,
    faults: Vec<Fault>,
}

impl<'a> Report<'a> {
    pub(super) fn new(sources: &'a Sources) -> Self {
        Self { sources, file: 0, rule: None, faults: Vec::new() }
    }

    /// Says which file the next spans are of, and returns which one it was before.
    pub(super) fn turn_to(&mut self, file: usize) -> usize {
        std::mem::replace(&mut self.file, file)
    }

    /// The file that spans are of.
    pub(super) fn file(&self) -> usize {
        self.file
    }

    /// A place of a file, for people who read about another place of this one.
    pub(super) fn place(&self, file: usize, offset: usize) -> String {
        let line = self.sources.line(file, offset);
        match file == self.file {
            true => format!("on line {line}"),
            false => format!("on line {line} of {}", plain(self.sources.name(file), 80)),
        }
    }

    /// The name of a file, and the line of a place in it, from 1.
    pub(super) fn name_and_line(&self, file: usize, offset: usize) -> (String, usize) {
        (self.sources.name(file).to_owned(), self.sources.line(file, offset))
    }

    /// What stands at a place of the file, on one line.
    pub(super) fn quote(&self, span: Range<usize>, most: usize) -> String {
        let text = self.sources.text(self.file).get(span).unwrap_or_default();
        plain(&text.split_whitespace().collect::<Vec<_>>().join(" "), most)
    }

    /// Says which rule the next faults are in.
    pub(super) fn enter(&mut self, rule: Option<RuleName>) {
        self.rule = rule;
    }

    pub(super) fn add(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        let (file, rule) = (self.file, self.rule.clone());
        self.push(Fault { file, span, rule, message: message.into(), help: help.into() });
    }

    pub(super) fn push(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// Adds what the TOML library found, in our words.
    pub(super) fn add_toml(&mut self, error: &toml::de::Error, span: Range<usize>) {
        let (message, help) = in_our_words(error.message());
        self.add(error.span().unwrap_or(span), message, help);
    }

    /// The line of a place in the file, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.sources.line(self.file, offset)
    }

    /// Whether nothing is wrong so far.
    pub(super) fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }

    /// What was made of the file, unless there is a fault.
    pub(super) fn finish<T>(mut self, made: Option<T>) -> Result<T, PolicyErrors> {
        if let (Some(made), []) = (made, self.faults.as_slice()) {
            return Ok(made);
        }
        self.faults.sort_by_key(|fault| (fault.file, fault.span.start));
        Err(PolicyErrors {
            left_out: self.faults.len().saturating_sub(MOST_SHOWN),
            diagnostics: self.faults.iter().take(MOST_SHOWN).map(|fault| Diagnostic::of(self.sources, fault)).collect(),
        })
    }
}

impl Snippet {
    /// Cuts a long line around what is marked.
    fn of(line: &str, column: usize, width: usize) -> Self {
        let cut = if line.chars().count() <= MOST_COLUMNS { 0 } else { column.saturating_sub(MOST_COLUMNS / 3) };
        let indent = column - cut;
        let shown: String = line.chars().skip(cut).take(MOST_COLUMNS).collect();
        let width = width.clamp(1, MOST_COLUMNS.saturating_sub(indent).max(1));
        Self { line: plain(&shown, MOST_COLUMNS), indent, width }
    }
}

/// Something to say about a place of a file.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) file: usize,
    pub(super) span: Range<usize>,
    pub(super) rule: Option<RuleName>,
    pub(super) message: String,
    pub(super) help: String,
}

/// Splits the library's sentence into what is wrong and what is wanted, and replaces the words of its own world.
fn in_our_words(message: &str) -> (String, String) {
    let (wrong, wanted) = match message.rsplit_once(", expected ") {
        Some((wrong, "i64")) => (wrong, "expected a whole number".to_owned()),
        Some((wrong, "a boolean")) => (wrong, "expected true or false".to_owned()),
        Some((wrong, "a string")) => (wrong, "expected text in quotes".to_owned()),
        Some((wrong, "a sequence")) => (wrong, "expected a list in square brackets".to_owned()),
        Some((wrong, "a TOML datetime")) => (wrong, "expected a date without quotes, such as 2027-01-31".to_owned()),
        Some((wrong, wanted)) if wanted.starts_with("struct ") => {
            (wrong, "expected a table: keys, `=` and values, in braces or below a header".to_owned())
        }
        Some((wrong, wanted)) => (wrong, format!("expected {wanted}")),
        None if message == "duplicate key" => ("the key is there twice", "keep one of the two".to_owned()),
        None => (message, example_of(message)),
    };
    for (theirs, ours) in
        [("unknown field", "unknown key"), ("missing field", "missing key"), ("unknown variant", "unknown word")]
    {
        if let Some(rest) = wrong.strip_prefix(theirs) {
            return (format!("{ours}{rest}"), wanted);
        }
    }
    (wrong.to_owned(), wanted)
}

/// What to write where a key is missing.
fn example_of(message: &str) -> String {
    let key = message.strip_prefix("missing field `").and_then(|key| key.strip_suffix('`'));
    let example = MUST_BE_THERE.iter().find(|(known, _)| Some(*known) == key);
    match (key, example) {
        (Some(key), Some((_, example))) => format!("add it, for instance `{key} = {example}`"),
        _ => "look up the key in the documentation of policy files".to_owned(),
    }
}

/// Text on one line without what would move a terminal's cursor, cut to `most` characters.
pub(super) fn plain(text: &str, most: usize) -> String {
    let mut shown: String = text
        .chars()
        .take(most)
        .map(|c| match c {
            '\t' | '\n' | '\r' => ' ',
            // The last two are those that turn the direction of the text around.
            c if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
                char::REPLACEMENT_CHARACTER
            }
            c => c,
        })
        .collect();
    if text.chars().nth(most).is_some() {
        shown.push('…');
    }
    shown
}

/// The keys that a table cannot do without, and what may stand there.
const MUST_BE_THERE: [(&str, &str); 9] = [
    ("acr", "\"phone\""),
    ("code", "\"000000\""),
    ("expect", "{ deny = \"number_type\" }"),
    ("expires", "2027-01-31"),
    ("file", "\"next.toml\""),
    ("key", "[\"phone\"]"),
    ("numbers", "[\"+12025550100\"]"),
    ("on", "\"start\""),
    ("quota", "\"5/1h\""),
];

/// A file with more faults is no policy file; the rest would only fill the screen.
const MOST_SHOWN: usize = 50;
const MOST_COLUMNS: usize = 120;
const MOST_CHARS: usize = 800;
