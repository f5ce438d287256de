//! The least of an HTTP/1.1 client that adds nothing and hides nothing.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A request that is on its way, on a connection of its own.
pub(super) struct Sent(TcpStream);

/// A response as it came: its status line, its headers in alphabetical order without those of the connection, its body.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

pub(super) async fn send(address: &str, request: &[u8]) -> Sent {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    Sent(stream)
}

/// One request without a body, with these headers; its status, and its body.
pub(super) async fn ask(address: &str, line: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let mut request = format!("{line} HTTP/1.1\r\nhost: example.org\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    let reply = send(address, format!("{request}\r\n").as_bytes()).await.reply().await;
    let status = reply.status.split(' ').nth(1).unwrap().parse().unwrap();
    (status, String::from_utf8(reply.body).unwrap())
}

/// One request with a JSON body.
pub(super) async fn post(address: &str, path: &str, user: &str, body: &str) -> (u16, serde_json::Value) {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nhost: example.org\r\nx-user: {user}\r\ncontent-length: {length}\r\n");
    let request = format!("{head}content-type: application/json\r\n\r\n{body}");
    let reply = send(address, request.as_bytes()).await.reply().await;
    let status = reply.status.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_slice(&reply.body).unwrap_or_default())
}

impl Sent {
    /// Reads to the end of the response, and no further: who has not read the whole request may reset the connection then.
    pub(super) async fn reply(mut self) -> Reply {
        let mut bytes = Vec::new();
        let head = loop {
            if let Some(end) = find(&bytes, b"\r\n\r\n") {
                break end;
            }
            assert_ne!(self.0.read_buf(&mut bytes).await.unwrap(), 0, "{}", String::from_utf8_lossy(&bytes));
        };
        let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
        let mut lines = text.split("\r\n");
        let status = lines.next().unwrap().to_owned();
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        let mut headers: Vec<_> = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        headers.sort();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length = length.map_or(0, |(_, length)| length.parse().unwrap());
        assert!(!headers.iter().any(|(name, _)| name == "transfer-encoding"), "{headers:?}");
        while bytes.len() < head + 4 + length {
            assert_ne!(self.0.read_buf(&mut bytes).await.unwrap(), 0, "the body broke off");
        }
        let body = bytes.split_off(head + 4);
        assert_eq!(body.len(), length, "more than the body");
        headers.retain(|(name, _)| !["connection", "date"].contains(&name.as_str()));
        Reply { status, headers, body }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
