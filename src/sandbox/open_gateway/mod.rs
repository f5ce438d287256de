//! Open Gateway: an operator that knows the SIM of whoever opens its authorization URL, and answers CAMARA Number Verification.
//!
//! | path | does |
//! |---|---|
//! | `GET /.well-known/openid-configuration`, `GET /jwks` | metadata, the key of `id_token`s |
//! | `GET /authorize` | knows the SIM by the header `x-sandbox-sim`; without it, does what the knob `over_wifi` says |
//! | `POST /bc-authorize` | takes a CIBA request about an operator token, or about a number, whose person is asked as the knob `backchannel` says |
//! | `POST /token` | exchanges a code: once, within a minute, for the same client, redirect URI and PKCE verifier; a CIBA request that was granted; an assertion with an operator token |
//! | `POST /number-verification/{v0,v1,v2}/verify` | says whether a number is that of the token's SIM; the token is good once, for 300 seconds |
//!
//! | `POST /handsets/{number}/operator_token` | what an app on that handset gets from its SIM, for the client or for another `{"client_id": ".."}` |
//! | `POST /handsets/{number}/approval` | the person with that handset answers what was asked: `{"approve": true}` |
//!
//! The last two are below the sandbox itself. The vendors document the words; the statuses and texts here are the emulator's own where they do not.

mod ask;
mod authorize;
mod backchannel;
mod bearer;
mod device;
mod jwt;
mod token;
mod verify;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::State,
    response::Response,
};
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};

use self::ask::{Ask, once, repeated};
use crate::{
    clock::{Clock, SystemClock},
    error::Result,
    sandbox::{
        Sandbox,
        common::Common,
        content::Content,
        credentials::given_or,
        fault::{self, Answer},
        handset::e164,
        knob::Dials,
        log::Incoming,
        random,
    },
    secret::Secret,
};

/// Open Gateway: where it is, and its one client, which may show who it is by its secret or by a signed assertion.
impl Sandbox {
    /// The issuer, and the base of the API: a client appends `/number-verification/v2/verify`.
    #[must_use]
    pub fn open_gateway_url(&self) -> String {
        self.open_gateway.issuer.clone()
    }

    /// The `client_id` of the one client.
    #[must_use]
    pub fn open_gateway_client_id(&self) -> &str {
        &self.open_gateway.client_id
    }

    /// The secret of the one client, for HTTP Basic.
    #[must_use]
    pub fn open_gateway_client_secret(&self) -> &Secret {
        &self.open_gateway.client_secret
    }

    /// The private key of the one client for ES256, in PEM. It is the same in every sandbox.
    #[must_use]
    pub fn open_gateway_key(&self) -> Secret {
        Secret::new(CLIENT_ES256)
    }

    /// The private key of the one client for RS256, in PEM. It is the same in every sandbox.
    #[must_use]
    pub fn open_gateway_rsa_key(&self) -> Secret {
        Secret::new(CLIENT_RS256)
    }

    /// Registers a redirect URI of the one client. Before the first, any URI is taken; from then on, those only, to the letter.
    pub fn open_gateway_redirect_uri(&self, uri: impl Into<String>) {
        self.open_gateway.state().redirect_uris.push(uri.into());
    }

    /// An operator token (GSMA TS.43) for the one client, as its app gets it on the handset of that number. Good once, for a
    /// minute or what the knob `token_lifetime` says.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) when the system's random generator fails.
    pub fn operator_token(&self, number: &str) -> Result<Secret> {
        self.open_gateway.operator_token(&e164(number), &self.open_gateway.client_id)
    }

    /// The same for another client.
    ///
    /// # Errors
    ///
    /// As [`operator_token`](Self::operator_token).
    pub fn operator_token_for(&self, number: &str, client_id: &str) -> Result<Secret> {
        self.open_gateway.operator_token(&e164(number), client_id)
    }

    /// The person with the handset of that number answers what the operator asked: how many requests that was.
    pub fn answer_operator(&self, number: &str, approve: bool) -> usize {
        self.open_gateway.answer(&e164(number), approve)
    }

    /// How often a client asked about a CIBA request before its time, and was told to slow down.
    #[must_use]
    pub fn open_gateway_slow_downs(&self) -> usize {
        self.open_gateway.state().slow_downs
    }
}

/// One operator, and what it has given out.
pub(super) struct Emulator {
    issuer: String,
    client_id: String,
    client_secret: Secret,
    keys: jwt::Keys,
    state: Mutex<Given>,
    common: Arc<Common>,
}

#[derive(Default)]
struct Given {
    redirect_uris: Vec<String>,
    codes: Latest<Grant>,
    tokens: Latest<Token>,
    /// The ids of assertions that were used.
    assertions: Latest<()>,
    requests: Latest<backchannel::Request>,
    operator_tokens: Latest<bearer::OperatorToken>,
    slow_downs: usize,
}

/// What a code stands for.
#[derive(Clone)]
struct Grant {
    /// `None` when the device came without mobile data.
    sim: Option<String>,
    redirect_uri: String,
    scope: String,
    nonce: Option<String>,
    challenge: String,
    expires: SystemTime,
    used: bool,
    /// What it was exchanged for; taken back when the code comes a second time (RFC 6749, section 4.1.2).
    token: Option<String>,
}

/// What an access token stands for.
#[derive(Clone)]
struct Token {
    sim: Option<String>,
    scope: String,
    expires: SystemTime,
    used: bool,
}

impl Emulator {
    /// The emulator below `origin`.
    pub(super) fn new(common: Arc<Common>, origin: &str) -> Result<Self> {
        let given = &common.credentials;
        let client_id = given_or(&given.open_gateway_client_id, || Ok(format!("app-{}", random::alphanumeric(12)?)))?;
        Ok(Self {
            issuer: format!("{origin}/open_gateway"),
            client_id: client_id.expose().to_owned(),
            client_secret: given_or(&given.open_gateway_client_secret, || random::alphanumeric(32))?,
            keys: jwt::Keys::new()?,
            state: Mutex::default(),
            common,
        })
    }

    fn serve(&self, ask: &Ask, dials: &Dials) -> Reply {
        if dials.too_many().is_some() {
            let body = json!({ "status": 429, "code": "TOO_MANY_REQUESTS", "message": "Rate limit reached." });
            return Reply::new(StatusCode::TOO_MANY_REQUESTS, body);
        }
        if let Some((code, status)) = dials.error_code() {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            return Reply::new(status, json!({ "status": status.as_u16(), "code": code, "message": "Refused" }));
        }
        match (ask.path.as_str(), &ask.method) {
            ("/.well-known/openid-configuration", &Method::GET) => Reply::new(StatusCode::OK, self.metadata()),
            ("/jwks", &Method::GET) => Reply::new(StatusCode::OK, self.keys.published()),
            ("/authorize", &Method::GET) => self.authorize(ask, dials),
            ("/bc-authorize", &Method::POST) => self.bc_authorize(ask, dials),
            ("/token", &Method::POST) => self.token(ask),
            (path, method) => {
                match path.strip_prefix("/number-verification/").and_then(|p| p.strip_suffix("/verify")) {
                    Some(version @ ("v0" | "v1" | "v2")) if method == Method::POST => self.verify(version, ask, dials),
                    Some("v0" | "v1" | "v2") => Reply::new(
                        StatusCode::METHOD_NOT_ALLOWED,
                        json!({ "status": 405, "code": "METHOD_NOT_ALLOWED", "message": "Use POST" }),
                    ),
                    _ => Reply::new(
                        StatusCode::NOT_FOUND,
                        json!({ "status": 404, "code": "NOT_FOUND", "message": "No such operation" }),
                    ),
                }
            }
        }
    }

    fn metadata(&self) -> Value {
        let issuer = &self.issuer;
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/jwks"),
            "response_types_supported": ["code"],
            "backchannel_authentication_endpoint": format!("{issuer}/bc-authorize"),
            "backchannel_token_delivery_modes_supported": ["poll"],
            "backchannel_user_code_parameter_supported": false,
            "grant_types_supported": ["authorization_code", token::CIBA, token::JWT_BEARER],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["ES256", "RS256"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
        })
    }

    fn state(&self) -> MutexGuard<'_, Given> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number behind what is exchanged for a token.
    fn of_grant(&self, ask: &Ask) -> Option<String> {
        if let Some(code) = ask.form("code") {
            return self.state().codes.find(&code)?.sim.clone();
        }
        if let Some(id) = ask.form("auth_req_id") {
            return self.state().requests.find(&id).map(|request| request.number.clone());
        }
        let claims = self.keys.signed_by_client(&ask.form("assertion")?)?;
        self.of_hint(claims.get("sub")?.as_str()?)
    }

    /// The number that a hint names, or whose SIM has made it.
    fn of_hint(&self, hint: &str) -> Option<String> {
        match hint.split_once(':')? {
            ("tel", number) => Some(e164(number)),
            ("operatortoken", token) => self.state().operator_tokens.find(token).map(|token| token.sim.clone()),
            _ => None,
        }
    }

    /// The number that a request is about: that of the SIM behind it, else the one that it names.
    fn number(&self, ask: &Ask) -> Option<String> {
        let sim = match ask.path.as_str() {
            "/authorize" => ask.sim(),
            "/token" => self.of_grant(ask),
            "/bc-authorize" => ask.form("login_hint").and_then(|hint| self.of_hint(&hint)),
            _ => ask.bearer().and_then(|token| self.state().tokens.find(token)?.sim.clone()),
        };
        let named = || match ask.path.as_str() {
            "/authorize" => ask.query("login_hint")?.strip_prefix("tel:").map(e164),
            _ => serde_json::from_slice::<Value>(&ask.body).ok()?.get("phoneNumber")?.as_str().map(e164),
        };
        sim.or_else(named)
    }
}

/// The vendor's routes, below its prefix.
pub(super) fn router(emulator: Arc<Emulator>) -> Router {
    Router::new().fallback(handle).with_state(emulator)
}

/// What happens on the handsets.
pub(super) use device::router as handsets;

async fn handle(State(emulator): State<Arc<Emulator>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LONGEST_BODY).await.unwrap_or_default();
    let sent = Content::of_request(&parts.headers, parts.uri.query(), &body);
    let ask = Ask::new(parts.method, &parts.uri, parts.headers, body);
    let common = &emulator.common;
    let number = emulator.number(&ask);
    let dials = common.knobs.count(NAME, number.as_deref());
    let entry = common.log.begin(Incoming {
        vendor: NAME,
        method: ask.method.clone(),
        path: format!("/open_gateway{}", ask.path),
        number,
        sent,
    });
    let mut headers = HeaderMap::new();
    let serve = || {
        let reply = emulator.serve(&ask, &dials);
        headers = reply.headers;
        reply.answer
    };
    let mut response = fault::answer(&dials, &common.stop, serve).await;
    response.headers_mut().extend(headers);
    entry.end(response)
}

/// An answer with headers of its own.
struct Reply {
    answer: Answer,
    headers: HeaderMap,
}

impl Reply {
    fn new(status: StatusCode, body: Value) -> Self {
        Self { answer: Answer { status, body }, headers: HeaderMap::new() }
    }
}

/// The latest [`CAPACITY`] things that were given out, by their names.
struct Latest<T>(VecDeque<(String, T)>);

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Latest<T> {
    fn add(&mut self, name: String, value: T) {
        if self.0.len() == CAPACITY {
            self.0.pop_front();
        }
        self.0.push_back((name, value));
    }

    fn all(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    fn find(&mut self, name: &str) -> Option<&mut T> {
        self.0.iter_mut().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

fn now() -> SystemTime {
    SystemClock.now()
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

const NAME: &str = "open_gateway";

const CLIENT_ES256: &str = include_str!("testdata/client_es256.pem");
const CLIENT_RS256: &str = include_str!("testdata/client_rs256.pem");

/// How long a code is good.
const CODE_LIFE: Duration = Duration::from_secs(60);

/// How long a token is good: the longest that the profile allows.
const TOKEN_LIFE: Duration = Duration::from_secs(300);

const CAPACITY: usize = 1_000;
const LONGEST_BODY: usize = 64 * 1024;
