//! What the settings of all vendors have in common.

use std::time::Duration;

use http::Uri;
use serde::{Deserialize, Deserializer};

use crate::{
    callback::Freshness,
    error::{Error, ErrorKind, Result},
};

/// Refuses settings with the first thing that is wrong: of `faults`, or of what every account has.
pub(super) fn check(
    provider: &'static str,
    base_url: &str,
    time_out: Duration,
    faults: &[(bool, &'static str)],
) -> Result<()> {
    let common = [
        (!is_url(base_url), "`base_url` is an absolute URL, such as `https://api.example.com`"),
        (time_out.is_zero(), "`time_out_ms` is more than zero"),
    ];
    match faults.iter().chain(&common).find(|(wrong, _)| *wrong) {
        Some((_, fault)) => Err(Error::new(ErrorKind::Misconfigured, *fault).with_provider(provider)),
        None => Ok(()),
    }
}

/// How long a vendor may take to answer, unless a setting says otherwise.
pub(super) fn time_out() -> Duration {
    Duration::from_secs(15)
}

/// How old a signature may be, unless a setting says otherwise.
pub(super) fn max_age() -> Duration {
    Freshness::default().max_age
}

/// How far ahead of our clock a signature may be, unless a setting says otherwise.
pub(super) fn max_future() -> Duration {
    Freshness::default().max_future
}

/// The default of what is on.
pub(super) fn yes() -> bool {
    true
}

pub(super) fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_secs)
}

fn is_url(text: &str) -> bool {
    text.parse::<Uri>().is_ok_and(|url| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "https://api.example.com/v1";

    #[test]
    fn the_first_fault_is_told() {
        assert!(check("x", GOOD, time_out(), &[(false, "never")]).is_ok());
        for (base_url, time_out, faults, told) in [
            (GOOD, Duration::ZERO, &[(true, "first"), (true, "second")], "x: first"),
            (GOOD, time_out(), &[(false, "first"), (true, "second")], "x: second"),
            (
                "/",
                Duration::ZERO,
                &[(false, ""); 2],
                "x: `base_url` is an absolute URL, such as `https://api.example.com`",
            ),
            (GOOD, Duration::ZERO, &[(false, ""); 2], "x: `time_out_ms` is more than zero"),
        ] {
            let error = check("x", base_url, time_out, faults).unwrap_err();
            assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Misconfigured, told));
        }
    }

    #[test]
    fn only_absolute_urls_of_the_web_are_urls() {
        for (text, good) in [
            (GOOD, true),
            ("http://127.0.0.1:8080", true),
            ("api.example.com", false),
            ("ftp://api.example.com", false),
            ("https://", false),
            ("", false),
        ] {
            assert_eq!(is_url(text), good, "{text}");
        }
    }
}
