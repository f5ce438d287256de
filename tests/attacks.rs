//! The attack lab: no attacker gets anything, and each is stopped by the defence that is meant for it.
#![cfg(all(feature = "sandbox", feature = "testing", feature = "client"))]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper that fails is a test that fails"
)]

#[path = "attacks/mod.rs"]
mod attacks;
#[path = "common/stage.rs"]
mod stage;
#[expect(dead_code, reason = "other tests use the rest")]
#[path = "common/vendors.rs"]
mod vendors;

use attacks::{
    Report, burner, callback_forger, citcall_forger, enumerator, flooder, guesser, idlayr_forger, open_redirect,
    proof_thief, return_forger, session_swapper, ssrf, vendor_text, walker,
};

#[track_caller]
fn stopped(report: &Report, by: &str) {
    let Report { name, attempts, decisive, successes, stopped_by } = report;
    assert!(
        report.is_stopped(),
        "{name}: {successes} of {attempts} succeeded, {decisive} were decisive; the others: {stopped_by:?}"
    );
    assert!(stopped_by.keys().any(|defence| defence.contains(by)), "{name}: not by `{by}` but {stopped_by:?}");
}

#[tokio::test]
async fn a9_guesses_at_once_in_one_check_after_another_find_nothing() {
    stopped(&guesser::new_checks().await, "429");
}

#[tokio::test(flavor = "multi_thread")]
async fn a9_guesses_through_many_connections_at_once_find_nothing() {
    stopped(&guesser::many_connections().await, "410");
}

#[tokio::test]
async fn a9_guesses_of_many_subjects_find_nothing() {
    stopped(&guesser::many_subjects().await, "429");
}

#[tokio::test]
async fn b1_guesses_from_many_addresses_find_nothing() {
    stopped(&guesser::many_addresses().await, "429");
}

#[tokio::test]
async fn b1_guesses_after_resends_and_through_next_find_nothing() {
    stopped(&guesser::resends_and_next().await, "410");
}

#[tokio::test]
async fn a10_whoever_burns_and_locks_takes_nothing_from_the_owner() {
    stopped(&burner::attack().await, "410 check-ended");
}

#[tokio::test]
async fn b5_walking_through_numbers_and_addresses_ends_at_a_limit() {
    stopped(&walker::numbers().await, "429");
    stopped(&walker::addresses_of_one_network().await, "429");
    stopped(&walker::many_networks().await, "429");
    stopped(&walker::forwarded_for().await, "429");
    stopped(&walker::before_the_proxy().await, "429");
    stopped(&walker::one_network_before_the_proxy().await, "429");
}

#[tokio::test]
async fn d1_an_enumerator_sees_one_answer() {
    stopped(&enumerator::attack().await, "the same 410 check-ended");
}

#[tokio::test]
async fn d1_an_enumerator_with_a_clock_sees_one_answer() {
    stopped(&enumerator::with_a_clock().await, "in the same time");
}

#[tokio::test]
async fn a_stolen_proof_is_good_for_nothing_else() {
    stopped(&proof_thief::attack().await, "401 step-up-required");
}

#[tokio::test]
async fn f1_the_victims_phone_finishes_no_check_of_another() {
    stopped(&session_swapper::attack().await, "410 check-ended");
}

#[tokio::test]
async fn e1_forged_callbacks_and_e2_repeated_ones_verify_nothing() {
    stopped(&callback_forger::zadarma().await, "wrong signature");
    stopped(&callback_forger::made_up_urls().await, "404");
    stopped(&idlayr_forger::callbacks().await, "wrong signature");
    stopped(&citcall_forger::strangers().await, "404");
    stopped(&citcall_forger::insiders().await, "a report decides nothing");
}

#[tokio::test]
async fn e1_forged_and_e2_repeated_returns_of_a_device_verify_nothing() {
    stopped(&return_forger::idlayr().await, "pending");
    #[cfg(feature = "open-gateway")]
    stopped(&return_forger::open_gateway().await, "pending");
}

#[tokio::test]
async fn f5_nothing_inside_is_fetched_because_a_vendor_points_at_it() {
    stopped(&ssrf::redirects().await, "503 when a start is redirected");
    stopped(&ssrf::names().await, "200 pending");
    stopped(&ssrf::links().await, "200 pending");
    #[cfg(feature = "open-gateway")]
    stopped(&attacks::ssrf_endpoints::attack().await, "token_endpoint not asked");
}

#[tokio::test]
async fn d3_no_text_of_a_vendor_splits_a_header_or_forges_a_line_of_the_log() {
    stopped(&vendor_text::attack().await, "at the start");
}

#[tokio::test]
async fn e6_what_is_too_big_too_deep_or_too_slow_is_refused_and_starves_nobody() {
    stopped(&flooder::attack().await, "413");
    stopped(&flooder::trickles().await, "408");
}

#[tokio::test]
async fn a_device_that_comes_back_is_led_to_no_page_of_another() {
    stopped(&open_redirect::attack().await, "303");
}
