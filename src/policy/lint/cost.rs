//! The most that a rule can cost: messages of one click, of one check, of one number in a day.

use super::{FindingKind, Findings, View};
use crate::policy::{
    limit::{KeyPart, Limit, On, Shown},
    rule::Section,
};

/// Says the worst case of each rule that sends.
pub(super) fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    let limits = &view.policy.compiled.limits;
    let reads = &view.policy.compiled.reads;
    let goes_on = reads.iter().flatten().any(|fact| fact.starts_with("check."));
    for (head, plan) in view.plans() {
        // Where rules read what was sent before, one may follow another: at most every route there is, each once.
        let routes = if goes_on { view.policy.compiled.routes.len() } else { plan.routes().len() } as u64;
        let lifetime = plan.code.lifetime;
        // Whoever asks may come from many addresses, but a check has one subject, one number and one action.
        let in_check = tightest(limits, lifetime.as_secs(), |part| !matches!(part, KeyPart::Ip | KeyPart::Provider));
        let in_day = tightest(limits, DAY, of_number);
        let asked = in_check.as_ref().map_or(MOST_LEGS, |(most, _)| MOST_LEGS.min(*most));
        let a_day = match &in_day {
            Some((most, _)) => messages(most.saturating_mul(routes)),
            None => "messages without end".to_owned(),
        };
        let message = format!(
            "at worst one click sends {}, one check {}, and a number gets {a_day} in a day",
            messages(routes),
            messages(asked.saturating_mul(routes)),
        );
        let by = |limit: Option<(u64, &Limit)>| match limit {
            Some((most, limit)) => format!("{most} by the limit `{}`", limit.name),
            None => "no limit on them".to_owned(),
        };
        let each = match routes {
            1 => "there is one route".to_owned(),
            _ => format!("a click tries the {routes} routes one after the other when vendors do not answer"),
        };
        let help = format!(
            "{each}; clicks within the {} of a code: {}; within a day: {}",
            Shown(lifetime),
            by(in_check),
            by(in_day)
        );
        let place = view.places.of_rule(Section::Route, head, &["try"]);
        findings.note(FindingKind::WorstCase, place, Some(&head.name), message, help);
    }
}

/// Whether this part of a key is the same for all messages to a number.
pub(super) fn of_number(part: &KeyPart) -> bool {
    matches!(part, KeyPart::Phone | KeyPart::Prefix | KeyPart::Region | KeyPart::Global)
}

/// The limit on starts that lets the fewest through within so many seconds, of those whose keys are all `fixed`.
fn tightest(limits: &[Limit], seconds: u64, fixed: impl Fn(&KeyPart) -> bool) -> Option<(u64, &Limit)> {
    let bounding = limits.iter().filter(|limit| limit.on == On::Start && limit.key.iter().all(&fixed));
    bounding.map(|limit| (limit.quota.most_within(seconds), limit)).min_by_key(|(most, _)| *most)
}

fn messages(count: u64) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
}

/// A check counts its messages in a byte.
const MOST_LEGS: u64 = 256;

const DAY: u64 = 86_400;
