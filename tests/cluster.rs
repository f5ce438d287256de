//! Many processes on one Redis: whatever ends, hangs or moves, no check is verified twice, no budget is overdrawn, no proof is lost that
//! was given, and what is refused is refused as documented.
#![cfg(all(feature = "cli", feature = "testing", unix))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, its helpers too"
)]

#[path = "cluster/client.rs"]
mod client;
#[path = "cluster/nodes.rs"]
mod nodes;
#[path = "common/redis.rs"]
mod redis;
#[path = "common/served.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod served;
#[path = "cluster/topologies.rs"]
mod topologies;

use std::{
    collections::HashSet,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::stream::{self, StreamExt};

use client::{Ends, Person};
use nodes::Nodes;

#[tokio::test(flavor = "multi_thread")]
async fn h2_three_processes_keep_every_promise_while_processes_and_redis_come_and_go() {
    let redis = redis::Server::with(&["--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
    let nodes = Arc::new(Nodes::start(redis).await);
    let done = Arc::new(AtomicUsize::new(0));
    let faults = tokio::spawn(faults(Arc::clone(&nodes), Arc::clone(&done)));
    let people = stream::iter(0..LIFECYCLES).map(|n| {
        let (nodes, done) = (Arc::clone(&nodes), Arc::clone(&done));
        async move {
            let ends = Person::new(n, &nodes.http).goes_through(&nodes).await;
            done.fetch_add(1, Ordering::Relaxed);
            ends
        }
    });
    let ended: Vec<Ends> = people.buffer_unordered(AT_ONCE).collect().await;
    faults.await.unwrap();

    // Each check was verified once, and each proof is a proof of its own.
    assert_eq!(ended.len(), LIFECYCLES);
    let proofs: HashSet<&str> = ended.iter().filter_map(|ends| ends.proof_id.as_deref()).collect();
    let verified = ended.iter().filter(|ends| ends.proof_id.is_some()).count();
    assert_eq!(proofs.len(), verified, "two checks have one proof");
    let given: usize = ended.iter().map(|ends| ends.proofs_given).sum();
    assert_eq!(given, verified, "a check has given two proofs");
    // What is not verified is what broke off between the answer and its arrival: one that was cut off with the answer on its way.
    let cut_off = ended.iter().filter(|ends| ends.proof_id.is_none()).count();
    assert!(
        ended.iter().all(|ends| ends.proof_id.is_some() || ends.broken > 0),
        "a lifecycle that nothing broke has no proof"
    );
    assert!(cut_off * 20 < LIFECYCLES, "{cut_off} of {LIFECYCLES} were cut off");
    let broken: usize = ended.iter().map(|ends| ends.broken).sum();
    assert!(broken > 0, "the faults were not felt: nothing was tried");
    eprintln!("{LIFECYCLES} lifecycles, {verified} verified, {broken} requests refused or cut off");
}

/// Ends a process, starts another one, ends and starts Redis, and has it hang.
async fn faults(nodes: Arc<Nodes>, done: Arc<AtomicUsize>) {
    let reached = async |share: usize| {
        while done.load(Ordering::Relaxed) * 10 < LIFECYCLES * share {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    reached(2).await;
    nodes.kill(1);
    reached(3).await;
    nodes.revive(1).await;
    reached(5).await;
    nodes.redis.lock().unwrap().kill();
    nodes.redis.lock().unwrap().restart();
    reached(7).await;
    let pid = nodes.redis.lock().unwrap().pid();
    signal(pid, "-STOP");
    // It hangs for this long: this is the fault, and nothing waits for it.
    tokio::time::sleep(Duration::from_secs(5)).await;
    signal(pid, "-CONT");
}

#[tokio::test(flavor = "multi_thread")]
async fn b1_who_guesses_at_all_processes_at_once_has_one_budget() {
    let nodes = Nodes::start(redis::Server::start()).await;
    for n in 0..5 {
        let compared = Person::new(n, &nodes.http).guesses(&nodes).await;
        // The budget of a policy that says nothing: ten an hour.
        assert_eq!(compared, 10, "so many wrong answers of one subject were compared");
    }
}

fn signal(pid: u32, signal: &str) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

const LIFECYCLES: usize = 10_000;
const AT_ONCE: usize = 48;
