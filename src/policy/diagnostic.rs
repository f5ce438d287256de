//! What is wrong with a policy file, and where.

use std::{error::Error as StdError, fmt, ops::Range};

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
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// The name of the file, as it was given.
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
    snippet: Snippet,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gutter = self.line.to_string().len();
        writeln!(f, "error: {}", self.message)?;
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
    file: &'a str,
    text: &'a str,
    rule: Option<RuleName>,
    faults: Vec<Fault>,
}

impl<'a> Report<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, rule: None, faults: Vec::new() }
    }

    /// Says which rule the next faults are in.
    pub(super) fn enter(&mut self, rule: Option<RuleName>) {
        self.rule = rule;
    }

    pub(super) fn add(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.faults.push(Fault { span, rule: self.rule.clone(), message: message.into(), help: help.into() });
    }

    /// Adds what the TOML library found, in our words.
    pub(super) fn add_toml(&mut self, error: &toml::de::Error, span: Range<usize>) {
        let (message, help) = in_our_words(error.message());
        self.add(error.span().unwrap_or(span), message, help);
    }

    /// The line of a place, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.before(offset).matches('\n').count() + 1
    }

    /// What was made of the file, unless there is a fault.
    pub(super) fn finish<T>(mut self, made: Option<T>) -> Result<T, PolicyErrors> {
        if let (Some(made), []) = (made, self.faults.as_slice()) {
            return Ok(made);
        }
        self.faults.sort_by_key(|fault| fault.span.start);
        Err(PolicyErrors {
            left_out: self.faults.len().saturating_sub(MOST_SHOWN),
            diagnostics: self.faults.iter().take(MOST_SHOWN).map(|fault| self.diagnostic(fault)).collect(),
        })
    }

    fn before(&self, offset: usize) -> &'a str {
        self.text.get(..offset).unwrap_or(self.text)
    }

    fn diagnostic(&self, fault: &Fault) -> Diagnostic {
        let before = self.before(fault.span.start);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let column = before.chars().count() - self.before(line_start).chars().count();
        let marked = self.text.get(fault.span.clone()).and_then(|text| text.lines().next()).unwrap_or_default();
        Diagnostic {
            file: plain(self.file, MOST_CHARS),
            line: self.line(fault.span.start),
            column: column + 1,
            rule: fault.rule.clone(),
            message: plain(&fault.message, MOST_CHARS),
            help: plain(&fault.help, MOST_CHARS),
            snippet: Snippet::of(line, column, marked.chars().count()),
        }
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

#[derive(Debug)]
struct Fault {
    span: Range<usize>,
    rule: Option<RuleName>,
    message: String,
    help: String,
}

/// Splits the library's sentence into what is wrong and what is wanted, and replaces the words of its own world.
fn in_our_words(message: &str) -> (String, String) {
    let (wrong, wanted) = match message.rsplit_once(", expected ") {
        Some((wrong, "i64")) => (wrong, "expected a whole number".to_owned()),
        Some((wrong, "a sequence")) => (wrong, "expected a list in square brackets".to_owned()),
        Some((wrong, wanted)) => (wrong, format!("expected {wanted}")),
        None => (message, "look up the key in the documentation of policy files".to_owned()),
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

/// A file with more faults is no policy file; the rest would only fill the screen.
const MOST_SHOWN: usize = 50;
const MOST_COLUMNS: usize = 120;
const MOST_CHARS: usize = 400;
