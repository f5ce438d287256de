//! The policies of `examples/policies/`: they load, their cases hold, every rule decides one of them, and the linter warns of
//! nothing but what the file itself gives a reason for.

use std::{collections::BTreeSet, fs, path::Path};

use handset::policy::Level;
use libtest_mimic::Trial;

use super::{load, name, policies, run_cases, undecided};

pub(crate) fn trials() -> Vec<Trial> {
    let files = policies(Path::new(FOLDER));
    let names: Vec<_> = files.iter().map(|file| name(file)).collect();
    let all = Trial::test("examples::none_is_missing", move || {
        let readme = fs::read_to_string("README.md").unwrap();
        assert_eq!(names, NAMES);
        for name in names {
            assert!(readme.contains(&format!("{FOLDER}/{name}.toml")), "the README does not name {name}");
        }
        Ok(())
    });
    let each = files.into_iter().map(|file| {
        Trial::test(format!("examples::{}", name(&file)), move || {
            check(&file);
            Ok(())
        })
    });
    each.chain([all]).collect()
}

fn check(file: &Path) {
    let policy = load(file).unwrap_or_else(|errors| panic!("{errors}"));
    run_cases(&policy);
    let undecided = undecided(&policy);
    assert!(undecided.is_empty(), "no case is decided by {undecided:?}");
    let text = fs::read_to_string(file).unwrap();
    let accepted: BTreeSet<_> =
        text.lines().filter_map(|line| line.strip_prefix(ACCEPTED)?.split(':').next()).collect();
    let findings = policy.lint();
    let warnings: Vec<_> = findings.iter().filter(|finding| finding.level == Level::Warning).collect();
    let warned: BTreeSet<_> = warnings.iter().map(|finding| finding.kind.as_str()).collect();
    assert_eq!(warned, accepted, "{}", warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n"));
}

const FOLDER: &str = "examples/policies";
const NAMES: [&str; 4] = ["account-recovery", "checkout-psd2", "sign-in", "telecom-heavy-market"];

/// How a file begins the reason for a warning that it takes.
const ACCEPTED: &str = "# Accepted, ";
