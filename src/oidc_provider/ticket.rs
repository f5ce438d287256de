//! What this provider hands out and gets back, each sealed as a kind of its own: the ticket of a person on the page, the code, and
//! the access token. The store only remembers which of them were used.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::client::NumberSource;
use crate::{
    error::Result,
    ids::{Action, Subject},
    phone::PhoneNumber,
    random,
    verifier::Verifier,
};

/// A request of a client that was found good, on its way through the page of one visitor.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Ticket {
    pub(super) id: String,
    /// Stands for the visitor to whom the page belongs.
    visitor: String,
    pub(super) request: Wanted,
    /// The number, once somebody has said it.
    pub(super) phone: Option<String>,
    pub(super) number_from: NumberSource,
    /// The check, once it was started.
    pub(super) check: Option<String>,
    until: u64,
}

/// What a client asks for.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Wanted {
    pub(super) client: String,
    pub(super) redirect_uri: String,
    pub(super) state: Option<String>,
    pub(super) nonce: Option<String>,
    /// The PKCE challenge: the hash of what the client will show (RFC 7636).
    pub(super) challenge: String,
    pub(super) action: String,
    /// The `acr` that the client asked for by a name of its own.
    pub(super) acr: Option<String>,
    /// The subject that an `id_token_hint` named.
    pub(super) subject: Option<String>,
    /// The subject that the client insists on.
    pub(super) only_subject: Option<String>,
    pub(super) locale: Option<String>,
}

impl Ticket {
    pub(super) fn new(
        verifier: &Verifier,
        visitor: &Subject,
        request: Wanted,
        phone: Option<PhoneNumber>,
        number_from: NumberSource,
        now: SystemTime,
    ) -> Result<Self> {
        Ok(Self {
            id: fresh_name()?,
            visitor: stands_for(verifier, visitor),
            request,
            phone: phone.map(|phone| phone.to_e164()),
            number_from,
            check: None,
            until: seconds(now + TICKET_LIFE),
        })
    }

    pub(super) fn seal(&self, verifier: &Verifier) -> Result<String> {
        verifier.seal(TICKET, self)
    }

    /// Opens a ticket that this visitor got and that has not ended.
    pub(super) fn open(verifier: &Verifier, text: &str, visitor: &Subject, now: SystemTime) -> Option<Self> {
        let ticket: Self = verifier.open(TICKET, text)?;
        (ticket.visitor == stands_for(verifier, visitor) && seconds(now) < ticket.until).then_some(ticket)
    }

    /// The ticket of the page that asks this number, before there is a check.
    pub(super) fn asking(&self, phone: &PhoneNumber) -> Self {
        Self { phone: Some(phone.to_e164()), check: None, ..self.clone() }
    }

    /// What a form has to carry so that it is known to come from this visitor's page.
    pub(super) fn csrf(&self, verifier: &Verifier) -> String {
        verifier.keyed_text("oidc csrf", &[self.visitor.as_bytes(), self.id.as_bytes()])
    }

    pub(super) fn phone(&self) -> Option<PhoneNumber> {
        PhoneNumber::parse(self.phone.as_deref()?, None).ok()
    }

    pub(super) fn action(&self) -> Result<Action> {
        Action::new(self.request.action.as_str())
    }
}

/// What a code stands for.
#[derive(Serialize, Deserialize)]
pub(super) struct Code {
    pub(super) id: String,
    pub(super) client: String,
    pub(super) redirect_uri: String,
    pub(super) challenge: String,
    pub(super) nonce: Option<String>,
    pub(super) shown: Shown,
    until: u64,
}

/// What the person showed.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Shown {
    pub(super) sub: String,
    pub(super) acr: String,
    pub(super) amr: Vec<String>,
    pub(super) auth_time: u64,
    pub(super) phone_number: String,
    pub(super) phone_number_verified: bool,
    pub(super) number_from: NumberSource,
    pub(super) is_test: bool,
}

impl Code {
    pub(super) fn new(request: &Wanted, shown: Shown, now: SystemTime) -> Result<Self> {
        Ok(Self {
            id: fresh_name()?,
            client: request.client.clone(),
            redirect_uri: request.redirect_uri.clone(),
            challenge: request.challenge.clone(),
            nonce: request.nonce.clone(),
            shown,
            until: seconds(now + CODE_LIFE),
        })
    }

    pub(super) fn seal(&self, verifier: &Verifier) -> Result<String> {
        verifier.seal(CODE, self)
    }

    pub(super) fn open(verifier: &Verifier, text: &str, now: SystemTime) -> Option<Self> {
        verifier.open::<Self>(CODE, text).filter(|code| seconds(now) < code.until)
    }

    /// Whether it is used for the first time.
    pub(super) async fn spend(&self, verifier: &Verifier, now: SystemTime) -> Result<bool> {
        verifier.first_time("oidc code", &[self.id.as_bytes()], time(self.until), now).await
    }
}

/// What an access token for `/userinfo` stands for.
#[derive(Serialize, Deserialize)]
pub(super) struct Access {
    id: String,
    pub(super) shown: Shown,
    until: u64,
}

impl Access {
    pub(super) fn new(shown: Shown, now: SystemTime) -> Result<Self> {
        Ok(Self { id: fresh_name()?, shown, until: seconds(now + ACCESS_LIFE) })
    }

    pub(super) fn seal(&self, verifier: &Verifier) -> Result<String> {
        verifier.seal(ACCESS, self)
    }

    pub(super) fn open(verifier: &Verifier, text: &str, now: SystemTime) -> Option<Self> {
        verifier.open::<Self>(ACCESS, text).filter(|access| seconds(now) < access.until)
    }

    pub(super) async fn spend(&self, verifier: &Verifier, now: SystemTime) -> Result<bool> {
        verifier.first_time("oidc access", &[self.id.as_bytes()], time(self.until), now).await
    }
}

/// A name that nobody can guess.
pub(super) fn fresh_name() -> Result<String> {
    Ok(URL_SAFE_NO_PAD.encode(random::bytes::<32>()?))
}

pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn time(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn stands_for(verifier: &Verifier, visitor: &Subject) -> String {
    verifier.keyed_text("oidc visitor", &[visitor.as_str().as_bytes()])
}

const TICKET: &str = "oidc ticket";
const CODE: &str = "oidc code";
const ACCESS: &str = "oidc access";

/// How long a person may take.
const TICKET_LIFE: Duration = Duration::from_secs(15 * 60);

/// How long a client may take to redeem a code (ASVS 5.0, 10.4.3: at most a minute).
const CODE_LIFE: Duration = Duration::from_secs(60);

/// How long an access token is good for.
pub(super) const ACCESS_LIFE: Duration = Duration::from_secs(60);
