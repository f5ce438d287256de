//! A bank that asks for a phone-possession step before it sends much money. Everything is inside: the app, the step, the
//! vendors (emulated, on a port of their own) and the phones.
//!
//! ```console
//! $ cargo run --example demo --features demo
//! ```
//!
//! Read `shop.rs` first: that is where the step is put before a route.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to the person who started it")]

mod pages;
mod session;
mod shop;
mod vendors;
mod walk;
mod ways;

use std::{
    env, fmt,
    io::{ErrorKind, IsTerminal, stdout},
    net::{Ipv4Addr, SocketAddr},
    process::ExitCode,
    sync::Arc,
};

use axum::Router;
use handset::{Verifier, sandbox::Sandbox};
use tokio::net::TcpListener;
use tracing::Level;

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Wish::of(env::args().skip(1)) {
        Ok(Wish::Serve { port }) => serve(port).await,
        Ok(Wish::Once) => once().await,
        Ok(Wish::Help) => {
            print!("{HELP}");
            Ok(())
        }
        Err(wrong) => Err(wrong.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whatever went wrong, for the person at the console.
type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn serve(port: u16) -> Result<(), Failure> {
    let listener = bind(port).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let sandbox = Arc::new(Sandbox::start().await?);
    let verifier = shop::verifier(&sandbox, &url)?;
    let app = app(&sandbox, &verifier)?;
    println!("{}", Welcome(&url));
    let colours = stdout().is_terminal();
    tracing_subscriber::fmt().with_max_level(Level::INFO).with_target(false).with_ansi(colours).init();
    let server = axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>());
    tokio::try_join!(async { Ok::<_, Failure>(server.await?) }, async {
        Ok(vendors::register(&sandbox, &verifier).await?)
    })?;
    Ok(())
}

/// Serves on a free port and walks through the demo itself.
async fn once() -> Result<(), Failure> {
    let listener = bind(0).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let sandbox = Arc::new(Sandbox::start().await?);
    let verifier = shop::verifier(&sandbox, &url)?;
    let app = app(&sandbox, &verifier)?;
    let server = axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>());
    tokio::select! {
        ended = server => Ok(ended?),
        walked = async {
            vendors::register(&sandbox, &verifier).await?;
            walk::walk(&url).await
        } => walked,
    }
}

/// The whole site: the bank, and the sandbox's handsets beside it so that the page can show one.
fn app(sandbox: &Arc<Sandbox>, verifier: &Verifier) -> Result<Router, Failure> {
    let bank = shop::router(verifier)?;
    Ok(pages::secured(bank.merge(pages::assets()).merge(sandbox.router())))
}

async fn bind(port: u16) -> Result<TcpListener, Failure> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => format!(
            "port {port} is taken by another program; choose another one with `--port 8081` or `PORT=8081` (0: any)"
        )
        .into(),
        _ => format!("port {port} cannot be used: {error}").into(),
    })
}

/// What the command line asks for.
enum Wish {
    Serve { port: u16 },
    Once,
    Help,
}

impl Wish {
    fn of(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut port, mut once) = (None, false);
        while let Some(word) = words.next() {
            match word.as_str() {
                "-h" | "--help" => return Ok(Self::Help),
                "--once" => once = true,
                "--port" => port = Some(words.next().ok_or("`--port` needs a number after it, such as `--port 8081`")?),
                _ => match word.strip_prefix("--port=") {
                    Some(number) => port = Some(number.to_owned()),
                    None => return Err(format!("unknown argument `{word}`; `--help` lists what there is")),
                },
            }
        }
        if once {
            return Ok(Self::Once);
        }
        let port = port.or_else(|| env::var("PORT").ok()).unwrap_or_else(|| DEFAULT_PORT.to_string());
        let port = port.parse().map_err(|_| format!("`{port}` is no port; a port is a number from 0 to 65535"))?;
        Ok(Self::Serve { port })
    }
}

/// What is printed at the start.
struct Welcome<'a>(&'a str);

impl fmt::Display for Welcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.0;
        let commands = WALK_THROUGH.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
        writeln!(f, "Open this page and send some money; no real call is made:\n\n    {url}\n")?;
        writeln!(f, "The same without a browser; paste it into another shell:\n")?;
        writeln!(f, "{}\n", commands.trim().replace(PLACEHOLDER, url))?;
        writeln!(f, "Ctrl-C stops. What the library logs follows.")
    }
}

const DEFAULT_PORT: u16 = 8080;
const WALK_THROUGH: &str = include_str!("walk.sh");
/// The address that stands in `walk.sh`.
const PLACEHOLDER: &str = "http://127.0.0.1:8080";
const HELP: &str = "\
usage: demo [--port N] [--once]

Serves a small bank on 127.0.0.1 that wants to see your (virtual) phone before it sends 100 EUR or more.

  --port N   the port to serve on; without it PORT from the environment, else 8080; 0 lets the system pick one
  --once     serves on a free port, walks through every channel over the socket, and ends: 0 if all went as it should
  --help     this text
";
