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

const PAGES: [&str; 3] = ["README.md", "CONTRIBUTING.md", "SECURITY.md"];
const FOLDERS: [&str; 8] = ["src", "docs", "scripts", "examples", "tests", "benches", "fuzz", ".config"];
