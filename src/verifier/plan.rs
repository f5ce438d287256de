//! The plan of a check: which messages may go out, and in which order.
//!
//! ```text
//!  check.legs = 0            1                2
//!  rule "first" ----> rule "first" ----> rule "again"       asked of the policy when the check starts, and kept:
//!  [sms, flash_call]  goes on            [email]            sms, flash_call, email
//! ```

use std::time::SystemTime;

use super::{Inner, StartRequest, ask_shadow, private::PlannedRoute};
use crate::{
    channel::Channel,
    error::{Error, ErrorKind, Result},
    ids::CheckId,
    phone::PhoneNumber,
    policy::{CodeRules, Context, Health, Plan, Policy, Routing, Section},
    secret::Code,
};

/// What the policy said when the check began.
pub(super) struct Planned {
    pub(super) routes: Vec<PlannedRoute>,
    pub(super) code: CodeRules,
    /// The code of a number for tests.
    pub(super) test: Option<Code>,
}

/// Asks the policy for the messages of a check. `context` is that of the first one.
pub(super) fn plan(
    inner: &Inner,
    policy: &Policy,
    id: &CheckId,
    request: &StartRequest,
    context: &Context<'_>,
    now: SystemTime,
) -> Result<Planned> {
    ask_shadow(policy, Section::Route, context);
    let first = match policy.route(context) {
        Routing::Try(plan) => plan,
        Routing::Deny { rule, reason } => {
            tracing::info!(check = %id, policy = policy.hash(), rule = ?rule, reason, "start denied");
            return Err(Error::new(ErrorKind::Denied, format!("the policy does not allow it: {reason}")));
        }
    };
    tracing::info!(check = %id, policy = policy.hash(), rule = %first.rule, region = ?request.phone.region(), "start planned");
    let mut routes = planned(&first);
    if let Some(wanted) = request.channel {
        if !routes.iter().any(|route| route.channel == wanted) {
            return Err(Error::new(ErrorKind::InvalidInput, "this channel is not offered here; leave it out"));
        }
        // Stable: the plan's order stays among the rest.
        routes.sort_by_key(|route| route.channel != wanted);
    }
    if READ_LATER.iter().any(|fact| policy.reads(Section::Route, fact)) {
        look_ahead(policy, context, &first, &mut routes);
    }
    Ok(Planned { routes, code: first.code, test: test_code(inner, policy, &request.phone, now)? })
}

/// The facts of the first message of a check.
pub(super) fn of_first_message<'c>(
    request: &'c StartRequest,
    health: &'c Health,
    failures: Option<u32>,
    now: SystemTime,
) -> Context<'c> {
    let context = request.facts.describe(Context::new(&request.action)).phone(&request.phone);
    let mut context = context.at(now).providers(health).check_legs(0).channels_tried([]);
    if let Some(ip) = request.client_ip {
        context = context.client_ip(ip);
    }
    if let (None, Some(failures)) = (request.facts.subject_failures, failures) {
        context = context.subject_failures(failures);
    }
    context
}

/// Asks what may follow each message, as if those before it had been sent. While the same rule decides, its routes go on; another
/// rule's take the place of what is left; a refusal ends the plan. No route is taken twice, so it ends.
fn look_ahead(policy: &Policy, context: &Context<'_>, first: &Plan, routes: &mut Vec<PlannedRoute>) {
    let mut rule = first.rule.clone();
    let mut sent = 1;
    while let Some(before) = routes.get(..sent) {
        let tried: Vec<_> = before.iter().map(|route| route.channel).collect();
        let legs = u32::try_from(sent).unwrap_or(u32::MAX);
        match policy.route(&context.clone().check_legs(legs).channels_tried(tried)) {
            Routing::Deny { .. } => return routes.truncate(sent),
            Routing::Try(plan) if plan.rule == rule => {}
            Routing::Try(plan) => {
                routes.truncate(sent);
                let more: Vec<_> =
                    planned(&plan).into_iter().filter(|new| !routes.iter().any(|old| old.is(new))).collect();
                routes.extend(more);
                rule = plan.rule;
            }
        }
        sent += 1;
    }
}

fn planned(plan: &Plan) -> Vec<PlannedRoute> {
    let route = |(provider, channel): (&str, Channel)| PlannedRoute {
        provider: provider.to_owned(),
        channel,
        preflight: plan.preflight,
        digits: plan.code.digits,
        message: plan.message.clone(),
    };
    plan.routes().iter().map(|it| route((it.provider(), it.channel()))).collect()
}

/// The code of a number for tests. A verifier that takes none of them does not start such a check: there is nobody to reach.
fn test_code(inner: &Inner, policy: &Policy, phone: &PhoneNumber, now: SystemTime) -> Result<Option<Code>> {
    match policy.test_numbers().filter(|numbers| numbers.is_test(phone, now)) {
        Some(numbers) if inner.takes_test_numbers => Ok(Some(numbers.code.clone())),
        Some(_) => Err(Error::new(ErrorKind::Denied, "this number is for tests only; use another one")),
        None => Ok(None),
    }
}

/// What a rule reads that is about messages after the first.
const READ_LATER: [&str; 2] = ["check.legs", "check.channels_tried"];
