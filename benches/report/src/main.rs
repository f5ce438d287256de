//! From the measurements of one run to a page: ratios first, then figures, then plots.

mod measured;
mod page;
mod plot;
mod targets;

use std::{error::Error, fs, path::PathBuf};

use clap::Parser;

use measured::Measured;

/// Writes docs/benchmarks.md and its plots from what one run of scripts/bench has left
#[derive(Parser)]
#[command(name = "handset-bench-report")]
struct Arguments {
    /// The folder of criterion, usually target/criterion
    criterion: PathBuf,
    /// What else was measured, a line of JSON each: {"name": "..", "value": ..}
    others: PathBuf,
    /// The folder that the page goes to, usually docs
    docs: PathBuf,
    /// The day of the run
    #[arg(long)]
    date: String,
    /// What it ran on
    #[arg(long)]
    machine: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let measured = Measured::read(&arguments.criterion, &arguments.others)?;
    let plots = arguments.docs.join("benchmarks");
    fs::create_dir_all(&plots)?;
    plot::live_checks(&measured, &plots.join("live-checks.svg"))?;
    plot::rules(&measured, &plots.join("rules.svg"))?;
    let page = page::write(&measured, &arguments.date, &arguments.machine);
    Ok(fs::write(arguments.docs.join("benchmarks.md"), page)?)
}
