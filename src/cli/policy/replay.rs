//! `handset policy replay`: what would another policy have decided?

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use serde_json::json;

use super::{
    Exit, Format, load, said,
    text::{Table, grouped, share},
};
use crate::{
    policy::Policy,
    record::{Change, Group, Replay, Report},
};

/// Decide recorded starts again with another policy, and say what would change
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The log of decision records, or `-` for standard input
    #[arg(long, value_name = "FILE")]
    log: PathBuf,

    /// The policy to try
    #[arg(long, value_name = "FILE")]
    candidate: PathBuf,

    /// Compare with this policy; without it, with what was decided then
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// Say nothing on standard error while reading
    #[arg(long, short)]
    quiet: bool,
}

pub(crate) fn run(args: &Args, format: Format, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let Some(candidate) = load(&args.candidate, err) else { return Exit::Unusable };
    let mut replay = Replay::new(&candidate);
    let mut baseline = None;
    if let Some(path) = &args.baseline {
        let Some(policy) = load(path, err) else { return Exit::Unusable };
        replay = replay.with_baseline(&policy);
        baseline = Some(policy);
    }
    let report = match read(&replay, &args.log, args.quiet, err) {
        Ok(report) => report,
        Err(error) => {
            return said(
                writeln!(err, "error: the log `{}` cannot be read: {error}", args.log.display()),
                Exit::Unusable,
            );
        }
    };
    if report.starts == 0 {
        let log = args.log.display();
        let unread = grouped(report.unreadable);
        let message = "error: no start of a check in the log";
        return said(writeln!(err, "{message} `{log}`; {unread} lines are no records"), Exit::Unusable);
    }
    let exit = if report.changed() == 0 { Exit::Fine } else { Exit::Findings };
    let subject = Subject { candidate: &candidate, baseline: baseline.as_ref(), report: &report };
    said(subject.write(format, out), exit)
}

fn read(replay: &Replay, log: &Path, quiet: bool, err: &mut dyn Write) -> io::Result<Report> {
    let log: Box<dyn Read> = match log == Path::new("-") {
        true => Box::new(io::stdin()),
        false => Box::new(File::open(log)?),
    };
    let mut told = 0;
    replay.run(log, &mut |lines| {
        if !quiet && lines / STEP > told / STEP {
            told = lines;
            // Progress that nobody reads is no reason to stop.
            let _ = writeln!(err, "{} lines read", grouped(lines));
        }
    })
}

/// What was found about what.
struct Subject<'a> {
    candidate: &'a Policy,
    baseline: Option<&'a Policy>,
    report: &'a Report,
}

impl Subject<'_> {
    fn write(&self, format: Format, out: &mut dyn Write) -> io::Result<()> {
        match format {
            Format::Human => self.human(out),
            Format::Plain => self.plain(out),
            Format::Json => {
                let baseline = self.baseline.map(Policy::hash);
                let found = json!({
                    "candidate": self.candidate.hash(),
                    "baseline": baseline,
                    "changed": self.report.changed(),
                    "report": self.report,
                });
                writeln!(out, "{found}")
            }
        }
    }

    fn plain(&self, out: &mut dyn Write) -> io::Result<()> {
        let report = self.report;
        let change = |change| report.changes.get(&change).copied().unwrap_or_default();
        for (key, value) in [
            ("starts", report.starts),
            ("same", report.same),
            ("same_by_another_rule", report.other_rule),
            ("changed", report.changed()),
            ("now_denied", change(Change::NowDenied)),
            ("now_sent", change(Change::NowSent)),
            ("other_first", change(Change::OtherFirst)),
            ("other_fallbacks", change(Change::OtherFallbacks)),
            ("settings", change(Change::Settings)),
            ("unsure", report.unsure),
            ("withheld", report.withheld),
            ("unreadable", report.unreadable),
        ] {
            writeln!(out, "{key}={value}")?;
        }
        Ok(())
    }

    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        let report = self.report;
        let against = match self.baseline {
            Some(baseline) => format!("what policy {} would decide", baseline.hash()),
            None => "what was decided then".to_owned(),
        };
        writeln!(out, "Policy {} against {against}:\n", self.candidate.hash())?;
        self.sums(out)?;
        for (title, groups) in [
            ("By region (starts that are sent)", &report.regions),
            ("By channel that is tried first", &report.channels),
            ("By provider that is tried first", &report.providers),
            ("By rule that decides", &report.rules),
        ] {
            table(out, title, groups)?;
        }
        if !report.examples.is_empty() {
            writeln!(out, "\nExamples")?;
        }
        for example in &report.examples {
            writeln!(out, "  line {}: {}, {} {}", example.line, example.action, example.region, example.line_type)?;
            writeln!(out, "    before  {}\n    after   {}", example.before, example.after)?;
        }
        self.reservations(out)
    }

    fn sums(&self, out: &mut dyn Write) -> io::Result<()> {
        let report = self.report;
        let of = |count| format!("{:>12}  {:>6}", grouped(count), share(count, report.starts));
        writeln!(out, "{:>12}          starts in the log", grouped(report.starts))?;
        writeln!(out, "{}  would end the same", of(report.same))?;
        if report.other_rule > 0 {
            writeln!(out, "{}    of these by another rule", of(report.other_rule))?;
        }
        writeln!(out, "{}  would change", of(report.changed()))?;
        for (change, count) in &report.changes {
            writeln!(out, "{}    {}", of(*count), change.as_str())?;
        }
        if report.unsure + report.withheld > 0 {
            writeln!(
                out,
                "{}  cannot be told: the record was cut where a rule looks",
                of(report.unsure + report.withheld)
            )?;
        }
        Ok(())
    }

    fn reservations(&self, out: &mut dyn Write) -> io::Result<()> {
        let report = self.report;
        if !report.missing.is_empty() {
            writeln!(out, "\nFacts that the policy reads and records lack; there rules are read as without them:")?;
        }
        for (fact, count) in &report.missing {
            writeln!(out, "{:>12}  {:>6}  {fact}", grouped(*count), share(*count, report.starts))?;
        }
        if report.unreadable > 0 {
            writeln!(out, "\nLines that are no records of this version, passed over: {}.", grouped(report.unreadable))?;
        }
        writeln!(out, "\nLimits and budgets were not replayed.")
    }
}

fn table(out: &mut dyn Write, title: &str, groups: &BTreeMap<String, Group>) -> io::Result<()> {
    let mut rows: Vec<_> = groups.iter().filter(|(_, group)| group.changed > 0).collect();
    if rows.is_empty() {
        return Ok(());
    }
    rows.sort_by_key(|(_, group)| std::cmp::Reverse(group.changed));
    let mut table = Table::new(["", "before", "after", "changed"]);
    for (name, group) in rows.iter().take(MOST_ROWS) {
        table.row([(*name).clone(), grouped(group.before), grouped(group.after), grouped(group.changed)]);
    }
    write!(out, "\n{title}\n{table}")?;
    match rows.len().saturating_sub(MOST_ROWS) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more; --format json has them all"),
    }
}

/// How many rows of a table are shown to people.
const MOST_ROWS: usize = 15;

/// How many lines are read between two words of progress.
const STEP: u64 = 250_000;

const AFTER_HELP: &str = "\
A log is what a verifier writes that was built with `record_to`.
Exit codes: 0 nothing would change, 1 something would, 2 a file cannot be read or has no start in it";
