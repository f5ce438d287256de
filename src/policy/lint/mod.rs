//! What is likely a mistake though it loads, and what a profile forbids.
//!
//! ```text
//!  compiled policy ---> profile, rules, routes, limits, lists ---> findings ---> Policy::lint
//!                          `--- what its profile forbids -------------------> the errors of the load
//! ```
//!
//! The policy is looked at as it was compiled; where something stands is looked up in the text again, since a policy that is
//! in use does not carry that along.

mod classes;
mod cost;
mod finding;
mod guess;
mod limits;
mod places;
mod profile;
mod reach;
mod routes;
mod rules;
#[cfg(test)]
mod tests;
mod unused;

use super::{
    Inner, condition::Condition, decision::Routing, diagnostic::Report, evaluate::Ruling, route::Catalogue,
    route::Plan, rule::Head, rule::Section,
};
use places::Places;

use finding::Findings;
pub use finding::{Finding, FindingKind, Level};
pub use profile::Profile;
pub(super) use {
    classes::{Missing, Sample},
    reach::{Example, Reach},
};

/// Everything that there is to say about a policy, in the order of its files.
pub(super) fn policy(policy: &Inner, configured: Option<&Catalogue>) -> Vec<Finding> {
    let view = View::new(policy);
    let mut findings = Findings::new(&view);
    for breach in profile::breaches(&view) {
        findings.breach(breach);
    }
    rules::check(&view, &mut findings);
    routes::check(&view, configured, &mut findings);
    limits::check(&view, &mut findings);
    unused::check(&view, &mut findings);
    cost::check(&view, &mut findings);
    guess::check(&view, &mut findings);
    findings.finish()
}

/// Reports what the profile of a policy forbids.
pub(super) fn enforce(report: &mut Report<'_>, policy: &Inner) {
    if policy.compiled.profile == Profile::None {
        return;
    }
    let view = View::new(policy);
    for breach in profile::breaches(&view) {
        report.push(breach.fault);
    }
}

/// A policy, and where its parts stand.
struct View<'p> {
    policy: &'p Inner,
    places: Places<'p>,
}

impl<'p> View<'p> {
    fn new(policy: &'p Inner) -> Self {
        Self { policy, places: Places::new(&policy.sources, &policy.files) }
    }

    /// The rules that send, each with its plan.
    fn plans(&self) -> impl Iterator<Item = (&'p Head, &'p Plan)> + use<'p> {
        let plan = |rule: &'p Ruling<Routing>| match &rule.answer {
            Routing::Try(plan) => Some((&rule.head, plan)),
            Routing::Deny { .. } => None,
        };
        self.policy.compiled.route.rules().iter().filter_map(plan)
    }

    /// Every rule, with its section.
    fn heads(&self) -> impl Iterator<Item = (Section, &'p Head)> + use<'p> {
        let step_up = self.policy.compiled.step_up.rules().iter().map(|rule| (Section::StepUp, &rule.head));
        step_up.chain(self.policy.compiled.route.rules().iter().map(|rule| (Section::Route, &rule.head)))
    }

    fn conditions(&self) -> impl Iterator<Item = (Section, &'p Head, &'p Condition)> + use<'p> {
        self.heads().flat_map(|(section, head)| {
            head.when.every_condition().into_iter().map(move |condition| (section, head, condition))
        })
    }
}
