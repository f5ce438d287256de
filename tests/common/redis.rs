//! A Redis server of a test's own.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A `redis-server` on a free port, with a directory of its own. It ends with the value.
pub(super) struct Server {
    pub(super) port: u16,
    child: Child,
    options: Vec<String>,
    dir: PathBuf,
}

impl Server {
    /// One that keeps nothing when it ends.
    pub(super) fn start() -> Self {
        Self::with(&["--save", "", "--appendonly", "no"])
    }

    /// One with these options.
    pub(super) fn with(options: &[&str]) -> Self {
        Self::configured("", options)
    }

    /// One with a file of settings as well, which it may write to.
    pub(super) fn configured(settings: &str, options: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap().keep();
        fs::write(dir.join("server.conf"), settings).unwrap();
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        // Between the choice of a port and its use somebody else may take it.
        for _ in 0..10 {
            let port = free_port();
            let mut server =
                Self { port, child: spawn(port, &options, &dir), options: options.clone(), dir: dir.clone() };
            if server.is_up() {
                return server;
            }
        }
        panic!("no port for `redis-server` is free");
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a power failure would.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again at the same port, with what it has kept.
    pub(super) fn restart(&mut self) {
        self.child = spawn(self.port, &self.options, &self.dir);
        assert!(self.is_up(), "`redis-server` does not come back");
    }

    /// Sends one command, and gives its answer as it comes.
    pub(super) fn command(&self, words: &[&str]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        talk(&mut stream, words).unwrap()
    }

    /// Whether it answers, after a while; `false` when it has ended.
    fn is_up(&mut self) -> bool {
        let end = Instant::now() + Duration::from_secs(30);
        while Instant::now() < end {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            let stream = TcpStream::connect(("127.0.0.1", self.port));
            // Whatever it says: it may want a password.
            if stream.is_ok_and(|mut stream| {
                stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
                talk(&mut stream, &["PING"]).is_ok_and(|answer| !answer.is_empty() && !answer.starts_with("-LOADING"))
            }) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("`redis-server` does not answer");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn spawn(port: u16, options: &[String], dir: &Path) -> Child {
    let mut command = Command::new("redis-server");
    command.arg(dir.join("server.conf"));
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--dir"]).arg(dir);
    command.args(["--logfile", "redis.log", "--loglevel", "warning"]).args(options);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("install `redis-server`: Debian has a package of this name, and `scripts/test` installs it")
}

fn talk(stream: &mut TcpStream, words: &[&str]) -> std::io::Result<String> {
    let mut request = format!("*{}\r\n", words.len());
    for word in words {
        request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    stream.write_all(request.as_bytes())?;
    let mut answer = vec![0; 65536];
    let length = stream.read(&mut answer)?;
    Ok(String::from_utf8_lossy(answer.get(..length).unwrap_or_default()).into_owned())
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
