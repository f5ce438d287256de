//! The facts and the answer of a start, to be kept for years: what rules read, without whose it was.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, SystemTime},
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{
    Policy,
    context::{self, Context, Line, Plain},
    decision::Decision,
    fact::Value,
    file,
    given::Given,
    ranges,
    rule::Section,
    signal::{SignalType, SignalValue, Signals},
};
use crate::{
    channel::Channel,
    ids::{Action, RuleName},
    phone::{LineType, PhoneNumber, Region},
};

/// What a policy answered, as it stands in a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecordedAnswer {
    /// The hash of the policy.
    pub policy: String,
    /// The rule that decided, or `None` when none matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The plan: the routes to try, best first.
    #[serde(default, rename = "try", skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<String>,
    /// Why it was refused, in the words of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deny: Option<String>,
    /// The positions of all rules that matched, from 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matched: Vec<usize>,
}

impl RecordedAnswer {
    /// Asks a policy which routes a start may use.
    #[must_use]
    pub fn of(policy: &Policy, context: &Context<'_>) -> Self {
        let evaluation = policy.evaluate(Section::Route, context);
        let (routes, deny) = match evaluation.decision {
            Decision::Try(plan) => (plan.routes().iter().map(ToString::to_string).collect(), None),
            Decision::Deny(reason) => (Vec::new(), Some(reason.to_owned())),
            Decision::Allow | Decision::Require(_) => (Vec::new(), None),
        };
        Self {
            policy: evaluation.policy.to_owned(),
            rule: evaluation.rule.map(RuleName::as_str).map(str::to_owned),
            routes,
            deny,
            matched: policy.matching(Section::Route, context).iter().collect(),
        }
    }
}

/// The facts of a start under the names that rules know them by, without what would say whose they are.
///
/// Of a number, its first digits are kept: the country code and up to three more, and never any of the last five. Of an
/// address, its network is kept: the /24 of IPv4, the /48 of IPv6. A word of the application that looks like a number of a
/// person, an address or an e-mail is [withheld](Self::withheld). Ages are in whole seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct RecordedFacts {
    /// What the subject was trying to do; `None` when it was withheld.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// How much was at stake, in the application's unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<i64>,
    /// Its currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Whether the subject had paid this payee before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payee_known: Option<bool>,
    /// The network of the client's address.
    #[serde(rename = "client.ip", skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<IpNet>,
    /// Where that address is.
    #[serde(rename = "client.ip_region", skip_serializing_if = "Option::is_none")]
    pub client_ip_region: Option<String>,
    /// Whether the client was on mobile data.
    #[serde(rename = "client.mobile_data", skip_serializing_if = "Option::is_none")]
    pub client_mobile_data: Option<bool>,
    /// What the client ran on.
    #[serde(rename = "client.platform", skip_serializing_if = "Option::is_none")]
    pub client_platform: Option<String>,
    /// Whether the subject was an account.
    #[serde(rename = "subject.known", skip_serializing_if = "Option::is_none")]
    pub subject_known: Option<bool>,
    /// How old the account was, in seconds.
    #[serde(rename = "subject.age", skip_serializing_if = "Option::is_none")]
    pub subject_age: Option<u64>,
    /// Whether the account had shown possession of a phone before.
    #[serde(rename = "subject.had_verified_phone", skip_serializing_if = "Option::is_none")]
    pub subject_had_verified_phone: Option<bool>,
    /// How many answers of the subject were wrong of late.
    #[serde(rename = "subject.failures", skip_serializing_if = "Option::is_none")]
    pub subject_failures: Option<u32>,
    /// The region of the number.
    #[serde(rename = "phone.region", skip_serializing_if = "Option::is_none")]
    pub phone_region: Option<String>,
    /// Its country code.
    #[serde(rename = "phone.country_code", skip_serializing_if = "Option::is_none")]
    pub phone_country_code: Option<u16>,
    /// What kind of line it is.
    #[serde(rename = "phone.type", skip_serializing_if = "Option::is_none")]
    pub phone_type: Option<LineType>,
    /// How it begins.
    #[serde(rename = "phone.prefix", skip_serializing_if = "Option::is_none")]
    pub phone_prefix: Option<String>,
    /// Whether it was one of the policy's test numbers.
    #[serde(rename = "phone.test", skip_serializing_if = "Option::is_none")]
    pub phone_test: Option<bool>,
    /// How many messages the check had sent before.
    #[serde(rename = "check.legs", skip_serializing_if = "Option::is_none")]
    pub check_legs: Option<u32>,
    /// The channels that it had tried before.
    #[serde(rename = "check.channels_tried", skip_serializing_if = "Option::is_none")]
    pub channels_tried: Option<Vec<Channel>>,
    /// Which providers could be reached: the facts `provider.<name>.healthy`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub healthy: BTreeMap<String, bool>,
    /// The signals that the policy declares and that were worth something then.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub signals: BTreeMap<String, RecordedSignal>,
    /// The names of facts that were known and are not kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<String>,
}

/// What a signal said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum RecordedSignal {
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A word.
    Text(String),
    /// How long before the start something happened.
    Ago {
        /// In seconds.
        ago: u64,
    },
}

impl RecordedFacts {
    /// What may be kept of the facts of a request. Of the signals those are kept that `policy` declares.
    #[must_use]
    pub fn of(policy: &Policy, context: &Context<'_>) -> Self {
        let plain = &context.plain;
        let mut withheld = Vec::new();
        let mut keep = |fact: &str, word: Option<&str>| {
            let kept = word.filter(|word| names_nobody(word));
            withheld.extend((kept != word).then(|| fact.to_owned()));
            kept.map(str::to_owned)
        };
        let action = keep("action", Some(context.action.as_str()));
        let client_platform = keep("client.platform", context.client_platform);
        let signals = signals(policy, context, &mut keep);
        let is_test = |phone: &PhoneNumber| {
            let is_test = |now| policy.test_numbers().is_some_and(|numbers| numbers.is_test(phone, now));
            plain.now.map(is_test)
        };
        let tried = |mask: u8| Channel::ALL.into_iter().filter(move |c| mask & context::mask_of(*c) != 0).collect();
        let healthy = context.health.into_iter().flat_map(context::Health::iter);
        Self {
            action,
            amount: plain.amount,
            currency: plain.currency.and_then(|letters| String::from_utf8(letters.to_vec()).ok()),
            payee_known: plain.payee_known,
            client_ip: plain.client_ip.and_then(network),
            client_ip_region: plain.client_ip_region.map(|region| region.to_string()),
            client_mobile_data: plain.client_mobile_data,
            client_platform,
            subject_known: plain.subject_known,
            subject_age: plain.subject_age.map(|age| age.as_secs()),
            subject_had_verified_phone: plain.subject_had_verified_phone,
            subject_failures: plain.subject_failures,
            phone_region: plain.region.map(|region| region.to_string()),
            phone_country_code: plain.country_code(),
            phone_type: plain.line_type(),
            phone_prefix: plain.phone.as_ref().map(beginning),
            phone_test: plain.phone.as_ref().and_then(is_test),
            check_legs: plain.check_legs,
            channels_tried: plain.channels_tried.map(tried),
            healthy: healthy.map(|(name, healthy)| (name.to_owned(), healthy)).collect(),
            signals,
            withheld,
        }
    }

    /// The facts as a policy is asked with them, at the time of the start; `None` when the action was withheld or is none.
    ///
    /// Of what was cut, the network and the first digits, the lowest address and the shortest number stand for the rest;
    /// a [`Replayer`](super::Replayer) asks about the others, too.
    #[must_use]
    pub fn given(&self, at: SystemTime) -> Option<Given> {
        let region = |letters: &Option<String>| letters.as_deref().and_then(Region::recorded);
        let line = Line {
            country_code: self.phone_country_code,
            line_type: self.phone_type,
            begins: self.numbers().map(|(first, _)| first),
            is_test: self.phone_test,
        };
        let mask = |tried: &Vec<Channel>| tried.iter().fold(0, |mask, channel| mask | context::mask_of(*channel));
        let plain = Plain {
            region: region(&self.phone_region),
            amount: self.amount,
            currency: self.currency.as_deref().and_then(context::currency),
            payee_known: self.payee_known,
            client_ip: self.client_ip.map(|network| network.network()),
            client_ip_region: region(&self.client_ip_region),
            client_mobile_data: self.client_mobile_data,
            subject_known: self.subject_known,
            subject_age: self.subject_age.map(Duration::from_secs),
            subject_had_verified_phone: self.subject_had_verified_phone,
            subject_failures: self.subject_failures,
            check_legs: self.check_legs,
            channels_tried: self.channels_tried.as_ref().map(mask),
            now: Some(at),
            line: self.phone_country_code.is_some().then_some(line),
            phone: None,
        };
        Some(Given {
            action: Action::new(self.action.as_deref()?).ok()?,
            plain,
            platform: self.client_platform.clone(),
            health: self.healthy.iter().fold(context::Health::new(), |health, (name, up)| health.with(name, *up)),
            signals: self
                .signals
                .iter()
                .fold(Signals::new(), |signals, (name, value)| signals.with_fresh(name, SignalValue::from(value))),
        })
    }

    /// The numbers that the one of the start may have been, as places on the line.
    pub(super) fn numbers(&self) -> Option<(u128, u128)> {
        self.phone_prefix.as_deref().and_then(ranges::of_prefix)
    }

    /// The addresses that the client may have had, as places on the line.
    pub(super) fn addresses(&self) -> Option<(u128, u128)> {
        let network = self.client_ip?;
        Some((ranges::of_address(network.network()), ranges::of_address(network.broadcast())))
    }
}

impl From<&RecordedSignal> for SignalValue {
    fn from(recorded: &RecordedSignal) -> Self {
        match recorded {
            RecordedSignal::Flag(flag) => Self::Flag(*flag),
            RecordedSignal::Number(number) => Self::Number(*number),
            RecordedSignal::Text(text) => Self::Text(text.clone()),
            RecordedSignal::Ago { ago } => Self::Ago(Duration::from_secs(*ago)),
        }
    }
}

/// The signals that a policy declares and that are worth something; words only as far as `keep` lets them through.
fn signals(
    policy: &Policy,
    context: &Context<'_>,
    mut keep: impl FnMut(&str, Option<&str>) -> Option<String>,
) -> BTreeMap<String, RecordedSignal> {
    let mut signals = BTreeMap::new();
    for declared in policy.signals() {
        let Some(value) = declared.value(context.signals, context.plain.now) else { continue };
        let value = match (declared.kind, value) {
            (_, Value::Word(word)) => keep(&declared.name, Some(word)).map(RecordedSignal::Text),
            (SignalType::Boolean, Value::Scalar(place)) => Some(RecordedSignal::Flag(place == Value::flag(true))),
            (SignalType::Time, Value::Scalar(place)) => {
                Some(RecordedSignal::Ago { ago: u64::try_from(ranges::number_at(place)).unwrap_or_default() })
            }
            (_, Value::Scalar(place)) => Some(RecordedSignal::Number(ranges::number_at(place))),
        };
        signals.extend(value.map(|value| (declared.name.clone(), value)));
    }
    signals
}

/// Whether a word of the application, or of a client, can stand in a record: it is short, and no number, address or e-mail.
fn names_nobody(word: &str) -> bool {
    let digits = word.chars().filter(|c| c.is_numeric()).count();
    file::is_label(word) && digits < FEWEST_DIGITS && !word.contains('@') && word.parse::<IpAddr>().is_err()
}

/// The network that an address is in, as it is kept.
fn network(ip: IpAddr) -> Option<IpNet> {
    let length = if ip.is_ipv4() { 24 } else { 48 };
    IpNet::new(ip, length).ok().map(|network| network.trunc())
}

/// How a number begins, as it is kept. Where numbers are short, less is kept.
fn beginning(phone: &PhoneNumber) -> String {
    let digits = phone.digits().to_string();
    let country = phone.country_code().to_string().len();
    let kept = (country + KEPT).min(digits.len().saturating_sub(HIDDEN)).max(country);
    digits.chars().take(kept).fold("+".to_owned(), |mut text, digit| {
        text.push(digit);
        text
    })
}

/// Phone numbers have seven digits or more almost everywhere, and version numbers have fewer.
const FEWEST_DIGITS: usize = 7;

/// The digits after the country code that are kept: about what an operator buys at a time.
const KEPT: usize = 3;

/// The last digits that are never kept: a hundred thousand numbers look alike.
const HIDDEN: usize = 5;
