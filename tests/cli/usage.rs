//! What is asked wrongly, and what the command says about itself.

use std::net::TcpListener;

use super::command::{Folder, text, without_port};

/// Runs that end, as people see them.
fn seen(folder: &Folder, args: &[&str]) -> String {
    let output = folder.run(args);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    format!("$ handset {}\n{out}{err}[exit code {}]\n", args.join(" "), output.status.code().unwrap())
}

#[test]
fn help_helps() {
    let folder = Folder::new("help");
    for (name, args) in [
        ("help", &["--help"][..]),
        ("help_short", &["-h"]),
        ("help_sandbox", &["sandbox", "--help"]),
        ("help_sandbox_short", &["sandbox", "-h"]),
        ("help_serve", &["serve", "--help"]),
        ("help_completions", &["completions", "--help"]),
    ] {
        insta::assert_snapshot!(name, seen(&folder, args));
    }
}

#[test]
fn the_version_is_that_of_the_crate() {
    let output = Folder::new("version").run(&["--version"]);
    assert_eq!(text(&output.stdout), format!("handset {}\n", env!("CARGO_PKG_VERSION")));
    assert!(output.status.success() && output.stderr.is_empty());
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_to_do() {
    let folder = Folder::new("usage");
    folder.write("no-json.json", "latency: 250");
    folder.write("flat.json", r#"{"latency": 250}"#);
    folder.write("typo.json", r#"{"all": {"latncy": 250}}"#);
    folder.write("range.json", r#"{"numbers": {"+37126123456": {"caller_ending": "42"}}}"#);
    folder.write("number.json", r#"{"numbers": {"Ada": {"html": true}}}"#);
    folder.write("typo.env", "# one\nSANDBOX_NUMCHECK_TOKN=hunter2\n");
    folder.write("value.env", "SANDBOX_NUMCHECK_TOKEN=hunter2 $secret\n");
    folder.write("other.env", "DATABASE_URL=postgres://localhost\n");
    let runs = [
        &[][..],
        &["sandbx"],
        &["sandbox", "--lisen", "8040"],
        &["sandbox", "--listen", "here"],
        &["sandbox", "--listen", "127.0.0.1"],
        &["sandbox", "--listen", "65536"],
        &["sandbox", "--listen", "0.0.0.0:8040"],
        &["sandbox", "--url", "sandbox:8040"],
        &["sandbox", "--url", "http://sandbox:8040/path"],
        &["--format", "yaml", "sandbox"],
        &["sandbox", "--quiet", "--verbose"],
        &["sandbox", "--knobs", "missing.json"],
        &["sandbox", "--knobs", "no-json.json"],
        &["sandbox", "--knobs", "flat.json"],
        &["sandbox", "--knobs", "typo.json"],
        &["sandbox", "--knobs", "range.json"],
        &["sandbox", "--knobs", "number.json"],
        &["sandbox", "--credentials", "missing.env"],
        &["sandbox", "--credentials", "typo.env"],
        &["sandbox", "--credentials", "value.env"],
        &["sandbox", "--env", "other.env"],
        &["sandbox", "--env", "missing/folder.env"],
        &["completions", "tcsh"],
    ];
    let all: Vec<_> = runs.iter().map(|args| seen(&folder, args)).collect();
    for run in &all {
        assert!(run.ends_with("[exit code 2]\n"), "{run}");
        assert!(!run.contains("hunter2"), "{run}");
    }
    // The list of knobs grows.
    let told = all.join("\n");
    let lines =
        told.lines().map(|line| line.split_once(", expected one of `latency`").map_or(line, |(start, _)| start));
    insta::assert_snapshot!("wrong_usage", lines.collect::<Vec<_>>().join("\n"));
    assert_eq!(folder.read("other.env").unwrap(), "DATABASE_URL=postgres://localhost\n");
}

#[test]
fn a_taken_port_ends_with_3() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let folder = Folder::new("taken");
    folder.write("other.env", "SANDBOX_URL=http://127.0.0.1:1\n");
    let run = seen(&folder, &["sandbox", "--listen", &format!("127.0.0.1:{port}"), "--env", "other.env"]);
    insta::assert_snapshot!("taken_port", without_port(&run, port));
    assert_eq!(folder.read("other.env").unwrap(), "SANDBOX_URL=http://127.0.0.1:1\n");

    // 192.0.2.0/24 is for documents, and no machine has an address of it.
    let run = seen(&folder, &["sandbox", "--listen", "192.0.2.1:8040", "--danger-listen-publicly"]);
    assert!(run.contains("this machine has no such address") && run.ends_with("[exit code 3]\n"), "{run}");
}

#[test]
fn shells_learn_the_verbs() {
    let script = Folder::new("completions").run(&["completions", "bash"]);
    assert!(script.status.success() && script.stderr.is_empty());
    assert!(text(&script.stdout).contains("--danger-listen-publicly"));
}
