//! The canonical form of a policy file, and of a file of cases.

use toml_edit::{DocumentMut, Item, Key, Table, Value};

use super::{
    GAP,
    comments::{self, Between, behind, raw},
    layout,
};

/// Why a text has no canonical form.
#[derive(Debug)]
pub(super) enum Refused {
    /// It is no TOML.
    Syntax(String),
    /// What was made of it does not say the same.
    Unsafe,
}

/// Writes a file in its canonical form. What it says is compared before anyone gets to see it.
pub(super) fn canonical(text: &str) -> Result<String, Refused> {
    let document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| Refused::Syntax(error.to_string()))?;
    let made = write(&document);
    let again: DocumentMut = made.parse().map_err(|_| Refused::Unsafe)?;
    let meaning = |text: &str| toml::from_str::<toml::Table>(text).map_err(|_| Refused::Unsafe);
    let is_same = meaning(text)? == meaning(&made)? && comments::all(&document) == comments::all(&again);
    if is_same { Ok(made) } else { Err(Refused::Unsafe) }
}

/// A header with the lines below it; at the top of the file there is none.
struct Part<'d> {
    path: Vec<&'d Key>,
    is_entry: bool,
    above: Vec<String>,
    behind: Option<String>,
    lines: Vec<Line>,
    /// Comments right below its last line, apart from what follows.
    below: Vec<String>,
    /// Its place in the file.
    position: isize,
}

/// A key and its value.
struct Line {
    above: Vec<String>,
    /// The first of its names.
    name: String,
    text: String,
    behind: Option<String>,
}

fn write(document: &DocumentMut) -> String {
    let mut parts = Vec::new();
    collect(document.as_table(), &mut Vec::new(), false, &mut parts);
    parts.sort_by_key(|part| (!part.path.is_empty(), part.position));
    let mut trailing = Between::above(raw(Some(document.trailing())));
    hand_back(&mut parts, &mut trailing);
    let first = parts.first().map(first_of);
    parts.sort_by_key(|part| part.path.first().map(|key| rank(SECTIONS, key.get())));
    for part in &mut parts {
        let names = keys_of(&part.path);
        part.lines.sort_by_key(|line| rank(names, &line.name));
    }
    let mut text = String::new();
    if parts.first().map(first_of) != first {
        text.push_str(&head(&mut parts, first.as_ref()));
    }
    for part in &parts {
        push(part, &mut text);
    }
    let end = trailing.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
    trailing.truncate(end);
    let is_alone = text.is_empty();
    for line in trailing.iter().skip_while(|line| is_alone && line.is_empty()) {
        push_line(line, &mut text);
    }
    text
}

/// Gives each part the comments that stand right below it: up to the first blank line they are its own.
fn hand_back(parts: &mut [Part<'_>], trailing: &mut Vec<String>) {
    if !trailing.is_empty() {
        trailing.push(String::new());
    }
    let above = parts.iter_mut().skip(1).map(|part| std::mem::take(&mut part.above));
    let mut above: Vec<_> = above.chain([std::mem::take(trailing)]).collect();
    for (part, above) in parts.iter_mut().zip(&mut above) {
        if let Some(end) = above.iter().position(String::is_empty) {
            part.below = above.drain(..end).collect();
        }
    }
    *trailing = above.pop().unwrap_or_default();
    parts.iter_mut().skip(1).zip(above).for_each(|(part, above)| part.above = above);
}

/// The headers of a table and of what stands in it.
fn collect<'d>(table: &'d Table, path: &mut Vec<&'d Key>, is_entry: bool, parts: &mut Vec<Part<'d>>) {
    let values = table.get_values();
    let has_header = !table.is_implicit() && !path.is_empty();
    if !table.is_dotted() && (has_header || !values.is_empty()) {
        parts.push(Part {
            path: path.clone(),
            is_entry,
            above: Between::above(raw(table.decor().prefix())),
            behind: behind(table.decor()),
            lines: values.into_iter().map(|(keys, value)| line(&keys, value)).collect(),
            below: Vec::new(),
            position: table.position().unwrap_or_default(),
        });
    }
    for (name, item) in table {
        let Some(key) = table.key(name) else { continue };
        path.push(key);
        match item {
            Item::Table(inner) => collect(inner, path, false, parts),
            Item::ArrayOfTables(list) => list.iter().for_each(|inner| collect(inner, path, true, parts)),
            Item::Value(_) | Item::None => {}
        }
        path.pop();
    }
}

fn line(keys: &[&Key], value: &Value) -> Line {
    let above = Between::above(raw(keys.last().and_then(|key| key.leaf_decor().prefix())));
    let name = layout::path(keys);
    let written = layout::value(value, 0, name.chars().count() + 3, 0);
    let first = keys.first().map(|key| key.get().to_owned()).unwrap_or_default();
    Line { above, name: first, text: format!("{name} = {written}"), behind: behind(value.decor()) }
}

/// What tells the first thing of a file: its header and its first key.
fn first_of(part: &Part<'_>) -> (Vec<String>, Option<String>) {
    let path = part.path.iter().map(|key| key.get().to_owned()).collect();
    (path, part.path.is_empty().then(|| part.lines.first().map(|line| line.name.clone())).flatten())
}

/// Takes the comment at the top of the file, if a blank line follows it, from what has moved away from there.
fn head(parts: &mut [Part<'_>], first: Option<&(Vec<String>, Option<String>)>) -> String {
    let Some((path, key)) = first else { return String::new() };
    let part = parts.iter_mut().filter(|part| part.path.iter().map(|key| key.get()).eq(path.iter()));
    let Some(part) = part.min_by_key(|part| part.position) else { return String::new() };
    let above = match key {
        Some(key) => part.lines.iter_mut().find(|line| line.name == *key).map(|line| &mut line.above),
        None => Some(&mut part.above),
    };
    let Some(above) = above else { return String::new() };
    let Some(end) = above.iter().position(String::is_empty).filter(|end| *end > 0) else { return String::new() };
    above.drain(..end).map(|line| format!("{line}\n")).collect::<String>() + "\n"
}

fn push(part: &Part<'_>, text: &mut String) {
    if !part.path.is_empty() {
        if !text.is_empty() && !text.ends_with("\n\n") {
            text.push('\n');
        }
        let above = part.above.iter().skip_while(|line| line.is_empty());
        above.for_each(|line| push_line(line, text));
        let path = layout::path(&part.path);
        let header = if part.is_entry { format!("[[{path}]]") } else { format!("[{path}]") };
        match &part.behind {
            Some(comment) => push_line(&format!("{header}{:GAP$}{comment}", ""), text),
            None => push_line(&header, text),
        }
    }
    let column = column(&part.lines);
    for (position, line) in part.lines.iter().enumerate() {
        let above = line.above.iter().skip_while(|line| position == 0 && line.is_empty());
        above.for_each(|line| push_line(line, text));
        match &line.behind {
            Some(comment) => {
                let gap = column.saturating_sub(width(&line.text)).max(GAP);
                push_line(&format!("{}{:gap$}{comment}", line.text, ""), text);
            }
            None => push_line(&line.text, text),
        }
    }
    part.below.iter().for_each(|line| push_line(line, text));
}

/// Where the comments behind the lines of a part begin.
fn column(lines: &[Line]) -> usize {
    let widths = lines.iter().filter(|line| line.behind.is_some()).map(|line| width(&line.text));
    widths.filter(|width| *width <= MOST_ALIGNED).max().unwrap_or_default() + GAP
}

/// The width of the last line.
fn width(text: &str) -> usize {
    text.rsplit('\n').next().unwrap_or_default().chars().count()
}

fn push_line(line: &str, text: &mut String) {
    text.push_str(line);
    text.push('\n');
}

/// The place of a name; what is not known comes last.
fn rank(names: &[&str], name: &str) -> usize {
    names.iter().position(|known| *known == name).unwrap_or(names.len())
}

/// The order of the keys below a header.
fn keys_of(path: &[&Key]) -> &'static [&'static str] {
    let names: Vec<_> = path.iter().map(|key| key.get()).collect();
    match names.as_slice() {
        [] => &["version", "policy", "profile", "include"],
        ["code"] => &["digits", "lifetime", "attempts", "resend", "resend_after"],
        ["test_numbers"] => &["numbers", "code", "expires", "quota"],
        ["limit"] => &["name", "on", "key", "quota"],
        ["step_up"] => &["name", "when", "on_missing", "require", "deny", "allow"],
        ["step_up", "require"] => &["acr", "max_age", "single_use"],
        ["route"] => {
            &["name", "when", "on_missing", "try", "deny", "digits", "lifetime", "attempts", "preflight", "message"]
        }
        ["test"] => &["name", "given", "expect"],
        ["test", "expect"] => &["rule", "require", "try", "deny", "allow"],
        _ => &[],
    }
}

/// The order of the sections.
const SECTIONS: &[&str] =
    &["code", "budget", "lists", "signals", "test_numbers", "shadow", "limit", "step_up", "route", "test"];

/// Longer lines do not push the comments of others to the right.
const MOST_ALIGNED: usize = 60;

#[cfg(test)]
mod tests;
