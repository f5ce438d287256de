//! The page.

use std::fmt::Write;

use crate::{
    measured::Measured,
    targets::{self, Bound, Target},
};

pub(crate) fn write(measured: &Measured, date: &str, machine: &str) -> String {
    let targets: String = targets::all(measured).iter().map(row).collect();
    let mut figures = String::new();
    for (name, value) in measured.all().filter(|(name, _)| {
        !["load ", "profile ", "right answers ", "share ", "Welch", "wrong answers "]
            .iter()
            .any(|apart| name.starts_with(apart))
    }) {
        let unit = if name.starts_with("memory") { "bytes" } else { "ns" };
        let _ = writeln!(figures, "| {name} | {value:.0} {unit} |");
    }
    let load =
        table(measured.all().filter_map(|(name, value)| Some((name.strip_prefix("load ")?, value))).collect(), "");
    let mut shares: Vec<_> =
        measured.all().filter_map(|(name, value)| Some((name.strip_prefix("profile ")?, value))).collect();
    shares.sort_by(|one, other| other.1.total_cmp(&one.1));
    let profile = table(shares, " %");
    format!(
        "# Benchmarks\n\n\
         Written by `scripts/bench` on {date}; {machine}. Ratios are taken within this one run, since machines differ and \
         neighbours come and go; the figures in nanoseconds below are this machine's and nobody else's.\n\n\
         ## Targets\n\n| what | bound | measured | |\n|---|---:|---:|---|\n{targets}\n\
         {NOTES}\n\
         ## Cost against live checks, and against rules\n\n\
         ![Nanoseconds of an answer and of a start against live checks](benchmarks/live-checks.svg)\n\n\
         ![Nanoseconds of a decision against rules](benchmarks/rules.svg)\n\n\
         ## A whole lifecycle over HTTP\n\n\
         `examples/load.rs`, client, server and emulated vendor in one process on the same cores.\n\n\
         {load}\n\
         Where the time goes, by the crate that a sample is in:\n\n\
         {profile}\n\
         ## Everything that was measured\n\n| benchmark | median |\n|---|---:|\n{figures}"
    )
}

fn table(rows: Vec<(&str, f64)>, unit: &str) -> String {
    if rows.is_empty() {
        return "Not measured in this run.\n".to_owned();
    }
    rows.into_iter().fold("| | |\n|---|---:|\n".to_owned(), |mut lines, (name, value)| {
        let _ = writeln!(lines, "| {name} | {value}{unit} |");
        lines
    })
}

fn row(target: &Target) -> String {
    let bound = match target.bound {
        Bound::AtMost(bound) => format!("at most {bound}{}", target.unit),
        Bound::AtLeast(bound) => format!("at least {bound}{}", target.unit),
    };
    let value = match target.value {
        Some(value) if target.unit == "x" => format!("{value:.2}x"),
        Some(value) if target.unit.is_empty() => format!("{value:.1}"),
        Some(value) => format!("{value:.0}{}", target.unit),
        None => "not measured".to_owned(),
    };
    let verdict = match target.is_met() {
        Some(true) => "reached",
        Some(false) => "**missed**",
        None => "",
    };
    format!("| {} | {bound} | {value} | {verdict} |\n", target.what)
}

/// What a person has to say about it.
const NOTES: &str = include_str!("../notes.md");
