//! `handset serve` as a process, with the sandbox as its vendor.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, ChildStdout, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use handset::sandbox::Sandbox;
use serde_json::{Value, json};

/// Long enough for a loaded machine; nothing waits for it to pass unless something is broken.
pub(super) const PATIENCE: Duration = Duration::from_secs(40);

/// The number of the handset that rings.
pub(super) const PHONE: &str = "+37126123456";

pub(super) const POLICY: &str = r#"
version = 1

[[step_up]]
name = "transfers"
when = { action = "transfer" }
require = { acr = "phone", max_age = "5m", single_use = true }

[[route]]
name = "everybody"
try = ["numcheck/flash_call"]
"#;

/// A folder of its own for one test, with a policy and an account in it.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("serve-{name}"));
        // What an earlier run has left.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        let folder = Self(path);
        folder.put("policy.toml", POLICY);
        folder
    }

    /// Writes beside the file and moves it to its place, as editors do.
    pub(super) fn put(&self, name: &str, text: &str) {
        let beside = self.0.join(format!("{name}.new"));
        fs::write(&beside, text).unwrap();
        fs::rename(beside, self.0.join(name)).unwrap();
    }

    pub(super) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap_or_default()
    }

    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_handset"));
        command.current_dir(&self.0).args(args).stdin(Stdio::null()).env("COLUMNS", "100");
        command.env("PROOF_SECRET", "0123456789abcdef0123456789abcdef");
        command
    }

    /// A run that ends by itself.
    pub(super) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// The same, and nobody but its owner may read it.
    pub(super) fn put_secret(&self, name: &str, text: &str) {
        self.put(name, text);
        fs::set_permissions(self.0.join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Writes the settings for an account at this sandbox, with something more at the top and at the end, and serves.
    pub(super) fn serve(&self, sandbox: &Sandbox, top: &str, end: &str) -> Served {
        self.put("handset.toml", &settings(sandbox, top, end));
        Served::start(self, self.command(&["--format", "json", "serve", "--config", "handset.toml"]), sandbox)
    }
}

pub(super) fn settings(sandbox: &Sandbox, top: &str, end: &str) -> String {
    format!(
        r#"listen = "127.0.0.1:0"
policy = "policy.toml"
danger_private_addresses = true
{top}

[proof]
key = {{ algorithm = "hs256", secret = {{ env = "PROOF_SECRET" }} }}

[provider.numcheck]
token = {{ env = "NUMCHECK_TOKEN" }}
base_url = "{}"
{end}
"#,
        sandbox.numcheck_url()
    )
}

/// What `--check` says of files, each shown by what it has in place of the lines of `good`.
pub(super) fn faults(folder: &Folder, good: &str, files: impl IntoIterator<Item = String>) -> String {
    let mut seen = String::new();
    for file in files {
        folder.put("handset.toml", &file);
        let output = folder.run(&["serve", "--config", "handset.toml", "--check"]);
        let changed: Vec<_> = file.lines().filter(|line| !good.contains(line) || line.is_empty()).collect();
        seen += &format!("{}\n{}{}", changed.join("\n").trim(), text(&output.stdout), text(&output.stderr));
        seen += &format!("[exit code {}]\n\n", output.status.code().unwrap());
    }
    seen
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A server that runs. It is killed when it is dropped.
pub(super) struct Served {
    child: Child,
    stdout: BufReader<ChildStdout>,
    log: PathBuf,
    pub(super) first_line: String,
    pub(super) url: String,
}

impl Served {
    fn start(folder: &Folder, mut command: Command, sandbox: &Sandbox) -> Self {
        let log = folder.0.join("log.txt");
        command.env("NUMCHECK_TOKEN", sandbox.numcheck_token().expose());
        command.stdout(Stdio::piped()).stderr(fs::File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut served = if folder.read("handset.toml").contains("records = \"-\"") {
            Self { child, stdout, log, first_line: String::new(), url: String::new() }
        } else {
            let mut first_line = String::new();
            stdout.read_line(&mut first_line).unwrap();
            Self { child, stdout, log, first_line, url: String::new() }
        };
        served.wait_for_log("listening");
        let listening = served.log_lines().into_iter().find(|line| line["fields"]["message"] == "listening").unwrap();
        served.url = listening["fields"]["url"].as_str().unwrap().to_owned();
        served
    }

    /// What it has logged: each line is an object.
    pub(super) fn log_lines(&self) -> Vec<Value> {
        let log = fs::read_to_string(&self.log).unwrap();
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"))).collect()
    }

    pub(super) fn wait_for_log(&self, text: &str) {
        until(text, || {
            let log = fs::read_to_string(&self.log).unwrap();
            assert!(!log.starts_with("error: "), "{log}");
            log.contains(text)
        });
    }

    pub(super) fn read_line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line
    }

    pub(super) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end, and gives the exit code and the rest of standard output.
    pub(super) fn ended(mut self) -> (Option<i32>, String) {
        let mut out = String::new();
        self.stdout.read_to_string(&mut out).unwrap();
        (self.child.wait().unwrap().code(), out)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a condition.
pub(super) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

pub(super) fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

/// Shows that somebody has the phone; gives the proof. `as_person` adds what says who it is.
pub(super) async fn step(
    sandbox: &Sandbox,
    url: &str,
    as_person: impl Fn(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
) -> String {
    step_across(sandbox, [url, url], as_person).await
}

/// The same, begun at the first of two servers and ended at the second.
pub(super) async fn step_across(
    sandbox: &Sandbox,
    [begin, end]: [&str; 2],
    as_person: impl Fn(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
) -> String {
    let (http, phone) = (client(), sandbox.handset(PHONE));
    let start = as_person(http.post(format!("{begin}/handset/checks")))
        .json(&json!({ "phone_number": PHONE, "action": "transfer" }));
    let check: Value = start.send().await.unwrap().error_for_status().unwrap().json().await.unwrap();
    let call = phone.next_call().await;
    let check_id = check["check_id"].as_str().unwrap();
    let code = as_person(http.post(format!("{end}/handset/checks/{check_id}/code")));
    let answer = code.json(&json!({ "code": call.ending() })).send().await.unwrap().error_for_status().unwrap();
    let answer: Value = answer.json().await.unwrap();
    answer["proof"].as_str().unwrap().to_owned()
}
