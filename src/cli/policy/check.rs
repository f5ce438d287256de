//! `handset policy check`: what is wrong with a policy, what is likely a mistake, and what is in force.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::in_force::InForce;
use crate::{
    channel::Channel,
    cli::{Exit, Format},
    policy::{Catalogue, Diagnostic, Finding, Level, Policy, PolicyErrors, Sources},
    provider::registry,
};

/// Say what is wrong with policies, what is likely a mistake, and what is in force
///
/// Ends with 0 when there is nothing to mend, with 1 when there are errors or warnings, and with 2 when a file cannot
/// be read. Notes say what a policy may cost and how easily its codes are guessed; they need no mending.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The policies; the files that they name are read, too
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// An account that you have, such as `zadarma` or `zadarma/sms`; may stand more than once. With it, routes to all
    /// others are warned of
    #[arg(long, value_name = "PROVIDER[/CHANNEL]", value_parser = account)]
    account: Vec<Account>,

    /// Leave out the notes
    #[arg(long, short)]
    quiet: bool,
}

pub(crate) fn run(args: &Args, format: Format, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let accounts = match accounts(&args.account) {
        Ok(accounts) => accounts,
        Err(message) => return unusable(&message, err),
    };
    let mut checked = Vec::new();
    let mut exit = Exit::Fine;
    for path in &args.files {
        match Sources::read(path) {
            Ok(sources) => checked.push(Checked::of(path, &sources, &accounts, args.quiet)),
            Err(error) => {
                exit = unusable(&format!("`{}` cannot be read: {error}", path.display()), err);
            }
        }
    }
    if exit == Exit::Fine && checked.iter().any(Checked::has_findings) {
        exit = Exit::Findings;
    }
    match print(&checked, format, out) {
        Ok(()) => exit,
        Err(error) => unusable(&format!("the result cannot be written: {error}"), err),
    }
}

/// An account as it stands among the arguments.
#[derive(Clone, Debug)]
struct Account {
    provider: String,
    channel: Option<Channel>,
}

fn account(text: &str) -> Result<Account, String> {
    let (provider, channel) = match text.split_once('/') {
        Some((provider, channel)) => {
            (provider, Some(channel.parse().map_err(|error: crate::Error| error.to_string())?))
        }
        None => (text, None),
    };
    if provider.is_empty() {
        return Err("an account is a provider, or a provider, `/` and a channel".to_owned());
    }
    Ok(Account { provider: provider.to_owned(), channel })
}

/// What policies are read against, and what they are compared with if accounts are known.
struct Accounts {
    known: Catalogue,
    configured: Option<Catalogue>,
}

fn accounts(list: &[Account]) -> Result<Accounts, String> {
    let (mut known, mut configured) = (registry::catalogue(), Catalogue::new());
    for Account { provider, channel } in list {
        let channels = match (channel, known.channels(provider)) {
            (Some(channel), _) => vec![*channel],
            (None, Some(channels)) => channels.to_vec(),
            (None, None) => {
                let names: Vec<_> = registry::PROVIDERS.iter().map(|entry| format!("`{}`", entry.name)).collect();
                let known = names.join(", ");
                return Err(format!(
                    "`{provider}` is no provider of this build ({known}); one of your own needs its channels, such as \
                     `{provider}/sms`"
                ));
            }
        };
        configured = configured.with(provider.as_str(), channels.iter().copied());
        if known.channels(provider).is_none() {
            // A provider of the application's own.
            known = known.with(provider.as_str(), channels);
        }
    }
    Ok(Accounts { known, configured: (!list.is_empty()).then_some(configured) })
}

/// What was found in one policy.
#[derive(Serialize)]
struct Checked {
    file: String,
    errors: Vec<Diagnostic>,
    findings: Vec<Finding>,
    /// `None` when it does not load.
    in_force: Option<InForce>,
    #[serde(skip)]
    faults: Option<PolicyErrors>,
}

impl Checked {
    fn of(path: &Path, sources: &Sources, accounts: &Accounts, quiet: bool) -> Self {
        let file = path.display().to_string();
        match Policy::compile(sources, &accounts.known) {
            Ok(policy) => {
                let lint = |policy: &Policy| match &accounts.configured {
                    Some(configured) => policy.lint_for(configured),
                    None => policy.lint(),
                };
                let mut findings = lint(&policy);
                findings.extend(policy.shadow().map(lint).unwrap_or_default());
                findings.retain(|finding| !quiet || finding.level != Level::Note);
                Self { file, errors: Vec::new(), findings, in_force: Some(InForce::of(&policy)), faults: None }
            }
            Err(faults) => Self {
                file,
                errors: faults.iter().cloned().collect(),
                findings: Vec::new(),
                in_force: None,
                faults: Some(faults),
            },
        }
    }

    fn has_findings(&self) -> bool {
        self.in_force.is_none() || self.findings.iter().any(|finding| finding.level != Level::Note)
    }

    fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }
}

fn print(checked: &[Checked], format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Human => checked.iter().try_for_each(|checked| human(checked, out))?,
        Format::Plain => checked.iter().try_for_each(|checked| plain(checked, out))?,
        Format::Json => {
            #[derive(Serialize)]
            struct Files<'c> {
                files: &'c [Checked],
            }
            serde_json::to_writer(&mut *out, &Files { files: checked })?;
            writeln!(out)?;
        }
    }
    out.flush()
}

fn human(checked: &Checked, out: &mut dyn Write) -> io::Result<()> {
    if let Some(faults) = &checked.faults {
        writeln!(out, "{faults}\n")?;
    }
    for finding in &checked.findings {
        writeln!(out, "{finding}\n")?;
    }
    if let Some(in_force) = &checked.in_force {
        writeln!(out, "{in_force}")?;
    }
    let counts = [
        (checked.errors.len(), "error"),
        (checked.count(Level::Warning), "warning"),
        (checked.count(Level::Note), "note"),
    ];
    let counts: Vec<_> =
        counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| many(count, what)).collect();
    let sum = if counts.is_empty() { "nothing to say".to_owned() } else { counts.join(", ") };
    writeln!(out, "{}: {sum}", checked.file)
}

/// One line for each thing, as compilers write them.
fn plain(checked: &Checked, out: &mut dyn Write) -> io::Result<()> {
    for error in &checked.errors {
        line("error", "load", error, out)?;
    }
    for finding in &checked.findings {
        line(&finding.level.to_string(), finding.kind.as_str(), &finding.diagnostic, out)?;
    }
    Ok(())
}

fn line(level: &str, kind: &str, diagnostic: &Diagnostic, out: &mut dyn Write) -> io::Result<()> {
    let Diagnostic { file, line, column, message, help, .. } = diagnostic;
    let rule = diagnostic.rule.as_ref().map(|rule| format!(" in `{rule}`")).unwrap_or_default();
    writeln!(out, "{file}:{line}:{column}: {level}[{kind}]{rule}: {message}; {help}")
}

fn many(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn unusable(message: &str, err: &mut dyn Write) -> Exit {
    // There is nowhere left to tell that nobody reads.
    let _ = writeln!(err, "error: {message}");
    Exit::Unusable
}

const EXAMPLES: &str = "\
Examples:
  handset policy check policy.toml
  handset policy check --account numcheck --account zadarma/sms policy.toml
  handset --format json policy check policies/*.toml";
