//! The chance that a code is guessed: computed from its digits, the attempts of a check and the budgets of a subject.

use std::fmt;

use super::{FindingKind, Findings, View};
use crate::{
    channel::Channel,
    policy::{
        limit::{KeyPart, Limit, On},
        route::{Plan, Route},
        rule::Section,
    },
};

/// How easily the codes of a route are guessed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Guess {
    pub(super) digits: u8,
    /// The chance within one check.
    pub(super) per_check: f64,
    /// The chance within the checks of one subject within a day.
    pub(super) per_day: f64,
}

/// Says the chances of each rule, by its weakest route.
pub(super) fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for (head, plan) in view.plans() {
        let guesses = plan.routes().iter().filter_map(|route| Some((route, of(view, plan, route)?)));
        let Some((route, guess)) = guesses.min_by_key(|(_, guess)| guess.digits) else { continue };
        let place = view.places.of_rule(Section::Route, head, &["try"]);
        let message = format!("codes of `{route}` have {guess}");
        let help = "nothing to do; fewer `attempts` or a smaller `[budget]` make it less";
        findings.note(FindingKind::Guess, place, Some(&head.name), message, help.to_owned());
    }
}

/// How easily the codes of a route are guessed; `None` when it has none.
pub(super) fn of(view: &View<'_>, plan: &Plan, route: &Route) -> Option<Guess> {
    let compiled = &view.policy.compiled;
    let told = view.policy.catalogue.digits(route);
    let digits = match route.channel() {
        Channel::SilentNetwork | Channel::KeyPress => return None,
        Channel::FlashCall => told.unwrap_or(CALLER_DIGITS),
        Channel::Sms | Channel::VoiceCode | Channel::Email => told.unwrap_or(plan.code.digits),
    };
    let (attempts, failures) = (u64::from(plan.code.attempts), u64::from(compiled.budget.count().get()));
    // Any window of the budget holds so many failures, and a day has so many windows.
    let by_budget = failures.saturating_mul(DAY.div_ceil(compiled.budget.per().as_secs().max(1)));
    let by_limits = compiled.limits.iter().filter_map(|limit| guesses_within(limit, attempts));
    let per_day = by_limits.fold(by_budget, u64::min);
    Some(Guess {
        digits,
        per_check: chance(digits, attempts.min(failures), true),
        per_day: chance(digits, per_day, false),
    })
}

/// How many answers within a day a limit leaves to one subject that goes for one number; `None` when it counts by something
/// that the subject chooses.
fn guesses_within(limit: &Limit, attempts: u64) -> Option<u64> {
    let fixed = |part: &KeyPart| !matches!(part, KeyPart::Ip | KeyPart::Provider | KeyPart::Action);
    if !limit.key.iter().all(fixed) {
        return None;
    }
    match limit.on {
        On::Answer => Some(limit.quota.most_within(DAY)),
        On::Start => Some(limit.quota.most_within(DAY).saturating_mul(attempts)),
        On::Callback => None,
    }
}

/// The chance that one of so many guesses is right: of one code, or of a new one each time.
fn chance(digits: u8, guesses: u64, of_one_code: bool) -> f64 {
    let codes = 10_f64.powi(i32::from(digits));
    // Counts of guesses are far below what a float holds exactly.
    let guesses = u32::try_from(guesses).map_or(f64::INFINITY, f64::from);
    match of_one_code {
        true => (guesses / codes).min(1.0),
        false => -f64::exp_m1(guesses * f64::ln_1p(-1.0 / codes)),
    }
}

impl fmt::Display for Guess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = f64::from(self.digits) * std::f64::consts::LOG2_10;
        let (check, day) = (OneIn(self.per_check), OneIn(self.per_day));
        write!(
            f,
            "{} digits ({bits:.1} bits): a check is guessed once in {check}, a subject's checks of a day once in {day}",
            self.digits
        )
    }
}

/// A chance as one in so many, with two digits that count.
struct OneIn(f64);

impl fmt::Display for OneIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What a float lacks at its last place is not rounded away.
        let one_in = (1.0 + f64::EPSILON * 8.0) / self.0.max(f64::MIN_POSITIVE);
        let step = 10_f64.powf((one_in.log10().floor() - 1.0).max(0.0));
        write!(f, "{:.0}", (one_in / step).floor() * step)
    }
}

/// What vendors of flash calls have a person type, where the catalogue does not say.
const CALLER_DIGITS: u8 = 4;

const DAY: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a3_chances_are_computed() {
        let close = |a: f64, b: f64| (a - b).abs() < b * 1e-9;
        assert!(close(chance(4, 3, true), 3e-4));
        assert!(close(chance(6, 5, true), 5e-6));
        // 240 guesses at 10 000 codes, a new one each time: 1 - 0.9999^240.
        assert!(close(chance(4, 240, false), 1.0 - 0.9999_f64.powi(240)));
        assert!(close(chance(1, 100, true), 1.0));
    }

    #[test]
    fn a_chance_is_never_shown_smaller_than_it_is() {
        for (chance, shown) in [
            (1.0, "1"),
            (0.5, "2"),
            (0.15, "6"),
            (3e-4, "3300"),
            (5e-6, "200000"),
            (0.023_714, "42"),
            (1e-10, "10000000000"),
        ] {
            assert_eq!(OneIn(chance).to_string(), shown, "{chance}");
        }
    }
}
