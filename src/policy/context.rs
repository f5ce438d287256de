//! The facts of one request.

use std::{fmt, net::IpAddr};

use crate::{ids::Action, phone::PhoneNumber};

/// The facts of one request that a rule may name.
///
/// What is not set is missing, and a missing fact is read the careful way (see the [module](super)). `Debug` says which
/// facts there are, not what they are.
///
/// ```
/// use handset::{Action, policy::Context};
///
/// let action = Action::new("transfer")?;
/// let context = Context::new(&action).amount(250_000).currency("EUR");
/// # let _ = context;
/// # Ok::<(), handset::Error>(())
/// ```
#[derive(Clone)]
pub struct Context<'a> {
    pub(super) action: &'a Action,
    pub(super) phone: Option<PhoneNumber>,
    pub(super) amount: Option<i64>,
    pub(super) currency: Option<[u8; 3]>,
    pub(super) client_ip: Option<IpAddr>,
}

impl<'a> Context<'a> {
    /// The facts of a request for an action; nothing else is known yet.
    #[must_use]
    pub fn new(action: &'a Action) -> Self {
        Self { action, phone: None, amount: None, currency: None, client_ip: None }
    }

    /// The number that is to be reached. Gives all facts that begin with `phone.`; a number of no country (satellite
    /// networks, universal free call) lacks `phone.region`.
    #[must_use]
    pub fn phone(mut self, phone: &PhoneNumber) -> Self {
        self.phone = Some(*phone);
        self
    }

    /// How much is at stake, in the unit that the application and its policy agree on, such as cents.
    #[must_use]
    pub fn amount(mut self, amount: i64) -> Self {
        self.amount = Some(amount);
        self
    }

    /// The currency of the amount: three capital letters of ISO 4217. Anything else counts as missing.
    #[must_use]
    pub fn currency(mut self, code: &str) -> Self {
        self.currency = currency(code);
        self
    }

    /// The address that the request came from, as the application's own trusted proxies tell it.
    #[must_use]
    pub fn client_ip(mut self, ip: IpAddr) -> Self {
        // An IPv4 client of an IPv6 socket shows as `::ffff:192.0.2.1`; rules name `192.0.2.1`.
        self.client_ip = Some(ip.to_canonical());
        self
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("action", &self.action)
            .field("phone", &self.phone.is_some())
            .field("amount", &self.amount.is_some())
            .field("currency", &self.currency.is_some())
            .field("client_ip", &self.client_ip.is_some())
            .finish()
    }
}

/// Reads three capital letters.
pub(super) fn currency(code: &str) -> Option<[u8; 3]> {
    <[u8; 3]>::try_from(code.as_bytes()).ok().filter(|letters| letters.iter().all(u8::is_ascii_uppercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_personal_data() {
        let action = Action::new("transfer").unwrap();
        let phone = PhoneNumber::parse("+37126123456", None).unwrap();
        let context = Context::new(&action).phone(&phone).amount(4711).client_ip("192.0.2.55".parse().unwrap());
        let shown = format!("{context:?}");
        for personal in ["371", "56", "4711", "192"] {
            assert!(!shown.contains(personal), "{shown}");
        }
    }

    #[test]
    fn what_is_no_currency_is_missing() {
        let action = Action::new("transfer").unwrap();
        for (code, known) in [("EUR", true), ("eur", false), ("EURO", false), ("", false), ("€", false)] {
            assert_eq!(Context::new(&action).currency(code).currency.is_some(), known, "{code}");
        }
    }
}
