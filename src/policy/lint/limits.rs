//! Sends that nothing limits.

use super::{FindingKind, Findings, View, cost};
use crate::policy::limit::On;

pub(super) fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    let starts: Vec<_> = view.policy.compiled.limits.iter().filter(|limit| limit.on == On::Start).collect();
    if view.plans().next().is_none() {
        return;
    }
    let place = || view.places.first_of("limit").unwrap_or_else(|| view.places.start());
    let help = "add a `[[limit]]` with `on = \"start\"`, `key = [\"phone\"]` and a quota such as \"5/1h\"";
    if starts.is_empty() {
        let message = "nothing limits how much is sent: a file with one `[[limit]]` has only its own".to_owned();
        findings.warn(FindingKind::NoSendLimit, place(), None, message, help.to_owned());
    } else if !starts.iter().any(|limit| limit.key.iter().all(cost::of_number)) {
        let message =
            "nothing limits how much is sent to one number: subjects and addresses are free to change".to_owned();
        findings.warn(FindingKind::NumberNotLimited, place(), None, message, help.to_owned());
    }
}
