//! The facts of one request.

use std::{
    collections::BTreeMap,
    fmt,
    net::IpAddr,
    time::{Duration, SystemTime},
};

use super::{ranges, signal::Signals};
use crate::{
    channel::Channel,
    ids::Action,
    phone::{LineType, PhoneNumber, Region},
};

/// The facts of one request that a rule may name.
///
/// What is not set is missing, and a missing fact is read the careful way (see the [module](super)). `Debug` says which
/// facts there are, not what they are.
///
/// ```
/// use std::time::SystemTime;
/// use handset::{Action, policy::{Context, Signals}};
///
/// let (action, now) = (Action::new("transfer")?, SystemTime::now());
/// let signals = Signals::new().with("risk_score", 70, now);
/// let context = Context::new(&action).amount(250_000).currency("EUR").payee_known(false).signals(&signals).at(now);
/// # let _ = context;
/// # Ok::<(), handset::Error>(())
/// ```
#[derive(Clone)]
pub struct Context<'a> {
    pub(super) action: &'a Action,
    pub(super) plain: Plain,
    pub(super) client_platform: Option<&'a str>,
    pub(super) health: Option<&'a Health>,
    pub(super) signals: Option<&'a Signals>,
}

/// The facts that need no memory of their own.
#[derive(Clone, Copy, Default)]
pub(super) struct Plain {
    pub(super) phone: Option<PhoneNumber>,
    pub(super) region: Option<Region>,
    pub(super) amount: Option<i64>,
    pub(super) currency: Option<[u8; 3]>,
    pub(super) payee_known: Option<bool>,
    pub(super) client_ip: Option<IpAddr>,
    pub(super) client_ip_region: Option<Region>,
    pub(super) client_mobile_data: Option<bool>,
    pub(super) subject_known: Option<bool>,
    pub(super) subject_age: Option<Duration>,
    pub(super) subject_had_verified_phone: Option<bool>,
    pub(super) subject_failures: Option<u32>,
    pub(super) check_legs: Option<u32>,
    pub(super) channels_tried: Option<u8>,
    pub(super) now: Option<SystemTime>,
    /// What is left of a number in a record; there is no `phone`, then.
    pub(super) line: Option<Line>,
}

/// A number of which only a part is known.
#[derive(Clone, Copy)]
pub(super) struct Line {
    pub(super) country_code: Option<u16>,
    pub(super) line_type: Option<LineType>,
    /// How it begins, as a place on the line of numbers.
    pub(super) begins: Option<u128>,
    pub(super) is_test: Option<bool>,
}

impl Plain {
    pub(super) fn country_code(&self) -> Option<u16> {
        match &self.phone {
            Some(phone) => Some(phone.country_code()),
            None => self.line?.country_code,
        }
    }

    pub(super) fn line_type(&self) -> Option<LineType> {
        match &self.phone {
            Some(phone) => Some(phone.line_type()),
            None => self.line?.line_type,
        }
    }

    pub(super) fn begins(&self) -> Option<u128> {
        match &self.phone {
            Some(phone) => Some(ranges::of_phone(phone)),
            None => self.line?.begins,
        }
    }
}

impl<'a> Context<'a> {
    /// The facts of a request for an action; nothing else is known yet.
    #[must_use]
    pub fn new(action: &'a Action) -> Self {
        Self { action, plain: Plain::default(), client_platform: None, health: None, signals: None }
    }

    /// The number that is to be reached. Gives all facts that begin with `phone.`; a number of no country (satellite
    /// networks, universal free call) lacks `phone.region`.
    #[must_use]
    pub fn phone(mut self, phone: &PhoneNumber) -> Self {
        self.plain.phone = Some(*phone);
        self.plain.region = phone.region();
        self
    }

    /// How much is at stake, in the unit that the application and its policy agree on, such as cents.
    #[must_use]
    pub fn amount(mut self, amount: i64) -> Self {
        self.plain.amount = Some(amount);
        self
    }

    /// The currency of the amount: three capital letters of ISO 4217. Anything else counts as missing.
    #[must_use]
    pub fn currency(mut self, code: &str) -> Self {
        self.plain.currency = currency(code);
        self
    }

    /// Whether the subject has paid this payee before.
    #[must_use]
    pub fn payee_known(mut self, known: bool) -> Self {
        self.plain.payee_known = Some(known);
        self
    }

    /// The address that the request came from, as the application's own trusted proxies tell it.
    #[must_use]
    pub fn client_ip(mut self, ip: IpAddr) -> Self {
        // An IPv4 client of an IPv6 socket shows as `::ffff:192.0.2.1`; rules name `192.0.2.1`.
        self.plain.client_ip = Some(ip.to_canonical());
        self
    }

    /// Where that address is, as far as the application knows.
    #[must_use]
    pub fn client_ip_region(mut self, region: Region) -> Self {
        self.plain.client_ip_region = Some(region);
        self
    }

    /// Whether the client is on mobile data: silent checks need it.
    #[must_use]
    pub fn client_mobile_data(mut self, on: bool) -> Self {
        self.plain.client_mobile_data = Some(on);
        self
    }

    /// What the client runs on, in the application's words, such as `ios`.
    #[must_use]
    pub fn client_platform(mut self, platform: &'a str) -> Self {
        self.client_platform = Some(platform);
        self
    }

    /// Whether the subject is an account, and not a visitor.
    #[must_use]
    pub fn subject_known(mut self, known: bool) -> Self {
        self.plain.subject_known = Some(known);
        self
    }

    /// How old the account is. Counted in whole seconds.
    #[must_use]
    pub fn subject_age(mut self, age: Duration) -> Self {
        self.plain.subject_age = Some(age);
        self
    }

    /// Whether the account has shown possession of a phone before.
    #[must_use]
    pub fn subject_had_verified_phone(mut self, had: bool) -> Self {
        self.plain.subject_had_verified_phone = Some(had);
        self
    }

    /// How many answers of the subject were wrong of late.
    #[must_use]
    pub fn subject_failures(mut self, failures: u32) -> Self {
        self.plain.subject_failures = Some(failures);
        self
    }

    /// How many messages the check has sent before: 0 when it starts.
    #[must_use]
    pub fn check_legs(mut self, legs: u32) -> Self {
        self.plain.check_legs = Some(legs);
        self
    }

    /// The channels that the check has tried before.
    #[must_use]
    pub fn channels_tried(mut self, tried: impl IntoIterator<Item = Channel>) -> Self {
        self.plain.channels_tried = Some(tried.into_iter().fold(0, |mask, channel| mask | mask_of(channel)));
        self
    }

    /// The time of the request. Gives the facts that begin with `time.`, in UTC; without it no signal is fresh.
    #[must_use]
    pub fn at(mut self, now: SystemTime) -> Self {
        self.plain.now = Some(now);
        self
    }

    /// Which providers can be reached. Gives the facts `provider.<name>.healthy`.
    #[must_use]
    pub fn providers(mut self, health: &'a Health) -> Self {
        self.health = Some(health);
        self
    }

    /// What others know of the number or the client.
    #[must_use]
    pub fn signals(mut self, signals: &'a Signals) -> Self {
        self.signals = Some(signals);
        self
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("action", &self.action)
            .field("phone", &self.plain.phone.is_some())
            .field("amount", &self.plain.amount.is_some())
            .field("currency", &self.plain.currency.is_some())
            .field("client_ip", &self.plain.client_ip.is_some())
            .field("signals", &self.signals)
            .finish_non_exhaustive()
    }
}

/// Which providers can be reached, as far as is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health(BTreeMap<String, bool>);

impl Health {
    /// Nothing is known of any provider.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says of a provider, by its name, whether it can be reached.
    #[must_use]
    pub fn with(mut self, provider: impl Into<String>, healthy: bool) -> Self {
        self.0.insert(provider.into(), healthy);
        self
    }

    /// Each provider of which something is known, by name, and whether it can be reached.
    pub fn iter(&self) -> impl Iterator<Item = (&str, bool)> {
        self.0.iter().map(|(provider, healthy)| (provider.as_str(), *healthy))
    }

    pub(super) fn of(&self, provider: &str) -> Option<bool> {
        self.0.get(provider).copied()
    }
}

/// Reads three capital letters.
pub(super) fn currency(code: &str) -> Option<[u8; 3]> {
    <[u8; 3]>::try_from(code.as_bytes()).ok().filter(|letters| letters.iter().all(u8::is_ascii_uppercase))
}

/// The bit of a channel among those that were tried.
pub(super) fn mask_of(channel: Channel) -> u8 {
    let position = Channel::ALL.iter().position(|known| *known == channel).unwrap_or_default();
    u8::try_from(position).ok().and_then(|position| 1_u8.checked_shl(position.into())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_personal_data() {
        let action = Action::new("transfer").unwrap();
        let phone = PhoneNumber::parse("+37126123456", None).unwrap();
        let signals = Signals::new().with_fresh("risk_score", 4712);
        let context = Context::new(&action)
            .phone(&phone)
            .amount(4711)
            .client_ip("192.0.2.55".parse().unwrap())
            .client_platform("nokia-3310")
            .signals(&signals);
        let shown = format!("{context:?}");
        for personal in ["371", "56", "4711", "4712", "192", "nokia"] {
            assert!(!shown.contains(personal), "{shown}");
        }
    }

    #[test]
    fn what_is_no_currency_is_missing() {
        let action = Action::new("transfer").unwrap();
        for (code, known) in [("EUR", true), ("eur", false), ("EURO", false), ("", false), ("€", false)] {
            assert_eq!(Context::new(&action).currency(code).plain.currency.is_some(), known, "{code}");
        }
    }

    #[test]
    fn every_channel_has_a_bit_of_its_own() {
        let all = Channel::ALL.into_iter().map(mask_of).reduce(|some, bit| {
            assert_eq!(some & bit, 0);
            some | bit
        });
        assert_eq!(all, Some(0b11_1111));
    }
}
