//! `handset serve`: the endpoints, the forward-auth service and the OpenID provider as a program of their own, for applications and
//! identity servers in any language.
//!
//! ```text
//!  the file ---> settings, secrets, policy ---> listens ---> /handset/..      the endpoints
//!     |                                                      /forward-auth    what proxies ask
//!     |                                                      the issuer       the OpenID provider
//!     `--- every fault with its line and key                 /healthz /readyz for who runs it
//! ```

mod config;
mod oidc;
mod prepare;
mod read;
mod records;
mod redis;
mod secrets;
mod site;
mod step_page;

use std::{
    env,
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    pin::pin,
    time::Duration,
};

use futures_util::future::{Either, select};
use serde_json::json;
use tokio::{net::TcpListener, sync::oneshot, time};
use tracing_subscriber::{Layer as _, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use self::{
    prepare::{Prepared, Unusable},
    site::{FORWARD_AUTH, Readiness},
};
use super::{Exit, Format, fail, stop::stop};
use crate::error::{Error, ErrorKind, Result};

/// Serve checks, forward-auth and an OpenID provider to applications in any language
///
/// Reads its settings from a TOML file, and puts the policy file that it names in force whenever that changes. Secrets stand in
/// the environment or in files of their own. Once it listens, it says on standard output where; its log goes to standard error.
/// SIGTERM or Ctrl-C ends it, once the requests that are under way have been answered. In the source, docs/proxies.md shows the
/// file, and how nginx, Traefik and Envoy ask it; docs/oidc.md has the section for identity servers.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The file with the settings
    #[arg(long, value_name = "FILE")]
    config: PathBuf,

    /// Read everything, say what is wrong, and end
    #[arg(long)]
    check: bool,

    /// Log more of what goes on
    #[arg(short, long)]
    verbose: bool,
}

pub(super) fn run(args: &Args, format: Format, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    if !args.check {
        log(format, args.verbose);
    }
    let prepared = match Prepared::read(&args.config, &|name| env::var(name).ok(), args.check) {
        Ok(prepared) => prepared,
        Err(Unusable::Faulty(error)) if args.check => return fail(Exit::Findings, &error, err),
        Err(Unusable::Faulty(error) | Unusable::Unread(error)) => return fail(Exit::Unusable, &error, err),
    };
    if args.check {
        // There is nowhere left to tell that nobody reads.
        let _ = writeln!(out, "{}: nothing to say", args.config.display()).and_then(|()| out.flush());
        return Exit::Fine;
    }
    let served = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| not_started("the server cannot start", source))
        .and_then(|runtime| runtime.block_on(serve(prepared, format, out)));
    match served {
        Ok(()) => Exit::Fine,
        Err(error) => fail(Exit::NotStarted, &error, err),
    }
}

/// Serves until the system or a person wants an end, and then until what is under way has ended.
async fn serve(prepared: Prepared, format: Format, out: &mut dyn Write) -> Result<()> {
    // Before the first word: whoever reads it may want the end at once.
    let stop = stop().map_err(|source| not_started("the server cannot hear signals", source))?;
    let Prepared { config, policy, verifier, redis, .. } = &prepared;
    if let Some(redis) = redis {
        match redis.probe().await {
            Err(error) if error.kind() == ErrorKind::Unavailable => tracing::warn!(?error, "starting without Redis"),
            fit => fit?,
        }
    }
    let _watch = verifier.watch_policy(policy)?;
    let listener = TcpListener::bind(config.listen).await.map_err(|source| cannot_listen(config.listen, source))?;
    let address = listener.local_addr().map_err(|source| not_started("the server has no address", source))?;

    let readiness = Readiness::new(verifier);
    let (begin, begun) = oneshot::channel();
    let drain = {
        let (readiness, delay) = (readiness.clone(), config.drain_delay);
        async move {
            stop.await;
            readiness.drain();
            tracing::info!("draining");
            time::sleep(delay).await;
            // Nobody listens when the server ended by itself.
            let _ = begin.send(());
        }
    };
    let app = site::router(&prepared, readiness).into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, app).with_graceful_shutdown(drain);
    let too_long = async {
        match begun.await {
            Ok(()) => time::sleep(config.drain).await,
            Err(_) => std::future::pending().await,
        }
    };
    announce(address, &prepared, format, out)?;
    match select(pin!(server.into_future()), pin!(too_long)).await {
        Either::Left((ended, _)) => ended.map_err(|source| not_started("the server has failed", source))?,
        Either::Right(_) => tracing::warn!("requests were cut off: they took longer to end than `drain` allows"),
    }
    if time::timeout(FLUSH, verifier.flush_records()).await.is_err() {
        tracing::warn!("decision records were lost: they could not be written in time");
    }
    tracing::info!("ended");
    Ok(())
}

/// Says where it listens; on standard output unless that is for records.
fn announce(address: SocketAddr, prepared: &Prepared, format: Format, out: &mut dyn Write) -> Result<()> {
    let mount = prepared.verifier.mount();
    let (url, endpoints) = (format!("http://{address}"), format!("http://{address}{mount}"));
    let forward_auth = prepared.forward_auth.as_ref().map(|_| format!("{url}{FORWARD_AUTH}"));
    let issuer = prepared.oidc.as_ref().map(|oidc| oidc.provider.issuer());
    tracing::info!(%url, mount, policy = prepared.verifier.policy().hash(), "listening");
    if prepared.config.records.as_deref().is_some_and(prepare::is_stdout) {
        return Ok(());
    }
    let text = match format {
        Format::Human => {
            let forward_auth = forward_auth.map(|url| format!(", and proxies ask at {url}")).unwrap_or_default();
            let issuer = issuer.map(|issuer| format!("; it is the OpenID provider {issuer}")).unwrap_or_default();
            format!("handset listens: the endpoints are at {endpoints}{forward_auth}{issuer}.\n")
        }
        Format::Plain => {
            let forward_auth = forward_auth.map(|url| format!("HANDSET_FORWARD_AUTH={url}\n")).unwrap_or_default();
            let issuer = issuer.map(|issuer| format!("HANDSET_ISSUER={issuer}\n")).unwrap_or_default();
            format!("HANDSET_URL={url}\nHANDSET_ENDPOINTS={endpoints}\n{forward_auth}{issuer}")
        }
        Format::Json => {
            let line = json!({ "url": url, "endpoints": endpoints, "forward_auth": forward_auth, "issuer": issuer });
            format!("{line}\n")
        }
    };
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|source| not_started("standard output cannot be written", source))
}

/// Writes what happens to standard error: lines for people, or JSON.
fn log(format: Format, verbose: bool) {
    use tracing_subscriber::fmt::layer;

    let own = if verbose { tracing::Level::DEBUG } else { tracing::Level::INFO };
    let levels = Targets::new().with_target("handset", own).with_default(tracing::Level::WARN);
    let registry = tracing_subscriber::registry();
    // A program that runs this as a function may have a subscriber already.
    let _ = match format {
        Format::Json => registry.with(layer().json().with_writer(io::stderr).with_filter(levels)).try_init(),
        Format::Human | Format::Plain => {
            registry.with(layer().with_ansi(false).with_writer(io::stderr).with_filter(levels)).try_init()
        }
    };
}

fn cannot_listen(address: SocketAddr, source: io::Error) -> Error {
    let why = match source.kind() {
        io::ErrorKind::AddrInUse => "another program listens there; stop it, or change `listen`",
        io::ErrorKind::AddrNotAvailable => "this machine has no such address; change `listen`",
        io::ErrorKind::PermissionDenied => "the system does not allow it; ports from 1024 on need no privilege",
        _ => return not_started("the server cannot listen", source),
    };
    Error::new(ErrorKind::Unavailable, format!("cannot listen on `{address}`: {why}"))
}

fn not_started(what: &'static str, source: io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, what).with_source(source)
}

const AFTER_HELP: &str = "\
Examples:
  handset serve --config handset.toml --check
  handset serve --config handset.toml
  handset --format json serve --config handset.toml    for a test that starts it, and reads one line";

/// How long decision records may take to be written at the end.
const FLUSH: Duration = Duration::from_secs(5);
