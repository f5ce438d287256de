//! What tests of applications and of providers need: a clock to move, a provider whose messages can be read, and the
//! [suite](provider) that every provider passes.

mod code_book;
pub mod provider;

pub use crate::clock::ManualClock;
pub use code_book::{CodeBook, Message};
