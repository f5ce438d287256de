//! The facts of a request, to keep: those of a test case, or of a record.

use std::{fmt, ops::Range, time::Duration};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    context::{self, Context, Health, Plain},
    diagnostic::{Report, plain},
    fact::{Fact, Kind, Written},
    signal::{SignalValue, Signals},
    vocabulary::Vocabulary,
    when::written,
};
use crate::{channel::Channel, ids::Action, phone::PhoneNumber};

/// The facts of a request, as they stand in a policy's test cases: names of facts and their values.
///
/// The number stands as `phone = "+37126123456"`, the time as `time = 2026-05-01T12:00:00Z`, a signal by its name; one of type
/// `time` by how long ago it is, such as `"3d"`.
#[derive(Clone)]
pub struct Given {
    pub(super) action: Action,
    pub(super) plain: Plain,
    pub(super) platform: Option<String>,
    pub(super) health: Health,
    pub(super) signals: Signals,
}

impl Given {
    /// The facts as a policy is asked with them.
    #[must_use]
    pub fn context(&self) -> Context<'_> {
        Context {
            action: &self.action,
            plain: self.plain,
            client_platform: self.platform.as_deref(),
            health: Some(&self.health),
            signals: Some(&self.signals),
        }
    }

    /// Whether a number is among them: what is asked is a route, then.
    #[must_use]
    pub fn has_phone(&self) -> bool {
        self.plain.phone.is_some() || self.plain.line.is_some()
    }

    /// Reads a table of facts.
    pub(super) fn read(
        report: &mut Report<'_>,
        vocabulary: &Vocabulary<'_>,
        table: &DeTable<'_>,
        span: Range<usize>,
    ) -> Option<Self> {
        let mut reader = Reader { report, vocabulary, action: None, given: Bare::default() };
        let whole = reader.table("", table);
        let Reader { report, action, given: Bare { plain, platform, health, signals }, .. } = reader;
        if action.is_none() && whole.is_some() {
            report.add(span, "missing fact `action`", "every request has an action, such as `action = \"sign_in\"`");
        }
        whole.and(action).map(|action| Self { action, plain, platform, health, signals })
    }
}

/// Says which facts there are, not what they are.
impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.context().fmt(f)
    }
}

#[derive(Default)]
struct Bare {
    plain: Plain,
    platform: Option<String>,
    health: Health,
    signals: Signals,
}

struct Reader<'r, 's, 'v, 't> {
    report: &'r mut Report<'s>,
    vocabulary: &'v Vocabulary<'t>,
    action: Option<Action>,
    given: Bare,
}

impl Reader<'_, '_, '_, '_> {
    fn table(&mut self, prefix: &str, table: &DeTable<'_>) -> Option<()> {
        let mut whole = Some(());
        for (key, value) in table {
            let name =
                if prefix.is_empty() { key.get_ref().to_string() } else { format!("{prefix}.{}", key.get_ref()) };
            let fact = self.vocabulary.fact(&name);
            let done = match (name.as_str(), value.get_ref()) {
                ("phone", DeValue::String(text)) => self.phone(text, value.span()),
                ("time", DeValue::Datetime(time)) => self.time(&time.to_string(), value.span()),
                ("phone" | "time", DeValue::Table(_)) | (_, _) if self.is_derived(&name) => {
                    let help =
                        "give the number as `phone = \"+37126123456\"`, the time as `time = 2026-05-01T12:00:00Z`";
                    let message = match value.get_ref() {
                        DeValue::Table(_) => format!("the facts below `{}` follow from another one", plain(&name, 40)),
                        _ => format!("`{}` follows from another fact", plain(&name, 40)),
                    };
                    self.refuse(key.span(), message, help.to_owned())
                }
                (_, inner) => match (fact, inner) {
                    (Some(fact), _) => self.fact(&fact, value),
                    (None, DeValue::Table(inner)) if self.vocabulary.is_group(&name) => self.table(&name, inner),
                    (None, _) => {
                        let help = format!("known facts are `phone`, `time`, {}", self.vocabulary.known(true));
                        self.refuse(key.span(), format!("unknown fact `{}`", plain(&name, 40)), help)
                    }
                },
            };
            whole = whole.and(done);
        }
        whole
    }

    fn is_derived(&self, name: &str) -> bool {
        ["phone", "time"].contains(&name) || name.starts_with("phone.") || name.starts_with("time.")
    }

    fn phone(&mut self, text: &str, span: Range<usize>) -> Option<()> {
        match PhoneNumber::parse(text, None) {
            Ok(phone) => {
                (self.given.plain.phone, self.given.plain.region) = (Some(phone), phone.region());
                Some(())
            }
            Err(_) => self.refuse(
                span,
                "not a phone number".to_owned(),
                "write a valid number in E.164, such as \"+37126123456\"".to_owned(),
            ),
        }
    }

    fn time(&mut self, text: &str, span: Range<usize>) -> Option<()> {
        match humantime::parse_rfc3339(text) {
            Ok(time) => {
                self.given.plain.now = Some(time);
                Some(())
            }
            Err(_) => {
                let help = "write date and time in UTC, such as `2026-05-01T12:00:00Z`";
                self.refuse(span, "not a time".to_owned(), help.to_owned())
            }
        }
    }

    fn fact(&mut self, fact: &Fact, value: &Spanned<DeValue<'_>>) -> Option<()> {
        let set = match value.get_ref() {
            DeValue::Array(list) if fact.kind() == Kind::Channels => {
                let channel = |item: &Spanned<DeValue<'_>>| item.get_ref().as_str()?.parse::<Channel>().ok();
                let tried: Option<Vec<_>> = list.iter().map(channel).collect();
                tried.map(|tried| {
                    let mask = tried.into_iter().fold(0, |mask, channel| mask | context::mask_of(channel));
                    self.given.plain.channels_tried = Some(mask);
                })
            }
            value => self.set(fact, written(value)),
        };
        if set.is_none() {
            let help = match fact.kind() {
                Kind::Age => "write how long, such as \"3d\"",
                Kind::Channels => "write a list of channels, such as [\"sms\"]",
                kind => kind.wants(),
            };
            return self.refuse(value.span(), format!("not a value of `{fact}`"), help.to_owned());
        }
        Some(())
    }

    fn set(&mut self, fact: &Fact, written: Written<'_>) -> Option<()> {
        let age = || fact.kind().bound(written).and_then(|age| u64::try_from(age).ok()).map(Duration::from_secs);
        if fact.kind() != Kind::Age {
            fact.kind().read(written)?;
        }
        let Bare { plain, platform, health, signals } = &mut self.given;
        match (fact.as_str(), written) {
            (name, written) if fact.is_signal() => {
                let value = match written {
                    Written::Flag(flag) => SignalValue::Flag(flag),
                    Written::Integer(number) => SignalValue::Number(number),
                    Written::Text(_) if fact.kind() == Kind::Age => SignalValue::Ago(age()?),
                    Written::Text(text) => SignalValue::Text(text.to_owned()),
                    Written::Other => return None,
                };
                *signals = std::mem::take(signals).with_fresh(name, value);
            }
            ("action", Written::Text(name)) => self.action = Some(Action::new(name).ok()?),
            ("amount", Written::Integer(amount)) => plain.amount = Some(amount),
            ("currency", Written::Text(code)) => plain.currency = context::currency(code),
            ("payee_known", Written::Flag(known)) => plain.payee_known = Some(known),
            ("client.ip", Written::Text(ip)) => plain.client_ip = Some(ip.parse().ok()?),
            ("client.ip_region", Written::Text(region)) => plain.client_ip_region = Some(region.parse().ok()?),
            ("client.mobile_data", Written::Flag(on)) => plain.client_mobile_data = Some(on),
            ("client.platform", Written::Text(name)) => *platform = Some(name.to_owned()),
            ("subject.known", Written::Flag(known)) => plain.subject_known = Some(known),
            ("subject.age", _) => plain.subject_age = Some(age()?),
            ("subject.had_verified_phone", Written::Flag(had)) => plain.subject_had_verified_phone = Some(had),
            ("subject.failures", Written::Integer(count)) => plain.subject_failures = Some(u32::try_from(count).ok()?),
            ("check.legs", Written::Integer(count)) => plain.check_legs = Some(u32::try_from(count).ok()?),
            (name, Written::Flag(healthy)) => {
                let provider = name.strip_prefix("provider.")?.strip_suffix(".healthy")?;
                *health = std::mem::take(health).with(provider, healthy);
            }
            _ => return None,
        }
        Some(())
    }

    fn refuse(&mut self, span: Range<usize>, message: String, help: String) -> Option<()> {
        self.report.add(span, message, help);
        None
    }
}
