//! Test cases that stand in the policy itself.

use std::fmt;

use serde::Serialize;
use toml::Spanned;

use super::{
    Policy,
    diagnostic::{Report, plain},
    file::{Entries, Entry},
    given::Given,
    rule::Section,
    section::{CaseBody, ExpectBody},
    vocabulary::Vocabulary,
};
use crate::ids::RuleName;

/// A request, and what the policy is expected to say to it: one `[[test]]`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Case {
    /// Its name.
    pub name: RuleName,
    /// The facts of the request.
    pub given: Given,
    /// Which question is asked.
    pub section: Section,
    /// What has to come of it.
    pub expect: Expect,
    pub(super) file: usize,
    pub(super) offset: usize,
}

/// What has to come of a [`Case`]: everything that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expect {
    /// The rule that decides.
    pub rule: Option<String>,
    /// The answer, as [`Decision`](super::Decision) prints it: `allow`, `deny number_type`, `require phone`,
    /// `try citcall/flash_call, zadarma/sms`.
    pub answer: Option<String>,
}

/// What came of a [`Case`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CaseResult {
    /// The name of the case.
    pub case: RuleName,
    /// Whether everything is as expected.
    pub passed: bool,
    /// What was expected, in one line.
    pub expected: String,
    /// What the policy said, in one line.
    pub found: String,
}

impl Case {
    /// Asks a policy. It need not be the one that the case stands in.
    #[must_use]
    pub fn run(&self, policy: &Policy) -> CaseResult {
        let evaluation = policy.evaluate(self.section, &self.given.context());
        let Expect { rule, answer } = &self.expect;
        let decision = evaluation.decision.to_string();
        let found_rule = evaluation.rule.map(RuleName::as_str);
        let passed = answer.as_ref().is_none_or(|answer| *answer == decision)
            && rule.as_ref().is_none_or(|rule| Some(rule.as_str()) == found_rule);
        let found = match found_rule {
            Some(rule) => format!("{decision}, by `{rule}`"),
            None => format!("{decision}, by no rule"),
        };
        CaseResult { case: self.name.clone(), passed, expected: self.expect.to_string(), found }
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.answer, &self.rule) {
            (Some(answer), Some(rule)) => write!(f, "{answer}, by `{rule}`"),
            (Some(answer), None) => f.write_str(answer),
            (None, Some(rule)) => write!(f, "by `{rule}`"),
            (None, None) => f.write_str("anything"),
        }
    }
}

/// Reads the `[[test]]` cases. `rules` are the names of the rules of both sections.
pub(super) fn read(
    report: &mut Report<'_>,
    entries: Entries<'_, CaseBody>,
    vocabulary: &Vocabulary<'_>,
    rules: [&[RuleName]; 2],
) -> Vec<Case> {
    let mut cases = Vec::with_capacity(entries.written);
    for entry in entries.read {
        report.turn_to(entry.file);
        report.enter(Some(entry.name.clone()));
        cases.extend(case(report, entry, vocabulary, rules));
    }
    report.enter(None);
    cases
}

fn case(
    report: &mut Report<'_>,
    entry: Entry<'_, CaseBody>,
    vocabulary: &Vocabulary<'_>,
    rules: [&[RuleName]; 2],
) -> Option<Case> {
    let Entry { name, file, span, when, body } = entry;
    let given = when.as_ref().and_then(|given| Some((given.span(), given.get_ref().as_table()?)));
    let Some((given_span, given)) = given else {
        report.add(
            span,
            "the case has no `given`",
            "write the facts of a request: `given = { action = \"transfer\" }`",
        );
        return None;
    };
    let given = Given::read(report, vocabulary, given, given_span);
    let (answer, of_answer) = answer(report, &body.expect)?;
    let expect = body.expect.into_inner();
    let of_rule = match &expect.rule {
        Some(rule) => Some(section_of(report, rule, rules)?),
        None => None,
    };
    let given = given?;
    let section = match (of_answer, of_rule) {
        (Some(section), _) | (None, Some(Some(section))) => section,
        _ if given.has_phone() => Section::Route,
        _ => Section::StepUp,
    };
    let rule = expect.rule.map(Spanned::into_inner);
    Some(Case { name, given, section, expect: Expect { rule, answer }, file, offset: span.start })
}

/// The expected answer in one line, and the section that gives such answers where there is only one.
fn answer(report: &mut Report<'_>, expect: &Spanned<ExpectBody>) -> Option<(Option<String>, Option<Section>)> {
    let ExpectBody { rule, r#try, deny, allow, require } = expect.get_ref();
    let answers = [
        r#try.as_ref().map(|routes| (format!("try {}", routes.join(", ")), Some(Section::Route))),
        deny.as_ref().map(|reason| (format!("deny {reason}"), None)),
        allow.as_ref().filter(|allow| *allow.get_ref()).map(|_| ("allow".to_owned(), Some(Section::StepUp))),
        require.as_ref().map(|acr| (format!("require {acr}"), Some(Section::StepUp))),
    ];
    let mut answers = answers.into_iter().flatten();
    match (answers.next(), answers.next(), rule) {
        (Some((answer, section)), None, _) => Some((Some(answer), section)),
        (None, None, Some(_)) => Some((None, None)),
        _ => {
            let help = "expect a `rule`, one of `try = [\"provider/channel\"]`, `deny = \"reason\"`, `allow = true` and \
                        `require = \"phone\"`, or both";
            report.add(expect.span(), "not one expectation", help);
            None
        }
    }
}

/// The section that has a rule; inside, `None` when both have.
fn section_of(
    report: &mut Report<'_>,
    rule: &Spanned<String>,
    [step_up, route]: [&[RuleName]; 2],
) -> Option<Option<Section>> {
    let has = |rules: &[RuleName]| rules.iter().any(|known| known.as_str() == rule.get_ref());
    match (has(step_up), has(route)) {
        (true, false) => Some(Some(Section::StepUp)),
        (false, true) => Some(Some(Section::Route)),
        (true, true) => Some(None),
        (false, false) => {
            let message = format!("there is no rule `{}`", plain(rule.get_ref(), 64));
            report.add(rule.span(), message, "name a rule of `[[step_up]]` or `[[route]]`");
            None
        }
    }
}
