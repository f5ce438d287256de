//! What is posted in the name of Zadarma counts with its signature and from its network only.
#![no_main]

#[path = "../../tests/fuzz/mod.rs"]
#[expect(dead_code, reason = "each target has one of the entry points")]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    targets::callback::callback_zadarma(bytes);
});
