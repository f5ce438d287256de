//! From the file to what is evaluated. Every check of meaning is here and in the files that this one calls.

use std::{collections::BTreeSet, sync::Arc};

use toml::Spanned;

use super::{
    Inner, Policy,
    case::{self, Case},
    code::CodeRules,
    decision::{Routing, StepUp},
    diagnostic::{Report, plain},
    evaluate::{Ruling, Table},
    fact,
    file::{self, Entries, Entry, File, Placed},
    limit::{KeyPart, Limit, On, Quota},
    lint::{self, Profile},
    route::{Catalogue, Route},
    rules,
    section::{BudgetSection, CodeSection, LimitBody, ShadowSection, TestNumbersSection},
    signal::SignalDeclaration,
    sources::Sources,
    test_numbers::TestNumbers,
    value::{duration, quota, small},
    vocabulary::{self, Vocabulary},
};
use crate::ids::RuleName;

/// What a policy consists of once it has been read.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) profile: Profile,
    pub(super) code: CodeRules,
    pub(super) budget: Quota,
    pub(super) limits: Vec<Limit>,
    pub(super) step_up: Table<StepUp>,
    pub(super) route: Table<Routing>,
    /// The facts that the rules of each section read: of `step_up`, of `route`.
    pub(super) reads: [BTreeSet<String>; 2],
    /// Every route that a rule may try, once each.
    pub(super) routes: Vec<Route>,
    pub(super) signals: Vec<Arc<SignalDeclaration>>,
    pub(super) test_numbers: Option<Arc<TestNumbers>>,
    pub(super) cases: Vec<Case>,
    pub(super) shadow: Option<Policy>,
}

/// Reads and checks a policy and everything that it names. `None` only when the report has a fault.
pub(super) fn policy(report: &mut Report<'_>, sources: &Arc<Sources>, catalogue: &Catalogue) -> Option<Policy> {
    whole(report, sources, catalogue, 0, true)
}

fn whole(
    report: &mut Report<'_>,
    sources: &Arc<Sources>,
    catalogue: &Catalogue,
    main: usize,
    may_have_shadow: bool,
) -> Option<Policy> {
    let mut file = File::read(report, sources, main)?;
    let files = std::mem::take(&mut file.files);
    let mut used = files.clone();
    let shadow = file.shadow.take().map(|section| shadow(report, sources, catalogue, &section, may_have_shadow));
    report.turn_to(main);
    let mut compiled = compile(report, sources, file, main, catalogue, &mut used)?;
    compiled.shadow = match shadow {
        Some(shadow) => Some(shadow?),
        None => None,
    };
    let inner = Inner {
        compiled,
        hash: sources.hash(&used),
        sources: Arc::clone(sources),
        files,
        catalogue: catalogue.clone(),
    };
    lint::enforce(report, &inner);
    Some(Policy { inner: Arc::new(inner) })
}

fn shadow(
    report: &mut Report<'_>,
    sources: &Arc<Sources>,
    catalogue: &Catalogue,
    section: &Placed<ShadowSection>,
    is_allowed: bool,
) -> Option<Policy> {
    report.turn_to(section.file);
    let name = &section.part.file;
    if !is_allowed {
        report.add(name.span(), "a shadow has no shadow", "remove `[shadow]` from this file");
        return None;
    }
    let main = file::beside(report, sources, name)?;
    if main == 0 {
        report.add(name.span(), "a policy is its own shadow", "name another file, or remove `[shadow]`");
        return None;
    }
    whole(report, sources, catalogue, main, false)
}

fn compile(
    report: &mut Report<'_>,
    sources: &Sources,
    file: File<'_>,
    main: usize,
    catalogue: &Catalogue,
    used: &mut Vec<usize>,
) -> Option<Compiled> {
    // All parts are read before any is missed, so that one report names the faults of all.
    if file.version.is_none() {
        report.add(0..0, "missing key `version`", "write `version = 1` at the top of the file");
    }
    let profile = profile(report, file.profile.as_ref());
    let code = code(report, file.code.as_ref());
    let budget = budget(report, file.budget.as_ref());
    let limits = match file.limits.written {
        // An empty list is as good as none: `limit = []` does not turn the built-in limits off.
        0 => Some(Limit::built_in()),
        _ => read_limits(report, file.limits),
    };
    let test_numbers = test_numbers(report, file.test_numbers.as_ref()).map(Arc::new);
    let signals = vocabulary::signals(report, &file.signals);
    let lists = vocabulary::lists(report, sources, file.lists, used);
    let mut vocabulary = Vocabulary::new(catalogue, &signals, test_numbers.clone(), lists);

    let step_up = rules::step_up(report, file.step_ups, &mut vocabulary);
    report.turn_to(main);
    let of_routes = code.clone().unwrap_or_default();
    let route = rules::route(report, file.routes, &mut vocabulary, catalogue, &of_routes);
    let (step_up, route) = (step_up?, route?);
    let cases = case::read(report, file.cases, &vocabulary, [&names(step_up.rules()), &names(route.rules())]);
    let mut reads = [reads(step_up.rules()), reads(route.rules())];
    // Every rule that sends reads it, whether it names it or not.
    reads[1].insert(fact::LINE_TYPE.to_owned());
    let routes = distinct(route.rules());
    let (code, budget, limits) = (code?, budget?, limits?);
    let profile = profile?;
    Some(Compiled {
        profile,
        code,
        budget,
        limits,
        step_up,
        route,
        reads,
        routes,
        signals,
        test_numbers,
        cases,
        shadow: None,
    })
}

fn reads<T>(rules: &[Ruling<T>]) -> BTreeSet<String> {
    let conditions = rules.iter().flat_map(|rule| rule.head.when.every_condition());
    conditions.map(|condition| condition.fact().to_owned()).collect()
}

fn names<T>(rules: &[Ruling<T>]) -> Vec<RuleName> {
    rules.iter().map(|rule| rule.head.name.clone()).collect()
}

fn test_numbers(report: &mut Report<'_>, section: Option<&Placed<TestNumbersSection>>) -> Option<TestNumbers> {
    let section = section?;
    report.turn_to(section.file);
    TestNumbers::read(report, &section.part)
}

fn profile(report: &mut Report<'_>, profile: Option<&Placed<Spanned<String>>>) -> Option<Profile> {
    let Some(Placed { file, part: profile }) = profile else { return Some(Profile::None) };
    report.turn_to(*file);
    let known = Profile::ALL.into_iter().find(|known| known.as_str() == profile.get_ref());
    if known.is_none() {
        let message = format!("unknown profile `{}`", plain(profile.get_ref(), 40));
        let names = Profile::ALL.map(Profile::as_str).join("`, `");
        report.add(profile.span(), message, format!("known profiles are `{names}`"));
    }
    known
}

fn code(report: &mut Report<'_>, section: Option<&Placed<CodeSection>>) -> Option<CodeRules> {
    let defaults = CodeRules::default();
    let Some(Placed { file, part: section }) = section else { return Some(defaults) };
    report.turn_to(*file);
    let (least, most) = (CodeRules::LEAST_DIGITS, CodeRules::MOST_DIGITS);
    let digits = small(report, section.digits.as_ref(), least, most, defaults.digits);
    let attempts = small(report, section.attempts.as_ref(), 1, CodeRules::MOST_ATTEMPTS, defaults.attempts);
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

fn budget(report: &mut Report<'_>, section: Option<&Placed<BudgetSection>>) -> Option<Quota> {
    let Some(Placed { file, part: BudgetSection { failures: Some(written) } }) = section else {
        return Some(Quota::DEFAULT_BUDGET);
    };
    report.turn_to(*file);
    let quota = quota(report, written)?;
    if quota.count().get() > MAX_FAILURES {
        let help = "NIST SP 800-63B-4 allows at most 100 failures in a row; ten an hour is usual";
        report.add(written.span(), format!("the budget is {} failures", quota.count()), help);
        return None;
    }
    Some(quota)
}

fn read_limits(report: &mut Report<'_>, entries: Entries<'_, LimitBody>) -> Option<Vec<Limit>> {
    let read: Vec<_> = entries.read.into_iter().filter_map(|entry| limit(report, entry)).collect();
    report.enter(None);
    (read.len() == entries.written).then_some(read)
}

fn limit(report: &mut Report<'_>, entry: Entry<'_, LimitBody>) -> Option<Limit> {
    let Entry { name, file, when, body: LimitBody { on, key, quota: written, .. }, .. } = entry;
    report.turn_to(file);
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

fn distinct(rules: &[Ruling<Routing>]) -> Vec<Route> {
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
pub(super) const MAX_FAILURES: u32 = 100;
