//! The settings of `handset serve`, as they stand in its file.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use http::{HeaderName, Method};
use serde::{Deserialize, Deserializer, de::Error as _};

use super::{oidc::OidcSection, redis::RedisSection, step_page::StepPageSection};
#[cfg(feature = "open-gateway")]
use crate::provider::open_gateway;
use crate::{
    check::ServerKey,
    cli::sandbox,
    client_ip::ClientIp,
    error::Result,
    forward_auth::{Identity, Proxy, Route},
    ids::Action,
    proof::ProofKey,
    provider::{citcall, idlayr, numcheck, zadarma},
    secret::Secret,
    verifier,
};

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    #[serde(default = "default_listen", deserialize_with = "listen")]
    pub(super) listen: SocketAddr,
    pub(super) policy: PathBuf,
    pub(super) proof: Proofs,
    #[serde(default, deserialize_with = "mount")]
    pub(super) mount: Option<String>,
    #[serde(default, deserialize_with = "public_url")]
    pub(super) public_url: Option<String>,
    #[serde(default, deserialize_with = "return_page")]
    pub(super) return_page: Option<String>,
    #[serde(default, deserialize_with = "server_key")]
    pub(super) server_key: Option<ServerKey>,
    /// Keys that come into use or go out of it.
    #[serde(default, deserialize_with = "server_keys")]
    pub(super) accept_server_keys: Vec<ServerKey>,
    /// Where checks and counters are, when they are not in the memory of this process.
    #[serde(default)]
    pub(super) redis: Option<RedisSection>,
    /// A file that decision records are appended to; `-` is standard output.
    #[serde(default)]
    pub(super) records: Option<PathBuf>,
    /// How long requests may take to end once the end is wanted.
    #[serde(default = "default_drain", deserialize_with = "duration")]
    pub(super) drain: Duration,
    /// How long to go on taking requests after `/readyz` has begun to say no.
    #[serde(default, deserialize_with = "duration")]
    pub(super) drain_delay: Duration,
    #[serde(default, deserialize_with = "client_ip")]
    pub(super) client_ip: ClientIp,
    #[serde(default)]
    pub(super) subject: Option<SubjectHeader>,
    #[serde(default)]
    pub(super) forward_auth: Option<ForwardAuthSection>,
    #[serde(default)]
    pub(super) oidc: Option<OidcSection>,
    #[serde(default)]
    pub(super) step_page: Option<StepPageSection>,
    #[serde(default)]
    pub(super) provider: Accounts,
    /// Vendors may be at private addresses and without TLS: the sandbox.
    #[serde(default)]
    pub(super) danger_private_addresses: bool,
    #[serde(default)]
    pub(super) danger_take_test_numbers: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Proofs {
    #[serde(deserialize_with = "proof_key")]
    pub(super) key: ProofKey,
    /// Keys whose proofs are still accepted.
    #[serde(default)]
    pub(super) accept: Vec<Accepted>,
    #[serde(default, deserialize_with = "name")]
    pub(super) issuer: Option<String>,
    #[serde(default, deserialize_with = "name")]
    pub(super) audience: Option<String>,
    #[serde(default, deserialize_with = "proof_lifetime")]
    pub(super) lifetime: Option<Duration>,
}

#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Accepted(#[serde(deserialize_with = "proof_key")] pub(super) ProofKey);

/// Whose request it is, says the proxy in front.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SubjectHeader {
    #[serde(deserialize_with = "header_name")]
    header: HeaderName,
    #[serde(default, deserialize_with = "some_header_name")]
    phone_header: Option<HeaderName>,
}

impl SubjectHeader {
    pub(super) fn identity(&self) -> Identity {
        Identity { subject: Some(self.header.clone()), phone: self.phone_header.clone() }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ForwardAuthSection {
    #[serde(deserialize_with = "proxy")]
    pub(super) proxy: Proxy,
    #[serde(default)]
    pub(super) elsewhere: Elsewhere,
    /// Whether a proof may come in the cookie of the step page.
    #[serde(default)]
    pub(super) proof_cookie: bool,
    /// Whether browsers without a proof are sent on to the step page.
    #[serde(default)]
    pub(super) to_step_page: bool,
    #[serde(default)]
    pub(super) route: Vec<Listed>,
}

/// What becomes of requests that no route lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Elsewhere {
    #[default]
    Refuse,
    Open,
}

/// A route, checked.
#[derive(Debug, Deserialize)]
#[serde(try_from = "WrittenRoute")]
pub(super) struct Listed(pub(super) Route);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRoute {
    path: String,
    #[serde(default)]
    methods: Vec<String>,
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    open: bool,
}

impl TryFrom<WrittenRoute> for Listed {
    type Error = String;

    fn try_from(WrittenRoute { path, methods, action, open }: WrittenRoute) -> Result<Self, String> {
        let route = match (action, open) {
            (Some(action), false) => {
                let action = Action::new(action).map_err(|error| format!("`action`: {error}"))?;
                Route::guard(&path, action)
            }
            (None, true) => Route::open(&path),
            _ => {
                return Err(
                    "a route has either an `action`, which the policy decides about, or `open = true`".to_owned()
                );
            }
        };
        let methods = methods.iter().map(|method| match Method::from_bytes(method.as_bytes()) {
            Ok(known) if method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-') => Ok(known),
            _ => Err("`methods` are written in capitals, such as `[\"POST\"]`".to_owned()),
        });
        let methods = methods.collect::<Result<Vec<_>, _>>()?;
        Ok(Self(route.map_err(|error| error.to_string())?.methods(methods)))
    }
}

/// The accounts at vendors, by the names that the policy knows them by.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Accounts {
    #[serde(default)]
    pub(super) citcall: Option<citcall::Config>,
    #[serde(default)]
    pub(super) idlayr: Option<idlayr::Config>,
    #[serde(default)]
    pub(super) numcheck: Option<numcheck::Config>,
    #[cfg(feature = "open-gateway")]
    #[serde(default)]
    pub(super) open_gateway: Option<open_gateway::Config>,
    #[serde(default)]
    pub(super) zadarma: Option<zadarma::Config>,
}

fn default_listen() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 8041).into()
}

fn default_drain() -> Duration {
    Duration::from_secs(30)
}

fn listen<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    sandbox::address(&String::deserialize(from)?).map_err(D::Error::custom)
}

fn mount<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let mount = verifier::mount(&String::deserialize(from)?).map_err(D::Error::custom)?;
    refuse_own_path(&mount).map_err(D::Error::custom)?;
    Ok(Some(mount))
}

fn public_url<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    verifier::public_url(String::deserialize(from)?).map(Some).map_err(D::Error::custom)
}

fn return_page<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    verifier::return_page(String::deserialize(from)?).map(Some).map_err(D::Error::custom)
}

fn server_key<'de, D: Deserializer<'de>>(from: D) -> Result<Option<ServerKey>, D::Error> {
    ServerKey::from_secret(&Secret::deserialize(from)?).map(Some).map_err(D::Error::custom)
}

fn server_keys<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<ServerKey>, D::Error> {
    let secrets = Vec::<Secret>::deserialize(from)?;
    secrets.iter().map(|secret| ServerKey::from_secret(secret).map_err(D::Error::custom)).collect()
}

fn name<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let name = String::deserialize(from)?;
    if name.is_empty() {
        Err(D::Error::custom("this is not empty; leave it out for `handset`"))
    } else {
        Ok(Some(name))
    }
}

fn proof_lifetime<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let lifetime = duration(from)?;
    if lifetime < Duration::from_secs(1) || lifetime > Duration::from_secs(24 * 60 * 60) {
        return Err(D::Error::custom("a proof lives between one second and one day, such as \"10m\""));
    }
    Ok(Some(lifetime))
}

fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    let parsed =
        humantime::parse_duration(&text).ok().filter(|duration| *duration <= Duration::from_secs(24 * 60 * 60));
    parsed.ok_or_else(|| D::Error::custom("this has to be a time such as \"30s\" or \"10m\", of one day at most"))
}

pub(super) fn some_duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    duration(from).map(Some)
}

fn header_name<'de, D: Deserializer<'de>>(from: D) -> Result<HeaderName, D::Error> {
    let name = String::deserialize(from)?;
    HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| D::Error::custom("this has to be the name of a header, such as \"x-user\""))
}

fn some_header_name<'de, D: Deserializer<'de>>(from: D) -> Result<Option<HeaderName>, D::Error> {
    header_name(from).map(Some)
}

fn proxy<'de, D: Deserializer<'de>>(from: D) -> Result<Proxy, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Written {
        Nginx,
        Traefik,
        Envoy,
    }
    Ok(match Written::deserialize(from)? {
        Written::Nginx => Proxy::Nginx,
        Written::Traefik => Proxy::Traefik,
        Written::Envoy => Proxy::Envoy,
    })
}

fn client_ip<'de, D: Deserializer<'de>>(from: D) -> Result<ClientIp, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Written {
        header: Header,
        trusted_proxies: u8,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Header {
        XForwardedFor,
        Forwarded,
    }
    match Written::deserialize(from)? {
        Written { trusted_proxies: 0, .. } => Err(D::Error::custom(
            "with `trusted_proxies = 0` no header is read; leave `client_ip` out, or count your proxies",
        )),
        Written { header: Header::XForwardedFor, trusted_proxies } => Ok(ClientIp::x_forwarded_for(trusted_proxies)),
        Written { header: Header::Forwarded, trusted_proxies } => Ok(ClientIp::forwarded(trusted_proxies)),
    }
}

fn proof_key<'de, D: Deserializer<'de>>(from: D) -> Result<ProofKey, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Written {
        algorithm: Algorithm,
        secret: Secret,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Algorithm {
        Hs256,
        Es256,
        Eddsa,
    }
    let Written { algorithm, secret } = Written::deserialize(from)?;
    match algorithm {
        Algorithm::Hs256 => ProofKey::hs256(&secret),
        Algorithm::Es256 => ProofKey::es256_pem(&secret),
        Algorithm::Eddsa => ProofKey::eddsa_pem(&secret),
    }
    .map_err(D::Error::custom)
}

/// Refuses a path under which something else is served.
pub(super) fn refuse_own_path(path: &str) -> Result<(), String> {
    let first = path.split('/').nth(1).unwrap_or_default();
    if OWN_PATHS.contains(&first) {
        return Err(format!("`/{first}` is served here for something else; mount it elsewhere"));
    }
    Ok(())
}

/// What is served for everybody's needs.
const OWN_PATHS: [&str; 3] = ["forward-auth", "healthz", "readyz"];
