//! The verbs `handset policy replay` and `handset policy diff`, as they are run.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::{
    fmt::Write as _,
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use serde_json::{Value, json};

const OLD: &str = r#"
version = 1

[[limit]]
name = "sends per number"
on = "start"
key = ["phone"]
quota = "5/1h"

[[step_up]]
name = "transfers"
when = { action = "transfer" }
require = { acr = "phone" }

[[route]]
name = "dear numbers"
when = { "phone.type" = "premium_rate" }
deny = "number_type"

[[route]]
name = "baltics"
when = { "phone.region" = ["LV", "LT"] }
try = ["numcheck/flash_call", "zadarma/sms"]

[[route]]
name = "shared cost"
when = { "phone.type" = "shared_cost" }
try = ["zadarma/sms"]

[[route]]
name = "everybody else"
try = ["zadarma/sms"]
"#;

const NEW: &str = r#"
version = 1

[[limit]]
name = "sends per number"
on = "start"
key = ["phone"]
quota = "3/1h"

[[step_up]]
name = "transfers"
when = { action = ["transfer", "payee"] }
require = { acr = "phone" }

[[route]]
name = "dear numbers"
when = { "phone.type" = ["premium_rate", "shared_cost"] }
deny = "number_type"

[[route]]
name = "risky"
when = { risk_score = { gte = 80 }, "phone.region" = "LT" }
on_missing = "skip_rule"
deny = "risk"

[[route]]
name = "latvia"
when = { "phone.region" = "LV" }
try = ["zadarma/sms", "numcheck/flash_call"]

[[route]]
name = "everybody else"
when = { "phone.region" = { not = "US" } }
try = ["zadarma/sms"]
"#;

/// A folder with both policies and a log.
struct Desk(PathBuf);

impl Desk {
    fn new(name: &str, log: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("replay-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in [("old.toml", OLD), ("new.toml", NEW), ("log.jsonl", log)] {
            fs::write(folder.join(name), text).unwrap();
        }
        Self(folder)
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_handset"));
        command.current_dir(&self.0).arg("policy").args(args).output().unwrap()
    }

    /// Standard output and the exit code.
    fn out(&self, args: &[&str]) -> (String, i32) {
        let output = self.run(args);
        let shown = String::from_utf8(output.stdout).unwrap();
        assert!(!shown.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        (shown, output.status.code().unwrap())
    }

    /// Standard error and the exit code, of a run that has nothing to say.
    fn err(&self, args: &[&str]) -> (String, i32) {
        let output = self.run(args);
        assert!(output.stdout.is_empty());
        (String::from_utf8(output.stderr).unwrap(), output.status.code().unwrap())
    }
}

fn line(id: u32, region: &str, prefix: &str, kind: &str, answer: &Value, risk: Option<i64>) -> String {
    let mut facts = json!({
        "action": "transfer", "phone.region": region, "phone.country_code": 371, "phone.type": kind,
        "phone.prefix": prefix, "phone.test": false, "check.legs": 0, "check.channels_tried": [],
    });
    if let Some(risk) = risk {
        facts.as_object_mut().unwrap().insert("signals".to_owned(), json!({ "risk_score": risk }));
    }
    let start = json!({
        "v": 1, "record": "start", "id": format!("id-{id}"), "at": "2026-05-01T12:00:00.123Z", "result": "started",
        "decision": answer, "limits": ["sends per number"], "phone": "p", "subject": "s", "facts": facts,
    });
    format!("{start}\n")
}

/// Ten starts that the old policy decided, an end, and a line that is none.
fn log() -> String {
    let baltics = json!({ "policy": "0ld", "rule": "baltics", "try": ["numcheck/flash_call", "zadarma/sms"] });
    let others = json!({ "policy": "0ld", "rule": "everybody else", "try": ["zadarma/sms"] });
    let mut log = String::new();
    for id in 0..4 {
        log += &line(id, "LV", "+371261", "mobile", &baltics, Some(10));
    }
    log += &line(4, "LT", "+370612", "mobile", &baltics, Some(90));
    log += &line(5, "LT", "+370612", "mobile", &baltics, None);
    log += &line(6, "US", "+1202", "fixed_line_or_mobile", &others, Some(10));
    log += &line(7, "DE", "+49151", "mobile", &others, Some(10));
    let shared = json!({ "policy": "0ld", "rule": "shared cost", "try": ["zadarma/sms"] });
    log += &line(8, "DE", "+49180", "shared_cost", &shared, Some(10));
    log += &line(
        9,
        "GB",
        "+4490",
        "premium_rate",
        &json!({ "policy": "0ld", "rule": "dear numbers", "deny": "number_type" }),
        None,
    );
    log += "{\"v\":1,\"record\":\"end\",\"id\":\"id-0\",\"at\":\"2026-05-01T12:00:09Z\",\"outcome\":\"verified\",\"messages\":1,\"ms\":9000}\n";
    log += "half a li";
    log
}

#[test]
fn a_replay_for_people() {
    let (shown, code) = Desk::new("people", &log()).out(&["replay", "--log", "log.jsonl", "--candidate", "new.toml"]);
    assert_eq!(code, 1, "something would change");
    insta::assert_snapshot!(shown);
}

#[test]
fn a_replay_for_programs_and_shells() {
    let desk = Desk::new("programs", &log());
    let args = ["replay", "--log", "log.jsonl", "--candidate", "new.toml", "--format"];
    let (json, code) = desk.out(&[args.as_slice(), &["json"]].concat());
    let found: Value = serde_json::from_str(&json).unwrap();
    let report = &found["report"];
    assert_eq!((code, &found["changed"], &report["same"]), (1, &json!(8), &json!(2)));
    assert_eq!(report["changes"], json!({ "now_denied": 3, "other_first": 5 }));
    assert_eq!(
        (&report["ends"], &report["unreadable"], &report["missing"]["risk_score"]),
        (&json!(1), &json!(1), &json!(2))
    );
    assert_eq!(report["channels"]["flash_call"], json!({ "before": 6, "after": 0, "changed": 6 }));
    assert_eq!(report["regions"]["US"], json!({ "before": 1, "after": 0, "changed": 1 }));
    let (plain, code) = desk.out(&[args.as_slice(), &["plain"]].concat());
    assert!(code == 1 && plain.contains("starts=10\n") && plain.contains("now_denied=3\n"), "{plain}");
}

#[test]
fn a_policy_against_itself_changes_nothing_with_a_baseline_too() {
    let desk = Desk::new("itself", &log());
    let args = ["replay", "--log", "log.jsonl", "--candidate", "old.toml", "--format", "plain"];
    let (shown, code) = desk.out(&args);
    assert!(code == 0 && shown.contains("changed=0\n") && shown.contains("same=10\n"), "{shown}");
    let (shown, code) = desk.out(&[args.as_slice(), &["--baseline", "old.toml"]].concat());
    assert!(code == 0 && shown.contains("changed=0\n"), "{shown}");
    let (shown, code) = desk.out(&[
        "replay",
        "--log",
        "log.jsonl",
        "--candidate",
        "new.toml",
        "--baseline",
        "old.toml",
        "--format",
        "plain",
    ]);
    assert!(code == 1 && shown.contains("changed=8\n"), "{shown}");
}

#[test]
fn a_long_log_is_told_the_same_whoever_reads_which_part() {
    let mut long = String::new();
    for _ in 0..2000 {
        let _ = write!(long, "{}", log().replace("half a li", ""));
    }
    let desk = Desk::new("long", &long);
    let args = ["replay", "--log", "log.jsonl", "--candidate", "new.toml", "--format", "json", "--quiet"];
    let (first, _) = desk.out(&args);
    let report = &serde_json::from_str::<Value>(&first).unwrap()["report"];
    assert_eq!((&report["starts"], &report["changes"]["now_denied"]), (&json!(20_000), &json!(6_000)));
    let lines: Vec<_> = report["examples"].as_array().unwrap().iter().map(|example| example["line"].clone()).collect();
    assert_eq!(lines, [5, 7, 9, 1, 2, 3]);
    assert_eq!(desk.out(&args).0, first);
}

#[test]
fn what_cannot_be_read_is_said_and_ends_with_two() {
    let desk = Desk::new("unread", "half a li");
    for args in [
        ["replay", "--log", "absent.jsonl", "--candidate", "new.toml"],
        ["replay", "--log", "log.jsonl", "--candidate", "new.toml"],
        ["replay", "--log", "log.jsonl", "--candidate", "absent.toml"],
        ["replay", "--log", "log.jsonl", "--candidate", "log.jsonl"],
    ] {
        let (said, code) = desk.err(&args);
        assert!(code == 2 && said.starts_with("error: "), "{args:?}: {code} {said}");
    }
    let (said, code) = desk.err(&["diff", "absent.toml", "log.jsonl"]);
    assert!(code == 2 && said.matches("error: ").count() >= 2, "{said}");
}

#[test]
fn a_diff_for_people() {
    let desk = Desk::new("diff", "");
    let (shown, code) = desk.out(&["diff", "old.toml", "new.toml"]);
    assert_eq!(code, 1, "something is different");
    insta::assert_snapshot!(shown);
    let (shown, code) = desk.out(&["diff", "old.toml", "old.toml"]);
    assert_eq!((shown.as_str(), code), ("Nothing is different.\n", 0));
    let (plain, _) = desk.out(&["diff", "old.toml", "new.toml", "--format", "plain"]);
    assert!(plain.starts_with("rules_added=2\nrules_removed=2\nrules_changed=3\n"), "{plain}");
    let (json, _) = desk.out(&["diff", "old.toml", "new.toml", "--format", "json"]);
    let found: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(found["diff"]["rules"].as_array().unwrap().len(), 7);
}
