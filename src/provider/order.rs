//! What is ordered from a provider, and what a device comes back with.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::{
    channel::Channel,
    error::{Error, ErrorKind, Result},
    ids::CheckId,
    phone::PhoneNumber,
    secret::{Code, Secret},
};

/// What is ordered from a provider.
#[derive(Clone)]
#[non_exhaustive]
pub struct Order {
    /// The check that it is for.
    pub check_id: CheckId,
    /// The phone to reach.
    pub phone: PhoneNumber,
    /// One of the provider's channels.
    pub channel: Channel,
    /// A fresh code, for vendors that send ours.
    pub code: Code,
    /// What the message says, with `{code}` wherever the code goes, if the policy says it. Its last line may be `@host #{code}`, and
    /// stays the last. A vendor that has words of its own leaves it unread.
    pub message: Option<String>,
    /// The language that the person reads, as a BCP 47 tag, if it is known.
    pub locale: Option<String>,
    /// The address for channels that write e-mail.
    pub email: Option<String>,
    /// The address of the device, if the application knows it.
    pub client_ip: Option<IpAddr>,
    /// Whether the policy asks the vendor first whether it can serve this device.
    pub preflight: bool,
    /// Where the vendor may report on this order: a secret URL of this check. `None` when the verifier has no public URL.
    pub callback_url: Option<String>,
    /// Where the device may come back to. `None` when the verifier has no public URL.
    pub return_to: Option<ReturnTo>,
}

impl Order {
    /// An order with nothing but what every order has, for the tests of a provider.
    #[must_use]
    pub fn new(check_id: CheckId, phone: PhoneNumber, channel: Channel, code: Code) -> Self {
        Self {
            check_id,
            phone,
            channel,
            code,
            message: None,
            locale: None,
            email: None,
            client_ip: None,
            preflight: false,
            callback_url: None,
            return_to: None,
        }
    }

    /// Refuses an order on a channel that a provider does not have. The verifier never places one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`].
    pub fn needs_one_of(&self, channels: &[Channel]) -> Result<()> {
        match channels.contains(&self.channel) {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Unsupported, format!("does not offer `{}`", self.channel))),
        }
    }
}

/// Shows what an operator may see.
impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Order")
            .field("check_id", &self.check_id)
            .field("phone", &self.phone)
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}

/// Where a device comes back to, and what it has to bring along.
#[derive(Clone)]
#[non_exhaustive]
pub struct ReturnTo {
    /// The URL, without a query.
    pub url: String,
    /// The value that has to come back in the query parameter `state`. Random, good once, for one check and one browser; it
    /// says nothing about the number.
    pub state: String,
}

impl fmt::Debug for ReturnTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReturnTo").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What a device came back with.
#[derive(Clone)]
#[expect(clippy::exhaustive_enums, reason = "a device comes back by itself, or its app hands in what it got")]
pub enum Returned {
    /// Its browser opened the URL that it was sent to: our public URL, with the query as it came.
    Browser {
        /// That URL.
        url: String,
    },
    /// Its app handed in the code or the token that it got.
    App {
        /// The code or token, of at most 4096 letters, digits, `-`, `.`, `_`, `~`, `+`, `/` and `=`.
        code: Secret,
    },
}

impl Returned {
    /// A parameter of the query, decoded. An app's code is the parameter `code`.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        match self {
            Self::Browser { url } => {
                let query = url.split_once('?').map_or("", |(_, query)| query);
                form_urlencoded::parse(query.as_bytes())
                    .find(|(key, _)| key == name)
                    .map(|(_, value)| value.into_owned())
            }
            Self::App { code } => (name == "code").then(|| code.expose().to_owned()),
        }
    }
}

impl fmt::Debug for Returned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Returned([redacted])")
    }
}

/// What a vendor knows an order by. Not shown: with some vendors it is all that is needed to ask about the order.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Handle(String);

impl Handle {
    /// Takes the vendor's id.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The vendor's id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle([redacted])")
    }
}
