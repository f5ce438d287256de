//! Routes that lead nowhere, or back to where they came from.

use super::{FindingKind, Findings, View};
use crate::policy::{
    route::{Catalogue, Plan},
    rule::{Head, Section},
};

pub(super) fn check(view: &View<'_>, configured: Option<&Catalogue>, findings: &mut Findings<'_>) {
    for (head, plan) in view.plans() {
        if let Some(configured) = configured {
            accounts(view, head, plan, configured, findings);
        }
        loops(view, head, plan, findings);
        message(view, head, plan, findings);
    }
    if let Some(configured) = configured {
        health(view, configured, findings);
    }
}

fn accounts(view: &View<'_>, head: &Head, plan: &Plan, configured: &Catalogue, findings: &mut Findings<'_>) {
    for (position, route) in plan.routes().iter().enumerate() {
        let place = || view.places.route(head, position);
        let provider = route.provider();
        match configured.channels(provider) {
            None => {
                let message = format!("there is no account of `{provider}`: the route is never taken");
                let help = format!("configure the provider, or remove the route; configured: {}", names(configured));
                findings.warn(FindingKind::ProviderNotConfigured, place(), Some(&head.name), message, help);
            }
            Some(channels) if !channels.contains(&route.channel()) => {
                let message = format!("the account of `{provider}` has no channel `{}`", route.channel());
                let known: Vec<_> = channels.iter().map(|channel| format!("`{channel}`")).collect();
                let help = format!("have the vendor turn it on, or remove the route; it has {}", known.join(", "));
                findings.warn(FindingKind::ChannelNotConfigured, place(), Some(&head.name), message, help);
            }
            Some(_) => {}
        }
    }
}

/// A route twice does not load; a fallback to the provider that has just failed does.
fn loops(view: &View<'_>, head: &Head, plan: &Plan, findings: &mut Findings<'_>) {
    let [first, rest @ ..] = plan.routes() else { return };
    if rest.is_empty() || rest.iter().any(|route| route.provider() != first.provider()) {
        return;
    }
    let message =
        format!("every fallback leads back to `{}`: when it cannot be reached, none is left", first.provider());
    let help = "put a route of another provider at the end, if there is one".to_owned();
    let place = view.places.of_rule(Section::Route, head, &["try"]);
    findings.note(FindingKind::FallbackLoop, place, Some(&head.name), message, help);
}

/// Words that no vendor takes.
fn message(view: &View<'_>, head: &Head, plan: &Plan, findings: &mut Findings<'_>) {
    let catalogue = &view.policy.catalogue;
    if plan.message.is_none() || plan.routes().iter().any(|route| !catalogue.has_own_words(route)) {
        return;
    }
    let message = "this is never said: the vendors of this rule have words of their own".to_owned();
    let help = "remove it, or add a route that takes it: `zadarma/email`, or a provider of your own".to_owned();
    let place = view.places.of_rule(Section::Route, head, &["message"]);
    findings.warn(FindingKind::UnusedMessage, place, Some(&head.name), message, help);
}

/// The health of a provider without an account is never known.
fn health(view: &View<'_>, configured: &Catalogue, findings: &mut Findings<'_>) {
    for (section, head, condition) in view.conditions() {
        let provider = condition.fact().strip_prefix("provider.").and_then(|rest| rest.strip_suffix(".healthy"));
        let Some(provider) = provider.filter(|provider| configured.channels(provider).is_none()) else { continue };
        let message = format!("there is no account of `{provider}`: nothing is ever known of its health");
        let help =
            format!("name a provider with an account, or remove the condition; configured: {}", names(configured));
        let place = view.places.condition(section, head, condition.fact());
        findings.warn(FindingKind::ProviderNotConfigured, place, Some(&head.name), message, help);
    }
}

fn names(configured: &Catalogue) -> String {
    let names: Vec<_> = configured.names().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
