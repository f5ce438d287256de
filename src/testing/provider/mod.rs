//! The suite that every provider passes.
//!
//! It stands between the provider and a server that behaves like the vendor, on real sockets: it lets requests through,
//! counts them, and answers in the vendor's place where it has to go wrong.
//!
//! ```text
//!  Provider --HTTP--> Wire --HTTP--> the vendor's emulator
//!                      |  ^            |
//!                spoils   +-callbacks--+
//! ```
//!
//! Whoever writes a provider implements [`Vendor`] in a test and runs the [`Suite`]: as one test with
//! [`Suite::assert_conforms`], or case by case in a harness that lists them. No case can be skipped: one that cannot apply
//! finds that out by itself, and passes only if [`Vendor::declared`] gives the reason; a declaration of a case that does
//! apply is a failure, and so are test data that are missing.
//!
//! `tests/suite_finds.rs` in the repository is the example to begin from: a provider as it is written outside of this crate,
//! the vendor's server, the [`Vendor`] that brings the two together, and a test of one line. It also shows what the suite finds:
//! forty things done wrong, each with the cases that fail for it.

mod answers;
mod callbacks;
mod care;
mod case;
mod faults;
mod hearing;
mod stage;
mod suite;
mod vendor;
mod wire;

pub use case::{Case, Failure, Outcome, cases};
pub use suite::Suite;
pub use vendor::{Ask, Callbacks, Covers, Declared, Evidence, Reading, Step, Vendor, Will};
pub use wire::{Seen, Wire};
