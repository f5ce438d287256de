//! What the pages at the top of the repository name must exist: files by their path, tests by their name.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

use std::{collections::BTreeSet, fs, path::Path};

#[test]
fn every_path_that_the_pages_name_exists() {
    let paths: BTreeSet<_> = PAGES.iter().flat_map(|page| names(page)).filter(|name| is_path(name)).collect();
    let missing: Vec<_> = paths.iter().filter(|path| !root().join(path).exists()).collect();
    assert!(paths.len() > 10, "the pages name only {paths:?}: does this test still find the paths?");
    assert!(missing.is_empty(), "named in {PAGES:?} but not there: {missing:#?}");
}

#[test]
fn every_test_that_the_security_page_names_exists() {
    let code = rust_code(&root().join("src")) + &rust_code(&root().join("tests"));
    let tests: Vec<_> = names("SECURITY.md").into_iter().filter(|name| is_test(name)).collect();
    let missing: Vec<_> = tests.iter().filter(|test| !code.contains(&format!("fn {test}("))).collect();
    assert!(!tests.is_empty(), "the security page names no test");
    assert!(missing.is_empty(), "named in SECURITY.md but not there: {missing:#?}");
}

/// Each line of the checklist has a row, and a test that bears its id; each test that bears an id is in a row of it.
#[test]
fn the_table_of_the_security_page_and_the_tests_agree() {
    let code = rust_code(&root().join("src")) + &rust_code(&root().join("tests"));
    let rows: Vec<(String, Vec<String>)> = read("SECURITY.md").lines().filter_map(row).collect();
    let named: BTreeSet<&str> = rows.iter().flat_map(|(_, tests)| tests).map(String::as_str).collect();
    let ids = CHECKLIST.iter().flat_map(|(line, lines)| (1..=*lines).map(move |number| format!("{line}{number}")));
    let is_tested = |id: &String| {
        let begins = format!("{}_", id.to_lowercase());
        rows.iter().any(|(row, tests)| row == id && tests.iter().any(|test| test.starts_with(&begins)))
    };
    let untested: Vec<_> = ids.filter(|id| !is_tested(id)).collect();
    assert!(untested.is_empty(), "SECURITY.md names no test that begins with the id of {untested:?}");
    let missing: Vec<_> = code.split("fn ").filter_map(bears_an_id).filter(|test| !named.contains(test)).collect();
    assert!(missing.is_empty(), "they bear ids of the checklist, and SECURITY.md does not name them: {missing:#?}");
}

/// The id of a row, and what it names.
fn row(line: &str) -> Option<(String, Vec<String>)> {
    let (id, rest) = line.strip_prefix("| ")?.split_once(" | ")?;
    let is_id =
        id.len() < 4 && id.starts_with(|c: char| c.is_ascii_uppercase()) && id.ends_with(|c: char| c.is_ascii_digit());
    let tests = rest.split('`').skip(1).step_by(2).filter(|name| is_test(name)).map(str::to_owned);
    is_id.then(|| (id.to_owned(), tests.collect()))
}

/// The name of a test that begins with the id of a line, at the beginning of what follows `fn `.
fn bears_an_id(code: &str) -> Option<&str> {
    let (name, rest) = code.split_once('(')?;
    let (line, rest_of_name) = name.split_at_checked(1)?;
    let (number, _) = rest_of_name.split_once('_')?;
    let is_line = CHECKLIST.iter().any(|(known, _)| known.eq_ignore_ascii_case(line));
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_line && is_number && rest.starts_with(')') && is_test(name)).then_some(name)
}

#[test]
fn every_decision_is_in_the_index() {
    let index = read("docs/adr/README.md");
    for entry in fs::read_dir(root().join("docs/adr")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        assert!(file == "README.md" || index.contains(&format!("({file})")), "not in docs/adr/README.md: {file}");
    }
}

/// What stands between backticks or as the target of a link, outside code blocks; of a command, its first word.
fn names(page: &str) -> Vec<String> {
    let text: String = read(page).split("\n```").step_by(2).collect();
    let pieces = text.split(['`', '(', ')']).filter_map(|piece| piece.split(['#', ' ']).next());
    pieces.map(|name| name.trim_end_matches('/').to_owned()).collect()
}

/// A path below one of our folders; not a pattern such as `src/provider/<vendor>`.
fn is_path(name: &str) -> bool {
    let (top, rest) = name.split_once('/').unwrap_or_default();
    FOLDERS.contains(&top) && !rest.is_empty() && !name.contains(['<', '*', '\n'])
}

/// The name of a test as the tables write it: a snake-case name of three words or more.
fn is_test(name: &str) -> bool {
    name.matches('_').count() >= 2 && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn rust_code(folder: &Path) -> String {
    let mut code = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            code += &rust_code(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            code += &fs::read_to_string(path).unwrap();
        }
    }
    code
}

fn read(page: &str) -> String {
    fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The lines of the checklist: so many of each letter.
const CHECKLIST: &[(&str, u8)] = &[("A", 12), ("B", 8), ("C", 7), ("D", 3), ("E", 6), ("F", 8), ("G", 5), ("H", 4)];

const PAGES: [&str; 3] = ["README.md", "CONTRIBUTING.md", "SECURITY.md"];
const FOLDERS: [&str; 8] = ["src", "docs", "scripts", "examples", "tests", "benches", "fuzz", ".config"];
