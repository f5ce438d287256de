//! The language of policies, file by file: each file of `tests/policy/` shows one thing, in its own cases.
//!
//! What a case cannot say, such as digits and limits, is stored beside the file (`in_force.rs`). A file without cases and a
//! folder without files fail, so that nothing here passes by being empty.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

mod bad;
mod examples;
mod expiry;
mod in_force;

use std::{
    collections::BTreeSet,
    error::Error as _,
    fs,
    path::{Path, PathBuf},
};

use handset::{
    policy::{Case, Policy, PolicyErrors, Section},
    provider::registry,
};
use libtest_mimic::{Arguments, Trial};

fn main() {
    // Faults name files as they were given: from the folder of the crate.
    std::env::set_current_dir(env!("CARGO_MANIFEST_DIR")).unwrap();
    let mut arguments = Arguments::from_args();
    // Nothing here may be left out: a test that is asked to be ignored runs.
    arguments.include_ignored = true;
    let mut trials = Vec::new();
    let mut count = 0;
    for folder in folders(Path::new(CASES)) {
        let files = policies(&folder);
        count += files.len();
        let shown = folder.clone();
        trials.push(Trial::test(format!("{}::has_files_and_nothing_stale", name(&folder)), move || {
            assert!(!policies(&shown).is_empty(), "{} has no policy", shown.display());
            refuse_stale(&shown);
            Ok(())
        }));
        trials.extend(files.into_iter().map(|file| {
            let title = format!("{}::{}", name(&folder), name(&file));
            Trial::test(title, move || {
                check(&file);
                Ok(())
            })
        }));
    }
    trials.push(Trial::test("there_are_as_many_files_as_there_were", move || {
        assert!(count >= LEAST_FILES, "{count} files with cases");
        Ok(())
    }));
    trials.extend(bad::trials());
    trials.extend(examples::trials());
    libtest_mimic::run(&arguments, trials).exit();
}

/// Every case of the file holds, its rules decide them, and what is in force is as stored.
fn check(file: &Path) {
    let policy = load(file).unwrap_or_else(|errors| panic!("{errors}"));
    run_cases(&policy);
    let folder = name(file.parent().unwrap());
    let is_stored = in_force::check(file, &policy);
    assert!(is_stored || !SETTINGS.contains(&folder.as_str()), "{} sets nothing", file.display());
    let asked: BTreeSet<_> = policy.cases().iter().map(|case| case.section).collect();
    let undecided: Vec<_> = undecided(&policy).into_iter().filter(|(section, _)| asked.contains(section)).collect();
    assert!(undecided.is_empty(), "no case is decided by {undecided:?}");
    if !is_stored || !SETTINGS.contains(&folder.as_str()) {
        let found: BTreeSet<_> = policy.cases().iter().map(|case| case.run(&policy).found).collect();
        assert!(found.len() > 1, "each case says {found:?}: show one that holds, and one that does not");
    }
    if folder == "signal_expiry" {
        expiry::check(file, &policy);
    }
}

/// Asserts that there are cases and that each of them holds.
fn run_cases(policy: &Policy) {
    let results: Vec<_> = policy.cases().iter().map(|case| case.run(policy)).collect();
    let failed: Vec<_> = results.iter().filter(|result| !result.passed).collect();
    assert!(!results.is_empty(), "there is no `[[test]]`");
    assert!(failed.is_empty(), "{failed:#?}");
}

/// The rules that decide none of the policy's own cases.
fn undecided(policy: &Policy) -> Vec<(Section, String)> {
    let deciding = |case: &Case| {
        let rule = policy.evaluate(case.section, &case.given.context()).rule?;
        Some((case.section, rule.to_string()))
    };
    let decided: BTreeSet<_> = policy.cases().iter().filter_map(deciding).collect();
    let rules = [Section::StepUp, Section::Route].into_iter().flat_map(|section| policy.rules(section));
    rules.map(|rule| (rule.section(), rule.name().to_string())).filter(|rule| !decided.contains(rule)).collect()
}

/// Loads a policy of providers that there are.
fn load(file: &Path) -> Result<Policy, PolicyErrors> {
    Policy::load(file, &registry::catalogue()).map_err(|error| {
        let errors = error.source().and_then(|source| source.downcast_ref::<PolicyErrors>());
        errors.unwrap_or_else(|| panic!("{}: {error}", file.display())).clone()
    })
}

/// What is stored belongs to a policy.
fn refuse_stale(folder: &Path) {
    for file in files(folder) {
        let is_known = matches!(file.extension().and_then(|e| e.to_str()), Some("toml" | "txt" | "snap"));
        assert!(is_known, "{} is no file of these tests", file.display());
        let is_stale = file.extension().is_some_and(|e| e == "snap") && !file.with_extension("toml").exists();
        assert!(!is_stale, "{} belongs to no policy", file.display());
    }
}

fn assert_stored(file: &Path, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join(file.parent().unwrap()));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name(file), text));
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    entries(folder).into_iter().filter(|path| path.is_dir() && name(path) != bad::FOLDER).collect()
}

/// The policies that stand right in a folder; those below it are what they name.
fn policies(folder: &Path) -> Vec<PathBuf> {
    files(folder).into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "toml")).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    entries(folder).into_iter().filter(|path| path.is_file()).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

const CASES: &str = "tests/policy";

/// So many files with cases there are at least: none goes unseen.
const LEAST_FILES: usize = 234;

/// Folders whose files set something that no case can say.
const SETTINGS: [&str; 6] = ["budget", "code", "limit", "profile", "require", "route_settings"];
