//! The man in the middle: between the provider and its vendor, on real sockets.

use std::{
    convert::Infallible,
    fmt,
    future::IntoFuture,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};

use super::{hearing::Book, vendor::Ask};
use crate::{
    callback::Message,
    error::{Error, ErrorKind, Result},
    provider::{Provider, http::HttpClient},
};

/// What lies between the provider under test and its vendor.
pub struct Wire {
    address: SocketAddr,
    time_out: Duration,
    shared: Arc<Shared>,
    posted: tokio::sync::Mutex<mpsc::UnboundedReceiver<Message>>,
    /// The servers end when this is dropped.
    _running: watch::Sender<()>,
}

/// A request that the provider sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Seen {
    /// Its method.
    pub method: Method,
    /// Its path, without the query.
    pub path: String,
}

/// What happens to requests of one kind.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// This status and body, and `Retry-After: 7`.
    Answer(u16, String),
    /// No answer.
    Silence,
    /// The vendor's answer without its second half.
    CutOff,
    /// A web page.
    Html,
    /// 2 MiB of JSON.
    TwoMib,
    /// 307 to another server.
    Redirect,
    /// The vendor serves the request, and its answer is lost with the connection.
    HangUp,
}

impl Wire {
    pub(super) async fn open(vendor: String, time_out: Duration, book: Book, clients: Clients) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(no_socket)?;
        let address = listener.local_addr().map_err(no_socket)?;
        let (posted, inbox) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            origin: format!("http://{address}"),
            vendor: vendor.trim_end_matches('/').to_owned(),
            clients,
            book,
            traffic: Mutex::default(),
            provider: OnceLock::new(),
            posted,
        });
        let (running, mut stop) = watch::channel(());
        let app = Router::new()
            .route(CALLBACK, axum::routing::any(callback))
            .fallback(relay)
            .with_state(Arc::clone(&shared))
            .into_make_service_with_connect_info::<SocketAddr>();
        let server = axum::serve(listener, app).with_graceful_shutdown(async move {
            let _ended = stop.changed().await;
        });
        tokio::spawn(server.into_future());
        Ok(Self { address, time_out, shared, posted: tokio::sync::Mutex::new(inbox), _running: running })
    }

    /// Where the vendor's API begins, for the provider.
    #[must_use]
    pub fn url(&self) -> String {
        self.shared.origin.clone()
    }

    /// Where the vendor may post reports. What is posted there is handed to the provider.
    #[must_use]
    pub fn callback_url(&self) -> String {
        format!("http://{}{CALLBACK}", self.address)
    }

    /// Where a device comes back to.
    #[must_use]
    pub fn return_url(&self) -> String {
        format!("http://{}/return", self.address)
    }

    /// A client that may reach this machine.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] when the TLS back end cannot be set up.
    pub fn client(&self) -> Result<HttpClient> {
        Ok(self.shared.clients.provider.clone())
    }

    /// How long the provider may let its vendor take.
    #[must_use]
    pub fn time_out(&self) -> Duration {
        self.time_out
    }

    /// Lets the vendor test the callback URL, as some do when it is entered.
    pub(super) fn listen_for(&self, provider: &Arc<dyn Provider>) {
        let _set_once = self.shared.provider.set(Arc::clone(provider));
    }

    /// Spoils requests of one kind from now on.
    pub(super) fn spoil(&self, ask: &Ask, fault: Fault) {
        self.shared.traffic().fault = Some((ask.clone(), fault));
    }

    /// How many requests of one kind came.
    pub(super) fn count(&self, ask: &Ask) -> usize {
        self.shared.traffic().seen.iter().filter(|seen| ask.is(seen)).count()
    }

    /// The requests that no `asks` knows.
    pub(super) fn unknown(&self, asks: &[Ask]) -> Option<Seen> {
        self.shared.traffic().seen.iter().find(|seen| !asks.iter().any(|ask| ask.is(seen))).cloned()
    }

    /// How many requests came where a redirect led.
    pub(super) fn led_away(&self) -> usize {
        self.shared.traffic().led_away
    }

    /// What the vendor posts next, as an endpoint would hand it on.
    pub(super) async fn next_callback(&self) -> Option<Message> {
        self.posted.lock().await.recv().await
    }
}

/// The clients of one run of a case: they take longer to make than most cases run.
#[derive(Clone)]
pub(super) struct Clients {
    relay: reqwest::Client,
    provider: HttpClient,
}

impl Clients {
    pub(super) fn new() -> Result<Self> {
        let relay = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build();
        Ok(Self { relay: relay.map_err(no_client)?, provider: HttpClient::danger_with_private_addresses()? })
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("address", &self.address).finish_non_exhaustive()
    }
}

struct Shared {
    origin: String,
    vendor: String,
    clients: Clients,
    book: Book,
    traffic: Mutex<Traffic>,
    provider: OnceLock<Arc<dyn Provider>>,
    posted: mpsc::UnboundedSender<Message>,
}

#[derive(Default)]
struct Traffic {
    seen: Vec<Seen>,
    fault: Option<(Ask, Fault)>,
    led_away: usize,
}

impl Shared {
    fn traffic(&self) -> std::sync::MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a request down, with what it is authorized by, and says how it is spoiled.
    fn note(&self, request: &Request) -> Option<Fault> {
        let authorization = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        authorization.into_iter().for_each(|value| self.book.secret(value.rsplit(' ').next().unwrap_or(value)));
        let seen = Seen { method: request.method().clone(), path: request.uri().path().to_owned() };
        let mut traffic = self.traffic();
        if seen.path.starts_with(AWAY) {
            traffic.led_away += 1;
            return Some(Fault::Answer(200, "{}".to_owned()));
        }
        traffic.seen.push(seen.clone());
        traffic.fault.as_ref().filter(|(ask, _)| ask.is(&seen)).map(|(_, fault)| fault.clone())
    }

    /// Has the vendor serve a request.
    async fn forward(&self, request: Request) -> Option<(StatusCode, HeaderMap, Bytes)> {
        let (parts, body) = request.into_parts();
        let url = format!("{}{}", self.vendor, parts.uri.path_and_query()?);
        let body = to_bytes(body, MOST).await.ok()?;
        let request = self.clients.relay.request(parts.method, url).headers(end_to_end(parts.headers)).body(body);
        let answer = request.send().await.ok()?;
        let (status, headers) = (answer.status(), end_to_end(answer.headers().clone()));
        Some((status, headers, answer.bytes().await.ok()?))
    }
}

async fn relay(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    match shared.note(&request) {
        Some(Fault::Answer(status, body)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, json, [(header::RETRY_AFTER, RETRY_AFTER.as_secs().to_string())], body).into_response()
        }
        Some(Fault::Silence) => std::future::pending().await,
        Some(Fault::Html) => axum::response::Html("<!doctype html><title>Welcome to Wi-Fi</title>").into_response(),
        Some(Fault::TwoMib) => (json, format!("{{\"padding\":\"{}\"}}", "x".repeat(2 << 20))).into_response(),
        Some(Fault::Redirect) => {
            let to = format!("{}{AWAY}", shared.origin.replace("127.0.0.1", "localhost"));
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response()
        }
        Some(Fault::CutOff) => match shared.forward(request).await {
            Some((status, headers, body)) => (status, headers, body.slice(..body.len() / 2)).into_response(),
            None => StatusCode::BAD_GATEWAY.into_response(),
        },
        Some(Fault::HangUp) => {
            let _served = shared.forward(request).await;
            let broken = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"{")), Err(hung_up())]);
            Response::new(Body::from_stream(broken))
        }
        None => match shared.forward(request).await {
            Some(answer) => answer.into_response(),
            None => StatusCode::BAD_GATEWAY.into_response(),
        },
    }
}

async fn callback(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Result<Response, Infallible> {
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    let echo = shared.provider.get().and_then(|provider| provider.echo(query));
    if let Some(echo) = echo.filter(|_| parts.method == Method::GET) {
        return Ok(echo.into_response());
    }
    let url = format!("{}{}", shared.origin, parts.uri.path_and_query().map_or("", |path| path.as_str()));
    let body = to_bytes(body, MOST).await.unwrap_or_default();
    let mut message = Message::new(parts.method, url, parts.headers, body);
    message.peer = Some(peer.ip());
    let _nobody_waits = shared.posted.send(message);
    Ok(StatusCode::OK.into_response())
}

/// The headers without those that belong to one connection.
fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    const HOP: [HeaderName; 4] = [header::HOST, header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING];
    for name in HOP {
        headers.remove(name);
    }
    headers
}

fn hung_up() -> std::io::Error {
    std::io::ErrorKind::ConnectionReset.into()
}

fn no_socket(source: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the suite cannot listen on this machine").with_source(source)
}

fn no_client(source: reqwest::Error) -> Error {
    Error::new(ErrorKind::Misconfigured, "the suite cannot make its HTTP client").with_source(source)
}

/// What a spoiled answer says in `Retry-After`.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(7);

const CALLBACK: &str = "/callback/of/the/suite";
const AWAY: &str = "/another/host";
const MOST: usize = 4 << 20;
