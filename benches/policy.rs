//! Evaluating a policy: the example file, and files of ten to ten thousand rules in each section, of which the last one
//! decides. The rules are of the kinds that files have: amounts, prefixes, regions, networks, actions, signals.
#![expect(clippy::expect_used, reason = "a benchmark that cannot run ends")]

use std::{
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
        ("100 rules", rules(100)),
        ("1000 rules", rules(1000)),
        ("10000 rules", rules(10_000)),
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

/// So many rules of mixed kinds in each section, in as many files as they need.
fn rules(count: usize) -> Sources {
    let files: Vec<_> = (0..count - 1)
        .collect::<Vec<_>>()
        .chunks(1000)
        .map(|rules| rules.iter().map(|rule| pair(*rule)).collect::<String>())
        .collect();
    let names: Vec<_> = (0..files.len()).map(|file| format!("{file}.toml")).collect();
    let last = "[[step_up]]\nname = \"last\"\nrequire = { acr = \"phone\" }\n[[route]]\nname = \"last\"\ntry = [\"numcheck/flash_call\"]\n";
    let main = format!("version = 1\ninclude = {names:?}\n{last}");
    let files = names.iter().zip(files);
    files.fold(Sources::new("policy.toml", main), |sources, (name, text)| sources.with(name, text))
}

/// A rule of each section.
fn pair(rule: usize) -> String {
    let (from, to) = (200_000 + rule * 1000, 200_000 + (rule + 1) * 1000);
    let amount = format!("amount = {{ gte = {from}, lt = {to} }}");
    let action = format!("action = \"other_{rule}\"");
    let (step, route) = match rule % 4 {
        0 => (amount, format!("\"phone.prefix\" = \"+3712{:04}\"", 7000 + rule)),
        1 => (action, format!("\"phone.region\" = \"LT\", {amount}")),
        2 => (format!("client.ip = {{ cidr = \"10.{}.{}.0/24\" }}", rule / 250, rule % 250), action),
        _ => (format!("risk_score = {}", 100 + rule), format!("risk_score = {}", 100 + rule)),
    };
    let hour = format!("time.hour = {{ lt = {} }}", rule % 20 + 4);
    let on_missing = if rule % 4 == 3 { "on_missing = \"deny\"" } else { "" };
    format!(
        "[[step_up]]\nname = \"{rule}\"\nwhen = {{ {step}, currency = \"EUR\", {hour} }}\n{on_missing}\nrequire = {{ acr = \"phone\" }}\n\
         [[route]]\nname = \"{rule}\"\nwhen = {{ {route}, {hour} }}\n{on_missing}\ntry = [\"numcheck/flash_call\"]\n"
    )
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
