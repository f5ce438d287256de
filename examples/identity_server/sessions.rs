//! Sessions, as rows: one that knows whose password was right is not one that is logged in.

use axum::{
    extract::FromRequestParts,
    http::{
        HeaderName, HeaderValue,
        header::{COOKIE, SET_COOKIE},
        request::Parts,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use handset::{Error, ErrorKind, Result, verifier::PendingLogin};
use rusqlite::{OptionalExtension, Row, params};

use super::{app::Server, book::Database};

/// What is known of a browser.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) id: String,
    /// Who is logged in. Routes for people who are look at this and at nothing else.
    pub(super) account: Option<String>,
    /// Whose password was right.
    pub(super) claimed: Option<String>,
    pub(super) pending: Option<PendingLogin>,
    pub(super) enrolling: Option<String>,
}

impl Session {
    /// A session under a name that nobody knows yet.
    pub(super) fn fresh() -> Result<Self> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|_| Error::new(ErrorKind::Unavailable, "no randomness"))?;
        Ok(Self { id: URL_SAFE_NO_PAD.encode(id), ..Self::default() })
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let pending: Option<String> = row.get("pending")?;
        Ok(Self {
            id: row.get("id")?,
            account: row.get("account")?,
            claimed: row.get("claimed")?,
            // A state that does not open is refused by the verifier.
            pending: pending.and_then(|text| serde_json::from_str(&text).ok()),
            enrolling: row.get("enrolling")?,
        })
    }

    /// The header that gives the browser its name.
    pub(super) fn cookie(&self) -> [(HeaderName, String); 1] {
        [(SET_COOKIE, format!("{NAME}={}; Path=/; Secure; HttpOnly; SameSite=Lax", self.id))]
    }
}

/// The session of a request; an unknown one is a new one, never one under the name that the browser brought.
impl FromRequestParts<Server> for Session {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Self::Rejection> {
        let cookies = parts.headers.get(COOKIE).map(HeaderValue::to_str).and_then(std::result::Result::ok);
        let id = cookies.into_iter().flat_map(|cookies| cookies.split(';')).find_map(|cookie| {
            let (name, value) = cookie.trim().split_once('=')?;
            (name == NAME).then(|| value.to_owned())
        });
        let found = match id {
            Some(id) => server.database.session(id).await.ok().flatten(),
            None => None,
        };
        Ok(found.unwrap_or_default())
    }
}

impl Database {
    async fn session(&self, id: String) -> Result<Option<Session>> {
        self.run(move |sql| sql.query_row("SELECT * FROM session WHERE id = ?1", [id], Session::read).optional()).await
    }

    /// Ends the session `old` and begins `new`: after every step up, nobody who knew the old name knows the new one.
    pub(super) async fn renew(&self, old: &str, new: &Session) -> Result<()> {
        self.end(old).await?;
        self.keep(new).await
    }

    pub(super) async fn keep(&self, session: &Session) -> Result<()> {
        let pending = session.pending.as_ref().and_then(|pending| serde_json::to_string(pending).ok());
        let Session { id, account, claimed, enrolling, .. } = session;
        let (id, account, claimed, enrolling) = (id.clone(), account.clone(), claimed.clone(), enrolling.clone());
        let row =
            "INSERT OR REPLACE INTO session (id, account, claimed, pending, enrolling) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.run(move |sql| sql.execute(row, params![id, account, claimed, pending, enrolling]).map(drop)).await
    }

    pub(super) async fn end(&self, id: &str) -> Result<()> {
        let id = id.to_owned();
        self.run(move |sql| sql.execute("DELETE FROM session WHERE id = ?1", [id]).map(drop)).await
    }

    /// The account, if this is its password.
    pub(super) async fn account(&self, name: String, password: String) -> Result<Option<String>> {
        let found = "SELECT name FROM account WHERE name = ?1 AND password = ?2";
        self.run(move |sql| sql.query_row(found, params![name, password], |row| row.get(0)).optional()).await
    }
}

const NAME: &str = "__Host-session";
