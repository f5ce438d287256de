//! No form or query gets a token without a code, or leads to a stranger.
#![no_main]

#[path = "../../tests/fuzz/mod.rs"]
#[expect(dead_code, reason = "each target has one of the entry points")]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    targets::oidc::oidc_form(bytes);
});
