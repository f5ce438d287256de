//! Test cases that stand in the policy itself.

use std::fmt;

use serde::Serialize;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Policy,
    diagnostic::{Report, plain},
    file::{Entries, Entry},
    given::Given,
    rule::Section,
    section::{CaseBody, ExpectBody},
    trace::{RuleTrace, Trace, Why},
    vocabulary::Vocabulary,
};
use crate::{ids::RuleName, phone::PhoneNumber};

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
    /// The facts as they are written, on one line; a phone number is masked.
    pub facts: String,
    /// The file that it stands in.
    pub file: String,
    /// The line on which it begins, from 1.
    pub line: usize,
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
    /// The file that it stands in.
    pub file: String,
    /// The line on which it begins, from 1.
    pub line: usize,
    /// The facts as they are written, on one line; a phone number is masked.
    pub given: String,
    /// Whether everything is as expected.
    pub passed: bool,
    /// What was expected, in one line.
    pub expected: String,
    /// What the policy said, in one line.
    pub found: String,
    /// Why, a sentence for each rule that matters; empty when everything is as expected.
    pub why: Vec<String>,
}

impl Case {
    /// Asks a policy. It need not be the one that the case stands in.
    #[must_use]
    pub fn run(&self, policy: &Policy) -> CaseResult {
        let evaluation = policy.evaluate(self.section, &self.given.context());
        let decision = evaluation.decision.to_string();
        let rule = evaluation.rule.map(RuleName::as_str);
        let passed = self.expect.is_met(rule, &decision);
        let why = if passed { Vec::new() } else { self.why(policy, rule) };
        CaseResult {
            case: self.name.clone(),
            file: self.file.clone(),
            line: self.line,
            given: self.facts.clone(),
            passed,
            expected: self.expect.to_string(),
            found: said(rule, &decision),
            why,
        }
    }

    /// Why a rule decided, and not the one that was expected.
    fn why(&self, policy: &Policy, decided: Option<&str>) -> Vec<String> {
        let trace = policy.explain(self.section, &self.given.context());
        let mut why = vec![decider(&trace, decided)];
        let answers = policy.rules(self.section).map(|rule| rule.answer().to_string());
        let is_expected = |(rule, answer): &(&RuleTrace, String)| match &self.expect.rule {
            Some(expected) => expected == rule.rule.as_str(),
            None => self.expect.answer.as_ref() == Some(answer),
        };
        let others = trace.rules.iter().zip(answers).filter(is_expected).map(|(rule, _)| rule);
        why.extend(others.filter(|rule| decided != Some(rule.rule.as_str())).take(MOST_REASONS).map(other));
        why
    }
}

impl Expect {
    /// Whether a rule and its answer are what is expected.
    pub(super) fn is_met(&self, rule: Option<&str>, answer: &str) -> bool {
        self.answer.as_ref().is_none_or(|expected| expected == answer)
            && self.rule.as_ref().is_none_or(|expected| Some(expected.as_str()) == rule)
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
    let facts = shown(report, given);
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
    let (file, line) = report.name_and_line(file, span.start);
    Some(Case { name, given, section, expect: Expect { rule, answer }, facts, file, line })
}

/// The facts as they are written, in that order.
fn shown(report: &Report<'_>, table: &DeTable<'_>) -> String {
    let mut lines = Vec::new();
    add_shown(report, "", table, &mut lines);
    lines.sort_unstable();
    lines.into_iter().map(|(_, line)| line).collect::<Vec<_>>().join(", ")
}

fn add_shown(report: &Report<'_>, prefix: &str, table: &DeTable<'_>, lines: &mut Vec<(usize, String)>) {
    for (key, value) in table {
        let name = format!("{prefix}{}", key.get_ref());
        let text = match value.get_ref() {
            DeValue::Table(inner) => {
                add_shown(report, &format!("{name}."), inner, lines);
                continue;
            }
            DeValue::String(text) if name == "phone" => {
                let phone = PhoneNumber::parse(text, None).map(|phone| phone.to_string());
                phone.unwrap_or_else(|_| "(not a number)".to_owned())
            }
            _ => report.quote(value.span(), MOST_QUOTED),
        };
        lines.push((key.span().start, format!("{} = {text}", plain(&name, 64))));
    }
}

/// An answer and who gave it, in one line.
pub(super) fn said(rule: Option<&str>, answer: &str) -> String {
    match rule {
        Some(rule) => format!("{answer}, by `{rule}`"),
        None => format!("{answer}, by no rule"),
    }
}

/// What there is to say of the rule that decided.
fn decider(trace: &Trace, decided: Option<&str>) -> String {
    let rule = trace.rules.iter().find(|rule| Some(rule.rule.as_str()) == decided);
    let Some(rule) = rule else { return format!("no rule of `[[{}]]` matched", trace.section) };
    let how = match (rule.refuses, rule.missing.as_slice()) {
        (true, []) => "sends to dear numbers only where it names their `phone.type`".to_owned(),
        (true, missing) => format!("refused without {}, as its `on_missing` says", missing.join(", ")),
        (false, []) => "is the first that matched".to_owned(),
        (false, missing) => format!("is the first that matched, without {}: read the careful way", missing.join(", ")),
    };
    format!("{} {how}", place(rule))
}

/// What there is to say of a rule that did not decide.
fn other(rule: &RuleTrace) -> String {
    let Some(stop) = &rule.stopped_by else { return format!("{} matched, too, and stands after it", place(rule)) };
    let facts = stop.facts.iter().map(|(fact, value)| match value {
        Some(value) => format!("{fact} is {value}"),
        None => format!("{fact} is missing"),
    });
    let facts = facts.collect::<Vec<_>>().join(", ");
    let why = match stop.why {
        Why::Skipped => "; `on_missing = \"skip_rule\"`",
        Why::Missing => "; a rule that allows or sends does not match without it",
        Why::DoesNotHold => "",
    };
    format!("{} did not match: `{}` does not hold, {facts}{why}", place(rule), stop.text)
}

fn place(rule: &RuleTrace) -> String {
    format!("`{}` ({}:{})", rule.rule, rule.file, rule.line)
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

/// How many rules are told of that give the expected answer and did not decide.
const MOST_REASONS: usize = 2;

/// How much of a value is shown, in characters.
const MOST_QUOTED: usize = 120;
