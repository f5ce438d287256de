//! What is said while a sandbox runs.

use reqwest::Client;
use serde_json::{Value, json};

use super::command::{Folder, Running};

fn start(name: &str, args: &[&str]) -> Running {
    let folder = Folder::new(name);
    folder.write("knobs.json", r#"{"all": {"caller_ending": "0042", "ring_time": 0}}"#);
    folder.write("fixed.env", "SANDBOX_NUMCHECK_TOKEN=numcheck-token\n");
    let always = ["sandbox", "--knobs", "knobs.json", "--credentials", "fixed.env"];
    folder.sandbox(&[&always, args].concat())
}

/// Orders a call.
async fn order(running: &Running) {
    let url = running.first_line.split(['"', ' ', '=', '\n']).find(|word| word.starts_with("http://"));
    let url = match serde_json::from_str::<Value>(&running.first_line) {
        Ok(told) => told["url"].as_str().unwrap().to_owned(),
        Err(_) => url.unwrap().to_owned(),
    };
    let request = Client::new().post(format!("{url}/numcheck/en/init-call?phone=37126123456"));
    assert!(request.header("X-AUTH-Token", "numcheck-token").send().await.unwrap().status().is_success());
}

/// The lines without the time.
fn untimed(lines: &str) -> Vec<String> {
    lines.lines().map(|line| line.split_once("  ").unwrap().1.to_owned()).collect()
}

#[tokio::test]
async fn numbers_and_codes_are_told() {
    let mut running = start("journal", &[]);
    order(&running).await;
    assert_eq!(
        untimed(&running.wait_for("answered")),
        [
            "handset +37126123456  incoming call: from +37166000042, state ringing",
            "handset +37126123456  incoming call: from +37166000042, state missed",
            "numcheck  POST /numcheck/en/init-call  answered 200  about +37126123456",
        ]
    );
}

#[tokio::test]
async fn requests_are_told_when_they_come_if_more_is_wanted() {
    let mut running = start("journal-v", &["-v", "--format", "plain"]);
    order(&running).await;
    let lines = untimed(&running.wait_for("answered"));
    assert_eq!(lines[0], "numcheck  POST /numcheck/en/init-call  has come  about +37126123456");
    assert_eq!(lines.len(), 4);
}

#[tokio::test]
async fn programs_get_an_object_on_each_line() {
    let mut running = start("journal-json", &["--format", "json"]);
    order(&running).await;
    let text = running.wait_for("\"status\"");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["handset"]["number"], "+37126123456");
    assert_eq!(lines[0]["handset"]["event"]["from"], "+37166000042");
    let request = &lines[2]["request"];
    assert_eq!(
        *request,
        json!({
            "id": 1, "at": request["at"], "vendor": "numcheck", "method": "POST", "path": "/numcheck/en/init-call", "number": "+37126123456",
            "status": 200, "took_ms": request["took_ms"],
        })
    );
}

#[tokio::test]
async fn nothing_is_told_if_nothing_is_wanted() {
    let running = start("journal-q", &["--quiet", "--format", "plain"]);
    order(&running).await;
    assert_eq!(running.end("TERM").2, "");
}
