//! OAuth 2.0, under OpenID Connect: how an application shows who it is (RFC 7521, RFC 7523), what a token endpoint answers and refuses
//! (RFC 6749) and how often it may be asked (RFC 8628), and public keys (RFC 7517).
//!
//! Its errors name no provider: whose account it is, the provider knows.

mod client;
mod jwks;
mod pace;
mod refusal;
mod token;

pub(crate) use client::Client;
pub use client::{ClientAuth, SigningAlgorithm};
pub(crate) use jwks::read_keys;
pub(crate) use pace::{Pace, Poll};
pub(crate) use refusal::{misconfigured, nonsense, refusal, refused, request, word};
pub(crate) use token::{Answer, Grant, read_token, too_late};
