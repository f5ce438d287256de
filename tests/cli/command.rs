//! The command as a process.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use serde_json::Value;

/// A folder of its own for one test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{name}"));
        // What an earlier run has left.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.0.join(name)).ok()
    }

    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SANDBOX_")) {
            command.env_remove(name);
        }
        command.current_dir(&self.0).env("COLUMNS", "100");
        command
    }

    /// A run that ends by itself.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(HANDSET).args(args).stdin(Stdio::null()).output().unwrap()
    }

    /// A sandbox that runs, once it has said the first line.
    pub(crate) fn sandbox(&self, args: &[&str]) -> Running {
        Running::start(self.command(HANDSET).args(args))
    }
}

/// A sandbox that runs. It is killed when it is dropped.
pub(crate) struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub(crate) first_line: String,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut first_line = String::new();
        stdout.read_line(&mut first_line).unwrap();
        if first_line.is_empty() {
            let mut stderr = String::new();
            child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
            panic!("no sandbox: {:?} {stderr}", child.wait());
        }
        Self { child, stdout, first_line }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.first_line).unwrap()
    }

    /// Reads standard error up to the first line with this text.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let mut all = String::new();
        let mut stderr = BufReader::new(self.child.stderr.as_mut().unwrap());
        while !all.lines().next_back().is_some_and(|line| line.contains(text)) {
            assert!(stderr.read_line(&mut all).unwrap() > 0, "`{text}` never came: {all}");
        }
        all
    }

    /// Sends a signal, waits for the end, and gives the exit code, the rest of standard output and of standard error.
    pub(crate) fn end(mut self, signal: &str) -> (Option<i32>, String, String) {
        let sent = Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let (mut out, mut err) = (String::new(), String::new());
        self.stdout.read_to_string(&mut out).unwrap();
        self.child.stderr.as_mut().unwrap().read_to_string(&mut err).unwrap();
        (self.child.wait().unwrap().code(), out, err)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Text without the port that the system has picked.
pub(crate) fn without_port(text: &str, port: u16) -> String {
    text.replace(&format!(":{port}"), ":PORT")
}

pub(crate) fn port_of(url: &str) -> u16 {
    reqwest::Url::parse(url).unwrap().port().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(crate) const HANDSET: &str = env!("CARGO_BIN_EXE_handset");

/// One of each.
pub(crate) const FIXED: &str = "# for tests
SANDBOX_CITCALL_USER_ID=citcall1
SANDBOX_CITCALL_API_KEY=citcall-key
SANDBOX_IDLAYR_CLIENT_ID=idlayr-client
SANDBOX_IDLAYR_CLIENT_SECRET=idlayr-secret~
SANDBOX_NUMCHECK_TOKEN=numcheck-token
SANDBOX_OPEN_GATEWAY_CLIENT_ID=open-gateway-client
SANDBOX_OPEN_GATEWAY_CLIENT_SECRET=open-gateway-secret~
SANDBOX_ZADARMA_KEY=zadarma-key
SANDBOX_ZADARMA_SECRET=zadarma-secret
";
