//! `handset serve` on a Redis: its settings, and how it starts without one.
#![cfg(all(feature = "cli", unix))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails is a test that fails"
)]

#[path = "common/redis.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod redis;
#[path = "common/served.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod served;

use handset::sandbox::Sandbox;

use served::{Folder, client, faults, settings, step, step_across, text};

const KEY: &str = "server_key = { file = \"server-key\" }";

fn folder(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder.put_secret("server-key", "0123456789abcdef0123456789abcdef");
    folder
}

#[tokio::test]
async fn it_starts_without_its_redis_says_so_and_is_ready_when_that_is_there() {
    let (folder, sandbox, mut redis) = (folder("redis-late"), Sandbox::start().await.unwrap(), redis::Server::start());
    redis.kill();
    let served =
        folder.serve(&sandbox, KEY, &format!("[subject]\nheader = \"x-user\"\n[redis]\nurl = \"{}\"", redis.url()));
    served.wait_for_log("starting without Redis");
    let ready = async || client().get(format!("{}/readyz", served.url)).send().await.unwrap().status();
    assert_eq!(
        (ready().await, client().get(format!("{}/healthz", served.url)).send().await.unwrap().status()),
        (reqwest::StatusCode::SERVICE_UNAVAILABLE, reqwest::StatusCode::OK,)
    );
    redis.restart();
    while ready().await != reqwest::StatusCode::OK {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(!step(&sandbox, &served.url, |request| request.header("x-user", "ada")).await.is_empty());
    assert!(redis.command(&["DBSIZE"]).trim_start_matches(':').trim().parse::<u32>().unwrap() > 3);
}

#[tokio::test]
async fn what_one_of_two_processes_starts_the_other_one_ends() {
    let (sandbox, redis) = (Sandbox::start().await.unwrap(), redis::Server::start());
    let (one, other) = (folder("redis-one"), folder("redis-other"));
    // One has the URL among its settings, the other one as a secret.
    other.put_secret("redis-url", &redis.url());
    let subject = "[subject]\nheader = \"x-user\"\n[redis]\n";
    let one = one.serve(&sandbox, KEY, &format!("{subject}url = \"{}\"", redis.url()));
    let other = other.serve(&sandbox, KEY, &format!("{subject}url = {{ file = \"redis-url\" }}"));
    let urls = [one.url.as_str(), other.url.as_str()];
    assert!(!step_across(&sandbox, urls, |request| request.header("x-user", "ada")).await.is_empty());
}

#[tokio::test]
async fn b4_it_does_not_start_on_a_redis_that_evicts() {
    let evicting = ["--save", "", "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"];
    let (folder, sandbox, redis) =
        (folder("redis-evicts"), Sandbox::start().await.unwrap(), redis::Server::with(&evicting));
    folder.put("handset.toml", &settings(&sandbox, KEY, &format!("[redis]\nurl = \"{}\"", redis.url())));
    let mut command = folder.command(&["serve", "--config", "handset.toml"]);
    let output = command.env("NUMCHECK_TOKEN", sandbox.numcheck_token().expose()).output().unwrap();
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("set `maxmemory-policy noeviction`"), "{}", text(&output.stderr));
}

const GOOD: &str = r#"policy = "policy.toml"
server_key = { file = "server-key" }

[proof]
key = { algorithm = "hs256", secret = { env = "PROOF_SECRET" } }

[redis]
url = "redis://127.0.0.1:6379"
"#;

#[test]
fn what_is_wrong_with_the_section_has_its_line_and_key_and_says_what_to_write() {
    let folder = folder("redis-faults");
    folder.put("policy.toml", "version = 1\n[[route]]\nname = \"nobody\"\ndeny = \"closed\"\n");
    folder.put_secret("bad-url", "http://me:hunter2@127.0.0.1");
    let swap = |from: &str, to: &str| {
        assert!(GOOD.contains(from), "{from}");
        GOOD.replace(from, to)
    };
    let end = |line: &str| format!("{GOOD}{line}\n");
    let url = "url = \"redis://127.0.0.1:6379\"";
    let files = [
        GOOD.to_owned(),
        swap("server_key = { file = \"server-key\" }\n", ""),
        swap(url, ""),
        swap(url, "url = \"127.0.0.1:6379\""),
        swap(url, "url = \"redis://:hunter2@127.0.0.1\""),
        swap(url, "url = 6379"),
        swap(url, "url = { file = \"bad-url\" }"),
        swap(url, "url = { env = \"NO_SUCH_URL\" }"),
        swap(url, "url = { file = \"bad-url\" }\npassword = { file = \"server-key\" }"),
        swap(url, "cluster = []"),
        swap(url, "cluster = [\"redis://127.0.0.1:6379\", \"127.0.0.1\"]"),
        swap(url, "sentinel = { name = \"main\", urls = [] }"),
        swap(url, "sentinel = { urls = [\"redis://127.0.0.1:26379\"] }"),
        end("cluster = [\"redis://127.0.0.1:6379\"]"),
        end("user = \"handset\""),
        end("password = \"hunter2\""),
        end("deadline = 250"),
        end("ca = \"absent.pem\""),
        end("retries = 3"),
    ];
    insta::assert_snapshot!(faults(&folder, GOOD, files));
}
