//! The comments of a TOML file, wherever they stand.

use toml_edit::{Array, Decor, DocumentMut, InlineTable, Item, Key, RawString, Table, Value};

/// What stands between two things: the comment on the line of what comes before, and the lines above what follows.
#[derive(Debug, Default)]
pub(super) struct Between {
    pub(super) after: Option<String>,
    /// Comments, and an empty line where there is at least one.
    pub(super) above: Vec<String>,
}

impl Between {
    /// Reads what stands between two things. Only white space and comments can.
    pub(super) fn of(text: &str) -> Self {
        let mut lines = text.split('\n').map(str::trim);
        let after = lines.next().filter(|line| !line.is_empty()).map(str::to_owned);
        let mut above: Vec<String> = Vec::new();
        let mut lines: Vec<_> = lines.collect();
        // Behind the last line break stands what follows.
        let last = lines.pop().filter(|line| !line.is_empty());
        for line in lines.into_iter().chain(last) {
            if !line.is_empty() || above.last().is_none_or(|above| !above.is_empty()) {
                above.push(line.to_owned());
            }
        }
        Self { after, above }
    }

    /// Reads what stands above the first thing of a line.
    pub(super) fn above(text: &str) -> Vec<String> {
        // Here the text begins with a line of its own.
        Self::of(&format!("\n{text}")).above
    }
}

pub(super) fn raw(text: Option<&RawString>) -> &str {
    text.and_then(RawString::as_str).unwrap_or_default()
}

/// The comment behind something, on its line.
pub(super) fn behind(decor: &Decor) -> Option<String> {
    let text = raw(decor.suffix()).trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Every comment of a file, sorted.
pub(super) fn all(document: &DocumentMut) -> Vec<String> {
    let mut found = Vec::new();
    of_table(document.as_table(), &mut found);
    add(raw(Some(document.trailing())), &mut found);
    found.sort_unstable();
    found
}

/// Whether there are comments in a value.
pub(super) fn are_in(value: &Value) -> bool {
    let mut found = Vec::new();
    match value {
        Value::Array(array) => of_array(array, &mut found),
        Value::InlineTable(table) => of_inline(table, &mut found),
        _ => {}
    }
    !found.is_empty()
}

fn of_table(table: &Table, found: &mut Vec<String>) {
    of_decor(table.decor(), found);
    for (name, item) in table {
        of_key(table.key(name), found);
        match item {
            Item::Value(value) => of_value(value, found),
            Item::Table(table) => of_table(table, found),
            Item::ArrayOfTables(list) => list.iter().for_each(|table| of_table(table, found)),
            Item::None => {}
        }
    }
}

fn of_value(value: &Value, found: &mut Vec<String>) {
    of_decor(value.decor(), found);
    match value {
        Value::Array(array) => of_array(array, found),
        Value::InlineTable(table) => of_inline(table, found),
        _ => {}
    }
}

fn of_array(array: &Array, found: &mut Vec<String>) {
    array.iter().for_each(|value| of_value(value, found));
    add(raw(Some(array.trailing())), found);
}

fn of_inline(table: &InlineTable, found: &mut Vec<String>) {
    for (name, value) in table {
        of_key(table.key(name), found);
        of_value(value, found);
    }
    add(raw(Some(table.trailing())), found);
}

fn of_key(key: Option<&Key>, found: &mut Vec<String>) {
    if let Some(key) = key {
        of_decor(key.leaf_decor(), found);
        of_decor(key.dotted_decor(), found);
    }
}

fn of_decor(decor: &Decor, found: &mut Vec<String>) {
    add(raw(decor.prefix()), found);
    add(raw(decor.suffix()), found);
}

fn add(text: &str, found: &mut Vec<String>) {
    found.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_is_told_apart() {
        let between = Between::of(" # after\n\n\n  # above\n\t# too\n\n  ");
        assert_eq!(between.after.as_deref(), Some("# after"));
        assert_eq!(between.above, ["", "# above", "# too", ""]);
        assert_eq!(Between::above("# first\r\n"), ["# first"]);
        assert_eq!(Between::above("\n  "), [""]);
        assert!(Between::above("").is_empty());
    }
}
