//! What this provider hands out and gets back, each sealed as a kind of its own: the ticket of a person on the page, the code, and
//! the access token. The store only remembers which of them were used.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::client::NumberSource;
use crate::{
    error::Result,
    ids::{Action, Binding, Subject},
    phone::PhoneNumber,
    random,
    step_page::Errand,
    verifier::{StartRequest, Verifier},
};

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
    pub(super) number_from: NumberSource,
    /// The subject that an `id_token_hint` named.
    pub(super) subject: Option<String>,
    /// The subject that the client insists on.
    pub(super) only_subject: Option<String>,
    pub(super) locale: Option<String>,
}

impl Wanted {
    pub(super) fn action(&self) -> Result<Action> {
        Action::new(self.action.as_str())
    }

    /// One request of a client, one check: its code is good for that request and for no other.
    pub(super) fn binding(ticket: &str) -> Result<Binding> {
        Binding::new(format!("oidc:{ticket}"))
    }
}

impl Errand for Wanted {
    const KIND: &'static str = "oidc ticket";

    fn request(&self, ticket: &str, subject: Subject, phone: PhoneNumber) -> Result<StartRequest> {
        let mut request = StartRequest::new(subject, phone, self.action()?);
        request.binding = Some(Self::binding(ticket)?);
        request.locale.clone_from(&self.locale);
        Ok(request)
    }

    fn asks_number(&self) -> bool {
        self.number_from == NumberSource::Typed
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

const CODE: &str = "oidc code";
const ACCESS: &str = "oidc access";

/// How long a client may take to redeem a code (ASVS 5.0, 10.4.3: at most a minute).
const CODE_LIFE: Duration = Duration::from_secs(60);

/// How long an access token is good for.
pub(super) const ACCESS_LIFE: Duration = Duration::from_secs(60);
