//! What a page carries along: a step on its way through one browser, sealed under the verifier's server key.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    error::Result,
    ids::{CheckId, Subject},
    phone::PhoneNumber,
    random,
    verifier::{StartRequest, Verifier},
};

/// What a step is taken for.
pub(crate) trait Errand: Clone + Serialize + DeserializeOwned {
    /// What its tickets are sealed as; they do not open as anything else.
    const KIND: &'static str;

    /// What its check is asked for. `ticket` is the name of the ticket, of which there is only one.
    fn request(&self, ticket: &str, subject: Subject, phone: PhoneNumber) -> Result<StartRequest>;

    /// Whether the person says which number.
    fn asks_number(&self) -> bool;

    /// Whether the person says an address for e-mail.
    fn asks_email(&self) -> Asked {
        Asked::No
    }
}

/// Whether the person is asked for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Asked {
    No,
    /// It may be left out.
    MayBe,
    /// Nothing goes on without it.
    Yes,
}

/// A step, on its way through the page of one browser.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Ticket<E> {
    id: String,
    /// Stands for those to whom the page belongs.
    owners: String,
    pub(crate) errand: E,
    /// The number, once somebody has said it.
    phone: Option<String>,
    /// Where e-mails go, once somebody has said it.
    email: Option<String>,
    /// The check, once it was started.
    check: Option<String>,
    until: u64,
}

impl<E: Errand> Ticket<E> {
    pub(super) fn new(
        verifier: &Verifier,
        owners: &[&Subject],
        errand: E,
        phone: Option<PhoneNumber>,
        now: SystemTime,
    ) -> Result<Self> {
        Ok(Self {
            id: URL_SAFE_NO_PAD.encode(random::bytes::<16>()?),
            owners: stand_for::<E>(verifier, owners),
            errand,
            phone: phone.map(|phone| phone.to_e164()),
            email: None,
            check: None,
            until: seconds(now + TICKET_LIFE),
        })
    }

    pub(super) fn seal(&self, verifier: &Verifier) -> Result<String> {
        verifier.seal(E::KIND, self)
    }

    /// Opens a ticket that these got and that has not ended.
    pub(super) fn open(verifier: &Verifier, text: &str, owners: &[&Subject], now: SystemTime) -> Option<Self> {
        let ticket: Self = verifier.open(E::KIND, text)?;
        (ticket.owners == stand_for::<E>(verifier, owners) && seconds(now) < ticket.until).then_some(ticket)
    }

    /// The ticket of the page that asks this number and writes to this address, before there is a check.
    pub(super) fn asking(&self, phone: &PhoneNumber, email: Option<String>) -> Self {
        Self { phone: Some(phone.to_e164()), email, check: None, ..self.clone() }
    }

    /// The ticket of the page that asks which number.
    pub(super) fn asking_nobody(&self) -> Self {
        Self { phone: None, email: None, check: None, ..self.clone() }
    }

    /// The same, once there is a check.
    pub(super) fn asked(self, id: CheckId) -> Self {
        Self { check: Some(id.to_string()), ..self }
    }

    /// What a form has to carry so that it is known to come from this page.
    pub(super) fn csrf(&self, verifier: &Verifier) -> String {
        verifier.keyed_text("step page csrf", &[E::KIND.as_bytes(), self.owners.as_bytes(), self.id.as_bytes()])
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn phone(&self) -> Option<PhoneNumber> {
        PhoneNumber::parse(self.phone.as_deref()?, None).ok()
    }

    pub(crate) fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }

    pub(super) fn check(&self) -> Option<CheckId> {
        self.check.as_deref()?.parse().ok()
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn stand_for<E: Errand>(verifier: &Verifier, owners: &[&Subject]) -> String {
    let owners = owners.iter().map(|owner| owner.as_str().as_bytes());
    verifier.keyed_text("step page owners", &[E::KIND.as_bytes()].into_iter().chain(owners).collect::<Vec<_>>())
}

/// How long a person may take.
const TICKET_LIFE: Duration = Duration::from_secs(15 * 60);
