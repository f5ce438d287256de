//! Pages in a real browser, headless Chromium, as people see them.
#![cfg(feature = "sandbox")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "a helper that fails is a test that fails"
)]

use std::time::Duration;

#[path = "browser/demo.rs"]
mod demo;
#[path = "browser/handsets.rs"]
mod handsets;
#[expect(dead_code, reason = "`tests/step_page_in_browser.rs` uses the rest")]
#[path = "browser/harness.rs"]
mod harness;
#[path = "browser/harness_finds.rs"]
mod harness_finds;
#[expect(dead_code, reason = "`tests/sandbox.rs` uses the rest")]
#[path = "sandbox/raw.rs"]
mod raw;
#[expect(dead_code, reason = "`tests/sandbox.rs` uses the rest")]
#[path = "sandbox/vendors.rs"]
mod vendors;

const NUMBER: &str = "+37126123456";

const PATIENCE: Duration = Duration::from_secs(20);
