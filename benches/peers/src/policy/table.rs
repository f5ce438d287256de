//! The one table of rules, and how each language writes it.

use std::fmt::Write;

/// What a rule asks for. The request is refused when some rule matches.
pub enum Ask {
    /// An amount of at least and of less than so much, in euros.
    Amount(i64, i64),
    /// An action, from an amount on.
    Action(String, i64),
    /// A number that begins like this.
    Prefix(String),
    /// A number of a region, and an amount of at least and of less than so much.
    Region(&'static str, i64, i64),
}

/// What is known of a request. Everything is known of each: the three languages take a missing fact in three ways.
pub struct Request {
    pub action: String,
    pub amount: i64,
    pub currency: &'static str,
    pub region: &'static str,
    pub phone: String,
}

/// The first so many rules of the table.
pub fn rules(count: usize) -> Vec<Ask> {
    let rule = |rule: usize| {
        let from = 200_000 + i64::try_from(rule).expect("a small number") * 1000;
        match rule % 4 {
            0 => Ask::Amount(from, from + 1000),
            1 => Ask::Action(format!("other_{rule}"), from),
            2 => Ask::Prefix(format!("+3712{}", 7000 + rule)),
            _ => Ask::Region("LT", from, from + 1000),
        }
    };
    (0..count).map(rule).collect()
}

/// A request that no rule matches.
pub fn ordinary() -> Request {
    let (action, phone) = ("transfer".to_owned(), "+37126123456".to_owned());
    Request { action, amount: 99_000, currency: "EUR", region: "LV", phone }
}

/// A request that this rule matches, and no other rule of the table.
pub fn matching(rule: &Ask) -> Request {
    let lithuanian = || "+37061234567".to_owned();
    match rule {
        Ask::Amount(from, _) => Request { amount: *from, ..ordinary() },
        Ask::Action(action, from) => Request { action: action.clone(), amount: *from, currency: "USD", ..ordinary() },
        Ask::Prefix(prefix) => Request { phone: format!("{prefix}123"), ..ordinary() },
        Ask::Region(region, from, _) => {
            Request { region, amount: *from, phone: lithuanian(), currency: "USD", ..ordinary() }
        }
    }
}

/// Some requests: ordinary ones, some that a rule matches, and some that miss it by little.
pub fn samples(rules: &[Ask]) -> Vec<Request> {
    let some = rules.iter().take(12).chain(rules.iter().rev().take(12));
    let missed = |rule| {
        let hit = matching(rule);
        [
            Request { amount: hit.amount - 1, ..matching(rule) },
            Request { amount: hit.amount + 1000, ..matching(rule) },
            Request { currency: "USD", ..matching(rule) },
            hit,
        ]
    };
    some.flat_map(missed).chain([ordinary()]).collect()
}

pub fn toml(rules: &[Ask]) -> String {
    let mut text = "version = 1\n".to_owned();
    for (position, rule) in rules.iter().enumerate() {
        let when = match rule {
            Ask::Amount(from, to) => format!("amount = {{ gte = {from}, lt = {to} }}, currency = \"EUR\""),
            Ask::Action(action, from) => format!("action = \"{action}\", amount = {{ gte = {from} }}"),
            Ask::Prefix(prefix) => format!("phone.prefix = \"{prefix}\""),
            Ask::Region(region, from, to) => {
                format!("phone.region = \"{region}\", amount = {{ gte = {from}, lt = {to} }}")
            }
        };
        write!(text, "[[route]]\nname = \"{position}\"\nwhen = {{ {when} }}\ndeny = \"listed\"\n").expect("a string");
    }
    text + "[[route]]\nname = \"everyone\"\ntry = [\"numcheck/flash_call\"]\n"
}

pub fn rego(rules: &[Ask]) -> String {
    let mut text = "package policy\n\nimport rego.v1\n\ndefault refused := false\n".to_owned();
    for rule in rules {
        let body = match rule {
            Ask::Amount(from, to) => {
                format!("input.amount >= {from}\n\tinput.amount < {to}\n\tinput.currency == \"EUR\"")
            }
            Ask::Action(action, from) => format!("input.action == \"{action}\"\n\tinput.amount >= {from}"),
            Ask::Prefix(prefix) => format!("startswith(input.phone, \"{prefix}\")"),
            Ask::Region(region, from, to) => {
                format!("input.region == \"{region}\"\n\tinput.amount >= {from}\n\tinput.amount < {to}")
            }
        };
        write!(text, "\nrefused if {{\n\t{body}\n}}\n").expect("a string");
    }
    text
}

pub fn cedar(rules: &[Ask]) -> String {
    let mut text = "permit(principal, action, resource);\n".to_owned();
    for rule in rules {
        let (action, when) = match rule {
            Ask::Amount(from, to) => (
                "action".to_owned(),
                format!("context.amount >= {from} && context.amount < {to} && context.currency == \"EUR\""),
            ),
            Ask::Action(action, from) => {
                (format!("action == Action::\"{action}\""), format!("context.amount >= {from}"))
            }
            Ask::Prefix(prefix) => ("action".to_owned(), format!("context.phone like \"{prefix}*\"")),
            Ask::Region(region, from, to) => (
                "action".to_owned(),
                format!("context.region == \"{region}\" && context.amount >= {from} && context.amount < {to}"),
            ),
        };
        writeln!(text, "forbid(principal, {action}, resource) when {{ {when} }};").expect("a string");
    }
    text
}
