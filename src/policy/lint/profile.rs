//! Compliance profiles: what each of them forbids, and where a policy does it.

use std::fmt;

use serde::Serialize;

use super::{FindingKind, View, guess, places::Place};
use crate::{
    channel::Channel,
    ids::RuleName,
    policy::{
        diagnostic::Fault,
        route::{Plan, Route},
        rule::{Head, Section},
    },
};

/// A compliance profile of a policy, `profile = ".."` in the file. What it forbids does not load; [`FindingKind`] has the
/// table. A profile is about what a policy can say, and no more: that an application keeps the rest of a standard, nobody
/// here can tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub enum Profile {
    /// None: what one of the others forbids is a warning.
    #[default]
    #[serde(rename = "none")]
    None,
    /// NIST SP 800-63B-4, out-of-band authenticators.
    #[serde(rename = "nist-63b-4")]
    Nist63b4,
    /// OWASP ASVS 5.0, level 2.
    #[serde(rename = "asvs-5-l2")]
    Asvs5L2,
    /// OWASP ASVS 5.0, level 3.
    #[serde(rename = "asvs-5-l3")]
    Asvs5L3,
    /// Strong customer authentication of PSD2: Delegated Regulation (EU) 2018/389.
    #[serde(rename = "psd2-sca")]
    Psd2Sca,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 5] = [Self::None, Self::Nist63b4, Self::Asvs5L2, Self::Asvs5L3, Self::Psd2Sca];

    /// Its name in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Nist63b4 => "nist-63b-4",
            Self::Asvs5L2 => "asvs-5-l2",
            Self::Asvs5L3 => "asvs-5-l3",
            Self::Psd2Sca => "psd2-sca",
        }
    }

    /// The clause by which it forbids something, or `None` when it does not.
    #[must_use]
    pub fn forbids(self, what: FindingKind) -> Option<&'static str> {
        use FindingKind as K;
        match (self, what) {
            (Self::Nist63b4, K::Email | K::FewDigits | K::PressOne) => Some("NIST SP 800-63B-4, 3.1.3"),
            (Self::Nist63b4, K::TelephoneAlone) => Some("NIST SP 800-63B-4, 3.2.9"),
            (Self::Asvs5L3, K::Email) => Some("ASVS 5.0, 6.3.5"),
            (Self::Asvs5L2 | Self::Asvs5L3, K::FewDigits) => Some("ASVS 5.0, 6.5.4"),
            (Self::Asvs5L2 | Self::Asvs5L3, K::TelephoneAlone) => Some("ASVS 5.0, 6.6.1"),
            (Self::Psd2Sca, K::Email) => Some("Regulation (EU) 2018/389, article 7"),
            (Self::Psd2Sca, K::ManyAttempts | K::LargeBudget) => Some("Regulation (EU) 2018/389, article 4(3)(b)"),
            _ => None,
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something that a profile forbids.
pub(super) struct Breach {
    pub(super) kind: FindingKind,
    pub(super) fault: Fault,
}

/// What the profile of a policy forbids; without one, what some profile would.
pub(super) fn breaches(view: &View<'_>) -> Vec<Breach> {
    let mut search = Search { view, profile: view.policy.compiled.profile, found: Vec::new() };
    for (head, plan) in view.plans() {
        for (position, route) in plan.routes().iter().enumerate() {
            search.route(head, plan, route, position);
        }
        search.telephone(head, plan);
        search.attempts(head, plan);
    }
    search.code_attempts();
    search.budget();
    search.found
}

struct Search<'v, 'p> {
    view: &'v View<'p>,
    profile: Profile,
    found: Vec<Breach>,
}

impl Search<'_, '_> {
    fn route(&mut self, head: &Head, plan: &Plan, route: &Route, position: usize) {
        let place = || self.view.places.route(head, position);
        let rule = Some(&head.name);
        match route.channel() {
            Channel::Email => {
                let message = format!("`{route}` shows a mailbox, and no possession of a phone");
                self.add(FindingKind::Email, place(), rule, message, "remove the route");
            }
            Channel::KeyPress => {
                let message = format!("`{route}` carries no secret: whoever answers presses the key");
                let help = "use a channel on which a code goes from one side to the other, such as `sms`";
                self.add(FindingKind::PressOne, place(), rule, message, help);
            }
            _ => {}
        }
        if let Some(guess) = guess::of(self.view, plan, route).filter(|guess| guess.digits < LEAST_DIGITS) {
            let message = format!("codes of `{route}` have {guess}");
            let help = format!(
                "use a channel with codes of {LEAST_DIGITS} digits or without codes, such as `sms` or `silent_network`"
            );
            self.add(FindingKind::FewDigits, place(), rule, message, &help);
        }
    }

    fn telephone(&mut self, head: &Head, plan: &Plan) {
        let used = plan.routes().iter().position(|route| is_telephone(route.channel()));
        let alone = !plan.routes().iter().any(|route| route.channel() == Channel::SilentNetwork);
        let Some((position, route)) = used.and_then(|at| Some((at, plan.routes().get(at)?))) else { return };
        let place = self.view.places.route(head, position);
        let (message, help) = match self.profile {
            Profile::Asvs5L3 => (
                format!("`{route}` goes over the public telephone network, which may not be an option at all"),
                "keep only routes of `silent_network`",
            ),
            _ if alone => (
                format!("`{route}` goes over the public telephone network, and the rule has no route that does not"),
                "put a route of `silent_network` into `try`, and tell people what text messages and calls risk",
            ),
            _ => return,
        };
        self.add(FindingKind::TelephoneAlone, place, Some(&head.name), message, help);
    }

    /// Attempts that a rule sets itself.
    fn attempts(&mut self, head: &Head, plan: &Plan) {
        let Some(place) = self.view.places.in_rule(Section::Route, head, &["attempts"]) else { return };
        self.many_attempts(place, Some(&head.name), plan.code.attempts);
    }

    fn code_attempts(&mut self) {
        let place = self.view.places.value(&["code", "attempts"]);
        let place = place.unwrap_or_else(|| self.view.places.start());
        self.many_attempts(place, None, self.view.policy.compiled.code.attempts);
    }

    fn many_attempts(&mut self, place: Place, rule: Option<&RuleName>, attempts: u8) {
        if attempts > MOST_ATTEMPTS {
            let message = format!("a check takes {attempts} answers");
            self.add(FindingKind::ManyAttempts, place, rule, message, "write `attempts = 5` or less");
        }
    }

    /// The built-in budget is above five, too: under a profile that wants less, a file has to say so.
    fn budget(&mut self) {
        let budget = self.view.policy.compiled.budget;
        let written = self.view.places.value(&["budget", "failures"]);
        let place = match (written, self.profile) {
            (Some(written), _) => written,
            (None, Profile::None) => return,
            (None, _) => self.view.places.value(&["profile"]).unwrap_or_else(|| self.view.places.start()),
        };
        if budget.count().get() > u32::from(MOST_ATTEMPTS) {
            let message = format!("a subject may fail {} times in a row", budget.count());
            self.add(FindingKind::LargeBudget, place, None, message, "write `failures = \"5/1h\"` below `[budget]`");
        }
    }

    fn add(&mut self, kind: FindingKind, place: Place, rule: Option<&RuleName>, message: String, help: &str) {
        let (message, help) = match (self.profile, self.profile.forbids(kind)) {
            (profile, Some(clause)) => (format!("{message}: `{profile}` forbids it"), format!("{help} ({clause})")),
            (Profile::None, None) => {
                let forbid = |profile: Profile| Some(format!("`{profile}` ({})", profile.forbids(kind)?));
                let who: Vec<_> = Profile::ALL.into_iter().filter_map(forbid).collect();
                (message, format!("{help}; forbidden by {}", who.join(", ")))
            }
            _ => return,
        };
        self.found.push(Breach { kind, fault: place.fault(rule, message, help) });
    }
}

/// Whether it goes over the public telephone network.
fn is_telephone(channel: Channel) -> bool {
    matches!(channel, Channel::Sms | Channel::VoiceCode | Channel::FlashCall | Channel::KeyPress)
}

/// Six digits count as the 20 bits of ASVS 6.5.4, which says so.
const LEAST_DIGITS: u8 = 6;
const MOST_ATTEMPTS: u8 = 5;
