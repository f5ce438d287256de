//! `handset policy explain`: what does a policy say to one request, and why?

use std::{
    io::{self, Write},
    path::PathBuf,
    time::SystemTime,
};

use clap::ValueEnum;
use serde::Serialize;
use toml::Value;

use super::{Exit, Format, in_force::InForce, load, said};
use crate::{
    clock::{Clock, SystemClock},
    phone::PhoneNumber,
    policy::{Decision, Given, Policy, RuleTrace, Section, Stop, Trace, Why},
    provider::registry,
};

/// Say what a policy answers to one request, and why
///
/// Facts that are not given are missing, as they are in a request, but for these: it is now, every provider is healthy,
/// and no message was sent before.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The policy; the files that it names are read, too
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// What the subject is trying to do
    #[arg(long, value_name = "ACTION")]
    action: String,

    /// The number, in E.164: it is shown masked
    #[arg(long, value_name = "NUMBER", value_parser = phone)]
    phone: Option<PhoneNumber>,

    /// Another fact or signal; may stand more than once
    #[arg(long = "fact", value_name = "NAME=VALUE", value_parser = fact)]
    facts: Vec<(String, Value)>,

    /// When, in UTC, such as 2026-05-01T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_rfc3339)]
    at: Option<SystemTime>,

    /// The question; without it, `step_up`, and with a number `route` as well
    #[arg(long, value_enum)]
    section: Option<Asked>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Asked {
    /// Does the request need a proof?
    #[value(name = "step_up")]
    StepUp,
    /// Which provider and channel may a check use?
    #[value(name = "route")]
    Route,
}

pub(crate) fn run(args: &Args, format: Format, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let Some(policy) = load(&args.file, err) else { return Exit::Unusable };
    let asked = match facts(args) {
        Ok(asked) => asked,
        Err(message) => return said(writeln!(err, "error: {message}"), Exit::Unusable),
    };
    let given = match policy.given("the facts that were given", &with_assumed(asked.clone()).to_string()) {
        Ok(given) => given,
        Err(errors) => return said(writeln!(err, "{errors}"), Exit::Unusable),
    };
    let sections = match (args.section, given.has_phone()) {
        (Some(Asked::StepUp), _) | (None, false) => vec![Section::StepUp],
        (Some(Asked::Route), _) => vec![Section::Route],
        (None, true) => vec![Section::StepUp, Section::Route],
    };
    let explained = Explained {
        asked: shown(args, asked),
        answers: sections.into_iter().map(|section| Answer::of(&policy, section, &given)).collect(),
        in_force: InForce::of(&policy),
    };
    let written = match format {
        Format::Human => explained.human(out),
        Format::Plain => explained.plain(out),
        Format::Json => {
            serde_json::to_writer(&mut *out, &explained).map_err(io::Error::from).and_then(|()| writeln!(out))
        }
    };
    said(written, Exit::Fine)
}

/// The facts as they stand in a `[[test]]`.
fn facts(args: &Args) -> Result<toml::Table, String> {
    let mut facts = toml::Table::new();
    for (name, value) in &args.facts {
        if ["action", "phone", "time"].contains(&name.as_str()) {
            let option = if name == "time" { "at" } else { name };
            return Err(format!("`--fact {name}=..` has an option of its own: `--{option}`"));
        }
        if facts.insert(name.clone(), value.clone()).is_some() {
            return Err(format!("`--fact {name}=..` is given twice; leave one of the two"));
        }
    }
    let time = humantime::format_rfc3339_seconds(args.at.unwrap_or_else(|| SystemClock.now())).to_string();
    let time = time.parse().map(Value::Datetime).map_err(|_| "the time is not in this era".to_owned())?;
    facts.insert("time".to_owned(), time);
    facts.insert("action".to_owned(), Value::String(args.action.clone()));
    if let Some(phone) = &args.phone {
        facts.insert("phone".to_owned(), Value::String(phone.to_e164()));
    }
    Ok(facts)
}

/// With what a verifier knows when a check starts, unless something else is given.
fn with_assumed(mut facts: toml::Table) -> toml::Table {
    for provider in registry::PROVIDERS {
        facts.entry(format!("provider.{}.healthy", provider.name)).or_insert(Value::Boolean(true));
    }
    facts.entry("check.legs").or_insert(Value::Integer(0));
    facts.entry("check.channels_tried").or_insert(Value::Array(Vec::new()));
    facts
}

/// The facts for people: a number tells its owner.
fn shown(args: &Args, mut facts: toml::Table) -> toml::Table {
    if let Some(phone) = &args.phone {
        let region = phone.region().map_or_else(|| "no region".to_owned(), |region| region.to_string());
        let shown = format!("{phone} ({region}, {})", phone.line_type());
        facts.insert("phone".to_owned(), Value::String(shown));
    }
    if let Some(time) = facts.get_mut("time") {
        *time = Value::String(time.to_string());
    }
    facts
}

fn phone(text: &str) -> Result<PhoneNumber, String> {
    // The text is not repeated: it may be a number.
    PhoneNumber::parse(text, None).map_err(|_| "write a valid number in E.164, such as +37126123456".to_owned())
}

/// `NAME=VALUE`, whose value is as in a policy; text needs no quotes.
fn fact(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("write the name of a fact, `=` and its value")?;
    let value = value.parse().unwrap_or_else(|_| Value::String(value.to_owned()));
    Ok((name.trim().to_owned(), value))
}

/// What was asked and what was answered.
#[derive(Serialize)]
struct Explained {
    asked: toml::Table,
    answers: Vec<Answer>,
    in_force: InForce,
}

/// What one section says.
#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    trace: Trace,
    /// How codes are made and tried, where something is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
}

#[derive(Serialize)]
struct Code {
    digits: u8,
    lifetime_seconds: u64,
    attempts: u8,
    preflight: bool,
    message: Option<String>,
}

impl Answer {
    fn of(policy: &Policy, section: Section, given: &Given) -> Self {
        let context = given.context();
        let code = match policy.evaluate(section, &context).decision {
            Decision::Try(plan) => Some(Code {
                digits: plan.code.digits,
                lifetime_seconds: plan.code.lifetime.as_secs(),
                attempts: plan.code.attempts,
                preflight: plan.preflight,
                message: plan.message.clone(),
            }),
            _ => None,
        };
        Self { trace: policy.explain(section, &context), code }
    }

    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        let Trace { section, decision, rules, .. } = &self.trace;
        writeln!(out, "\n{section}: {decision}, {}\n   matches  rule", self.by())?;
        let mut decided = false;
        for rule in rules {
            let mark = if rule.matched && !decided { '>' } else { ' ' };
            writeln!(out, " {mark} {:<7}  {} ({}:{})", yes(rule.matched), rule.rule, rule.file, rule.line)?;
            why(rule, decided).iter().try_for_each(|line| writeln!(out, "              {line}"))?;
            decided |= rule.matched;
        }
        if let Some(Code { digits, lifetime_seconds, attempts, .. }) = &self.code {
            writeln!(out, "codes of {digits} digits, for {lifetime_seconds} seconds and {attempts} attempts")?;
        }
        Ok(())
    }

    fn by(&self) -> String {
        self.trace.rule.as_ref().map_or_else(|| "no rule matched".to_owned(), |rule| format!("by `{rule}`"))
    }
}

impl Explained {
    fn human(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "asked with")?;
        let width = self.asked.keys().map(String::len).max().unwrap_or_default();
        self.asked.iter().try_for_each(|(name, value)| writeln!(out, "  {name:<width$}  {}", bare(value)))?;
        writeln!(out, "and, unless it stands there: every provider is healthy, no message was sent before")?;
        for answer in &self.answers {
            answer.human(out)?;
        }
        write!(out, "\n{}", self.in_force)
    }

    fn plain(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "policy={}", self.in_force.hash())?;
        for answer in &self.answers {
            let section = answer.trace.section;
            writeln!(out, "{section}={}", answer.trace.decision)?;
            writeln!(out, "{section}.rule={}", answer.trace.rule.as_ref().map_or("", |rule| rule.as_str()))?;
            let mut decided = false;
            for (position, rule) in answer.trace.rules.iter().enumerate() {
                let number = position + 1;
                writeln!(out, "{section}.{number}.rule={}", rule.rule)?;
                writeln!(out, "{section}.{number}.matches={}", yes(rule.matched))?;
                writeln!(out, "{section}.{number}.why={}", why(rule, decided).join(", "))?;
                decided |= rule.matched;
            }
        }
        Ok(())
    }
}

/// Text without its quotes.
fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn yes(matched: bool) -> String {
    if matched { "yes" } else { "no" }.to_owned()
}

/// Why a rule stood as it did, in lines. `decided` is whether one above it has decided.
fn why(rule: &RuleTrace, decided: bool) -> Vec<String> {
    let without = rule.missing.join(", ");
    match (&rule.stopped_by, rule.refuses) {
        (Some(stop), _) => vec![stop.text.clone(), stopped(stop)],
        (None, true) => vec![format!("refuses without {without}, as its `on_missing` says")],
        (None, false) if decided => vec!["a rule above decided".to_owned()],
        (None, false) if without.is_empty() => Vec::new(),
        (None, false) => vec![format!("without {without}: read the careful way")],
    }
}

fn stopped(stop: &Stop) -> String {
    let facts = stop.facts.iter().map(|(fact, value)| match value {
        Some(value) => format!("{fact} is {value}"),
        None => format!("{fact} is missing"),
    });
    let facts = facts.collect::<Vec<_>>().join(", ");
    match stop.why {
        Why::DoesNotHold => format!("but {facts}"),
        Why::Missing => format!("but {facts}; a rule that allows or sends does not match without it"),
        Why::Skipped => format!("but {facts}; `on_missing` says to skip the rule"),
    }
}

const AFTER_HELP: &str = "\
Examples:
  handset policy explain policy.toml --action transfer --fact amount=120000 --fact currency=EUR
  handset policy explain policy.toml --action sign_in --phone +37126123456 --fact client.ip=192.0.2.1
  handset policy explain policy.toml --action sign_in --phone +37126123456 --fact sim_swapped_at=2h --section route
  handset policy explain policy.toml --action sign_in --phone +37126123456 --fact check.legs=1 --fact 'check.channels_tried=[\"sms\"]'";
