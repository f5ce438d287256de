//! `handset policy fmt`: what it writes and how it ends.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

const MESSY: &str =
    "# Whose policy it is\nversion=1\n[[route]]\ntry=[\"zadarma/sms\"] # by text\nname='all'\n[code]\ndigits=8\n";

const TIDY: &str = "\
# Whose policy it is
version = 1

[code]
digits = 8

[[route]]
name = 'all'
try = [\"zadarma/sms\"]  # by text
";

const BROKEN: &str = "version = 1\n[[route]\n";

/// A folder with a file in disorder, one in order and one that is no TOML.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("messy.toml", MESSY), ("tidy.toml", TIDY), ("broken.toml", BROKEN)] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn text(folder: &TempDir, name: &str) -> String {
    fs::read_to_string(folder.path().join(name)).unwrap()
}

fn fmt(folder: &Path, args: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handset"));
    command.args(["policy", "fmt"]).args(args).current_dir(folder);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may have ended without reading.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// What it printed, and its exit code.
fn shown(output: Output) -> String {
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let code = output.status.code().unwrap_or_else(|| panic!("killed: {err}"));
    format!("exit {code}\n--- stdout\n{out}--- stderr\n{err}")
}

#[test]
fn files_are_written_in_canonical_form() {
    let folder = folder();
    insta::assert_snapshot!(shown(fmt(folder.path(), &["messy.toml", "tidy.toml"], "")));
    assert_eq!(text(&folder, "messy.toml"), TIDY);
    assert_eq!(text(&folder, "tidy.toml"), TIDY);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "nothing else is left behind");
}

#[test]
fn check_shows_what_would_change_and_writes_nothing() {
    let folder = folder();
    insta::assert_snapshot!(shown(fmt(folder.path(), &["--check", "messy.toml", "tidy.toml"], "")));
    assert_eq!(text(&folder, "messy.toml"), MESSY);
    assert!(shown(fmt(folder.path(), &["--check", "tidy.toml"], "")).starts_with("exit 0\n"));
}

#[test]
fn what_is_no_toml_ends_with_2_and_stays_as_it_was() {
    let folder = folder();
    insta::assert_snapshot!(shown(fmt(folder.path(), &["broken.toml", "messy.toml"], "")));
    assert_eq!((text(&folder, "broken.toml"), text(&folder, "messy.toml")), (BROKEN.to_owned(), TIDY.to_owned()));
    let absent = shown(fmt(folder.path(), &["--check", "nowhere.toml", "messy.toml"], ""));
    assert!(absent.starts_with("exit 2\n") && absent.contains("error: `nowhere.toml` cannot be read: "), "{absent}");
}

#[test]
fn standard_input_goes_to_standard_output() {
    let folder = folder();
    for args in [[].as_slice(), &["-"]] {
        let Output { status, stdout, stderr } = fmt(folder.path(), args, MESSY);
        assert_eq!((status.code(), String::from_utf8(stdout).unwrap(), stderr), (Some(0), TIDY.to_owned(), Vec::new()));
    }
    let check = shown(fmt(folder.path(), &["--check", "-"], MESSY));
    assert!(check.starts_with("exit 1\n--- stdout\n<stdin>: is not in canonical form\n"), "{check}");
    let broken = shown(fmt(folder.path(), &[], BROKEN));
    assert!(broken.starts_with("exit 2\n--- stdout\n--- stderr\n") && broken.contains("<stdin>:2:9"), "{broken}");
}

#[test]
fn shells_and_programs_are_told_which_files_changed() {
    let folder = folder();
    let plain = shown(fmt(folder.path(), &["--check", "--format", "plain", "messy.toml", "tidy.toml"], ""));
    assert_eq!(plain, "exit 1\n--- stdout\nchanged=messy.toml\nunchanged=tidy.toml\n--- stderr\n");
    let json = fmt(folder.path(), &["--format", "json", "--check", "messy.toml", "tidy.toml"], "");
    let said: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(said["files"][1], serde_json::json!({ "file": "tidy.toml", "changed": false, "diff": null }));
    assert!(said["files"][0]["diff"].as_str().unwrap().contains("-version=1\n+version = 1\n"), "{said}");
}

#[test]
fn wrong_usage_ends_with_2() {
    let folder = folder();
    let wrong = shown(fmt(folder.path(), &["--chek", "messy.toml"], ""));
    assert!(wrong.starts_with("exit 2\n--- stdout\n--- stderr\nerror: "), "{wrong}");
    insta::assert_snapshot!(shown(fmt(folder.path(), &["--help"], "")));
}

#[cfg(unix)]
#[test]
fn permissions_and_links_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let folder = folder();
    let (file, link) = (folder.path().join("messy.toml"), folder.path().join("link.toml"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("messy.toml", &link).unwrap();
    assert!(shown(fmt(folder.path(), &["link.toml"], "")).starts_with("exit 0\n"));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(text(&folder, "messy.toml"), TIDY);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);

    fs::write(&file, MESSY).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o440)).unwrap();
    let refused = shown(fmt(folder.path(), &["messy.toml"], ""));
    assert!(refused.starts_with("exit 2\n") && refused.contains("cannot be written: it is read-only"), "{refused}");
    assert_eq!(text(&folder, "messy.toml"), MESSY);
}
