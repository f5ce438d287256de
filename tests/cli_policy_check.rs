//! `handset policy check`: what it prints and how it ends.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

use std::process::{Command, Output};

fn check(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handset"));
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/testdata/lint");
    command.args(["policy", "check"]).args(args).current_dir(folder).output().unwrap()
}

/// What it printed, and its exit code.
fn shown(args: &[&str]) -> String {
    let Output { status, stdout, stderr } = check(args);
    let (out, err) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    let code = status.code().unwrap_or_else(|| panic!("killed: {err}"));
    format!("exit {code}\n--- stdout\n{out}--- stderr\n{err}")
}

#[test]
fn a_policy_without_warnings_ends_with_0() {
    insta::assert_snapshot!(shown(&["fine.toml"]));
}

#[test]
fn warnings_end_with_1() {
    insta::assert_snapshot!(shown(&["weak.toml"]));
}

#[test]
fn what_a_profile_forbids_ends_with_1() {
    insta::assert_snapshot!(shown(&["refused.toml"]));
}

#[test]
fn what_is_no_toml_ends_with_1() {
    insta::assert_snapshot!(shown(&["broken.toml"]));
}

#[test]
fn a_file_that_is_not_there_ends_with_2_and_the_others_are_checked() {
    let shown = shown(&["--format", "plain", "nowhere.toml", "weak.toml"]);
    assert!(shown.starts_with("exit 2\n"), "{shown}");
    assert!(shown.contains("error: `nowhere.toml` cannot be read: "), "{shown}");
    assert!(shown.contains("weak.toml:4:1: warning[unused_list]: "), "{shown}");
}

#[test]
fn routes_without_an_account_are_warned_of() {
    insta::assert_snapshot!(shown(&["--quiet", "--format", "plain", "--account", "zadarma/sms", "fine.toml"]));
    assert!(shown(&["--account", "idlayr", "--account", "zadarma", "fine.toml"]).starts_with("exit 0\n"));
}

#[test]
fn wrong_accounts_end_with_2() {
    for (account, said) in [
        ("nobody", "error: `nobody` is no provider of this build"),
        ("zadarma/telegram", "unknown channel; known are"),
        ("/sms", "an account is a provider"),
    ] {
        let shown = shown(&["--account", account, "fine.toml"]);
        assert!(shown.starts_with("exit 2\n") && shown.contains(said), "{shown}");
    }
    assert!(shown(&[]).starts_with("exit 2\n"));
    assert!(shown(&["--account", "mine/sms", "fine.toml"]).starts_with("exit 1\n"), "an own provider is known");
}

#[test]
fn quiet_leaves_out_the_notes() {
    let shown = shown(&["--quiet", "fine.toml"]);
    assert!(!shown.contains("note") && shown.contains("fine.toml: nothing to say\n"), "{shown}");
}

#[test]
fn programs_get_one_object_on_one_line() {
    let output = check(&["--format", "json", "fine.toml", "weak.toml", "refused.toml"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    let said: serde_json::Value = serde_json::from_str(&text).unwrap();
    let [fine, weak, refused] = said["files"].as_array().unwrap().as_slice() else { panic!("{said}") };
    assert_eq!(fine["in_force"]["profile"], "nist-63b-4");
    assert_eq!(fine["in_force"]["limits"][0]["quota"], "5/1h");
    assert!(weak["findings"].as_array().unwrap().iter().any(|found| found["kind"] == "unreachable"));
    assert!(refused["in_force"].is_null() && refused["errors"][0]["line"].is_u64(), "{refused}");
}

#[test]
fn the_help_says_how_it_ends() {
    let shown = shown(&["--help"]);
    assert!(shown.starts_with("exit 0\n"), "{shown}");
    for said in ["Ends with 0 when there is nothing to mend", "--account <PROVIDER[/CHANNEL]>", "Examples:\n"] {
        assert!(shown.contains(said), "{shown}");
    }
}
