//! The application of a stage once more, set up in another way; and HTTP by hand, for what no client sends.

use axum::Router;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Serves an application, and gives its URL.
pub(crate) async fn serve(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// A connection of one's own.
pub(crate) async fn connect(url: &str) -> TcpStream {
    TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap()
}

/// The beginning of what Mallory posts.
pub(crate) fn head(path: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: localhost\r\nx-user: mallory\r\ncontent-type: application/json\r\n")
}

/// Sends a request, and gives the status, or `closed` where the server hung up before it said one.
pub(crate) async fn post(url: &str, path: &str, headers: &str, body: &str) -> String {
    let mut stream = connect(url).await;
    let request = format!("{}{headers}connection: close\r\ncontent-length: {}\r\n\r\n{body}", head(path), body.len());
    let (mut reading, mut writing) = stream.split();
    let mut answer = Vec::new();
    let (_, ()) = tokio::join!(writing.write_all(request.as_bytes()), async {
        // A server that has refused may reset the connection after its answer.
        while let Ok(1..) = reading.read_buf(&mut answer).await {}
    });
    status(&answer)
}

/// The status of what a server has sent.
pub(crate) fn status(answer: &[u8]) -> String {
    String::from_utf8_lossy(answer).split(' ').nth(1).unwrap_or("closed").to_owned()
}
