//! `handset policy diff`: what is different in a newer policy, and for whom.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use serde_json::json;

use super::{Exit, Format, load, said, text::grouped};
use crate::{
    phone::{LineType, Region},
    policy::{AnswerChange, Branch, Diff, Policy, RuleChange, RuleChangeKind, Section},
};

/// Say what is different in a newer policy, and for whom
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The policy as it was
    old: PathBuf,

    /// The policy as it is
    new: PathBuf,
}

pub(crate) fn run(args: &Args, format: Format, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    // Both are read before either is missed, so that one run tells the faults of both.
    let (old, new) = (load(&args.old, err), load(&args.new, err));
    let (Some(old), Some(new)) = (old, new) else { return Exit::Unusable };
    let diff = old.diff(&new);
    let exit = if diff.is_empty() { Exit::Fine } else { Exit::Findings };
    let written = match format {
        Format::Human => human(&diff, out),
        Format::Plain => plain(&diff, out),
        Format::Json => json(&old, &new, &diff, out),
    };
    said(written, exit)
}

fn json(old: &Policy, new: &Policy, diff: &Diff, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", json!({ "old": old.hash(), "new": new.hash(), "diff": diff }))
}

fn plain(diff: &Diff, out: &mut dyn Write) -> io::Result<()> {
    let rules = |kind| diff.rules.iter().filter(|change| change.kind == kind).count();
    let cells = |section| {
        diff.answers.iter().filter(|change| change.section == section).map(AnswerChange::cells).sum::<usize>()
    };
    for (key, value) in [
        ("rules_added", rules(RuleChangeKind::Added)),
        ("rules_removed", rules(RuleChangeKind::Removed)),
        ("rules_changed", rules(RuleChangeKind::Changed) + rules(RuleChangeKind::OtherList)),
        ("rules_moved", rules(RuleChangeKind::Moved)),
        ("settings", diff.settings.len()),
        ("cells_step_up", cells(Section::StepUp)),
        ("cells_route", cells(Section::Route)),
    ] {
        writeln!(out, "{key}={value}")?;
    }
    Ok(())
}

fn human(diff: &Diff, out: &mut dyn Write) -> io::Result<()> {
    if diff.is_empty() {
        return writeln!(out, "Nothing is different.");
    }
    if !diff.rules.is_empty() {
        writeln!(out, "Rules")?;
    }
    diff.rules.iter().try_for_each(|change| rule(change, out))?;
    if !diff.settings.is_empty() {
        writeln!(out, "\nSettings")?;
    }
    for change in &diff.settings {
        writeln!(out, "  {}", change.setting)?;
        change.before.iter().try_for_each(|text| writeln!(out, "    - {text}"))?;
        change.after.iter().try_for_each(|text| writeln!(out, "    + {text}"))?;
    }
    match diff.answers.is_empty() {
        true => writeln!(out, "\nNo request gets another answer from the rules."),
        false => writeln!(out, "\nOther answers"),
    }?;
    diff.answers.iter().try_for_each(|change| answers(change, out))
}

fn rule(change: &RuleChange, out: &mut dyn Write) -> io::Result<()> {
    let what = match change.kind {
        RuleChangeKind::Added => "added",
        RuleChangeKind::Removed => "removed",
        RuleChangeKind::OtherList => "a list that it names has other entries",
        RuleChangeKind::Moved => "moved",
        _ => "changed",
    };
    writeln!(out, "  [[{}]] `{}`: {what}", change.section, change.rule)?;
    if [RuleChangeKind::Moved, RuleChangeKind::OtherList].contains(&change.kind) {
        return Ok(());
    }
    let only = |lines: &[String], others: &[String]| -> Vec<String> {
        lines.iter().filter(|line| !others.contains(line)).cloned().collect()
    };
    only(&change.before, &change.after).iter().try_for_each(|line| writeln!(out, "    - {line}"))?;
    only(&change.after, &change.before).iter().try_for_each(|line| writeln!(out, "    + {line}"))
}

fn answers(change: &AnswerChange, out: &mut dyn Write) -> io::Result<()> {
    let actions =
        some(&change.actions.iter().map(|name| spoken(name, "*", "any that no rule names")).collect::<Vec<_>>());
    match change.section {
        Section::StepUp => writeln!(out, "  step for action {actions}")?,
        Section::Route => {
            let types =
                some_of(&change.types.iter().map(ToString::to_string).collect::<Vec<_>>(), LineType::ALL, "type");
            let regions: Vec<_> = change.regions.iter().map(|name| spoken(name, "-", NOWHERE)).collect();
            let all = Region::all().into_iter().map(|(region, _)| region.to_string()).chain([NOWHERE.to_owned()]);
            let regions = some_of(&regions, all, "region");
            let cells = grouped(u64::try_from(change.cells()).unwrap_or(u64::MAX));
            writeln!(out, "  route of {cells} cells: {regions}; {types}; action {actions}")?;
        }
    }
    branches(&change.before, '-', out)?;
    branches(&change.after, '+', out)
}

fn branches(branches: &[Branch], sign: char, out: &mut dyn Write) -> io::Result<()> {
    for (position, branch) in branches.iter().enumerate() {
        match branch.when.is_empty() {
            true if position == 0 => writeln!(out, "    {sign} {}", branch.answer)?,
            true => writeln!(out, "    {sign} else {}", branch.answer)?,
            false => writeln!(out, "    {sign} if {}: {}", branch.when.join(" and "), branch.answer)?,
        }
    }
    Ok(())
}

/// The names of an axis, or those that are not among them when these are fewer.
fn some_of<T: ToString>(names: &[String], all: impl IntoIterator<Item = T>, what: &str) -> String {
    let all: Vec<_> = all.into_iter().map(|name| name.to_string()).collect();
    let others: Vec<_> = all.into_iter().filter(|name| !names.contains(name)).collect();
    match (others.len(), names.len()) {
        (0, _) => format!("every {what}"),
        (missing, there) if missing < there => format!("every {what} but {}", some(&others)),
        _ => some(names),
    }
}

/// A name, or the words for a sign that stands for no name.
fn spoken(name: &str, sign: &str, words: &str) -> String {
    if name == sign { words.to_owned() } else { name.to_owned() }
}

/// The first of some names.
fn some(names: &[String]) -> String {
    let first = names.iter().take(MOST_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST_NAMES) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// How many names of an axis are shown to people.
const MOST_NAMES: usize = 12;

/// What people read for a number of no region.
const NOWHERE: &str = "numbers of no country";

const AFTER_HELP: &str = "\
Shown is for which actions, regions and types of number the answer is another one, and under which further
conditions; a cell is one of each. `handset policy replay` says how often that happens.
Exit codes: 0 nothing is different, 1 something is, 2 a file cannot be read or does not load";
