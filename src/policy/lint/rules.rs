//! Rules that no request reaches.

use super::{
    FindingKind, Findings, View,
    reach::{Reach, Reached},
};
use crate::policy::rule::Section;

pub(super) fn check(view: &View<'_>, findings: &mut Findings<'_>) {
    for section in [Section::StepUp, Section::Route] {
        let heads: Vec<_> = view.heads().filter(|(at, _)| *at == section).map(|(_, head)| head).collect();
        let mut reach = Reach::new(&heads);
        for (position, head) in heads.iter().enumerate() {
            match reach.of(position) {
                Reached::Maybe => {}
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
    }
}
