//! Evaluating a policy: the example file, and files of ten and of a thousand rules in each section, of which the last one
//! decides. The rules are of the kinds that files have: amounts, prefixes, regions, networks, actions, signals.
#![expect(clippy::expect_used, reason = "a benchmark that cannot run ends")]

use std::{
    fmt::Write,
    hint::black_box,
    time::{Duration, SystemTime},
};

use criterion::{Criterion, criterion_group, criterion_main};
use handset::{
    Action, Channel, PhoneNumber,
    policy::{Catalogue, Context, Policy, Section, Signals, Sources},
};

fn evaluate(c: &mut Criterion) {
    let catalogue = Catalogue::new().with("numcheck", [Channel::FlashCall]);
    let load = |sources: &Sources| Policy::compile(sources, &catalogue).expect("a policy that loads");
    let action = Action::new("transfer").expect("an action");
    let phone = PhoneNumber::parse("+37126123456", None).expect("a number");
    let signals = Signals::new().with_fresh("risk_score", 5);
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_777_636_800);
    let ip = [203, 0, 113, 7].into();
    let context =
        Context::new(&action).amount(99_000).currency("EUR").phone(&phone).client_ip(ip).signals(&signals).at(now);
    let mut group = c.benchmark_group("policy");
    for (name, sources) in [
        ("example", Sources::new("policy.toml", include_str!("../examples/policy.toml"))),
        ("10 rules", rules(10)),
        ("1000 rules", rules(1000)),
        ("100000 listed prefixes", listed(100_000)),
    ] {
        let policy = load(&sources);
        for section in [Section::StepUp, Section::Route] {
            group.bench_function(format!("evaluate {section}/{name}"), |b| {
                b.iter(|| policy.evaluate(section, black_box(&context)));
            });
        }
        group.bench_function(format!("plan/{name}"), |b| b.iter(|| policy.route(black_box(&context))));
        group.bench_function(format!("explain/{name}"), |b| {
            b.iter(|| policy.explain(Section::Route, black_box(&context)))
        });
        group.sample_size(10).bench_function(format!("load/{name}"), |b| b.iter(|| load(black_box(&sources))));
    }
    group.finish();
}

/// So many rules of mixed kinds in each section.
fn rules(count: usize) -> Sources {
    let mut text = "version = 1\n".to_owned();
    for rule in 0..count - 1 {
        let (from, to) = (200_000 + rule * 1000, 200_000 + (rule + 1) * 1000);
        let (step, route) = match rule % 4 {
            0 => (
                format!("amount = {{ gte = {from}, lt = {to} }}"),
                format!("\"phone.prefix\" = \"+3712{:04}\"", 7000 + rule),
            ),
            1 => (
                format!("action = \"other_{rule}\""),
                format!("\"phone.region\" = \"LT\", amount = {{ gte = {from}, lt = {to} }}"),
            ),
            2 => (
                format!("client.ip = {{ cidr = \"10.{}.{}.0/24\" }}", rule / 250, rule % 250),
                format!("action = \"other_{rule}\""),
            ),
            _ => (format!("risk_score = {}", 100 + rule), format!("risk_score = {}", 100 + rule)),
        };
        let on_missing = if rule % 4 == 3 { "on_missing = \"deny\"" } else { "" };
        write!(
            text,
            "[[step_up]]\nname = \"{rule}\"\nwhen = {{ {step}, currency = \"EUR\", time.hour = {{ lt = {} }} }}\n{on_missing}\n\
             require = {{ acr = \"phone\" }}\n[[route]]\nname = \"{rule}\"\nwhen = {{ {route}, time.hour = {{ lt = {} }} }}\n{on_missing}\n\
             try = [\"numcheck/flash_call\"]\n",
            rule % 20 + 4,
            rule % 20 + 4
        )
        .expect("a string takes everything");
    }
    text.push_str("[[step_up]]\nname = \"last\"\nrequire = { acr = \"phone\" }\n[[route]]\nname = \"last\"\ntry = [\"numcheck/flash_call\"]\n");
    Sources::new("policy.toml", text)
}

/// A rule with a list of so many prefixes, and one for the rest.
fn listed(count: usize) -> Sources {
    let text = "version = 1\n[lists]\nblocked = { file = \"blocked.txt\" }\n[[route]]\nname = \"blocked\"\n\
                when = { \"phone.prefix\" = { in = \"blocked\" } }\ndeny = \"blocked\"\n[[route]]\nname = \"last\"\n\
                try = [\"numcheck/flash_call\"]\n";
    let list = (0..count).map(|entry| format!("+1{}\n", 2_000_000 + entry * 7)).collect::<String>();
    Sources::new("policy.toml", text).with("blocked.txt", list)
}

criterion_group!(benches, evaluate);
criterion_main!(benches);
