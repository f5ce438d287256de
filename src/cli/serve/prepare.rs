//! From a file of settings to everything that a server needs; whatever is wrong is told with its place.

use std::{
    fs, io, iter,
    ops::Range,
    path::{Path, PathBuf},
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    config::{Accounts, Config, Elsewhere, ForwardAuthSection, SubjectHeader},
    read::{self, Wrong},
    records::StdoutSink,
    secrets::Secrets,
};
#[cfg(feature = "open-gateway")]
use crate::provider::open_gateway::OpenGateway;
use crate::{
    error::{Error, ErrorKind, Result},
    forward_auth::{ForwardAuth, Identity},
    limiter::RedisLimiter,
    oidc_provider::OidcProvider,
    policy::Sources,
    proof::ProofKeys,
    provider::{citcall::Citcall, http::HttpClient, idlayr::IdLayr, numcheck::NumCheck, zadarma::Zadarma},
    record::FileSink,
    redis::Redis,
    step_page::StepPages,
    store::RedisStore,
    verifier::{Builder, Ready, Verifier},
};

/// A verifier and the settings that are left for the server.
pub(super) struct Prepared {
    pub(super) config: Config,
    pub(super) policy: PathBuf,
    pub(super) verifier: Verifier,
    pub(super) forward_auth: Option<ForwardAuth>,
    pub(super) oidc: Option<Oidc>,
    pub(super) pages: Option<StepPages>,
    /// What several processes share, if they do.
    pub(super) redis: Option<Redis>,
}

/// The OpenID provider, and where it is served.
pub(super) struct Oidc {
    pub(super) mount: String,
    pub(super) provider: OidcProvider,
}

/// A file that cannot be used.
#[derive(Debug)]
pub(super) enum Unusable {
    /// It cannot be read.
    Unread(Error),
    /// Something in it, or in the policy, has to be mended.
    Faulty(Error),
}

impl Prepared {
    /// Reads the file and everything that it names. `dry` opens no file for writing.
    pub(super) fn read(path: &Path, environment: &dyn Fn(&str) -> Option<String>, dry: bool) -> Result<Self, Unusable> {
        let text = fs::read_to_string(path).map_err(|source| {
            let message = format!("the file `{}` cannot be read", path.display());
            Unusable::Unread(Error::new(ErrorKind::InvalidInput, message).with_source(source))
        })?;
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        let mut config: Config = read::settings(&text, &Secrets::new(folder.clone(), environment))
            .map_err(|wrong| Unusable::Faulty(placed(path, &text, wrong)))?;
        let at = |keys: &[&str]| {
            let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
            let (path, text) = (path.to_owned(), text.clone());
            move |error: Error| Unusable::Faulty(about(&path, &text, keys, error))
        };
        let policy = folder.join(&config.policy);
        let sources = Sources::read(&policy).map_err(|source| at(&["policy"])(cannot("read", &policy, source)))?;
        let mut builder = Verifier::builder().policy_sources(sources).proof_keys(proof_keys(&config));
        let has_server_key = config.server_key.is_some();
        builder = settings(builder, &mut config);
        let redis = match config.redis.take() {
            // Each process would have a key of its own, and none could read what another one has kept.
            Some(_) if !has_server_key => {
                let alone =
                    "processes that share a Redis need the same `server_key`; write `{ env = \"NAME\" }` after it";
                return Err(at(&["redis"])(Error::new(ErrorKind::Misconfigured, alone)));
            }
            section => section.map(|section| section.redis(&folder)).transpose().map_err(at(&["redis"]))?,
        };
        if let Some(redis) = &redis {
            builder = builder.store(RedisStore::new(redis)).limiter(RedisLimiter::new(redis));
        }
        if let Some(records) = config.records.as_ref().filter(|_| !dry) {
            builder = record_to(builder, &folder, records).map_err(at(&["records"]))?;
        }
        let client = match config.danger_private_addresses {
            true => HttpClient::danger_with_private_addresses(),
            false => HttpClient::with_defaults(),
        };
        let client = client.map_err(at(&["danger_private_addresses"]))?;
        builder =
            accounts(builder, &config.provider, &client).map_err(|(name, error)| at(&["provider", name])(error))?;
        let verifier = builder.build().map_err(at(&["policy"]))?;
        if config.step_page.is_none() && config.forward_auth.as_ref().is_some_and(|section| section.to_step_page) {
            let missing = "`to_step_page` leads to a page that is not served; add a section `[step_page]`";
            return Err(at(&["forward_auth"])(Error::new(ErrorKind::Misconfigured, missing)));
        }
        let forward_auth = config.forward_auth.take().map(|section| forward_auth(&verifier, section, &config));
        let pages = config.step_page.take().map(|section| section.pages(&folder));
        let pages = pages.transpose().map_err(at(&["step_page"]))?;
        let oidc = match config.oidc.take() {
            Some(section) => Some(Oidc {
                mount: section.mount(),
                provider: section.provider(&verifier, &folder, pages.clone()).map_err(|(keys, error)| {
                    let keys: Vec<&str> = iter::once("oidc").chain(keys.iter().map(String::as_str)).collect();
                    at(&keys)(error)
                })?,
            }),
            None => None,
        };
        Ok(Self { config, policy, verifier, forward_auth, oidc, pages, redis })
    }
}

fn proof_keys(config: &Config) -> ProofKeys {
    let keys = ProofKeys::new(config.proof.key.clone());
    config.proof.accept.iter().fold(keys, |keys, accepted| keys.also_accept(accepted.0.clone()))
}

fn settings(mut builder: Builder<Ready>, config: &mut Config) -> Builder<Ready> {
    if let Some(mount) = config.mount.take() {
        builder = builder.mount(mount);
    }
    if let Some(url) = config.public_url.take() {
        builder = builder.public_url(url);
    }
    if let Some(page) = config.return_page.take() {
        builder = builder.return_page(page);
    }
    if let Some(key) = config.server_key.take() {
        builder = builder.server_key(key);
    }
    for key in config.accept_server_keys.drain(..) {
        builder = builder.also_accept_server_key(key);
    }
    if let Some(issuer) = config.proof.issuer.take() {
        builder = builder.issuer(issuer);
    }
    if let Some(audience) = config.proof.audience.take() {
        builder = builder.audience(audience);
    }
    if let Some(lifetime) = config.proof.lifetime {
        builder = builder.proof_lifetime(lifetime);
    }
    if config.danger_take_test_numbers {
        builder = builder.danger_take_test_numbers();
    }
    builder
}

fn record_to(builder: Builder<Ready>, folder: &Path, records: &Path) -> Result<Builder<Ready>> {
    if is_stdout(records) {
        return Ok(builder.record_to(StdoutSink));
    }
    let path = folder.join(records);
    let sink = FileSink::open(&path).map_err(|source| cannot("opened", &path, source))?;
    Ok(builder.record_to(sink))
}

/// Adds every account that is configured, or says which one cannot be used.
fn accounts(
    mut builder: Builder<Ready>,
    accounts: &Accounts,
    client: &HttpClient,
) -> Result<Builder<Ready>, (&'static str, Error)> {
    let of = |name| move |error| (name, error);
    if let Some(account) = &accounts.citcall {
        builder = builder.provider(Citcall::new(account.clone(), client.clone()).map_err(of("citcall"))?);
    }
    if let Some(account) = &accounts.idlayr {
        builder = builder.provider(IdLayr::new(account.clone(), client.clone()).map_err(of("idlayr"))?);
    }
    if let Some(account) = &accounts.numcheck {
        builder = builder.provider(NumCheck::new(account.clone(), client.clone()).map_err(of("numcheck"))?);
    }
    #[cfg(feature = "open-gateway")]
    if let Some(account) = &accounts.open_gateway {
        builder = builder.provider(OpenGateway::new(account.clone(), client.clone()).map_err(of("open_gateway"))?);
    }
    if let Some(account) = &accounts.zadarma {
        builder = builder.provider(Zadarma::new(account.clone(), client.clone()).map_err(of("zadarma"))?);
    }
    Ok(builder)
}

fn forward_auth(verifier: &Verifier, section: ForwardAuthSection, config: &Config) -> ForwardAuth {
    let service = ForwardAuth::new(verifier, section.proxy);
    let service = section.route.into_iter().fold(service, |service, listed| service.route(listed.0));
    let service = match section.elsewhere {
        Elsewhere::Refuse => service,
        Elsewhere::Open => service.open_elsewhere(),
    };
    // Who comes back from the page brings the proof in a cookie.
    let service = if section.proof_cookie || section.to_step_page { service.proof_cookie() } else { service };
    let service = match section.to_step_page {
        true => service.step_page(format!("{}/step", verifier.mount())),
        false => service,
    };
    let Some(Identity { subject, phone }) = config.subject.as_ref().map(SubjectHeader::identity) else {
        return service;
    };
    if phone.is_none() {
        tracing::warn!(
            "no `subject.phone_header`: a proof says that some phone was shown, and not that it was the account's"
        );
    }
    let service = subject.into_iter().fold(service, ForwardAuth::subject_header);
    phone.into_iter().fold(service, ForwardAuth::phone_header)
}

pub(super) fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn cannot(what: &str, path: &Path, source: io::Error) -> Error {
    Error::new(ErrorKind::Misconfigured, format!("the file `{}` cannot be {what}", path.display())).with_source(source)
}

/// An error about some keys: at the key itself where the error names one of that table.
fn about(path: &Path, text: &str, mut keys: Vec<String>, error: Error) -> Error {
    let said = error.to_string();
    let mut table = DeTable::parse(text).ok().map(|whole| Spanned::new(0..0, DeValue::Table(whole.into_inner())));
    let mut at = None;
    let mut step = |table: &mut Option<Spanned<DeValue<'_>>>, key: &str| {
        let (place, value) = match table.take()?.into_inner() {
            DeValue::Table(inside) => {
                let (key, value) = inside.into_iter().find(|(name, _)| name.get_ref() == key)?;
                (key.span(), value)
            }
            DeValue::Array(inside) => {
                let place: usize = key.strip_prefix('[')?.strip_suffix(']')?.parse().ok()?;
                let value = inside.into_iter().nth(place)?;
                (value.span(), value)
            }
            _ => return None,
        };
        at = Some(place);
        *table = Some(value);
        Some(())
    };
    for key in &keys {
        step(&mut table, key);
    }
    let named = said.split('`').skip(1).step_by(2).find(|word| step(&mut table.clone(), word).is_some());
    keys.extend(named.map(str::to_owned));
    Error::new(ErrorKind::Misconfigured, place(path, text, &keys, at)).with_source(error)
}

fn placed(path: &Path, text: &str, Wrong { message, keys, at }: Wrong) -> Error {
    Error::new(ErrorKind::Misconfigured, format!("{}: {message}", place(path, text, &keys, at)))
}

/// ``serve.toml:7:1: `provider.numcheck.token` ``.
fn place(path: &Path, text: &str, keys: &[String], at: Option<Range<usize>>) -> String {
    let before = text.get(..at.map_or(0, |at| at.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let keys = if keys.is_empty() { String::new() } else { format!(": `{}`", keys.join(".").replace(".[", "[")) };
    format!("{}:{line}:{column}{keys}", path.display())
}
