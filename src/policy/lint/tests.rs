//! What the linter says of small policies, and that it never claims too much.

mod reached;

use super::{
    reach::{Reach, Reached},
    *,
};
use crate::{
    channel::Channel,
    policy::{Policy, PolicyErrors, Sources},
};

fn catalogue() -> Catalogue {
    Catalogue::new()
        .with("numcheck", [Channel::FlashCall])
        .with_digits("numcheck", Channel::FlashCall, 4)
        .with("zadarma", [Channel::Sms, Channel::VoiceCode, Channel::Email, Channel::KeyPress])
        .with_own_words("zadarma", Channel::Sms)
        .with("idlayr", [Channel::SilentNetwork])
        .with_own_words("idlayr", Channel::SilentNetwork)
}

fn parse(text: &str) -> Result<Policy, PolicyErrors> {
    Policy::parse("policy.toml", text, &catalogue())
}

/// A policy that has nothing to warn of, with these sections.
fn policy(sections: &str) -> Policy {
    parse(&whole(sections)).unwrap_or_else(|errors| panic!("{errors}"))
}

fn whole(sections: &str) -> String {
    format!(
        "version = 1\n{sections}\n[[route]]\nname = \"everyone\"\ntry = [\"idlayr/silent_network\", \"zadarma/sms\"]\n"
    )
}

fn shown(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n")
}

fn warnings(policy: &Policy) -> String {
    let mut findings = policy.lint();
    findings.retain(|finding| finding.level == Level::Warning);
    shown(&findings)
}

/// A route rule of its own action, with what else stands in it.
fn route(routes: &str, more: &str) -> String {
    format!("[[route]]\nname = \"r\"\nwhen = {{ action = \"a\" }}\ntry = [{routes}]\n{more}\n")
}

macro_rules! warnings {
    ($($name:ident: $sections:expr;)*) => {
        $(#[test]
        fn $name() {
            insta::assert_snapshot!(warnings(&policy(&$sections)));
        })*
    };
}

macro_rules! refused {
    ($($name:ident: $sections:expr;)*) => {
        $(#[test]
        fn $name() {
            insta::assert_snapshot!(parse(&whole(&$sections)).unwrap_err());
        })*
    };
}

const SILENT: &str = "\"idlayr/silent_network\"";

warnings! {
    nothing: "";
    an_email: route(&format!("{SILENT}, \"zadarma/email\""), "");
    a3_a_flash_call_of_four_digits: route(&format!("{SILENT}, \"numcheck/flash_call\""), "attempts = 3");
    plain_press_one: route(&format!("{SILENT}, \"zadarma/key_press\""), "");
    the_telephone_alone: route("\"zadarma/sms\", \"zadarma/voice_code\"", "");
    many_attempts_of_a_route: route(SILENT, "attempts = 6");
    many_attempts_of_the_file: "[code]\nattempts = 10";
    a_large_budget: "[budget]\nfailures = \"20/1h\"";
    g1_two_rules_that_hide_a_third: "[[step_up]]\nname = \"small\"\nwhen = { amount = { lt = 100 } }\nrequire = { acr = \"phone\" }\n\
        [[step_up]]\nname = \"large\"\nwhen = { amount = { gte = 100 } }\nrequire = { acr = \"phone\" }\n\
        [[step_up]]\nname = \"hidden\"\nwhen = { action = \"transfer\" }\nallow = true";
    flags_that_hide_a_rule: "[[route]]\nname = \"wifi\"\nwhen = { client.mobile_data = false }\ndeny = \"wifi\"\n\
        [[route]]\nname = \"mobile\"\nwhen = { client.mobile_data = true, none = [{ action = \"a\" }] }\ndeny = \"mobile\"\n\
        [[route]]\nname = \"hidden\"\nwhen = { action = { not = \"a\" }, time.hour = 3 }\ntry = [\"idlayr/silent_network\"]";
    conditions_that_never_hold: "[[step_up]]\nname = \"never\"\nwhen = { amount = { gte = 100 }, all = [{ amount = { lt = 50 } }] }\nallow = true";
    a_list_that_is_empty: "[lists]\nblocked = []\n[[step_up]]\nname = \"never\"\nwhen = { action = { in = \"blocked\" } }\ndeny = \"blocked\"";
    a_message_that_is_never_said: route("\"idlayr/silent_network\", \"zadarma/sms\"", "message = \"{code} lets you in\"");
    no_limit_on_starts: "[[limit]]\nname = \"answers\"\non = \"answer\"\nkey = [\"subject\"]\nquota = \"30/10m\"";
    no_limit_on_a_number: "[[limit]]\nname = \"sends per subject\"\non = \"start\"\nkey = [\"subject\"]\nquota = \"5/1h\"\n\
        [[limit]]\nname = \"sends per number and address\"\non = \"start\"\nkey = [\"phone\", \"ip\"]\nquota = \"5/1h\"";
    a_list_that_no_rule_reads: "[lists]\nblocked = [\"+1900\"]\nread = [\"+1901\"]\n\
        [[route]]\nname = \"r\"\nwhen = { phone.prefix = { in = \"read\" } }\ndeny = \"x\"";
    a_signal_that_no_rule_reads: "[signals]\nrisk_score = { expires = \"5m\" }\ndevice_trusted = { type = \"boolean\", expires = \"30d\" }\n\
        [[step_up]]\nname = \"s\"\nwhen = { any = [{ device_trusted = true }] }\non_missing = \"skip_rule\"\nallow = true";
}

refused! {
    nist_no_email: format!("profile = \"nist-63b-4\"\n{}", route(&format!("{SILENT}, \"zadarma/email\""), ""));
    nist_no_four_digits: format!("profile = \"nist-63b-4\"\n{}", route(&format!("{SILENT}, \"numcheck/flash_call\""), ""));
    nist_no_press_one: format!("profile = \"nist-63b-4\"\n{}", route(&format!("{SILENT}, \"zadarma/key_press\""), ""));
    nist_no_telephone_alone: format!("profile = \"nist-63b-4\"\n{}", route("\"zadarma/sms\"", ""));
    asvs_l2_no_four_digits: format!("profile = \"asvs-5-l2\"\n{}", route("\"numcheck/flash_call\"", ""));
    asvs_l3_no_email_and_no_telephone: format!("profile = \"asvs-5-l3\"\n{}", route("\"zadarma/email\"", ""));
    psd2_no_sixth_attempt: format!("profile = \"psd2-sca\"\n[code]\nattempts = 6\n[budget]\nfailures = \"6/1h\"\n{}", route(SILENT, "attempts = 7"));
    psd2_no_budget_that_is_built_in: "profile = \"psd2-sca\"";
    // No profile is needed for these.
    a_code_that_lives_too_long: "[code]\nlifetime = \"11m\"";
    a_route_back_to_itself: route("\"zadarma/sms\", \"idlayr/silent_network\", \"zadarma/sms\"", "");
    a_provider_that_is_not_there: route("\"nobody/sms\"", "");
    a_channel_that_is_not_there: route("\"numcheck/sms\"", "");
}

#[test]
fn a_profile_says_nothing_of_what_another_one_forbids() {
    let text = |profile: &str| {
        whole(&format!("profile = \"{profile}\"\n[code]\nattempts = 10\n[budget]\nfailures = \"5/1h\"\n"))
    };
    for profile in ["nist-63b-4", "asvs-5-l2"] {
        let policy = parse(&text(profile)).unwrap();
        assert_eq!((warnings(&policy), policy.profile().as_str()), (String::new(), profile));
    }
    assert!(parse(&text("psd2-sca")).is_err());
    assert!(parse(&text("asvs-5-l3")).is_err());
    assert_eq!(parse(&text("none")).unwrap().profile(), Profile::None);
}

#[test]
fn g4_profiles_refuse_what_they_must() {
    use FindingKind as K;
    let forbidden = |profile: Profile| {
        [K::Email, K::FewDigits, K::PressOne, K::TelephoneAlone, K::ManyAttempts, K::LargeBudget]
            .into_iter()
            .filter(|kind| profile.forbids(*kind).is_some())
            .collect::<Vec<_>>()
    };
    assert_eq!(forbidden(Profile::None), []);
    assert_eq!(forbidden(Profile::Nist63b4), [K::Email, K::FewDigits, K::PressOne, K::TelephoneAlone]);
    assert_eq!(forbidden(Profile::Asvs5L2), [K::FewDigits, K::TelephoneAlone]);
    assert_eq!(forbidden(Profile::Asvs5L3), [K::Email, K::FewDigits, K::TelephoneAlone]);
    assert_eq!(forbidden(Profile::Psd2Sca), [K::Email, K::ManyAttempts, K::LargeBudget]);
    for (profile, routes, loads) in [
        ("nist-63b-4", "\"zadarma/key_press\", \"idlayr/silent_network\"", false),
        ("nist-63b-4", "\"zadarma/sms\", \"idlayr/silent_network\"", true),
        ("asvs-5-l2", "\"zadarma/sms\", \"idlayr/silent_network\"", true),
        ("asvs-5-l2", "\"zadarma/sms\"", false),
        ("asvs-5-l3", "\"zadarma/sms\", \"idlayr/silent_network\"", false),
        ("asvs-5-l3", "\"idlayr/silent_network\"", true),
    ] {
        let text = format!("version = 1\nprofile = \"{profile}\"\n[[route]]\nname = \"r\"\ntry = [{routes}]\n");
        assert_eq!(parse(&text).is_ok(), loads, "{profile} {routes}");
    }
}

#[test]
fn c5_the_worst_case_and_the_chances_are_said() {
    let sections = format!(
        "[budget]\nfailures = \"5/1h\"\n{}",
        route("\"numcheck/flash_call\", \"zadarma/sms\", \"zadarma/voice_code\"", "attempts = 3\nlifetime = \"10m\"")
    );
    let mut findings = policy(&sections).lint();
    findings.retain(|finding| finding.level == Level::Note);
    insta::assert_snapshot!(shown(&findings));
}

#[test]
fn sends_without_a_limit_have_no_worst_case() {
    let policy = policy("[[limit]]\nname = \"c\"\non = \"callback\"\nkey = [\"ip\"]\nquota = \"30/10m\"");
    let mut findings = policy.lint();
    findings.retain(|finding| finding.kind == FindingKind::WorstCase);
    insta::assert_snapshot!(shown(&findings));
}

#[test]
fn what_is_not_configured_is_said_of_routes_and_conditions() {
    let policy = policy(&format!(
        "[[route]]\nname = \"ill\"\nwhen = {{ action = \"b\", provider.numcheck.healthy = false }}\ndeny = \"ill\"\n{}",
        route("\"zadarma/voice_code\", \"numcheck/flash_call\"", "")
    ));
    let configured = Catalogue::new().with("zadarma", [Channel::Sms]).with("idlayr", [Channel::SilentNetwork]);
    let mut findings = policy.lint_for(&configured);
    findings.retain(|f| matches!(f.kind, FindingKind::ProviderNotConfigured | FindingKind::ChannelNotConfigured));
    insta::assert_snapshot!(shown(&findings));
    assert!(policy.lint().iter().all(|f| f.kind != FindingKind::ProviderNotConfigured));
}

#[test]
fn a_fallback_to_the_same_provider_is_a_note() {
    let policy = policy(&route("\"zadarma/sms\", \"zadarma/voice_code\"", ""));
    let mut findings = policy.lint();
    findings.retain(|finding| finding.kind == FindingKind::FallbackLoop);
    insta::assert_snapshot!(shown(&findings));
}

#[test]
fn what_was_not_found_out_is_said() {
    let rules: String = (0..7)
        .map(|n| format!("[[step_up]]\nname = \"s{n}\"\nwhen = {{ action = {{ glob = \"*{n}\" }} }}\ndeny = \"x\"\n"))
        .collect();
    let mut findings = policy(&rules).lint();
    findings.retain(|finding| finding.kind == FindingKind::NotSearched);
    insta::assert_snapshot!(shown(&findings));
}

#[test]
fn findings_name_the_file_that_they_are_in() {
    let sources = Sources::new("conf/policy.toml", whole("include = [\"common.toml\"]"))
        .with("common.toml", "[lists]\nblocked = [\"+1900\"]\n[code]\nattempts = 6\n");
    let policy = Policy::compile(&sources, &catalogue()).unwrap();
    insta::assert_snapshot!(warnings(&policy));
}

#[test]
fn findings_are_told_to_programs_too() {
    let policy = policy("[lists]\nblocked = []");
    let findings = policy.lint();
    let finding = findings.iter().find(|finding| finding.kind == FindingKind::UnusedList).unwrap();
    let json = serde_json::to_value(finding).unwrap();
    assert_eq!((&json["level"], &json["kind"]), (&"warning".into(), &"unused_list".into()));
    assert_eq!((&json["file"], &json["line"], &json["column"]), (&"policy.toml".into(), &3.into(), &1.into()));
    assert!(json["rule"].is_null() && json["help"].is_string() && json.get("snippet").is_none());
}

#[test]
fn a_thousand_rules_are_linted_before_anyone_waits() {
    let rules = |count: usize, when: &dyn Fn(usize) -> String| {
        (0..count).fold(String::new(), |text, n| {
            format!("{text}[[step_up]]\nname = \"s{n}\"\nwhen = {{ {} }}\nrequire = {{ acr = \"phone\" }}\n", when(n))
        })
    };
    // The second is as hard as it gets: each rule leaves most of the facts open.
    for text in [
        rules(1000, &|n| format!("action = \"a{n}\", amount = {{ gte = {n} }}")),
        rules(1000, &|n| {
            format!(
                "amount = {n}, subject.failures = {}, any = [{{ time.hour = {} }}, {{ action = \"a{}\" }}]",
                n % 31,
                n % 24,
                n % 7
            )
        }),
    ] {
        let policy = policy(&text);
        let mut reach = Reach::new(
            &View::new(&policy.inner)
                .heads()
                .filter(|(at, _)| *at == Section::StepUp)
                .map(|(_, head)| head)
                .collect::<Vec<_>>(),
        );
        assert!((0..1000).all(|position| reach.of(position) == Reached::Maybe));
        assert!(reach.steps_left() > 0, "given up");
    }
}
