//! `handset policy new` and `handset policy explain`: what they print and how they end.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

use std::{
    fs,
    process::{Command, Output},
};

use handset::{policy::Policy, provider::registry};
use serde_json::Value;

fn handset(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handset"));
    command.arg("policy").args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap()
}

/// What it printed, and its exit code.
fn shown(args: &[&str]) -> String {
    let Output { status, stdout, stderr } = handset(args);
    let (out, err) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    let code = status.code().unwrap_or_else(|| panic!("killed: {err}"));
    format!("exit {code}\n--- stdout\n{out}--- stderr\n{err}")
}

#[test]
fn each_policy_to_start_from_loads_and_its_cases_pass() {
    for name in ["starter", "sign-in", "checkout", "recovery"] {
        let Output { status, stdout, .. } = handset(&["new", "--for", name]);
        assert_eq!(status.code(), Some(0), "{name}");
        let text = String::from_utf8(stdout).unwrap();
        let policy = Policy::parse("policy.toml", &text, &registry::catalogue()).unwrap_or_else(|e| panic!("{e}"));
        assert!(!policy.cases().is_empty(), "{name} has no case");
        for case in policy.cases() {
            let result = case.run(&policy);
            assert!(result.passed, "{name}: {result:?}");
        }
        assert!(text.starts_with("# "), "{name} does not begin with what it is for");
    }
}

#[test]
fn a_file_that_is_there_stays_as_it_is() {
    let folder = std::env::temp_dir().join(format!("handset-new-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("policy.toml");
    let path = path.to_str().unwrap();
    let first = shown(&["new", path]);
    assert!(first.starts_with("exit 0\n") && first.contains("go on with: handset policy check"), "{first}");
    fs::write(path, "mine").unwrap();
    let second = shown(&["new", path]);
    assert!(second.starts_with("exit 2\n") && second.contains("is there already"), "{second}");
    assert_eq!(fs::read_to_string(path).unwrap(), "mine");
    let nowhere = shown(&["new", folder.join("nowhere/policy.toml").to_str().unwrap()]);
    assert!(nowhere.starts_with("exit 2\n") && nowhere.contains("cannot be written"), "{nowhere}");
    fs::remove_dir_all(folder).unwrap();
}

const SIGN_IN: &str = "examples/policies/sign-in.toml";
const NOON: &str = "2026-05-01T12:00:00Z";

#[test]
fn an_explanation_for_people() {
    insta::assert_snapshot!(shown(&[
        "explain",
        SIGN_IN,
        "--action",
        "sign_in",
        "--phone",
        "+37126123456",
        "--fact",
        "client.ip=192.0.2.1",
        "--fact",
        "sim_swapped_at=9d",
        "--at",
        NOON,
    ]));
}

#[test]
fn an_explanation_for_shells() {
    insta::assert_snapshot!(shown(&[
        "--format",
        "plain",
        "explain",
        SIGN_IN,
        "--action",
        "sign_in",
        "--phone",
        "+37126123456",
        "--at",
        NOON,
        "--section",
        "route",
        "--fact",
        "client.mobile_data=true",
        "--fact",
        "sim_swapped_at=1h",
    ]));
}

#[test]
fn an_explanation_for_programs() {
    let phone = ["--phone", "+37126123456", "--at", NOON];
    let Output { status, stdout, .. } =
        handset(&[&["--format", "json", "explain", SIGN_IN, "--action", "sign_in"], &phone[..]].concat());
    assert_eq!(status.code(), Some(0));
    let told: Value = serde_json::from_slice(&stdout).unwrap();
    assert_eq!(told["asked"]["phone"], "+371******56 (LV, mobile)");
    assert_eq!((&told["asked"]["time"], &told["answers"][1]["section"]), (&NOON.into(), &"route".into()));
    assert_eq!(told["answers"][1]["rules"][1]["stopped_by"]["why"], "skipped");
    assert_eq!(told["answers"][1]["code"]["digits"], 6);
    assert!(!String::from_utf8(stdout).unwrap().contains("26123456"), "a number");
}

/// What a verifier knows at the start of a check is assumed, and can be given otherwise.
#[test]
fn later_messages_and_vendors_that_are_ill_can_be_asked_about() {
    let file = std::env::temp_dir().join(format!("handset-explain-{}.toml", std::process::id()));
    let policy = "version = 1\n[[route]]\nname = \"first\"\nwhen = { check.legs = 0, provider.citcall.healthy = true }\n\
                  try = [\"citcall/flash_call\"]\n[[route]]\nname = \"rest\"\ntry = [\"zadarma/sms\"]\n";
    fs::write(&file, policy).unwrap();
    let ask = |facts: &[&str]| {
        let asked =
            ["--format", "plain", "explain", file.to_str().unwrap(), "--action", "a", "--phone", "+37126123456"];
        shown(&[&asked[..], facts].concat())
    };
    assert!(ask(&[]).contains("route.rule=first\n"));
    assert!(ask(&["--fact", "check.legs=1"]).contains("route.rule=rest\n"));
    assert!(ask(&["--fact", "provider.citcall.healthy=false"]).contains("route.rule=rest\n"));
    fs::remove_file(file).unwrap();
}

#[test]
fn what_cannot_be_asked_ends_with_2() {
    for (facts, said) in [
        (["--fact", "amount=much"].as_slice(), "a whole number, without quotes"),
        (&["--fact", "amonut=1"], "unknown fact `amonut`"),
        (&["--fact", "amount=1", "--fact", "amount=2"], "is given twice"),
        (&["--fact", "phone=+37126123456"], "`--phone`"),
        (&["--fact", "time=2026-05-01T12:00:00Z"], "`--at`"),
        (&["--fact", "amount"], "the name of a fact, `=` and its value"),
        (&["--phone", "26123456"], "a valid number in E.164"),
        (&["--at", "noon"], "--at"),
    ] {
        let shown = shown(&[&["explain", SIGN_IN, "--action", "sign_in"], facts].concat());
        assert!(shown.starts_with("exit 2\n--- stdout\n---"), "{shown}");
        assert!(shown.contains(said), "{shown}");
    }
    let nowhere = shown(&["explain", "nowhere.toml", "--action", "sign_in"]);
    assert!(nowhere.starts_with("exit 2\n") && nowhere.contains("nowhere.toml"), "{nowhere}");
}
