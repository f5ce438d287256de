//! The test cases of a policy, taken together: do they pass, and what do they leave untested?

use serde::Serialize;

use super::{
    Policy, PolicyErrors,
    case::{self, Case, CaseResult},
    diagnostic::{Report, plain},
    file::{self, Entries},
    mutant::{self, Mutants},
    rule::Section,
    sources::Sources,
};
use crate::ids::RuleName;

/// A policy and the cases that test it: its own, and those of other files.
///
/// An application that ships a policy can hold it to its cases in a test of its own:
///
/// ```
/// use handset::policy::Policy;
/// use handset::provider::registry;
///
/// # let text = include_str!("../../examples/policy.toml");
/// let policy = Policy::parse("policy.toml", text, &registry::catalogue())?;
/// let suite = policy.suite().with("cases.toml", r#"
///     [[test]]
///     name = "reading needs no step"
///     given = { action = "read" }
///     expect = { allow = true }
/// "#)?;
/// for result in suite.run() {
///     assert!(result.passed, "{result:?}");
/// }
/// assert_eq!(suite.coverage().not_reached().count(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Suite {
    policy: Policy,
    /// Those of the policy come first, if they are there.
    cases: Vec<Case>,
    has_own: bool,
}

impl Policy {
    /// The cases that stand in the policy, to be run together.
    #[must_use]
    pub fn suite(&self) -> Suite {
        Suite { policy: self.clone(), cases: self.cases().to_vec(), has_own: true }
    }
}

impl Suite {
    /// Adds the cases of another file. It has `[[test]]` entries as a policy has them, and may say `policy = ".."` for the
    /// command `handset`; here that is passed over. `file_name` is what faults are said to be in.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the file, each fault with its place, its case and what to do.
    pub fn with(mut self, file_name: &str, text: &str) -> Result<Self, PolicyErrors> {
        let sources = Sources::new(file_name, text);
        let mut report = Report::new(&sources);
        let cases = read(&mut report, &sources, &self.policy);
        self.cases.extend(report.finish(cases)?);
        Ok(self)
    }

    /// Has the cases that stand in the policy and in the files that it includes, as it has at first.
    #[must_use]
    pub fn with_own(self) -> Self {
        let Self { policy, cases, .. } = self.without_own();
        let cases = policy.cases().iter().cloned().chain(cases).collect();
        Self { policy, cases, has_own: true }
    }

    /// Leaves out the cases that stand in the policy and in the files that it includes.
    #[must_use]
    pub fn without_own(mut self) -> Self {
        if std::mem::take(&mut self.has_own) {
            self.cases.drain(..self.policy.cases().len());
        }
        self
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The cases, those of the policy first.
    #[must_use]
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// Runs every case, in order.
    #[must_use]
    pub fn run(&self) -> Vec<CaseResult> {
        self.cases.iter().map(|case| case.run(&self.policy)).collect()
    }

    /// Which rules decide some case, whether the case passes or not.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        let mut rules: Vec<_> = [Section::StepUp, Section::Route].into_iter().flat_map(|s| self.rules_of(s)).collect();
        for case in &self.cases {
            let rule = self.policy.evaluate(case.section, &case.given.context()).rule;
            let same = |covered: &&mut CoveredRule| covered.section == case.section && covered.rule.as_ref() == rule;
            if let Some(covered) = rules.iter_mut().find(same) {
                covered.cases += 1;
            }
        }
        Coverage { rules }
    }

    /// Makes small changes to the policy, one at a time, and says which of them no case notices. `progress` is told how many
    /// rules were looked at, and of how many.
    ///
    /// A case that fails notices nothing: mend the cases first.
    pub fn mutants(&self, progress: &mut dyn FnMut(usize, usize)) -> Mutants {
        mutant::run(self, progress)
    }

    /// The rules of a section, and what holds when none matches, if that can be.
    fn rules_of(&self, section: Section) -> Vec<CoveredRule> {
        let mut may_fall_through = true;
        let mut rules = Vec::new();
        for rule in self.policy.rules(section) {
            may_fall_through &= !rule.when().is_always();
            let (name, file, line) = (rule.name().clone(), rule.file().to_owned(), rule.line());
            let answer = rule.answer().to_string();
            rules.push(CoveredRule { section, rule: Some(name), file: Some(file), line: Some(line), answer, cases: 0 });
        }
        if may_fall_through {
            let answer = otherwise(section).to_owned();
            rules.push(CoveredRule { section, rule: None, file: None, line: None, answer, cases: 0 });
        }
        rules
    }
}

/// Which rules decide some case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Coverage {
    /// Every rule in the order of the policy; at the end of a section what holds when none of them matches, if that can be.
    pub rules: Vec<CoveredRule>,
}

/// A rule, and how many cases it decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CoveredRule {
    /// The section that it stands in.
    pub section: Section,
    /// Its name; `None` for what holds when no rule matches.
    pub rule: Option<RuleName>,
    /// The file that it stands in.
    pub file: Option<String>,
    /// The line on which it begins, from 1.
    pub line: Option<usize>,
    /// What it answers, in one line.
    pub answer: String,
    /// How many cases it decides.
    pub cases: usize,
}

impl Coverage {
    /// The rules that decide no case. What holds when no rule matches is not among them.
    pub fn not_reached(&self) -> impl Iterator<Item = &CoveredRule> {
        self.rules.iter().filter(|covered| covered.rule.is_some() && covered.cases == 0)
    }

    /// How many rules of a section decide a case, and how many there are.
    #[must_use]
    pub fn of(&self, section: Section) -> (usize, usize) {
        let rules = self.rules.iter().filter(|covered| covered.section == section && covered.rule.is_some());
        rules.fold((0, 0), |(reached, all), covered| (reached + usize::from(covered.cases > 0), all + 1))
    }
}

/// What is answered when no rule of a section matches.
pub(super) fn otherwise(section: Section) -> &'static str {
    match section {
        Section::StepUp => "allow",
        Section::Route => "deny no_route",
    }
}

/// Reads a file of cases.
fn read(report: &mut Report<'_>, sources: &Sources, policy: &Policy) -> Option<Vec<Case>> {
    let table = file::table(report, sources.text(0))?;
    let mut entries = Entries::default();
    for (key, value) in table {
        match key.get_ref().as_ref() {
            "test" => entries.add(report, value, "given"),
            "policy" if value.get_ref().is_str() => {}
            "policy" => {
                let help = "write the policy's path as seen from this file, such as `policy = \"../policy.toml\"`";
                report.add(value.span(), "expected a text", help);
            }
            unknown => {
                let message = format!("unknown key `{}`", plain(unknown, 40));
                report.add(
                    key.span(),
                    message,
                    "a file of cases has `policy = \"..\"` and `[[test]]`; rules stand in a policy",
                );
            }
        }
    }
    let names = |section| policy.rules(section).map(|rule| rule.name().clone()).collect::<Vec<_>>();
    let rules = [names(Section::StepUp), names(Section::Route)];
    let vocabulary = policy.inner.vocabulary(Default::default());
    let [step_up, route] = &rules;
    Some(case::read(report, entries, &vocabulary, [step_up, route]))
}
