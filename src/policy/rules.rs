//! Reads the rules: what they ask for, what they answer, and whether they can ever be reached.

use std::time::Duration;

use toml::Spanned;

use super::{
    decision::{Requirement, Routing, StepUp},
    diagnostic::{Report, plain},
    evaluate::Rule,
    file::{Entry, RequireBody, RouteBody, StepUpBody, is_label},
    limit::Quota,
    matcher::Matcher,
    route::{Catalogue, Plan, Route},
    value::duration,
    when::{self, Fact},
};
use crate::{channel::Channel, ids::RuleName};

/// Reads the `[[step_up]]` rules.
pub(super) fn step_up(report: &mut Report<'_>, entries: Vec<Entry<'_, StepUpBody>>) -> Option<Vec<Rule<StepUp>>> {
    let is_careful = |answer: &StepUp| !matches!(answer, StepUp::Allow);
    read(report, entries, Fact::OF_REQUEST, step_up_answer, is_careful)
}

/// Reads the `[[route]]` rules.
pub(super) fn route(
    report: &mut Report<'_>,
    entries: Option<Vec<Entry<'_, RouteBody>>>,
    catalogue: &Catalogue,
) -> Option<Vec<Rule<Routing>>> {
    let Some(entries) = entries else {
        let known = known_providers(catalogue);
        report.add(0..0, "there is no `[[route]]`", format!("without one no check can start; {known}"));
        return None;
    };
    let is_careful = |answer: &Routing| !matches!(answer, Routing::Try(_));
    let answer = |report: &mut Report<'_>, rule, span, body| route_answer(report, rule, span, body, catalogue);
    read(report, entries, Fact::OF_START, answer, is_careful)
}

/// Reads the rules of one section. A rule whose answer asks or denies is careful: what it does not know, it takes to hold.
fn read<B, T>(
    report: &mut Report<'_>,
    entries: Vec<Entry<'_, B>>,
    facts: &[Fact],
    answer: impl Fn(&mut Report<'_>, RuleName, std::ops::Range<usize>, B) -> Option<T>,
    is_careful: impl Fn(&T) -> bool,
) -> Option<Vec<Rule<T>>> {
    let written = entries.len();
    let mut rules: Vec<Rule<T>> = Vec::with_capacity(written);
    for Entry { name, span, when, body } in entries {
        report.enter(Some(name.clone()));
        let conditions = when.map_or_else(|| Some(Vec::new()), |when| when::read(report, &when, facts));
        let answer = answer(report, name.clone(), span.clone(), body);
        let (Some(conditions), Some(answer)) = (conditions, answer) else { continue };
        let when = Matcher { conditions, when_missing: is_careful(&answer) };
        if let Some(above) = rules.iter().find(|above| above.when.covers(&when)) {
            let message = format!("this rule is never reached: `{}` above matches first", above.name);
            report.add(span, message, "put the narrower rule first, or remove one of the two");
        }
        rules.push(Rule { name, when, answer });
    }
    report.enter(None);
    (rules.len() == written).then_some(rules)
}

fn step_up_answer(
    report: &mut Report<'_>,
    rule: RuleName,
    span: std::ops::Range<usize>,
    body: StepUpBody,
) -> Option<StepUp> {
    let help = "write one of `require = { acr = \"phone\" }`, `deny = \"reason\"` and `allow = true`";
    match (body.require, body.deny, body.allow) {
        (Some(require), None, None) => requirement(report, rule, &require).map(StepUp::Require),
        (None, Some(written), None) => Some(StepUp::Deny { rule, reason: reason(report, &written)? }),
        (None, None, Some(allow)) if *allow.get_ref() => Some(StepUp::Allow),
        (None, None, Some(allow)) => {
            report.add(allow.span(), "`allow` can only be true", "to refuse, write `deny = \"reason\"`");
            None
        }
        (None, None, None) => {
            report.add(span, "the rule has no answer", help);
            None
        }
        _ => {
            report.add(span, "the rule has more than one answer", help);
            None
        }
    }
}

fn requirement(report: &mut Report<'_>, rule: RuleName, body: &RequireBody) -> Option<Requirement> {
    let max_age = duration(report, body.max_age.as_ref(), Quota::MAX_PER, DEFAULT_MAX_AGE);
    let acr = body.acr.get_ref();
    // It stands in a quoted, space-separated list in the header of RFC 9470, 3.
    let is_plain = |c: char| c.is_ascii_graphic() && !"\"\\".contains(c);
    if acr.is_empty() || acr.len() > 128 || !acr.chars().all(is_plain) {
        let help = "an acr is one word of 1 to 128 ASCII characters without quotes and backslashes, such as \"phone\"";
        report.add(body.acr.span(), "not an acr", help);
        return None;
    }
    Some(Requirement { rule, acr: acr.clone(), max_age: max_age?, single_use: body.single_use })
}

fn route_answer(
    report: &mut Report<'_>,
    rule: RuleName,
    span: std::ops::Range<usize>,
    body: RouteBody,
    catalogue: &Catalogue,
) -> Option<Routing> {
    match (body.r#try, body.deny) {
        (Some(routes), None) => Some(Routing::Try(plan(report, rule, &routes, body.preflight, catalogue)?)),
        (None, Some(written)) => Some(Routing::Deny { rule: Some(rule), reason: reason(report, &written)? }),
        (routes, _) => {
            let message = if routes.is_some() { "the rule has more than one answer" } else { "the rule has no answer" };
            report.add(span, message, "write one of `try = [\"provider/channel\"]` and `deny = \"reason\"`");
            None
        }
    }
}

fn plan(
    report: &mut Report<'_>,
    rule: RuleName,
    written: &Spanned<Vec<Spanned<String>>>,
    preflight: bool,
    catalogue: &Catalogue,
) -> Option<Plan> {
    if written.get_ref().is_empty() {
        report.add(written.span(), "an empty list", "name a route, or refuse with `deny = \"reason\"`");
    }
    let mut routes = Vec::new();
    for item in written.get_ref() {
        match known_route(item.get_ref(), catalogue) {
            Ok(route) if routes.contains(&route) => {
                report.add(item.span(), "a route is named twice", "a check tries each route once: name each once");
            }
            Ok(route) => routes.push(route),
            Err((message, help)) => report.add(item.span(), message, help),
        }
    }
    (!routes.is_empty() && routes.len() == written.get_ref().len()).then_some(Plan { rule, routes, preflight })
}

fn known_route(written: &str, catalogue: &Catalogue) -> Result<Route, (String, String)> {
    let Some((provider, channel)) = written.split_once('/') else {
        let help = format!("a route is a provider, `/` and a channel; {}", known_providers(catalogue));
        return Err((format!("`{}` is not a route", plain(written, 40)), help));
    };
    let Some(channels) = catalogue.channels(provider) else {
        return Err((format!("unknown provider `{}`", plain(provider, 40)), known_providers(catalogue)));
    };
    let known = || format!("`{provider}` has {}", list(channels.iter().map(|channel| channel.as_str())));
    match channel.parse::<Channel>() {
        Ok(channel) if channels.contains(&channel) => Ok(Route::new(provider, channel)),
        Ok(channel) => Err((format!("`{provider}` has no channel `{channel}`"), known())),
        Err(_) => Err((format!("unknown channel `{}`", plain(channel, 40)), known())),
    }
}

fn known_providers(catalogue: &Catalogue) -> String {
    format!("known providers: {}", list(catalogue.names()))
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn reason(report: &mut Report<'_>, written: &Spanned<String>) -> Option<String> {
    if is_label(written.get_ref()) {
        return Some(written.get_ref().clone());
    }
    let help = "a reason has 1 to 64 letters, digits, signs and spaces; clients see it";
    report.add(written.span(), "not a reason", help);
    None
}

/// How old a proof may be when the rule does not say.
const DEFAULT_MAX_AGE: Duration = Duration::from_secs(300);
