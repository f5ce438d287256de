//! What several processes share, as the settings have it.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Deserializer, de::Visitor};

use super::{config::some_duration, read::SECRET_OR_TEXT};
use crate::{
    error::{Error, ErrorKind, Result},
    redis::{Redis, RedisConfig},
    secret::Secret,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RedisSection {
    /// One server, ...
    #[serde(default)]
    url: Option<Url>,
    /// ... some nodes of a cluster, ...
    #[serde(default)]
    cluster: Vec<String>,
    /// ... or a master that Sentinels know.
    #[serde(default)]
    sentinel: Option<Sentinel>,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    password: Option<Secret>,
    #[serde(default)]
    prefix: Option<String>,
    #[serde(default, deserialize_with = "some_duration")]
    deadline: Option<Duration>,
    #[serde(default, deserialize_with = "some_duration")]
    connect_time_out: Option<Duration>,
    /// A file with certificates in PEM.
    #[serde(default)]
    ca: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sentinel {
    name: String,
    urls: Vec<String>,
}

impl RedisSection {
    /// A connection that is made when it is first used; the files that it names are in `folder`.
    pub(super) fn redis(self, folder: &Path) -> Result<Redis> {
        if matches!(self.url, Some(Url::Secret(_))) && (self.user.is_some() || self.password.is_some()) {
            return Err(misconfigured("a `url` that is a secret has user and password in it; leave the others out"));
        }
        let mut config = match (&self.url, self.cluster.as_slice(), &self.sentinel) {
            (Some(url), [], None) => match url {
                Url::Text(text) => RedisConfig::single(text),
                Url::Secret(secret) => RedisConfig::secret_url(secret),
            }
            .map_err(|error| of("url", &error))?,
            (None, [_, ..], None) => {
                let nodes = self.cluster.iter().map(String::as_str);
                RedisConfig::cluster(nodes).map_err(|error| of("cluster", &error))?
            }
            (None, [], Some(sentinel)) => {
                let urls = sentinel.urls.iter().map(String::as_str);
                RedisConfig::sentinel(&sentinel.name, urls).map_err(|error| of("sentinel", &error))?
            }
            _ => {
                return Err(misconfigured(
                    "write one of `url = \"redis://host:6379\"`, `cluster = [\"redis://host:6379\", ..]` and \
                     `sentinel = { name = \"main\", urls = [\"redis://host:26379\", ..] }`",
                ));
            }
        };
        config = match (self.user, self.password) {
            (Some(user), Some(password)) => config.user(user, password),
            (None, Some(password)) => config.password(password),
            (None, None) => config,
            (Some(_), None) => {
                return Err(misconfigured("the `user` has no `password`; write `{ env = \"NAME\" }` after it"));
            }
        };
        if let Some(prefix) = self.prefix {
            config = config.prefix(prefix);
        }
        if let Some(deadline) = self.deadline {
            config = config.deadline(deadline);
        }
        if let Some(time_out) = self.connect_time_out {
            config = config.connect_time_out(time_out);
        }
        if let Some(ca) = self.ca {
            let path = folder.join(ca);
            let pem = fs::read(&path).map_err(|source| {
                misconfigured(format!("`ca`: the file `{}` cannot be read", path.display())).with_source(source)
            })?;
            config = config.ca(pem);
        }
        Redis::lazy(config)
    }
}

/// A URL without a password, or a reference to one that may have it.
#[derive(Debug)]
enum Url {
    Text(String),
    Secret(Secret),
}

impl<'de> Deserialize<'de> for Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(SECRET_OR_TEXT, UrlVisitor)
    }
}

struct UrlVisitor;

impl<'de> Visitor<'de> for UrlVisitor {
    type Value = Url;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or `{ env = \"NAME\" }` or `{ file = \"path\" }`")
    }

    fn visit_str<E>(self, text: &str) -> std::result::Result<Url, E> {
        Ok(Url::Text(text.to_owned()))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, secret: D) -> std::result::Result<Url, D::Error> {
        String::deserialize(secret).map(|url| Url::Secret(Secret::new(url)))
    }
}

fn of(key: &str, error: &Error) -> Error {
    misconfigured(format!("`{key}`: {error}"))
}

fn misconfigured(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Misconfigured, message.into())
}
