//! Who logs in, as the server knows it at each request.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::MaskedNumber;
use crate::{
    channel::Channel,
    check::Digest,
    ids::{Action, Subject},
    phone::PhoneNumber,
    proof,
    verifier::{Caller, Facts, Verifier},
};

/// A login as the server knows it: made anew from its database for each request, so that a number that is taken away meanwhile
/// does not end a login.
#[derive(Clone)]
#[must_use]
pub struct MfaLogin<'v> {
    pub(super) verifier: &'v Verifier,
    pub(super) subject: Subject,
    pub(super) phones: Vec<PhoneNumber>,
    pub(super) action: Action,
    pub(super) session: String,
    pub(super) factors: Vec<Factor>,
    pub(super) channel: Option<Channel>,
    pub(super) locale: Option<String>,
    pub(super) email: Option<String>,
    pub(super) facts: Facts,
    pub(super) caller: Caller,
}

impl<'v> MfaLogin<'v> {
    /// `subject`, who has the numbers `phones`, wants to do `action`: to sign in, say.
    pub fn new(
        verifier: &'v Verifier,
        subject: Subject,
        phones: impl IntoIterator<Item = PhoneNumber>,
        action: Action,
    ) -> Self {
        let mut own = Vec::new();
        for phone in phones {
            if !own.contains(&phone) {
                own.push(phone);
            }
        }
        Self {
            verifier,
            subject,
            phones: own,
            action,
            session: String::new(),
            factors: Vec::new(),
            channel: None,
            locale: None,
            email: None,
            facts: Facts::default(),
            caller: Caller::default(),
        }
    }

    /// Says what this login has shown before. [`MfaStep::begin`](super::MfaStep::begin) reads it, and the
    /// [`PendingLogin`](super::PendingLogin) carries it on.
    pub fn after(mut self, factor: Factor) -> Self {
        self.factors.push(factor);
        self
    }

    /// Binds the login to the session that it began in, by a name of it that stays the same until the login is done and is
    /// another one afterwards: the id of the session before the login. A state that is carried to another session is refused
    /// there, and a second click on the password's button costs no second message.
    pub fn in_session(mut self, id: impl Into<String>) -> Self {
        self.session = id.into();
        self
    }

    /// Asks for a channel, as in [`StartRequest`](super::super::StartRequest).
    pub fn with_channel(mut self, channel: Channel) -> Self {
        self.channel = Some(channel);
        self
    }

    /// Says which language the person reads, as a BCP 47 tag.
    pub fn with_locale(mut self, locale: impl Into<String>) -> Self {
        self.locale = Some(locale.into());
        self
    }

    /// Gives the address for channels that write e-mail. One that was a factor before gets none.
    pub fn with_email(mut self, email: impl Into<String>) -> Self {
        self.email = Some(email.into());
        self
    }

    /// Says more for the rules of the policy. Number, e-mail address and binding are the login's own, whatever stands here.
    pub fn with_facts(mut self, facts: Facts) -> Self {
        self.facts = facts;
        self
    }

    /// Says where the request came from.
    pub fn with_caller(mut self, caller: Caller) -> Self {
        self.caller = caller;
        self
    }

    /// The numbers that were no factor yet.
    pub(super) fn offered(&self, factors: &[Shown]) -> Vec<PhoneNumber> {
        let used = |phone: &PhoneNumber| {
            let address = Factor::address_of(phone);
            factors.iter().any(|factor| factor.is(self, &address))
        };
        self.phones.iter().filter(|phone| !used(phone)).copied().collect()
    }

    pub(super) fn mask(&self, phone: &PhoneNumber) -> MaskedNumber {
        self.verifier.masked(&self.subject, phone)
    }

    /// The login's own name for what was shown before.
    pub(super) fn shown(&self, factor: &Factor) -> Shown {
        let address = factor.address().map(|address| self.name_address(&address));
        Shown { method: factor.method().to_owned(), address }
    }

    pub(super) fn name_address(&self, address: &str) -> Digest {
        let keys = self.verifier.inner.keys.current();
        keys.name("factor", &[self.subject.as_str().as_bytes(), address.as_bytes()])
    }
}

impl Verifier {
    /// A number of an account as a page may show it.
    pub(crate) fn masked(&self, subject: &Subject, phone: &PhoneNumber) -> MaskedNumber {
        let parts: [&[u8]; 2] = [subject.as_str().as_bytes(), &phone.digits().to_be_bytes()];
        MaskedNumber { id: self.inner.keys.current().text_name("number of account", &parts), masked: phone.to_string() }
    }
}

/// Shows what an operator may see.
impl fmt::Debug for MfaLogin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MfaLogin")
            .field("action", &self.action)
            .field("phones", &self.phones)
            .field("factors", &self.factors)
            .finish_non_exhaustive()
    }
}

/// What a login has shown before its phone step.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Factor {
    /// A password.
    Password,
    /// Access to an address of e-mail, by a link or a code.
    Email(String),
    /// Possession of a phone number: a login by text message, say.
    Phone(PhoneNumber, Channel),
    /// Another one, by its word for `amr` in RFC 8176, such as `hwk` or `otp`.
    Other(String),
}

impl Factor {
    /// The word for `amr`.
    fn method(&self) -> &str {
        match self {
            Self::Password => "pwd",
            Self::Email(_) => "email",
            Self::Phone(_, channel) => proof::amr(*channel).first().copied().unwrap_or("phone"),
            Self::Other(method) => method,
        }
    }

    /// Where it was shown. A phone is one address, however it was reached.
    fn address(&self) -> Option<String> {
        match self {
            Self::Password | Self::Other(_) => None,
            Self::Email(address) => Some(Self::address_of_email(address)),
            Self::Phone(phone, _) => Some(Self::address_of(phone)),
        }
    }

    pub(super) fn address_of(phone: &PhoneNumber) -> String {
        format!("tel:{}", phone.to_e164())
    }

    /// The domain is the same in capitals (RFC 5321, section 2.4); of the name before it nobody else makes two.
    pub(super) fn address_of_email(address: &str) -> String {
        format!("mailto:{}", address.trim().to_lowercase())
    }
}

/// Hides addresses.
impl fmt::Debug for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.method())
    }
}

/// A factor as a pending login carries it: the word, and a keyed hash of the address.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Shown {
    pub(super) method: String,
    pub(super) address: Option<Digest>,
}

impl Shown {
    pub(super) fn is(&self, login: &MfaLogin<'_>, address: &str) -> bool {
        self.address == Some(login.name_address(address))
    }

    pub(super) fn address_bytes(&self) -> &[u8] {
        self.address.as_ref().map_or(&[], Digest::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_address() {
        let phone = PhoneNumber::parse("+37126123456", None).unwrap();
        let factors = [Factor::Email("ada@example.org".to_owned()), Factor::Phone(phone, Channel::VoiceCode)];
        assert_eq!(format!("{factors:?}"), "[email, tel]");
    }
}
