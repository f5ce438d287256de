//! Makes the mutants of a rule from its text.

use toml::{Spanned, de::DeValue};

use super::{
    MutantKind, RuleOf, Rules,
    cut::{Cut, Cutter},
};
use crate::policy::{
    Inner, Policy,
    condition::{Condition, When},
    diagnostic::Report,
    file::File,
    rule::{Head, OnMissing, Section},
    vocabulary::{self, Vocabulary},
    when,
};

/// One small change to a policy.
pub(super) struct Mutant {
    /// The rule that is changed, by its place in its section.
    pub(super) position: usize,
    pub(super) kind: MutantKind,
    /// What was changed, in the words of the file.
    pub(super) what: String,
    pub(super) line: usize,
    pub(super) change: Change,
}

pub(super) enum Change {
    Removed,
    /// It stands after the next one.
    Swapped,
    /// It is this rule, with another answer if there is one here.
    Made {
        head: Box<Head>,
        answer: Option<String>,
    },
}

/// Reads rules that were changed as though they stood in the file.
pub(super) struct Maker<'p> {
    inner: &'p Inner,
    vocabulary: Vocabulary<'p>,
    /// The conditions of each rule as they are written.
    whens: [Vec<Option<Spanned<DeValue<'p>>>>; 2],
    /// An answer that sends.
    sending: String,
}

impl<'p> Maker<'p> {
    /// `None` only when the texts are not those of the policy.
    pub(super) fn new(policy: &'p Policy) -> Option<Self> {
        let inner = &*policy.inner;
        let mut report = Report::new(&inner.sources);
        let file = File::read(&mut report, &inner.sources, *inner.files.first()?)?;
        let lists = vocabulary::lists(&mut report, &inner.sources, file.lists, &mut Vec::new());
        let step_up = file.step_ups.read.into_iter().map(|entry| entry.when).collect();
        let route = file.routes.read.into_iter().map(|entry| entry.when).collect();
        let answers = policy.rules(Section::Route).map(|rule| rule.answer().to_string());
        let sending = answers.into_iter().find(|answer| answer.starts_with("try ")).unwrap_or("try nobody".to_owned());
        Some(Self { inner, vocabulary: inner.vocabulary(lists), whens: [step_up, route], sending })
    }

    /// The mutants of a rule.
    pub(super) fn mutants(&mut self, rules: &Rules<'p>, position: usize) -> Vec<Mutant> {
        let Some(rule) = rules.list.get(position) else { return Vec::new() };
        let mutant = |kind, what, change| Mutant { position, kind, what, line: rule.line, change };
        let mut all = vec![mutant(MutantKind::RuleRemoved, "the rule removed".to_owned(), Change::Removed)];
        if let Some(next) = rules.list.get(position + 1) {
            let what = format!("swapped with `{}` below it", next.head.name);
            all.push(mutant(MutantKind::RulesSwapped, what, Change::Swapped));
        }
        for (kind, what, head, answer) in
            answers(rules.section, rule, &self.sending).into_iter().chain(on_missing(rule))
        {
            all.push(mutant(kind, what, Change::Made { head: Box::new(head), answer }));
        }
        all.extend(self.of_conditions(rules.section, rule, position));
        all
    }

    fn of_conditions(&mut self, section: Section, rule: &RuleOf<'_>, position: usize) -> Vec<Mutant> {
        let [step_up, route] = &self.whens;
        let whens = if section == Section::StepUp { step_up } else { route };
        let Some(Some(written)) = whens.get(position) else { return Vec::new() };
        let Some(table) = written.get_ref().as_table() else { return Vec::new() };
        let mut report = Report::new(&self.inner.sources);
        report.turn_to(rule.head.file);
        let cuts = Cutter { report: &report, vocabulary: &self.vocabulary }.table("", table);
        let span = written.span();
        let mut all = Vec::new();
        for Cut { made, kind, what, at } in cuts {
            let made = made.map(|table| Spanned::new(span.clone(), DeValue::Table(table)));
            let Some(mut when) = self.read(made, section, rule.head.file) else { continue };
            share(&mut when, &rule.head.when.every_condition());
            let head = Box::new(Head { when, ..rule.head.clone() });
            let line = self.inner.sources.line(rule.head.file, at);
            all.push(Mutant { position, kind, what, line, change: Change::Made { head, answer: None } });
        }
        all
    }

    /// Reads conditions. `None` when they would not load.
    fn read(&mut self, when: Option<Spanned<DeValue<'p>>>, section: Section, file: usize) -> Option<When> {
        let Some(when) = when else { return Some(When::default()) };
        let mut report = Report::new(&self.inner.sources);
        report.turn_to(file);
        let read = when::read(&mut report, &mut self.vocabulary, &when, section);
        read.filter(|_| report.is_clean())
    }
}

/// Puts what is as it was in the place of what was read anew: the classes of values are made by what tests are the same.
fn share(when: &mut When, known: &[&Condition]) {
    for condition in &mut when.conditions {
        let same = known.iter().find(|known| known.fact == condition.fact && known.test == condition.test);
        if let Some(same) = same {
            condition.test = same.test.clone();
        }
    }
    let branches = when.groups.iter_mut().flat_map(|group| &mut group.branches);
    branches.for_each(|branch| share(branch, known));
}

type Made = (MutantKind, String, Head, Option<String>);

/// The rule with other answers.
fn answers(section: Section, rule: &RuleOf<'_>, sending: &str) -> Vec<Made> {
    let mut others = Vec::new();
    let (verb, rest) = rule.answer.split_once(' ').unwrap_or((&rule.answer, ""));
    match (section, verb) {
        (Section::StepUp, "allow") => others.push("deny mutant".to_owned()),
        (Section::StepUp, _) => others.push("allow".to_owned()),
        (Section::Route, "deny") => others.push(sending.to_owned()),
        (Section::Route, _) => others.push("deny mutant".to_owned()),
    }
    let mut made: Vec<_> = others.into_iter().map(|answer| other_answer(section, rule, answer)).collect();
    let routes: Vec<_> = rest.split(", ").collect();
    if verb == "try" && routes.len() > 1 {
        for (position, dropped) in routes.iter().enumerate() {
            let left: Vec<_> = routes.iter().enumerate().filter(|(at, _)| *at != position).map(|(_, r)| *r).collect();
            let what = format!("`{dropped}` dropped from `try`");
            let answer = format!("try {}", left.join(", "));
            made.push((MutantKind::EntryDropped, what, rule.head.clone(), Some(answer)));
        }
        let mut swapped = routes;
        swapped.swap(0, 1);
        let what = "the first two of `try` swapped".to_owned();
        made.push((MutantKind::AnswerChanged, what, rule.head.clone(), Some(format!("try {}", swapped.join(", ")))));
    }
    made
}

fn other_answer(section: Section, rule: &RuleOf<'_>, answer: String) -> Made {
    let mut head = rule.head.clone();
    // What is missing is read as such an answer asks for.
    head.reading.sends = section == Section::Route && answer.starts_with("try ");
    head.reading.careful = !head.reading.sends && answer != "allow";
    let what = format!("`{}` made `{answer}`", rule.answer);
    (MutantKind::AnswerChanged, what, head, Some(answer))
}

/// The rule that does other things without its signal.
fn on_missing(rule: &RuleOf<'_>) -> Vec<Made> {
    let Some(written) = rule.head.reading.on_missing else { return Vec::new() };
    let others = [OnMissing::AssumeRisky, OnMissing::SkipRule, OnMissing::Deny].into_iter().filter(|o| *o != written);
    let made = others.map(|other| {
        let mut head = rule.head.clone();
        head.reading.on_missing = Some(other);
        let what = format!("`on_missing = \"{}\"` made `\"{}\"`", written.as_str(), other.as_str());
        (MutantKind::OnMissingChanged, what, head, None)
    });
    made.collect()
}
