//! What rules can be on: each fact with its type, its unit and where it is read.

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use serde_json::json;

use super::{
    context::{self, Context},
    limit::{Shown, parse_duration},
    ranges,
    signal::SignalDeclaration,
    test_numbers::TestNumbers,
};
use crate::{
    channel::Channel,
    ids::Action,
    phone::{LineType, Region},
};

/// A fact that a condition can be on.
#[derive(Clone)]
pub(super) struct Fact {
    name: Arc<str>,
    kind: Kind,
    source: Source,
}

/// Where the value of a fact comes from.
#[derive(Clone)]
enum Source {
    Context(for<'c, 'a> fn(&'c Context<'a>) -> Option<Value<'c>>),
    TestNumbers(Option<Arc<TestNumbers>>),
    Provider(Arc<str>),
    Signal(Arc<SignalDeclaration>),
}

impl Fact {
    /// The health of a provider.
    pub(super) fn provider(provider: &str) -> Self {
        let name = format!("provider.{provider}.healthy").into();
        Self { name, kind: Kind::Flag, source: Source::Provider(provider.into()) }
    }

    /// What others say.
    pub(super) fn signal(declaration: Arc<SignalDeclaration>) -> Self {
        let name = declaration.name.as_str().into();
        Self { name, kind: declaration.kind.kind(), source: Source::Signal(declaration) }
    }

    /// Whether the number is one of the policy's test numbers.
    pub(super) fn test_number(numbers: Option<Arc<TestNumbers>>) -> Self {
        Self { name: "phone.test".into(), kind: Kind::Flag, source: Source::TestNumbers(numbers) }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.name
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn is_signal(&self) -> bool {
        matches!(self.source, Source::Signal(_))
    }

    /// The action is the one fact that is never missing.
    pub(super) fn is_action(&self) -> bool {
        self.kind == Kind::Action
    }

    /// Whether it is known only when a check starts.
    pub(super) fn is_of_start_only(&self) -> bool {
        ["phone.", "check.", "provider."].iter().any(|group| self.name.starts_with(group))
    }

    /// Its value in a request, or `None` when it is missing.
    pub(super) fn value<'c>(&self, context: &'c Context<'_>) -> Option<Value<'c>> {
        match &self.source {
            Source::Context(read) => read(context),
            Source::TestNumbers(numbers) => {
                let Some(phone) = context.plain.phone.as_ref() else {
                    let is_test = context.plain.line?.is_test?;
                    return Some(Value::Scalar(Value::flag(is_test)));
                };
                let is_test = match numbers {
                    // Whether it still is one, only the time can tell.
                    Some(numbers) if numbers.contains(phone) => numbers.has_not_expired(context.plain.now?),
                    _ => false,
                };
                Some(Value::Scalar(Value::flag(is_test)))
            }
            Source::Provider(name) => context.health?.of(name).map(|healthy| Value::Scalar(Value::flag(healthy))),
            Source::Signal(declaration) => declaration.value(context.signals, context.plain.now),
        }
    }

    /// What to take a missing signal for in a rule that sends.
    pub(super) fn riskiest(&self) -> Option<Value<'static>> {
        match &self.source {
            Source::Signal(declaration) => declaration.riskiest.map(Value::Scalar),
            _ => None,
        }
    }

    /// Its value in a request for people and records; a phone number is masked.
    pub(super) fn shown(&self, context: &Context<'_>) -> Option<serde_json::Value> {
        let value = self.value(context)?;
        Some(match (self.kind, value) {
            (Kind::Prefix, _) => json!(context.plain.phone.map(|phone| phone.to_string())),
            (kind, Value::Scalar(place)) => kind.shown(place),
            (_, Value::Word(word)) => json!(word),
        })
    }
}

/// The facts that every policy has, but for the number's being a test number.
pub(super) fn built_in() -> impl Iterator<Item = Fact> {
    FACTS.iter().map(|known| Fact { name: known.0.into(), kind: known.1, source: Source::Context(known.2) })
}

impl PartialEq for Fact {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The value of a fact: a place on the line of [`ranges`], or a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'c> {
    Scalar(u128),
    Word(&'c str),
}

impl Value<'_> {
    pub(super) fn flag(flag: bool) -> u128 {
        flag.into()
    }

    pub(super) fn number(number: i64) -> u128 {
        ranges::of_number(number)
    }

    pub(super) fn age(age: Duration) -> u128 {
        ranges::of_number(i64::try_from(age.as_secs()).unwrap_or(i64::MAX))
    }
}

/// What the values of a fact are, and how they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Action,
    Region,
    LineType,
    Currency,
    Weekday,
    Platform,
    Text,
    Flag,
    CountryCode,
    Number,
    Count,
    Hour,
    Age,
    Prefix,
    Address,
    Channels,
}

/// A value as it is written in a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Written<'t> {
    Text(&'t str),
    Integer(i64),
    Flag(bool),
    Other,
}

/// What one written value stands for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Meaning {
    Places(Vec<(u128, u128)>),
    Word(Box<str>),
}

impl Kind {
    /// Every kind.
    pub(super) const ALL: [Self; 16] = [
        Self::Action,
        Self::Region,
        Self::LineType,
        Self::Currency,
        Self::Weekday,
        Self::Platform,
        Self::Text,
        Self::Flag,
        Self::CountryCode,
        Self::Number,
        Self::Count,
        Self::Hour,
        Self::Age,
        Self::Prefix,
        Self::Address,
        Self::Channels,
    ];

    /// Whether its values are words.
    pub(super) fn is_word(self) -> bool {
        matches!(
            self,
            Self::Action | Self::Region | Self::LineType | Self::Currency | Self::Weekday | Self::Platform | Self::Text
        )
    }

    /// What its values look like.
    pub(super) fn wants(self) -> &'static str {
        match self {
            Self::Action => "an action has 1 to 64 characters of a-z, 0-9, `_`, `.`, `:` and `-`",
            Self::Region => "a region is two capital letters of ISO 3166-1 that have phone numbers, such as \"LV\"",
            Self::LineType => {
                "known types are \"mobile\", \"fixed_line\", \"fixed_line_or_mobile\", \"toll_free\", \"premium_rate\", \
                 \"shared_cost\", \"voip\", \"personal_number\", \"pager\", \"uan\", \"voicemail\" and \"unknown\""
            }
            Self::Currency => "a currency is three capital letters of ISO 4217, such as \"EUR\"",
            Self::Weekday => {
                "weekdays are \"monday\", \"tuesday\", \"wednesday\", \"thursday\", \"friday\", \"saturday\" and \"sunday\""
            }
            Self::Platform | Self::Text => {
                "a word has 1 to 64 letters, digits and signs, with spaces only between them, such as \"ios\""
            }
            Self::Flag => "write true or false, without quotes",
            Self::CountryCode => "a country code is a number from 1 to 999, such as 371",
            Self::Number => "a whole number, without quotes, such as 1000",
            Self::Count => "a whole number from 0, without quotes, such as 3",
            Self::Hour => "an hour is a number from 0 to 23, in UTC",
            Self::Age => {
                "an age is compared: { lt = \"7d\" } is less than seven days, { gte = \"1h\" } an hour or more"
            }
            Self::Prefix => "a prefix is `+` and 1 to 15 digits, such as \"+3716\"",
            Self::Address => {
                "an address is such as \"192.0.2.1\"; a network is { cidr = \"192.0.2.0/24\" }, with no bits set beyond \
                 its length"
            }
            Self::Channels => {
                "channels are \"sms\", \"voice_code\", \"flash_call\", \"key_press\", \"email\" and \"silent_network\""
            }
        }
    }

    /// What may stand in a table in place of a value, next to `not`.
    pub(super) fn operators(self) -> &'static [&'static str] {
        match self {
            Self::CountryCode | Self::Number | Self::Count | Self::Hour => &["gte", "gt", "lt", "lte", "in"],
            Self::Age => &["gte", "gt", "lt", "lte"],
            Self::Action | Self::Platform | Self::Text => &["prefix", "glob", "in"],
            Self::Address => &["cidr", "in"],
            Self::Region | Self::LineType | Self::Currency | Self::Weekday | Self::Prefix => &["in"],
            Self::Flag | Self::Channels => &[],
        }
    }

    /// Reads one value.
    pub(super) fn read(self, written: Written<'_>) -> Option<Meaning> {
        let word = |word: &str| Some(Meaning::Word(word.into()));
        let place = |place| Some(Meaning::Places(vec![(place, place)]));
        match (self, written) {
            (Self::Action, Written::Text(name)) => Action::new(name).ok().and_then(|_| word(name)),
            (Self::Region, Written::Text(letters)) => letters.parse::<Region>().ok().and_then(|_| word(letters)),
            (Self::LineType, Written::Text(name)) => {
                LineType::ALL.into_iter().find(|known| known.as_str() == name).and_then(|known| word(known.as_str()))
            }
            (Self::Currency, Written::Text(code)) => context::currency(code).and_then(|_| word(code)),
            (Self::Weekday, Written::Text(day)) => WEEKDAYS.contains(&day).then(|| word(day)).flatten(),
            (Self::Platform | Self::Text, Written::Text(text)) if super::file::is_label(text) => word(text),
            (Self::Flag, Written::Flag(flag)) => place(Value::flag(flag)),
            (Self::CountryCode | Self::Number | Self::Count | Self::Hour, Written::Integer(number)) => {
                self.is_in_range(number).then(|| place(Value::number(number))).flatten()
            }
            (Self::Prefix, Written::Text(prefix)) => {
                ranges::of_prefix(prefix).map(|range| Meaning::Places(vec![range]))
            }
            (Self::Address, Written::Text(text)) => place(ranges::of_address(text.parse::<IpAddr>().ok()?)),
            (Self::Channels, Written::Text(name)) => {
                let bit = context::mask_of(name.parse::<Channel>().ok()?);
                let with = |tried: &u8| tried & bit != 0;
                Some(Meaning::Places((0..=u8::MAX).filter(with).map(|tried| (tried.into(), tried.into())).collect()))
            }
            _ => None,
        }
    }

    /// Reads what a fact is compared with.
    pub(super) fn bound(self, written: Written<'_>) -> Option<i64> {
        match (self, written) {
            (Self::Age, Written::Text(text)) => {
                let age = parse_duration(text, LONGEST_AGE).ok()?;
                i64::try_from(age.as_secs()).ok()
            }
            (Self::Age, _) => None,
            (_, Written::Integer(number)) => Some(number),
            _ => None,
        }
    }

    /// Reads a line of a list's file.
    pub(super) fn in_a_line(self, line: &str) -> Written<'_> {
        match self {
            Self::CountryCode | Self::Number | Self::Count | Self::Hour => {
                line.parse().map_or(Written::Text(line), Written::Integer)
            }
            _ => Written::Text(line),
        }
    }

    fn is_in_range(self, number: i64) -> bool {
        match self {
            Self::CountryCode => (1..=999).contains(&number),
            Self::Count => number >= 0,
            Self::Hour => (0..=23).contains(&number),
            _ => true,
        }
    }

    fn shown(self, place: u128) -> serde_json::Value {
        match self {
            Self::Flag => json!(place == 1),
            Self::Age => {
                let seconds = u64::try_from(ranges::number_at(place)).unwrap_or_default();
                json!(Shown(Duration::from_secs(seconds)).to_string())
            }
            Self::Address => json!(ranges::address_at(place)),
            Self::Channels => {
                let tried = |channel: &Channel| place & u128::from(context::mask_of(*channel)) != 0;
                json!(Channel::ALL.into_iter().filter(tried).collect::<Vec<_>>())
            }
            _ => json!(ranges::number_at(place)),
        }
    }
}

/// A fact that every policy has: its name, what its values are, and where they are read.
struct Known(&'static str, Kind, for<'c, 'a> fn(&'c Context<'a>) -> Option<Value<'c>>);

const FACTS: &[Known] = &[
    Known("action", Kind::Action, |c| Some(Value::Word(c.action.as_str()))),
    Known("amount", Kind::Number, |c| number(c.plain.amount?)),
    Known("currency", Kind::Currency, |c| Some(Value::Word(std::str::from_utf8(c.plain.currency.as_ref()?).ok()?))),
    Known("payee_known", Kind::Flag, |c| flag(c.plain.payee_known?)),
    Known("client.ip", Kind::Address, |c| Some(Value::Scalar(ranges::of_address(c.plain.client_ip?)))),
    Known("client.ip_region", Kind::Region, |c| Some(Value::Word(c.plain.client_ip_region.as_ref()?.as_str()))),
    Known("client.mobile_data", Kind::Flag, |c| flag(c.plain.client_mobile_data?)),
    Known("client.platform", Kind::Platform, |c| c.client_platform.map(Value::Word)),
    Known("subject.known", Kind::Flag, |c| flag(c.plain.subject_known?)),
    Known("subject.age", Kind::Age, |c| Some(Value::Scalar(Value::age(c.plain.subject_age?)))),
    Known("subject.had_verified_phone", Kind::Flag, |c| flag(c.plain.subject_had_verified_phone?)),
    Known("subject.failures", Kind::Count, |c| number(c.plain.subject_failures?.into())),
    Known("time.hour", Kind::Hour, |c| number(i64::try_from(seconds(c)? / 3600 % 24).ok()?)),
    Known("time.weekday", Kind::Weekday, |c| {
        // The first of January 1970 was a Thursday.
        let day = usize::try_from((seconds(c)? / 86_400 + 3) % 7).ok()?;
        WEEKDAYS.get(day).copied().map(Value::Word)
    }),
    Known("phone.region", Kind::Region, |c| Some(Value::Word(c.plain.region.as_ref()?.as_str()))),
    Known("phone.country_code", Kind::CountryCode, |c| number(c.plain.country_code()?.into())),
    Known(LINE_TYPE, Kind::LineType, |c| Some(Value::Word(c.plain.line_type()?.as_str()))),
    Known("phone.prefix", Kind::Prefix, |c| Some(Value::Scalar(c.plain.begins()?))),
    Known("check.legs", Kind::Count, |c| number(c.plain.check_legs?.into())),
    Known("check.channels_tried", Kind::Channels, |c| Some(Value::Scalar(c.plain.channels_tried?.into()))),
];

fn flag<'c>(flag: bool) -> Option<Value<'c>> {
    Some(Value::Scalar(Value::flag(flag)))
}

fn number<'c>(number: i64) -> Option<Value<'c>> {
    Some(Value::Scalar(Value::number(number)))
}

/// The time of the request, in seconds since 1970.
fn seconds(context: &Context<'_>) -> Option<u64> {
    context.plain.now?.duration_since(std::time::SystemTime::UNIX_EPOCH).ok().map(|since| since.as_secs())
}

pub(super) const LINE_TYPE: &str = "phone.type";
pub(super) const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// A hundred years: what is older is as old.
const LONGEST_AGE: Duration = Duration::from_secs(100 * 365 * 86_400);
