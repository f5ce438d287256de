//! What the parts do together: whole files in, decisions and diagnostics out.

mod language;
mod many;
mod oracle;

use std::{fmt::Write as _, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::{
    channel::Channel,
    error::{Error, ErrorKind},
    ids::RuleName,
    phone::PhoneNumber,
};

fn catalogue() -> Catalogue {
    Catalogue::new().with("numcheck", [Channel::FlashCall]).with("zadarma", [Channel::Sms, Channel::VoiceCode])
}

fn parse(text: &str) -> Result<Policy, PolicyErrors> {
    Policy::parse("policy.toml", text, &catalogue())
}

/// A file with the given sections and a route for everyone at its end.
fn policy(sections: &str) -> Policy {
    parse(&format!("version = 1\n{sections}\n[[route]]\nname = \"everyone\"\ntry = [\"numcheck/flash_call\"]\n"))
        .unwrap()
}

/// The diagnostics of a file of which only these sections are wrong.
fn faults_of(sections: &str) -> String {
    let text = format!("version = 1\n{sections}\n[[route]]\nname = \"everyone\"\ntry = [\"numcheck/flash_call\"]\n");
    parse(&text).unwrap_err().to_string()
}

fn action(name: &str) -> Action {
    Action::new(name).unwrap()
}

fn phone(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text, None).unwrap()
}

/// The name of the deciding rule, with what it says: `allow`, `deny x`, `require x`.
fn step(policy: &Policy, context: &Context<'_>) -> String {
    match policy.step_up(context) {
        StepUp::Allow => "allow".to_owned(),
        StepUp::Deny { rule, .. } => format!("deny {rule}"),
        StepUp::Require(requirement) => format!("require {}", requirement.rule),
    }
}

fn routing(policy: &Policy, context: &Context<'_>) -> String {
    match policy.route(context) {
        Routing::Try(plan) => format!("{:?}", plan.routes()),
        Routing::Deny { rule, reason } => format!("deny {} {reason}", rule.as_ref().map_or("-", RuleName::as_str)),
    }
}

mod decisions {
    use super::*;

    #[test]
    fn the_example_file_decides_as_it_reads() {
        let policy = parse(include_str!("../../examples/policy.toml")).unwrap();
        let (transfer, sign_in) = (action("transfer"), action("sign_in"));
        assert_eq!(step(&policy, &Context::new(&transfer)), "require transfers");
        assert_eq!(step(&policy, &Context::new(&sign_in)), "allow");
        assert!(policy.guards(&transfer) && !policy.guards(&sign_in));

        for (number, expected) in
            [("+37126123456", "[Route(numcheck/flash_call)]"), ("+37190000123", "deny dear numbers number_type")]
        {
            assert_eq!(routing(&policy, &Context::new(&sign_in).phone(&phone(number))), expected, "{number}");
        }
        assert!(policy.cases().iter().all(|case| case.run(&policy).passed) && policy.cases().len() == 4);
        assert_eq!(policy.code(), &CodeRules::default());
        assert_eq!(policy.failure_budget().to_string(), "10/1h");
        assert_eq!(policy.hash().len(), 32);
        assert_eq!(policy.routes().map(ToString::to_string).collect::<Vec<_>>(), ["numcheck/flash_call"]);
    }

    #[test]
    fn the_example_has_the_limits_and_settings_that_are_built_in() {
        let example = parse(include_str!("../../examples/policy.toml")).unwrap();
        let built_in = policy("");
        let shown = |policy: &Policy| -> Vec<String> {
            policy.limits().iter().map(|l| format!("{:?} {:?} {}", l.on, l.key, l.quota)).collect()
        };
        assert_eq!(shown(&example), shown(&built_in));
        assert_eq!(example.code(), built_in.code());
        assert_eq!(example.failure_budget(), built_in.failure_budget());
    }

    #[test]
    fn one_limit_in_the_file_replaces_the_built_in_ones() {
        let policy =
            policy("[[limit]]\nname = \"n\"\non = \"callback\"\nkey = [\"ip\", \"provider\"]\nquota = \"7/1m\"");
        let [limit] = policy.limits() else { panic!("{:?}", policy.limits()) };
        assert_eq!((limit.name.as_str(), limit.on, limit.quota.to_string().as_str()), ("n", On::Callback, "7/1m"));
        assert_eq!(limit.key, [KeyPart::Ip, KeyPart::Provider]);
    }

    #[test]
    fn an_empty_list_of_limits_does_not_turn_them_off() {
        assert_eq!(policy("limit = []").limits(), policy("").limits());
    }

    #[test]
    fn settings_of_the_file_are_used() {
        let policy = policy(
            "[code]\ndigits = 8\nlifetime = \"10m\"\nattempts = 3\nresend = \"rotate\"\nresend_after = \"1m\"\n\
             [budget]\nfailures = \"100/1d\"",
        );
        let expected = CodeRules {
            digits: 8,
            lifetime: Duration::from_secs(600),
            attempts: 3,
            resend: Resend::Rotate,
            resend_after: Duration::from_secs(60),
        };
        assert_eq!(policy.code(), &expected);
        assert_eq!(policy.failure_budget().to_string(), "100/1d");
    }

    #[test]
    fn c3_a_number_of_a_country_without_a_route_is_refused() {
        let policy =
            parse("version = 1\n[[route]]\nname = \"r\"\nwhen = { phone.region = \"LV\" }\ntry = [\"zadarma/sms\"]")
                .unwrap();
        let sign_in = action("sign_in");
        let context = Context::new(&sign_in);
        assert_eq!(routing(&policy, &context.clone().phone(&phone("+37126123456"))), "[Route(zadarma/sms)]");
        assert_eq!(routing(&policy, &context.phone(&phone("+12025550123"))), "deny - no_route");
    }

    #[test]
    fn c3_a_dear_number_is_reached_by_the_name_of_its_type_only() {
        let pay = action("pay");
        let (sent, refused, unmatched) = ("[Route(zadarma/sms)]", "deny r number_type", "deny - no_route");
        for (when, premium, shared) in [
            ("", refused, refused),
            (r#"phone.type = { not = "mobile" }"#, refused, refused),
            (r#"none = [{ phone.type = "mobile" }]"#, refused, refused),
            (r#"phone.type = ["mobile", "premium_rate"]"#, sent, unmatched),
            (r#"phone.type = ["premium_rate", "shared_cost"]"#, sent, sent),
            (r#"any = [{ phone.type = "premium_rate" }, { action = "pay" }]"#, sent, refused),
        ] {
            let policy = policy_of(&format!("when = {{ {when} }}\ntry = [\"zadarma/sms\"]"));
            for (number, expected) in [("+37190123456", premium), ("+39848123456", shared)] {
                assert_eq!(routing(&policy, &Context::new(&pay).phone(&phone(number))), expected, "{when}, {number}");
            }
        }
        assert_eq!(routing(&policy_of("try = [\"zadarma/sms\"]"), &Context::new(&pay)), "[Route(zadarma/sms)]");
    }

    fn policy_of(route: &str) -> Policy {
        parse(&format!("version = 1\n[[route]]\nname = \"r\"\n{route}")).unwrap()
    }

    #[test]
    fn a2_codes_have_six_digits_or_more() {
        assert_eq!(policy("").code().digits, 6);
        refused_everywhere("digits = 5", "6");
    }

    #[test]
    fn a4_lifetimes_are_ten_minutes_or_less() {
        assert_eq!(policy("").code().lifetime, Duration::from_secs(300));
        refused_everywhere("lifetime = \"601s\"", "10m");
    }

    #[test]
    fn b2_attempts_and_failures_have_bounds() {
        assert_eq!((policy("").code().attempts, policy("").failure_budget().to_string()), (5, "10/1h".to_owned()));
        refused_everywhere("attempts = 11", "10");
        refused_everywhere("attempts = 0", "1");
        let faults = faults_of("[budget]\nfailures = \"101/1h\"");
        assert!(faults.contains("at most 100 failures"), "{faults}");
    }

    /// In the section of codes and in a rule.
    #[track_caller]
    fn refused_everywhere(wrong: &str, bound: &str) {
        let rule = "[[route]]\nname = \"other\"\nwhen = { action = \"pay\" }\ntry = [\"zadarma/sms\"]";
        for section in ["[code]", rule] {
            let faults = faults_of(&format!("{section}\n{wrong}\n"));
            assert!(faults.contains(wrong) && faults.contains(bound), "{faults}");
        }
    }

    #[test]
    fn each_condition_holds_for_what_it_names() {
        let transfer = action("transfer");
        let context = Context::new(&transfer)
            .phone(&phone("+37126123456"))
            .amount(1000)
            .currency("EUR")
            .client_ip("::ffff:192.0.2.7".parse().unwrap());
        for (when, holds) in [
            (r#"action = "transfer""#, true),
            (r#"action = ["sign_in", "transfer"]"#, true),
            (r#"action = { not = "transfer" }"#, false),
            (r#"action = { not = ["sign_in"] }"#, true),
            (r#""phone.region" = "LV""#, true),
            (r#"phone.region = { not = ["EE", "LT"] }"#, true),
            (r#"phone = { region = "LV", type = "mobile" }"#, true),
            (r#"phone = { region = "LV", type = "voip" }"#, false),
            ("phone.country_code = 371", true),
            ("phone.country_code = [1, 44]", false),
            ("phone.country_code = { gte = 370, lt = 380 }", true),
            (r#"phone.prefix = "+3712""#, true),
            (r#"phone = { prefix = ["+3716", "+3717"] }"#, false),
            ("amount = 1000", true),
            ("amount = { gte = 1000 }", true),
            ("amount = { gt = 1000 }", false),
            ("amount = { lt = 1000 }", false),
            ("amount = { lte = 1000, gt = 0x3e7 }", true),
            ("amount = { not = { gte = 1000 } }", false),
            (r#"currency = "EUR""#, true),
            (r#"currency = { not = ["EUR", "USD"] }"#, false),
            (r#"client.ip = "192.0.2.7""#, true),
            (r#""client.ip" = { cidr = "192.0.2.0/24" }"#, true),
            (r#"client = { ip = { cidr = ["10.0.0.0/8", "2001:db8::/32"] } }"#, false),
            (r#"client.ip = { not = { cidr = "10.0.0.0/8" } }"#, true),
            (r#"action = "transfer", amount = { gte = 1000 }"#, true),
            (r#"action = "sign_in", amount = { gte = 1000 }"#, false),
        ] {
            let text = format!("version = 1\n[[route]]\nname = \"r\"\nwhen = {{ {when} }}\ntry = [\"zadarma/sms\"]");
            let policy = parse(&text).unwrap_or_else(|errors| panic!("{errors}"));
            assert_eq!(matches!(policy.route(&context), Routing::Try(_)), holds, "{when}");
        }
    }

    #[test]
    fn a_when_below_its_own_header_is_the_same() {
        let policy = parse(
            "version = 1\n[[route]]\nname = \"r\"\ntry = [\"zadarma/sms\"]\n[route.when]\nphone.region = \"LV\"\namount.gte = 5\n",
        )
        .unwrap();
        let pay = action("pay");
        let context = Context::new(&pay).phone(&phone("+37126123456"));
        assert_eq!(routing(&policy, &context.clone().amount(5)), "[Route(zadarma/sms)]");
        assert_eq!(routing(&policy, &context.amount(4)), "deny - no_route");
    }

    #[test]
    fn a_missing_fact_is_read_the_careful_way() {
        let transfer = action("transfer");
        let unknown = Context::new(&transfer);
        for condition in ["amount = { gte = 1000 }", "amount = { not = { gte = 1000 } }", r#"currency = "EUR""#] {
            let rule = |answer: &str| policy(&format!("[[step_up]]\nname = \"s\"\nwhen = {{ {condition} }}\n{answer}"));
            assert_eq!(step(&rule(r#"require = { acr = "phone" }"#), &unknown), "require s", "{condition}");
            assert_eq!(step(&rule(r#"deny = "no""#), &unknown), "deny s", "{condition}");
            let allowed = rule("allow = true\n[[step_up]]\nname = \"rest\"\ndeny = \"no\"");
            assert_eq!(step(&allowed, &unknown), "deny rest", "{condition}");
        }
        for condition in [r#"phone.region = "LV""#, r#"phone.region = { not = "LV" }"#] {
            let rule = |answer: &str| {
                parse(&format!("version = 1\n[[route]]\nname = \"r\"\nwhen = {{ {condition} }}\n{answer}"))
            };
            let no_country = unknown.clone().phone(&phone("+80012345678"));
            for context in [&unknown, &no_country] {
                assert_eq!(routing(&rule(r#"deny = "no""#).unwrap(), context), "deny r no", "{condition}");
                assert_eq!(
                    routing(&rule(r#"try = ["zadarma/sms"]"#).unwrap(), context),
                    "deny - no_route",
                    "{condition}"
                );
            }
        }
    }

    #[test]
    fn what_is_known_to_be_false_excludes_even_when_another_fact_is_missing() {
        let policy = policy(
            "[[step_up]]\nname = \"s\"\nwhen = { action = \"transfer\", amount = { gte = 1000 } }\nrequire = { acr = \"phone\" }",
        );
        assert_eq!(step(&policy, &Context::new(&action("sign_in"))), "allow");
        assert_eq!(step(&policy, &Context::new(&action("transfer"))), "require s");
        assert_eq!(step(&policy, &Context::new(&action("transfer")).amount(999)), "allow");
    }

    #[test]
    fn guards_tells_which_actions_can_be_asked() {
        let policy = policy(
            r#"
            [[step_up]]
            name = "health"
            when = { action = "health" }
            allow = true
            [[step_up]]
            name = "office"
            when = { client.ip = { cidr = "10.0.0.0/8" } }
            allow = true
            [[step_up]]
            name = "rest"
            when = { action = { not = "read" } }
            require = { acr = "phone", max_age = "1h" }
            "#,
        );
        for (name, guarded) in [("health", false), ("read", false), ("transfer", true)] {
            assert_eq!(policy.guards(&action(name)), guarded, "{name}");
        }
    }

    #[test]
    fn g3_the_hash_names_the_text() {
        assert_eq!(policy("").hash(), policy("").hash());
        assert_ne!(policy("").hash(), policy("# a comment").hash());
    }
}

mod faults {
    use super::*;

    #[test]
    fn g1_a_mistake_has_its_file_line_and_rule() {
        let rule = |section: &str, rest: &str| format!("[[{section}]]\nname = \"mine\"\n{rest}\n");
        for (mistake, line, word) in [
            (rule("route", "tyr = [\"zadarma/sms\"]"), 4, "tyr"),
            (rule("route", "try = [\"zadarma/fax\"]"), 4, "zadarma/fax"),
            (rule("route", "try = [\"nobody/sms\"]"), 4, "nobody"),
            (rule("route", "try = [\"zadarma/sms\", \"zadarma/sms\"]"), 4, "twice"),
            (rule("step_up", "when = { action = \"pay\" }"), 2, "no answer"),
        ] {
            let faults = faults_of(&mistake);
            assert!(faults.contains(&format!("policy.toml:{line}:")) && faults.contains("`mine`"), "{faults}");
            assert!(faults.contains(word), "{faults}");
        }
        // The rule below one that takes everything.
        let faults = faults_of(&rule("route", "try = [\"zadarma/sms\"]"));
        assert!(faults.contains("policy.toml:6:") && faults.contains("`everyone`"), "{faults}");
        assert!(faults.contains("never reached: `mine` above matches first"), "{faults}");
        let faults = parse("version = 1").unwrap_err().to_string();
        assert!(faults.contains("policy.toml:1:") && faults.contains("there is no `[[route]]`"), "{faults}");
    }

    macro_rules! snapshots {
        ($($name:ident: $sections:expr;)*) => {
            $(#[test]
            fn $name() {
                insta::assert_snapshot!(faults_of($sections));
            })*
        };
    }

    snapshots! {
        unknown_top_level_key: "[[rotue]]\nname = \"x\"\n[tests]\nname = \"plural\"";
        unknown_key_of_a_rule: "[[step_up]]\nname = \"s\"\nwhne = { action = \"transfer\" }\nallow = true";
        wrong_types: "[code]\ndigits = \"six\"\n[[limit]]\nname = \"l\"\non = \"begin\"\nkey = [\"phone\"]\nquota = \"5/1d\"";
        unknown_fact: "[[step_up]]\nname = \"s\"\nwhen = { actoin = \"transfer\" }\nallow = true";
        phone_fact_in_a_step_up: "[[step_up]]\nname = \"s\"\nwhen = { phone.region = \"LV\" }\ndeny = \"x\"";
        unknown_operator: "[[step_up]]\nname = \"s\"\nwhen = { amount = { min = 5 } }\ndeny = \"x\"";
        fact_named_twice: "[[route]]\nname = \"r\"\nwhen = { \"phone.region\" = \"LV\", phone.region = \"EE\" }\ndeny = \"x\"";
        not_in_not: "[[step_up]]\nname = \"s\"\nwhen = { amount = { not = { not = 5 } } }\ndeny = \"x\"";
        empty_range: "[[step_up]]\nname = \"s\"\nwhen = { amount = { gt = 5, lt = 6 } }\ndeny = \"x\"";
        bad_values: "[[route]]\nname = \"r\"\nwhen = { phone.region = [\"LV\", \"latvia\"], phone.type = \"cell\", \
                     client.ip = { cidr = \"10.1.2.3/8\" } }\ndeny = \"x\"";
        unknown_routes: "[[route]]\nname = \"r\"\nwhen = { action = \"a\" }\n\
                         try = [\"numchek/flash_call\", \"numcheck/sms\", \"zadarma/telegram\", \"zadarma\", \"zadarma/sms\", \"zadarma/sms\"]";
        no_answer_and_two_answers: "[[step_up]]\nname = \"a\"\nwhen = { action = \"a\" }\n[[step_up]]\nname = \"b\"\n\
                                    when = { action = \"b\" }\nallow = true\ndeny = \"x\"";
        never_reached: "[[route]]\nname = \"all\"\ndeny = \"maintenance\"";
        same_name_twice: "[[step_up]]\nname = \"s\"\nwhen = { action = \"a\" }\nallow = true\n\
                          [[step_up]]\nname = \"s\"\nwhen = { action = \"b\" }\nallow = true";
        no_name: "[[step_up]]\nallow = true";
        unknown_profile: "profile = \"iso-27001\"";
        settings_out_of_range: "[code]\ndigits = 3\nlifetime = \"11m\"\nattempts = 0\nresend_after = \"5\"\n[budget]\nfailures = \"101/1h\"";
        limits_that_count_nothing: "[[limit]]\nname = \"a\"\non = \"callback\"\nkey = [\"phone\"]\nquota = \"5/2y\"\n\
                                    [[limit]]\nname = \"b\"\non = \"start\"\nkey = [\"global\", \"ip\"]\nquota = \"5/1d\"\n\
                                    [[limit]]\nname = \"c\"\non = \"start\"\nkey = []\nquota = \"5/1d\"\nwhen = {}";
        bad_requirement: "[[step_up]]\nname = \"s\"\nrequire = { acr = \"two words\", max_age = \"0s\" }";
        syntax: "[code\ndigits = 6\nlifetime = 5m";
    }

    #[test]
    fn empty_file() {
        insta::assert_snapshot!(parse("").unwrap_err());
    }

    #[test]
    fn other_version() {
        insta::assert_snapshot!(parse("version = 2\nroute = []").unwrap_err());
    }

    #[test]
    fn a_long_line_is_cut_around_the_fault() {
        let list = "\"LV\", ".repeat(100);
        insta::assert_snapshot!(faults_of(&format!(
            "[[route]]\nname = \"r\"\nwhen = {{ phone.region = [{list}\"XX\", {list}] }}\ndeny = \"x\""
        )));
    }

    #[test]
    fn faults_are_told_to_programs_too() {
        let errors = parse("version = 1\n[[route]]\nname = \"r\"\ntry = [\"nobody/sms\"]").unwrap_err();
        let faults: Vec<_> = errors.iter().collect();
        let [fault] = faults.as_slice() else { panic!("{errors}") };
        assert_eq!((fault.file.as_str(), fault.line, fault.column), ("policy.toml", 4, 8));
        assert_eq!(fault.rule.as_ref().map(RuleName::as_str), Some("r"));
        assert_eq!(format!("{errors:?}"), errors.to_string());
        assert_eq!(Error::from(errors).kind(), ErrorKind::Misconfigured);
    }

    #[test]
    fn a_file_of_faults_does_not_fill_the_screen() {
        let text: String = (0..200).fold(String::new(), |mut text, n| {
            writeln!(text, "x{n} = 1").unwrap();
            text
        });
        let errors = parse(&text).unwrap_err();
        assert_eq!(errors.iter().count(), 50);
        assert!(errors.to_string().ends_with("more"));
    }

    #[test]
    fn a_file_that_is_too_long_is_not_read() {
        let text = format!("version = 1\n# {}", "x".repeat(1024 * 1024));
        assert!(parse(&text).unwrap_err().to_string().contains("1024 KiB"));
    }

    #[test]
    fn a_file_of_syntax_errors_is_refused_without_telling_all() {
        let errors = parse(&"=\n".repeat(30_000)).unwrap_err();
        assert!((1..=50).contains(&errors.iter().count()));
    }

    #[test]
    fn what_would_turn_a_terminal_around_is_not_shown() {
        let shown = faults_of("\"\u{202e}\\u001b[31m\" = 1 # \u{202e}\u{202e}");
        assert!(!shown.contains(['\u{202e}', '\u{1b}']), "{shown}");
    }
}

mod properties {
    use super::*;

    /// One generated rule: its conditions on action and amount, and what it answers.
    #[derive(Clone, Debug)]
    struct Model {
        actions: Option<(bool, Vec<u8>)>,
        least: Option<(bool, i64)>,
        answer: u8,
    }

    impl Model {
        fn write(&self, position: usize) -> String {
            let mut when = Vec::new();
            if let Some((negated, actions)) = &self.actions {
                let list = actions.iter().map(|a| format!("\"a{a}\"")).collect::<Vec<_>>().join(", ");
                when.push(if *negated {
                    format!("action = {{ not = [{list}] }}")
                } else {
                    format!("action = [{list}]")
                });
            }
            if let Some((negated, least)) = self.least {
                let range = format!("{{ gte = {least} }}");
                when.push(if negated { format!("amount = {{ not = {range} }}") } else { format!("amount = {range}") });
            }
            let answer = ["allow = true", "deny = \"x\"", "require = { acr = \"phone\" }"][usize::from(self.answer)];
            format!("[[step_up]]\nname = \"r{position}\"\nwhen = {{ {} }}\n{answer}\n", when.join(", "))
        }

        fn matches(&self, action: u8, amount: Option<i64>) -> bool {
            let by_action = self.actions.as_ref().is_none_or(|(negated, list)| list.contains(&action) != *negated);
            let by_amount = self.least.is_none_or(|(negated, least)| match amount {
                Some(amount) => (amount >= least) != negated,
                None => self.answer != 0,
            });
            by_action && by_amount
        }

        fn shown(&self, position: usize) -> String {
            match self.answer {
                0 => "allow".to_owned(),
                1 => format!("deny r{position}"),
                _ => format!("require r{position}"),
            }
        }
    }

    fn model() -> impl Strategy<Value = Model> {
        let actions = proptest::option::of((any::<bool>(), proptest::collection::vec(0..4_u8, 1..3)));
        let least = proptest::option::of((any::<bool>(), -2..3_i64));
        (actions, least, 0..3_u8).prop_map(|(actions, least, answer)| Model { actions, least, answer })
    }

    fn expected(rules: &[Model], action: u8, amount: Option<i64>) -> String {
        let deciding = rules.iter().enumerate().find(|(_, rule)| rule.matches(action, amount));
        deciding.map_or_else(|| "allow".to_owned(), |(position, rule)| rule.shown(position))
    }

    proptest! {
        #[test]
        fn decisions_agree_with_reading_the_rules_one_by_one(rules in proptest::collection::vec(model(), 0..8)) {
            let sections: String = rules.iter().enumerate().map(|(position, rule)| rule.write(position)).collect();
            let requests = || (0..5_u8).flat_map(|a| (-3..4).map(Some).chain([None]).map(move |amount| (a, amount)));
            let text = format!("version = 1\n{sections}[[route]]\nname = \"r\"\ndeny = \"x\"");
            match parse(&text) {
                Ok(policy) => for (number, amount) in requests() {
                    let action = action(&format!("a{number}"));
                    let context = Context::new(&action);
                    let context = match amount { Some(amount) => context.amount(amount), None => context };
                    let decision = step(&policy, &context);
                    prop_assert_eq!(&decision, &expected(&rules, number, amount), "{}\n{:?}", text, amount);
                    prop_assert!(policy.guards(&action) || decision == "allow");
                },
                // Only rules that are never reached are refused: without them every decision is the same.
                Err(errors) => for fault in &errors {
                    prop_assert!(fault.message.contains("never reached"), "{}", errors);
                    let hidden: usize = fault.rule.as_ref().unwrap().as_str().trim_start_matches('r').parse().unwrap();
                    for (number, amount) in requests() {
                        let first = rules.iter().position(|rule| rule.matches(number, amount));
                        prop_assert_ne!(first, Some(hidden), "{}", errors);
                    }
                },
            }
        }

        #[test]
        fn any_text_is_a_policy_or_is_refused(text in "\\PC{0,200}") {
            let _ = parse(&text);
        }

        #[test]
        fn any_tokens_are_a_policy_or_are_refused(
            tokens in proptest::collection::vec(proptest::sample::select(TOKENS), 0..60)
        ) {
            if let Err(errors) = parse(&tokens.concat()) {
                prop_assert!(!errors.to_string().is_empty());
                prop_assert!(errors.iter().all(|fault| fault.line > 0 && fault.column > 0 && !fault.help.is_empty()));
            }
        }
    }

    const TOKENS: &[&str] = &[
        "version = 1\n",
        "[code]\n",
        "[[route]]\n",
        "[[step_up]]\n",
        "[[limit]]\n",
        "[budget]\n",
        "[lists]\n",
        "[signals]\n",
        "[shadow]\n",
        "[test_numbers]\n",
        "[[test]]\n",
        "include = ",
        "any = ",
        "none = ",
        "in = ",
        "glob = ",
        "given = ",
        "expect = ",
        "file = ",
        "recycled = ",
        "subject.age = ",
        "on_missing = ",
        "\"deny\"",
        "name = ",
        "when = ",
        "try = ",
        "deny = ",
        "require = ",
        "digits = ",
        "quota = ",
        "\"x\"",
        "\"numcheck/flash_call\"",
        "\"5m\"",
        "\"5/1d\"",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "\n",
        "action = ",
        "amount = ",
        "not = ",
        "gte = ",
        "phone.region = ",
        "client.ip = ",
        "cidr = ",
        "\"LV\"",
        "7",
        "-9223372036854775808",
        "99999999999999999999",
        "1.5",
        "true",
        "1979-05-27",
        "é",
        "\t",
        "\r\n",
        "#",
        "\"\"\"",
        "'",
        "=",
        "phone = ",
        "[route.when]\n",
        "[[route.when]]\n",
        "currency = ",
        "\\",
        "\u{0}",
    ];
}
