//! What a limit counts by: canonical, and hashed under the server key.

use std::{borrow::Cow, fmt, net::IpAddr};

use crate::{
    check::{Digest, Keys},
    ids::{Action, Subject},
    phone::PhoneNumber,
    policy::{KeyPart, Limit},
};

/// A keyed hash of what a limit counts by. It tells keys apart and nothing else: no number, no address.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LimitKey(Digest);

/// What is known of a request when a limit is asked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LimitFacts<'a> {
    pub(crate) phone: Option<&'a PhoneNumber>,
    pub(crate) subject: Option<&'a Subject>,
    pub(crate) ip: Option<IpAddr>,
    pub(crate) action: Option<&'a Action>,
    pub(crate) provider: Option<&'a str>,
}

impl LimitKey {
    /// The key of a limit for a request, or `None` when the request lacks one of its parts: an application that knows no
    /// addresses cannot limit by them.
    pub(crate) fn of(keys: &Keys, limit: &Limit, facts: &LimitFacts<'_>) -> Option<Self> {
        let parts = limit.key.iter().map(|part| facts.part(*part)).collect::<Option<Vec<_>>>()?;
        let name = limit.name.as_str().as_bytes();
        let parts: Vec<&[u8]> = std::iter::once(name).chain(parts.iter().map(AsRef::as_ref)).collect();
        Some(Self(keys.name("limit", &parts)))
    }

    /// The key of nobody, for a limiter that is asked whether it answers.
    pub(crate) fn probe(keys: &Keys) -> Self {
        Self(keys.name("limit probe", &[]))
    }

    /// A key of these bytes, for trying out a limiter.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes of the key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for LimitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LimitKey")
    }
}

impl<'a> LimitFacts<'a> {
    fn part(&self, part: KeyPart) -> Option<Cow<'a, [u8]>> {
        Some(match part {
            KeyPart::Phone => Cow::Owned(self.phone?.digits().to_be_bytes().to_vec()),
            KeyPart::Prefix => Cow::Owned(prefix(self.phone?).into_bytes()),
            KeyPart::Region => Cow::Owned(region(self.phone?).into_bytes()),
            KeyPart::Subject => Cow::Borrowed(self.subject?.as_str().as_bytes()),
            KeyPart::Ip => Cow::Owned(network(self.ip?)),
            KeyPart::Action => Cow::Borrowed(self.action?.as_str().as_bytes()),
            KeyPart::Provider => Cow::Borrowed(self.provider?.as_bytes()),
            KeyPart::Global => Cow::Borrowed(&[]),
        })
    }
}

/// The region, or the country code of a number of no country.
fn region(phone: &PhoneNumber) -> String {
    phone.region().map_or_else(|| phone.country_code().to_string(), |region| region.to_string())
}

/// The country code and the first three digits of the national number: about what an operator buys at a time, and what
/// fraud concentrates on.
fn prefix(phone: &PhoneNumber) -> String {
    let digits = phone.digits().to_string();
    digits.chars().take(phone.country_code().to_string().len() + 3).collect()
}

/// The network of a client: an IPv4 address, or the /64 of an IPv6 address, which is what one customer has. An IPv4 address
/// that is written as IPv6 is the IPv4 address.
fn network(ip: IpAddr) -> Vec<u8> {
    match ip.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().into_iter().take(8).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b5_addresses_of_one_network_share_a_bucket() {
        let network = |text: &str| network(text.parse().unwrap());
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:203.0.113.7"), network("203.0.113.7"));
        assert_ne!(network("203.0.113.7"), network("203.0.113.8"));
    }

    #[test]
    fn a_prefix_is_the_country_and_three_digits() {
        for (text, expected) in [("+37126123456", "371261"), ("+12025550123", "1202"), ("+6281234567890", "62812")] {
            assert_eq!(prefix(&PhoneNumber::parse(text, None).unwrap()), expected);
        }
    }
}
