//! One connection for all calls, made anew when it breaks.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind as RedisErrorKind, FromRedisValue,
    RedisError, RedisResult, Script, ServerErrorKind, TlsCertificates, TlsMode, Value,
    aio::{MultiplexedConnection, PubSub},
    cluster::{ClusterClient, ClusterClientBuilder},
    cluster_async::ClusterConnection,
    sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType},
};
use arc_swap::ArcSwapOption;
use tokio::{sync::Mutex, time::timeout};

use super::{
    Reply,
    config::{RedisConfig, Topology},
};
use crate::error::{Error, ErrorKind, Result};

/// A connection to Redis. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct Redis {
    inner: Arc<Inner>,
}

struct Inner {
    config: RedisConfig,
    route: Route,
    connected: ArcSwapOption<Connection>,
    /// Held while connecting; when that failed last.
    failed: Mutex<Option<(Instant, Error)>>,
}

/// How connections are made.
enum Route {
    Single(Client),
    /// The nodes that were named are those to listen at.
    Cluster(ClusterClient, Vec<Client>),
    Sentinel(Mutex<SentinelClient>),
}

/// An open connection, over which any number of calls go at a time.
#[derive(Clone)]
enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Redis {
    /// Connects, and [looks](Self::probe) whether the server is fit.
    ///
    /// # Errors
    ///
    /// As for [`probe`](Self::probe).
    pub async fn connect(config: RedisConfig) -> Result<Self> {
        let redis = Self::lazy(config)?;
        redis.probe().await?;
        Ok(redis)
    }

    /// Connects when it is first used, so that an application starts while Redis is down. Whether the server is fit is not
    /// looked at: see [`probe`](Self::probe).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] when the configuration cannot be used, by its certificates say.
    pub fn lazy(config: RedisConfig) -> Result<Self> {
        let route = Route::of(&config).map_err(|source| {
            Error::new(ErrorKind::Misconfigured, "Redis cannot be used as it is configured").with_source(source)
        })?;
        let inner = Inner { config, route, connected: ArcSwapOption::empty(), failed: Mutex::new(None) };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Looks whether the server is fit: this user may write keys of this prefix, and no key is evicted, since an attempt that is
    /// evicted is one that was never made.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when it cannot be reached, [`ErrorKind::Misconfigured`] when it does not let this user in, or evicts.
    pub async fn probe(&self) -> Result<()> {
        self.inner.connection().await.map_err(explain)?;
        self.try_to_write().await.map_err(explain)?;
        self.look_at_eviction().await
    }

    /// Runs a script, in one round trip when the server knows it.
    pub(crate) async fn call(&self, script: &Script, keys: &[Vec<u8>], args: &[Vec<u8>]) -> Result<Reply> {
        let mut invocation = script.prepare_invoke();
        for key in keys {
            invocation.key(key);
        }
        for arg in args {
            invocation.arg(arg);
        }
        let value = self.run(async |connection| match connection {
            Connection::One(mut one) => invocation.invoke_async::<Value>(&mut one).await,
            Connection::Cluster(mut cluster) => invocation.invoke_async::<Value>(&mut cluster).await,
        });
        Reply::of(value.await?)
    }

    /// Runs one command.
    pub(crate) async fn command(&self, command: &Cmd) -> Result<Reply> {
        Reply::of(self.query(command).await?)
    }

    async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T> {
        self.run(async |connection| match connection {
            Connection::One(mut one) => command.query_async(&mut one).await,
            Connection::Cluster(mut cluster) => command.query_async(&mut cluster).await,
        })
        .await
    }

    async fn run<T>(&self, work: impl AsyncFnOnce(Connection) -> RedisResult<T>) -> Result<T> {
        let inner = &self.inner;
        let mut used = None;
        let call = async {
            let connection = used.insert(inner.connection().await?);
            let done = work(Connection::clone(connection)).await;
            done.map_err(|error| inner.give_up(connection, error))
        };
        match timeout(inner.config.deadline, call).await {
            Ok(done) => done,
            Err(_) => {
                // Whatever hangs may hang for ever; the next call connects anew.
                if let Some(connection) = &used {
                    inner.forget(connection);
                }
                Err(Error::new(ErrorKind::Unavailable, "Redis did not answer in time"))
            }
        }
    }

    /// A connection of its own to listen on.
    pub(crate) async fn listen(&self) -> Result<PubSub> {
        let listening = timeout(self.inner.config.connect_time_out, self.inner.route.listen()).await;
        listening.map_err(|_| Error::new(ErrorKind::Unavailable, "Redis did not answer in time"))?.map_err(unavailable)
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.inner.config.prefix
    }

    /// Whether keys are spread over servers, so that one step can touch those of one slot only.
    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self.inner.config.topology, Topology::Cluster(_))
    }

    async fn try_to_write(&self) -> Result<()> {
        let mut set = ::redis::cmd("SET");
        set.arg(format!("{}probe", self.prefix())).arg("").arg("PX").arg(1000);
        self.command(&set).await.map(drop)
    }

    async fn look_at_eviction(&self) -> Result<()> {
        if self.is_cluster() {
            // Each node has a setting of its own; `docs/redis.md` says which.
            return Ok(());
        }
        let mut info = ::redis::cmd("INFO");
        info.arg("memory");
        let Ok(info) = self.query::<String>(&info).await else {
            tracing::warn!("this user of Redis may not read INFO: see to it that `maxmemory-policy` is `noeviction`");
            return Ok(());
        };
        let evicts = info
            .lines()
            .any(|line| line.strip_prefix("maxmemory_policy:").is_some_and(|policy| policy.trim() != "noeviction"));
        let bounded = info.lines().any(|line| line.strip_prefix("maxmemory:").is_some_and(|most| most.trim() != "0"));
        match evicts && bounded {
            true => Err(Error::new(
                ErrorKind::Misconfigured,
                "this Redis evicts keys when its memory is full, and with them attempts that were made; set \
                 `maxmemory-policy noeviction`",
            )),
            false => Ok(()),
        }
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

impl Inner {
    async fn connection(self: &Arc<Self>) -> Result<Arc<Connection>> {
        if let Some(connection) = self.connected.load_full() {
            return Ok(connection);
        }
        // In a task of its own: connecting may take longer than the call that is in need of it.
        let inner = Arc::clone(self);
        let connecting = tokio::spawn(async move { inner.connect().await });
        connecting.await.unwrap_or_else(|source| {
            Err(Error::new(ErrorKind::Unavailable, "connecting to Redis broke off").with_source(source))
        })
    }

    /// Connects, unless somebody else has meanwhile, or has failed just now.
    async fn connect(&self) -> Result<Arc<Connection>> {
        let mut failed = self.failed.lock().await;
        if let Some(connection) = self.connected.load_full() {
            return Ok(connection);
        }
        if let Some((_, error)) = failed.as_ref().filter(|(at, _)| at.elapsed() < PAUSE) {
            return Err(error.clone());
        }
        let opening = timeout(self.config.connect_time_out, self.route.open(&self.config)).await;
        let opened = match opening {
            Ok(opened) => opened.map_err(unavailable),
            Err(_) => Err(Error::new(ErrorKind::Unavailable, "connecting to Redis took too long")),
        };
        match opened {
            Ok(connection) => {
                tracing::info!(place = self.config.topology.place(), "connected to Redis");
                let connection = Arc::new(connection);
                self.connected.store(Some(Arc::clone(&connection)));
                *failed = None;
                Ok(connection)
            }
            Err(error) => {
                tracing::warn!(place = self.config.topology.place(), ?error, "Redis cannot be reached");
                *failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Drops a connection that is of no more use, and says so to the caller.
    fn give_up(&self, connection: &Arc<Connection>, error: RedisError) -> Error {
        let moved = matches!(
            error.kind(),
            RedisErrorKind::Server(
                ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown | ServerErrorKind::ClusterDown
            ) | RedisErrorKind::ClusterConnectionNotFound
        );
        if moved || error.is_io_error() || error.is_unrecoverable_error() {
            self.forget(connection);
        }
        unavailable(error)
    }

    /// Drops this connection, unless another one has taken its place: calls that were on their way together fail one after the other,
    /// and the last of them must not undo what the first has mended.
    fn forget(&self, connection: &Arc<Connection>) {
        self.connected.compare_and_swap(&Some(Arc::clone(connection)), None);
    }
}

impl Route {
    fn of(config: &RedisConfig) -> RedisResult<Self> {
        match &config.topology {
            Topology::Single(address) => client(address, config).map(Self::Single),
            Topology::Cluster(nodes) => {
                let users = nodes.iter().map(|node| as_user(node.clone(), config));
                let mut builder = ClusterClientBuilder::new(users)
                    .connection_timeout(config.connect_time_out)
                    .response_timeout(config.deadline)
                    // Slots that move are found again within the deadline; nothing else is tried again.
                    .retries(RETRIES)
                    .min_retry_wait(5)
                    .max_retry_wait(50);
                if config.ca.is_some() {
                    builder = builder.certs(certificates(config));
                }
                let seeds = nodes.iter().map(|node| client(node, config)).collect::<RedisResult<_>>()?;
                Ok(Self::Cluster(builder.build()?, seeds))
            }
            Topology::Sentinel { name, sentinels } => {
                let addresses = sentinels.iter().map(|sentinel| sentinel.addr().clone());
                let kind = SentinelServerType::Master;
                let mut builder = SentinelClientBuilder::new(addresses, name, kind)?;
                let first = sentinels.first();
                if let Some(first) = first {
                    builder = builder.set_client_to_redis_db(first.redis_settings().db());
                }
                if first.is_some_and(|sentinel| matches!(sentinel.addr(), ConnectionAddr::TcpTls { .. })) {
                    builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
                }
                if let Some(user) = &config.user {
                    builder = builder.set_client_to_redis_username(user);
                }
                if let Some(password) = &config.password {
                    builder = builder.set_client_to_redis_password(password.expose());
                }
                if config.ca.is_some() {
                    builder = builder
                        .set_client_to_redis_certificates(certificates(config))
                        .set_client_to_sentinel_certificates(certificates(config));
                }
                Ok(Self::Sentinel(Mutex::new(builder.build()?)))
            }
        }
    }

    async fn open(&self, config: &RedisConfig) -> RedisResult<Connection> {
        let settings = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(config.connect_time_out))
            .set_response_timeout(Some(config.deadline));
        match self {
            Self::Single(client) => {
                client.get_multiplexed_async_connection_with_config(&settings).await.map(Connection::One)
            }
            Self::Cluster(client, _) => client.get_async_connection().await.map(Connection::Cluster),
            Self::Sentinel(client) => {
                let mut client = client.lock().await;
                client.get_async_connection_with_config(&settings).await.map(Connection::One)
            }
        }
    }

    async fn listen(&self) -> RedisResult<PubSub> {
        match self {
            Self::Single(client) => client.get_async_pubsub().await,
            Self::Sentinel(client) => client.lock().await.async_get_client().await?.get_async_pubsub().await,
            // What is published at one node of a cluster is heard at all.
            Self::Cluster(_, seeds) => {
                let mut last = None;
                for seed in seeds {
                    match seed.get_async_pubsub().await {
                        Ok(listening) => return Ok(listening),
                        Err(error) => last = Some(error),
                    }
                }
                Err(last.unwrap_or_else(|| (RedisErrorKind::ClusterConnectionNotFound, "no node was named").into()))
            }
        }
    }
}

fn client(address: &ConnectionInfo, config: &RedisConfig) -> RedisResult<Client> {
    let info = as_user(address.clone(), config);
    match config.ca {
        Some(_) => Client::build_with_tls(info, certificates(config)),
        None => Client::open(info),
    }
}

fn certificates(config: &RedisConfig) -> TlsCertificates {
    TlsCertificates { client_tls: None, root_cert: config.ca.clone() }
}

fn as_user(address: ConnectionInfo, config: &RedisConfig) -> ConnectionInfo {
    let mut settings = address.redis_settings().clone();
    if let Some(user) = &config.user {
        settings = settings.set_username(user);
    }
    if let Some(password) = &config.password {
        settings = settings.set_password(password.expose());
    }
    address.set_redis_settings(settings)
}

/// What is wrong for good, and not for the moment only.
fn explain(error: Error) -> Error {
    let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<RedisError>());
    let refused = source.is_some_and(|source| {
        source.kind() == RedisErrorKind::AuthenticationFailed
            || source.code().is_some_and(|code| ["NOAUTH", "NOPERM", "WRONGPASS"].contains(&code))
    });
    match refused {
        true => Error::new(
            ErrorKind::Misconfigured,
            "Redis does not let this user in, or not write keys of this prefix: look at user, password and access control list",
        )
        .with_source(error),
        false => error,
    }
}

fn unavailable(source: RedisError) -> Error {
    Error::new(ErrorKind::Unavailable, "Redis cannot be used right now").with_source(source)
}

/// After a connection has failed, others are not tried for so long: calls fail at once meanwhile.
const PAUSE: Duration = Duration::from_millis(100);

const RETRIES: u32 = 4;
