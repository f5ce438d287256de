//! The demo's own sessions: a random cookie for each browser. Your app has something better already.
//!
//! What matters to handset is one line: the app says whose request it is by a `Subject` among its extensions.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{COOKIE, SET_COOKIE},
    },
    middleware::Next,
    response::Response,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use handset::{Subject, verifier::Caller};
use moka::{policy::EvictionPolicy, sync::Cache};

/// One visitor of the bank.
pub(crate) struct Session {
    subject: Subject,
    /// Euros.
    balance: Mutex<i64>,
}

impl Session {
    fn new(number: u64) -> handset::Result<Self> {
        // Not the cookie's value: a subject stands in proofs, and is no secret.
        Ok(Self { subject: Subject::new(format!("visitor-{number}"))?, balance: Mutex::new(FIRST_BALANCE) })
    }

    /// In euros.
    pub(crate) fn balance(&self) -> i64 {
        *self.balance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes euros from the account and returns what is left, or `None` when there is not enough.
    pub(crate) fn withdraw(&self, amount: i64) -> Option<i64> {
        let mut balance = self.balance.lock().unwrap_or_else(PoisonError::into_inner);
        *balance = balance.checked_sub(amount).filter(|left| *left >= 0)?;
        Some(*balance)
    }
}

/// Every session, by the value of its cookie. The ones used least lately make room.
#[derive(Clone)]
pub(crate) struct Sessions {
    by_cookie: Cache<String, Arc<Session>>,
    count: Arc<AtomicU64>,
}

impl Sessions {
    pub(crate) fn new() -> Self {
        let by_cookie = Cache::builder()
            .max_capacity(MOST_SESSIONS)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(IDLE)
            .build();
        Self { by_cookie, count: Arc::default() }
    }

    fn open(&self) -> Result<(Arc<Session>, HeaderValue), StatusCode> {
        let mut secret = [0; 16];
        getrandom::fill(&mut secret).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        let secret = URL_SAFE_NO_PAD.encode(secret);
        // Without `Secure`, which a page on plain HTTP could not set; yours has it.
        let cookie = HeaderValue::from_str(&format!("{COOKIE_NAME}={secret}; Path=/; HttpOnly; SameSite=Lax"))
            .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let session = Arc::new(Session::new(number).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?);
        self.by_cookie.insert(secret, Arc::clone(&session));
        Ok((session, cookie))
    }
}

/// The middleware: finds the session of a request or opens one.
pub(crate) async fn attach(
    State(sessions): State<Sessions>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Result<Response, StatusCode> {
    let known = cookie(request.headers()).and_then(|secret| sessions.by_cookie.get(secret));
    let (session, fresh) = match known {
        Some(session) => (session, None),
        None => sessions.open().map(|(session, cookie)| (session, Some(cookie)))?,
    };
    let extensions = request.extensions_mut();
    extensions.insert(session.subject.clone()); // whose request it is ...
    extensions.insert(Caller::at(peer.ip())); // ... and where it comes from, for limits on networks
    extensions.insert(session);
    let mut response = next.run(request).await;
    if let Some(cookie) = fresh {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='))
}

const COOKIE_NAME: &str = "demo_session";
const FIRST_BALANCE: i64 = 2_500;
const MOST_SESSIONS: u64 = 1_000;
const IDLE: Duration = Duration::from_secs(60 * 60);
