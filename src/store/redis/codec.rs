//! Claims as bytes, and what scripts answer.

use std::time::{Duration, SystemTime};

use super::{Change, Record, scripts};
use crate::{
    check::{Digest, micros},
    error::Result,
    ids::CheckId,
    redis::{Reply, unexpected},
};

/// A claim: the id of a check, the fingerprint of the request, and until when it holds: 16, 16 and 8 bytes.
pub(super) fn claim_bytes(id: &CheckId, fingerprint: &Digest, until: SystemTime) -> Vec<u8> {
    [&id.as_bytes()[..], fingerprint, &micros(until).to_be_bytes()].concat()
}

/// Whose a claim is, and what it was claimed with.
pub(super) fn claimed(bytes: &[u8]) -> Result<(CheckId, Digest)> {
    let read = || {
        let (id, rest) = bytes.split_first_chunk()?;
        Some((CheckId::from_bytes(*id), *rest.first_chunk()?))
    };
    read().ok_or_else(unexpected)
}

/// What a script answers that changes a check.
pub(super) fn change(reply: Reply) -> Result<Change> {
    let Reply::List(parts) = reply else { return Err(unexpected()) };
    match parts.as_slice() {
        [Reply::Number(scripts::MADE), Reply::Bytes(bytes)] => Record::from_bytes(bytes).map(Change::Made),
        [Reply::Number(scripts::REFUSED)] => Ok(Change::Refused),
        [Reply::Number(scripts::SPENT), wait] => Ok(Change::BudgetSpent { retry_after: wait_of(wait)? }),
        _ => Err(unexpected()),
    }
}

/// Whether a claim ends after a time.
pub(super) fn lasts(bytes: &[u8], now: SystemTime) -> Result<bool> {
    let until = bytes.last_chunk().ok_or_else(unexpected)?;
    Ok(u64::from_be_bytes(*until) > micros(now))
}

pub(super) fn wait_of(reply: &Reply) -> Result<Duration> {
    reply.number().map(Duration::from_micros)
}
