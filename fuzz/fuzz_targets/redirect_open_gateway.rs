//! No browser ends a check but its own, with the operator's code.
#![no_main]

#[path = "../../tests/fuzz/mod.rs"]
#[expect(dead_code, reason = "each target has one of the entry points")]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    targets::redirect::redirect_open_gateway(bytes);
});
