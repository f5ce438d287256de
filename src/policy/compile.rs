//! From the file to what is evaluated. Every check of meaning is here and in the files that this one calls.

use toml::Spanned;

use super::{
    code::CodeRules,
    decision::{Routing, StepUp},
    diagnostic::{Report, plain},
    evaluate::{Rule, Table},
    file::{BudgetSection, CodeSection, Entry, File, LimitBody},
    limit::{KeyPart, Limit, On, Quota},
    route::{Catalogue, Route},
    rules,
    value::{duration, quota, small},
};

/// What a policy consists of once it has been read.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) code: CodeRules,
    pub(super) budget: Quota,
    pub(super) limits: Vec<Limit>,
    pub(super) step_up: Table<StepUp>,
    pub(super) route: Table<Routing>,
    /// Every route that a rule may try, once each.
    pub(super) routes: Vec<Route>,
}

/// Reads and checks a whole file. `None` only when the report has a fault.
pub(super) fn compile(report: &mut Report<'_>, text: &str, catalogue: &Catalogue) -> Option<Compiled> {
    let file = File::read(report, text)?;
    // All parts are read before any is missed, so that one report names the faults of all.
    version(report, file.version.as_ref())?;
    profile(report, file.profile.as_ref());
    let code = code(report, &file.code);
    let budget = budget(report, &file.budget);
    let limits = file.limits.map_or_else(|| Some(Limit::built_in()), |limits| read_limits(report, limits));
    let step_up = rules::step_up(report, file.step_ups.unwrap_or_default());
    let route = rules::route(report, file.routes, catalogue);
    let route = Table::new(route?);
    let routes = distinct(route.rules());
    Some(Compiled { code: code?, budget: budget?, limits: limits?, step_up: Table::new(step_up?), route, routes })
}

/// `None` when the file is of another version, of which nothing more can be said.
fn version(report: &mut Report<'_>, version: Option<&Spanned<i64>>) -> Option<()> {
    let help = "write `version = 1` at the top of the file";
    match version {
        Some(version) if *version.get_ref() != 1 => {
            report.add(version.span(), format!("unknown version {}", version.get_ref()), help);
            return None;
        }
        Some(_) => {}
        None => report.add(0..0, "missing key `version`", help),
    }
    Some(())
}

fn profile(report: &mut Report<'_>, profile: Option<&Spanned<String>>) {
    let Some(profile) = profile else { return };
    match profile.get_ref().as_str() {
        "none" => {}
        "nist-63b-4" | "asvs-5-l2" | "asvs-5-l3" | "psd2-sca" => report.add(
            profile.span(),
            "profiles are not enforced by this version",
            "write `profile = \"none\"`; a file must not promise a check that does not happen",
        ),
        other => {
            report.add(profile.span(), format!("unknown profile `{}`", plain(other, 40)), "the known one is `none`");
        }
    }
}

fn code(report: &mut Report<'_>, section: &CodeSection) -> Option<CodeRules> {
    let defaults = CodeRules::default();
    let digits = small(report, section.digits.as_ref(), 6, 10, defaults.digits);
    let attempts = small(report, section.attempts.as_ref(), 1, 10, defaults.attempts);
    let lifetime = duration(report, section.lifetime.as_ref(), CodeRules::MAX_LIFETIME, defaults.lifetime);
    let resend_after = duration(report, section.resend_after.as_ref(), CodeRules::MAX_LIFETIME, defaults.resend_after);
    if let (Some(written), Some(after), Some(lifetime)) = (&section.resend_after, resend_after, lifetime)
        && after >= lifetime
    {
        report.add(
            written.span(),
            "`resend_after` is not shorter than `lifetime`",
            "a code that ended cannot be sent again",
        );
    }
    let resend = section.resend.unwrap_or(defaults.resend);
    Some(CodeRules { digits: digits?, lifetime: lifetime?, attempts: attempts?, resend, resend_after: resend_after? })
}

fn budget(report: &mut Report<'_>, section: &BudgetSection) -> Option<Quota> {
    let Some(written) = &section.failures else { return Some(Quota::DEFAULT_BUDGET) };
    let quota = quota(report, written)?;
    if quota.count().get() > MAX_FAILURES {
        let help = "NIST SP 800-63B-4 allows at most 100 failures in a row; ten an hour is usual";
        report.add(written.span(), format!("the budget is {} failures", quota.count()), help);
        return None;
    }
    Some(quota)
}

fn read_limits(report: &mut Report<'_>, entries: Vec<Entry<'_, LimitBody>>) -> Option<Vec<Limit>> {
    let written = entries.len();
    let read: Vec<_> = entries.into_iter().filter_map(|entry| limit(report, entry)).collect();
    report.enter(None);
    (read.len() == written).then_some(read)
}

fn limit(report: &mut Report<'_>, entry: Entry<'_, LimitBody>) -> Option<Limit> {
    let Entry { name, when, body: LimitBody { on, key, quota: written, .. }, .. } = entry;
    report.enter(Some(name.clone()));
    if let Some(when) = when {
        report.add(when.span(), "a limit has no `when`", "a limit counts every event of its `on`; remove `when`");
    }
    let quota = quota(report, &written);
    let mut parts = Vec::new();
    for part in key.get_ref() {
        if parts.contains(part.get_ref()) {
            report.add(part.span(), "a part of the key is named twice", "name each part once");
        } else if !part.get_ref().is_known(on) {
            let (what, help) = match on {
                On::Callback => ("a callback arrives", "a callback has only `ip`, `provider` and `global`"),
                _ => ("an answer is handed in", "an answer has only `subject`, `ip` and `global`"),
            };
            report.add(
                part.span(),
                format!("not known when {what}"),
                format!("{help}: this limit would count nothing"),
            );
        }
        parts.push(*part.get_ref());
    }
    if parts.is_empty() {
        report.add(key.span(), "an empty key", "write `key = [\"global\"]` to count everything together");
    } else if parts.len() > 1 && parts.contains(&KeyPart::Global) {
        report.add(key.span(), "`global` stands alone", "remove `global`, or the other parts");
    }
    Some(Limit { name, on, key: parts, quota: quota? })
}

fn distinct(rules: &[Rule<Routing>]) -> Vec<Route> {
    let mut routes = Vec::new();
    for rule in rules {
        let Routing::Try(plan) = &rule.answer else { continue };
        for route in plan.routes() {
            if !routes.contains(route) {
                routes.push(route.clone());
            }
        }
    }
    routes
}

/// NIST SP 800-63B-4, 3.2.2: no more than 100 failed attempts in a row.
const MAX_FAILURES: u32 = 100;
