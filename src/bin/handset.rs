//! The command `handset`. `handset --help` says what it does; `handset::cli` does it.

use std::{env, io, process::ExitCode};

fn main() -> ExitCode {
    handset::cli::run(env::args_os(), &mut io::stdout(), &mut io::stderr()).into()
}
