//! Reads single values, and reports those that cannot be used.

use std::time::Duration;

use toml::Spanned;

use super::{
    diagnostic::Report,
    limit::{Quota, Shown, parse_duration},
};
use crate::error::Error;

/// Reads a quota.
pub(super) fn quota(report: &mut Report<'_>, written: &Spanned<String>) -> Option<Quota> {
    written
        .get_ref()
        .parse()
        .map_err(|error: Error| {
            report.add(
                written.span(),
                error.to_string(),
                "a quota is such as \"5/1d\": five in one day, at most 31 days",
            );
        })
        .ok()
}

/// Reads a length of time of at most `max`.
pub(super) fn duration(
    report: &mut Report<'_>,
    written: Option<&Spanned<String>>,
    max: Duration,
    default: Duration,
) -> Option<Duration> {
    let Some(written) = written else { return Some(default) };
    parse_duration(written.get_ref(), max)
        .map_err(|message| {
            report.add(
                written.span(),
                message,
                format!("write for instance \"5m\"; the longest here is \"{}\"", Shown(max)),
            );
        })
        .ok()
}

/// Reads a small number.
pub(super) fn small(
    report: &mut Report<'_>,
    written: Option<&Spanned<i64>>,
    least: u8,
    most: u8,
    default: u8,
) -> Option<u8> {
    let Some(written) = written else { return Some(default) };
    let number = u8::try_from(*written.get_ref()).ok().filter(|number| (least..=most).contains(number));
    if number.is_none() {
        report.add(
            written.span(),
            format!("{} is out of range", written.get_ref()),
            format!("write {least} to {most}"),
        );
    }
    number
}
