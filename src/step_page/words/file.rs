//! A file of messages: what is in it, and what is wrong with it, by its line.

use std::collections::{BTreeMap, BTreeSet};

use fluent_bundle::FluentResource;
use fluent_syntax::{
    ast::{CallArguments, Entry, Expression, InlineExpression, Pattern, PatternElement},
    parser,
};
use unic_langid::LanguageIdentifier;

use crate::error::{Error, ErrorKind, Result};

/// The names of messages, with the variables that each of them reads.
pub(super) type Messages = BTreeMap<String, BTreeSet<String>>;

/// A file of messages.
#[derive(Clone)]
pub(in crate::step_page) struct Source {
    tag: String,
    /// Stands in errors.
    name: String,
    text: String,
}

impl Source {
    pub(in crate::step_page) fn new(tag: impl Into<String>, name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { tag: tag.into(), name: name.into(), text: text.into() }
    }

    pub(super) fn tag(&self) -> Result<LanguageIdentifier> {
        let wrong = |_| misconfigured(format!("`{}` is no language tag; write one such as `lv` or `pt-BR`", self.tag));
        self.tag.parse().map_err(wrong)
    }

    /// What is in the file.
    pub(super) fn messages(&self) -> Result<Messages> {
        let resource = parser::parse(self.text.as_str()).map_err(|(_, errors)| {
            let at = errors.first().map_or(0, |error| error.pos.start);
            self.wrong(at, "this is no Fluent message; write `name = text`")
        })?;
        let read = resource.body.iter().filter_map(|entry| match entry {
            Entry::Message(message) => {
                let mut variables = BTreeSet::new();
                message.value.as_ref().map(|value| read_pattern(value, &mut variables))?;
                Some((message.id.name.to_owned(), variables))
            }
            _ => None,
        });
        Ok(read.collect())
    }

    /// The same, if it is only what the page says and knows.
    pub(super) fn messages_among(&self, all: &Messages) -> Result<Messages> {
        let own = self.messages()?;
        for (id, variables) in &own {
            let wrong = |what: String| self.wrong(self.place_of(id), &what);
            let known = all.get(id).ok_or_else(|| wrong(format!("there is no message `{id}`")))?;
            if let Some(odd) = variables.difference(known).next() {
                return Err(wrong(format!("`{id}` has no variable `${odd}`")));
            }
        }
        Ok(own)
    }

    pub(super) fn resource(&self) -> Result<FluentResource> {
        FluentResource::try_new(self.text.clone()).map_err(|_| self.wrong(0, "this is no Fluent file"))
    }

    /// Where a message begins.
    fn place_of(&self, id: &str) -> usize {
        let begins = |line: &str| line.strip_prefix(id).is_some_and(|rest| rest.trim_start().starts_with('='));
        let before = self.text.split_inclusive('\n').take_while(|line| !begins(line));
        before.map(str::len).sum()
    }

    fn wrong(&self, at: usize, what: &str) -> Error {
        let line = 1 + self.text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        misconfigured(format!("`{}`, line {line}: {what}", self.name))
    }
}

fn read_pattern(pattern: &Pattern<&str>, variables: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        if let PatternElement::Placeable { expression } = element {
            read_expression(expression, variables);
        }
    }
}

fn read_expression(expression: &Expression<&str>, variables: &mut BTreeSet<String>) {
    match expression {
        Expression::Inline(inline) => read_inline(inline, variables),
        Expression::Select { selector, variants } => {
            read_inline(selector, variables);
            variants.iter().for_each(|variant| read_pattern(&variant.value, variables));
        }
    }
}

fn read_inline(inline: &InlineExpression<&str>, variables: &mut BTreeSet<String>) {
    match inline {
        InlineExpression::VariableReference { id } => {
            variables.insert(id.name.to_owned());
        }
        InlineExpression::FunctionReference { arguments, .. } => read_arguments(arguments, variables),
        InlineExpression::TermReference { arguments: Some(arguments), .. } => read_arguments(arguments, variables),
        InlineExpression::Placeable { expression } => read_expression(expression, variables),
        _ => {}
    }
}

fn read_arguments(arguments: &CallArguments<&str>, variables: &mut BTreeSet<String>) {
    arguments.positional.iter().for_each(|argument| read_inline(argument, variables));
}

fn misconfigured(message: String) -> Error {
    Error::new(ErrorKind::Misconfigured, message)
}
