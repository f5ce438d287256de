//! Any text is a policy that loads, or has faults that stand in it.
#![no_main]

#[path = "../../tests/fuzz/properties.rs"]
#[expect(dead_code, reason = "each target has one of the entry points")]
mod properties;

libfuzzer_sys::fuzz_target!(|text: &str| {
    properties::policy_text(text);
});
