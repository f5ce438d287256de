//! Evaluating a policy: the example file, and one of a hundred rules in each section of which the last one matches.
#![expect(clippy::expect_used, reason = "a benchmark that cannot run ends")]

use std::{fmt::Write, hint::black_box};

use criterion::{Criterion, criterion_group, criterion_main};
use handset::{
    Action, Channel, PhoneNumber,
    policy::{Catalogue, Context, Policy},
};

fn evaluate(c: &mut Criterion) {
    let catalogue = Catalogue::new().with("numcheck", [Channel::FlashCall]);
    let load = |text: &str| Policy::parse("policy.toml", text, &catalogue).expect("a policy that loads");
    let action = Action::new("transfer").expect("an action");
    let phone = PhoneNumber::parse("+37126123456", None).expect("a number");
    let context = Context::new(&action).amount(99_000).currency("EUR").phone(&phone);
    let mut group = c.benchmark_group("policy");
    for (name, text) in [("example", include_str!("../examples/policy.toml").to_owned()), ("100 rules", many_rules())] {
        let policy = load(&text);
        group.bench_function(format!("step_up/{name}"), |b| b.iter(|| policy.step_up(black_box(&context))));
        group.bench_function(format!("route/{name}"), |b| b.iter(|| policy.route(black_box(&context))));
        group.bench_function(format!("load/{name}"), |b| b.iter(|| load(black_box(&text))));
    }
    group.finish();
}

/// Rules for amounts by the thousand and for number prefixes; those of the context come last.
fn many_rules() -> String {
    let mut text = "version = 1\n".to_owned();
    for rule in 0..100 {
        let (from, to) = (rule * 1000, (rule + 1) * 1000);
        write!(
            text,
            r#"
            [[step_up]]
            name = "amount {rule}"
            when = {{ action = "transfer", currency = "EUR", amount = {{ gte = {from}, lt = {to} }} }}
            require = {{ acr = "phone", max_age = "5m" }}
            [[route]]
            name = "prefix {rule}"
            when = {{ "phone.prefix" = "+3712{}" }}
            try = ["numcheck/flash_call"]
            "#,
            match rule {
                99 => "6123".to_owned(),
                _ => format!("7{rule:03}"),
            }
        )
        .expect("a string takes everything");
    }
    text
}

criterion_group!(benches, evaluate);
criterion_main!(benches);
