//! What a policy sets beside its answers: digits, limits, ages of proofs. Told as text, and stored where it is not what a file
//! without settings has.

use std::path::Path;

use handset::{
    policy::{CodeRules, Decision, Policy, Rule, Section},
    provider::registry,
};

use super::{assert_stored, name};

/// Compares what is in force with what is stored beside the file. `false` when it is what every file has.
pub(crate) fn check(file: &Path, policy: &Policy) -> bool {
    let lines = lines(policy);
    if lines.is_empty() {
        let stored = file.with_extension("snap");
        assert!(!stored.exists(), "{} is stored for nothing", name(&stored));
        return false;
    }
    assert_stored(file, &lines.join("\n"));
    true
}

fn lines(policy: &Policy) -> Vec<String> {
    let plain = Policy::parse("plain.toml", PLAIN, &registry::catalogue()).unwrap();
    let mut lines = Vec::new();
    if policy.profile() != plain.profile() {
        lines.push(format!("profile: {}", policy.profile()));
    }
    if policy.code() != plain.code() {
        let CodeRules { resend, resend_after, .. } = policy.code();
        lines.push(format!("code: {}, {resend:?} after {resend_after:?}", code(policy.code())));
    }
    if policy.failure_budget() != plain.failure_budget() {
        lines.push(format!("budget: {}", policy.failure_budget()));
    }
    if policy.limits() != plain.limits() {
        let limits = policy.limits().iter();
        lines.extend(limits.map(|l| format!("limit `{}`: {} on {:?} by {:?}", l.name, l.quota, l.on, l.key)));
    }
    if let Some(numbers) = policy.test_numbers() {
        let until = humantime::format_rfc3339(numbers.expires);
        lines.push(format!("test numbers: {} until {until}, {}", numbers.code.expose(), numbers.limit.quota));
    }
    let signals = policy.signals().filter(|signal| !plain.signals().any(|known| known == *signal));
    lines.extend(signals.map(|s| format!("signal `{}`: {:?}, expires after {:?}", s.name, s.kind, s.expires)));
    for section in [Section::StepUp, Section::Route] {
        lines.extend(policy.rules(section).filter_map(|rule| of_rule(policy, rule)));
    }
    lines.extend(of_shadow(policy));
    lines
}

/// What a rule sets that others leave to the file.
fn of_rule(policy: &Policy, rule: Rule<'_>) -> Option<String> {
    let set = match rule.answer() {
        Decision::Require(asked) if (asked.max_age.as_secs(), asked.single_use) != (300, false) => {
            let uses = if asked.single_use { ", once" } else { "" };
            format!("{}, at most {:?} ago{uses}", asked.acr, asked.max_age)
        }
        Decision::Try(plan) if plan.preflight || plan.message.is_some() || plan.code != *policy.code() => {
            let preflight = if plan.preflight { ", preflight" } else { "" };
            let message = plan.message.iter().map(|message| format!(", {message:?}")).collect::<String>();
            format!("{}{preflight}{message}", code(&plan.code))
        }
        _ => return None,
    };
    Some(format!("rule `{}`: {set}", rule.name()))
}

fn code(code: &CodeRules) -> String {
    format!("{} digits, {:?}, {} attempts", code.digits, code.lifetime, code.attempts)
}

/// What the shadow would have said to the cases.
fn of_shadow(policy: &Policy) -> Vec<String> {
    let differs = |case: &handset::policy::Case| {
        let context = case.given.context();
        let (ours, shadow) = policy.shadow_difference(case.section, &context)?;
        Some(format!("shadow, of `{}`: {} instead of {}", case.name, shadow.decision, ours.decision))
    };
    let mut lines: Vec<_> = policy.cases().iter().filter_map(differs).collect();
    if policy.shadow().is_some() && lines.is_empty() {
        lines.push("shadow: no difference".to_owned());
    }
    lines
}

/// What stands in every file.
const PLAIN: &str = "version = 1\n[[route]]\nname = \"all\"\ntry = [\"numcheck/flash_call\"]\n";
