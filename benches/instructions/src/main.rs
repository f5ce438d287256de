//! Counts the instructions of the hot functions, and holds them to the figures that are kept in the repository.

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use clap::Parser;
use serde_json::Value;

/// Counts the instructions of the hot functions with valgrind, and fails when one takes over 5 % more than counts.toml says
#[derive(Parser)]
#[command(name = "handset-instructions")]
struct Arguments {
    /// Put what is counted into counts.toml instead
    #[arg(long)]
    write: bool,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments = Arguments::parse();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = here.join("counts.toml");
    let counted = run(here)?;
    if arguments.write {
        fs::write(&file, format!("{HEADER}{}", toml::to_string(&counted)?))?;
        println!("{} is written", file.display());
        return Ok(ExitCode::SUCCESS);
    }
    let kept = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(if compare(&toml::from_str(&kept)?, &counted) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Has the harness count, and reads its summaries.
fn run(here: &Path) -> Result<BTreeMap<String, u64>, Box<dyn Error>> {
    let summaries = env::temp_dir().join(format!("handset-instructions-{}", std::process::id()));
    let cargo = env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
    let mut harness = Command::new(cargo);
    harness.args(["bench", "--locked", "--bench", "hot"]).current_dir(here);
    harness.env("GUNGRAUN_HOME", &summaries).env("GUNGRAUN_SAVE_SUMMARY", "json");
    if !harness.status()?.success() {
        return Err("the harness has failed: valgrind and gungraun-runner have to be installed".into());
    }
    let counted = counted(&summaries)?;
    fs::remove_dir_all(&summaries)?;
    match counted.is_empty() {
        true => Err("the harness has left no summary".into()),
        false => Ok(counted),
    }
}

/// Prints a line for each function; whether all are there and none has grown too much.
fn compare(kept: &BTreeMap<String, u64>, counted: &BTreeMap<String, u64>) -> bool {
    let mut all_well = true;
    for name in kept.keys().chain(counted.keys().filter(|name| !kept.contains_key(*name))) {
        let (Some(kept), Some(counted)) = (kept.get(name), counted.get(name)) else {
            println!("{name}: is in the file or was counted, but not both; write the file anew");
            all_well = false;
            continue;
        };
        let change = (*counted as f64 / *kept as f64 - 1.0) * 100.0;
        let verdict = if change > LARGEST_GROWTH { "GROWN TOO MUCH" } else { "" };
        println!("{name}: {counted} instructions a call, {kept} in the file, {change:+.1} % {verdict}");
        all_well &= change <= LARGEST_GROWTH;
    }
    if !all_well {
        println!(
            "Find out what it is; if it has to be, run `scripts/bench instructions` and commit the file with the change."
        );
    }
    all_well
}

/// Instructions for one call, by the name of the function.
fn counted(folder: &Path) -> Result<BTreeMap<String, u64>, Box<dyn Error>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(counted(&path)?);
        } else if path.file_name().is_some_and(|name| name == "summary.json") {
            let summary: Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
            let (name, count) = read(&summary).ok_or_else(|| format!("{}: no count in it", path.display()))?;
            found.insert(name, count / CALLS);
        }
    }
    Ok(found)
}

fn read(summary: &Value) -> Option<(String, u64)> {
    let parts = summary["profiles"][0]["data"]["parts"].as_array()?;
    // A part for each thread: the sweeper's has nothing.
    let counts = parts.iter().map(|part| part["metrics"]["Ir"]["values"]["new"].as_u64());
    Some((summary["function_name"].as_str()?.to_owned(), counts.sum::<Option<u64>>()?))
}

/// As many as the benchmark calls each function.
const CALLS: u64 = 200;

/// In percent.
const LARGEST_GROWTH: f64 = 5.0;

const HEADER: &str = "\
# Instructions for one call of each hot function, counted by valgrind, which knows no instructions for SHA-256: hashes are dearer
# here than on a machine. `scripts/test instructions` fails when one takes over 5 % more; `scripts/bench instructions` writes the file.

";
