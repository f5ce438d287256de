//! `GET /redirect/{provider}`: where a device comes back to. No provider of this version sends devices away.

use super::{Served, not_found};

pub(super) fn serve(_provider: &str) -> Served {
    Err(not_found("this provider sends no devices here"))
}
