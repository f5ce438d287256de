//! Requests that are too big, too deep or too slow.
//!
//! Heads are the server's: how large they may be, how many headers they may have, and how long they may take. What is tried
//! here of them is refused by hyper; a server without a time-out for heads waits for slow ones.

use std::time::Duration;

use axum::{Router, middleware::map_request};
use handset::Endpoints;
use http::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{sleep, timeout},
};

use super::{
    Report, TEXTS, policy,
    site::{connect, head, post, serve, status},
};
use crate::stage::{PATIENCE, PHONE, Stage, authenticate};

/// What is neither refused nor dropped, or keeps somebody else from being served, has succeeded.
pub(crate) async fn attack() -> Report {
    let (stage, mut report) = (Stage::new(&policy("", TEXTS)).await, Report::new("floods of bodies and headers"));
    let honest = json!({ "phone_number": PHONE, "action": "transfer" }).to_string();
    assert_eq!(post(&stage.url, START, "", &honest).await, "201", "what is small and whole is served");

    let padded = honest.replace('{', &format!("{{ \"padding\": \"{}\", ", "x".repeat(4 << 20)));
    let deep = honest.replace('{', &format!("{{ \"deep\": {}{}, ", "[".repeat(5_000), "]".repeat(5_000)));
    for (body, expected) in
        [(padded.clone(), "413"), (deep, "400"), ("[".repeat(5_000), "400"), ("{\"a\":".repeat(2_000), "400")]
    {
        let told = post(&stage.url, START, "", &body).await;
        report.count(&told, told != expected);
    }
    for body in [padded, "[".repeat(4 << 20)] {
        let told = post(&stage.url, "/handset/callback/numcheck/AAAA", "", &body).await;
        report.count(&told, told != "413");
    }
    let wide = format!("x-wide: {}\r\n", "x".repeat(1 << 20));
    let many: String = (0..5_000).map(|name| format!("x-{name}: x\r\n")).collect();
    for headers in [wide, many] {
        let told = post(&stage.url, START, &headers, &honest).await;
        report.count(&told, !["431", "closed"].contains(&&*told));
    }
    endless_bodies(&stage, &mut report).await;
    report
}

/// While many bodies never end, somebody else is served.
async fn endless_bodies(stage: &Stage, report: &mut Report) {
    let mut slow = Vec::new();
    for _ in 0..100 {
        let mut stream = connect(&stage.url).await;
        stream.write_all(format!("{}content-length: 9999\r\n\r\n{{", head(START)).as_bytes()).await.unwrap();
        slow.push(stream);
    }
    for person in 0..10 {
        let person = stage.person(&format!("person-{person}"));
        let looked = person.send(Method::GET, "/handset/.well-known/jwks.json", None);
        let served = timeout(PATIENCE, looked).await;
        report.count("others are served meanwhile", !served.is_ok_and(|answer| answer.status == 200));
    }
}

/// Bodies of which a byte comes now and then are given up, and so are their connections.
pub(crate) async fn trickles() -> Report {
    let (stage, mut report) = (Stage::new(&policy("", TEXTS)).await, Report::new("bodies that trickle"));
    let endpoints = Endpoints::new(&stage.verifier).body_time_out(Duration::from_millis(300));
    let app = Router::new().nest_service("/handset", endpoints).layer(map_request(async |ask| authenticate(ask)));
    let url = serve(app).await;
    for path in [START, "/handset/checks/AAAAAAAAAAAAAAAAAAAAAA/code", "/handset/callback/numcheck/AAAA"] {
        let told = timeout(PATIENCE, trickle(&url, path)).await.unwrap_or_else(|_| "still open".to_owned());
        report.count(&told, told != "408");
    }
    report
}

/// Sends a byte after the other, for as long as the server takes them. Gives the status once the server has hung up.
async fn trickle(url: &str, path: &str) -> String {
    let (mut reading, mut writing) = connect(url).await.into_split();
    writing.write_all(format!("{}content-length: 9999\r\n\r\n", head(path)).as_bytes()).await.unwrap();
    let trickling = tokio::spawn(async move {
        while writing.write_all(b" ").await.is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
    });
    let mut answer = Vec::new();
    while let Ok(1..) = reading.read_buf(&mut answer).await {}
    trickling.abort();
    status(&answer)
}

const START: &str = "/handset/checks";
