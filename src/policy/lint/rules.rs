//! Rules that no request reaches.

use super::{
    FindingKind, Findings, View,
    reach::{Reach, Reached},
};
use crate::policy::rule::{Head, Section};

pub(super) fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for section in [Section::StepUp, Section::Route] {
        let heads: Vec<_> = view.heads().filter(|(at, _)| *at == section).map(|(_, head)| head).collect();
        let mut reach = Reach::new(&heads);
        let mut unknown = Vec::new();
        for (position, head) in heads.iter().enumerate() {
            match reach.of(position) {
                Reached::Maybe => {}
                Reached::Unknown => unknown.push(*head),
                Reached::Never => {
                    let message = "the conditions of this rule never hold together".to_owned();
                    let help = "remove one of the conditions, or the rule; two rules can say \"one or the other\"";
                    let place = view.places.of_rule(section, head, &["when"]);
                    findings.warn(FindingKind::Contradiction, place, Some(&head.name), message, help.to_owned());
                }
                Reached::HiddenBy(above) => {
                    let above = above.iter().filter_map(|at| heads.get(*at)).map(|head| format!("`{}`", head.name));
                    let above = above.collect::<Vec<_>>().join(", ");
                    let message = format!("no request reaches this rule: {above} above match first, together");
                    let help = "put this rule above one of them, or remove it".to_owned();
                    findings.warn(FindingKind::Unreachable, view.places.rule(head), Some(&head.name), message, help);
                }
            }
        }
        left_out(view, section, &unknown, findings);
    }
}

/// Says of how many rules nothing was found out, at the first of them.
fn left_out(view: &View<'_>, section: Section, unknown: &[&Head], findings: &mut Findings<'_>) {
    let Some(first) = unknown.first() else { return };
    let message = match unknown.len() {
        1 => "it was not found out whether a request reaches this rule".to_owned(),
        count => format!(
            "for {count} rules of `[[{section}]]`, of which this is the first, it was not found out whether a request reaches them"
        ),
    };
    let help = "nothing to do; the search ends where there are too many rules, values or patterns to try".to_owned();
    findings.note(FindingKind::NotSearched, view.places.rule(first), None, message, help);
}
