//! More rules than a block holds.

use super::*;
use crate::policy::{Section, Sources};

/// So many rules on amounts, each of which also takes the largest one, in files of a thousand; then some more.
fn many(count: usize, more: &str) -> Sources {
    let rule = |n: usize| {
        let when = match n % 2 {
            0 => format!("amount = [{n}, {LARGEST}]"),
            _ => format!("any = [{{ amount = {n} }}, {{ amount = {LARGEST} }}]"),
        };
        format!("[[step_up]]\nname = \"r{n}\"\nwhen = {{ {when} }}\nrequire = {{ acr = \"phone\" }}\n")
    };
    let rules: Vec<_> = (0..count).map(rule).collect();
    let files: Vec<_> = rules.chunks(1000).map(|rules| rules.concat()).collect();
    let names: Vec<_> = (0..files.len()).map(|n| format!("{n}.toml")).collect();
    let rest = "[[route]]\nname = \"all\"\ntry = [\"zadarma/sms\"]\n";
    let main = Sources::new("policy.toml", format!("version = 1\ninclude = {names:?}\n{more}\n{rest}"));
    names.iter().zip(files).fold(main, |sources, (name, text)| sources.with(name, text))
}

const LARGEST: usize = 1_000_000;

#[test]
fn rules_of_every_block_are_found() {
    let policy = Policy::compile(&many(2500, ""), &catalogue()).unwrap();
    let action = action("transfer");
    for (amount, rule) in
        [(0, Some("r0")), (1023, Some("r1023")), (1024, Some("r1024")), (2499, Some("r2499")), (2500, None)]
    {
        let context = Context::new(&action).amount(amount);
        let found = policy.evaluate(Section::StepUp, &context).rule.map(RuleName::as_str);
        assert_eq!(found, rule, "{amount}");
        let matching = policy.matching(Section::StepUp, &context);
        let at = rule.map(|_| usize::try_from(amount).unwrap());
        assert_eq!(matching.iter().collect::<Vec<_>>(), at.into_iter().collect::<Vec<_>>(), "{amount}");
    }
    let context = Context::new(&action).amount(LARGEST.try_into().unwrap());
    assert_eq!(policy.evaluate(Section::StepUp, &context).rule.map(RuleName::as_str), Some("r0"));
    assert!(policy.matching(Section::StepUp, &context).iter().eq(0..2500));
    let trace = policy.explain(Section::StepUp, &context);
    assert!(trace.rules.iter().all(|rule| rule.matched));
}

#[test]
fn a_rule_is_hidden_by_one_of_a_block_far_above() {
    let hidden = "[[step_up]]\nname = \"hidden\"\nwhen = { amount = 6, action = \"a\" }\ndeny = \"x\"";
    let errors = Policy::compile(&many(2500, hidden), &catalogue()).unwrap_err();
    let messages: Vec<_> =
        errors.iter().map(|error| (error.rule.as_ref().unwrap().as_str(), &*error.message)).collect();
    assert_eq!(messages, [("hidden", "this rule is never reached: `r6` above matches first")]);
}
