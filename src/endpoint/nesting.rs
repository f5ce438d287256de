//! Whether a router has put the endpoints where challenges and vendors are pointed.

use http::request::Parts;

#[cfg(feature = "axum")]
use super::{NO_ENDPOINT, not_found};
use crate::{
    problem::{Problem, misconfigured},
    verifier::Verifier,
};

/// Refuses to serve below another prefix than the verifier's mount. A proxy may have taken off the beginning of the mount.
#[cfg(feature = "axum")]
pub(super) fn by_axum(verifier: &Verifier, parts: &Parts) -> Result<(), Problem> {
    let original = parts.extensions.get::<axum::extract::OriginalUri>();
    let Some(prefix) = original.and_then(|uri| uri.path().strip_suffix(parts.uri.path())) else { return Ok(()) };
    match prefix.trim_end_matches('/') {
        nested if !verifier.mount().ends_with(nested) => Err(misplaced(verifier, prefix)),
        // axum takes off a slash too many; it names nothing here, as on other stacks.
        nested if nested != prefix => Err(not_found(NO_ENDPOINT)),
        _ => Ok(()),
    }
}

/// Refuses a whole path that is not below the verifier's mount.
#[cfg(feature = "actix")]
pub(super) fn by_path(verifier: &Verifier, parts: &Parts) -> Result<(), Problem> {
    let path = parts.uri.path();
    match path.strip_prefix(verifier.mount()) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => Ok(()),
        _ => Err(misplaced(verifier, path)),
    }
}

fn misplaced(verifier: &Verifier, found: &str) -> Problem {
    tracing::error!(
        mount = verifier.mount(),
        found,
        "the endpoints are served elsewhere than challenges point: give `Builder::mount` the path that they are nested under"
    );
    misconfigured()
}
