//! What a lifecycle costs on Redis: round trips, time, processor, memory. `docs/capacity.md` reckons with what this prints.
//!
//! It starts a `redis-server` of its own. Client and server share the processors, so on a machine with more of them both are faster.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot run ends, and prints what it finds"
)]

#[path = "../tests/common/redis.rs"]
#[expect(dead_code, reason = "tests use the rest")]
mod server;

use std::time::{Duration, Instant};

use futures_util::{
    future::{BoxFuture, FutureExt, ready},
    stream::{self, StreamExt},
};
use handset::{
    Action, Channel, Code, PhoneNumber, Result, Secret, Subject, Verifier,
    check::{Expected, ServerKey},
    limiter::RedisLimiter,
    proof::ProofKey,
    provider::{Handle, Order, Provider, Settle, Started},
    redis::{Redis, RedisConfig},
    store::RedisStore,
    verifier::{Answer, Caller, StartRequest},
};
use server::Server;

#[tokio::main]
async fn main() {
    let server = Server::start();
    let bench = Bench::new(&server).await;
    let few = cfg!(debug_assertions);
    let (alone, many, live) = if few { (20, 100, 100) } else { (5_000, 50_000, 50_000) };

    // The scripts are known to the server from here on, and the numbers of the handsets to the parser.
    bench.lifecycles(64, 0..64).await;

    let before = bench.calls();
    bench.lifecycles(1, 1000..1010).await;
    let trips = (bench.calls() - before) / 10;
    println!("round trips of a lifecycle, with limits on starts and answers: {trips}");

    println!(
        "one at a time: a PING, which is a round trip and nothing else, {}",
        percentiles(bench.pings(alone).await)
    );
    let (starts, answers) = bench.lifecycles(1, 10_000..10_000 + alone).await;
    println!("one at a time: start {}, answer {}", percentiles(starts), percentiles(answers));

    let (cpu, bytes, begun) = (bench.cpu(), bench.bytes(), Instant::now());
    let (starts, answers) = bench.lifecycles(64, 100_000..100_000 + many).await;
    let (cpu, took) = (bench.cpu() - cpu, begun.elapsed());
    let bytes = (bench.bytes() - bytes) / many;
    let each = |seconds: f64| format!("{:.0} µs", seconds * 1e6 / many as f64);
    println!("64 at a time: start {}, answer {}", percentiles(starts), percentiles(answers));
    println!(
        "64 at a time: {:.0} lifecycles a second, of which Redis computes {} each",
        many as f64 / took.as_secs_f64(),
        each(cpu)
    );

    println!("bytes of a lifecycle to Redis and back: {bytes}");

    bench.server.command(&["FLUSHALL"]);
    let memory = bench.memory();
    bench.starts(1_000_000..1_000_000 + live).await;
    let (open, keys) = ((bench.memory() - memory) / live, bench.keys() / live);
    println!("an open check: {open} bytes in {keys} keys, with its claim and its limits");
    for kind in ["check", "claim", "limit", "failures"] {
        println!("  of them one `{kind}`: {}", bench.usage(kind));
    }
}

struct Bench<'a> {
    server: &'a Server,
    verifier: Verifier,
}

impl<'a> Bench<'a> {
    async fn new(server: &'a Server) -> Self {
        let config = RedisConfig::single(&server.url()).unwrap().deadline(Duration::from_secs(5));
        let redis = Redis::connect(config).await.unwrap();
        let key = ServerKey::from_secret(&Secret::new("k".repeat(40))).unwrap();
        let builder = Verifier::builder().policy("policy.toml", POLICY).proof_key(ProofKey::random().unwrap());
        let builder = builder.provider(Fixed).store(RedisStore::new(&redis)).server_key(key);
        let verifier = builder.limiter(RedisLimiter::new(&redis)).build().unwrap();
        Self { server, verifier }
    }

    /// How long each start and each answer took.
    async fn lifecycles(&self, at_once: usize, people: std::ops::Range<usize>) -> (Vec<Duration>, Vec<Duration>) {
        let each = stream::iter(people).map(|n| self.lifecycle(n)).buffer_unordered(at_once);
        each.unzip().await
    }

    async fn lifecycle(&self, n: usize) -> (Duration, Duration) {
        let begun = Instant::now();
        let check = self.verifier.start(request(n)).await.unwrap();
        let (started, subject) = (begun.elapsed(), Subject::new(format!("user-{n}")).unwrap());
        let begun = Instant::now();
        let answer = self.verifier.answer(&subject, check.id, CODE, Caller::default()).await.unwrap();
        assert!(matches!(answer, Answer::Verified(_)), "{answer:?}");
        (started, begun.elapsed())
    }

    /// How long a command takes that does nothing.
    async fn pings(&self, count: usize) -> Vec<Duration> {
        let client = ::redis::Client::open(self.server.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut took = Vec::new();
        for _ in 0..count {
            let begun = Instant::now();
            let () = ::redis::cmd("PING").query_async(&mut connection).await.unwrap();
            took.push(begun.elapsed());
        }
        took
    }

    async fn starts(&self, people: std::ops::Range<usize>) {
        let starts = stream::iter(people).map(|n| self.verifier.start(request(n))).buffer_unordered(64);
        starts.for_each(|started| async move { drop(started.unwrap()) }).await;
    }

    /// How many scripts and commands were sent.
    fn calls(&self) -> usize {
        let stats = self.server.command(&["INFO", "commandstats"]);
        let of = |line: &str| line.strip_prefix("cmdstat_evalsha:calls=")?.split(',').next()?.parse().ok();
        stats.lines().find_map(of).unwrap_or_default()
    }

    /// How long Redis has computed, in seconds.
    fn cpu(&self) -> f64 {
        let info = self.server.command(&["INFO", "cpu"]);
        let of = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.parse::<f64>().ok()).unwrap();
        of("used_cpu_user:") + of("used_cpu_sys:")
    }

    /// How many bytes have gone in and out.
    fn bytes(&self) -> usize {
        let info = self.server.command(&["INFO", "stats"]);
        let of = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.parse::<usize>().ok()).unwrap();
        of("total_net_input_bytes:") + of("total_net_output_bytes:")
    }

    fn memory(&self) -> usize {
        let info = self.server.command(&["INFO", "memory"]);
        info.lines().find_map(|line| line.strip_prefix("used_memory:")?.parse().ok()).unwrap()
    }

    fn keys(&self) -> usize {
        self.server.command(&["DBSIZE"]).trim_start_matches(':').trim().parse().unwrap()
    }

    fn usage(&self, kind: &str) -> String {
        let found = self.server.command(&["SCAN", "0", "MATCH", &format!("handset:{kind}:*"), "COUNT", "10000"]);
        let Some(key) = found.lines().find(|line| line.starts_with("handset:")) else { return "none here".to_owned() };
        let usage = self.server.command(&["MEMORY", "USAGE", key]);
        format!("{} bytes", usage.trim_start_matches(':').trim())
    }
}

fn request(n: usize) -> StartRequest {
    let phone = PhoneNumber::parse(&format!("+3712{n:07}"), None).unwrap();
    StartRequest::new(Subject::new(format!("user-{n}")).unwrap(), phone, Action::new("transfer").unwrap())
}

fn percentiles(mut took: Vec<Duration>) -> String {
    took.sort_unstable();
    let at = |percent: usize| took.get(took.len() * percent / 100).copied().unwrap_or_default().as_micros();
    format!("p50 {} µs, p99 {} µs", at(50), at(99))
}

/// A provider whose messages all have one code.
#[derive(Debug)]
struct Fixed;

impl Provider for Fixed {
    fn name(&self) -> &'static str {
        "fixed"
    }

    fn channels(&self) -> &[Channel] {
        &[Channel::Sms]
    }

    fn start<'a>(&'a self, _: &'a Order) -> BoxFuture<'a, Result<Started>> {
        let expected = Expected::code(Code::new(CODE).unwrap());
        ready(Ok(Started::new(Handle::new("-"), Settle::LocalCode(expected)))).boxed()
    }
}

const CODE: &str = "123456";

const POLICY: &str = r#"
version = 1

[[route]]
name = "everybody"
try = ["fixed/sms"]
"#;
