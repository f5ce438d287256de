//! Decisions of one policy: handset, regorus, cedar-policy.

mod engines;
mod table;

use crate::row::{Table, measured};
use engines::Engines;

pub fn time(shown: &Table) {
    shown.head("a decision of a policy", &Engines::NAMES);
    for count in [10, 100, 1000] {
        let rules = table::rules(count);
        let engines = Engines::new(&rules);
        agree(&engines, &rules);
        let last = table::matching(&rules[count - 1]);
        for (name, request) in [("no rule matches", table::ordinary()), ("the last rule matches", last)] {
            let figures = measured(engines.questions(&request));
            shown.row("policy", &format!("{count} rules, {name}"), &Engines::NAMES, &figures);
        }
    }
}

/// What is compared says the same, or there is nothing to compare.
fn agree(engines: &Engines, rules: &[table::Ask]) {
    let (mut refused, mut all) = (0, 0);
    for request in table::samples(rules) {
        let answers = engines.questions(&request).map(|mut question| question());
        let shown = (&request.action, request.amount, request.currency, request.region, &request.phone);
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?} to {shown:?}");
        refused += usize::from(answers[0]);
        all += 1;
    }
    assert!(refused > 0 && refused < all, "{refused} of {all} are refused: that tells nothing apart");
}
