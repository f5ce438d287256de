//! Which mutants there are, which are left out, and that suggested cases do what they are suggested for.

use super::*;
use crate::policy::Catalogue;
use crate::{channel::Channel, policy::Evaluation};

/// A mutant that no case could notice, as it is said.
pub(in crate::policy) struct TwinOf(Mutant);

/// All of them in a section.
pub(in crate::policy) fn twins(policy: &Policy, section: Section) -> Vec<TwinOf> {
    let (rules, suite) = (Rules::of(policy, section), policy.suite());
    let mut maker = Maker::new(policy).unwrap();
    let mutants = (0..rules.list.len()).flat_map(|position| maker.mutants(&rules, position));
    mutants.filter(|mutant| matches!(twin::of(&suite, &rules, mutant, None), Twin::Same)).map(TwinOf).collect()
}

impl TwinOf {
    /// The answer is the same, by the same rule; only what no rule gave may be given by a rule.
    pub(in crate::policy) fn assert_same(&self, policy: &Policy, section: Section, context: &Context<'_>) {
        let rules = Rules::of(policy, section);
        let Evaluation { decision, rule, .. } = policy.evaluate(section, context);
        let (others, answer) = rules.outcome(&self.0, &rules.matching(context), context);
        assert_eq!(decision.to_string(), answer, "{}", self.0.what);
        assert!(rule.is_none() || rule.map(RuleName::as_str) == others, "{}", self.0.what);
    }
}

fn policy(sections: &str) -> Policy {
    let catalogue = Catalogue::new().with("zadarma", [Channel::Sms, Channel::VoiceCode]);
    let route = "[[route]]\nname = \"everyone\"\ntry = [\"zadarma/sms\"]\n";
    Policy::parse("policy.toml", &format!("version = 1\n{sections}\n{route}"), &catalogue).unwrap()
}

fn changes(sections: &str) -> Vec<String> {
    let found = policy(sections).suite().mutants(&mut |_, _| {});
    found.survivors.into_iter().map(|s| format!("{} {}: {}", s.line, s.rule, s.change)).collect()
}

#[test]
fn every_part_of_a_rule_is_changed() {
    let changes = changes(
        "[[step_up]]\nname = \"s\"\nwhen = { action = [\"pay\", \"buy\"], amount = { gte = 10, lt = 20 },\n\
         any = [{ recycled = true }, { risk_score = { gt = 5 }, currency = { not = \"EUR\" } }] }\n\
         on_missing = \"deny\"\nrequire = { acr = \"phone\" }\n\
         [[route]]\nname = \"r\"\nwhen = { phone.region = \"LV\" }\ntry = [\"zadarma/sms\", \"zadarma/voice_code\"]",
    );
    insta::assert_snapshot!(changes.join("\n"));
}

#[test]
fn what_nobody_could_notice_is_left_out() {
    // The hour has no value above 23; of two rules for different actions the order does not matter.
    let policy = policy(
        "[[step_up]]\nname = \"a\"\nwhen = { action = \"a\", time.hour = { lte = 23 } }\ndeny = \"x\"\n\
         [[step_up]]\nname = \"b\"\nwhen = { action = \"b\" }\ndeny = \"x\"",
    );
    let found = policy.suite().mutants(&mut |_, _| {});
    let changes: Vec<_> = found.survivors.iter().map(|survivor| survivor.change.as_str()).collect();
    assert!(!changes.contains(&"swapped with `b` below it"), "{changes:#?}");
    assert!(!changes.contains(&"`time.hour = { lte = 23 }` removed"), "{changes:#?}");
    assert_eq!(found.run, found.killed + found.equivalent + found.survivors.len());
    assert!(found.equivalent >= 2, "{found:#?}");
}

#[test]
fn the_suggested_cases_kill_what_survived() {
    let policy = policy(
        "[lists]\nblocked = [\"+3712\", \"+4915\"]\n[signals]\nvendor = { type = \"text\", expires = \"1h\" }\n\
         [[step_up]]\nname = \"known\"\nwhen = { payee_known = true, amount = { lt = 100 }, client.ip = { cidr = \"192.0.2.0/24\" } }\nallow = true\n\
         [[step_up]]\nname = \"young\"\nwhen = { subject.age = { lt = \"7d\" }, time.weekday = [\"saturday\", \"sunday\"], client.platform = { prefix = \"io\" } }\n\
         deny = \"young\"\n\
         [[step_up]]\nname = \"vendor\"\nwhen = { vendor = \"bad\", sim_swapped_at = { lte = \"3d\" } }\non_missing = \"skip_rule\"\nrequire = { acr = \"phone\" }\n\
         [[route]]\nname = \"blocked\"\nwhen = { phone.prefix = { in = \"blocked\" }, check.legs = { gte = 2 } }\ndeny = \"blocked\"\n\
         [[route]]\nname = \"baltic\"\nwhen = { phone.region = [\"LV\", \"LT\"], phone.type = { not = [\"fixed_line\", \"toll_free\"] }, check.channels_tried = \"sms\", provider.zadarma.healthy = true }\n\
         try = [\"zadarma/voice_code\", \"zadarma/sms\"]",
    );
    let found = policy.suite().mutants(&mut |_, _| {});
    let without: Vec<_> = found.survivors.iter().filter(|s| s.case.is_none()).map(|s| s.change.as_str()).collect();
    assert_eq!(without, Vec::<&str>::new());
    let mut texts: Vec<_> = found.survivors.iter().filter_map(|s| s.case.as_ref()).map(|c| c.text.as_str()).collect();
    texts.sort_unstable();
    texts.dedup();
    assert!(texts.len() < found.survivors.len() / 2, "one case does for many");
    let suite = policy.suite().with("suggested.toml", &texts.join("\n")).unwrap();
    assert!(suite.run().iter().all(|result| result.passed));
    let again = suite.mutants(&mut |_, _| {});
    assert_eq!(again.survivors, []);
    assert_eq!((again.run, again.rules_left_out), (found.run, 0));
    assert_eq!(suite.coverage().not_reached().count(), 0);
}

#[test]
fn progress_is_told_rule_by_rule() {
    let mut told = Vec::new();
    let policy = policy("[[step_up]]\nname = \"a\"\nwhen = { action = \"a\" }\ndeny = \"x\"");
    let _ = policy.suite().mutants(&mut |done, all| told.push((done, all)));
    assert_eq!(told, [(1, 2), (2, 2)]);
}
