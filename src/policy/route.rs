//! Routes, plans and what there is to choose from.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use super::code::CodeRules;
use crate::{channel::Channel, ids::RuleName};

/// One way to a phone: a provider and one of its channels, written `numcheck/flash_call`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Route {
    provider: Arc<str>,
    channel: Channel,
}

impl Route {
    /// A provider, by its name, and one of its channels.
    pub fn new(provider: impl Into<Arc<str>>, channel: Channel) -> Self {
        Self { provider: provider.into(), channel }
    }

    /// The name of the provider.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// The channel.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.channel
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.channel)
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Route({self})")
    }
}

/// The routes that a check may use, best first, and the rule that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// The rule that matched.
    pub rule: RuleName,
    /// What to try, in this order. Never empty, no route twice.
    pub routes: Vec<Route>,
    /// Whether vendors that can are asked first whether they serve the device.
    pub preflight: bool,
    /// How codes are made and tried: as the rule says, else as the file does.
    pub code: CodeRules,
    /// What the message says, with `{code}` where the code goes and `{transaction}` where the binding does; `None` leaves the words to
    /// the vendor.
    pub message: Option<String>,
}

impl Plan {
    /// What to try, in this order. Never empty, no route twice.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }
}

/// The providers and channels that there are, against which a policy file is read.
///
/// ```
/// use handset::{Channel, policy::Catalogue};
///
/// let catalogue = Catalogue::new()
///     .with("numcheck", [Channel::FlashCall])
///     .with("zadarma", [Channel::Sms, Channel::VoiceCode]);
/// assert_eq!(catalogue.names().collect::<Vec<_>>(), ["numcheck", "zadarma"]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    providers: BTreeMap<String, Vec<Channel>>,
    /// How many digits codes have where the vendor makes them.
    digits: BTreeMap<(String, Channel), u8>,
    /// The routes whose words are the vendor's own.
    own_words: BTreeSet<(String, Channel)>,
}

impl Catalogue {
    /// A catalogue of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a provider, or channels to one that is there.
    #[must_use]
    pub fn with(mut self, provider: impl Into<String>, channels: impl IntoIterator<Item = Channel>) -> Self {
        let known = self.providers.entry(provider.into()).or_default();
        for channel in channels {
            if !known.contains(&channel) {
                known.push(channel);
            }
        }
        self
    }

    /// Says how many digits the codes of a route have, where its vendor makes them: those of a flash call are the last digits
    /// of the caller's number. Adds no provider and no channel.
    #[must_use]
    pub fn with_digits(mut self, provider: impl Into<String>, channel: Channel, digits: u8) -> Self {
        self.digits.insert((provider.into(), channel), digits);
        self
    }

    /// How many digits the codes of a route have, where its vendor makes them and it is known.
    #[must_use]
    pub fn digits(&self, route: &Route) -> Option<u8> {
        self.digits.get(&(route.provider().to_owned(), route.channel())).copied()
    }

    /// Says that the vendor of a route has words of its own, and takes no `message`. Adds no provider and no channel.
    #[must_use]
    pub fn with_own_words(mut self, provider: impl Into<String>, channel: Channel) -> Self {
        self.own_words.insert((provider.into(), channel));
        self
    }

    /// Whether the vendor of a route is known to take no `message`.
    #[must_use]
    pub fn has_own_words(&self, route: &Route) -> bool {
        self.own_words.contains(&(route.provider().to_owned(), route.channel()))
    }

    /// The names of the providers, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.providers.keys().map(String::as_str)
    }

    /// The channels of a provider, or `None` when there is no such provider.
    #[must_use]
    pub fn channels(&self, provider: &str) -> Option<&[Channel]> {
        self.providers.get(provider).map(Vec::as_slice)
    }
}
