//! The running server and what its owner can ask of it.

use std::{fmt, future::IntoFuture, net::SocketAddr, sync::Arc};

use axum::Router;
use tokio::{net::TcpListener, sync::watch};

use crate::{
    clock::Clock,
    error::{Error, ErrorKind, Result},
    sandbox::{
        activity::Watch,
        builder::Builder,
        citcall,
        common::{Common, Stop},
        control,
        handset::Handset,
        idlayr,
        knob::Knobs,
        live,
        log::LoggedRequest,
        numcheck, page, zadarma,
    },
    secret::Secret,
};

#[cfg(feature = "open-gateway")]
use crate::sandbox::open_gateway;

/// A running server that emulates the vendors. It stops when it is dropped, whatever its clients are doing.
///
/// It tells everyone who can reach it what the handsets were sent: keep it on loopback, and out of production.
pub struct Sandbox {
    address: SocketAddr,
    /// What the URLs that are handed out begin with.
    origin: String,
    citcall: Arc<citcall::Emulator>,
    idlayr: Arc<idlayr::Emulator>,
    numcheck: Arc<numcheck::Emulator>,
    zadarma: Arc<zadarma::Emulator>,
    #[cfg(feature = "open-gateway")]
    pub(super) open_gateway: Arc<open_gateway::Emulator>,
    common: Arc<Common>,
    /// The server ends, and every waiting answer with it, when this is dropped.
    _running: watch::Sender<()>,
}

impl Sandbox {
    /// Starts on 127.0.0.1, on a port that the system picks, with fresh random credentials.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when no port can be had or the system's random generator fails; [`ErrorKind::Misconfigured`]
    /// when the build has no cryptography: the features `aws-lc` and `rust-crypto` bring it.
    pub async fn start() -> Result<Self> {
        Self::builder().start().await
    }

    /// Starts on an address of your choice; port 0 lets the system pick one.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn bind(address: SocketAddr) -> Result<Self> {
        Self::builder().address(address).start().await
    }

    /// Starts as [`start`](Self::start) does, with vendors that let codes expire by a clock of yours.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn start_with_clock(clock: impl Clock) -> Result<Self> {
        Self::builder().clock(clock).start().await
    }

    /// Starts with other settings than those of [`start`](Self::start).
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(super) async fn launch(Builder { address, url, clock, credentials }: Builder) -> Result<Self> {
        let listener = TcpListener::bind(address).await.map_err(no_address)?;
        let address = listener.local_addr().map_err(no_address)?;
        let (running, stop) = watch::channel(());
        let origin = url.unwrap_or_else(|| format!("http://{address}"));
        let common = Arc::new(Common::new(Stop::new(stop), origin.clone()).with_credentials(credentials));
        let sandbox = Self {
            address,
            citcall: Arc::new(citcall::Emulator::new(Arc::clone(&common))?),
            idlayr: Arc::new(idlayr::Emulator::new(Arc::clone(&common), format!("{origin}/idlayr"))?),
            numcheck: Arc::new(numcheck::Emulator::new(Arc::clone(&common))?),
            #[cfg(feature = "open-gateway")]
            open_gateway: Arc::new(open_gateway::Emulator::new(Arc::clone(&common), &origin)?),
            zadarma: Arc::new(zadarma::Emulator::new(Arc::clone(&common), clock)?),
            common,
            origin,
            _running: running,
        };
        let server = axum::serve(listener, sandbox.router().merge(page::home()))
            .with_graceful_shutdown(sandbox.common.stop.wait());
        tokio::spawn(server.into_future());
        Ok(sandbox)
    }

    /// Where the server is reached, such as `http://127.0.0.1:41234`.
    #[must_use]
    pub fn url(&self) -> String {
        self.origin.clone()
    }

    /// A page with phones to look at. Each `?number=%2B37126123456` of a query shows the phone of that number.
    #[must_use]
    pub fn phones_url(&self) -> String {
        format!("{}{}", self.url(), page::PATH)
    }

    /// The base of the Citcall API; a client appends `/v2/asynccall` or `/v3/motp`.
    #[must_use]
    pub fn citcall_url(&self) -> String {
        format!("{}/citcall", self.url())
    }

    /// The user id of the one Citcall account, for version 2: 8 letters and digits.
    #[must_use]
    pub fn citcall_user_id(&self) -> &Secret {
        self.citcall.user_id()
    }

    /// The API key of the one Citcall account, for both versions: 32 hexadecimal digits.
    #[must_use]
    pub fn citcall_api_key(&self) -> &Secret {
        self.citcall.api_key()
    }

    /// How Citcall's callbacks were answered, the oldest first: the HTTP status, 0 for no answer.
    #[must_use]
    pub fn citcall_callbacks(&self) -> Vec<u16> {
        self.citcall.callbacks()
    }

    /// The base of the IDlayr API; a client appends `/phone_check/v0.2/checks`.
    #[must_use]
    pub fn idlayr_url(&self) -> String {
        format!("{}/idlayr", self.url())
    }

    /// The `client_id` of the one IDlayr project.
    #[must_use]
    pub fn idlayr_client_id(&self) -> &str {
        self.idlayr.client_id()
    }

    /// The `client_secret` of the one IDlayr project.
    #[must_use]
    pub fn idlayr_client_secret(&self) -> &Secret {
        self.idlayr.client_secret()
    }

    /// How IDlayr's callbacks were answered, the oldest first: the HTTP status, 0 for no answer.
    #[must_use]
    pub fn idlayr_callbacks(&self) -> Vec<u16> {
        self.idlayr.callbacks()
    }

    /// Has IDlayr sign with a key of another name from now on.
    pub fn rotate_idlayr_key(&self) {
        self.idlayr.rotate_key();
    }

    /// Takes every access token of IDlayr's back before its time.
    pub fn revoke_idlayr_tokens(&self) {
        self.idlayr.revoke_tokens();
    }

    /// The base of the NumCheck API; a client appends `/en/init-call`.
    #[must_use]
    pub fn numcheck_url(&self) -> String {
        format!("{}/numcheck", self.url())
    }

    /// The secret key of the one NumCheck service: 32 letters and digits.
    #[must_use]
    pub fn numcheck_token(&self) -> &Secret {
        self.numcheck.token()
    }

    /// The base of the Zadarma API; a client appends `/v1/verify/`, which is the path that it signs.
    #[must_use]
    pub fn zadarma_url(&self) -> String {
        format!("{}/zadarma", self.url())
    }

    /// The key of the one Zadarma account: 20 letters and digits.
    #[must_use]
    pub fn zadarma_key(&self) -> &Secret {
        self.zadarma.key()
    }

    /// The secret that signs the requests of the one Zadarma account: 20 letters and digits.
    #[must_use]
    pub fn zadarma_secret(&self) -> &Secret {
        self.zadarma.secret()
    }

    /// Enters the URL for notifications on the page of the Zadarma account. It is asked to repeat a value, as the vendor asks.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when it is no URL, does not answer, or does not repeat the value.
    pub async fn set_zadarma_webhook(&self, url: &str) -> Result<()> {
        self.zadarma.set_webhook(url).await
    }

    /// How Zadarma's callbacks were answered, the oldest first: the HTTP status, 0 for no answer.
    #[must_use]
    pub fn zadarma_callbacks(&self) -> Vec<u16> {
        self.zadarma.callbacks()
    }

    /// The header `Signature` that Zadarma would send with these fields of a callback, for tests that make one up.
    #[must_use]
    pub fn zadarma_signature(&self, fields: &[(&str, &str)]) -> String {
        self.zadarma.signature(fields)
    }

    /// The same routes on the same state, to mount inside another app. They answer while the sandbox lives.
    pub fn router(&self) -> Router {
        let router = Router::new()
            .nest("/citcall", citcall::router(Arc::clone(&self.citcall)))
            .nest("/idlayr", idlayr::router(Arc::clone(&self.idlayr)))
            .nest("/numcheck", numcheck::router(Arc::clone(&self.numcheck)))
            .nest("/zadarma", zadarma::router(Arc::clone(&self.zadarma)))
            .merge(control::router(Arc::clone(&self.common)))
            .merge(live::router(Arc::clone(&self.common)))
            .merge(page::router());
        #[cfg(feature = "open-gateway")]
        let router = router
            .nest("/open_gateway", open_gateway::router(Arc::clone(&self.open_gateway)))
            .merge(open_gateway::handsets(Arc::clone(&self.open_gateway)));
        router
    }

    /// The virtual handset of a number; `+`, spaces and dashes make no difference. An e-mail address has one, too: its inbox.
    #[must_use]
    pub fn handset(&self, number: &str) -> Handset {
        self.common.handsets.handset(number)
    }

    /// How the vendors misbehave.
    #[must_use]
    pub fn knobs(&self) -> &Knobs {
        &self.common.knobs
    }

    /// How many calls and messages the vendors accepted, and would bill, whether or not they reached a handset.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.common.calls()
    }

    /// What happens from now on: requests and events of handsets.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.common.feed.watch()
    }

    /// The latest 10,000 requests to the vendors, refused ones too, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.common.log.requests()
    }

    /// The latest 10,000 callbacks of the vendors, oldest first.
    #[must_use]
    pub fn callbacks(&self) -> Vec<LoggedRequest> {
        self.common.callbacks.requests()
    }
}

/// Shows where it listens and no credential.
impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("address", &self.address).finish_non_exhaustive()
    }
}

fn no_address(source: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the sandbox cannot listen on that address").with_source(source)
}
