//! What is known of Entra before anybody comes: the cloud, the client, the tenants, the accounts' phones.

use std::{collections::BTreeSet, fmt, future::Future};

use futures_util::future::{BoxFuture, FutureExt};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, ErrorKind, Result},
    ids::Action,
    phone::PhoneNumber,
    signing::SigningKeys,
    step_page::StepPages,
};

/// One of Microsoft's clouds. Each has its own sign-in host, its own application registrations, and one place that answers may go
/// to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cloud {
    /// The worldwide one.
    #[default]
    Global,
    /// Azure for US Government.
    UsGovernment,
    /// Azure in China, operated by 21Vianet.
    China,
}

impl Cloud {
    /// Every cloud.
    pub const ALL: [Self; 3] = [Self::Global, Self::UsGovernment, Self::China];

    /// Where tokens of this cloud come from, and where its keys are published.
    #[must_use]
    pub const fn authority(self) -> &'static str {
        match self {
            Self::Global => "https://login.microsoftonline.com",
            Self::UsGovernment => "https://login.microsoftonline.us",
            Self::China => "https://login.partner.microsoftonline.cn",
        }
    }

    /// The one `redirect_uri` of this cloud, as Microsoft publishes it in "Microsoft Entra multifactor authentication external
    /// method provider reference", section "Example of a redirection URI".
    #[must_use]
    pub const fn redirect_uri(self) -> &'static str {
        match self {
            Self::Global => "https://login.microsoftonline.com/common/federation/externalauthprovider",
            Self::UsGovernment => "https://login.microsoftonline.us/common/federation/externalauthprovider",
            Self::China => "https://login.partner.microsoftonline.cn/common/federation/externalauthprovider",
        }
    }
}

/// Entra as the one client of this endpoint.
///
/// ```
/// use handset::entra::Client;
///
/// let client = Client::new("handset-mfa", "600b719b-3766-4dc5-95a6-3c4a8dc31885")
///     .tenant("14c2f153-90a7-4689-9db7-9543bf084dad");
/// # let _ = client;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Client {
    pub(super) id: String,
    pub(super) application: String,
    pub(super) tenants: BTreeSet<String>,
    pub(super) cloud: Cloud,
    pub(super) authority: String,
}

impl Client {
    /// `client_id` is the name that the tenant's administrator enters for us, and the `aud` of our tokens; `application_id` is
    /// that of the application registered in Entra, and the `aud` of Entra's.
    pub fn new(client_id: impl Into<String>, application_id: impl Into<String>) -> Self {
        Self {
            id: client_id.into(),
            application: application_id.into(),
            tenants: BTreeSet::new(),
            cloud: Cloud::Global,
            authority: Cloud::Global.authority().to_owned(),
        }
    }

    /// Serves the people of a tenant, by its id. Of tenants that are not named here nobody is served.
    pub fn tenant(mut self, id: impl Into<String>) -> Self {
        self.tenants.insert(id.into().to_ascii_lowercase());
        self
    }

    /// Says which cloud the tenants are in. Default: the worldwide one.
    pub fn cloud(mut self, cloud: Cloud) -> Self {
        self.cloud = cloud;
        cloud.authority().clone_into(&mut self.authority);
        self
    }

    /// Takes another host for the one that signs and publishes its keys, such as an emulator of it. Whoever holds that host says
    /// who signed in. Call it after [`cloud`](Self::cloud); where answers go stays as the cloud has it.
    pub fn danger_authority(mut self, url: impl Into<String>) -> Self {
        url.into().trim_end_matches('/').clone_into(&mut self.authority);
        self
    }
}

/// The settings of the endpoint.
#[derive(Clone, Debug)]
#[must_use]
pub struct Config {
    pub(super) issuer: String,
    pub(super) client: Client,
    pub(super) keys: SigningKeys,
    pub(super) action: Action,
    pub(super) pages: StepPages,
}

impl Config {
    /// `issuer` is the URL under which Entra and browsers reach the endpoint, such as `https://mfa.example.com/entra`. `keys` are RS256,
    /// at least two: the one that signs, and the next one, which Entra has to know days before it signs. A key without a
    /// certificate gets a self-signed one.
    ///
    /// # Errors
    ///
    /// None today; the settings are looked at by [`Entra::new`](super::Entra::new).
    pub fn new(issuer: impl Into<String>, client: Client, keys: SigningKeys) -> Result<Self> {
        let (action, pages) = (Action::new("entra")?, StepPages::builder().build()?);
        Ok(Self { issuer: issuer.into(), client, keys, action, pages })
    }

    /// What the policy knows the step by. Default `entra`.
    pub fn action(mut self, action: Action) -> Self {
        self.action = action;
        self
    }

    /// How the page looks and speaks. Default: as it comes.
    pub fn step_pages(mut self, pages: StepPages) -> Self {
        self.pages = pages;
        self
    }
}

/// An account of a tenant, as Entra's signed token names it. Nothing else makes one.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Account {
    pub(super) tenant: String,
    pub(super) object: String,
}

impl Account {
    /// The id of the tenant (`tid`), in lower case.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The id of the account within Entra (`oid`), in lower case. It never changes and is never given to another account.
    #[must_use]
    pub fn object(&self) -> &str {
        &self.object
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

/// Which phones an account has: the application's own knowledge, from its own enrolment. Closures from [`Account`] to a future of
/// numbers are this, too.
pub trait Phones: Send + Sync + 'static {
    /// The enrolled numbers, the preferred one first; none when nobody enrolled any. The person sees them masked, and at most
    /// eight.
    ///
    /// # Errors
    ///
    /// Whatever keeps the application from knowing; Entra is told to come again later.
    fn phones<'a>(&'a self, account: &'a Account) -> BoxFuture<'a, Result<Vec<PhoneNumber>>>;
}

impl<F, Fut> Phones for F
where
    F: Fn(Account) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Vec<PhoneNumber>>> + Send + 'static,
{
    fn phones<'a>(&'a self, account: &'a Account) -> BoxFuture<'a, Result<Vec<PhoneNumber>>> {
        self(account.clone()).boxed()
    }
}

/// An id as Microsoft writes them, in lower case.
pub(super) fn guid(text: &str) -> Option<String> {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]);
    let hex = groups.iter().all(|group| group.bytes().all(|b| b.is_ascii_hexdigit()));
    (lengths && hex).then(|| text.to_ascii_lowercase())
}

pub(super) fn misconfigured(message: &'static str) -> Error {
    Error::new(ErrorKind::Misconfigured, message)
}
