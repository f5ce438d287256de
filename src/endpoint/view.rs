//! A check as clients see it.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;

use crate::{
    channel::Channel,
    check::Status,
    ids::{Action, CheckId},
    problem::{Problem, json_response, unavailable},
    provider::Prompt,
    verifier::{Check, Verified},
};

/// The body of every answer that shows a check.
#[derive(Serialize)]
struct View<'a> {
    check_id: CheckId,
    status: Status,
    action: &'a Action,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<Channel>,
    prompt: &'a Prompt,
    attempts_left: u8,
    expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resend_after: Option<String>,
    next_channels: &'a [Channel],
    #[serde(flatten)]
    proof: Option<Given<'a>>,
}

/// A proof on its way to the client.
#[derive(Serialize)]
struct Given<'a> {
    proof: &'a str,
    /// Seconds.
    expires_in: u64,
}

pub(super) fn check(status: StatusCode, check: &Check) -> Result<Response<Full<Bytes>>, Problem> {
    let view = View {
        check_id: check.id,
        status: check.status,
        action: &check.action,
        channel: check.channel,
        prompt: &check.prompt,
        attempts_left: check.attempts_left,
        expires_at: rfc3339(check.expires_at),
        resend_after: check.resend_after.map(not_before),
        next_channels: &check.next_channels,
        proof: check.verified.as_ref().map(given),
    };
    answer(status, &view)
}

/// The answer to a right code.
pub(super) fn verified(verified: &Verified) -> Result<Response<Full<Bytes>>, Problem> {
    #[derive(Serialize)]
    struct Body<'a> {
        status: Status,
        #[serde(flatten)]
        proof: Given<'a>,
    }
    answer(StatusCode::OK, &Body { status: Status::Verified, proof: given(verified) })
}

fn given(verified: &Verified) -> Given<'_> {
    Given { proof: verified.token.expose(), expires_in: verified.expires_in.as_secs() }
}

fn answer(status: StatusCode, body: &impl Serialize) -> Result<Response<Full<Bytes>>, Problem> {
    serde_json::to_value(body).map(|body| json_response(status, &body)).map_err(|_| unavailable())
}

/// Rounded up: who comes back at the time said is not early.
fn not_before(time: SystemTime) -> String {
    let part = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().subsec_nanos();
    match part {
        0 => rfc3339(time),
        part => rfc3339(time + Duration::from_nanos(1_000_000_000 - u64::from(part))),
    }
}

/// Rounded down: an expiry is not promised later than it comes.
fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}
