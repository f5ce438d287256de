//! The bank: one account, one route that moves money, and the step before it.

use std::sync::Arc;

use axum::{
    Extension, Json, Router,
    body::{Body, to_bytes},
    extract::Request,
    http::{StatusCode, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use handset::{
    Action, Binding, Endpoints, Proof, StepUpLayer, Verifier, proof::ProofKey, sandbox::Sandbox, verifier::Facts,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    pages,
    session::{Session, Sessions, attach},
    vendors,
    ways::WAYS,
};

/// The policy, the keys and the providers, put together. Vendors and phones come back to `public_url`.
pub(crate) fn verifier(sandbox: &Sandbox, public_url: &str) -> handset::Result<Verifier> {
    Verifier::builder()
        .policy("examples/demo/policy.toml", include_str!("policy.toml"))
        .proof_key(ProofKey::random()?)
        .public_url(public_url)
        .provider(vendors::citcall(sandbox)?)
        .provider(vendors::idlayr(sandbox)?)
        .provider(vendors::numcheck(sandbox)?)
        .provider(vendors::open_gateway(sandbox, public_url)?)
        .provider(vendors::zadarma(sandbox)?)
        .build()
}

/// The bank's routes. A request meets the layers from the last to the first.
pub(crate) fn router(verifier: &Verifier) -> handset::Result<Router> {
    let mut bank = Router::new();
    // Your app guards each thing that it does by one such line. The demo has one for each way that a visitor may choose.
    for way in WAYS {
        let step_up = StepUpLayer::new(verifier, Action::new(way.action)?);
        bank = bank.route(&way.path(), post(transfer).route_layer(step_up).route_layer(from_fn(describe)));
    }
    Ok(bank
        .nest_service("/handset", Endpoints::new(verifier))
        .route("/", get(pages::index))
        .layer(from_fn_with_state(Sessions::new(), attach)))
}

/// What the page sends.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Transfer {
    payee: String,
    /// Whole euros.
    amount: i64,
}

impl Transfer {
    async fn read(body: Body) -> Result<Self, Refusal> {
        let bytes = to_bytes(body, MAX_BODY)
            .await
            .map_err(|_| Refusal(StatusCode::PAYLOAD_TOO_LARGE, "a transfer has at most 4096 bytes".to_owned()))?;
        let transfer: Self = serde_json::from_slice(&bytes).map_err(|_| {
            unusable(r#"send JSON such as {"payee": "Charles Babbage", "amount": 1200}, the amount in whole euros"#)
        })?;
        let payee = transfer.payee.trim();
        if payee.is_empty() || payee.chars().count() > 60 || payee.chars().any(char::is_control) {
            return Err(unusable("`payee` is a name of 1 to 60 characters"));
        }
        if transfer.amount <= 0 {
            return Err(unusable("`amount` is more than zero"));
        }
        Ok(Self { payee: payee.to_owned(), ..transfer })
    }

    /// What the policy's rules may ask about it, and what a proof is bound to: this amount, to this payee, and no other.
    ///
    /// A real bank also knows the account's number, and says so by `with_phone`; here a visitor may take any.
    fn facts(&self) -> handset::Result<Facts> {
        let binding = Binding::new(format!("{} EUR to {}", self.amount, self.payee))?;
        Ok(Facts::default().with_amount(self.amount).with_currency("EUR").with_binding(binding))
    }
}

/// Before the step: reads the transfer, and says what there is to know about it. What cannot succeed needs no call.
///
/// The handler gets the transfer that was read here, so that what was approved is what is done.
async fn describe(
    Extension(session): Extension<Arc<Session>>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let (mut parts, body) = request.into_parts();
    let transfer = Transfer::read(body).await?;
    if transfer.amount > session.balance() {
        return Err(too_much(session.balance()));
    }
    parts.extensions.insert(transfer.facts().map_err(|error| unusable(&error.to_string()))?);
    parts.extensions.insert(transfer);
    Ok(next.run(Request::from_parts(parts, Body::empty())).await)
}

/// After the step: the policy asked nothing, or there is a proof.
async fn transfer(
    Extension(session): Extension<Arc<Session>>,
    Extension(Transfer { payee, amount }): Extension<Transfer>,
    proof: Option<Extension<Arc<Proof>>>,
) -> Result<Json<Value>, Refusal> {
    let balance = session.withdraw(amount).ok_or_else(|| too_much(session.balance()))?;
    let message = match proof {
        Some(proof) => format!("{amount} EUR sent to {payee}, approved by {}.", approval(&proof)),
        None => format!("{amount} EUR sent to {payee}."),
    };
    Ok(Json(json!({ "message": message, "balance": balance })))
}

/// How it was approved, in words. A handler that needs a phone looks at the `acr`, or leaves that to the policy.
fn approval(proof: &Proof) -> String {
    match proof.acr() {
        "phone" => format!("the phone {} ({})", proof.phone(), proof.channel()),
        other => format!("{other}, the phone not shown"),
    }
}

/// Why the bank does not do it, as a problem of RFC 9457 like those of the step.
struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(status, detail) = self;
        let title = status.canonical_reason();
        let body = json!({ "title": title, "status": status.as_u16(), "detail": detail });
        (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
    }
}

fn unusable(detail: &str) -> Refusal {
    Refusal(StatusCode::UNPROCESSABLE_ENTITY, detail.to_owned())
}

fn too_much(balance: i64) -> Refusal {
    Refusal(StatusCode::CONFLICT, format!("there are only {balance} EUR in the account"))
}

/// Bytes.
const MAX_BODY: usize = 4096;
