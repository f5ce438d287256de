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
    with_digits(PROVIDERS.iter().fold(Catalogue::new(), channels))
}

/// Says how long codes are that these vendors make.
pub(crate) fn with_digits(catalogue: Catalogue) -> Catalogue {
    catalogue.with_digits(citcall::NAME, Channel::FlashCall, flash_call::DIGITS).with_digits(
        numcheck::NAME,
        Channel::FlashCall,
        flash_call::DIGITS,
    )
}
