//! Reads the rules: what they ask for, what they answer, and whether they can ever be reached.

use std::{ops::Range, time::Duration};

use toml::Spanned;

use super::{
    code::CodeRules,
    decision::{Requirement, Routing, StepUp},
    diagnostic::{Report, plain},
    evaluate::{Ruling, Table},
    file::{Entries, Entry, is_label},
    limit::Quota,
    route::{Catalogue, Plan, Route},
    rule::{Head, OnMissing, Reading, Section},
    section::{RequireBody, RouteBody, StepUpBody},
    value::{duration, small},
    vocabulary::Vocabulary,
    when,
};
use crate::{channel::Channel, ids::RuleName};

/// Reads the `[[step_up]]` rules.
pub(super) fn step_up(
    report: &mut Report<'_>,
    entries: Entries<'_, StepUpBody>,
    vocabulary: &mut Vocabulary<'_>,
) -> Option<Table<StepUp>> {
    let answer = |report: &mut Report<'_>, rule, span, body: StepUpBody| {
        let on_missing = body.on_missing.clone();
        let answer = step_up_answer(report, rule, span, body)?;
        let careful = !matches!(answer, StepUp::Allow);
        Some(Answered { answer, careful, sends: false, on_missing })
    };
    read(report, entries, vocabulary, Section::StepUp, answer)
}

/// Reads the `[[route]]` rules.
pub(super) fn route(
    report: &mut Report<'_>,
    entries: Entries<'_, RouteBody>,
    vocabulary: &mut Vocabulary<'_>,
    catalogue: &Catalogue,
    code: &CodeRules,
) -> Option<Table<Routing>> {
    if entries.written == 0 {
        let known = known_providers(catalogue);
        report.add(0..0, "there is no `[[route]]`", format!("without one no check can start; {known}"));
        return None;
    }
    let answer = |report: &mut Report<'_>, rule, span, body: RouteBody| {
        let on_missing = body.on_missing.clone();
        let answer = route_answer(report, rule, span, body, catalogue, code)?;
        let sends = matches!(answer, Routing::Try(_));
        Some(Answered { answer, careful: !sends, sends, on_missing })
    };
    read(report, entries, vocabulary, Section::Route, answer)
}

/// What a rule answers. One that asks or denies is careful: what it does not know, it takes to hold.
struct Answered<T> {
    answer: T,
    careful: bool,
    sends: bool,
    on_missing: Option<Spanned<OnMissing>>,
}

/// Reads the rules of one section.
fn read<B, T>(
    report: &mut Report<'_>,
    entries: Entries<'_, B>,
    vocabulary: &mut Vocabulary<'_>,
    section: Section,
    answer: impl Fn(&mut Report<'_>, RuleName, Range<usize>, B) -> Option<Answered<T>>,
) -> Option<Table<T>> {
    let mut rules: Vec<Ruling<T>> = Vec::with_capacity(entries.written);
    for Entry { name, file, span, when, body } in entries.read {
        report.turn_to(file);
        report.enter(Some(name.clone()));
        let when = when.map_or_else(|| Some(Default::default()), |when| when::read(report, vocabulary, &when, section));
        let answered = answer(report, name.clone(), span.clone(), body);
        let (Some(when), Some(answered)) = (when, answered) else { continue };
        let Answered { answer, careful, sends, on_missing } = answered;
        let reading = Reading { careful, sends, on_missing: on_missing.as_ref().map(|written| *written.get_ref()) };
        let head = Head { name, file, span, when, reading };
        check_signals(report, &head, on_missing.as_ref());
        rules.push(Ruling { head, answer });
    }
    let (is_whole, table) = (rules.len() == entries.written, Table::new(rules));
    check_order(report, &table);
    report.enter(None);
    is_whole.then_some(table)
}

/// A rule below one that matches whatever it matches is a mistake.
fn check_order<T>(report: &mut Report<'_>, table: &Table<T>) {
    for (position, Ruling { head, .. }) in table.rules().iter().enumerate() {
        let Some(above) = table.covering(position) else { continue };
        report.turn_to(head.file);
        report.enter(Some(head.name.clone()));
        let message = format!("this rule is never reached: `{}` above matches first", above.name);
        report.add(head.span.clone(), message, "put the narrower rule first, or remove one of the two");
    }
}

/// A rule that reads a signal says what it does without it; there is no silent default.
fn check_signals(report: &mut Report<'_>, head: &Head, on_missing: Option<&Spanned<OnMissing>>) {
    let conditions = head.when.every_condition();
    let signal = conditions.iter().find(|condition| condition.is_on_signal());
    match (signal, on_missing) {
        (Some(condition), None) => {
            let message =
                format!("the rule reads the signal `{}` and does not say what it does without it", condition.fact());
            let help = "write `on_missing = \"assume_risky\"`, `\"skip_rule\"` or `\"deny\"`";
            report.add(head.span.clone(), message, help);
        }
        (None, Some(written)) => {
            let help = "facts that are no signals are read the careful way when they are missing; remove `on_missing`";
            report.add(written.span(), "the rule reads no signal", help);
        }
        _ => {}
    }
}

fn step_up_answer(report: &mut Report<'_>, rule: RuleName, span: Range<usize>, body: StepUpBody) -> Option<StepUp> {
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
    Some(Requirement { rule, acr: acr.as_str().into(), max_age: max_age?, single_use: body.single_use })
}

fn route_answer(
    report: &mut Report<'_>,
    rule: RuleName,
    span: Range<usize>,
    body: RouteBody,
    catalogue: &Catalogue,
    code: &CodeRules,
) -> Option<Routing> {
    match (&body.r#try, &body.deny) {
        (Some(routes), None) => {
            let routes = self::routes(report, routes, catalogue);
            let code = code_of(report, &body, code);
            let message = body.message.as_ref().map(|written| message(report, written));
            let preflight = body.preflight.is_some_and(Spanned::into_inner);
            Some(Routing::Try(Plan { rule, routes: routes?, preflight, code: code?, message: message.flatten() }))
        }
        (None, Some(written)) => {
            refuse_settings(report, &body);
            Some(Routing::Deny { rule: Some(rule), reason: reason(report, written)? })
        }
        (routes, _) => {
            let message = if routes.is_some() { "the rule has more than one answer" } else { "the rule has no answer" };
            report.add(span, message, "write one of `try = [\"provider/channel\"]` and `deny = \"reason\"`");
            None
        }
    }
}

fn refuse_settings(report: &mut Report<'_>, body: &RouteBody) {
    let settings = [
        ("digits", body.digits.as_ref().map(Spanned::span)),
        ("lifetime", body.lifetime.as_ref().map(Spanned::span)),
        ("attempts", body.attempts.as_ref().map(Spanned::span)),
        ("message", body.message.as_ref().map(Spanned::span)),
        ("preflight", body.preflight.as_ref().map(Spanned::span)),
    ];
    for (key, span) in settings {
        if let Some(span) = span {
            report.add(span, format!("a rule that denies has no `{key}`"), "nothing is sent; remove it");
        }
    }
}

/// How codes of this route are made and tried: as the rule says, else as the file does.
fn code_of(report: &mut Report<'_>, body: &RouteBody, file: &CodeRules) -> Option<CodeRules> {
    let digits = small(report, body.digits.as_ref(), CodeRules::LEAST_DIGITS, CodeRules::MOST_DIGITS, file.digits);
    let attempts = small(report, body.attempts.as_ref(), 1, CodeRules::MOST_ATTEMPTS, file.attempts);
    let lifetime = duration(report, body.lifetime.as_ref(), CodeRules::MAX_LIFETIME, file.lifetime)?;
    if let Some(written) = body.lifetime.as_ref().filter(|_| lifetime <= file.resend_after) {
        let help = "make `resend_after` of `[code]` shorter, or the lifetime longer";
        report.add(written.span(), "the code ends before it can be sent again", help);
    }
    Some(CodeRules { digits: digits?, lifetime, attempts: attempts?, ..file.clone() })
}

/// What the message says, with the places of the code and of the transaction, and at its end the line that binds the code to our
/// origin (Origin-bound one-time codes delivered via SMS). An Android app finds its message by a line of its own.
fn message(report: &mut Report<'_>, written: &Spanned<String>) -> Option<String> {
    let text = written.get_ref();
    let body = text.strip_suffix(ORIGIN_BOUND).unwrap_or(text);
    let plain = !text.chars().any(|c| c.is_control() && c != '\n') && (1..=160).contains(&text.chars().count());
    let once = |place: &str| body.matches(place).count();
    let other_braces = body.replace("{code}", "").replace("{transaction}", "").contains(['{', '}']);
    if plain && once("{code}") == 1 && once("{transaction}") <= 1 && !other_braces {
        return Some(text.clone());
    }
    let help = "a message has 1 to 160 characters, `{code}` in it once and `{transaction}` at most once, and may end with a line \
                `@{host} #{code}`";
    report.add(written.span(), "not a message", help);
    None
}

fn routes(
    report: &mut Report<'_>,
    written: &Spanned<Vec<Spanned<String>>>,
    catalogue: &Catalogue,
) -> Option<Vec<Route>> {
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
    (!routes.is_empty() && routes.len() == written.get_ref().len()).then_some(routes)
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

/// The last line by which browsers fill a code in on the pages of one origin only.
const ORIGIN_BOUND: &str = "\n@{host} #{code}";
