//! What holds of every input: the entry points of both the fuzzer in `fuzz/` and the test that runs in its stead.
//!
//! A target returns whether its input was taken: what is taken is worth going on from. Those that speak to a verifier read a
//! [sheet](sheet::Sheet).

pub(crate) mod body;
pub(crate) mod callback;
pub(crate) mod citcall;
pub(crate) mod oidc;
pub(crate) mod phone;
pub(crate) mod policy;
pub(crate) mod proof;
pub(crate) mod redirect;
pub(crate) mod signature;

mod sheet;
mod signed;
mod world;
