//! Requests that are too big, too deep or too slow.

use http::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Report, TEXTS, policy};
use crate::stage::{PATIENCE, PHONE, Stage};

/// What is neither refused nor dropped, or keeps somebody else from being served, has succeeded.
pub(crate) async fn attack() -> Report {
    let (stage, mut report) = (Stage::new(&policy("", TEXTS)).await, Report::new("floods of bodies and headers"));
    let honest = json!({ "phone_number": PHONE, "action": "transfer" }).to_string();
    assert_eq!(post(&stage, "", &honest).await, "201", "what is small and whole is served");

    let padded = honest.replace('{', &format!("{{ \"padding\": \"{}\", ", "x".repeat(4 << 20)));
    let deep = honest.replace('{', &format!("{{ \"deep\": {}{}, ", "[".repeat(5_000), "]".repeat(5_000)));
    for body in [padded, deep, "[".repeat(5_000), "{\"a\":".repeat(2_000)] {
        count(&mut report, &post(&stage, "", &body).await);
    }
    let wide = format!("x-wide: {}\r\n", "x".repeat(1 << 20));
    let many: String = (0..5_000).map(|name| format!("x-{name}: x\r\n")).collect();
    for headers in [wide, many] {
        count(&mut report, &post(&stage, &headers, &honest).await);
    }
    slow_bodies(&stage, &mut report).await;
    report
}

/// While many bodies never end, somebody else is served.
async fn slow_bodies(stage: &Stage, report: &mut Report) {
    let mut slow = Vec::new();
    for _ in 0..100 {
        let mut stream = connect(stage).await;
        stream.write_all(format!("{}content-length: 9999\r\n\r\n{{", head()).as_bytes()).await.unwrap();
        slow.push(stream);
    }
    for person in 0..10 {
        let person = stage.person(&format!("person-{person}"));
        let looked = person.send(Method::GET, "/handset/.well-known/jwks.json", None);
        let served = tokio::time::timeout(PATIENCE, looked).await;
        report.count("others are served meanwhile", !served.is_ok_and(|answer| answer.status == 200));
    }
}

fn count(report: &mut Report, status: &str) {
    report.count(status, !(status.starts_with('4') || status == "closed"));
}

/// Sends by hand, and gives the status, or `closed` where the server hung up before it said one.
async fn post(stage: &Stage, headers: &str, body: &str) -> String {
    let mut stream = connect(stage).await;
    let request = format!("{}{headers}connection: close\r\ncontent-length: {}\r\n\r\n{body}", head(), body.len());
    let (mut reading, mut writing) = stream.split();
    let mut answer = Vec::new();
    let (_, ()) = tokio::join!(writing.write_all(request.as_bytes()), async {
        // A server that has refused may reset the connection after its answer.
        while let Ok(1..) = reading.read_buf(&mut answer).await {}
    });
    let answer = String::from_utf8_lossy(&answer);
    answer.split(' ').nth(1).unwrap_or("closed").to_owned()
}

fn head() -> &'static str {
    "POST /handset/checks HTTP/1.1\r\nhost: localhost\r\nx-user: mallory\r\ncontent-type: application/json\r\n"
}

async fn connect(stage: &Stage) -> TcpStream {
    TcpStream::connect(stage.url.strip_prefix("http://").unwrap()).await.unwrap()
}
