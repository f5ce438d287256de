//! Where Redis is, and as whom to go there.

use std::{fmt, time::Duration};

use ::redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};

use crate::{
    error::{Error, ErrorKind, Result},
    secret::Secret,
};

/// Where Redis is, and as whom to go there.
///
/// Addresses are URLs: `redis://host:6379`, `rediss://host:6380` for TLS, `redis+unix:///run/redis.sock` for a socket, with the number
/// of a database as their path. A password stands in a URL only when the whole of it is a [secret](Self::secret_url).
///
/// ```
/// use handset::{ErrorKind, redis::RedisConfig};
///
/// let config = RedisConfig::single("redis://127.0.0.1:6379/2")?.prefix("staging:");
/// let error = RedisConfig::single("redis://:secret@127.0.0.1").unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Misconfigured);
/// assert!(!error.to_string().contains("secret"));
/// # drop(config);
/// # Ok::<(), handset::Error>(())
/// ```
#[derive(Clone)]
pub struct RedisConfig {
    pub(super) topology: Topology,
    pub(super) user: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) prefix: String,
    pub(super) deadline: Duration,
    pub(super) connect_time_out: Duration,
    pub(super) ca: Option<Vec<u8>>,
}

#[derive(Clone)]
pub(super) enum Topology {
    Single(ConnectionInfo),
    Cluster(Vec<ConnectionInfo>),
    Sentinel { name: String, sentinels: Vec<ConnectionInfo> },
}

impl RedisConfig {
    /// How long one call may take when nothing else is said.
    pub const DEADLINE: Duration = Duration::from_millis(250);

    /// How long connecting may take when nothing else is said.
    pub const CONNECT_TIME_OUT: Duration = Duration::from_secs(2);

    /// One server.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] when it is no URL of a Redis, or has a password in it.
    pub fn single(url: &str) -> Result<Self> {
        Ok(Self::of(Topology::Single(address(url)?)))
    }

    /// One server, by a URL that is a secret as a whole, since user and password may stand in it: `rediss://user:password@host:6380`, as
    /// hosts hand it out in the environment.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] when it is no URL of a Redis; the error shows nothing of it.
    pub fn secret_url(url: &Secret) -> Result<Self> {
        let info = parsed(url.expose())?;
        let (user, password) = (info.redis_settings().username(), info.redis_settings().password());
        let (user, password) = (user.map(str::to_owned), password.map(Secret::new));
        Ok(Self { user, password, ..Self::of(Topology::Single(info)) })
    }

    /// A cluster, by the addresses of some of its nodes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] as for [`single`](Self::single), and when there is no address.
    pub fn cluster<'a>(urls: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        Ok(Self::of(Topology::Cluster(addresses(urls)?)))
    }

    /// The master of this name, which these Sentinels know. Where their URLs are `rediss`, the master is reached by TLS as well; user,
    /// password and database are those of the master.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`] as for [`cluster`](Self::cluster).
    pub fn sentinel<'a>(name: &str, urls: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        Ok(Self::of(Topology::Sentinel { name: name.to_owned(), sentinels: addresses(urls)? }))
    }

    fn of(topology: Topology) -> Self {
        Self {
            topology,
            user: None,
            password: None,
            prefix: "handset:".to_owned(),
            deadline: Self::DEADLINE,
            connect_time_out: Self::CONNECT_TIME_OUT,
            ca: None,
        }
    }

    /// A user of the server's access control list (Redis 6), with its password.
    #[must_use]
    pub fn user(mut self, name: impl Into<String>, password: Secret) -> Self {
        self.user = Some(name.into());
        self.password(password)
    }

    /// The password of the server's default user.
    #[must_use]
    pub fn password(mut self, password: Secret) -> Self {
        self.password = Some(password);
        self
    }

    /// What every key begins with: `handset:` when nothing else is said. Tenants that share a server have one each.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long one call may take. Whatever is not answered by then is an outage.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How long connecting may take.
    #[must_use]
    pub fn connect_time_out(mut self, time_out: Duration) -> Self {
        self.connect_time_out = time_out;
        self
    }

    /// Certificates, in PEM, of those who may vouch for the server, in place of the system's.
    #[must_use]
    pub fn ca(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca = Some(pem.into());
        self
    }
}

impl Topology {
    /// Where it is, for people.
    pub(super) fn place(&self) -> String {
        let list = |all: &[ConnectionInfo]| all.iter().map(|one| one.addr().to_string()).collect::<Vec<_>>().join(", ");
        match self {
            Self::Single(one) => one.addr().to_string(),
            Self::Cluster(nodes) => format!("the cluster of {}", list(nodes)),
            Self::Sentinel { name, sentinels } => format!("`{name}` of the Sentinels {}", list(sentinels)),
        }
    }
}

impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConfig")
            .field("place", &self.topology.place())
            .field("user", &self.user)
            .field("prefix", &self.prefix)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

fn addresses<'a>(urls: impl IntoIterator<Item = &'a str>) -> Result<Vec<ConnectionInfo>> {
    let addresses = urls.into_iter().map(address).collect::<Result<Vec<_>>>()?;
    match addresses.is_empty() {
        true => Err(Error::new(ErrorKind::Misconfigured, "there is no address of Redis")),
        false => Ok(addresses),
    }
}

fn address(url: &str) -> Result<ConnectionInfo> {
    let info = parsed(url)?;
    let settings = info.redis_settings();
    if settings.password().is_some() || settings.username().is_some() {
        return Err(wrong("user and password do not stand in the URL of Redis; give them apart from it"));
    }
    Ok(info)
}

/// An error shows nothing of the URL, which may hold a password after all.
fn parsed(url: &str) -> Result<ConnectionInfo> {
    let info = url
        .into_connection_info()
        .map_err(|_| wrong("this is no URL of Redis; write `redis://host:6379`, or `rediss://host:6380` for TLS"))?;
    match info.addr() {
        ConnectionAddr::TcpTls { insecure: true, .. } => {
            Err(wrong("`#insecure` in the URL of Redis would take any server; give its certificate authority"))
        }
        _ => Ok(info),
    }
}

fn wrong(what: &'static str) -> Error {
    Error::new(ErrorKind::Misconfigured, what)
}
