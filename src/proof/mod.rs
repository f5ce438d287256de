//! The result: evidence of phone possession, and its signed form.
//!
//! A [`Proof`] has two origins and no third: a check that ended well in this process, and a token whose signature and claims
//! have been checked. Its token is a JWT (RFC 7519) that says who showed possession of which number, when, by which means, for
//! which action and transaction.

mod keys;
mod token;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde_json::Value;

use crate::{
    cache::Read,
    channel::Channel,
    error::{Error, ErrorKind, Result},
    ids::{Action, Binding, KeyThumbprint, Subject},
    phone::PhoneNumber,
};

pub use keys::{ProofKey, ProofKeys};
pub use token::ProofRefusal;

/// Evidence that a subject showed possession of a phone number. Handlers take this, not a `bool`.
///
/// There is no public constructor, no `Clone` and no `Deserialize`: the only ways to hold one are to have finished a check
/// and to have had a token verified.
///
/// ```compile_fail,E0451
/// # use handset::Proof;
/// fn forge(proof: Proof) -> Proof { Proof { acr: "phone", ..proof } }
/// ```
///
/// ```compile_fail,E0599
/// # use handset::Proof;
/// fn copy(proof: &Proof) -> Proof { Proof::clone(proof) }
/// ```
///
/// ```compile_fail,E0277
/// # use handset::Proof;
/// fn read(text: &str) -> Proof { serde_json::from_str(text).unwrap() }
/// ```
#[derive(Debug)]
#[must_use]
pub struct Proof {
    id: String,
    subject: Subject,
    phone: PhoneNumber,
    action: Action,
    binding: Option<Binding>,
    key: Option<KeyThumbprint>,
    channel: Channel,
    is_test: bool,
    acr: &'static str,
    auth_time: SystemTime,
    expires_at: SystemTime,
}

impl Proof {
    /// The one origin after a check. Reviewers: search for callers of `assertion`.
    fn assertion(assertion: Assertion, expires_at: SystemTime) -> Self {
        let Assertion { jti, subject, phone, action, binding, key, channel, is_test, auth_time } = assertion;
        let acr = acr(channel);
        Self { id: jti, subject, phone, action, binding, key, channel, is_test, acr, auth_time, expires_at }
    }

    /// The name of this proof: its `jti`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Who showed possession: its `sub`.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Of which number.
    #[must_use]
    pub fn phone(&self) -> &PhoneNumber {
        &self.phone
    }

    /// For which action.
    #[must_use]
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// For which transaction, if the check was bound to one.
    #[must_use]
    pub fn binding(&self) -> Option<&Binding> {
        self.binding.as_ref()
    }

    /// The key that has to be shown beside the proof, if the check was started with one: its `cnf` (RFC 7800).
    #[must_use]
    pub fn key(&self) -> Option<&KeyThumbprint> {
        self.key.as_ref()
    }

    /// How the phone was reached.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.channel
    }

    /// Whether the number is one of the policy's test numbers: then nothing was shown but the fixed code.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.is_test
    }

    /// The authentication context class (OpenID Connect Core, section 2): `phone`, or `email`.
    #[must_use]
    pub fn acr(&self) -> &str {
        self.acr
    }

    /// The authentication methods (RFC 8176, and our own words where it has none).
    #[must_use]
    pub fn amr(&self) -> &'static [&'static str] {
        amr(self.channel)
    }

    /// When possession was shown.
    #[must_use]
    pub fn auth_time(&self) -> SystemTime {
        self.auth_time
    }

    /// When the proof ends.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }
}

/// A check that ended well, on its way to becoming a proof.
#[derive(Debug)]
pub(crate) struct Assertion {
    pub(crate) jti: String,
    pub(crate) subject: Subject,
    pub(crate) phone: PhoneNumber,
    pub(crate) action: Action,
    pub(crate) binding: Option<Binding>,
    pub(crate) key: Option<KeyThumbprint>,
    pub(crate) channel: Channel,
    pub(crate) is_test: bool,
    pub(crate) auth_time: SystemTime,
}

/// A signed proof: a JWT. Whoever has it can show it, so it is not printed.
#[derive(Clone)]
pub struct ProofToken(String);

impl ProofToken {
    /// Exposes the token, at the one place that hands it out.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ProofToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Makes proofs and reads their tokens.
#[derive(Debug)]
pub(crate) struct Proofs {
    keys: ProofKeys,
    issuer: String,
    audience: String,
    lifetime: Duration,
    /// Tokens whose signature and claims were found good. Their times are looked at each time.
    read: Read<Proof>,
}

impl Proofs {
    pub(crate) fn new(keys: ProofKeys, issuer: String, audience: String, lifetime: Duration) -> Result<Self> {
        let wrong = |message| Err(Error::new(ErrorKind::Misconfigured, message));
        if issuer.is_empty() || audience.is_empty() {
            return wrong("the issuer and the audience of proofs are not empty");
        }
        if lifetime < Duration::from_secs(1) || lifetime > Self::LONGEST_LIFETIME {
            return wrong("a proof lives between one second and one day");
        }
        Ok(Self { keys, issuer, audience, lifetime, read: Read::new(Self::MOST_READ) })
    }

    /// Makes the proof of a check and its token.
    pub(crate) fn issue(&self, assertion: Assertion) -> Result<(Proof, ProofToken)> {
        let expires_at = assertion.auth_time + self.lifetime;
        let proof = Proof::assertion(assertion, expires_at);
        let token = ProofToken(token::sign(self, &proof)?);
        Ok((proof, token))
    }

    /// Reads a token. Everything about it is checked before there is a proof; one that has been read before, to the letter, is
    /// only asked whether its time has come and is not over.
    pub(crate) fn verify(&self, token: &str, now: SystemTime) -> Result<Arc<Proof>, ProofRefusal> {
        if let Some(proof) = self.read.get(token) {
            return token::in_time(proof.auth_time, proof.expires_at, now).map(|()| proof);
        }
        let proof = Arc::new(token::verify(self, token, now)?);
        self.read.keep(token, Arc::clone(&proof));
        Ok(proof)
    }

    /// Forgets proofs whose time is over. Called in the background.
    pub(crate) fn sweep(&self, now: SystemTime) {
        self.read.sweep(|proof| proof.expires_at <= now);
    }

    pub(crate) fn jwks(&self) -> Value {
        self.keys.jwks()
    }

    /// How long a proof is good for when nothing else is said.
    pub(crate) const DEFAULT_LIFETIME: Duration = Duration::from_secs(600);

    /// How many tokens it knows without reading them again: about a kilobyte each.
    const MOST_READ: u64 = 10_000;

    const LONGEST_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
}

/// What each channel earns. Every channel that ends at a phone shows possession of it; an address of e-mail is none.
fn acr(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "email",
        Channel::Sms | Channel::VoiceCode | Channel::FlashCall | Channel::KeyPress | Channel::SilentNetwork => "phone",
    }
}

/// By which means. RFC 8176 has words for a text message and for a call; for the rest there are ours, so that nobody takes
/// one for the other.
pub(crate) fn amr(channel: Channel) -> &'static [&'static str] {
    match channel {
        Channel::Sms => &["sms"],
        Channel::VoiceCode => &["tel"],
        Channel::FlashCall => &["flash_call"],
        Channel::KeyPress => &["key_press"],
        Channel::Email => &["email"],
        Channel::SilentNetwork => &["silent_network"],
    }
}
