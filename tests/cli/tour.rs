//! Takes the tour of `docs/sandbox.md`, to the letter.

use std::process::Stdio;

use super::command::{Folder, text};

#[test]
fn every_command_of_the_tour_works() {
    let folder = Folder::new("tour");
    let _running = folder.sandbox(&["sandbox", "--env", "sandbox.env"]);
    let mut script = ". ./sandbox.env\n".to_owned();
    script.extend(blocks("sh"));
    let output =
        folder.command("bash").args(["-eu", "-o", "pipefail", "-c", &script]).stdin(Stdio::null()).output().unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    for told in [
        "\"callId\":1,",
        "\"from\":\"+3716600",
        "\"msisdn\":\"6281234567890\",\"rc\":0",
        "\"from\":\"+62215080",
        "Your code: ",
        "\"Code is correct\"",
        "\"final_url\":\"https://app.example/back?check_id=",
        "\"match\":true",
        "\"issuer\":\"http://127.0.0.1:",
        "\"devicePhoneNumberVerified\":true",
        "{\"latency\":250}",
        "internal server error",
        "\"callerId\":37166000042",
    ] {
        assert!(out.contains(told), "`{told}` is not in {out}");
    }

    // What the tour has written down is good for the options that it is for.
    folder.sandbox(&["sandbox", "--credentials", "fixed.env", "--knobs", "knobs.json"]);
}

#[test]
fn every_option_of_the_tour_is_known() {
    let help = text(&Folder::new("options").run(&["sandbox", "--help"]).stdout);
    let is_option =
        |word: &&str| word.strip_prefix("--").is_some_and(|name| name.starts_with(|c: char| c.is_ascii_lowercase()));
    let words = TOUR.split([' ', '`', ',', '"', '\'', '\n']).filter(is_option);
    let options: Vec<_> = words.filter(|option| *option != "--features").collect();
    assert!(options.len() > 10, "{options:?}");
    for option in options {
        assert!(help.contains(&format!("{option} ")) || help.contains(&format!("{option}\n")), "{option}");
    }
}

/// The code blocks in a language, in order.
fn blocks(language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    for block in TOUR.split("\n```").skip(1).step_by(2) {
        if let Some(code) = block.strip_prefix(&format!("{language}\n")) {
            blocks.push(format!("{code}\n"));
        }
    }
    assert!(blocks.len() >= 8, "does this test still find the blocks?");
    blocks
}

const TOUR: &str = include_str!("../../docs/sandbox.md");
