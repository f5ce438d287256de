//! A `[[test]]` at which a mutant and its policy differ.

use std::{collections::BTreeSet, time::Duration};

use super::{Mutant, Rules, SuggestedCase};
use crate::{
    channel::Channel,
    phone::{PhoneNumber, Region},
    policy::{
        case::Case,
        context,
        fact::{Fact, Kind, WEEKDAYS},
        given::Given,
        limit::Shown,
        lint::{Missing, Sample},
        ranges,
        rule::Section,
        suite::Suite,
    },
};

/// The facts of a request that matter, each with a value, the lack of one, or none that is known.
type Facts = [(Fact, Result<Option<Sample>, Missing>)];

/// Writes a case that passes with the policy and fails with the mutant; `None` when no request was found for these facts.
pub(super) fn case(
    suite: &Suite,
    rules: &Rules<'_>,
    mutant: &Mutant,
    facts: &Facts,
    number: usize,
) -> Option<(Case, SuggestedCase)> {
    let written = written(facts)?;
    let name = format!("{} ({number})", cut(rules.list.get(mutant.position)?.head.name.as_str()));
    let given = suite.policy().given("facts", &written.join("\n")).ok()?;
    phones(rules.section, facts).find_map(|phone| {
        let mut given = given.clone();
        (given.plain.phone, given.plain.region) = (phone, phone.and_then(|phone| phone.region()));
        let (rule, answer) = told_apart(suite, rules, mutant, &given)?;
        let phone = phone.map(|phone| format!("phone = {}", quoted(&phone.to_e164())));
        let facts: Vec<_> = written.iter().cloned().chain(phone).collect();
        let rule = rule.map(|rule| format!("rule = {}, ", quoted(&rule))).unwrap_or_default();
        let text = format!(
            "[[test]]\nname = {}\ngiven = {{ {} }}\nexpect = {{ {rule}{} }}\n",
            quoted(&name),
            facts.join(", "),
            expected(&answer)
        );
        // What a person is to copy has to be read as it is meant.
        let read = suite.policy().suite().without_own().with("case", &text).ok()?;
        let [case] = read.cases() else { return None };
        let holds = case.section == rules.section && case.run(suite.policy()).passed;
        let name = name.clone();
        (holds && rules.is_noticed(mutant, case, &rules.matching(&case.given.context())))
            .then(|| (case.clone(), SuggestedCase { name, text }))
    })
}

/// What the policy answers, if the mutant does not answer the same.
fn told_apart(suite: &Suite, rules: &Rules<'_>, mutant: &Mutant, given: &Given) -> Option<(Option<String>, String)> {
    let context = given.context();
    let evaluation = suite.policy().evaluate(rules.section, &context);
    let (rule, answer) = (evaluation.rule.map(ToString::to_string), evaluation.decision.to_string());
    let others = rules.outcome(mutant, &rules.matching(&context), &context);
    ((rule.as_deref(), answer.as_str()) != others).then_some((rule, answer))
}

/// An answer as a case expects it.
fn expected(answer: &str) -> String {
    match answer.split_once(' ') {
        Some(("try", routes)) => {
            let routes: Vec<_> = routes.split(", ").map(quoted).collect();
            format!("try = [{}]", routes.join(", "))
        }
        Some((verb, rest)) => format!("{verb} = {}", quoted(rest)),
        None => format!("{answer} = true"),
    }
}

/// The facts but for the number, as lines of TOML; `None` when one of them has no known value.
fn written(facts: &Facts) -> Option<Vec<String>> {
    let (mut lines, mut hour, mut weekday) = (Vec::new(), None, None);
    for (fact, sample) in facts {
        let sample = match sample {
            _ if fact.as_str().starts_with("phone.") => continue,
            Err(Missing) => continue,
            Ok(sample) => sample.as_ref()?,
        };
        match fact.kind() {
            Kind::Hour => hour = Some(sample),
            Kind::Weekday => weekday = Some(sample),
            kind => lines.push(format!("{} = {}", key(fact.as_str()), value(kind, sample)?)),
        }
    }
    match lines.iter().position(|line| line.starts_with("action = ")) {
        Some(position) => lines.swap(0, position),
        None => lines.insert(0, "action = \"any\"".to_owned()),
    }
    if hour.is_some() || weekday.is_some() {
        lines.push(time(hour, weekday)?);
    }
    Some(lines)
}

fn value(kind: Kind, sample: &Sample) -> Option<String> {
    Some(match (kind, sample) {
        (_, Sample::Word(word)) => quoted(word),
        (Kind::Flag, Sample::Scalar(place)) => (*place == 1).to_string(),
        (Kind::Address, Sample::Scalar(place)) => quoted(&ranges::address_at(*place).to_string()),
        (Kind::Age, Sample::Scalar(place)) => {
            // An age of nothing cannot be written.
            let seconds = u64::try_from(ranges::number_at(*place)).ok()?.max(1);
            quoted(&Shown(Duration::from_secs(seconds)).to_string())
        }
        (Kind::Channels, Sample::Scalar(place)) => {
            let is_among = |channel: &Channel| place & u128::from(context::mask_of(*channel)) != 0;
            let among = Channel::ALL.into_iter().filter(is_among).map(|channel| quoted(channel.as_str()));
            format!("[{}]", among.collect::<Vec<_>>().join(", "))
        }
        (_, Sample::Scalar(place)) => ranges::number_at(*place).to_string(),
    })
}

/// A time of that hour and weekday: in a week that begins on the fifth of January 2026, a Monday.
fn time(hour: Option<&Sample>, weekday: Option<&Sample>) -> Option<String> {
    let hour = match hour {
        Some(Sample::Scalar(place)) => ranges::number_at(*place),
        _ => 12,
    };
    let day = match weekday {
        Some(Sample::Word(word)) => WEEKDAYS.iter().position(|day| *day == word.as_ref())?,
        _ => 0,
    };
    Some(format!("time = 2026-01-{:02}T{hour:02}:00:00Z", day + 5))
}

/// Numbers to try for the facts on the number: made-up ones, then none. Those of other cases may be somebody's, and are not
/// repeated in what is printed.
fn phones(section: Section, facts: &Facts) -> impl Iterator<Item = Option<PhoneNumber>> {
    let begins = if section == Section::Route { beginnings(facts) } else { Vec::new() };
    begins.into_iter().flat_map(|begins| numbers(&begins)).map(Some).chain([None])
}

/// How a number may begin, without the plus.
fn beginnings(facts: &Facts) -> Vec<String> {
    let mut begins = Vec::new();
    for (fact, sample) in facts {
        match (fact.kind(), sample) {
            (Kind::Prefix, Ok(Some(Sample::Scalar(place)))) => begins.extend(ranges::digits_at(*place)),
            (Kind::CountryCode, Ok(Some(Sample::Scalar(place)))) => begins.push(ranges::number_at(*place).to_string()),
            (Kind::Region, Ok(Some(Sample::Word(word)))) if fact.is_of_start_only() => {
                let region = Region::all().into_iter().find(|(region, _)| region.as_str() == word.as_ref());
                begins.extend(region.map(|(_, code)| code.to_string()));
            }
            _ => {}
        }
    }
    begins.extend(["371", "49", "800"].map(str::to_owned));
    let mut seen = BTreeSet::new();
    begins.retain(|begins| seen.insert(begins.clone()));
    begins
}

/// Some valid numbers that begin so, of as many types as can be.
fn numbers(begins: &str) -> impl Iterator<Item = PhoneNumber> + use<> {
    let begins = begins.to_owned();
    let leads = (0..10).flat_map(|second| (0..10).map(move |first| format!("{first}{second}")));
    let numbers = leads.flat_map(move |lead| {
        let digits = format!("+{begins}{lead}");
        (9_usize..=14).filter_map(move |length| {
            let fill = "123456789".chars().cycle().take(length.saturating_sub(digits.len()));
            PhoneNumber::parse(&digits.chars().chain(fill).collect::<String>(), None).ok()
        })
    });
    numbers.take(MOST_PHONES)
}

/// A name of a fact as a key of TOML.
fn key(name: &str) -> String {
    if name.contains('.') { quoted(name) } else { name.to_owned() }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// As much of a name as leaves room for a number behind it.
fn cut(name: &str) -> String {
    name.chars().take(56).collect()
}

/// How many numbers of a kind are tried.
const MOST_PHONES: usize = 100;
