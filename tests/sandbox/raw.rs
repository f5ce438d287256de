//! HTTP by hand: what goes over the wire is written and read here, byte by byte.

use std::time::Duration;

use handset::sandbox::Sandbox;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use super::PATIENCE;

/// A request.
#[derive(Clone)]
pub(super) struct Ask {
    pub(super) line: String,
    headers: String,
    body: String,
}

/// What has come back, as far as it was waited for.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: String,
    /// Whether the answer ended as it should.
    pub(super) is_whole: bool,
    /// Whether the server has closed the connection.
    pub(super) is_over: bool,
}

impl Ask {
    /// `line` is method and path.
    pub(super) fn new(line: impl Into<String>) -> Self {
        Self { line: line.into(), headers: String::new(), body: String::new() }
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    pub(super) fn json(self, body: &Value) -> Self {
        Self { body: body.to_string(), ..self.header("Content-Type", "application/json") }
    }

    pub(super) fn form(self, fields: &[(&str, &str)]) -> Self {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        Self { body, ..self.header("Content-Type", "application/x-www-form-urlencoded") }
    }

    pub(super) fn body(self, body: &str) -> Self {
        Self { body: body.to_owned(), ..self }
    }

    /// Sends it, and reads the answer to its end.
    pub(super) async fn send(&self, sandbox: &Sandbox) -> Answer {
        read(&mut self.begin(sandbox).await, None).await
    }

    /// Sends it, and reads until so much of the answer's body is there.
    pub(super) async fn send_for(&self, sandbox: &Sandbox, bytes: usize) -> Answer {
        read(&mut self.begin(sandbox).await, Some(bytes)).await
    }

    /// Sends it, and waits until the sandbox knows of it: whether nothing comes back for a while.
    pub(super) async fn is_left_waiting(&self, sandbox: &Sandbox) -> bool {
        let before = sandbox.requests().len();
        let mut stream = self.begin(sandbox).await;
        let known = async {
            while sandbox.requests().len() == before {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, known).await.expect("the request gets lost");
        let reading = tokio::time::timeout(Duration::from_millis(40), stream.read_u8());
        reading.await.is_err() && sandbox.requests().last().unwrap().status.is_none()
    }

    async fn begin(&self, sandbox: &Sandbox) -> TcpStream {
        let address = sandbox.url().trim_start_matches("http://").to_owned();
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let Self { line, headers, body } = self;
        let length = body.len();
        let text = format!(
            "{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }
}

/// Reads an answer to its end, or until so much of its body is there.
async fn read(stream: &mut TcpStream, enough: Option<usize>) -> Answer {
    let mut bytes = Vec::new();
    let reading = async {
        // A connection that is reset has ended, too.
        while stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
            let parsed = enough.and_then(|enough| Some((enough, Answer::parse(&bytes, false)?)));
            if let Some((_, answer)) = parsed.filter(|(enough, answer)| answer.body.len() >= *enough) {
                return answer;
            }
        }
        Answer::parse(&bytes, true).expect("no answer")
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("the answer does not come")
}

impl Answer {
    /// What has come; `None` while the head is not all there.
    fn parse(bytes: &[u8], is_over: bool) -> Option<Self> {
        let Head { first, headers, length } = Head::parse(bytes)?;
        let (rest, status) = (&bytes[length..], first.split(' ').nth(1).unwrap().parse().unwrap());
        let of = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let (body, is_whole) = match of("transfer-encoding") {
            Some(_) => dechunked(rest),
            None => (rest.to_vec(), of("content-length").is_some_and(|length| length == rest.len().to_string())),
        };
        Some(Self { status, headers, body: String::from_utf8_lossy(&body).into_owned(), is_whole, is_over })
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|wrong| panic!("{wrong}: {self:?}"))
    }
}

/// What stands before a body.
struct Head {
    first: String,
    /// Their names in small letters.
    headers: Vec<(String, String)>,
    length: usize,
}

impl Head {
    /// Reads the head of a message; `None` while it is not all there.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let text = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = text.split("\r\n");
        let first = lines.next()?.to_owned();
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Some(Self { first, headers, length: end + 4 })
    }
}

/// The body in the chunks, and whether the last one is there.
fn dechunked(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return (body, true);
        }
        let Some(chunk) = rest.get(end + 2..end + 2 + length) else { break };
        body.extend_from_slice(chunk);
        rest = rest.get(end + 2 + length + 2..).unwrap_or_default();
    }
    (body, false)
}

/// An application that is called back: it takes everything, and answers 204.
pub(super) struct Application {
    pub(super) url: String,
    letters: mpsc::UnboundedReceiver<Letter>,
}

/// A callback, as it came.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Application {
    pub(super) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/report?to=us", listener.local_addr().unwrap());
        let (sender, letters) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(take(stream, sender.clone()));
            }
        });
        Self { url, letters }
    }

    pub(super) async fn next(&mut self) -> Letter {
        tokio::time::timeout(PATIENCE, self.letters.recv()).await.expect("no callback came").unwrap()
    }

    /// What has come and was not looked at: the application answers after it has taken it.
    pub(super) fn waiting(&self) -> usize {
        self.letters.len()
    }
}

impl Letter {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

async fn take(mut stream: TcpStream, sender: mpsc::UnboundedSender<Letter>) {
    let mut bytes = Vec::new();
    while stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
        let Some(Head { first, headers, length }) = Head::parse(&bytes) else { continue };
        if let Some(echo) = first.strip_prefix("GET /report?to=us&zd_echo=") {
            // What Zadarma asks of a URL before it takes it.
            let echo = echo.trim_end_matches(" HTTP/1.1");
            let answer =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{echo}", echo.len());
            stream.write_all(answer.as_bytes()).await.ok();
            return;
        }
        let rest = &bytes[length..];
        let length = headers.iter().find(|(name, _)| name == "content-length").unwrap().1.parse().unwrap();
        if rest.len() < length {
            continue;
        }
        assert_eq!(first, "POST /report?to=us HTTP/1.1");
        let body = String::from_utf8(rest[..length].to_vec()).unwrap();
        sender.send(Letter { headers, body }).ok();
        stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await.ok();
        return;
    }
}
