//! What an app and a person do on a handset.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    routing::post,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Emulator;
use crate::{
    error::{Error, ErrorKind, Result},
    sandbox::control::{Problem, number_of},
};

/// The routes below the sandbox itself.
pub(in crate::sandbox) fn router(emulator: Arc<Emulator>) -> Router {
    Router::new()
        .route("/handsets/{number}/operator_token", post(operator_token))
        .route("/handsets/{number}/approval", post(approval))
        .with_state(emulator)
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct For {
    client_id: Option<String>,
}

async fn operator_token(
    State(emulator): State<Arc<Emulator>>,
    Path(number): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let whose = if body.is_empty() { For::default() } else { read(&body, r#"{"client_id": ".."}"#)? };
    let client_id = whose.client_id.as_deref().unwrap_or(&emulator.client_id);
    let token = emulator.operator_token(&number_of(&number)?, client_id)?;
    Ok(Json(json!({ "operator_token": token.expose() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Approval {
    approve: bool,
}

async fn approval(
    State(emulator): State<Arc<Emulator>>,
    Path(number): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let Approval { approve } = read(&body, r#"{"approve": true}"#)?;
    Ok(Json(json!({ "answered": emulator.answer(&number_of(&number)?, approve) })))
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8], shape: &str) -> Result<T> {
    serde_json::from_slice(body)
        .map_err(|wrong| Error::new(ErrorKind::InvalidInput, format!("the body is like {shape}: {wrong}")))
}
