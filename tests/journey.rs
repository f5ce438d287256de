//! The whole way over real sockets: refused, started, rung, typed, let through; on axum, on hyper and on bare tower.
#![cfg(all(feature = "sandbox", feature = "testing", feature = "client"))]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper that fails is a test that fails"
)]

#[path = "journey/channels.rs"]
mod channels;
#[path = "journey/clicks.rs"]
mod clicks;
#[path = "journey/proofs.rs"]
mod proofs;
#[path = "journey/routes.rs"]
mod routes;
#[path = "journey/servers.rs"]
mod servers;
#[path = "common/stage.rs"]
mod stage;
#[path = "common/vendors.rs"]
mod vendors;
#[path = "journey/visitors.rs"]
mod visitors;
#[path = "journey/walk_down.rs"]
mod walk_down;

use handset::sandbox::{Handset, IncomingCall};

use stage::{PATIENCE, PHONE, Person, Stage, wrong};

/// Transfers are guarded, and every number is rung.
const POLICY: &str = r#"
version = 1

[[step_up]]
name = "transfers"
when = { action = "transfer" }
require = { acr = "phone", max_age = "5m" }

[[route]]
name = "everyone"
try = ["numcheck/flash_call"]
"#;

/// The same, with other rules for codes and other routes.
fn policy(code: &str, routes: &str) -> String {
    format!("{}\n[code]\n{code}\n", POLICY.replace(r#"["numcheck/flash_call"]"#, routes))
}

async fn next_call(handset: &Handset) -> IncomingCall {
    tokio::time::timeout(PATIENCE, handset.next_call()).await.expect("the phone did not ring")
}
