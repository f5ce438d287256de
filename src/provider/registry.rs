//! Every provider that this build knows: a list you can read.

#[cfg(feature = "open-gateway")]
use super::open_gateway;
use super::{citcall, flash_call, idlayr, numcheck, zadarma};
use crate::{channel::Channel, policy::Catalogue};

/// One provider: its name and the channels that its vendor offers.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// The name that policy files know it by.
    pub name: &'static str,
    /// What the vendor offers; an account may have less.
    pub channels: &'static [Channel],
}

/// Every provider, in alphabetical order.
pub const PROVIDERS: &[Entry] = &[
    Entry { name: citcall::NAME, channels: citcall::CHANNELS },
    Entry { name: idlayr::NAME, channels: idlayr::CHANNELS },
    Entry { name: numcheck::NAME, channels: numcheck::CHANNELS },
    #[cfg(feature = "open-gateway")]
    Entry { name: open_gateway::NAME, channels: open_gateway::CHANNELS },
    Entry { name: zadarma::NAME, channels: zadarma::CHANNELS },
];

/// The providers of this build as a policy is checked against them when no account is configured.
///
/// ```
/// let catalogue = handset::provider::registry::catalogue();
/// assert!(catalogue.names().any(|name| name == "numcheck"));
/// ```
#[must_use]
pub fn catalogue() -> Catalogue {
    let channels = |catalogue: Catalogue, entry: &Entry| catalogue.with(entry.name, entry.channels.iter().copied());
    with_vendors_own(PROVIDERS.iter().fold(Catalogue::new(), channels))
}

/// Says what these vendors keep to themselves: how long their codes are, and their words.
pub(crate) fn with_vendors_own(catalogue: Catalogue) -> Catalogue {
    let flash_calls = [citcall::NAME, numcheck::NAME];
    let with_digits =
        |catalogue: Catalogue, name: &str| catalogue.with_digits(name, Channel::FlashCall, flash_call::DIGITS);
    let catalogue = flash_calls.into_iter().fold(catalogue, with_digits);
    let routes = PROVIDERS.iter().flat_map(|entry| entry.channels.iter().map(|channel| (entry.name, *channel)));
    let own_words = routes.filter(|route| *route != (zadarma::NAME, Channel::Email));
    own_words.fold(catalogue, |catalogue, (name, channel)| catalogue.with_own_words(name, channel))
}
