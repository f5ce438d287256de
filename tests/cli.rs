//! Runs the command `handset` itself, as people and their tests do.
#![cfg(all(feature = "cli", feature = "open-gateway", unix))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper that fails is a test that fails"
)]

#[path = "cli/command.rs"]
mod command;
#[path = "cli/journal.rs"]
mod journal;
#[path = "cli/sandbox.rs"]
mod sandbox;
#[path = "cli/tour.rs"]
mod tour;
#[path = "cli/usage.rs"]
mod usage;
