//! Any request has an answer.
#![no_main]

#[path = "../../tests/fuzz/properties.rs"]
#[expect(dead_code, reason = "each target has one of the entry points")]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::policy_context(bytes));
