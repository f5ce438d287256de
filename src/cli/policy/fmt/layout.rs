//! Values on lines: in one where they fit, broken at their lists where not.

use toml_edit::{Array, InlineTable, Key, Value};

use super::{
    GAP,
    comments::{self, Between, raw},
};

/// Writes a value that begins at a column of a line with an indent; behind it `extra` characters follow.
pub(super) fn value(value: &Value, indent: usize, column: usize, extra: usize) -> String {
    match line(value) {
        Some(line) if fits(&line, column, extra) => line,
        line => broken(value, indent, column, extra).or(line).unwrap_or_default(),
    }
}

/// Writes the names of a key, with dots between them.
pub(super) fn path(keys: &[&Key]) -> String {
    keys.iter().map(|key| key.display_repr()).collect::<Vec<_>>().join(".")
}

/// The value on one line; `None` when comments are in it.
fn line(value: &Value) -> Option<String> {
    match value {
        _ if comments::are_in(value) => None,
        Value::Array(array) => Some(format!("[{}]", array.iter().filter_map(line).collect::<Vec<_>>().join(", "))),
        Value::InlineTable(table) if table.is_empty() => Some("{}".to_owned()),
        Value::InlineTable(table) => {
            let pairs = table.get_values();
            let pairs = pairs.iter().filter_map(|(keys, value)| Some(format!("{} = {}", path(keys), line(value)?)));
            Some(format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", ")))
        }
        Value::String(text) => Some(text.display_repr().into_owned()),
        Value::Integer(number) => Some(number.display_repr().into_owned()),
        Value::Float(number) => Some(number.display_repr().into_owned()),
        Value::Boolean(flag) => Some(flag.display_repr().into_owned()),
        Value::Datetime(time) => Some(time.display_repr().into_owned()),
    }
}

/// The value on several lines; `None` when it cannot be broken.
fn broken(value: &Value, indent: usize, column: usize, extra: usize) -> Option<String> {
    match value {
        Value::Array(array) if !array.is_empty() || comments::are_in(value) => Some(list(array, indent)),
        Value::InlineTable(table) if has_own_comments(table) => Some(tall(table, indent)),
        Value::InlineTable(table) => wide(table, indent, column, extra),
        _ => None,
    }
}

/// A list on several lines: plain values fill them, tables have one each.
fn list(array: &Array, indent: usize) -> String {
    let inner = indent + STEP;
    let mut lines = Lines::new(inner);
    let is_plain = array.iter().all(|item| !matches!(item, Value::Array(_) | Value::InlineTable(_)));
    for item in array {
        let before = Between::of(raw(item.decor().prefix()));
        lines.comment(before);
        let text = format!("{},", value(item, inner, inner, 1));
        lines.item(&text, is_plain);
        lines.comment(Between::of(raw(item.decor().suffix())));
    }
    lines.comment(Between::of(raw(Some(array.trailing()))));
    format!("[\n{}{:indent$}]", lines.finish(), "")
}

/// A table with comments between its keys, which has a line for each, as it had before.
fn tall(table: &InlineTable, indent: usize) -> String {
    let inner = indent + STEP;
    let mut lines = Lines::new(inner);
    for (keys, item) in table.get_values() {
        lines.comment(Between::of(raw(keys.last().and_then(|key| key.leaf_decor().prefix()))));
        let name = path(&keys);
        let text = value(item, inner, inner + name.chars().count() + 3, 1);
        lines.item(&format!("{name} = {text},"), false);
        lines.comment(Between::of(raw(item.decor().suffix())));
    }
    lines.comment(Between::of(raw(Some(table.trailing()))));
    format!("{{\n{}{:indent$}}}", lines.finish(), "")
}

/// A table on one line but for its lists: as few of them are broken as must be, the longest first.
fn wide(table: &InlineTable, indent: usize, column: usize, extra: usize) -> Option<String> {
    let pairs = table.get_values();
    let mut parts: Vec<(String, &Value, Option<String>, bool)> = pairs
        .iter()
        .map(|(keys, item)| {
            let line = line(item);
            (path(keys), *item, line.clone().or_else(|| broken(item, indent, column, extra)), line.is_none())
        })
        .collect();
    loop {
        let texts: Vec<_> = parts
            .iter()
            .map(|(name, _, text, _)| format!("{name} = {}", text.as_deref().unwrap_or_default()))
            .collect();
        let text = format!("{{ {} }}", texts.join(", "));
        let is_broken = parts.iter().any(|(.., is_broken)| *is_broken);
        if is_broken && fits(&text, column, extra) {
            return Some(text);
        }
        let breakable = |(_, item, _, is_broken): &&mut (String, &Value, Option<String>, bool)| {
            !is_broken && broken(item, indent, column, extra).is_some()
        };
        let length = |(_, _, text, _): &&mut (String, &Value, Option<String>, bool)| text.as_ref().map(String::len);
        let Some((_, item, text, is_broken)) = parts.iter_mut().filter(breakable).max_by_key(length) else {
            return is_broken.then_some(text);
        };
        (*text, *is_broken) = (broken(item, indent, column, extra), true);
    }
}

fn has_own_comments(table: &InlineTable) -> bool {
    let has = |text: &str| text.contains('#');
    let of_pairs = table.get_values().into_iter().any(|(keys, item)| {
        has(raw(keys.last().and_then(|key| key.leaf_decor().prefix()))) || has(raw(item.decor().suffix()))
    });
    of_pairs || has(raw(Some(table.trailing())))
}

fn fits(text: &str, column: usize, extra: usize) -> bool {
    let last = text.split('\n').count() - 1;
    text.split('\n').enumerate().all(|(position, line)| {
        let before = if position == 0 { column } else { 0 };
        let behind = if position == last { extra } else { 0 };
        before + line.chars().count() + behind <= COLUMNS
    })
}

/// Lines with an indent, of items and comments.
struct Lines {
    indent: usize,
    done: Vec<String>,
    /// What may still grow.
    open: String,
    /// Whether the line has its comment.
    is_closed: bool,
}

impl Lines {
    fn new(indent: usize) -> Self {
        Self { indent, done: Vec::new(), open: String::new(), is_closed: true }
    }

    fn item(&mut self, text: &str, may_share: bool) {
        let width = self.indent + self.open.chars().count() + 1 + text.chars().count();
        if may_share && !self.is_closed && width <= COLUMNS && !text.contains('\n') {
            self.open.push(' ');
            self.open.push_str(text);
        } else {
            self.close();
            self.open = text.to_owned();
        }
        self.is_closed = false;
    }

    /// Adds what stands between two items. Blank lines go.
    fn comment(&mut self, between: Between) {
        if let Some(after) = between.after {
            if self.is_closed {
                self.close();
                self.open = after;
            } else {
                self.open.push_str(&format!("{:GAP$}{after}", ""));
            }
            self.is_closed = true;
        }
        for line in between.above.into_iter().filter(|line| !line.is_empty()) {
            self.close();
            self.open = line;
            self.is_closed = true;
        }
    }

    fn close(&mut self) {
        let line = std::mem::take(&mut self.open);
        if !line.is_empty() {
            self.done.push(format!("{:indent$}{line}\n", "", indent = self.indent));
        }
        self.is_closed = true;
    }

    fn finish(mut self) -> String {
        self.close();
        self.done.concat()
    }
}

/// How wide a line may be.
pub(super) const COLUMNS: usize = 120;

const STEP: usize = 4;
