//! Random rules over a small world, in which every request can be tried: what is called unreachable is reached by none.

use std::time::{Duration, SystemTime};

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;
use crate::{
    ids::Action,
    phone::PhoneNumber,
    policy::{Context, Evaluation, Signals},
};

const CONDITIONS: &[&str] = &[
    "action = \"a\"",
    "action = [\"a\", \"b\"]",
    "action = { not = \"a\" }",
    "action = { prefix = \"b\" }",
    "action = { glob = \"?\" }",
    "amount = { gte = 1 }",
    "amount = { lt = 1 }",
    "amount = 1",
    "amount = { not = 0 }",
    "payee_known = true",
    "payee_known = false",
    "payee_known = { not = true }",
    "recycled = true",
    "recycled = { not = true }",
    "recycled = false",
    "time.hour = { lt = 12 }",
    "time.hour = { gte = 12 }",
    "time.weekday = [\"monday\", \"tuesday\", \"wednesday\", \"thursday\"]",
    "time.weekday = [\"friday\", \"saturday\", \"sunday\"]",
];

const ROUTE_CONDITIONS: &[&str] = &[
    "phone.region = \"LV\"",
    "phone.region = { not = \"LV\" }",
    "phone.prefix = \"+371\"",
    "phone.prefix = { not = [\"+37\", \"+1\"] }",
];

const ACTIONS: [&str; 4] = ["a", "b", "bc", "other"];
const PHONES: [Option<&str>; 3] = [None, Some("+37126123456"), Some("+12025550123")];
/// A Monday before and after noon, and a Friday.
const HOURS: [Option<u64>; 4] = [None, Some(4 * 24 + 3), Some(4 * 24 + 20), Some(24)];

#[derive(Clone, Debug)]
struct Model {
    conditions: Vec<&'static str>,
    group: Option<(&'static str, Vec<Vec<&'static str>>)>,
    on_missing: &'static str,
    answer: usize,
}

impl Model {
    fn write(&self, section: Section, position: usize) -> String {
        let table = |conditions: &[&str]| one_of_each(conditions).join(", ");
        let group = self.group.iter().map(|(kind, branches)| {
            let branches: Vec<_> = branches.iter().map(|branch| format!("{{ {} }}", table(branch))).collect();
            format!("{kind} = [{}]", branches.join(", "))
        });
        let when: Vec<_> =
            one_of_each(&self.conditions).into_iter().map(str::to_owned).chain(group).collect::<Vec<_>>();
        let reads_signal = when.iter().any(|text| text.contains("recycled"));
        let on_missing = if reads_signal { format!("on_missing = \"{}\"", self.on_missing) } else { String::new() };
        let answer = match section {
            Section::StepUp => ["require = { acr = \"phone\" }", "deny = \"x\"", "allow = true"][self.answer],
            Section::Route => ["try = [\"zadarma/sms\"]", "deny = \"x\"", "deny = \"y\""][self.answer],
        };
        format!("[[{section}]]\nname = \"r{position}\"\nwhen = {{ {} }}\n{answer}\n{on_missing}\n", when.join(", "))
    }
}

/// The first condition on each fact: a table has one at most.
fn one_of_each<'c>(conditions: &[&'c str]) -> Vec<&'c str> {
    let mut seen = Vec::new();
    conditions
        .iter()
        .filter(|condition| {
            let fact = condition.split(' ').next();
            let is_new = !seen.contains(&fact);
            seen.push(fact);
            is_new
        })
        .copied()
        .collect()
}

fn rule(section: Section) -> impl Strategy<Value = Model> {
    let known: Vec<_> = match section {
        Section::StepUp => CONDITIONS.to_vec(),
        Section::Route => [CONDITIONS, ROUTE_CONDITIONS].concat(),
    };
    let branches = vec(vec(select(known.clone()), 1..3), 1..3);
    let group = proptest::option::weighted(0.3, (select(vec!["any", "all", "none"]), branches));
    let on_missing = select(vec!["assume_risky", "skip_rule", "deny"]);
    (vec(select(known), 0..3), group, on_missing, 0..3_usize)
        .prop_map(|(conditions, group, on_missing, answer)| Model { conditions, group, on_missing, answer })
}

/// The policy of those rules that load, and their names.
fn load(section: Section, mut rules: Vec<(usize, Model)>) -> Policy {
    loop {
        let sections: String = rules.iter().map(|(position, rule)| rule.write(section, *position)).collect();
        let text = match section {
            Section::StepUp => format!("version = 1\n{sections}[[route]]\nname = \"r\"\ndeny = \"x\""),
            Section::Route => {
                format!(
                    "version = 1\n[[route]]\nname = \"first\"\nwhen = {{ action = \"first\" }}\ndeny = \"x\"\n{sections}"
                )
            }
        };
        let errors = match parse(&text) {
            Ok(policy) => return policy,
            Err(errors) => errors,
        };
        let hidden: Vec<_> = errors
            .iter()
            .map(|fault| {
                assert!(fault.message.contains("never reached"), "{errors}\n{text}");
                fault.rule.as_ref().map(ToString::to_string).unwrap_or_default()
            })
            .collect();
        rules.retain(|(position, _)| !hidden.contains(&format!("r{position}")));
    }
}

/// The rule that decides, of every request that there is.
fn deciding(policy: &Policy, section: Section) -> std::collections::BTreeSet<String> {
    let mut deciding = std::collections::BTreeSet::new();
    let flags = [None, Some(false), Some(true)];
    for action in ACTIONS.map(|name| Action::new(name).unwrap()) {
        for phone in PHONES.map(|text| text.map(|text| PhoneNumber::parse(text, None).unwrap())) {
            for (amount, hour) in
                [None, Some(-1), Some(0), Some(1), Some(2)].into_iter().flat_map(|a| HOURS.map(|h| (a, h)))
            {
                for (payee, recycled) in flags.into_iter().flat_map(|p| flags.map(|r| (p, r))) {
                    let signals = recycled.map_or_else(Signals::new, |r| Signals::new().with_fresh("recycled", r));
                    let mut context = Context::new(&action).signals(&signals);
                    context = phone.iter().fold(context, |context, phone| context.phone(phone));
                    context = amount.into_iter().fold(context, Context::amount);
                    context = payee.into_iter().fold(context, Context::payee_known);
                    let time = hour.map(|hour| SystemTime::UNIX_EPOCH + Duration::from_secs(hour * 3600));
                    context = time.into_iter().fold(context, Context::at);
                    let Evaluation { rule, .. } = policy.evaluate(section, &context);
                    deciding.extend(rule.map(ToString::to_string));
                }
            }
        }
    }
    deciding
}

fn claims_are_true(section: Section, rules: Vec<Model>) -> Result<(), TestCaseError> {
    let policy = load(section, rules.into_iter().enumerate().collect());
    let deciding = deciding(&policy, section);
    let mut claimed = std::collections::BTreeSet::new();
    for finding in policy.lint() {
        if matches!(finding.kind, FindingKind::Unreachable | FindingKind::Contradiction) {
            let rule = finding.diagnostic.rule.as_ref().map(ToString::to_string).unwrap_or_default();
            prop_assert!(!deciding.contains(&rule), "{}\n{}", finding, policy.sources().text(0));
            claimed.insert(rule);
        }
    }
    if section == Section::StepUp {
        // Here the small world has a request of every class, and the facts are free of each other: all are found.
        let silent = policy.rules(section).map(|rule| rule.name().to_string()).filter(|name| !deciding.contains(name));
        let silent: std::collections::BTreeSet<_> = silent.collect();
        prop_assert!(silent.is_subset(&claimed) || depends(&policy), "{:?} of\n{}", silent, policy.sources().text(0));
    }
    Ok(())
}

/// Whether rules name both the hour and the day, which are missing together, or words by their looks.
fn depends(policy: &Policy) -> bool {
    let text = policy.sources().text(0);
    text.contains("time.") || text.contains("prefix") || text.contains("glob")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn g1_an_unreachable_step_up_rule_is_reached_by_no_request(rules in vec(rule(Section::StepUp), 1..7)) {
        claims_are_true(Section::StepUp, rules)?;
    }

    #[test]
    fn g1_an_unreachable_route_rule_is_reached_by_no_request(rules in vec(rule(Section::Route), 1..7)) {
        claims_are_true(Section::Route, rules)?;
    }
}
