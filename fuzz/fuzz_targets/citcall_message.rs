//! What Citcall answers reads the same whether it is wrapped or not.
#![no_main]

#[path = "../../tests/fuzz/mod.rs"]
#[expect(dead_code, reason = "each target has one of the entry points")]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    targets::citcall::citcall_message(bytes);
});
