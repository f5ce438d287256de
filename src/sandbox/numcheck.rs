//! NumCheck: flash calls. The code is the end of the caller's number.
//!
//! The vendor documents the answers and that an `errorCode` other than 0 is a refusal, not which codes there are. Those
//! here are the emulator's own, and stay as they are:
//!
//! | `errorCode` | `statusCode` | means |
//! |---|---|---|
//! | 1 | 401 | `X-AUTH-Token` is missing or wrong |
//! | 2 | 405 | the method is not POST |
//! | 3 | 404 | no such locale (`en` and `ru` are known) or operation |
//! | 4 | 422 | `phone` is missing, given twice or not 7 to 15 digits with the country code first |
//! | 5 | 422 | `description` is given twice or longer than 64 characters |
//! | 6 | 422 | `callId` is missing, given twice or no number |
//! | 7 | 404 | no call has that `callId` |
//! | 8 | 503 | the emulator has no random numbers |
//! | 9 | 429 | too many requests, by a knob only |

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Router, extract::State, response::Response};
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Value, json};

use crate::{
    error::Result,
    sandbox::{
        call::Call,
        common::Common,
        content::Content,
        credentials::given_or,
        fault::{self, Answer},
        knob::{Dials, Knob},
        log::Incoming,
        random,
    },
    secret::Secret,
};

/// One NumCheck service and the calls it has made.
pub(super) struct Emulator {
    token: Secret,
    calls: Mutex<Calls>,
    common: Arc<Common>,
}

impl Emulator {
    pub(super) fn new(common: Arc<Common>) -> Result<Self> {
        let token = given_or(&common.credentials.numcheck_token, || random::alphanumeric(32))?;
        Ok(Self { token, calls: Mutex::default(), common })
    }

    pub(super) fn token(&self) -> &Secret {
        &self.token
    }

    fn serve(&self, ask: &Ask, headers: &HeaderMap, dials: &Dials) -> Answer {
        let served = match (self.admit(ask, headers), dials.error_code()) {
            (Err(refusal), _) => Err(refusal),
            (Ok(_), _) if dials.too_many().is_some() => Err(Refusal::TooMany),
            (Ok(_), Some((code, status))) => Err(Refusal::Knob { code, status }),
            (Ok(Operation::InitCall), None) => self.init_call(ask, dials),
            (Ok(Operation::CallInfo), None) => self.call_info(ask, dials),
        };
        served.unwrap_or_else(|refusal| refusal.answer(ask.russian()))
    }

    fn admit(&self, ask: &Ask, headers: &HeaderMap) -> Result<Operation, Refusal> {
        let operation = ask.operation().ok_or(Refusal::NoSuchPath)?;
        if ask.method != Method::POST {
            return Err(Refusal::Method);
        }
        match headers.get("x-auth-token") {
            Some(token) if self.token.matches(token.as_bytes()) => Ok(operation),
            _ => Err(Refusal::Token),
        }
    }

    fn init_call(&self, ask: &Ask, dials: &Dials) -> Result<Answer, Refusal> {
        let number = ask.number().ok_or(Refusal::Phone)?;
        let description = ask.parameter("description").map_err(|_| Refusal::Description)?.unwrap_or_default();
        if description.chars().count() > 64 {
            return Err(Refusal::Description);
        }
        let caller = caller(dials).map_err(|_| Refusal::Unavailable)?;
        let call = Call::place(&self.common, &number, &format!("+{caller}"), dials);
        let id = self.calls().add(Placed { number, caller, call });
        Ok(self.describe(id, caller, None, dials))
    }

    fn call_info(&self, ask: &Ask, dials: &Dials) -> Result<Answer, Refusal> {
        let id = ask.call_id().ok_or(Refusal::CallId)?;
        let Placed { caller, call, .. } = self.calls().kept.get(&id).cloned().ok_or(Refusal::NoSuchCall)?;
        let status = match call {
            Call::Unreachable => -1,
            Call::Lost => 0,
            Call::Rings(..) if call.is_ringing() => 0,
            Call::Rings(..) | Call::Voicemail => 1,
        };
        Ok(self.describe(id, caller, Some(status), dials))
    }

    fn describe(&self, id: u64, caller: u64, status: Option<i8>, dials: &Dials) -> Answer {
        let code = caller % ENDINGS;
        let mut body = if dials.has(&Knob::IdsAsStrings) {
            json!({ "callId": id.to_string(), "callerId": caller.to_string(), "code": format!("{code:04}") })
        } else {
            // A number has no leading zeros: the caller ..0042 has the code 42.
            json!({ "callId": id, "callerId": caller, "code": code })
        };
        if let Value::Object(fields) = &mut body {
            fields.extend(status.map(|status| ("status".to_owned(), json!(status))));
            fields.extend(outcome(StatusCode::OK, 0, None));
        }
        Answer { status: StatusCode::OK, body }
    }

    fn calls(&self) -> std::sync::MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number a request is about, to find its knobs by: that of the call where no other is named.
    fn number(&self, ask: &Ask) -> Option<String> {
        ask.number().or_else(|| Some(self.calls().kept.get(&ask.call_id()?)?.number.clone()))
    }
}

/// The vendor's routes, below its prefix.
pub(super) fn router(emulator: Arc<Emulator>) -> Router {
    Router::new().fallback(handle).with_state(emulator)
}

async fn handle(State(emulator): State<Arc<Emulator>>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let common = &emulator.common;
    let ask = Ask::new(method, &uri);
    let number = emulator.number(&ask);
    let dials = common.knobs.count(NAME, number.as_deref());
    let entry = common.log.begin(Incoming {
        vendor: NAME,
        method: ask.method.clone(),
        path: format!("/numcheck{}", ask.path),
        number,
        sent: Content::of_request(&headers, uri.query(), b""),
    });
    let response = fault::answer(&dials, &common.stop, || emulator.serve(&ask, &headers, &dials)).await;
    entry.end(response)
}

enum Operation {
    InitCall,
    CallInfo,
}

/// What a request says, as far as it can be read.
struct Ask {
    method: Method,
    path: String,
    query: Vec<(String, String)>,
}

impl Ask {
    fn new(method: Method, uri: &Uri) -> Self {
        let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        Self { method, path: uri.path().to_owned(), query: query.into_owned().collect() }
    }

    fn operation(&self) -> Option<Operation> {
        match self.path.strip_prefix("/en/").or_else(|| self.path.strip_prefix("/ru/"))? {
            "init-call" => Some(Operation::InitCall),
            "get-call-info" => Some(Operation::CallInfo),
            _ => None,
        }
    }

    fn russian(&self) -> bool {
        self.path.starts_with("/ru/")
    }

    /// A parameter's value, or an error when there is more than one.
    fn parameter(&self, name: &str) -> Result<Option<&str>, Repeated> {
        let mut values = self.query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            _ => Err(Repeated),
        }
    }

    /// The number to call, in E.164. The vendor takes digits only, the country code first; no country code has a leading zero.
    fn number(&self) -> Option<String> {
        let phone = self.parameter("phone").ok()??;
        let digits = phone.bytes().all(|b| b.is_ascii_digit()) && (7..=15).contains(&phone.len());
        (digits && !phone.starts_with('0')).then(|| format!("+{phone}"))
    }

    fn call_id(&self) -> Option<u64> {
        self.parameter("callId").ok()??.parse().ok()
    }
}

/// A parameter was given more than once.
struct Repeated;

/// The latest [`CAPACITY`] calls.
#[derive(Default)]
struct Calls {
    latest: u64,
    kept: BTreeMap<u64, Placed>,
}

#[derive(Clone)]
struct Placed {
    number: String,
    /// The caller's digits.
    caller: u64,
    call: Call,
}

impl Calls {
    fn add(&mut self, call: Placed) -> u64 {
        if self.kept.len() == CAPACITY {
            self.kept.pop_first();
        }
        self.latest += 1;
        self.kept.insert(self.latest, call);
        self.latest
    }
}

/// Why a request is refused.
enum Refusal {
    Token,
    Method,
    NoSuchPath,
    Phone,
    Description,
    CallId,
    NoSuchCall,
    Unavailable,
    TooMany,
    Knob { code: i64, status: u16 },
}

impl Refusal {
    fn answer(&self, russian: bool) -> Answer {
        let (code, status, english, in_russian) = self.parts();
        let message = if russian { in_russian } else { english };
        let mut body = serde_json::Map::new();
        body.extend(outcome(status, code, Some(message)));
        Answer { status, body: Value::Object(body) }
    }

    /// Error code, status, message in English and in Russian.
    fn parts(&self) -> (i64, StatusCode, &'static str, &'static str) {
        match self {
            Self::Token => (1, StatusCode::UNAUTHORIZED, "Wrong secret key", "Неверный секретный ключ"),
            Self::Method => (2, StatusCode::METHOD_NOT_ALLOWED, "Use POST", "Используйте POST"),
            Self::NoSuchPath => (3, StatusCode::NOT_FOUND, "No such method", "Нет такого метода"),
            Self::Phone => (4, StatusCode::UNPROCESSABLE_ENTITY, "Wrong phone", "Неверный номер телефона"),
            Self::Description => {
                (5, StatusCode::UNPROCESSABLE_ENTITY, "Description is too long", "Слишком длинное описание")
            }
            Self::CallId => (6, StatusCode::UNPROCESSABLE_ENTITY, "Wrong callId", "Неверный callId"),
            Self::NoSuchCall => (7, StatusCode::NOT_FOUND, "No such call", "Звонок не найден"),
            Self::Unavailable => (8, StatusCode::SERVICE_UNAVAILABLE, "Try again later", "Попробуйте позже"),
            Self::TooMany => (9, StatusCode::TOO_MANY_REQUESTS, "Too many requests", "Слишком много запросов"),
            Self::Knob { code, status } => {
                let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_REQUEST);
                (*code, status, "Refused", "Отказано")
            }
        }
    }
}

/// The fields that end every answer.
fn outcome(status: StatusCode, code: i64, message: Option<&str>) -> [(String, Value); 4] {
    [
        ("statusCode".to_owned(), json!(status.as_u16())),
        ("errorCode".to_owned(), json!(code)),
        ("message".to_owned(), json!(message)),
        ("success".to_owned(), json!(code == 0)),
    ]
}

/// A number out of the vendor's range, +371 6600 0000 to +371 6600 9999.
fn caller(dials: &Dials) -> Result<u64> {
    let ending = match dials.caller_ending().and_then(|ending| ending.parse().ok()) {
        Some(forced) => forced,
        None => random::below(10_000)?,
    };
    Ok(RANGE + u64::from(ending))
}

const NAME: &str = "numcheck";

const RANGE: u64 = 371_6600_0000;

/// How many numbers the range has.
const ENDINGS: u64 = 10_000;

/// The most calls whose outcome can be asked for.
const CAPACITY: usize = 10_000;
