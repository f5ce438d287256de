//! `handset sandbox`: the emulators alone, for people and tests of any language.
//!
//! Numbers, codes and credentials are shown here, on purpose: this is a developer's tool, all of it is made up, and who can
//! reach the sandbox can read the same from it.

mod card;
mod files;
mod journal;

use std::{
    error::Error as _,
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    pin::pin,
};

use futures_util::future::select;

use self::{
    card::Card,
    files::{EnvFile, KnobFile},
    journal::{Detail, Journal},
};
use super::{Exit, Format, fail, stop::stop};
use crate::{
    error::{Error, ErrorKind, Result},
    sandbox::{Credentials, Sandbox},
};

/// Run the vendors' emulators until Ctrl-C, for tests in any language
///
/// Emulates Citcall, IDlayr, NumCheck, Open Gateway and Zadarma on one socket of this machine, with a virtual handset for
/// every number, and a page to look at them. Once it listens, it says on standard output where, and with which credentials.
/// What the vendors are asked and what reaches the handsets, with numbers and codes, goes to standard error while it
/// happens. docs/sandbox.md in the source is a tour.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Where to listen: a port of this machine, or an address and a port; at port 0 the system picks one
    #[arg(long, value_name = "[ADDRESS:]PORT", default_value = "127.0.0.1:0", value_parser = address)]
    listen: SocketAddr,

    /// What the URLs that are handed out begin with [default: http:// and the address]
    ///
    /// For clients that reach the sandbox by another name, such as http://sandbox:8040 in another container.
    #[arg(long, value_name = "URL")]
    url: Option<String>,

    /// Credentials that stay the same from run to run
    ///
    /// The file has lines such as SANDBOX_NUMCHECK_TOKEN=value, as --format plain writes them. What it has not is taken from
    /// the environment, or else drawn at random.
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,

    /// How the vendors misbehave from the start: JSON, as GET /knobs shows it
    #[arg(long, value_name = "FILE")]
    knobs: Option<PathBuf>,

    /// Also write lines of KEY=value to this file, for as long as it runs
    ///
    /// The file appears, whole, once the sandbox listens, and is removed at the end. `-` is standard output.
    #[arg(long, value_name = "FILE")]
    env: Option<PathBuf>,

    /// Say nothing while it runs
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,

    /// Tell of requests when they come, too, and not only when they are answered; with `--format json` also what was said
    #[arg(short, long)]
    verbose: bool,

    /// Listen where other machines can reach it
    ///
    /// Everyone who can reads every code, has the sandbox send requests to URLs of their choice, and uses the handsets.
    #[arg(long)]
    danger_listen_publicly: bool,
}

pub(super) fn run(args: &Args, format: Format, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let prepared = match Prepared::new(args) {
        Ok(prepared) => prepared,
        Err(error) => return fail(Exit::Unusable, &error, err),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(source) => {
            let error = Error::new(ErrorKind::Unavailable, "the sandbox cannot start").with_source(source);
            return fail(Exit::NotStarted, &error, err);
        }
    };
    match runtime.block_on(serve(args, prepared, format, out, err)) {
        Ok(()) => Exit::Fine,
        Err((exit, error)) => fail(exit, &error, err),
    }
}

/// What was read before anything starts.
struct Prepared {
    credentials: Credentials,
    knobs: KnobFile,
    env: Option<EnvFile>,
}

impl Prepared {
    fn new(args: &Args) -> Result<Self> {
        if !args.listen.ip().to_canonical().is_loopback() && !args.danger_listen_publicly {
            return Err(too_public(args.listen));
        }
        let env = args.env.as_ref().filter(|path| !is_stdout(path));
        Ok(Self {
            credentials: files::credentials(args.credentials.as_deref(), |name| std::env::var(name).ok())?,
            knobs: args.knobs.as_deref().map_or_else(|| Ok(KnobFile::default()), KnobFile::read)?,
            env: env.map(|path| EnvFile::new(path.clone())).transpose()?,
        })
    }
}

/// Serves until the system or a person wants an end.
async fn serve(
    args: &Args,
    Prepared { credentials, knobs, env }: Prepared,
    format: Format,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), (Exit, Error)> {
    let unusable = |error| (Exit::Unusable, error);
    // Before the first word: whoever reads it may want the end at once.
    let stop = stop().map_err(|source| {
        (Exit::NotStarted, Error::new(ErrorKind::Unavailable, "the sandbox cannot hear signals").with_source(source))
    })?;
    let mut builder = Sandbox::builder().address(args.listen).credentials(credentials);
    if let Some(url) = &args.url {
        builder = builder.url(url);
    }
    let sandbox = builder.start().await.map_err(|error| not_started(args.listen, error))?;
    knobs.turn(&sandbox).await.map_err(unusable)?;

    let watch = sandbox.watch();
    let card = Card::of(&sandbox);
    let to_stdout = args.env.as_ref().is_some_and(|path| is_stdout(path));
    let page = card.write(if to_stdout { Format::Plain } else { format });
    let _written = env.map(|file| file.write(&card.write(Format::Plain))).transpose().map_err(unusable)?;
    out.write_all(page.as_bytes()).and_then(|()| out.flush()).map_err(|source| {
        unusable(Error::new(ErrorKind::Unavailable, "standard output cannot be written").with_source(source))
    })?;

    let journal = Journal::new(watch, format, Detail::of(args.quiet, args.verbose));
    select(pin!(stop), pin!(journal.follow(err))).await;
    Ok(())
}

/// Reads `8040`, `127.0.0.1:8040`, `[::1]:8040` or `localhost:8040`.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let local = |port: &str| port.parse().ok().map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    let address = text.parse().ok().or_else(|| local(text.strip_prefix("localhost:").unwrap_or(text)));
    address
        .ok_or_else(|| "write a port such as `8040`, or an IP address and a port such as `127.0.0.1:8040`".to_owned())
}

fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn too_public(address: SocketAddr) -> Error {
    Error::new(
        ErrorKind::InvalidInput,
        format!(
            "`{address}` can be reached from other machines, and the sandbox shows every code to everyone who can reach it: \
             listen on `127.0.0.1:{port}`, or add --danger-listen-publicly if nobody else is on that network",
            port = address.port(),
        ),
    )
}

/// Says what to do about a port, where it is the port.
fn not_started(address: SocketAddr, error: Error) -> (Exit, Error) {
    if error.kind() == ErrorKind::InvalidInput {
        return (Exit::Unusable, error);
    }
    let why = match error.source().and_then(|source| source.downcast_ref()).map(io::Error::kind) {
        Some(io::ErrorKind::AddrInUse) => {
            "another program listens there; stop it, or leave --listen out and the system picks a port"
        }
        Some(io::ErrorKind::AddrNotAvailable) => "this machine has no such address",
        Some(io::ErrorKind::PermissionDenied) => "the system does not allow it; ports from 1024 on need no privilege",
        _ => return (Exit::NotStarted, error),
    };
    (Exit::NotStarted, Error::new(ErrorKind::Unavailable, format!("cannot listen on `{address}`: {why}")))
}

const AFTER_HELP: &str = "\
Examples:
  handset sandbox                          for a look around
  handset sandbox --format json --quiet    for a test that starts it, and reads one line
  handset sandbox --env sandbox.env        for a shell: `. ./sandbox.env` once it is there
  handset sandbox --listen 8040 --credentials fixed.env";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (text, read) in [
            ("8040", "127.0.0.1:8040"),
            ("0", "127.0.0.1:0"),
            ("localhost:8040", "127.0.0.1:8040"),
            ("127.0.0.1:8040", "127.0.0.1:8040"),
            ("[::1]:8040", "[::1]:8040"),
            ("0.0.0.0:8040", "0.0.0.0:8040"),
        ] {
            assert_eq!(address(text).unwrap().to_string(), read);
        }
        for bad in ["", "65536", "-1", ":8040", "127.0.0.1", "example.com:80", "::1:8040:", "+80x"] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_loopback_needs_no_dangerous_word() {
        use clap::Parser;

        use super::super::{Cli, Command};

        let prepare = |more: &[&str]| {
            let args = ["handset", "sandbox"].iter().chain(more).copied();
            let Command::Sandbox(args) = Cli::try_parse_from(args).unwrap().command else { panic!("another verb") };
            Prepared::new(&args).map(|_| ())
        };
        for loopback in ["127.0.0.1:0", "127.9.9.9:1", "[::1]:0", "[::ffff:127.0.0.1]:0", "8040"] {
            assert!(prepare(&["--listen", loopback]).is_ok(), "{loopback}");
        }
        for public in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8040", "[::ffff:10.0.0.1]:0"] {
            assert!(prepare(&["--listen", public]).is_err(), "{public}");
            assert!(prepare(&["--listen", public, "--danger-listen-publicly"]).is_ok(), "{public}");
        }
    }
}
