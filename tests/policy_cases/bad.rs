//! Files with one fault each, and what is said of it. The stored text is for people to look at; what every text must have is
//! asserted here.

use std::{fs, path::Path};

use handset::policy::Diagnostic;
use libtest_mimic::Trial;

use super::{CASES, assert_stored, load, name, policies, refuse_stale};

/// The tests of the files with faults.
pub(crate) fn trials() -> Vec<Trial> {
    let folder = Path::new(CASES).join(FOLDER);
    let files = policies(&folder);
    let count = files.len();
    let all = Trial::test("bad::there_are_as_many_files_as_there_were", move || {
        assert!(count >= LEAST_FILES, "{count} files with a fault");
        refuse_stale(&folder);
        Ok(())
    });
    let each = files.into_iter().map(|file| {
        Trial::test(format!("bad::{}", name(&file)), move || {
            check(&file);
            Ok(())
        })
    });
    each.chain([all]).collect()
}

fn check(file: &Path) {
    let Err(errors) = load(file) else { panic!("{} loads", file.display()) };
    let said = errors.to_string();
    let [fault] = errors.iter().as_slice() else { panic!("one fault, not these:\n{said}") };
    check_place(fault, &said);
    check_words(fault);
    assert_stored(file, &said);
}

/// It names the line, shows it, and names the rule that the line is in.
fn check_place(fault: &Diagnostic, said: &str) {
    let text = fs::read_to_string(&fault.file).unwrap_or_else(|error| panic!("{}: {error}", fault.file));
    let line = text.lines().nth(fault.line - 1).unwrap_or_default();
    let rule = fault.rule.as_ref().map(|rule| format!(" in `{rule}`")).unwrap_or_default();
    assert!(said.contains(&format!("--> {}:{}:{}{rule}\n", fault.file, fault.line, fault.column)), "{said}");
    assert!(said.contains(&format!("{} | {line}\n", fault.line)), "it shows another line:\n{said}");
    assert!(said.contains(" = help: "), "{said}");
    if let Some(around) = rule_around(&text, fault.line) {
        assert_eq!(fault.rule.as_ref().map(ToString::to_string), Some(around), "{said}");
    }
}

/// It says what is wrong and what to do, in words of policies.
fn check_words(fault: &Diagnostic) {
    for text in [&fault.message, &fault.help] {
        assert!(!text.is_empty() && !text.ends_with('.') && !text.contains('\n'), "{text:?}");
        assert!(!text.starts_with(char::is_uppercase) || text.starts_with("NIST"), "{text:?}");
        let foreign = FOREIGN.iter().find(|word| text.contains(*word));
        assert!(foreign.is_none(), "`{}` is no word of policies: {text}", foreign.unwrap_or(&""));
    }
    assert_ne!(fault.message, fault.help);
}

/// The name of the table with a name that a line is in. What is no TOML has no tables, and what is missing in a file is in none
/// of them.
fn rule_around(text: &str, line: usize) -> Option<String> {
    if line == 1 || text.parse::<toml::Table>().is_err() {
        return None;
    }
    let lines: Vec<_> = text.lines().collect();
    let is_header = |line: &&str| line.starts_with('[');
    let header = lines.iter().take(line).rposition(is_header)?;
    let table = lines.iter().skip(header + 1).take_while(|line| !is_header(line));
    lines.get(header)?.starts_with("[[").then_some(())?;
    let mut names = table.filter_map(|line| line.strip_prefix("name = \"")?.split('"').next());
    names.next().filter(|name| !name.contains('\\')).map(str::to_owned)
}

pub(crate) const FOLDER: &str = "bad";

/// So many files there are at least: none goes unseen.
const LEAST_FILES: usize = 154;

/// Words of the libraries that read files, and of the language that this is written in.
const FOREIGN: [&str; 14] = [
    "struct", "enum", "variant", "field", "i64", "u8", "usize", "sequence", "map", "untagged", "deserial", "Some(",
    "serde", "datetime",
];
