//! `GET /checks/{id}`: where a check stands, at once or when it has changed.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode};

use super::{Served, Visit, view};
use crate::{ids::CheckId, problem::Problem, verifier::Verifier};

pub(super) async fn serve(verifier: &Verifier, visit: Visit, id: CheckId, headers: &HeaderMap) -> Served {
    let patience = patience(headers);
    let found = match patience {
        None => verifier.status(&visit.subject, id).await,
        Some(seconds) => verifier.wait(&visit.subject, id, Duration::from_secs(seconds)).await,
    };
    let check = found.map_err(|error| Problem::from(&error))?;
    let mut response = view::check(StatusCode::OK, &check)?;
    if let Some(applied) = patience.and_then(|seconds| HeaderValue::try_from(format!("wait={seconds}")).ok()) {
        response.headers_mut().insert("preference-applied", applied);
    }
    Ok(response)
}

/// `Prefer: wait=N` in seconds (RFC 7240, section 4.3), at most [`LONGEST_WAIT`]. A preference that is not understood is
/// ignored, as that RFC asks.
fn patience(headers: &HeaderMap) -> Option<u64> {
    let lines = headers.get_all("prefer").iter().filter_map(|line| line.to_str().ok());
    let mut wishes = lines.flat_map(|line| line.split([',', ';'])).map(str::trim);
    let seconds: u64 = wishes.find_map(|wish| wish.strip_prefix("wait=")?.trim_matches('"').parse().ok())?;
    Some(seconds.min(LONGEST_WAIT))
}

/// Seconds. Proxies cut connections that are silent for a minute; this leaves room.
const LONGEST_WAIT: u64 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_read_and_bounded() {
        for (value, wait) in [
            ("wait=10", Some(10)),
            ("respond-async, wait=5", Some(5)),
            ("wait=100000", Some(30)),
            ("wait=-1", None),
            ("wait=soon", None),
            ("return=minimal", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("prefer", HeaderValue::from_static(value));
            assert_eq!(patience(&headers), wait, "{value}");
        }
    }
}
