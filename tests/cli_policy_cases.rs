//! `handset policy test`: what it prints and how it ends.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

use std::{
    fs,
    process::{Command, Output},
};

use handset::{
    policy::{Policy, Section},
    provider::registry,
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/testdata/cases");

fn test(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handset"));
    command.args(["policy", "test"]).args(args).current_dir(FOLDER).output().unwrap()
}

/// What it printed, and its exit code.
fn shown(args: &[&str]) -> String {
    let Output { status, stdout, stderr } = test(args);
    let (out, err) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    let code = status.code().unwrap_or_else(|| panic!("killed: {err}"));
    format!("exit {code}\n--- stdout\n{out}--- stderr\n{err}")
}

#[test]
fn cases_that_pass_end_with_0() {
    insta::assert_snapshot!(shown(&["policy.toml", "more/cases.toml"]));
}

#[test]
fn cases_that_fail_end_with_1_and_say_why() {
    insta::assert_snapshot!(shown(&["failing.toml"]));
}

#[test]
fn a_file_without_a_case_is_a_finding() {
    let shown = shown(&["policy.toml", "empty.toml"]);
    assert!(shown.starts_with("exit 1\n") && shown.contains("empty.toml: there is no case in it"), "{shown}");
}

#[test]
fn coverage_counts_the_cases_of_all_files_of_a_policy() {
    insta::assert_snapshot!(shown(&["--coverage", "policy.toml"]));
    insta::assert_snapshot!("coverage_of_all", shown(&["--coverage", "policy.toml", "more/cases.toml"]));
}

#[test]
fn only_the_files_that_are_named_are_run() {
    let shown = shown(&["--format", "plain", "more/cases.toml"]);
    assert!(shown.contains("cases=7\npassed=7\n"), "{shown}");
    assert!(shown.contains("policy=more/../policy.toml\n"), "{shown}");
}

#[test]
fn mutants_that_no_case_notices_end_with_1() {
    insta::assert_snapshot!(shown(&["--mutate", "policy.toml"]));
}

#[test]
fn shells_get_keys_and_values() {
    insta::assert_snapshot!(shown(&["--format", "plain", "--coverage", "--mutate", "policy.toml", "failing.toml"]));
}

#[test]
fn programs_get_one_object_on_one_line() {
    let output = test(&["--format", "json", "--coverage", "--mutate", "policy.toml", "failing.toml"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    let said: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(said["files"][1], serde_json::json!({ "file": "failing.toml", "cases": 4 }));
    let tested = &said["policies"][0];
    let failed = tested["results"].as_array().unwrap().iter().find(|result| result["passed"] == false).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(failed).unwrap());
    assert_eq!(tested["coverage"]["rules"][0]["rule"], "small transfers");
    let mutants = &tested["mutants"];
    let of = |key: &str| mutants[key].as_u64().unwrap();
    let survivors = mutants["survivors"].as_array().unwrap();
    assert_eq!(of("run"), of("killed") + of("equivalent") + u64::try_from(survivors.len()).unwrap());
    let text = survivors.iter().find_map(|survivor| survivor["case"]["text"].as_str()).unwrap();
    assert!(text.starts_with("[[test]]\nname = "), "{text}");
}

#[test]
fn what_cannot_be_read_ends_with_2_and_the_others_are_run() {
    for (file, said) in [
        ("nowhere.toml", "error: `nowhere.toml` cannot be read: "),
        ("astray.toml", "the policy file `nowhere.toml` cannot be read"),
        ("../lint/broken.toml", "../lint/broken.toml:2:9"),
    ] {
        let shown = shown(&[file, "policy.toml"]);
        assert!(shown.starts_with("exit 2\n") && shown.contains(said), "{shown}");
        assert!(shown.contains("policy.toml: all 3 cases pass"), "{shown}");
    }
    insta::assert_snapshot!(shown(&["wrong.toml"]));
}

#[test]
fn wrong_usage_ends_with_2() {
    for args in [[].as_slice(), &["--covrage", "policy.toml"]] {
        let shown = shown(args);
        assert!(shown.starts_with("exit 2\n--- stdout\n--- stderr\nerror: "), "{shown}");
    }
}

#[test]
fn no_whole_number_of_a_case_is_shown() {
    let shown = shown(&["failing.toml"]);
    assert!(shown.contains("phone = +371******56") && !shown.contains("37167123456"), "{shown}");
}

#[test]
fn the_help_says_how_it_ends() {
    insta::assert_snapshot!(shown(&["--help"]));
}

#[test]
fn an_application_holds_its_policy_to_its_cases() {
    let policy = Policy::load(format!("{FOLDER}/policy.toml"), &registry::catalogue()).unwrap();
    assert_eq!(policy.suite().coverage().not_reached().count(), 3);
    let more = fs::read_to_string(format!("{FOLDER}/more/cases.toml")).unwrap();
    let suite = policy.suite().with("more/cases.toml", &more).unwrap();
    assert_eq!(suite.cases().len(), 10);
    assert!(suite.run().iter().all(|result| result.passed && result.why.is_empty()));
    assert_eq!(suite.coverage().of(Section::StepUp), (3, 3));
    assert_eq!(suite.coverage().of(Section::Route), (3, 3));
    assert_eq!(suite.clone().without_own().cases().len(), 7);
    assert_eq!(suite.clone().without_own().with_own().with_own().cases().len(), 10);

    let before = policy.suite().mutants(&mut |_, _| {});
    let after = suite.mutants(&mut |_, _| {});
    assert!(after.survivors.len() < before.survivors.len() / 2, "{after:#?}");
    assert_eq!(after, suite.mutants(&mut |_, _| {}), "the same every time");
}
