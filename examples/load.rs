//! Loads a deployment with whole lifecycles over HTTP: a check is started, the phone rings, its digits are handed in, a proof comes
//! back. Says how many a second there were, how long they took, and what went wrong.
//!
//! `cargo run --release --example load --features axum,cli` loads a server of its own on loopback. For another one, start it in
//! front of `handset sandbox` and name both: `-- --url http://127.0.0.1:8080/handset --sandbox http://127.0.0.1:7070`.
#![expect(clippy::print_stdout, reason = "an example that talks")]

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Parser;
use futures_util::future::join_all;
use handset::{
    Verifier,
    adapter::axum::routes,
    proof::ProofKey,
    provider::{http::HttpClient, numcheck},
    sandbox::Sandbox,
};
use reqwest::{
    Client, Response, StatusCode,
    header::{COOKIE, SET_COOKIE},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::BoxError;

/// Loads a deployment with whole lifecycles over HTTP
#[derive(Clone, Debug, Parser)]
#[command(name = "load")]
struct Arguments {
    /// Where the endpoints are mounted; without it, a server of its own is loaded
    #[arg(long, requires = "sandbox")]
    url: Option<String>,
    /// The sandbox that the deployment takes for its vendor
    #[arg(long, requires = "url")]
    sandbox: Option<String>,
    /// How many lifecycles at most
    #[arg(long, default_value_t = 20_000)]
    count: u64,
    /// How many seconds at most; who is under way then goes on to the end
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// How many persons act at the same time
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    persons: u64,
    /// Fifty lifecycles, and an error unless all of them end with a proof
    #[arg(long)]
    once: bool,
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let mut arguments = Arguments::parse();
    if arguments.once {
        arguments.count = 50;
    }
    let own = if arguments.url.is_none() { Some(Own::start().await?) } else { None };
    let (url, sandbox) = match &own {
        Some(own) => (own.url.clone(), own.sandbox.url()),
        None => (arguments.url.clone().unwrap_or_default(), arguments.sandbox.clone().unwrap_or_default()),
    };
    let site = Arc::new(Site {
        client: Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?,
        url: url.trim_end_matches('/').to_owned(),
        sandbox: sandbox.trim_end_matches('/').to_owned(),
        next: AtomicU64::new(0),
    });
    let begin = Instant::now();
    let persons = (0..arguments.persons).map(|_| tokio::spawn(site.clone().serve(arguments.clone(), begin)));
    let mut found = Found::default();
    for person in join_all(persons).await {
        found.add(person?);
    }
    found.print(begin.elapsed());
    match found.errors.is_empty() || !arguments.once {
        true => Ok(()),
        false => Err("some lifecycles ended without a proof".into()),
    }
}

/// A server and its vendor, in this process.
struct Own {
    url: String,
    sandbox: Sandbox,
}

impl Own {
    async fn start() -> Result<Self, BoxError> {
        let sandbox = Sandbox::start().await?;
        let account = numcheck::Config::new(sandbox.numcheck_token().clone()).with_base_url(sandbox.numcheck_url());
        let verifier = Verifier::builder()
            .policy("policy.toml", POLICY)
            .proof_key(ProofKey::random()?)
            .provider(numcheck::NumCheck::new(account, HttpClient::danger_with_private_addresses()?)?)
            .build()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}{}", listener.local_addr()?, verifier.mount());
        let app = routes::<()>(&verifier);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { url, sandbox })
    }
}

/// What is loaded.
struct Site {
    client: Client,
    url: String,
    sandbox: String,
    /// The person who comes next.
    next: AtomicU64,
}

impl Site {
    /// One person after the other, until there were enough or the time is over.
    async fn serve(self: Arc<Self>, arguments: Arguments, begin: Instant) -> Found {
        let mut found = Found::default();
        while begin.elapsed() < Duration::from_secs(arguments.seconds) {
            let person = self.next.fetch_add(1, Ordering::Relaxed);
            if person >= arguments.count {
                break;
            }
            match self.lifecycle(person).await {
                Ok([start, answer]) => {
                    found.starts.push(start);
                    found.answers.push(answer);
                }
                Err(why) => *found.errors.entry(why).or_default() += 1,
            }
        }
        found
    }

    /// How long the start and the answer of a new visitor took, or what came in their place.
    async fn lifecycle(&self, person: u64) -> Result<[Duration; 2], String> {
        let phone = format!("+3712{:07}", person % 10_000_000);
        let begin = Instant::now();
        let start = json!({ "phone_number": phone, "action": "sign_in" });
        let started = self.client.post(format!("{}/checks", self.url)).json(&start).send().await;
        let started = expect(started, StatusCode::CREATED).await?;
        let start = begin.elapsed();
        let cookie = started.headers().get(SET_COOKIE).cloned().ok_or("no cookie for a visitor")?;
        let check: Value = started.json().await.map_err(|error| error.to_string())?;
        let id = check.get("check_id").and_then(Value::as_str).ok_or("no check in the answer")?;

        let code = self.code(&phone).await?;
        let begin = Instant::now();
        let answer = self.client.post(format!("{}/checks/{id}/code", self.url)).json(&json!({ "code": code }));
        let answered = expect(answer.header(COOKIE, first_pair(&cookie)).send().await, StatusCode::OK).await?;
        let answer = begin.elapsed();
        let body: Value = answered.json().await.map_err(|error| error.to_string())?;
        body.get("proof").map(|_| [start, answer]).ok_or_else(|| "no proof in the answer".to_owned())
    }

    /// The last digits of the number that called last.
    async fn code(&self, phone: &str) -> Result<String, String> {
        let events = self.client.get(format!("{}/handsets/{phone}/events", self.sandbox)).send().await;
        let events: Value = expect(events, StatusCode::OK).await?.json().await.map_err(|error| error.to_string())?;
        let call = events.as_array().into_iter().flatten().rev().find_map(|event| event.get("from")?.as_str());
        let from = call.ok_or("the phone did not ring")?;
        from.get(from.len().saturating_sub(4)..).map(str::to_owned).ok_or_else(|| "an odd number called".to_owned())
    }
}

/// The answer, if it has this status; else what it says of itself.
async fn expect(answer: reqwest::Result<Response>, status: StatusCode) -> Result<Response, String> {
    let answer = answer.map_err(|error| error.without_url().to_string())?;
    if answer.status() == status {
        return Ok(answer);
    }
    let got = answer.status();
    let problem: Value = answer.json().await.unwrap_or_default();
    Err(format!("{got} {}", problem.get("type").and_then(Value::as_str).unwrap_or_default()))
}

/// `name=value` of a cookie, without its attributes.
fn first_pair(cookie: &reqwest::header::HeaderValue) -> String {
    cookie.to_str().unwrap_or_default().split(';').next().unwrap_or_default().to_owned()
}

/// What came of the lifecycles.
#[derive(Debug, Default)]
struct Found {
    starts: Vec<Duration>,
    answers: Vec<Duration>,
    errors: BTreeMap<String, u64>,
}

impl Found {
    fn add(&mut self, other: Self) {
        self.starts.extend(other.starts);
        self.answers.extend(other.answers);
        for (why, times) in other.errors {
            *self.errors.entry(why).or_default() += times;
        }
    }

    fn print(&mut self, took: Duration) {
        let count = self.answers.len();
        println!(
            "{count} lifecycles in {:.1} s: {:.0} a second",
            took.as_secs_f64(),
            count as f64 / took.as_secs_f64()
        );
        for (name, times) in [("start", &mut self.starts), ("answer", &mut self.answers)] {
            times.sort_unstable();
            let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or_default();
            let [p50, p95, p99] = [0.50, 0.95, 0.99].map(|share| at(share).as_secs_f64() * 1000.0);
            println!("{name:>6}: p50 {p50:.2} ms, p95 {p95:.2} ms, p99 {p99:.2} ms");
        }
        println!("errors: {}", self.errors.values().sum::<u64>());
        self.errors.iter().for_each(|(why, times)| println!("{times:>8} x {why}"));
    }
}

/// Everybody comes from one address, so nothing is limited by it.
const POLICY: &str = r#"
version = 1
[[limit]]
name = "messages per number"
on = "start"
key = ["phone"]
quota = "100/1h"
[[route]]
name = "everyone"
try = ["numcheck/flash_call"]
"#;
