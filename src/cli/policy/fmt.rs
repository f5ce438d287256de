//! `handset policy fmt`: policy files in their canonical form.

mod canon;
mod comments;
mod layout;

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;
use similar::TextDiff;

use super::{Exit, Format, said};
use crate::{
    policy::{Policy, Sources},
    provider::registry,
};
use canon::{Refused, canonical};

/// Write policies in their canonical form
///
/// Comments stay, rules stay in their order, and what a file says stays the same. Sections come in one order, and so do the
/// keys of a rule; between entries there is one blank line, and lists end at 120 columns.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Policies, and files of cases; `-` reads standard input and writes standard output
    #[arg(default_value = "-", value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Write nothing; say which files are not in canonical form, and what would change
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &Args, format: Format, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let mut done = Vec::new();
    let mut exit = Exit::Fine;
    for path in &args.files {
        match formatted(path, args.check, out) {
            Ok(formatted) => done.push(formatted),
            Err(message) => {
                // There is nowhere left to tell that nobody reads.
                let _ = writeln!(err, "{message}");
                exit = Exit::Unusable;
            }
        }
    }
    if exit == Exit::Fine && args.check && done.iter().any(|file| file.changed) {
        exit = Exit::Findings;
    }
    // What was read from standard input is all that stands on standard output.
    done.retain(|file| args.check || !file.is_standard);
    if done.is_empty() {
        return exit;
    }
    said(print(&done, args.check, format, out), exit)
}

/// A file, and what was or would be changed.
#[derive(Serialize)]
struct Formatted {
    file: String,
    changed: bool,
    /// What would change, with a line of context.
    diff: Option<String>,
    #[serde(skip)]
    is_standard: bool,
}

fn formatted(path: &Path, check: bool, out: &mut dyn Write) -> Result<Formatted, String> {
    let is_standard = path == Path::new("-");
    let file = if is_standard { "<stdin>".to_owned() } else { path.display().to_string() };
    let text = read(path, is_standard).map_err(|error| format!("error: `{file}` cannot be read: {error}"))?;
    let canonical = canonical(&text).map_err(|refused| refusal(&file, &text, &refused))?;
    let changed = canonical != text;
    let unwritten = |error: io::Error| format!("error: `{file}` cannot be written: {error}");
    match (check, is_standard) {
        (true, _) => {}
        (false, true) => out.write_all(canonical.as_bytes()).and_then(|()| out.flush()).map_err(unwritten)?,
        (false, false) if changed => replace(path, &canonical).map_err(unwritten)?,
        (false, false) => {}
    }
    let diff = (check && changed).then(|| diff(&text, &canonical));
    Ok(Formatted { file, changed, diff, is_standard })
}

fn read(path: &Path, is_standard: bool) -> io::Result<String> {
    let most = u64::try_from(Sources::MAX_POLICY).unwrap_or(u64::MAX);
    let from: Box<dyn Read> = match is_standard {
        true => Box::new(io::stdin()),
        false => Box::new(fs::File::open(path)?),
    };
    let mut text = String::new();
    from.take(most.saturating_add(1)).read_to_string(&mut text)?;
    if text.len() > Sources::MAX_POLICY {
        let message = format!("it is longer than {} KiB", Sources::MAX_POLICY / 1024);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}

/// Puts a text in the place of a file's, all at once: a reader finds either.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    // Behind a symbolic link the file is written, and the link stays.
    let path = fs::canonicalize(path)?;
    let permissions = fs::metadata(&path)?.permissions();
    if permissions.readonly() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only"));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".handset-fmt-").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(permissions)?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(())
}

fn refusal(file: &str, text: &str, refused: &Refused) -> String {
    match refused {
        Refused::Syntax(theirs) => match Policy::parse(file, text, &registry::catalogue()) {
            // It does not even parse, so these are faults of syntax, in the words of `policy check`.
            Err(faults) => faults.to_string(),
            Ok(_) => format!("error: `{file}` is no TOML: {theirs}"),
        },
        Refused::Unsafe => {
            format!(
                "error: `{file}` was left as it is: its canonical form would not say the same, which is a bug of this command"
            )
        }
    }
}

fn diff(text: &str, canonical: &str) -> String {
    TextDiff::from_lines(text, canonical).unified_diff().context_radius(1).to_string()
}

fn print(done: &[Formatted], check: bool, format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Human => done.iter().try_for_each(|file| human(file, check, out))?,
        Format::Plain => {
            for Formatted { file, changed, .. } in done {
                writeln!(out, "{}={file}", if *changed { "changed" } else { "unchanged" })?;
            }
        }
        Format::Json => {
            #[derive(Serialize)]
            struct Files<'f> {
                files: &'f [Formatted],
            }
            serde_json::to_writer(&mut *out, &Files { files: done })?;
            writeln!(out)?;
        }
    }
    out.flush()
}

fn human(formatted: &Formatted, check: bool, out: &mut dyn Write) -> io::Result<()> {
    let Formatted { file, changed, diff, .. } = formatted;
    match (changed, check) {
        (false, _) => writeln!(out, "{file}: is in canonical form"),
        (true, false) => writeln!(out, "{file}: written in canonical form"),
        (true, true) => {
            writeln!(out, "{file}: is not in canonical form")?;
            let diff = diff.as_deref().unwrap_or_default();
            diff.lines().take(MOST_LINES).try_for_each(|line| writeln!(out, "{}", format!("  {line}").trim_end()))?;
            match diff.lines().count().saturating_sub(MOST_LINES) {
                0 => Ok(()),
                more => writeln!(out, "  and {more} more lines; --format json has them all"),
            }
        }
    }
}

/// Comments stand at least so far behind what they are on.
const GAP: usize = 2;

/// How many lines of a difference are shown to people.
const MOST_LINES: usize = 40;

const AFTER_HELP: &str = "\
Exit codes: 0 every file is in canonical form, or is now; 1 with --check, one is not; 2 a file
cannot be read, written or understood, and is as it was

Examples:
  handset policy fmt policy.toml cases/*.toml
  handset policy fmt --check policies/*.toml
  handset policy fmt < old.toml > new.toml";
