//! The vendor's side, on a real socket: written from its documentation and not from the provider.

use std::{
    collections::HashMap,
    future::IntoFuture,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use handset::{
    CheckId, Code, Error, ErrorKind, Result, Secret,
    clock::{Clock, SystemClock},
};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;

/// The running server. Clones share it.
#[derive(Clone)]
pub(crate) struct Server(Arc<Account>);

pub(crate) struct Account {
    pub(crate) url: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: Secret,
    /// `None` for an account whose reports are not signed.
    pub(crate) report_key: Option<Secret>,
    token: Secret,
    orders: Mutex<HashMap<String, Order>>,
    /// The server ends with it.
    _running: tokio::sync::watch::Sender<()>,
}

struct Order {
    code: Code,
    report_to: Option<String>,
    state: &'static str,
}

type Answer = Result<Json<Value>, StatusCode>;

impl Server {
    /// Starts with a fresh account, whose reports are `signed` or not.
    pub(crate) async fn start(signed: bool) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(no_socket)?;
        let address = listener.local_addr().map_err(no_socket)?;
        let (running, mut stop) = tokio::sync::watch::channel(());
        let server = Self(Arc::new(Account {
            url: format!("http://{address}"),
            client_id: "the client".to_owned(),
            client_secret: random()?,
            report_key: signed.then(random).transpose()?,
            token: random()?,
            orders: Mutex::default(),
            _running: running,
        }));
        // Weak, so that the account goes when the last handle outside does.
        let router = Router::new()
            .route("/token", post(token))
            .route("/orders", post(order))
            .route("/orders/{id}", get(status))
            .route("/orders/{id}/check", post(check))
            .with_state(Arc::downgrade(&server.0));
        let served = axum::serve(listener, router).with_graceful_shutdown(async move {
            let _ended = stop.changed().await;
        });
        tokio::spawn(served.into_future());
        Ok(server)
    }

    pub(crate) fn account(&self) -> &Account {
        &self.0
    }

    /// What the text message of an order says.
    pub(crate) fn sms(&self, id: &str) -> Option<Code> {
        self.0.orders().get(id).map(|order| order.code.clone())
    }

    /// The person takes the call of an order, and presses a key or hangs up.
    pub(crate) fn take_call(&self, id: &str, presses: bool) {
        self.0.settle(id, if presses { "confirmed" } else { "refused" });
    }

    /// The time of an order is over.
    pub(crate) fn close(&self, id: &str) {
        self.0.orders().entry(id.to_owned()).and_modify(|order| order.state = "closed");
    }
}

impl Account {
    fn orders(&self) -> MutexGuard<'_, HashMap<String, Order>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends an order, and reports it.
    fn settle(&self, id: &str, state: &'static str) {
        let Some(url) = self.orders().get_mut(id).and_then(|order| {
            order.state = state;
            order.report_to.clone()
        }) else {
            return;
        };
        let report = json!({ "report": CheckId::random().map(|id| id.to_string()).ok(), "order": id, "state": state });
        let body = report.to_string();
        let date = httpdate::fmt_http_date(SystemClock::default().now());
        let signature = self.report_key.as_ref().map(|key| sign(key, &date, &body));
        tokio::spawn(async move {
            // It calls this machine: no certificates are needed, and loading those of the system takes its time.
            let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
            let mut request = client.post(url).header("content-type", "application/json").header("date", date);
            if let Some(signature) = signature {
                request = request.header("acme-signature", signature);
            }
            request.body(body).send().await
        });
    }

    fn admit(&self, headers: &HeaderMap) -> Result<(), StatusCode> {
        let shown = headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        match shown {
            Some(token) if self.token.matches(token.as_bytes()) => Ok(()),
            _ => Err(StatusCode::UNAUTHORIZED),
        }
    }
}

type Shared = State<std::sync::Weak<Account>>;

fn account(State(account): &Shared) -> Result<Arc<Account>, StatusCode> {
    account.upgrade().ok_or(StatusCode::SERVICE_UNAVAILABLE)
}

async fn token(shared: Shared, Json(body): Json<Value>) -> Answer {
    let account = account(&shared)?;
    let known = text(&body, "id") == Some(&account.client_id);
    if !known || text(&body, "secret") != Some(account.client_secret.expose()) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    Ok(Json(json!({ "access_token": account.token.expose() })))
}

async fn order(shared: Shared, headers: HeaderMap, Json(body): Json<Value>) -> Answer {
    let account = account(&shared)?;
    account.admit(&headers)?;
    let keys = match text(&body, "channel") {
        Some("sms") => None,
        Some("key_press") => Some("7"),
        _ => return Err(StatusCode::BAD_REQUEST),
    };
    let id = CheckId::random().map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?.to_string();
    let code = Code::random(6).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let report_to = text(&body, "report_to").map(str::to_owned);
    account.orders().insert(id.clone(), Order { code, report_to, state: "open" });
    Ok(Json(json!({ "order": id, "keys": keys })))
}

async fn check(shared: Shared, headers: HeaderMap, Path(id): Path<String>, Json(body): Json<Value>) -> Answer {
    let account = account(&shared)?;
    account.admit(&headers)?;
    account.state(&id)?;
    let right = account.orders().get(&id).is_some_and(|order| text(&body, "code") == Some(order.code.expose()));
    if right {
        account.settle(&id, "confirmed");
    }
    Ok(Json(json!({ "state": if right { "confirmed" } else { "refused" } })))
}

async fn status(shared: Shared, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    let account = account(&shared)?;
    account.admit(&headers)?;
    Ok(Json(json!({ "state": account.state(&id)? })))
}

impl Account {
    fn state(&self, id: &str) -> Result<&'static str, StatusCode> {
        match self.orders().get(id).map(|order| order.state) {
            None => Err(StatusCode::NOT_FOUND),
            Some("closed") => Err(StatusCode::GONE),
            Some(state) => Ok(state),
        }
    }
}

fn text<'a>(body: &'a Value, field: &str) -> Option<&'a str> {
    body.get(field)?.as_str()
}

fn sign(key: &Secret, date: &str, body: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes());
    let signed = mac.map(|mac| mac.chain_update(date).chain_update("\n").chain_update(body).finalize().into_bytes());
    signed.map(|bytes| STANDARD.encode(bytes)).unwrap_or_default()
}

fn random() -> Result<Secret> {
    Ok(Secret::new(CheckId::random()?.to_string()))
}

fn no_socket(source: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the vendor cannot listen on this machine").with_source(source)
}
