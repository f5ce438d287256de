//! Any text is a policy that loads, or has faults that stand in it.
#![no_main]

#[path = "../../tests/fuzz/properties.rs"]
#[allow(dead_code)]
mod properties;

libfuzzer_sys::fuzz_target!(|text: &str| {
    properties::policy_text(text);
});
