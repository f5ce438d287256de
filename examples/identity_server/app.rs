//! The routes: a password, a phone, and what only those see who are logged in.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use handset::{
    Action, Error, ErrorKind, PhoneNumber, Result, Subject, Verifier,
    enrolment::Enrolment,
    verifier::{Done, Factor, MfaLogin, MfaStep, NoNumber, PendingLogin},
};
use serde::Deserialize;
use serde_json::json;

use super::{book::Database, sessions::Session};

/// What the server holds.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) database: Database,
    verifier: Verifier,
    enrolment: Enrolment,
}

impl Server {
    pub(super) fn new(database: Database, verifier: Verifier) -> Self {
        let enrolment = Enrolment::new(&verifier, database.clone());
        Self { database, verifier, enrolment }
    }

    pub(super) fn routes(self) -> Router {
        Router::new()
            .route("/", get(home))
            .route("/password", post(password))
            .route("/phone/{what}", post(phone))
            .route("/logout", post(logout))
            .with_state(self)
    }

    /// The login of a session whose password was right, as the database knows it now.
    async fn login(&self, session: &Session) -> Result<MfaLogin<'_>, Refused> {
        let subject = Subject::new(session.claimed.clone().ok_or(Refused(StatusCode::UNAUTHORIZED))?)?;
        let (phones, action) = match &session.enrolling {
            Some(number) => (vec![PhoneNumber::parse(number, None)?], Enrolment::BIND),
            None => (self.enrolment.numbers(&subject).await?, "sign_in"),
        };
        let login = MfaLogin::new(&self.verifier, subject, phones, Action::new(action)?);
        Ok(login.after(Factor::Password).in_session(&session.id))
    }

    /// Keeps what a step leaves to be kept, and tells the browser what to show.
    async fn show(&self, mut session: Session, step: MfaStep) -> Answer {
        let page = match step {
            MfaStep::Done(done) => return self.log_in(session, done).await,
            MfaStep::Over(why) => {
                self.database.end(&session.id).await?;
                return Ok((StatusCode::UNAUTHORIZED, Json(json!({ "over": why.to_string() }))).into_response());
            }
            // This server lets people enrol their first number with the password alone. Yours may not.
            MfaStep::NoNumber(NoNumber::NoneEnrolled) => json!({ "enrol": true }),
            MfaStep::NoNumber(NoNumber::AllUsed) => return Err(Refused(StatusCode::FORBIDDEN)),
            MfaStep::Choose(choose) => {
                session.pending = Some(choose.pending);
                json!({ "choose": choose.numbers })
            }
            MfaStep::Ask(ask) => {
                session.pending = Some(ask.pending);
                let (prompt, left) = (&ask.check.prompt, ask.check.attempts_left);
                json!({ "ask": ask.number, "prompt": prompt, "incorrect": ask.incorrect, "attempts_left": left })
            }
        };
        self.database.keep(&session).await?;
        Ok((session.cookie(), Json(page)).into_response())
    }

    /// Only here does a session become a login; what a new number needs, comes first.
    async fn log_in(&self, session: Session, done: Done) -> Answer {
        if let Some(number) = &session.enrolling {
            let number = PhoneNumber::parse(number, None)?;
            self.enrolment.bind(done.subject(), &number, done.proof()).await.map_err(Error::from)?;
        }
        let account = done.subject().as_str().to_owned();
        let fresh = Session { account: Some(account.clone()), ..Session::fresh()? };
        self.database.renew(&session.id, &fresh).await?;
        let said = json!({ "signed_in": account, "acr": done.acr(), "amr": done.amr() });
        Ok((fresh.cookie(), Json(said)).into_response())
    }
}

async fn home(session: Session) -> Answer {
    let account = session.account.ok_or(Refused(StatusCode::UNAUTHORIZED))?;
    Ok(format!("welcome, {account}\n").into_response())
}

#[derive(Deserialize)]
struct Credentials {
    name: String,
    password: String,
}

async fn password(State(server): State<Server>, session: Session, Json(given): Json<Credentials>) -> Answer {
    let account = server.database.account(given.name, given.password).await?;
    let claimed = Some(account.ok_or(Refused(StatusCode::UNAUTHORIZED))?);
    let fresh = Session { claimed, ..Session::fresh()? };
    server.database.renew(&session.id, &fresh).await?;
    let step = MfaStep::begin(&server.login(&fresh).await?).await?;
    server.show(fresh, step).await
}

#[derive(Deserialize)]
struct Phone {
    #[serde(default)]
    said: String,
}

async fn phone(
    State(server): State<Server>,
    Path(what): Path<String>,
    mut session: Session,
    Json(Phone { said }): Json<Phone>,
) -> Answer {
    if what == "enrol" {
        session.enrolling = Some(said);
        let step = MfaStep::begin(&server.login(&session).await?).await?;
        return server.show(session, step).await;
    }
    let login = server.login(&session).await?;
    let pending: &PendingLogin = session.pending.as_ref().ok_or(Refused(StatusCode::CONFLICT))?;
    let step = match what.as_str() {
        "choose" => pending.choose(&login, &said).await?,
        "code" => pending.answer(&login, &said).await?,
        "look" => pending.look(&login).await?,
        "resend" => pending.resend(&login).await?,
        "next" => pending.next(&login).await?,
        "cancel" => pending.cancel(&login).await?,
        _ => return Err(Refused(StatusCode::NOT_FOUND)),
    };
    server.show(session, step).await
}

async fn logout(State(server): State<Server>, session: Session) -> Answer {
    server.database.end(&session.id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

type Answer = Result<Response, Refused>;

/// A request that is not served.
pub(super) struct Refused(StatusCode);

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        tracing::info!(?error, "refused");
        Self(match error.kind() {
            ErrorKind::InvalidInput | ErrorKind::Rejected => StatusCode::BAD_REQUEST,
            ErrorKind::CheckEnded => StatusCode::UNAUTHORIZED,
            ErrorKind::Denied => StatusCode::FORBIDDEN,
            ErrorKind::NotExpected | ErrorKind::NoMoreChannels => StatusCode::CONFLICT,
            ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        })
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}
