//! Lists and signals that no rule reads.

use super::{FindingKind, Findings, View};

pub(super) fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for (list, place) in view.places.keys("lists") {
        if !view.places.is_list_named(&list) {
            let message = format!("no rule reads the list `{list}`");
            let help = format!("name it in a rule with `{{ in = \"{list}\" }}`, or remove it");
            findings.warn(FindingKind::UnusedList, place, None, message, help);
        }
    }
    for (signal, place) in view.places.keys("signals") {
        let is_read = |condition: &crate::policy::Condition| condition.is_on_signal() && condition.fact() == signal;
        if !view.conditions().any(|(_, _, condition)| is_read(condition)) {
            let message = format!("no rule reads the signal `{signal}`");
            let help = "read it in a rule, or remove it: whoever collects it for you does so in vain".to_owned();
            findings.warn(FindingKind::UnusedSignal, place, None, message, help);
        }
    }
}
