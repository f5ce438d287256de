//! The OpenID provider over real sockets, with relying parties that are not ours: the crate `openidconnect`, and `openid-client`.
#![cfg(all(feature = "oidc-provider", feature = "testing", feature = "open-gateway"))]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper that fails is a test that fails"
)]

#[path = "oidc/codes.rs"]
mod codes;
#[path = "oidc/numbers.rs"]
mod numbers;
#[path = "oidc/page.rs"]
mod page;
#[path = "oidc/parties.rs"]
mod parties;
#[path = "oidc/requests.rs"]
mod requests;
#[cfg(feature = "sandbox")]
#[path = "oidc/silent.rs"]
mod silent;
#[path = "oidc/stage.rs"]
mod stage;
