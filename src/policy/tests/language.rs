//! What the language says: each operator, each kind of fact, files that name files, and the faults of all of them.

use std::time::SystemTime;

use super::*;
use crate::policy::{Decision, Health, OnMissing, Section, SignalValue, Signals, Why};

const ROUTE: &str = "[[route]]\nname = \"everyone\"\ntry = [\"numcheck/flash_call\"]\n";

/// Whether a route rule with these conditions matches.
fn matches(policy_before: &str, when: &str, context: &Context<'_>) -> bool {
    let text = format!(
        "version = 1\n{policy_before}\n[[route]]\nname = \"r\"\nwhen = {{ {when} }}\ntry = [\"zadarma/sms\"]\n"
    );
    let policy = parse(&text).unwrap_or_else(|errors| panic!("{errors}"));
    let matched = policy.matching(Section::Route, context).contains(0);
    let rule = policy.rules(Section::Route).next().unwrap();
    if rule.when().groups().is_empty() {
        assert_eq!(matched, rule.when().conditions().iter().all(|c| c.holds(context) == Some(true)), "{when}");
    }
    matched
}

/// The second of the week: Monday, 5 January 1970, is the first of that year.
fn monday(hour: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(4 * 86_400 + hour * 3600)
}

#[test]
fn each_fact_is_compared_in_its_own_way() {
    let pay = action("pay.fast");
    let health = Health::new().with("zadarma", true).with("numcheck", false);
    let context = Context::new(&pay)
        .phone(&phone("+37126123456"))
        .payee_known(false)
        .client_ip("2001:db8::1".parse().unwrap())
        .client_ip_region("EE".parse().unwrap())
        .client_mobile_data(true)
        .client_platform("iOS 26.1")
        .subject_known(true)
        .subject_age(Duration::from_secs(90_000))
        .subject_had_verified_phone(false)
        .subject_failures(3)
        .check_legs(1)
        .channels_tried([Channel::Sms, Channel::FlashCall])
        .at(monday(22))
        .providers(&health);
    for (when, holds) in [
        (r#"action = { prefix = "pay." }"#, true),
        (r#"action = { prefix = ["read", "write"] }"#, false),
        (r#"action = { glob = "p?y.*" }"#, true),
        (r#"action = { not = { glob = "*fast" } }"#, false),
        ("payee_known = false", true),
        ("payee_known = { not = false }", false),
        (r#"client.ip = { cidr = "::/0" }"#, true),
        (r#"client.ip = { cidr = "0.0.0.0/0" }"#, false),
        (r#"client.ip_region = ["EE", "LT"]"#, true),
        (r#"client = { ip_region = "LV", mobile_data = true }"#, false),
        ("client.mobile_data = true", true),
        (r#"client.platform = { prefix = "iOS" }"#, true),
        (r#"client.platform = { glob = "* 2?.*" }"#, true),
        (r#"client.platform = "ios 26.1""#, false),
        ("subject.known = true", true),
        (r#"subject.age = { gte = "25h" }"#, true),
        (r#"subject.age = { gt = "25h" }"#, false),
        (r#"subject.age = { gte = "1d", lt = "30d" }"#, true),
        ("subject.had_verified_phone = true", false),
        ("subject.failures = { gte = 3 }", true),
        ("subject.failures = [0, 1, 2]", false),
        ("check.legs = { gt = 0 }", true),
        (r#"check.channels_tried = "flash_call""#, true),
        (r#"check.channels_tried = ["email", "voice_code"]"#, false),
        (r#"check.channels_tried = { not = "sms" }"#, false),
        ("time.hour = { gte = 22 }", true),
        ("time.hour = [21, 23]", false),
        (r#"time.weekday = "monday""#, true),
        (r#"time.weekday = { not = ["saturday", "sunday"] }"#, true),
        ("provider.zadarma.healthy = true", true),
        ("provider.numcheck.healthy = true", false),
        ("phone.test = false", true),
        ("phone.test = true", false),
        (r#"any = [{ action = "read" }, { payee_known = false }]"#, true),
        (r#"any = [{ action = "read" }, { payee_known = true }]"#, false),
        (r#"all = [{ payee_known = false }, { time.hour = 22 }]"#, true),
        (r#"none = [{ action = "read" }, { payee_known = false, time.hour = 3 }]"#, true),
        (r#"none = [{ action = "read" }, { payee_known = false, time.hour = 22 }]"#, false),
        (r#"any = [{ none = [{ payee_known = false }] }, { all = [{ any = [{ time.hour = 22 }] }] }]"#, true),
    ] {
        assert_eq!(matches("", when, &context), holds, "{when}");
    }
}

#[test]
fn a_list_is_read_as_the_facts_that_name_it() {
    let pay = action("pay");
    let context = Context::new(&pay)
        .phone(&phone("+37126123456"))
        .client_ip("192.0.2.7".parse().unwrap())
        .client_platform("web")
        .amount(7);
    let lists = r#"
        [lists]
        blocked = ["+1900", "+37126"]
        others = ["+1900"]
        office = ["192.0.2.0/24", "2001:db8::1"]
        words = ["web", "LV", "pay"]
        amounts = [1, 7]
        empty = []
    "#;
    for (when, holds) in [
        (r#"phone.prefix = { in = "blocked" }"#, true),
        (r#"phone.prefix = { in = "others" }"#, false),
        (r#"phone.prefix = { not = { in = "others" } }"#, true),
        (r#"client.ip = { in = "office" }"#, true),
        (r#"client.platform = { in = "words" }"#, true),
        (r#"action = { not = { in = "empty" } }"#, true),
        (r#"action = { in = "empty" }"#, false),
        (r#"amount = { in = "amounts" }"#, true),
        (r#"amount = { not = { in = "amounts" } }, phone.prefix = { in = "blocked" }"#, false),
    ] {
        assert_eq!(matches(lists, when, &context), holds, "{when}");
    }
}

#[test]
fn c7_a_rule_says_what_it_does_without_its_signal() {
    let pay = action("pay");
    let nothing = Context::new(&pay);
    let (fine, risky) = (Signals::new().with_fresh("recycled", false), Signals::new().with_fresh("recycled", true));
    for (on_missing, answer, expected) in [
        ("assume_risky", "deny = \"no\"", ["deny r", "allow", "deny r"]),
        ("skip_rule", "deny = \"no\"", ["allow", "allow", "deny r"]),
        ("deny", "deny = \"no\"", ["deny r", "allow", "deny r"]),
        ("deny", "require = { acr = \"phone\" }", ["deny r", "allow", "require r"]),
        ("assume_risky", "require = { acr = \"phone\" }", ["require r", "allow", "require r"]),
        ("assume_risky", "allow = true", ["allow", "allow", "allow"]),
        ("deny", "allow = true", ["deny r", "allow", "allow"]),
    ] {
        let policy = policy(&format!(
            "[[step_up]]\nname = \"r\"\nwhen = {{ recycled = true }}\non_missing = \"{on_missing}\"\n{answer}"
        ));
        let steps =
            [&nothing, &nothing.clone().signals(&fine), &nothing.clone().signals(&risky)].map(|c| step(&policy, c));
        assert_eq!(steps, expected, "{on_missing} {answer}");
        assert!(policy.guards(&pay) != (answer == "allow = true" && on_missing != "deny"));
    }
}

#[test]
fn a_rule_that_sends_takes_the_riskiest_value_for_a_missing_signal() {
    let pay = action("pay");
    let context = Context::new(&pay);
    for (signals, when, expected) in [
        ("", "recycled = true", true),
        ("", "recycled = false", false),
        ("", "risk_score = { gte = 70 }", true),
        ("", "risk_score = { lt = 70 }", false),
        ("", r#"sim_swapped_at = { lt = "7d" }"#, true),
        ("", r#"sim_swapped_at = { gte = "7d" }"#, false),
        ("[signals]\nrisk_score = { risky = \"low\" }", "risk_score = { lt = 70 }", true),
        ("[signals]\ntrusted = { type = \"boolean\", expires = \"1h\", risky = false }", "trusted = true", false),
        ("[signals]\ntrusted = { type = \"boolean\", expires = \"1h\", risky = false }", "trusted = false", true),
        ("[signals]\nvendor = { type = \"text\", expires = \"1h\" }", "vendor = \"good\"", false),
    ] {
        let text = format!(
            "version = 1\n{signals}\n[[route]]\nname = \"r\"\nwhen = {{ {when} }}\non_missing = \"assume_risky\"\n\
             try = [\"zadarma/sms\"]"
        );
        let policy = parse(&text).unwrap();
        assert_eq!(matches!(policy.route(&context), Routing::Try(_)), expected, "{when}");
    }
}

#[test]
fn an_old_signal_is_a_missing_one() {
    let pay = action("pay");
    let policy = policy(
        "[signals]\nrisk_score = { expires = \"10m\" }\n[[step_up]]\nname = \"r\"\nwhen = { risk_score = { gte = 70 } }\n\
         on_missing = \"assume_risky\"\ndeny = \"no\"",
    );
    let signals = Signals::new().with("risk_score", 10, monday(1));
    let at = |minutes: u64| Context::new(&pay).signals(&signals).at(monday(1) + Duration::from_secs(minutes * 60));
    assert_eq!(step(&policy, &at(10)), "allow");
    assert_eq!(step(&policy, &at(11)), "deny r");
    let score = policy.signals().find(|signal| signal.name == "risk_score").unwrap();
    assert_eq!(score.expires, Duration::from_secs(600));
}

#[test]
fn a_route_has_settings_of_its_own() {
    let policy = parse(
        "version = 1\n[code]\nattempts = 4\n[[route]]\nname = \"r\"\ntry = [\"zadarma/sms\"]\ndigits = 8\nlifetime = \"2m\"\n\
         attempts = 3\npreflight = true\nmessage = \"{code} is your code\"\nwhen = { action = \"pay\" }\n[[route]]\n\
         name = \"plain\"\ntry = [\"zadarma/sms\"]",
    )
    .unwrap();
    let Routing::Try(plan) = policy.route(&Context::new(&action("pay"))) else { panic!("no plan") };
    assert_eq!((plan.code.digits, plan.code.attempts, plan.preflight), (8, 3, true));
    assert_eq!((plan.code.lifetime, plan.code.resend), (Duration::from_secs(120), Resend::Reuse));
    assert_eq!(plan.message.as_deref(), Some("{code} is your code"));
    let Routing::Try(plan) = policy.route(&Context::new(&action("sign_in"))) else { panic!("no plan") };
    assert_eq!((&plan.code, plan.message), (policy.code(), None));
}

#[test]
fn h3_test_numbers_are_exact_and_end_on_their_day() {
    let policy = parse(
        "version = 1\n[test_numbers]\nnumbers = [\"+12025550100\"]\ncode = \"000000\"\nexpires = 1970-01-06\nquota = \"3/1d\"\n\
         [[route]]\nname = \"tests\"\nwhen = { phone.test = true }\ndeny = \"test\"\n[[route]]\nname = \"all\"\n\
         try = [\"zadarma/sms\"]",
    )
    .unwrap();
    let numbers = policy.test_numbers().unwrap();
    let (test, other) = (phone("+12025550100"), phone("+12025550101"));
    assert!(
        numbers.is_test(&test, monday(23))
            && !numbers.is_test(&test, monday(24))
            && !numbers.is_test(&other, monday(0))
    );
    assert_eq!((numbers.code.expose(), numbers.limit.quota.to_string().as_str()), ("000000", "3/1d"));
    assert!(!format!("{numbers:?}").contains("2025550100") && !format!("{numbers:?}").contains("000000"));
    let pay = action("pay");
    let ask = |phone: &PhoneNumber, hour| routing(&policy, &Context::new(&pay).phone(phone).at(monday(hour)));
    assert_eq!(ask(&test, 23), "deny tests test");
    assert_eq!(ask(&test, 24), "[Route(zadarma/sms)]");
    assert_eq!(ask(&other, 1), "[Route(zadarma/sms)]");
}

#[test]
fn included_rules_come_first_and_sections_stand_in_one_file() {
    let main = format!("version = 1\ninclude = [\"a.toml\", \"more/b.toml\"]\n{ROUTE}");
    let a = "[code]\ndigits = 8\n[[route]]\nname = \"a\"\nwhen = { phone.prefix = { in = \"bad\" } }\ndeny = \"a\"";
    let b = "include = [\"c.toml\"]\n[[route]]\nname = \"b\"\nwhen = { action = \"b\" }\ndeny = \"b\"\n[lists]\nbad = { file = \"bad.txt\" }";
    let c = "[[route]]\nname = \"c\"\nwhen = { action = \"c\" }\ndeny = \"c\"";
    let sources = |list: &str| {
        Sources::new("conf/policy.toml", main.as_str())
            .with("a.toml", a)
            .with("more/b.toml", b)
            .with("more/c.toml", c)
            .with("more/bad.txt", list)
    };
    let policy = Policy::compile(&sources("# bad ones\n+1900 # dear\n\n+37126\r\n"), &catalogue()).unwrap();
    let rules: Vec<_> =
        policy.rules(Section::Route).map(|rule| (rule.name().as_str(), rule.file(), rule.line())).collect();
    assert_eq!(
        rules,
        [
            ("a", "conf/a.toml", 3),
            ("c", "conf/more/c.toml", 1),
            ("b", "conf/more/b.toml", 2),
            ("everyone", "conf/policy.toml", 3)
        ]
    );
    assert_eq!(policy.code().digits, 8);
    let pay = action("pay");
    assert_eq!(routing(&policy, &Context::new(&pay).phone(&phone("+37126123456"))), "deny a a");
    assert_eq!(routing(&policy, &Context::new(&pay).phone(&phone("+37167123456"))), "[Route(numcheck/flash_call)]");
    let other = Policy::compile(&sources("+1900"), &catalogue()).unwrap();
    assert_ne!(policy.hash(), other.hash(), "a list is part of the policy");
}

#[test]
fn policies_are_read_from_files() {
    let folder = std::env::temp_dir().join(format!("handset-policy-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("lists")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("policy.toml", &format!("version = 1\ninclude = [\"deny.toml\"]\n[shadow]\nfile = \"next.toml\"\n{ROUTE}"));
    write(
        "deny.toml",
        "[[route]]\nname = \"d\"\nwhen = { phone.prefix = { in = \"bad\" } }\ndeny = \"d\"\n[lists]\nbad = { file = \"lists/bad.txt\" }",
    );
    write("lists/bad.txt", "+1900\n");
    write("next.toml", &format!("version = 1\n{ROUTE}"));
    let policy = Policy::load(folder.join("policy.toml"), &catalogue()).unwrap();
    assert_eq!(policy.rules(Section::Route).count(), 2);
    let shadow = policy.shadow().unwrap();
    assert_eq!(shadow.rules(Section::Route).count(), 1);
    assert_ne!(policy.hash(), shadow.hash());

    std::fs::remove_file(folder.join("lists/bad.txt")).unwrap();
    let missing = Policy::load(folder.join("policy.toml"), &catalogue()).unwrap_err();
    assert!(format!("{missing:?}").contains("`lists/bad.txt` cannot be read"), "{missing:?}");
    assert_eq!(Policy::load(folder.join("none.toml"), &catalogue()).unwrap_err().kind(), ErrorKind::Misconfigured);
    assert!(Policy::load(&folder, &catalogue()).is_err(), "a folder is no policy");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn cases_say_what_they_expect_and_what_came() {
    let policy = parse(
        r#"
        version = 1
        [signals]
        vendor_risk = { type = "integer", expires = "1h" }
        [[step_up]]
        name = "risky"
        when = { vendor_risk = { gte = 50 }, subject.age = { lt = "1d" } }
        on_missing = "skip_rule"
        require = { acr = "phone" }
        [[route]]
        name = "latvia"
        when = { phone.region = "LV", check.channels_tried = { not = "sms" }, provider.zadarma.healthy = true, time.weekday = "friday" }
        try = ["zadarma/sms", "zadarma/voice_code"]
        [[test]]
        name = "a"
        given = { action = "pay", vendor_risk = 50, subject = { age = "23h" } }
        expect = { rule = "risky", require = "phone" }
        [[test]]
        name = "b"
        given = { phone = "+37126123456", action = "pay", time = 2026-05-01T12:00:00Z, check.channels_tried = ["email"], provider.zadarma.healthy = true }
        expect = { try = ["zadarma/sms", "zadarma/voice_code"] }
        [[test]]
        name = "c"
        given = { phone = "+37126123456", action = "pay", client.ip = "::ffff:192.0.2.1" }
        expect = { rule = "latvia" }
        [[test]]
        name = "d"
        given = { phone = "+37126123456", action = "pay" }
        expect = { deny = "no_route" }
        [[test]]
        name = "e"
        given = { action = "pay" }
        expect = { allow = true }
        "#,
    )
    .unwrap();
    let results: Vec<_> = policy.cases().iter().map(|case| case.run(&policy)).collect();
    let shown: Vec<_> =
        results.iter().map(|r| format!("{} {}: {} / {}", r.case, r.passed, r.expected, r.found)).collect();
    assert_eq!(
        shown,
        [
            "a true: require phone, by `risky` / require phone, by `risky`",
            "b true: try zadarma/sms, zadarma/voice_code / try zadarma/sms, zadarma/voice_code, by `latvia`",
            "c false: by `latvia` / deny no_route, by no rule",
            "d true: deny no_route / deny no_route, by no rule",
            "e true: allow / allow, by no rule",
        ]
    );
    assert_eq!((results[2].file.as_str(), results[2].line), ("policy.toml", 22));
    let given = policy.given("facts", "action = \"pay\"\nvendor_risk = 70\nsubject.age = \"1h\"").unwrap();
    assert_eq!(policy.evaluate(Section::StepUp, &given.context()).decision.to_string(), "require phone");
    insta::assert_snapshot!(policy.given("facts", "vendor_risk = \"high\"\nfoo = 1").unwrap_err());
}

#[test]
fn rules_can_be_looked_at() {
    let policy = policy(
        "[[step_up]]\nname = \"s\"\nwhen = { amount = { gte = 5 }, any = [{ recycled = true }, { client.ip = { cidr = \"10.0.0.0/8\" } }] }\n\
         on_missing = \"deny\"\nrequire = { acr = \"phone\" }",
    );
    let rule = policy.rules(Section::StepUp).next().unwrap();
    let conditions: Vec<_> =
        rule.when().every_condition().iter().map(|c| (c.fact(), c.to_string(), c.is_on_signal())).collect();
    assert_eq!(
        conditions,
        [
            ("amount", "amount = { gte = 5 }".to_owned(), false),
            ("recycled", "recycled = true".to_owned(), true),
            ("client.ip", "client.ip = { cidr = \"10.0.0.0/8\" }".to_owned(), false),
        ]
    );
    assert_eq!(rule.on_missing(), Some(OnMissing::Deny));
    assert_eq!((rule.line(), rule.file(), rule.position()), (2, "policy.toml", 0));
    let Decision::Require(requirement) = rule.answer() else { panic!("{rule:?}") };
    assert_eq!(&*requirement.acr, "phone");
    assert_eq!(
        rule.when().groups()[0].text(),
        r#"any = [{ recycled = true }, { client.ip = { cidr = "10.0.0.0/8" } }]"#
    );
}

#[test]
fn a_trace_says_what_stopped_each_rule_and_hides_the_number() {
    let policy = parse(
        r#"
        version = 1
        [[route]]
        name = "blocked"
        when = { phone.prefix = ["+3716", "+1"] }
        deny = "blocked"
        [[route]]
        name = "swapped"
        when = { sim_swapped_at = { lt = "3d" } }
        on_missing = "skip_rule"
        deny = "swapped"
        [[route]]
        name = "dear"
        when = { any = [{ amount = { gte = 5 } }, { client.ip = { cidr = "10.0.0.0/8" } }] }
        try = ["zadarma/voice_code"]
        [[route]]
        name = "others"
        when = { payee_known = { not = true } }
        deny = "others"
        "#,
    )
    .unwrap();
    let pay = action("pay");
    let signals = Signals::new().with_fresh("sim_swapped_at", SignalValue::Ago(Duration::from_secs(432_000)));
    let context = Context::new(&pay).phone(&phone("+37126123456")).client_ip("192.0.2.7".parse().unwrap());
    let trace = policy.explain(Section::Route, &context.clone().signals(&signals));
    let json = serde_json::to_string_pretty(&trace).unwrap();
    assert!(!json.contains("126123456"));
    insta::assert_snapshot!(json.replace(policy.hash(), "[hash]"));
    let without = policy.explain(Section::Route, &context);
    assert_eq!(without.rules[1].stopped_by.as_ref().unwrap().why, Why::Skipped);
}

#[test]
fn a_list_of_many_entries_loads_and_decides() {
    let entries: String = (0..100_000).fold(String::new(), |mut text, n| {
        writeln!(text, "+1{:07}", 2_000_000 + n * 7).unwrap();
        text
    });
    let sources = Sources::new(
        "policy.toml",
        format!("version = 1\n[lists]\nbad = {{ file = \"bad.txt\" }}\n[[route]]\nname = \"bad\"\nwhen = {{ phone.prefix = {{ in = \"bad\" }} }}\ndeny = \"bad\"\n{ROUTE}"),
    )
    .with("bad.txt", entries);
    let policy = Policy::compile(&sources, &catalogue()).unwrap();
    let pay = action("pay");
    for (number, listed) in [("+12025550100", (2_025_550 - 2_000_000) % 7 == 0), ("+37126123456", false)] {
        let denied = matches!(policy.route(&Context::new(&pay).phone(&phone(number))), Routing::Deny { .. });
        assert_eq!(denied, listed, "{number}");
    }
}

mod faults {
    use super::*;

    /// The faults of a policy of several files.
    fn of(files: &[(&str, &str)]) -> String {
        let mut files = files.iter();
        let (name, text) = files.next().unwrap();
        let sources = files.fold(Sources::new(*name, *text), |sources, (name, text)| sources.with(*name, *text));
        Policy::compile(&sources, &catalogue()).unwrap_err().to_string()
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
        values_of_other_types: "[[route]]\nname = \"r\"\nwhen = { payee_known = \"yes\", subject.failures = -1, subject.age = \"7d\", \
                                time.hour = 24, time.weekday = \"Monday\", check.channels_tried = \"telegram\", amount = \"5\" }\ndeny = \"x\"";
        ages_are_compared: "[[step_up]]\nname = \"s\"\nwhen = { subject.age = { lt = 7 } }\ndeny = \"x\"";
        operators_stand_alone: "[[step_up]]\nname = \"s\"\nwhen = { action = { prefix = \"a\", glob = \"b\" } }\ndeny = \"x\"";
        empty_groups: "[[step_up]]\nname = \"s\"\nwhen = { any = [], all = [{}], none = 5 }\ndeny = \"x\"";
        groups_too_deep: &format!("[[step_up]]\nname = \"s\"\nwhen = {{ {}action = \"a\"{} }}\ndeny = \"x\"", "any = { ".repeat(9), " }".repeat(9));
        lists_that_are_none: "[lists]\na = 5\nb = { path = \"x\" }\nC = []\n[[step_up]]\nname = \"s\"\n\
                              when = { action = { in = \"d\" }, amount = { in = [\"a\"] } }\ndeny = \"x\"";
        list_of_other_values: "[lists]\na = [\"+371\", \"371\", \"x\"]\n[[route]]\nname = \"s\"\nwhen = { phone.prefix = { in = \"a\" } }\ndeny = \"x\"";
        signal_without_on_missing: "[[step_up]]\nname = \"s\"\nwhen = { any = [{ recycled = true }, { amount = 5 }] }\ndeny = \"x\"";
        on_missing_without_signal: "[[step_up]]\nname = \"s\"\nwhen = { amount = 5 }\non_missing = \"deny\"\ndeny = \"x\"";
        on_missing_of_another_kind: "[[step_up]]\nname = \"s\"\nwhen = { recycled = true }\non_missing = \"ignore\"\ndeny = \"x\"";
        bad_signals: "[signals]\nrisk_score = { type = \"boolean\" }\namount = { type = \"integer\", expires = \"1h\" }\n\
                      a = { type = \"integer\" }\nb = { type = \"float\", expires = \"1h\" }\nc = { type = \"text\", expires = \"1h\", risky = true }\n\
                      D = { type = \"text\", expires = \"1h\" }\ne = { type = \"boolean\", expires = \"40d\" }";
        unknown_provider_fact: "[[route]]\nname = \"r\"\nwhen = { provider.nobody.healthy = true }\ndeny = \"x\"";
        settings_of_a_rule_that_denies: "[[route]]\nname = \"r\"\nwhen = { action = \"a\" }\ndeny = \"x\"\ndigits = 6\nmessage = \"{code}\"";
        bad_settings_of_a_route: "[[route]]\nname = \"r\"\nwhen = { action = \"a\" }\ntry = [\"zadarma/sms\"]\ndigits = 4\n\
                                  lifetime = \"20s\"\nattempts = 11\nmessage = \"no code\"";
        bad_test_numbers: "[test_numbers]\nnumbers = [\"+1202555*\", \"+12025550100\", \"+12025550100\", \"+1 202 555 0101\"]\ncode = \"1234\"\n\
                           expires = 2027-01-31T00:00:00Z\nquota = \"many\"";
        bad_cases: "[[test]]\nname = \"a\"\nexpect = { allow = true }\n[[test]]\nname = \"b\"\ngiven = { amount = \"5\", phone.region = \"LV\" }\n\
                    expect = { rule = \"nobody\" }\n[[test]]\nname = \"c\"\ngiven = { action = \"a\", phone = \"26123456\", time = 2026-01-01 }\n\
                    expect = { allow = true, deny = \"x\" }\n[[test]]\nname = \"d\"\ngiven = { amount = 1 }\nexpect = { allow = true }";
        files_that_are_not_there: "include = [\"a.toml\", \"../b.toml\", \"/etc/passwd\"]\n[shadow]\nfile = \"next.toml\"\n[lists]\na = { file = \"a.txt\" }";
        a_wider_rule_above: "[[step_up]]\nname = \"a\"\nwhen = { amount = { gte = 5 } }\ndeny = \"x\"\n[[step_up]]\nname = \"b\"\n\
                             when = { amount = { gte = 10, lt = 20 }, action = \"a\" }\ndeny = \"x\"";
    }

    #[test]
    fn circles_of_files() {
        let a = "include = [\"b.toml\"]\n";
        let main = format!("version = 1\ninclude = [\"a.toml\", \"b.toml\"]\n{ROUTE}");
        insta::assert_snapshot!(of(&[("policy.toml", &main), ("a.toml", a), ("b.toml", "include = [\"a.toml\"]\n")]));
    }

    #[test]
    fn faults_of_other_files() {
        let main = format!(
            "version = 1\ninclude = [\"a.toml\"]\n[code]\ndigits = 7\n{ROUTE}[lists]\nbad = {{ file = \"bad.txt\" }}\n"
        );
        let a = "[code]\ndigits = 8\n[[route]]\nname = \"everyone\"\nwhen = { phone.prefix = { in = \"bad\" } }\ndeny = \"x\"\n";
        insta::assert_snapshot!(of(&[
            ("conf/policy.toml", &main),
            ("a.toml", a),
            ("bad.txt", "+371\n# fine\n  371 # not\n")
        ]));
    }

    #[test]
    fn faults_of_the_shadow() {
        let main = format!("version = 1\n[shadow]\nfile = \"next.toml\"\n{ROUTE}");
        let next = format!("version = 1\n[shadow]\nfile = \"last.toml\"\n[code]\ndigits = 1\n{ROUTE}");
        insta::assert_snapshot!(of(&[("policy.toml", &main), ("next.toml", &next)]));
    }

    #[test]
    fn too_many_rules() {
        let rules: String = (0..16_385).fold(String::new(), |mut text, n| {
            writeln!(text, "[[step_up]]\nname = \"{n}\"\ndeny = \"x\"").unwrap();
            text
        });
        insta::assert_snapshot!(faults_of(&rules));
    }
}
