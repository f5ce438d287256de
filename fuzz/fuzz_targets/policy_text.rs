//! Any text is a policy that loads, or has faults that stand in it.
#![no_main]

#[path = "../../tests/fuzz/mod.rs"]
#[expect(dead_code, reason = "each target has one of the entry points")]
mod targets;

libfuzzer_sys::fuzz_target!(|text: &str| {
    targets::policy::policy_text(text);
});
