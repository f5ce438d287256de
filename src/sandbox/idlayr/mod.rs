//! IDlayr's PhoneCheck, v0.1 and v0.2: the phone opens a URL, and its operator knows the SIM.
//!
//! Who opened the URL decides: a [`Handset`](crate::sandbox::Handset) over mobile data shows its SIM, over Wi-Fi it shows none,
//! and for a browser the end of the checked number decides, as in the vendor's own sandbox: `99` is an error, an even digit
//! a match, an odd digit none. Addresses of devices: 192.0.2.0/24 is no mobile network, 198.51.100.0/24 an operator that is
//! not served, everything else is a mobile network.
//!
//! Where the vendor's documents are silent, the emulator has an answer of its own: a wrong code is 400, a code that was used
//! and a URL that was opened before are 404. It sends each callback once and retries none; nothing is sent when a check
//! expires. The knobs for answers are for those that servers get: what the phone sees goes its way, unless it is
//! [`Lost`](crate::sandbox::Knob::Lost), and then it ends nowhere.

mod answer;
mod check;
mod device;
mod sign;
mod token;

use std::{
    collections::BTreeMap,
    future::ready,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, StatusCode, Uri, header::AUTHORIZATION};
use serde_json::{Value, json};

use crate::{
    clock::{Clock, SystemClock},
    error::Result,
    sandbox::{
        common::Common,
        content::Content,
        courier::{Courier, Letter},
        fault::{self, Answer},
        idlayr::{
            answer::Refusal,
            check::{Check, Version},
            sign::Signer,
            token::Tokens,
        },
        knob::{Dials, Knob},
        log::Incoming,
        random,
    },
    secret::Secret,
};

/// One project of IDlayr's.
pub(super) struct Emulator {
    base: String,
    tokens: Tokens,
    signer: Signer,
    checks: Mutex<BTreeMap<String, Check>>,
    courier: Courier,
    common: Arc<Common>,
}

impl Emulator {
    /// `base` is where the emulator is, such as `http://127.0.0.1:41234/idlayr`.
    pub(super) fn new(common: Arc<Common>, base: String) -> Result<Self> {
        Ok(Self {
            base,
            tokens: Tokens::new(&common.credentials)?,
            signer: Signer::new()?,
            checks: Mutex::default(),
            courier: Courier::new(&common, NAME)?,
            common,
        })
    }

    pub(super) fn client_id(&self) -> &str {
        &self.tokens.client_id
    }

    pub(super) fn client_secret(&self) -> &Secret {
        &self.tokens.client_secret
    }

    /// Signs under another name from now on.
    pub(super) fn rotate_key(&self) {
        self.signer.rotate();
    }

    /// Takes every access token back.
    pub(super) fn revoke_tokens(&self) {
        self.tokens.revoke();
    }

    pub(super) fn callbacks(&self) -> Vec<u16> {
        self.courier.answers()
    }

    fn checks(&self) -> MutexGuard<'_, BTreeMap<String, Check>> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a server asks.
    fn serve(&self, ask: &Ask<'_>, dials: &Dials) -> Result<Answer, Refusal> {
        if dials.too_many().is_some() {
            return Err(Refusal::TOO_MANY);
        }
        let knob = || match dials.error_code() {
            Some((_, status)) => Err(Refusal::of_status(status)),
            None => Ok(()),
        };
        match (ask.method.as_str(), ask.path.as_slice()) {
            ("POST", ["oauth2", "v1", "token"]) => {
                knob()?;
                let (body, form) = (ask.body, ask.has_type("application/x-www-form-urlencoded"));
                Ok(self.tokens.issue(ask.header(AUTHORIZATION.as_str()), body, form, dials.token_lifetime()))
            }
            ("GET", [".well-known", "jwks.json"]) => knob().map(|()| ok(StatusCode::OK, self.signer.key_set())),
            ("GET", ["coverage", "v0.1", "device_ips", ip]) => {
                self.tokens.admit(ask.header(AUTHORIZATION.as_str()), "coverage")?;
                knob()?;
                answer::coverage(ip).map(|body| ok(StatusCode::OK, body))
            }
            (method, ["phone_check", version, "checks", rest @ ..]) => {
                let version = Version::parse(version).ok_or(Refusal::NO_SUCH_PATH)?;
                self.tokens.admit(ask.header(AUTHORIZATION.as_str()), "phone_check")?;
                knob()?;
                match (method, rest, version) {
                    ("POST", [], _) => self.create(version, ask),
                    ("GET", [id], _) => self.read(version, id),
                    ("PATCH", [id], Version::V0_2) => self.finish(id, ask, dials),
                    _ => Err(Refusal::NO_SUCH_PATH),
                }
            }
            _ => Err(Refusal::NO_SUCH_PATH),
        }
    }

    fn create(&self, version: Version, ask: &Ask<'_>) -> Result<Answer, Refusal> {
        if !ask.has_type("application/json") {
            return Err(Refusal::BAD_REQUEST);
        }
        let check = Check::order(version, ask.body, SystemClock.now())?;
        let mut body = check.describe();
        let own = format!("{}/phone_check/{}/checks/{}", self.base, version.as_str(), check.id);
        if let Value::Object(fields) = &mut body {
            let links = json!({ "self": { "href": own }, "check_url": { "href": format!("{own}/redirect") } });
            fields.insert("_links".to_owned(), links);
            fields.insert("snapshot_balance".to_owned(), json!(100));
        }
        let mut checks = self.checks();
        if checks.len() >= CAPACITY {
            checks.pop_first();
        }
        checks.insert(check.id.clone(), check);
        Ok(ok(StatusCode::CREATED, body))
    }

    fn read(&self, version: Version, id: &str) -> Result<Answer, Refusal> {
        let mut checks = self.checks();
        let check = checks.get_mut(id).filter(|check| check.version == version).ok_or(Refusal::NO_CHECK)?;
        check.age(SystemClock.now());
        Ok(ok(StatusCode::OK, check.describe()))
    }

    fn finish(&self, id: &str, ask: &Ask<'_>, dials: &Dials) -> Result<Answer, Refusal> {
        if !ask.has_type("application/json-patch+json") {
            return Err(Refusal::BAD_REQUEST);
        }
        let code = answer::patched_code(ask.body).ok_or(Refusal::BAD_REQUEST)?;
        let check = {
            let mut checks = self.checks();
            let check = checks.get_mut(id).ok_or(Refusal::NO_CHECK)?;
            check.age(SystemClock.now());
            check.finish(&code)?;
            check.clone()
        };
        self.ended(&check, ask, dials);
        Ok(ok(StatusCode::OK, check.describe()))
    }

    /// Bills a check that came to a result, and writes its report.
    fn ended(&self, check: &Check, ask: &Ask<'_>, dials: &Dials) {
        if check.is_completed() {
            self.common.bill_call();
        }
        if let Some(url) = check.callback_url.as_ref().filter(|_| !dials.has(&Knob::Lost)) {
            let letters = self.signer.letters(url, &check.describe(), dials.callback());
            ask.reports.lock().unwrap_or_else(PoisonError::into_inner).extend(letters);
        }
    }

    /// The number a request is about, to find its knobs by.
    fn number(&self, ask: &Ask<'_>) -> Option<String> {
        match ask.path.as_slice() {
            ["phone_check", _, "checks"] => Check::number_of(ask.body),
            ["phone_check", _, "checks", id, ..] | ["network", id] => Some(self.checks().get(*id)?.number.clone()),
            _ => None,
        }
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
    let path = uri.path().trim_start_matches('/').split('/').collect();
    let ask = Ask { method, path, headers: &headers, body: &body, reports: Mutex::default() };
    let number = emulator.number(&ask);
    let knobs = &emulator.common.knobs;
    let dials = match device::is_visited(&ask) {
        true => knobs.dials(NAME, number.as_deref()),
        false => knobs.count(NAME, number.as_deref()),
    };
    let entry = emulator.common.log.begin(Incoming {
        vendor: NAME,
        method: ask.method.clone(),
        path: format!("/idlayr{}", uri.path()),
        number,
        sent: Content::of_request(&headers, uri.query(), &body),
    });
    let response = match device::serve(&emulator, &ask, &dials) {
        Some(response) => response.unwrap_or_else(|refusal| refusal.answer().into_response()),
        None => {
            let serve = || emulator.serve(&ask, &dials).unwrap_or_else(Refusal::answer);
            fault::answer(&dials, &emulator.common.stop, serve).await
        }
    };
    let reports = ask.reports.into_inner().unwrap_or_else(PoisonError::into_inner);
    emulator.courier.send(&dials, ready(reports)).await;
    entry.end(response)
}

/// What a request says.
struct Ask<'a> {
    method: Method,
    path: Vec<&'a str>,
    headers: &'a HeaderMap,
    body: &'a [u8],
    /// What is to be called back for it.
    reports: Mutex<Vec<Letter>>,
}

impl Ask<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn has_type(&self, kind: &str) -> bool {
        self.header("content-type").is_some_and(|value| value.split(';').next().unwrap_or_default().trim() == kind)
    }
}

fn ok(status: StatusCode, body: Value) -> Answer {
    Answer { status, body }
}

/// Ten characters such as `94dae426fg`.
fn code() -> Result<String> {
    random::alphanumeric(10)
}

const NAME: &str = "idlayr";

/// How long a check waits for its phone.
const TTL: Duration = Duration::from_secs(120);

/// The most checks that are remembered.
const CAPACITY: usize = 10_000;
