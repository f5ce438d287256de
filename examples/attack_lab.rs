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
#[path = "../tests/common/stage.rs"]
mod stage;
#[expect(dead_code, reason = "tests use the rest")]
#[path = "../tests/common/vendors.rs"]
mod vendors;

use std::{env, process::ExitCode};

use attacks::{
    Report, burner, callback_forger, citcall_forger, enumerator, flooder, guesser, idlayr_forger, open_redirect,
    proof_thief, return_forger, session_swapper, ssrf, vendor_text, walker,
};

#[tokio::main]
async fn main() -> ExitCode {
    // `--once` is taken as every example takes it: the lab always ends by itself.
    if let Some(word) = env::args().skip(1).find(|word| word != "--once") {
        println!(
            "usage: attack_lab [--once]\n\nRuns every attacker; the exit code is 1 when one of them succeeds or tries nothing."
        );
        return ExitCode::from(if word == "--help" { 0 } else { 2 });
    }
    println!("{:<46}{:>9}{:>11}  stopped by", "attack", "attempts", "successes");
    let mut lost = 0;
    lost += show(&guesser::new_checks().await);
    lost += show(&guesser::many_connections().await);
    lost += show(&guesser::many_subjects().await);
    lost += show(&guesser::many_addresses().await);
    lost += show(&guesser::resends_and_next().await);
    lost += show(&walker::numbers().await);
    lost += show(&walker::addresses_of_one_network().await);
    lost += show(&walker::many_networks().await);
    lost += show(&walker::forwarded_for().await);
    lost += show(&walker::before_the_proxy().await);
    lost += show(&walker::one_network_before_the_proxy().await);
    lost += show(&burner::attack().await);
    lost += show(&session_swapper::attack().await);
    lost += show(&callback_forger::zadarma().await);
    lost += show(&callback_forger::made_up_urls().await);
    lost += show(&idlayr_forger::callbacks().await);
    lost += show(&citcall_forger::strangers().await);
    lost += show(&citcall_forger::insiders().await);
    lost += show(&return_forger::idlayr().await);
    lost += show(&ssrf::redirects().await);
    lost += show(&ssrf::names().await);
    lost += show(&ssrf::links().await);
    lost += show(&vendor_text::attack().await);
    #[cfg(feature = "open-gateway")]
    {
        lost += show(&return_forger::open_gateway().await);
        lost += show(&attacks::ssrf_endpoints::attack().await);
    }
    lost += show(&enumerator::attack().await);
    lost += show(&enumerator::with_a_clock().await);
    lost += show(&proof_thief::attack().await);
    lost += show(&open_redirect::attack().await);
    lost += show(&flooder::attack().await);
    lost += show(&flooder::trickles().await);
    ExitCode::from(u8::from(lost > 0))
}

/// Prints a line of the table, and says whether the defences lost: to an attack that succeeded, or that never got to its point.
fn show(report: &Report) -> usize {
    let Report { name, attempts, successes, stopped_by, .. } = report;
    let defences: Vec<_> = stopped_by.iter().map(|(defence, times)| format!("{defence} ({times})")).collect();
    println!("{name:<46}{attempts:>9}{successes:>11}  {}", defences.join(", "));
    usize::from(!report.is_stopped())
}
