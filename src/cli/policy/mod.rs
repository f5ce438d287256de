//! The verbs about policy files.

mod check;

use std::io::Write;

use clap::Subcommand;

use super::{Exit, Format};

/// Check policy files
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    Check(check::Args),
}

pub(super) fn run(verb: &Verb, format: Format, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    match verb {
        Verb::Check(args) => check::run(args, format, out, err),
    }
}
