//! The command `handset`: what it is asked, and how it ends.
//!
//! ```text
//!  handset [--format human|plain|json] VERB ..
//!             |
//!             +-- stdout: what was asked for, and nothing else
//!             +-- stderr: what goes on meanwhile, and what is wrong
//!             `-- exit code: how it ended
//! ```
//!
//! Each verb has a file, whose `run` takes its arguments, the format and where to write, and gives an [`Exit`].

mod completions;
mod policy;
mod sandbox;
mod serve;
mod stop;

use std::{ffi::OsString, io::Write, process::ExitCode};

use clap::{Parser, Subcommand, ValueEnum};

use crate::error::Error;

/// Runs the command with its arguments, of which the first is its own name.
///
/// What was asked for goes to `out`, everything else to `err`.
///
/// ```
/// use handset::cli::{self, Exit};
///
/// let (mut out, mut err) = (Vec::new(), Vec::new());
/// assert_eq!(cli::run(["handset", "--version"], &mut out, &mut err), Exit::Fine);
/// assert!(out.starts_with(b"handset 0."));
/// assert_eq!(cli::run(["handset", "sandbox", "--listn", "8040"], &mut out, &mut err), Exit::Unusable);
/// ```
pub fn run<A: Into<OsString> + Clone>(
    args: impl IntoIterator<Item = A>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    let Cli { format, command } = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(said) => return say(&said, out, err),
    };
    match command {
        Command::Policy(verb) => policy::run(&verb, format, out, err),
        Command::Sandbox(args) => sandbox::run(&args, format, out, err),
        Command::Serve(args) => serve::run(&args, format, out, err),
        Command::Completions(args) => completions::run(&args, out, err),
    }
}

/// How a run ended, and its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// 0: it did what was asked, and found nothing amiss.
    Fine,
    /// 1: it did what was asked, and found something that a person has to mend.
    Findings,
    /// 2: it could not do what was asked: a wrong argument, or a file that cannot be read, understood or written.
    Unusable,
    /// 3: a server could not start: another program listens on its port, say.
    NotStarted,
}

impl Exit {
    /// The number that the shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Findings => 1,
            Self::Unusable => 2,
            Self::NotStarted => 3,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// Tools for phone-possession steps
#[derive(Debug, Parser)]
#[command(name = "handset", version, after_help = AFTER_HELP, max_term_width = 100, subcommand_required = true)]
struct Cli {
    /// How standard output is written
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,

    #[command(subcommand)]
    command: Command,
}

/// For whom standard output is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people; the text may change from version to version
    #[default]
    Human,
    /// For shells: lines of KEY=value
    Plain,
    /// For programs: one JSON object on one line
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(subcommand)]
    Policy(policy::Verb),
    Sandbox(sandbox::Args),
    Serve(serve::Args),
    Completions(completions::Args),
}

/// Passes on what the parser of arguments has to say: help, or what is wrong.
fn say<'a>(said: &clap::Error, out: &'a mut dyn Write, err: &'a mut dyn Write) -> Exit {
    let (to, exit) = if said.use_stderr() { (err, Exit::Unusable) } else { (out, Exit::Fine) };
    // There is nowhere left to tell that nobody reads.
    let _ = write!(to, "{said}").and_then(|()| to.flush());
    exit
}

/// Says what went wrong, with what lies underneath, and ends.
fn fail(exit: Exit, error: &Error, err: &mut dyn Write) -> Exit {
    // As above.
    let _ = writeln!(err, "error: {error:?}");
    exit
}

const AFTER_HELP: &str = "\
Exit codes:
  0  it did what was asked, and found nothing amiss
  1  it did what was asked, and found something that a person has to mend
  2  a wrong argument, or a file that cannot be read, understood or written
  3  a server could not start: another program listens on its port, say";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_names_every_exit_code() {
        for exit in [Exit::Fine, Exit::Findings, Exit::Unusable, Exit::NotStarted] {
            assert!(AFTER_HELP.contains(&format!("\n  {}  ", exit.code())), "{exit:?}");
        }
    }

    #[test]
    fn wrong_usage_says_nothing_on_standard_output() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        assert_eq!(run(["handset"], &mut out, &mut err), Exit::Unusable);
        assert!(out.is_empty() && !err.is_empty());
    }
}
