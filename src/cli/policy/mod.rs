//! The verbs about policy files.

mod check;
mod diff;
mod explain;
mod fmt;
mod in_force;
mod new;
mod replay;
mod schema;
mod test;
mod text;

use std::{
    io::{self, Write},
    path::Path,
};

use clap::Subcommand;

use super::{Exit, Format, fail};
use crate::{policy::Policy, provider::registry};

/// Write, check, explain, test, compare and format policy files
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    New(new::Args),
    Check(check::Args),
    Explain(explain::Args),
    Test(test::Args),
    Diff(diff::Args),
    Replay(replay::Args),
    Fmt(fmt::Args),
    Schema(schema::Args),
}

pub(super) fn run(verb: &Verb, format: Format, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    match verb {
        Verb::New(args) => new::run(args, format, out, err),
        Verb::Check(args) => check::run(args, format, out, err),
        Verb::Explain(args) => explain::run(args, format, out, err),
        Verb::Diff(args) => diff::run(args, format, out, err),
        Verb::Replay(args) => replay::run(args, format, out, err),
        Verb::Test(args) => test::run(args, format, out, err),
        Verb::Fmt(args) => fmt::run(args, format, out, err),
        Verb::Schema(args) => schema::run(args, out),
    }
}

/// Loads a policy, or says what is wrong with it.
fn load(path: &Path, err: &mut dyn Write) -> Option<Policy> {
    Policy::load(path, &registry::catalogue())
        .map_err(|error| {
            fail(Exit::Unusable, &error, err);
        })
        .ok()
}

/// How a run ends whose last words were written, or could not be.
fn said(written: io::Result<()>, exit: Exit) -> Exit {
    match written {
        Ok(()) => exit,
        Err(_) => Exit::Unusable,
    }
}
