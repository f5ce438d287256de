//! What the phone sees: from the check's URL through its operator to the end.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header::LOCATION};
use serde_json::{Value, json};

use super::{
    Ask, Emulator,
    answer::Refusal,
    check::{Check, Delivered, Seen, Version},
};
use crate::{
    clock::{Clock, SystemClock},
    sandbox::{
        device::{SIM, WIFI},
        knob::{Dials, Knob},
    },
};

/// Whether it is a phone that asks.
pub(super) fn is_visited(ask: &Ask<'_>) -> bool {
    matches!(
        (ask.method.as_str(), ask.path.as_slice()),
        ("GET", ["phone_check", _, "checks", _, "redirect"] | ["network", _])
    )
}

/// The answer to a phone; `None` when it is not a phone that asks.
pub(super) fn serve(emulator: &Emulator, ask: &Ask<'_>, dials: &Dials) -> Option<Result<Response, Refusal>> {
    match (ask.method.as_str(), ask.path.as_slice()) {
        ("GET", ["phone_check", version, "checks", id, "redirect"]) => Some(open(emulator, version, id)),
        ("GET", ["network", id]) => Some(identify(emulator, ask, id, dials)),
        _ => None,
    }
}

/// The check's URL leads to the operator.
fn open(emulator: &Emulator, version: &str, id: &str) -> Result<Response, Refusal> {
    let version = Version::parse(version).ok_or(Refusal::NO_SUCH_PATH)?;
    let mut checks = emulator.checks();
    let check = checks.get_mut(id).filter(|check| check.version == version).ok_or(Refusal::NO_CHECK)?;
    check.age(SystemClock.now());
    check.visit()?;
    Ok(found(&format!("{}/network/{id}", emulator.base)))
}

/// The operator knows the SIM, and leads to the end.
fn identify(emulator: &Emulator, ask: &Ask<'_>, id: &str, dials: &Dials) -> Result<Response, Refusal> {
    if dials.has(&Knob::Lost) {
        return Ok(StatusCode::OK.into_response());
    }
    let (check, delivered) = {
        let mut checks = emulator.checks();
        let check = checks.get_mut(id).ok_or(Refusal::NO_CHECK)?;
        check.age(SystemClock.now());
        let seen = match (ask.header(SIM), ask.header(WIFI)) {
            (Some(sim), _) => Seen::Matches(sim == check.number),
            (None, Some(_)) => Seen::Error(Refusal::NOT_MOBILE),
            (None, None) => check.by_number(),
        };
        let delivered = check.identify(seen)?;
        (check.clone(), delivered)
    };
    if check.has_ended() {
        emulator.ended(&check, ask, dials);
    }
    Ok(match (delivered, &check.redirect_url) {
        (Delivered::Nothing, _) => StatusCode::OK.into_response(),
        (Delivered::Error(refusal), _) if check.version == Version::V0_1 => refusal.answer().into_response(),
        (Delivered::Code(code), url) => deliver(emulator, &check, url.as_ref(), &[("code", &code)]),
        (Delivered::Error(Refusal { slug, detail, .. }), url) => {
            deliver(emulator, &check, url.as_ref(), &[("error", slug), ("error_description", detail)])
        }
    })
}

/// v0.2 gives what it has to the application's URL, signed, or where there is none to the app on the device.
fn deliver(emulator: &Emulator, check: &Check, url: Option<&String>, what: &[(&str, &str)]) -> Response {
    let mut fields = vec![("check_id", check.id.as_str())];
    fields.extend(what);
    fields.extend(check.reference_id.as_deref().map(|id| ("reference_id", id)));
    match url {
        Some(url) => found(&emulator.signer.return_url(url, &fields)),
        None => Json(fields.into_iter().map(|(name, value)| (name, json!(value))).collect::<Value>()).into_response(),
    }
}

fn found(url: &str) -> Response {
    (StatusCode::FOUND, [(LOCATION, url)]).into_response()
}
