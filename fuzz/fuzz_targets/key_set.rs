//! No key set lets a message count but one with the key that signed it.
#![no_main]

#[path = "../../tests/fuzz/mod.rs"]
#[expect(dead_code, reason = "each target has one of the entry points")]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    targets::signature::key_set(bytes);
});
