//! What `handset policy test` prints.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use super::{Report, Tested};
use crate::{
    cli::{
        Format,
        policy::text::{grouped, share},
    },
    policy::{CaseResult, Coverage, CoveredRule, Mutants, Section, Survivor},
};

pub(super) fn report(report: &Report, format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Human => human(report, out)?,
        Format::Plain => plain(report, out)?,
        Format::Json => {
            serde_json::to_writer(&mut *out, report)?;
            writeln!(out)?;
        }
    }
    out.flush()
}

fn human(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for tested in &report.policies {
        tested.results.iter().filter(|result| !result.passed).try_for_each(|result| failure(result, out))?;
        tested.coverage.iter().try_for_each(|coverage| covered(&tested.file, coverage, out))?;
        tested.mutants.iter().try_for_each(|found| mutants(&tested.file, found, out))?;
    }
    for file in report.files.iter().filter(|file| file.cases == 0) {
        writeln!(out, "{}: there is no case in it; add a `[[test]]`", file.file)?;
    }
    for tested in &report.policies {
        let (passed, all) = (tested.passed(), tested.results.len());
        let sum = match (passed, all) {
            (_, 0) => "no case was run".to_owned(),
            (1, 1) => "the only case passes".to_owned(),
            _ if passed == all => format!("all {} cases pass", count(all)),
            _ => format!("{} of {} cases pass, {} fail", count(passed), count(all), count(all - passed)),
        };
        writeln!(out, "{}: {sum}", tested.file)?;
    }
    Ok(())
}

fn failure(result: &CaseResult, out: &mut dyn Write) -> io::Result<()> {
    let CaseResult { case, file, line, given, expected, found, why, .. } = result;
    writeln!(out, "{file}:{line}: the case `{case}` fails")?;
    writeln!(out, "  given     {given}\n  expected  {expected}\n  found     {found}")?;
    for (position, why) in why.iter().enumerate() {
        let title = if position == 0 { "why" } else { "" };
        writeln!(out, "  {title:<8}  {why}")?;
    }
    writeln!(out)
}

fn covered(file: &str, coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "Coverage of {file}")?;
    for section in [Section::StepUp, Section::Route] {
        let (reached, all) = coverage.of(section);
        if all > 0 {
            writeln!(out, "  [[{section}]]: {}", part(reached, all))?;
        }
        let of_section = coverage.rules.iter().filter(|covered| covered.section == section && covered.cases == 0);
        for CoveredRule { rule, file, line, answer, .. } in of_section {
            match (rule, file, line) {
                (Some(rule), Some(file), Some(line)) => {
                    writeln!(out, "    {file}:{line}: no case reaches `{rule}`: {answer}")?;
                }
                _ => writeln!(out, "    no case shows what holds when no rule matches: {answer} (not counted)")?,
            }
        }
    }
    let files = by_file(coverage);
    if files.len() > 1 {
        files.iter().try_for_each(|(file, (reached, all))| writeln!(out, "  {file}: {}", part(*reached, *all)))?;
    }
    writeln!(out)
}

/// How many rules of each file decide a case, and how many there are.
fn by_file(coverage: &Coverage) -> BTreeMap<&str, (usize, usize)> {
    let mut files: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for covered in &coverage.rules {
        if let Some(file) = &covered.file {
            let (reached, all) = files.entry(file).or_default();
            *reached += usize::from(covered.cases > 0);
            *all += 1;
        }
    }
    files
}

fn part(reached: usize, all: usize) -> String {
    let percent = share(wide(reached), wide(all));
    format!("{} of {} rules decide a case, {percent}", count(reached), count(all))
}

fn mutants(file: &str, found: &Mutants, out: &mut dyn Write) -> io::Result<()> {
    let Mutants { run, killed, equivalent, rules_left_out, survivors, .. } = found;
    writeln!(
        out,
        "Mutants of {file}\n  {} were run: {} noticed by a case, {} that no request could notice, {} survived",
        count(*run),
        count(*killed),
        count(*equivalent),
        count(survivors.len())
    )?;
    if *rules_left_out > 0 {
        writeln!(
            out,
            "  those of {} more rules were not run: the policy and its cases are many",
            count(*rules_left_out)
        )?;
    }
    let mut shown = BTreeSet::new();
    for Survivor { rule, file, line, change, case, .. } in survivors {
        writeln!(out, "\n  {file}:{line}: no case of `{rule}` notices: {change}")?;
        match case {
            None => writeln!(out, "    no request was found that would show it; there may be none")?,
            Some(case) if !shown.insert(&case.name) => writeln!(out, "    the case `{}` above would", case.name)?,
            Some(case) => {
                writeln!(out, "    this case would, if its answer is the right one:\n")?;
                case.text.lines().try_for_each(|line| writeln!(out, "      {line}"))?;
            }
        }
    }
    writeln!(out)
}

fn plain(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for file in report.files.iter().filter(|file| file.cases == 0) {
        writeln!(out, "without_case={}", file.file)?;
    }
    for tested in &report.policies {
        let Tested { file, results, coverage, mutants, .. } = tested;
        writeln!(out, "policy={file}\ncases={}\npassed={}", results.len(), tested.passed())?;
        for CaseResult { case, file, line, .. } in results.iter().filter(|result| !result.passed) {
            writeln!(out, "failed={file}:{line}: {case}")?;
        }
        if let Some(coverage) = coverage {
            let of = [Section::StepUp, Section::Route].map(|section| coverage.of(section));
            let (reached, all) = of.into_iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            writeln!(out, "rules={all}\nrules_reached={reached}")?;
            for CoveredRule { rule, file, line, .. } in coverage.not_reached() {
                if let (Some(rule), Some(file), Some(line)) = (rule, file, line) {
                    writeln!(out, "not_reached={file}:{line}: {rule}")?;
                }
            }
        }
        if let Some(Mutants { run, killed, equivalent, rules_left_out, survivors, .. }) = mutants {
            writeln!(out, "mutants={run}\nmutants_killed={killed}\nmutants_equivalent={equivalent}")?;
            writeln!(out, "mutants_survived={}\nrules_left_out={rules_left_out}", survivors.len())?;
            for Survivor { rule, file, line, change, .. } in survivors {
                writeln!(out, "survived={file}:{line}: {rule}: {change}")?;
            }
        }
    }
    Ok(())
}

fn count(count: usize) -> String {
    grouped(wide(count))
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
