//! The application: `axum-login` on `tower-sessions`, with a phone step between the password and the login.

use std::convert::Infallible;

use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use axum_login::{AuthManagerLayerBuilder, AuthUser, AuthnBackend, login_required};
use handset::{
    Action, Endpoints, Error, PhoneNumber, StepUpLayer, Subject, Verifier,
    verifier::{Factor, MfaLogin, MfaStep, PendingLogin},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

/// Ada's account: the backend that an application of `axum-login` has anyway.
#[derive(Clone, Debug)]
pub(super) struct User {
    name: String,
    phone: String,
}

impl AuthUser for User {
    type Id = String;

    fn id(&self) -> String {
        self.name.clone()
    }

    fn session_auth_hash(&self) -> &[u8] {
        self.name.as_bytes() // a dummy: that of the password in its place
    }
}

#[derive(Clone, Debug)]
pub(super) struct Backend {
    users: Vec<(User, &'static str)>,
}

#[derive(Deserialize)]
pub(super) struct Credentials {
    name: String,
    password: String,
}

impl AuthnBackend for Backend {
    type User = User;
    type Credentials = Credentials;
    type Error = Infallible;

    async fn authenticate(&self, given: Credentials) -> Result<Option<User>, Infallible> {
        let mut users = self.users.iter();
        Ok(users.find(|(user, password)| user.name == given.name && *password == given.password).map(|it| it.0.clone()))
    }

    async fn get_user(&self, name: &String) -> Result<Option<User>, Infallible> {
        Ok(self.users.iter().find(|(user, _)| user.name == *name).map(|it| it.0.clone()))
    }
}

type AuthSession = axum_login::AuthSession<Backend>;

/// What stands in the session between the password and the phone. `axum-login` does not know it, so to `login_required!` it is
/// nobody: `AuthSession::login` is called once, when the step is done.
#[derive(Serialize, Deserialize)]
struct Claimed {
    name: String,
    pending: PendingLogin,
}

const CLAIMED: &str = "claimed";

pub(super) fn app(verifier: &Verifier) -> Result<Router, Error> {
    let user = |name: &str, phone: &str| User { name: name.to_owned(), phone: phone.to_owned() };
    let users = vec![(user("ada", "+37126123456"), "correct horse"), (user("grace", "+37129999999"), "battery staple")];
    let sessions = SessionManagerLayer::new(MemoryStore::default()).with_name("__Host-session");
    Ok(Router::new()
        // ---- handset: a step-up for one route, by the person who is logged in
        .route("/transfer", post(async || "sent\n").layer(StepUpLayer::new(verifier, Action::new("transfer")?)))
        .nest_service("/handset", Endpoints::new(verifier))
        .layer(from_fn(subject_of_login))
        .route("/account", get(account))
        // Only who is logged in comes here; whose password was right does not.
        .route_layer(login_required!(Backend))
        .route("/login", post(login))
        .route("/login/code", post(code))
        .route("/logout", post(logout))
        .layer(AuthManagerLayerBuilder::new(Backend { users }, sessions).build())
        .with_state(verifier.clone()))
}

/// The session as the source of [`Subject`]: whose request it is, for the layer and for the endpoints. A pending login is nobody's
/// request.
async fn subject_of_login(auth: AuthSession, mut request: Request, next: Next) -> Response {
    if let Some(subject) = auth.user.and_then(|user| Subject::new(user.name).ok()) {
        request.extensions_mut().insert(subject);
    }
    next.run(request).await
}

async fn account(auth: AuthSession) -> String {
    format!("welcome, {}\n", auth.user.map(|user| user.name).unwrap_or_default())
}

async fn login(
    State(verifier): State<Verifier>,
    auth: AuthSession,
    session: Session,
    Json(given): Json<Credentials>,
) -> Answer {
    let Ok(Some(user)) = auth.authenticate(given).await else { return Err(StatusCode::UNAUTHORIZED) };
    // Whoever knows the id of the session so far has no part in what follows. (`flush` alone would keep the id.)
    session.clear().await;
    session.cycle_id().await.map_err(unavailable)?;
    let step = MfaStep::begin(&step_of(&verifier, &user)?).await.map_err(refused)?;
    show(auth, session, user, step).await
}

#[derive(Deserialize)]
pub(super) struct Code {
    code: String,
}

async fn code(
    State(verifier): State<Verifier>,
    auth: AuthSession,
    session: Session,
    Json(Code { code }): Json<Code>,
) -> Answer {
    let claimed: Option<Claimed> = session.get(CLAIMED).await.map_err(unavailable)?;
    let Claimed { name, pending } = claimed.ok_or(StatusCode::UNAUTHORIZED)?;
    let user = auth.backend.get_user(&name).await.map_err(unavailable)?.ok_or(StatusCode::UNAUTHORIZED)?;
    let step = pending.answer(&step_of(&verifier, &user)?, &code).await.map_err(refused)?;
    show(auth, session, user, step).await
}

async fn logout(mut auth: AuthSession) -> Answer {
    auth.logout().await.map_err(unavailable)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn step_of<'v>(verifier: &'v Verifier, user: &User) -> Result<MfaLogin<'v>, StatusCode> {
    let make = || {
        let (subject, phone) = (Subject::new(user.name.as_str())?, PhoneNumber::parse(&user.phone, None)?);
        Ok(MfaLogin::new(verifier, subject, [phone], Action::new("sign_in")?).after(Factor::Password))
    };
    make().map_err(refused)
}

async fn show(mut auth: AuthSession, session: Session, user: User, step: MfaStep) -> Answer {
    match step {
        MfaStep::Done(done) => {
            session.remove::<Claimed>(CLAIMED).await.map_err(unavailable)?;
            // Gives the session another id.
            auth.login(&user).await.map_err(unavailable)?;
            Ok(Json(json!({ "signed_in": user.name, "amr": done.amr() })).into_response())
        }
        MfaStep::Ask(ask) => {
            let page = json!({ "ask": ask.number.masked, "prompt": ask.check.prompt, "incorrect": ask.incorrect });
            let claimed = Claimed { name: user.name, pending: ask.pending };
            session.insert(CLAIMED, claimed).await.map_err(unavailable)?;
            Ok(Json(page).into_response())
        }
        // Accounts have one number here, so there is nothing to choose.
        MfaStep::NoNumber(_) | MfaStep::Choose(_) => Err(StatusCode::FORBIDDEN),
        MfaStep::Over(_) => {
            session.remove::<Claimed>(CLAIMED).await.map_err(unavailable)?;
            Err(StatusCode::UNAUTHORIZED)
        }
    }
}

type Answer = Result<Response, StatusCode>;

fn refused(error: Error) -> StatusCode {
    tracing::info!(?error, "no step");
    match error.kind() {
        handset::ErrorKind::InvalidInput => StatusCode::BAD_REQUEST,
        handset::ErrorKind::CheckEnded => StatusCode::UNAUTHORIZED,
        handset::ErrorKind::Denied => StatusCode::FORBIDDEN,
        handset::ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn unavailable(error: impl std::fmt::Display) -> StatusCode {
    tracing::error!(%error, "no session");
    StatusCode::SERVICE_UNAVAILABLE
}
