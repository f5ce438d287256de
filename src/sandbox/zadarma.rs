//! Zadarma: codes by text message, call and e-mail, which the vendor makes, or takes, and judges; and calls that ask for a key,
//! whose end it tells the URL for notifications on the account's page: `PUT /zadarma/account` with `{"webhook_url": ".."}`.
//!
//! A request counts when its `Authorization` is the one that PHP would compute from its path and its parameters. The vendor
//! documents few of its refusals; all come with `{"status":"error","message":..}`:
//!
//! | status | `message` | when |
//! |---|---|---|
//! | 401 | `Auth error` | key or signature is missing or wrong |
//! | 405 | `Wrong method` | the method is not POST |
//! | 404 | `Not found` | no such path |
//! | 200 | `"to" param is required` | so for every parameter that is missing |
//! | 200 | `"to" param is invalid` | so for every one that is unknown to its channel, given twice, or not what it should be |
//! | 200 | `Invalid verification code` | the code is another one |
//! | 200 | `No such request id` | it never was, it is older than ten minutes, or its code was right before |
//! | 429 | `You exceeded the rate limit` | by a knob only |
//! | 200 | `Notifications are not configured` | a call that asks for a key, and no URL that the result could go to |
//! | 503 | `Try again later` | the emulator has no random numbers |
//!
//! `code` is an integer, as the vendor's description has it, so leading zeros are lost: in messages and when they are judged.

mod ask;
mod notify;
mod order;
mod php;
mod wording;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use axum::{Json, Router, body::Bytes, extract::State, response::Response, routing::put};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use serde::Deserialize;
use serde_json::json;

use self::{
    ask::{Ask, Operation, Refusal},
    notify::{Notice, Notices},
    order::Order,
};
use crate::{
    clock::Clock,
    error::Result,
    sandbox::{
        common::Common,
        content::Content,
        control::Problem,
        credentials::given_or,
        fault::{self, Answer},
        handset::inbox,
        knob::{Dials, Knob},
        log::Incoming,
        random,
    },
    secret::Secret,
};

/// One Zadarma account and what it has sent.
pub(super) struct Emulator {
    key: Secret,
    secret: Secret,
    requests: Mutex<VecDeque<Sent>>,
    notices: Notices,
    clock: Arc<dyn Clock>,
    common: Arc<Common>,
}

impl Emulator {
    pub(super) fn new(common: Arc<Common>, clock: Arc<dyn Clock>) -> Result<Self> {
        let key = given_or(&common.credentials.zadarma_key, || random::alphanumeric(20))?;
        let secret = given_or(&common.credentials.zadarma_secret, || random::alphanumeric(20))?;
        Ok(Self { key, secret, requests: Mutex::default(), notices: Notices::new(&common)?, clock, common })
    }

    pub(super) fn key(&self) -> &Secret {
        &self.key
    }

    pub(super) fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Takes the URL for notifications, if it answers as the vendor wants.
    pub(super) async fn set_webhook(&self, url: &str) -> Result<()> {
        self.notices.set_url(url).await
    }

    /// How notifications were answered.
    pub(super) fn callbacks(&self) -> Vec<u16> {
        self.notices.answers()
    }

    /// What the vendor would sign these fields of a notification with.
    pub(super) fn signature(&self, fields: &[(&str, &str)]) -> String {
        notify::signature(&self.secret, fields)
    }

    fn serve(self: &Arc<Self>, ask: &Ask, dials: &Dials) -> Answer {
        let served = match (self.admit(ask), dials.error_code()) {
            (Err(refusal), _) => Err(refusal),
            (Ok(_), _) if dials.too_many().is_some() => Err(Refusal::TooMany),
            (Ok(_), Some((code, status))) => Err(Refusal::Knob { code, status }),
            (Ok(Operation::Verify), None) => self.verify(ask, dials),
            (Ok(Operation::Check), None) => self.check(ask),
        };
        served.unwrap_or_else(|refusal| refusal.answer())
    }

    fn admit(&self, ask: &Ask) -> Result<Operation, Refusal> {
        let operation = ask.operation().ok_or(Refusal::NoSuchPath)?;
        if ask.method != Method::POST {
            return Err(Refusal::Method);
        }
        let (key, secret) = (self.key.expose(), self.secret.expose());
        let expected = Secret::new(php::authorization(key, secret, &ask.path, &ask.parameters));
        match &ask.authorization {
            Some(given) if expected.matches(given.as_bytes()) => Ok(operation),
            _ => Err(Refusal::Auth),
        }
    }

    fn verify(self: &Arc<Self>, ask: &Ask, dials: &Dials) -> Result<Answer, Refusal> {
        let order = Order::read(ask)?;
        if let Some((from, greeting)) = order.button() {
            self.notices.url().ok_or(Refusal::NoWebhook)?;
            self.ask_for_key(&order.to, from, greeting, dials);
            return Ok(Answer { status: StatusCode::OK, body: json!({ "status": "success" }) });
        }
        let code = match order.code {
            Some(own) => own,
            None => 100_000 + u64::from(random::below(900_000).map_err(|_| Refusal::Unavailable)?),
        };
        let id = request_id().map_err(|_| Refusal::Unavailable)?;
        if dials.arrives() {
            let voicemail = dials.has(&Knob::Voicemail);
            self.common.handsets.line(&order.to).receive(|id, at| order.message(id, at, &code.to_string(), voicemail));
        }
        self.common.bill_call();
        let mut requests = self.requests();
        if requests.len() == CAPACITY {
            requests.pop_front();
        }
        requests.push_back(Sent { id: id.clone(), to: order.to, code, expires: self.clock.now() + LIFETIME });
        Ok(Answer { status: StatusCode::OK, body: json!({ "status": "success", "request_id": id }) })
    }

    /// Calls, and tells of the end of the call. One that reaches no handset is missed at once.
    fn ask_for_key(self: &Arc<Self>, to: &str, from: &str, greeting: &str, dials: &Dials) {
        self.common.bill_call();
        let lost = !dials.arrives();
        let line = if lost { Arc::default() } else { self.common.handsets.line(to) };
        let ring_time = if lost { Duration::ZERO } else { dials.ring_time() };
        let start = self.clock.now();
        let call = match dials.has(&Knob::Voicemail) && !lost {
            true => line.divert(from),
            false => line.ring_and_ask(from, Some(greeting.to_owned()), ring_time),
        };
        let (emulator, to, stop) = (Arc::clone(self), to.to_owned(), self.common.stop.clone());
        tokio::spawn(async move {
            let tell = async {
                let end = line.end_of(call).await;
                let dials = emulator.common.knobs.dials("zadarma", Some(&to));
                if let Ok(notice) = Notice::of(&to, &end, start, &dials) {
                    emulator.notices.post(&emulator.secret, notice, dials.callback()).await;
                }
            };
            stop.unless_stopped(tell).await
        });
    }

    fn check(&self, ask: &Ask) -> Result<Answer, Refusal> {
        ask.only(&["request_id", "code"])?;
        let (id, typed) = (ask.required("request_id")?, ask.required("code")?);
        let typed: u64 = typed.parse().map_err(|_| Refusal::Invalid("code".to_owned()))?;
        let (mut requests, now) = (self.requests(), self.clock.now());
        requests.retain(|sent| now < sent.expires);
        let place = requests.iter().position(|sent| sent.id == id).ok_or(Refusal::NoSuchRequest)?;
        if requests.get(place).is_none_or(|sent| sent.code != typed) {
            return Err(Refusal::WrongCode);
        }
        requests.remove(place);
        Ok(Answer { status: StatusCode::OK, body: json!({ "status": "success", "message": "Code is correct" }) })
    }

    fn requests(&self) -> MutexGuard<'_, VecDeque<Sent>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whom a request is about, to find its knobs by: for a check, whom the message went to.
    fn recipient(&self, ask: &Ask) -> Option<String> {
        let of_check = |id: &str| self.requests().iter().find(|sent| sent.id == id).map(|sent| sent.to.clone());
        match (ask.optional("to"), ask.optional("request_id")) {
            (Ok(Some(to)), _) => Some(inbox(to)),
            (_, Ok(Some(id))) => of_check(id),
            _ => None,
        }
    }
}

/// The vendor's routes, below its prefix.
pub(super) fn router(emulator: Arc<Emulator>) -> Router {
    Router::new().route("/account", put(set_account)).fallback(handle).with_state(emulator)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    webhook_url: String,
}

/// What a person does on the account's page.
async fn set_account(
    State(emulator): State<Arc<Emulator>>,
    Json(Account { webhook_url }): Json<Account>,
) -> Result<StatusCode, Problem> {
    emulator.set_webhook(&webhook_url).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn handle(
    State(emulator): State<Arc<Emulator>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let common = &emulator.common;
    let ask = Ask::new(method, &uri, &headers, &body);
    let number = emulator.recipient(&ask);
    let dials = common.knobs.count("zadarma", number.as_deref());
    let entry = common.log.begin(Incoming {
        vendor: "zadarma",
        method: ask.method.clone(),
        path: format!("/zadarma{}", ask.path),
        number,
        sent: Content::of_request(&headers, uri.query(), &body),
    });
    let mut response = fault::answer(&dials, &common.stop, || emulator.serve(&ask, &dials)).await;
    if response.status() == StatusCode::TOO_MANY_REQUESTS {
        let reset = emulator.clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
            + dials.too_many().unwrap_or(MINUTE);
        let limits = [("x-ratelimit-limit", 100), ("x-ratelimit-remaining", 0), ("x-ratelimit-reset", reset.as_secs())];
        response
            .headers_mut()
            .extend(limits.map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from(value))));
    }
    entry.end(response)
}

/// A message that was sent.
struct Sent {
    id: String,
    to: String,
    code: u64,
    expires: SystemTime,
}

/// Base64 of base64 of 17 bytes: 32 characters, as in the vendor's examples.
fn request_id() -> Result<String> {
    Ok(STANDARD.encode(STANDARD.encode(crate::random::bytes::<17>()?)))
}

/// For how long a code can be checked.
const LIFETIME: Duration = Duration::from_secs(600);

const MINUTE: Duration = Duration::from_secs(60);

/// The most messages whose codes can be checked.
const CAPACITY: usize = 10_000;

#[cfg(test)]
mod tests;
