//! The form of policy files, for editors.

use serde_json::{Map, Value, json};

use super::{
    code::CodeRules,
    compile::MAX_FAILURES,
    fact::{self, Fact, Kind},
    lint::Profile,
    route::{Catalogue, Route},
    signal::SignalDeclaration,
};
use crate::{channel::Channel, phone::LineType};

/// A JSON Schema (draft 2020-12) of policy files, with the routes of a catalogue: for editors, which then complete keys and
/// mark what does not fit while it is typed.
///
/// What only the whole file can tell, such as the name of a rule that is there twice, is for [`Policy`](super::Policy) to say
/// when it loads. A signal of the application can have any name, so a name without a dot that is no fact passes.
///
/// ```
/// let schema = handset::policy::schema(&handset::provider::registry::catalogue());
/// assert_eq!(schema["properties"]["version"]["const"], 1);
/// ```
#[must_use]
pub fn schema(catalogue: &Catalogue) -> Value {
    let facts: Vec<_> =
        fact::built_in().chain([Fact::test_number(None)]).chain(catalogue.names().map(Fact::provider)).collect();
    let signals: Vec<_> = SignalDeclaration::built_in().into_iter().map(|signal| Fact::signal(signal.into())).collect();
    let step_up = facts.iter().filter(|fact| !fact.is_of_start_only()).chain(&signals);
    let route = facts.iter().chain(&signals);
    let kinds = Kind::ALL.map(|kind| (format!("{kind:?}"), condition(kind)));
    let mut definitions: Map<String, Value> = kinds.into_iter().collect();
    definitions.extend([
        ("duration".to_owned(), duration("How long, such as \"5m\"")),
        ("quota".to_owned(), quota()),
        (
            "name".to_owned(),
            json!({ "type": "string", "minLength": 1, "maxLength": 64, "description": "A name of its own" }),
        ),
        ("step_up_when".to_owned(), when("step_up_when", step_up)),
        ("route_when".to_owned(), when("route_when", route)),
        ("given".to_owned(), given()),
        ("route".to_owned(), json!({ "type": "string", "enum": routes(catalogue) })),
    ]);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A policy of handset",
        "type": "object",
        "properties": both(settings(), lists()),
        "additionalProperties": false,
        "$defs": definitions,
    })
}

/// The sections of which a file has one.
fn settings() -> Value {
    json!({
        "version": { "const": 1, "description": "The version of the language" },
        "profile": { "enum": Profile::ALL.map(Profile::as_str), "default": "none", "description": "What the profile forbids does not load" },
        "include": list_of(json!({ "type": "string" }), "Files whose rules stand before this file's own"),
        "code": object("How codes are made and tried", &[], code_settings(json!({
            "resend": { "enum": ["reuse", "rotate"], "default": "reuse", "description": "Whether the same code is sent again, or another one" },
            "resend_after": reference("duration"),
        }))),
        "budget": object("How many answers may be wrong", &[], json!({
            "failures": { "$ref": "#/$defs/quota", "default": "10/1h", "description": format!("Of a subject and of a number, to {MAX_FAILURES}") },
        })),
        "lists": { "type": "object", "description": "Named lists, here or in a file beside", "propertyNames": { "pattern": SIGNAL }, "additionalProperties": { "anyOf": [
            { "type": "array", "items": { "type": ["string", "integer"] } },
            object("A file with one entry on each line", &["file"], json!({ "file": { "type": "string" } })),
        ] } },
        "signals": { "type": "object", "description": "What others know of a number or a client", "additionalProperties": object("", &[], json!({
            "type": { "enum": ["boolean", "integer", "time", "text"] },
            "expires": reference("duration"),
            "risky": { "enum": [true, false, "high", "low"], "description": "What a missing one is taken for" },
        })) },
        "test_numbers": object("Numbers to which nothing is sent", &["numbers", "code", "expires"], json!({
            "numbers": list_of(json!({ "type": "string", "pattern": "^\\+[0-9]{4,15}$" }), "Whole numbers in E.164"),
            "code": { "type": "string", "pattern": format!("^[0-9]{{{},{}}}$", CodeRules::LEAST_DIGITS, CodeRules::MOST_DIGITS) },
            "expires": { "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "description": "The first day on which they are numbers like others" },
            "quota": reference("quota"),
        })),
        "shadow": object("A second policy that is asked and never obeyed", &["file"], json!({ "file": { "type": "string" } }))
    })
}

/// The sections of which a file has many.
fn lists() -> Value {
    json!({
        "limit": entries(object("How often something may happen", &["name", "on", "key", "quota"], json!({
            "name": reference("name"),
            "on": { "enum": ["start", "answer", "callback"] },
            "key": list_of(json!({ "enum": ["phone", "prefix", "region", "subject", "ip", "action", "provider", "global"] }), "What is counted apart"),
            "quota": reference("quota"),
        })), "How often something may happen"),
        "step_up": entries(one_of(&["require", "deny", "allow"], "Whether a request needs a proof", json!({
            "name": reference("name"),
            "when": reference("step_up_when"),
            "on_missing": on_missing(),
            "require": object("A proof is needed", &["acr"], json!({
                "acr": { "type": "string", "pattern": "^[!#-\\[\\]-~]{1,128}$" },
                "max_age": { "$ref": "#/$defs/duration", "default": "5m" },
                "single_use": { "type": "boolean", "default": false },
            })),
            "deny": reason(),
            "allow": { "const": true },
        })), "When does a request need a proof? The first that matches decides"),
        "route": entries(one_of(&["try", "deny"], "How a phone is reached", code_settings(json!({
            "name": reference("name"),
            "when": reference("route_when"),
            "on_missing": on_missing(),
            "try": list_of(reference("route"), "Routes, best first"),
            "deny": reason(),
            "preflight": { "type": "boolean", "default": false, "description": "Ask vendors that can whether they serve the device" },
            "message": { "type": "string", "maxLength": 160, "pattern": "\\{code\\}" },
        }))), "Which provider and channel? The first that matches decides"),
        "test": entries(object("A request, and what is expected", &["name", "given", "expect"], json!({
            "name": reference("name"),
            "given": reference("given"),
            "expect": object("What has to come of it", &[], json!({
                "rule": reference("name"),
                "try": list_of(json!({ "type": "string" }), "The routes"),
                "deny": { "type": "string" },
                "allow": { "const": true },
                "require": { "type": "string" },
            })),
        })), "Test cases"),
    })
}

/// The settings that `[code]` and routes have, beside others.
fn code_settings(mut others: Value) -> Value {
    let (least, most) = (CodeRules::LEAST_DIGITS, CodeRules::MOST_DIGITS);
    if let Some(settings) = others.as_object_mut() {
        settings.insert("digits".to_owned(), json!({ "type": "integer", "minimum": least, "maximum": most }));
        settings.insert("lifetime".to_owned(), reference("duration"));
        settings.insert(
            "attempts".to_owned(),
            json!({ "type": "integer", "minimum": 1, "maximum": CodeRules::MOST_ATTEMPTS }),
        );
    }
    others
}

/// Conditions on facts and signals, and groups of them. `phone.region = ..` without quotes is a table in a table.
fn when<'f>(name: &str, facts: impl Iterator<Item = &'f Fact>) -> Value {
    let mut properties = Map::new();
    for fact in facts {
        let condition = reference(&format!("{:?}", fact.kind()));
        properties.insert(fact.as_str().to_owned(), condition.clone());
        if let Some((first, rest)) = fact.as_str().split_once('.') {
            nest(&mut properties, first, rest, condition);
        }
    }
    for group in ["any", "all", "none"] {
        let table = reference(name);
        let several = json!({ "type": "array", "items": table, "minItems": 1 });
        let group_of = json!({ "anyOf": [table, several], "description": "Tables of conditions" });
        properties.insert(group.to_owned(), group_of);
    }
    json!({
        "type": "object",
        "properties": properties,
        "patternProperties": { SIGNAL: { "description": "A signal of the application" } },
        "additionalProperties": false,
    })
}

/// Puts `rest` below `first`, whose own parts may be tables in tables again.
fn nest(properties: &mut Map<String, Value>, first: &str, rest: &str, condition: Value) {
    let empty = || json!({ "type": "object", "properties": {}, "additionalProperties": false });
    let below = properties.entry(first.to_owned()).or_insert_with(empty);
    let Some(below) = below.get_mut("properties").and_then(Value::as_object_mut) else { return };
    match rest.split_once('.') {
        Some((first, rest)) => nest(below, first, rest, condition),
        None => {
            below.insert(rest.to_owned(), condition);
        }
    }
}

/// What may stand for the facts of a kind: a value, a list, operators, and `not` around any of them.
fn condition(kind: Kind) -> Value {
    let item = item(kind);
    let mut tables: Vec<Value> = Vec::new();
    let operators = kind.operators();
    if operators.contains(&"gte") {
        let bound = if kind == Kind::Age { reference("duration") } else { json!({ "type": "integer" }) };
        let bounds: Map<_, _> =
            ["gte", "gt", "lt", "lte"].map(|key| (key.to_owned(), bound.clone())).into_iter().collect();
        tables
            .push(json!({ "type": "object", "properties": bounds, "additionalProperties": false, "minProperties": 1 }));
    }
    let text =
        json!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }] });
    for operator in operators.iter().filter(|operator| !["gte", "gt", "lt", "lte"].contains(operator)) {
        let value = if *operator == "in" { json!({ "type": "string" }) } else { text.clone() };
        tables.push(object("", &[operator], json!({ *operator: value })));
    }
    let mut plain = vec![];
    if let Some(item) = item {
        plain.push(json!({ "type": "array", "items": item, "minItems": 1 }));
        plain.push(item);
    }
    plain.extend(tables);
    let not = object("None of them", &["not"], json!({ "not": { "anyOf": plain } }));
    plain.push(not);
    json!({ "anyOf": plain, "description": kind.wants() })
}

/// One value of a kind. Ages are only compared.
fn item(kind: Kind) -> Option<Value> {
    let names = |names: Vec<&str>| json!({ "enum": names });
    Some(match kind {
        Kind::Age => return None,
        Kind::Action => json!({ "type": "string", "pattern": "^[a-z0-9_.:-]{1,64}$" }),
        Kind::Region => json!({ "type": "string", "pattern": "^[A-Z]{2}$" }),
        Kind::Currency => json!({ "type": "string", "pattern": "^[A-Z]{3}$" }),
        Kind::LineType => names(LineType::ALL.map(LineType::as_str).to_vec()),
        Kind::Weekday => names(fact::WEEKDAYS.to_vec()),
        Kind::Channels => names(Channel::ALL.map(Channel::as_str).to_vec()),
        Kind::Platform | Kind::Text => json!({ "type": "string", "minLength": 1, "maxLength": 64 }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::CountryCode => json!({ "type": "integer", "minimum": 1, "maximum": 999 }),
        Kind::Number => json!({ "type": "integer" }),
        Kind::Count => json!({ "type": "integer", "minimum": 0 }),
        Kind::Hour => json!({ "type": "integer", "minimum": 0, "maximum": 23 }),
        Kind::Prefix => json!({ "type": "string", "pattern": "^\\+[0-9]{1,15}$" }),
        Kind::Address => json!({ "type": "string" }),
    })
}

/// The facts of a case: values, no conditions. Which there are is said by the policy when it loads.
fn given() -> Value {
    json!({
        "type": "object",
        "required": ["action"],
        "properties": {
            "action": item(Kind::Action),
            "phone": { "type": "string", "pattern": "^\\+[0-9]{4,15}$", "description": "In E.164" },
            "time": { "type": "string", "description": "In UTC, without quotes" },
            "amount": item(Kind::Number),
            "currency": item(Kind::Currency),
            "payee_known": item(Kind::Flag),
        },
    })
}

fn routes(catalogue: &Catalogue) -> Vec<String> {
    let of = |name: &str| {
        let channels = catalogue.channels(name).unwrap_or_default().to_vec();
        channels.into_iter().map(|channel| Route::new(name, channel).to_string()).collect::<Vec<_>>()
    };
    catalogue.names().flat_map(of).collect()
}

fn duration(description: &str) -> Value {
    json!({ "type": "string", "pattern": "^[0-9]+ *[a-zA-Z]", "description": description, "examples": ["30s", "5m", "1h", "7d"] })
}

fn quota() -> Value {
    json!({ "type": "string", "pattern": "^[0-9]+/[0-9]*[a-zA-Z]", "description": "So many in so long, such as \"5/1h\"" })
}

fn on_missing() -> Value {
    json!({ "enum": ["assume_risky", "skip_rule", "deny"], "description": "What the rule does without the signals that it reads" })
}

fn reason() -> Value {
    json!({ "type": "string", "minLength": 1, "description": "Never, for this reason" })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// The keys of two objects.
fn both(one: Value, other: Value) -> Map<String, Value> {
    [one, other].into_iter().filter_map(|value| value.as_object().cloned()).flatten().collect()
}

/// Tables under one header, if there are any.
fn entries(items: Value, description: &str) -> Value {
    json!({ "type": "array", "items": items, "description": description })
}

fn list_of(items: Value, description: &str) -> Value {
    json!({ "type": "array", "items": items, "minItems": 1, "description": description })
}

fn object(description: &str, required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "description": description, "properties": properties, "required": required, "additionalProperties": false })
}

/// A rule: a name, and exactly one of the answers.
fn one_of(answers: &[&str], description: &str, properties: Value) -> Value {
    let mut rule = object(description, &["name"], properties);
    let answers: Vec<_> = answers.iter().map(|answer| json!({ "required": [answer] })).collect();
    if let Some(rule) = rule.as_object_mut() {
        rule.insert("oneOf".to_owned(), json!(answers));
    }
    rule
}

/// The names that signals of the application may have.
const SIGNAL: &str = "^[a-z][a-z0-9_]*$";
