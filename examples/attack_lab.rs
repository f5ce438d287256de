//! Attacks a running application over HTTP, and prints what came of it: the attackers are those of `tests/attacks.rs`.
//!
//! `cargo run --example attack_lab --all-features`. The exit code is 1 when an attack succeeds.
#![expect(clippy::print_stdout, reason = "an example that talks")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "an attacker whose instrument does not work ends the lab"
)]

#[path = "../tests/attacks/mod.rs"]
mod attacks;
#[expect(dead_code, reason = "tests use the rest")]
#[path = "../tests/common/stage.rs"]
mod stage;
#[expect(dead_code, reason = "tests use the rest")]
#[path = "../tests/common/vendors.rs"]
mod vendors;

use std::{env, process::ExitCode};

use attacks::{
    Report, burner, callback_forger, enumerator, flooder, guesser, open_redirect, proof_thief, session_swapper, walker,
};

#[tokio::main]
async fn main() -> ExitCode {
    // `--once` is taken as every example takes it: the lab always ends by itself.
    if let Some(word) = env::args().skip(1).find(|word| word != "--once") {
        println!("usage: attack_lab [--once]\n\nRuns every attacker; the exit code is 1 when one of them succeeds.");
        return ExitCode::from(if word == "--help" { 0 } else { 2 });
    }
    println!("{:<40}{:>9}{:>11}  stopped by", "attack", "attempts", "successes");
    let mut successes = 0;
    successes += show(&guesser::new_checks().await);
    successes += show(&guesser::many_subjects().await);
    successes += show(&guesser::many_addresses().await);
    successes += show(&guesser::resends_and_next().await);
    successes += show(&walker::numbers().await);
    successes += show(&walker::addresses_of_one_network().await);
    successes += show(&walker::many_networks().await);
    successes += show(&walker::forwarded_for().await);
    successes += show(&burner::attack().await);
    successes += show(&session_swapper::attack().await);
    successes += show(&callback_forger::zadarma().await);
    successes += show(&callback_forger::made_up_urls().await);
    successes += show(&enumerator::attack().await);
    successes += show(&proof_thief::attack().await);
    successes += show(&open_redirect::attack().await);
    successes += show(&flooder::attack().await);
    ExitCode::from(u8::from(successes > 0))
}

/// Prints a line of the table, and gives the number of successes.
fn show(report: &Report) -> usize {
    let Report { name, attempts, successes, stopped_by } = report;
    let defences: Vec<_> = stopped_by.iter().map(|(defence, times)| format!("{defence} ({times})")).collect();
    println!("{name:<40}{attempts:>9}{successes:>11}  {}", defences.join(", "));
    *successes
}
