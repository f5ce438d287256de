//! As much of JSON Schema as the description uses, and one rule more: what is not described may not be there.

use serde_json::{Map, Value};

/// What is wrong with a value, each fault with its place.
pub(crate) fn faults(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    Look { document, faults: &mut faults }.described(schema, value, "");
    faults
}

/// What a reference points to; anything else as it is.
pub(crate) fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(target) => document.pointer(target.trim_start_matches('#')).unwrap_or_else(|| panic!("no {target}")),
        None => value,
    }
}

struct Look<'a> {
    document: &'a Value,
    faults: &'a mut Vec<String>,
}

impl Look<'_> {
    /// The rules of a schema, and that it knows every member of an object.
    fn described(&mut self, schema: &Value, value: &Value, at: &str) {
        self.rules(schema, value, at);
        let mut known = Map::new();
        members(self.document, schema, value, &mut known);
        for (name, member) in value.as_object().into_iter().flatten() {
            match known.get(name) {
                Some(schema) => self.described(schema, member, &format!("{at}/{name}")),
                None if known.is_empty() => {}
                None => self.faults.push(format!("{at}/{name} is not described")),
            }
        }
    }

    fn rules(&mut self, schema: &Value, value: &Value, at: &str) {
        for (keyword, rule) in resolve(self.document, schema).as_object().into_iter().flatten() {
            let holds = match keyword.as_str() {
                "type" => rule == kind(value),
                "const" => rule == value,
                "enum" => rule.as_array().is_some_and(|all| all.contains(value)),
                "minimum" => value.as_f64() >= rule.as_f64(),
                "maximum" => value.as_f64() <= rule.as_f64(),
                "minLength" => length(value) >= rule.as_u64(),
                "maxLength" => length(value) <= rule.as_u64(),
                "required" => strings(rule).all(|name| value.get(name).is_some()),
                "dependentRequired" => rule.as_object().into_iter().flatten().all(|(name, needs)| {
                    value.get(name).is_none() || strings(needs).all(|other| value.get(other).is_some())
                }),
                "items" => {
                    for (place, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.described(rule, item, &format!("{at}/{place}"));
                    }
                    true
                }
                "allOf" => {
                    rule.as_array().into_iter().flatten().for_each(|part| self.rules(part, value, at));
                    true
                }
                "oneOf" => rule.as_array().is_some_and(|all| {
                    all.iter().filter(|one| faults(self.document, one, value).is_empty()).count() == 1
                }),
                // `properties` is looked at with the members; the rest is not checked here.
                "properties" | "additionalProperties" | "pattern" | "format" | "description" | "examples" => true,
                _ => panic!("this check does not know `{keyword}`"),
            };
            if !holds {
                self.faults.push(format!("{at}: {keyword} {rule} does not hold of {value}"));
            }
        }
    }
}

/// The members that a schema knows, its parts' and its fitting alternative's too.
fn members(document: &Value, schema: &Value, value: &Value, known: &mut Map<String, Value>) {
    let schema = resolve(document, schema);
    let parts = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
    let alternatives = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    let fitting = alternatives.filter(|one| faults(document, one, value).is_empty());
    parts.chain(fitting).for_each(|part| members(document, part, value, known));
    known.extend(schema.get("properties").and_then(Value::as_object).cloned().into_iter().flatten());
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn length(value: &Value) -> Option<u64> {
    value.as_str().map(|text| text.chars().count() as u64)
}

fn strings(rule: &Value) -> impl Iterator<Item = &str> {
    rule.as_array().into_iter().flatten().filter_map(Value::as_str)
}
