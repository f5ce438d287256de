//! OpenID Connect, as far as a silent check needs it, and whatever API its access tokens are for: where the server is, and the ways
//! to a token whose `id_token` was checked.
//!
//! Its errors name no provider: whose account it is, the provider knows.

mod ciba;
mod code;
mod id_token;
mod metadata;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::Response;
use jsonwebtoken::DecodingKey;
use tokio::time::{Instant, timeout_at};

use self::metadata::Server;
use super::{
    Returned,
    http::{Http, Repeat},
    oauth::{Answer, Client, ClientAuth, Grant, Pace, nonsense, read_keys, read_token, too_late, word},
};
use crate::{
    cache::{Kept, PublicKeys},
    error::{ErrorKind, Result},
    secret::Secret,
};

pub(crate) use ciba::{Awaited, Outcome};
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
    pace: Pace,
    /// How long an answer may take.
    patience: Duration,
}

impl OpenId {
    /// Asks nothing yet: the server is discovered when it is first needed.
    pub(crate) fn new(account: Account, http: Http, patience: Duration) -> Result<Self> {
        let client = Client::new(&account.client_id, &account.client_auth)?;
        Ok(Self { account, client, http, server: Kept::new(), keys: PublicKeys::new(), pace: Pace::new(), patience })
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
        let answer = self.http.send(request, Repeat::Never).await?;
        self.grant(&server, &answer, Some(&trip.nonce), now).await
    }

    /// Presents what shows who the subject is, in an assertion of ours (RFC 7523, section 2.1).
    pub(crate) async fn present(&self, subject: &str, scope: &str, now: SystemTime) -> Result<Grant> {
        let server = self.server().await?;
        let request = self.client.grant_form(&server.endpoints.token, subject, scope, now)?;
        let answer = self.http.send(request, Repeat::Never).await?;
        self.grant(&server, &answer, None, now).await
    }

    /// Asks the server about whom `hint` names (CIBA Core, section 7.1): what is awaited, and for how long.
    pub(crate) async fn ask(&self, hint: &str, scope: &str, now: SystemTime) -> Result<(Awaited, Duration)> {
        let server = self.server().await?;
        let request = self.client.form(server.backchannel()?, &[("scope", scope), ("login_hint", hint)], now)?;
        let answer = self.http.send(request, Repeat::Never).await?;
        let taken = self.look_again(&server, ciba::read_awaited(&answer, self.account.words)).await?;
        self.pace.answered(taken.0.poll(), false, std::time::Instant::now());
        Ok(taken)
    }

    /// Asks what became of a request, unless it is too early to ask.
    pub(crate) async fn poll(&self, awaited: &Awaited, now: SystemTime) -> Result<Outcome> {
        if !self.pace.take_turn(awaited.poll(), self.patience, std::time::Instant::now()) {
            return Ok(Outcome::Pending);
        }
        let server = self.server().await?;
        let request = self.client.form(&server.endpoints.token, &awaited.question(), now)?;
        let answer = self.http.send(request, Repeat::Never).await;
        let said = answer.as_ref().ok().filter(|answer| answer.status().is_client_error()).map(word);
        let slow_down = said.as_deref() == Some("slow_down");
        self.pace.answered(awaited.poll(), slow_down, std::time::Instant::now());
        match said.as_deref() {
            Some("authorization_pending" | "slow_down") => Ok(Outcome::Pending),
            Some("access_denied") => Ok(Outcome::Denied),
            _ => self.grant(&server, &answer?, None, now).await.map(Outcome::Granted),
        }
    }

    /// Asks again and again what became of a request, for as long as an answer may take.
    pub(crate) async fn wait(&self, awaited: &Awaited, now: SystemTime) -> Result<Outcome> {
        let asked = async {
            loop {
                tokio::time::sleep(self.pace.left(awaited.poll(), std::time::Instant::now())).await;
                match self.poll(awaited, now).await? {
                    Outcome::Pending => {}
                    outcome => return Ok(outcome),
                }
            }
        };
        let too_slow = |source| nonsense("does not tell in time who it is").with_source(source);
        tokio::time::timeout(self.patience, asked).await.map_err(too_slow)?
    }

    /// Finds the server, and its backchannel if that will be needed, before anybody is asked for anything.
    pub(crate) async fn find(&self, backchannel: bool) -> Result<()> {
        let server = self.server().await?;
        if backchannel { server.backchannel().map(drop) } else { Ok(()) }
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

    /// What the token endpoint gave.
    async fn grant(
        &self,
        server: &Server,
        answer: &Response<Bytes>,
        nonce: Option<&str>,
        now: SystemTime,
    ) -> Result<Grant> {
        let answer: Answer = self.look_again(server, read_token(answer, self.account.words)).await?;
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

    /// A server that refuses us may have moved its endpoints: they are looked for again before the next check.
    async fn look_again<T>(&self, server: &Server, answer: Result<T>) -> Result<T> {
        if answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::Misconfigured) {
            self.server.forget(|kept| std::ptr::eq(&raw const **kept, server)).await;
        }
        answer
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
            backchannel: None,
        }
    }
}
