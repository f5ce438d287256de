//! Citcall: flash calls over versions 2 and 3 of its API. The code is the end of the caller's number.
//!
//! The vendor documents the response codes, not the HTTP status that goes with them nor which code stands for which mistake
//! in a message. The emulator answers 200, and 404 where there is nothing; and for what is not documented:
//!
//! | `rc` | means here |
//! |---|---|
//! | 06 | no such path; a body that is not JSON, does not open or is more than 480 seconds old; a field that is unknown or has a value out of its range; a number that cannot be called |
//! | 34 | the emulator has no random numbers; with the status 429, too many requests, by a knob only |
//! | 88 | a field is missing |
//! | 95 | `callback_url` is no URL |
//!
//! When a call has ended it is reported: in version 3 to the `callback_url` of the order, in version 2, and where the order has
//! none, to the account's, which the knob `callback_url` says. `report.rs` has the words.

mod cipher;
mod fields;
mod refusal;
mod report;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use axum::{Router, body::Bytes, extract::State, response::Response};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, Method, StatusCode, Uri, header};
use serde::Serialize;
use serde_json::json;

use self::{
    fields::{Fields, Order},
    refusal::{Refusal, Version},
    report::Report,
};
use crate::{
    clock::{Clock, SystemClock},
    error::Result,
    sandbox::{
        call::Call,
        common::Common,
        content::Content,
        courier::Courier,
        credentials::given_or,
        fault::{self, Answer},
        knob::Dials,
        log::Incoming,
        random,
    },
    secret::Secret,
};

/// One account, good for both versions.
pub(super) struct Emulator {
    user_id: Secret,
    api_key: Secret,
    placed: AtomicU64,
    courier: Courier,
    common: Arc<Common>,
}

impl Emulator {
    pub(super) fn new(common: Arc<Common>) -> Result<Self> {
        let courier = Courier::new(&common, NAME)?;
        let user_id = given_or(&common.credentials.citcall_user_id, || random::alphanumeric(8))?;
        let api_key = given_or(&common.credentials.citcall_api_key, || random::hexadecimal(32))?;
        Ok(Self { user_id, api_key, placed: AtomicU64::new(0), courier, common })
    }

    pub(super) fn user_id(&self) -> &Secret {
        &self.user_id
    }

    pub(super) fn api_key(&self) -> &Secret {
        &self.api_key
    }

    /// How the callbacks were answered.
    pub(super) fn callbacks(&self) -> Vec<u16> {
        self.courier.answers()
    }

    /// Reads what is ordered, or says what the vendor would not take.
    fn read(&self, ask: &Ask) -> Result<Order, Refusal> {
        let version = ask.version.ok_or(Refusal::NoSuchPath)?;
        if ask.method != Method::POST {
            return Err(Refusal::Method);
        }
        self.admit(version, ask.header(header::AUTHORIZATION).unwrap_or_default())?;
        if ask.header(header::CONTENT_TYPE) != Some("application/json") {
            return Err(Refusal::Unusable);
        }
        match version {
            Version::V2 => {
                let envelope = Fields::read(&ask.body, &["data"])?;
                let blob = envelope.text("data")?.ok_or(Refusal::Missing)?;
                let [id, key] = [&self.user_id, &self.api_key].map(Secret::expose);
                let text = cipher::unwrap(blob, id, key, SystemClock.now()).ok_or(Refusal::Unusable)?;
                Fields::read(text.as_bytes(), &["msisdn", "gateway", "clientUniqueId"])?.async_call()
            }
            Version::V3 => {
                Fields::read(&ask.body, &["msisdn", "retry", "valid_time", "limit_try", "callback_url"])?.motp()
            }
        }
    }

    fn admit(&self, version: Version, credentials: &str) -> Result<(), Refusal> {
        let key = match version {
            Version::V2 => {
                let pair = STANDARD.decode(credentials).ok().and_then(|pair| String::from_utf8(pair).ok());
                let (user_id, key) =
                    pair.as_deref().and_then(|pair| pair.split_once(':')).ok_or(Refusal::Credentials)?;
                if !self.user_id.matches(user_id.as_bytes()) {
                    return Err(Refusal::UserId);
                }
                key.to_owned()
            }
            Version::V3 => credentials.strip_prefix("Apikey ").ok_or(Refusal::Credentials)?.to_owned(),
        };
        if self.api_key.matches(key.as_bytes()) { Ok(()) } else { Err(Refusal::ApiKey) }
    }

    fn place(&self, order: Order, dials: &Dials) -> Result<(Answer, Option<Report>), Refusal> {
        if dials.too_many().is_some() {
            return Err(Refusal::TooMany);
        }
        if let Some((code, status)) = dials.error_code() {
            return Err(Refusal::Knob { code, status });
        }
        let ending = match dials.caller_ending() {
            Some(forced) => forced.to_owned(),
            None => format!("{:04}", random::below(10_000).map_err(|_| Refusal::Unavailable)?),
        };
        let caller = format!("+62{RANGE}{ending}");
        let call = Call::place(&self.common, &format!("+{}", order.number), &caller, dials);
        let id = FIRST_ID + self.placed.fetch_add(1, Ordering::Relaxed) + 1;
        let answer = self.describe(&order, &ending, id, dials);
        Ok((answer, Report::of(order, id, &ending, call, dials)))
    }

    fn describe(&self, order: &Order, ending: &str, id: u64, dials: &Dials) -> Answer {
        let body = match order.version {
            Version::V2 => {
                let queued = Queued {
                    rc: "00",
                    info: "success",
                    msisdn: format!("+{}", order.number),
                    token: order.version.token(ending),
                    gateway: order.gateway,
                    client_unique_id: order.client_unique_id.as_deref(),
                };
                let [user_id, key] = [&self.user_id, &self.api_key].map(Secret::expose);
                json!({ "data": cipher::wrap(&cipher::ascii_json(&queued), user_id, key, SystemClock.now()) })
            }
            Version::V3 => json!({
                "rc": order.version.rc(0, dials), "trxid": id.to_string(), "msisdn": order.number,
                "token": order.version.token(ending), "gateway": order.gateway,
            }),
        };
        Answer { status: StatusCode::OK, body }
    }
}

/// The vendor's routes, below its prefix.
pub(super) fn router(emulator: Arc<Emulator>) -> Router {
    Router::new().fallback(handle).with_state(emulator)
}

async fn handle(
    State(emulator): State<Arc<Emulator>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let common = &emulator.common;
    let ask = Ask { version: Version::of(uri.path()), method, headers, body };
    let order = emulator.read(&ask);
    let number = order.as_ref().ok().map(|order| format!("+{}", order.number));
    let dials = common.knobs.count(NAME, number.as_deref());
    let entry = common.log.begin(Incoming {
        vendor: NAME,
        method: ask.method.clone(),
        path: format!("/citcall{}", uri.path()),
        number,
        sent: Content::of_request(&ask.headers, uri.query(), &ask.body),
    });
    let mut report = None;
    let serve = || match order.and_then(|order| emulator.place(order, &dials)) {
        Ok((answer, made)) => {
            report = made;
            answer
        }
        Err(refusal) => refusal.answer(ask.version.unwrap_or(Version::V3), &dials),
    };
    let response = fault::answer(&dials, &common.stop, serve).await;
    if let Some(report) = report {
        let account = (emulator.user_id.clone(), emulator.api_key.clone());
        emulator.courier.send(&dials, report.letters(account)).await;
    }
    entry.end(response)
}

/// A request.
struct Ask {
    version: Option<Version>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
}

impl Ask {
    /// The value of a header that is there once.
    fn header(&self, name: header::HeaderName) -> Option<&str> {
        let mut values = self.headers.get_all(name).into_iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        }
    }
}

/// What version 2 answers, in the order of the vendor's document, whose example has no `trxid` either.
#[derive(Serialize)]
struct Queued<'a> {
    rc: &'static str,
    info: &'static str,
    msisdn: String,
    token: String,
    gateway: u64,
    #[serde(rename = "clientUniqueId", skip_serializing_if = "Option::is_none")]
    client_unique_id: Option<&'a str>,
}

const NAME: &str = "citcall";

/// What the numbers that call have between the country code and the ending: a line in Jakarta.
const RANGE: &str = "215080";

/// The ids of calls count up from here.
const FIRST_ID: u64 = 20_180_205_000_000;
