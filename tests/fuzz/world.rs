//! A verifier with its endpoints, between a vendor that is played and a browser that is played.

use std::{
    convert::Infallible,
    future::{Future, ready},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use handset::{
    Action, Endpoints, PhoneNumber, Secret, Subject, Verifier,
    check::Status,
    clock::Clock,
    proof::ProofKey,
    provider::http::HttpClient,
    verifier::{Builder, Check, Ready, StartRequest},
};
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tower::{Service, ServiceExt, service_fn};

/// A world that stands still at [`NOW`].
pub(super) struct World {
    runtime: tokio::runtime::Runtime,
    pub(super) verifier: Verifier,
    asked: Arc<Mutex<Vec<Request<Bytes>>>>,
    begun: u32,
}

/// An open check.
pub(super) struct Begun {
    pub(super) subject: Subject,
    pub(super) phone: PhoneNumber,
    pub(super) check: Check,
    /// What the vendor was asked for.
    pub(super) order: Request<Bytes>,
}

/// What came back over HTTP.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl World {
    /// A verifier whose plans have one route, with the providers that `add` gives it. What they send is answered by `vendor`.
    pub(super) fn new(
        route: &str,
        vendor: fn(&Request<Bytes>) -> Response<Bytes>,
        add: impl FnOnce(Builder<Ready>, HttpClient) -> Builder<Ready>,
    ) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let builder = Verifier::builder()
            .policy("policy.toml", POLICY.replace("ROUTE", route))
            .proof_key(ProofKey::hs256(&Secret::new(PROOF_SECRET)).unwrap())
            .public_url(ORIGIN)
            .return_page(PAGE)
            .clock(Standing);
        Self { runtime: runtime(), verifier: add(builder, client(vendor, &asked)).build().unwrap(), asked, begun: 0 }
    }

    /// Waits for the end of something.
    pub(super) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Starts a check of somebody new.
    pub(super) fn begin(&mut self) -> Begun {
        self.begun += 1;
        let subject = Subject::new(format!("subject {}", self.begun)).unwrap();
        let phone = PhoneNumber::parse(&format!("+3712612{:04}", self.begun), None).unwrap();
        let request = StartRequest::new(subject.clone(), phone, Action::new(ACTION).unwrap());
        let check = self.run(self.verifier.start(request)).unwrap();
        let mut asked = std::mem::take(&mut *self.asked.lock().unwrap()).into_iter();
        let order = asked.rfind(|request| request.method() == Method::POST).unwrap_or_default();
        Begun { subject, phone, check, order }
    }

    /// Where a check stands, and how many answers may still be wrong.
    pub(super) fn look(&self, begun: &Begun) -> (Status, u8) {
        let check = self.run(self.verifier.status(&begun.subject, begun.check.id)).unwrap();
        (check.status, check.attempts_left)
    }

    /// Sends a request to the endpoints.
    pub(super) fn ask(&self, request: Request<Full<Bytes>>) -> Answer {
        self.ask_service(Endpoints::new(&self.verifier), request)
    }

    /// Sends a request to a service.
    pub(super) fn ask_service<S>(&self, service: S, request: Request<Full<Bytes>>) -> Answer
    where
        S: Service<Request<Full<Bytes>>, Response = Response<Full<Bytes>>, Error = Infallible>,
    {
        let answer = self.run(service.oneshot(request)).unwrap_or_else(|never| match never {});
        let (parts, body) = answer.into_parts();
        let body = self.run(body.collect()).unwrap_or_else(|never| match never {}).to_bytes();
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.into()).unwrap() }
    }
}

impl Answer {
    /// Fails unless this is an answer of ours: of a status that is told, an error in the words of RFC 9457, kept by no cache.
    pub(super) fn is_sound(&self, statuses: &[u16]) {
        assert!(statuses.contains(&self.status.as_u16()), "{}: {}", self.status, self.body);
        assert_eq!(self.headers[header::CACHE_CONTROL], "no-store");
        if self.status.is_client_error() || self.status.is_server_error() {
            assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
            let problem: Value = serde_json::from_str(&self.body).unwrap();
            assert!(problem["type"].as_str().unwrap().starts_with("urn:handset:problem:"), "{problem}");
            assert_eq!(problem["status"], self.status.as_u16());
        }
    }

    /// Fails if a text of some length can be read anywhere in it.
    pub(super) fn hides(&self, secret: &str) {
        let headers: String = self.headers.values().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        assert!(!self.body.contains(secret) && !headers.contains(secret), "{secret} is in {} {headers}", self.body);
    }
}

/// One world for many inputs, made anew before the checks of the last ones fill it.
pub(super) struct Worlds {
    make: fn() -> World,
    world: Option<World>,
}

impl Worlds {
    pub(super) const fn new(make: fn() -> World) -> Self {
        Self { make, world: None }
    }

    pub(super) fn now(&mut self) -> &mut World {
        self.world = self.world.take().filter(|world| world.begun < MOST_CHECKS);
        self.world.get_or_insert_with(self.make)
    }
}

/// A client whose vendor answers with a function, and what it was asked.
pub(super) fn client(
    vendor: fn(&Request<Bytes>) -> Response<Bytes>,
    asked: &Arc<Mutex<Vec<Request<Bytes>>>>,
) -> HttpClient {
    let asked = Arc::clone(asked);
    HttpClient::new(service_fn(move |request: Request<Bytes>| {
        let answer = vendor(&request);
        asked.lock().unwrap().push(request);
        ready(Ok::<_, Infallible>(answer))
    }))
}

pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

/// A vendor's answer in JSON.
pub(super) fn answer(status: u16, body: &Value) -> Response<Bytes> {
    Response::builder().status(status).body(body.to_string().into()).unwrap()
}

/// An access token for us.
pub(super) fn token() -> Response<Bytes> {
    answer(200, &json!({ "access_token": "t0ken", "token_type": "Bearer", "expires_in": 3600 }))
}

pub(super) fn not_found() -> Response<Bytes> {
    answer(404, &json!({}))
}

/// A request to one of our URLs; `None` where what was made up makes none.
pub(super) fn request(method: Method, url: &str, headers: HeaderMap, body: Vec<u8>) -> Option<Request<Full<Bytes>>> {
    let path = url.strip_prefix(ORIGIN)?;
    let mut request = Request::builder().method(method).uri(path).body(Full::from(body)).ok()?;
    *request.headers_mut() = headers;
    Some(request)
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Standing;

impl Clock for Standing {
    fn now(&self) -> SystemTime {
        now()
    }
}

pub(super) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
}

const POLICY: &str = r#"
version = 1

[[limit]]
name = "hardly any"
on = "start"
key = ["global"]
quota = "1000000/1s"

[[step_up]]
name = "everything"
require = { acr = "phone", max_age = "10m" }

[[route]]
name = "everybody"
try = ["ROUTE"]
"#;

/// 23 November 2026, noon, in seconds since 1970.
pub(super) const NOW: u64 = 1_795_435_200;
/// The same as HTTP writes it.
pub(super) const DATE: &str = "Mon, 23 Nov 2026 12:00:00 GMT";
pub(super) const ACTION: &str = "transfer";
pub(super) const ORIGIN: &str = "https://app.example.com";
pub(super) const PAGE: &str = "/done";
pub(super) const PROOF_SECRET: &str = "0123456789abcdef0123456789abcdef";
const MOST_CHECKS: u32 = 2_000;
