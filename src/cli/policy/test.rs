//! `handset policy test`: do policies decide as their cases say, and what do the cases leave untested?

mod print;

use std::{
    fmt, fs,
    io::{self, IsTerminal, Read, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::Serialize;

use super::{Exit, Format, load, said, text::grouped};
use crate::policy::{CaseResult, Coverage, Mutants, PolicyErrors, Sources, Suite};

/// Run the test cases of policies
///
/// A FILE is a policy with `[[test]]` cases, or a file of cases: `policy = "../policy.toml"`, and such cases. Cases of one
/// policy count together, whatever files they stand in; only those of the files that are named are run.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Policies, and files of cases
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Say which rules decide no case
    #[arg(long)]
    coverage: bool,

    /// Change each rule in small ways, one at a time, and say which changes no case notices
    #[arg(long)]
    mutate: bool,
}

pub(crate) fn run(args: &Args, format: Format, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let mut gathered = Gathered::default();
    let mut exit = Exit::Fine;
    for path in &args.files {
        if gathered.add(path, err).is_none() {
            exit = Exit::Unusable;
        }
    }
    let policies = gathered.policies.iter().map(|under_test| under_test.run(args, err)).collect();
    let report = Report { files: gathered.files, policies };
    if exit == Exit::Fine && report.has_findings() {
        exit = Exit::Findings;
    }
    said(print::report(&report, format, out), exit)
}

/// What came of a run.
#[derive(Serialize)]
struct Report {
    files: Vec<TestFile>,
    policies: Vec<Tested>,
}

/// One of the files that were named.
#[derive(Serialize)]
struct TestFile {
    file: String,
    /// How many cases stand in it.
    cases: usize,
}

/// A policy, and what came of its cases.
#[derive(Serialize)]
struct Tested {
    file: String,
    policy: String,
    results: Vec<CaseResult>,
    coverage: Option<Coverage>,
    mutants: Option<Mutants>,
}

impl Report {
    fn has_findings(&self) -> bool {
        self.files.iter().any(|file| file.cases == 0) || self.policies.iter().any(Tested::has_findings)
    }
}

impl Tested {
    fn has_findings(&self) -> bool {
        self.results.iter().any(|result| !result.passed)
            || self.coverage.as_ref().is_some_and(|coverage| coverage.not_reached().next().is_some())
            || self.mutants.as_ref().is_some_and(|mutants| !mutants.survivors.is_empty())
    }

    fn passed(&self) -> usize {
        self.results.iter().filter(|result| result.passed).count()
    }
}

/// The policies that are tested, each with the files of its cases.
#[derive(Default)]
struct Gathered {
    files: Vec<TestFile>,
    policies: Vec<UnderTest>,
}

struct UnderTest {
    /// As it was first named.
    file: String,
    /// The same for every way to name it.
    path: PathBuf,
    /// Its own cases.
    own: Suite,
    /// The cases that are run.
    suite: Suite,
}

impl Gathered {
    /// Adds the cases of a file. `None` when it cannot be used, which has been said then.
    fn add(&mut self, path: &Path, err: &mut dyn Write) -> Option<()> {
        let file = path.display().to_string();
        let text = match read(path) {
            Ok(text) => text,
            Err(error) => return complain(format_args!("error: `{file}` cannot be read: {error}"), err),
        };
        let cases = match tested_by(&text) {
            None => self.under_test(path, err)?.add_own(),
            Some(policy) => {
                let policy = path.parent().unwrap_or(Path::new("")).join(policy);
                match self.under_test(&policy, err)?.add(&file, &text) {
                    Ok(cases) => cases,
                    Err(faults) => return complain(format_args!("{faults}"), err),
                }
            }
        };
        self.files.push(TestFile { file, cases });
        Some(())
    }

    /// The policy of a path, loaded once.
    fn under_test(&mut self, path: &Path, err: &mut dyn Write) -> Option<&mut UnderTest> {
        let same = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let position = match self.policies.iter().position(|known| known.path == same) {
            Some(position) => position,
            None => {
                let own = load(path, err)?.suite();
                let suite = own.clone().without_own();
                self.policies.push(UnderTest { file: path.display().to_string(), path: same, own, suite });
                self.policies.len() - 1
            }
        };
        self.policies.get_mut(position)
    }
}

impl UnderTest {
    /// Adds the cases that stand in the policy, and says how many these are.
    fn add_own(&mut self) -> usize {
        self.suite = self.suite.clone().with_own();
        self.own.cases().len()
    }

    fn add(&mut self, file: &str, text: &str) -> Result<usize, PolicyErrors> {
        let before = self.suite.cases().len();
        self.suite = self.suite.clone().with(file, text)?;
        Ok(self.suite.cases().len() - before)
    }

    fn run(&self, args: &Args, err: &mut dyn Write) -> Tested {
        let mut progress = Progress { file: &self.file, told: Instant::now() };
        Tested {
            file: self.file.clone(),
            policy: self.suite.policy().hash().to_owned(),
            results: self.suite.run(),
            coverage: args.coverage.then(|| self.suite.coverage()),
            mutants: args.mutate.then(|| self.suite.mutants(&mut |done, all| progress.tell(done, all, err))),
        }
    }
}

/// What is said while mutants run: nothing unless somebody may be looking, and it takes longer than a moment.
struct Progress<'f> {
    file: &'f str,
    told: Instant,
}

impl Progress<'_> {
    fn tell(&mut self, done: usize, all: usize, err: &mut dyn Write) {
        if self.told.elapsed() < MOMENT || !io::stderr().is_terminal() {
            return;
        }
        self.told = Instant::now();
        let grouped = |count: usize| grouped(u64::try_from(count).unwrap_or(u64::MAX));
        // Progress that nobody reads is no reason to stop.
        let _ = writeln!(err, "{}: mutants of {} of {} rules were run", self.file, grouped(done), grouped(all));
    }
}

/// The policy that a file of cases names; `None` for a policy, and for what is no TOML.
fn tested_by(text: &str) -> Option<PathBuf> {
    let table: toml::Table = toml::from_str(text).ok()?;
    table.get("policy")?.as_str().map(PathBuf::from)
}

fn read(path: &Path) -> io::Result<String> {
    let most = u64::try_from(Sources::MAX_POLICY).unwrap_or(u64::MAX);
    let mut text = String::new();
    // One byte more: a policy that is too long is told so when it is loaded.
    fs::File::open(path)?.take(most.saturating_add(1)).read_to_string(&mut text)?;
    Ok(text)
}

fn complain<T>(what: fmt::Arguments<'_>, err: &mut dyn Write) -> Option<T> {
    // There is nowhere left to tell that nobody reads.
    let _ = writeln!(err, "{what}");
    None
}

/// After how long people wonder.
const MOMENT: Duration = Duration::from_secs(1);

const AFTER_HELP: &str = "\
Mutants: each condition removed and negated, the boundary of each comparison moved by one, each
entry of a list dropped, each rule removed and swapped with the next, each answer and `on_missing`
changed. A change that no request could notice is left out where that can be proven.
Exit codes: 0 every case passes; 1 one fails, a file has none, or --coverage or --mutate finds
something untested; 2 a file cannot be read or does not load

Examples:
  handset policy test policy.toml
  handset policy test --coverage --mutate policy.toml cases/*.toml";
