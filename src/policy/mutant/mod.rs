//! Small changes to a policy, and which of them its cases notice.
//!
//! ```text
//!  text of a rule ---> make ---> one mutant ---> every case ---> noticed: killed
//!                                                   `---> not noticed ---> twin ---> no request could notice: left out
//!                                                                            `---> survivor, with a request that does
//! ```
//!
//! A mutant differs from its policy in one rule, or in the order of two neighbours, so only that rule is asked again; what all
//! others say to the cases is known. Nothing depends on time or chance: the same policy and cases give the same survivors.

mod cut;
mod make;
mod sample;
mod twin;

use serde::Serialize;

use super::{
    Policy,
    case::Case,
    context::Context,
    rule::{Head, Passed, SIGNAL_MISSING, Section},
    suite::{Suite, otherwise},
};
use crate::ids::RuleName;
use make::{Change, Maker, Mutant};
use twin::Twin;

/// What came of the mutants of a policy: copies with one small change each.
///
/// Each condition is removed and negated, the boundary of each comparison moved by one, each entry of a list dropped, each
/// rule removed and swapped with the next, each answer and `on_missing` changed. Left alone is what no case can notice: the
/// settings of a route or requirement besides, and the entries of named lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Mutants {
    /// How many were run.
    pub run: usize,
    /// How many of these some case noticed.
    pub killed: usize,
    /// How many of these no request at all could notice, as far as that was proven.
    pub equivalent: usize,
    /// How many rules have mutants that were not run, since the policy is large and its cases are many.
    pub rules_left_out: usize,
    /// Those that no case noticed.
    pub survivors: Vec<Survivor>,
}

/// A mutant that no case noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Survivor {
    /// The section of the rule.
    pub section: Section,
    /// The rule.
    pub rule: RuleName,
    /// The file that the rule stands in.
    pub file: String,
    /// The line of what was changed, from 1.
    pub line: usize,
    /// What kind of change it is.
    pub kind: MutantKind,
    /// What was changed, in the words of the file.
    pub change: String,
    /// A case that would notice it; `None` when none was found. Several survivors may have the same.
    pub case: Option<SuggestedCase>,
}

/// A case that passes as the policy is, and with some mutant does not. Whether its answer is the right one, only a person can
/// tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SuggestedCase {
    /// A name to be replaced by a better one.
    pub name: String,
    /// The `[[test]]`, as it can stand in the policy. Its phone number, if it has one, is made up.
    pub text: String,
}

/// What is changed in a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MutantKind {
    /// A condition or group is gone.
    ConditionRemoved,
    /// A condition or group asks for the opposite.
    ConditionNegated,
    /// A comparison holds for one more value, or for one fewer.
    BoundaryMoved,
    /// A value of a list is gone.
    EntryDropped,
    /// The rule is gone.
    RuleRemoved,
    /// The rule stands after the one below it.
    RulesSwapped,
    /// The rule answers something else.
    AnswerChanged,
    /// The rule does something else without its signal.
    OnMissingChanged,
}

/// Runs the mutants of a suite's policy.
pub(super) fn run(suite: &Suite, progress: &mut dyn FnMut(usize, usize)) -> Mutants {
    let policy = suite.policy();
    let mut found = Mutants { run: 0, killed: 0, equivalent: 0, rules_left_out: 0, survivors: Vec::new() };
    let sections = [Section::StepUp, Section::Route].map(|section| Rules::of(policy, section));
    let all = sections.iter().map(|rules| rules.list.len()).sum();
    let Some(mut maker) = Maker::new(policy) else { return found };
    let (mut looked_at, mut looks) = (0, MOST_LOOKS);
    for rules in &sections {
        let runner = Runner::new(suite, rules);
        let mut examiner = Examiner { suite, rules, suggested: Vec::new() };
        for position in 0..rules.list.len() {
            if looks == 0 {
                found.rules_left_out += 1;
                continue;
            }
            for mutant in maker.mutants(rules, position) {
                looks = looks.saturating_sub(runner.cases.len() + 1);
                found.run += 1;
                match runner.is_killed(&mutant) {
                    true => found.killed += 1,
                    false => examiner.examine(mutant, &mut found),
                }
            }
            looked_at += 1;
            progress(looked_at, all);
        }
    }
    found
}

/// Looks more closely at mutants that no case noticed.
struct Examiner<'s> {
    suite: &'s Suite,
    rules: &'s Rules<'s>,
    /// One case may do for many mutants. Each with the rules that match it.
    suggested: Vec<(Case, Matching, SuggestedCase)>,
}

/// The rules that match a request, in order; and why each refuses, if it does.
type Matching = Vec<(usize, Option<&'static str>)>;

impl Examiner<'_> {
    /// Tells a survivor from a mutant that nobody could notice.
    fn examine(&mut self, mutant: Mutant, found: &mut Mutants) {
        let Some(rule) = self.rules.list.get(mutant.position) else { return };
        let known = self.suggested.iter().find(|(case, matching, _)| self.rules.is_noticed(&mutant, case, matching));
        let case = match known {
            Some((.., suggested)) => Some(suggested.clone()),
            None if found.equivalent + found.survivors.len() >= MOST_EXAMINED => None,
            None => match twin::of(self.suite, self.rules, &mutant, Some(self.suggested.len() + 1)) {
                Twin::Same => {
                    found.equivalent += 1;
                    return;
                }
                Twin::Unsure => None,
                Twin::Other(case, suggested) => {
                    let matching = self.rules.matching(&case.given.context());
                    self.suggested.push((*case, matching, suggested.clone()));
                    Some(suggested)
                }
            },
        };
        found.survivors.push(Survivor {
            section: self.rules.section,
            rule: rule.head.name.clone(),
            file: rule.file.to_owned(),
            line: mutant.line,
            kind: mutant.kind,
            change: mutant.what,
            case,
        });
    }
}

/// The rules of a section as they are.
struct Rules<'p> {
    section: Section,
    list: Vec<RuleOf<'p>>,
}

struct RuleOf<'p> {
    head: &'p Head,
    file: &'p str,
    line: usize,
    /// In one line.
    answer: String,
}

impl<'p> Rules<'p> {
    fn of(policy: &'p Policy, section: Section) -> Self {
        let rule = |rule: super::Rule<'p>| RuleOf {
            head: rule.head,
            file: rule.file(),
            line: rule.line(),
            answer: rule.answer().to_string(),
        };
        Self { section, list: policy.rules(section).map(rule).collect() }
    }

    fn matching(&self, context: &Context<'_>) -> Matching {
        let stands = |(position, rule): (usize, &RuleOf<'_>)| match rule.head.passes(context) {
            Passed::No => None,
            passed => Some((position, rule.head.refusal_of(passed, context))),
        };
        self.list.iter().enumerate().filter_map(stands).collect()
    }

    /// Whether a case that these rules match fails with a mutant.
    fn is_noticed(&self, mutant: &Mutant, case: &Case, matching: &[(usize, Option<&'static str>)]) -> bool {
        let context = case.given.context();
        let (rule, answer) = self.outcome(mutant, matching, &context);
        !case.expect.is_met(rule, answer)
    }

    /// Which rule decides in a mutant, and its answer. `matching` is what holds in the policy.
    fn outcome<'m>(
        &'m self,
        mutant: &'m Mutant,
        matching: &[(usize, Option<&'static str>)],
        context: &Context<'_>,
    ) -> (Option<&'m str>, &'m str) {
        let changed = mutant.position;
        let others = || matching.iter().copied().filter(|(position, _)| *position != changed);
        let decided = match &mutant.change {
            Change::Removed => others().next(),
            Change::Swapped => {
                let next = others().find(|(position, _)| *position >= changed);
                let first = matching.first().copied();
                match (first, next) {
                    (Some((first, _)), Some((next, refusal))) if (first, next) == (changed, changed + 1) => {
                        Some((next, refusal))
                    }
                    _ => first,
                }
            }
            Change::Made { head, .. } => {
                let made = match head.passes(context) {
                    Passed::No => None,
                    passed => Some((changed, head.refusal_of(passed, context))),
                };
                others().next().into_iter().chain(made).min()
            }
        };
        let Some((position, refusal)) = decided else { return (None, otherwise(self.section)) };
        let Some(rule) = self.list.get(position) else { return (None, otherwise(self.section)) };
        let answer = match &mutant.change {
            _ if refusal == Some(SIGNAL_MISSING) => SIGNAL_MISSING_DENIED,
            _ if refusal.is_some() => NUMBER_TYPE_DENIED,
            Change::Made { answer: Some(answer), .. } if position == changed => answer,
            _ => &rule.answer,
        };
        (Some(rule.head.name.as_str()), answer)
    }
}

/// The cases of a section, and the rules that match each.
struct Runner<'s> {
    rules: &'s Rules<'s>,
    cases: Vec<(&'s Case, Matching)>,
}

impl<'s> Runner<'s> {
    fn new(suite: &'s Suite, rules: &'s Rules<'s>) -> Self {
        let of_section = suite.cases().iter().filter(|case| case.section == rules.section);
        let passing = of_section.filter(|case| case.run(suite.policy()).passed);
        Self { rules, cases: passing.map(|case| (case, rules.matching(&case.given.context()))).collect() }
    }

    fn is_killed(&self, mutant: &Mutant) -> bool {
        self.cases.iter().any(|(case, matching)| self.rules.is_noticed(mutant, case, matching))
    }
}

/// How often a case is run with a mutant: some seconds.
const MOST_LOOKS: usize = 20_000_000;

/// How many mutants that no case noticed are looked at more closely. Nobody reads more of them at once.
const MOST_EXAMINED: usize = 200;

/// The answers of rules that refuse since a signal is missing, and since the number is dear.
const SIGNAL_MISSING_DENIED: &str = "deny signal_missing";
const NUMBER_TYPE_DENIED: &str = "deny number_type";

#[cfg(test)]
pub(super) mod tests;
