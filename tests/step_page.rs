//! The hosted step page over real sockets, by a browser without JavaScript: it keeps cookies, reads forms and follows what it is told.
#![cfg(all(feature = "ui", feature = "sandbox", feature = "testing", feature = "client", feature = "open-gateway"))]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper that fails is a test that fails"
)]

#[path = "step_page/channels.rs"]
mod channels;
#[path = "step_page/clicks.rs"]
mod clicks;
#[path = "step_page/forgery.rs"]
mod forgery;
#[path = "step_page/looks.rs"]
mod looks;
#[path = "step_page/site.rs"]
mod site;
#[expect(dead_code, reason = "other tests use the rest")]
#[path = "common/stage.rs"]
mod stage;
#[expect(dead_code, reason = "other tests use the rest")]
#[path = "common/vendors.rs"]
mod vendors;

use site::{Browser, Reply, STEP, Site};
use stage::PHONE;
