//! Lists and signals that no rule reads.

use std::collections::HashSet;

use super::{FindingKind, Findings, View};

pub(super) fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    let named = view.places.lists_named();
    for (list, place) in view.places.keys("lists") {
        if !named.contains(list.as_str()) {
            let message = format!("no rule reads the list `{list}`");
            let help = format!("name it in a rule with `{{ in = \"{list}\" }}`, or remove it");
            findings.warn(FindingKind::UnusedList, place, None, message, help);
        }
    }
    let on_signals = view.conditions().filter(|(_, _, condition)| condition.is_on_signal());
    let read: HashSet<_> = on_signals.map(|(_, _, condition)| condition.fact()).collect();
    for (signal, place) in view.places.keys("signals") {
        if !read.contains(signal.as_str()) {
            let message = format!("no rule reads the signal `{signal}`");
            let help = "read it in a rule, or remove it: whoever collects it for you does so in vain".to_owned();
            findings.warn(FindingKind::UnusedSignal, place, None, message, help);
        }
    }
}
