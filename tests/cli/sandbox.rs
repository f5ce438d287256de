//! `handset sandbox`, from its first word to its end.

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use super::command::{FIXED, Folder, HANDSET, Running, port_of, text, without_port};

async fn ring(numcheck: &Value, number: &str) -> (StatusCode, Value) {
    let (url, token) = (numcheck["url"].as_str().unwrap(), numcheck["token"].as_str().unwrap());
    let request = Client::new().post(format!("{url}/en/init-call?phone={number}")).header("X-AUTH-Token", token);
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap_or_default())
}

#[test]
fn people_get_a_page() {
    let folder = Folder::new("page");
    folder.write("fixed.env", FIXED);
    let running = folder.sandbox(&["sandbox", "--credentials", "fixed.env"]);
    let first = running.first_line.clone();
    let port = port_of(first.split_whitespace().find(|word| word.starts_with("http")).unwrap());
    let (code, rest, err) = running.end("TERM");
    assert_eq!((code, err.as_str()), (Some(0), ""));
    insta::assert_snapshot!("page", without_port(&(first + &rest), port));
}

#[test]
fn shells_get_lines_that_a_later_run_reads() {
    let folder = Folder::new("lines");
    folder.write("fixed.env", FIXED);
    let running = folder.sandbox(&["sandbox", "--format", "plain", "--credentials", "fixed.env"]);
    let first = running.first_line.clone();
    let port = port_of(first.trim().strip_prefix("SANDBOX_URL=").unwrap());
    let lines = first + &running.end("INT").1;
    insta::assert_snapshot!("lines", without_port(&lines, port));

    folder.write("again.env", &lines);
    let running = folder.sandbox(&["sandbox", "--env", "-", "--credentials", "again.env"]);
    let again = running.first_line.clone() + &running.end("TERM").1;
    assert_eq!(again.lines().filter(|line| !line.contains("_URL=")).count(), 9);
    for line in FIXED.lines().skip(1) {
        assert!(again.lines().any(|written| written == line), "{line}: {again}");
    }
}

#[tokio::test]
async fn programs_get_one_object_on_one_line() {
    let folder = Folder::new("object");
    let running = folder.sandbox(&["--format", "json", "sandbox", "--quiet"]);
    let told = running.json();
    let (url, keys) = (told["url"].as_str().unwrap().to_owned(), told.as_object().unwrap().keys());
    assert_eq!(keys.collect::<Vec<_>>(), ["citcall", "idlayr", "numcheck", "open_gateway", "url", "zadarma"]);
    for (vendor, names) in [
        ("citcall", &["api_key", "url", "user_id"][..]),
        ("idlayr", &["client_id", "client_secret", "url"]),
        ("numcheck", &["token", "url"]),
        ("open_gateway", &["client_id", "client_secret", "es256_key", "rs256_key", "url"]),
        ("zadarma", &["key", "secret", "url"]),
    ] {
        assert_eq!(told[vendor].as_object().unwrap().keys().collect::<Vec<_>>(), names, "{vendor}");
        assert_eq!(told[vendor]["url"], format!("{url}/{vendor}"));
    }

    let (status, call) = ring(&told["numcheck"], "37126123456").await;
    assert_eq!(status, StatusCode::OK);
    let events: Value =
        reqwest::get(format!("{url}/handsets/+37126123456/events")).await.unwrap().json().await.unwrap();
    assert_eq!(events[0]["from"], format!("+{}", call["callerId"]));

    let (code, rest, err) = running.end("TERM");
    assert_eq!((code, rest.as_str(), err.as_str()), (Some(0), "", ""));
    assert!(reqwest::get(url).await.is_err(), "it still listens");
}

#[tokio::test]
async fn it_ends_while_somebody_listens_and_somebody_waits() {
    let folder = Folder::new("end");
    folder.write("knobs.json", r#"{"numbers": {"37126123456": {"time_out": true}}}"#);
    let mut running = folder.sandbox(&["--format", "json", "sandbox", "-v", "--knobs", "knobs.json"]);
    let told = running.json();
    let live = format!("{}/handsets/+37126123456/events", told["url"].as_str().unwrap());
    let stream = Client::new().get(live).header("Accept", "text/event-stream").send().await.unwrap();
    let waiting = tokio::spawn(async move {
        let (url, token) = (told["numcheck"]["url"].as_str().unwrap(), told["numcheck"]["token"].as_str().unwrap());
        Client::new().post(format!("{url}/en/init-call?phone=37126123456")).header("X-AUTH-Token", token).send().await
    });
    tokio::task::yield_now().await;
    let running = tokio::task::spawn_blocking(move || {
        running.wait_for("init-call");
        running
    });
    assert_eq!(running.await.unwrap().end("INT").0, Some(0));
    // Neither hangs; how a connection of a process that is gone ends is the system's affair.
    let _ = (stream.bytes().await, waiting.await.unwrap());
}

#[tokio::test]
async fn knobs_of_a_file_are_turned_from_the_start() {
    let folder = Folder::new("knobs");
    let knobs = json!({
        "all": { "caller_ending": "0042", "ring_time": 0 }, "numbers": { "+37126123457": { "http_500": true } },
    });
    folder.write("knobs.json", &knobs.to_string());
    let running = folder.sandbox(&["--format", "json", "sandbox", "--knobs", "knobs.json"]);
    let told = running.json();
    let url = format!("{}/knobs", told["url"].as_str().unwrap());
    let shown: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    assert_eq!((&shown["all"], &shown["numbers"]), (&knobs["all"], &knobs["numbers"]));
    assert_eq!(ring(&told["numcheck"], "37126123456").await.1["code"], 42);
    assert_eq!(ring(&told["numcheck"], "37126123457").await.0, StatusCode::INTERNAL_SERVER_ERROR);

    folder.write("again.json", &shown.to_string());
    folder.sandbox(&["sandbox", "--knobs", "again.json"]);
}

#[test]
fn the_environment_gives_credentials_that_no_file_gives() {
    let folder = Folder::new("environment");
    folder.write("one.env", "SANDBOX_NUMCHECK_TOKEN=of-the-file\n");
    let mut command = folder.command(HANDSET);
    command.args(["--format", "json", "sandbox", "--credentials", "one.env"]);
    command.envs([("SANDBOX_NUMCHECK_TOKEN", "of-the-shell"), ("SANDBOX_ZADARMA_KEY", "of-the-shell")]);
    // Never what is meant for a true vendor.
    command.env("NUMCHECK_TOKEN", "true-token").env("ZADARMA_SECRET", "true-secret");
    let told = Running::start(&mut command).json();
    assert_eq!((&told["numcheck"]["token"], &told["zadarma"]["key"]), (&json!("of-the-file"), &json!("of-the-shell")));
    assert!(!told.to_string().contains("true-"));

    let wrong = folder.command(HANDSET).arg("sandbox").env("SANDBOX_ZADARMA_KEY", "hunter2 ").output().unwrap();
    let said = text(&wrong.stderr);
    assert!(wrong.status.code() == Some(2) && said.contains("the variable `SANDBOX_ZADARMA_KEY`"), "{said}");
    assert!(!said.contains("hunter2"));
}

#[test]
fn the_file_for_shells_is_there_while_it_runs() {
    let folder = Folder::new("env");
    // What a run that was killed has left.
    folder.write("sandbox.env", "SANDBOX_URL=http://127.0.0.1:1\n");
    let running = folder.sandbox(&["--format", "json", "sandbox", "--env", "sandbox.env"]);
    let told = running.json();
    let lines = folder.read("sandbox.env").unwrap();
    assert!(lines.contains(&format!("SANDBOX_URL={}\n", told["url"].as_str().unwrap())), "{lines}");
    assert!(lines.contains(&format!("SANDBOX_ZADARMA_SECRET={}\n", told["zadarma"]["secret"].as_str().unwrap())));
    assert_eq!(running.end("TERM").0, Some(0));
    assert_eq!(folder.read("sandbox.env"), None);

    let running = folder.sandbox(&["sandbox", "--env", "sandbox.env"]);
    folder.write("sandbox.env", "SANDBOX_URL=http://127.0.0.1:2\n");
    assert_eq!(running.end("TERM").0, Some(0));
    assert!(folder.read("sandbox.env").is_some(), "the file of another sandbox is gone");
}

#[tokio::test]
async fn clients_may_know_it_by_another_name() {
    let folder = Folder::new("url");
    let running = folder.sandbox(&["--format", "json", "sandbox", "--url", "http://sandbox.test:8040/", "--env", "e"]);
    let told = running.json();
    assert_eq!(told["url"], "http://sandbox.test:8040");
    assert_eq!(told["open_gateway"]["url"], "http://sandbox.test:8040/open_gateway");
    assert!(folder.read("e").unwrap().contains("SANDBOX_IDLAYR_URL=http://sandbox.test:8040/idlayr\n"));
}

#[tokio::test]
async fn a_public_address_is_served_on_request() {
    let running = Folder::new("public").sandbox(&[
        "--format",
        "json",
        "sandbox",
        "--listen",
        "0.0.0.0:0",
        "--danger-listen-publicly",
    ]);
    let port = port_of(running.json()["url"].as_str().unwrap());
    assert!(reqwest::get(format!("http://127.0.0.1:{port}/handsets")).await.unwrap().status().is_success());
}
