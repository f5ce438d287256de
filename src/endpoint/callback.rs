//! `POST /callback/{provider}/{token}`: where vendors report. No provider of this version has callbacks.

use super::{Served, not_found};

pub(super) fn serve(_provider: &str) -> Served {
    Err(not_found("this provider sends no callbacks"))
}
