//! OpenID Connect, as far as a silent check needs it, and whatever API its access tokens are for: where the server is, and the ways
//! to a token whose `id_token` was checked.
//!
//! Its errors name no provider: whose account it is, the provider knows.

mod code;
mod id_token;
mod metadata;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::Request;
use jsonwebtoken::DecodingKey;
use tokio::time::{Instant, timeout_at};

use self::metadata::Server;
use super::{
    Returned,
    http::{Http, Repeat},
    oauth::{Answer, Client, ClientAuth, Grant, nonsense, read_keys, read_token, too_late},
};
use crate::{
    cache::{Kept, PublicKeys},
    error::{ErrorKind, Result},
    secret::Secret,
};

pub(crate) use code::{Ask, Trip};
pub use metadata::Endpoints;
pub(crate) use metadata::scheme;

/// An application, as one authorization server knows it.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) issuer: String,
    pub(crate) endpoints: Option<Endpoints>,
    pub(crate) client_id: String,
    pub(crate) client_auth: ClientAuth,
    /// Whether a device that comes back has to name the server, even where its metadata do not promise that.
    pub(crate) require_iss: bool,
    /// What the server's words mean that are not OpenID's.
    pub(crate) words: fn(&str) -> Option<(ErrorKind, &'static str)>,
}

/// The client of one authorization server.
#[derive(Debug)]
pub(crate) struct OpenId {
    account: Account,
    client: Client,
    http: Http,
    server: Kept<Arc<Server>>,
    keys: PublicKeys,
}

impl OpenId {
    /// Asks nothing yet: the server is discovered when it is first needed.
    pub(crate) fn new(account: Account, http: Http) -> Result<Self> {
        let client = Client::new(&account.client_id, &account.client_auth)?;
        Ok(Self { account, client, http, server: Kept::new(), keys: PublicKeys::new() })
    }

    /// How the server, and what its tokens are for, are reached.
    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    /// The URL that the device opens.
    pub(crate) async fn authorization_url(&self, ask: &Ask<'_>) -> Result<String> {
        code::authorization_url(&self.account, &*self.server().await?, ask)
    }

    /// Exchanges what the device came back with.
    pub(crate) async fn exchange(&self, trip: &Trip, returned: &Returned, now: SystemTime) -> Result<Grant> {
        let server = self.server().await?;
        let code = code::read_return(&self.account, &server, returned)?;
        let request = self.client.form(&server.endpoints.token, &trip.exchange(&code), now)?;
        self.grant(&server, request, &trip.nonce, now).await
    }

    /// The authorization server, as configured or as it describes itself.
    async fn server(&self) -> Result<Arc<Server>> {
        self.server
            .get_or_fetch(async {
                let server = match Server::configured(&self.account) {
                    Some(server) => server,
                    None => {
                        let answer = self.http.send(metadata::discover(&self.account)?, Repeat::Idempotent).await?;
                        metadata::read_metadata(&self.account, &answer)?
                    }
                };
                Ok((Arc::new(server), METADATA_LIFE))
            })
            .await
    }

    /// Asks the token endpoint, once.
    async fn grant(&self, server: &Server, request: Request<Bytes>, nonce: &str, now: SystemTime) -> Result<Grant> {
        let answer = read_token(&self.http.send(request, Repeat::Never).await?, self.account.words);
        if answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::Misconfigured) {
            // The server may have moved its endpoint: look again before the next check.
            self.server.forget().await;
        }
        let answer: Answer = answer?;
        let until = Instant::now() + answer.lifetime();
        if let Some(id_token) = &answer.id_token {
            let check = async {
                let key = self.key(server, id_token, now).await?;
                id_token::check(id_token, &key, &self.account, nonce, now)
            };
            timeout_at(until, check).await.map_err(too_late)??;
        }
        Ok(answer.into_grant(until))
    }

    /// The key that a token of the server says it is signed with.
    async fn key(&self, server: &Server, id_token: &Secret, now: SystemTime) -> Result<DecodingKey> {
        let fetch = async {
            let answer = self.http.send(metadata::keys(server)?, Repeat::Idempotent).await?;
            read_keys(&answer, self.account.words)
        };
        let key = self.keys.key(&id_token::key_name(id_token)?, now, fetch).await?;
        key.ok_or_else(|| nonsense("signed its `id_token` with a key that it does not publish"))
    }
}

/// For how long the server is taken to be where it was.
const METADATA_LIFE: Duration = Duration::from_secs(60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const ES256: &str = include_str!("../oauth/testdata/es256.pem");

    pub(super) fn account() -> Account {
        Account {
            issuer: "https://as.example".to_owned(),
            endpoints: None,
            client_id: "app".to_owned(),
            client_auth: ClientAuth::Basic { secret: Secret::new("hush") },
            require_iss: false,
            words: |_| None,
        }
    }

    pub(super) fn endpoints() -> Endpoints {
        Endpoints {
            authorization: "https://as.example/authorize?tenant=1".to_owned(),
            token: "https://as.example/token".to_owned(),
            jwks: None,
        }
    }
}
