//! `GET /redirect/{provider}`: where a device comes back to.

use http::{HeaderValue, StatusCode, header::LOCATION};

use super::{Served, Visit};
use crate::{
    problem::{Problem, json_response},
    verifier::Verifier,
};

/// Sends the device on to the application's page, or tells it that it may go back. The proof is not handed to a browser that
/// passes through: the client that started the check fetches it.
pub(super) async fn serve(verifier: &Verifier, visit: Visit, provider: &str, query: &str) -> Served {
    let check = verifier
        .redirect(&visit.subject, provider, query, visit.caller)
        .await
        .map_err(|error| Problem::from(&error))?;
    let body = serde_json::json!({ "check_id": check.id, "status": check.status });
    let Some(page) = verifier.return_page() else { return Ok(json_response(StatusCode::OK, &body)) };
    let mut response = json_response(StatusCode::SEE_OTHER, &body);
    // The page was checked when the verifier was built.
    if let Ok(page) = HeaderValue::from_str(page) {
        response.headers_mut().insert(LOCATION, page);
    }
    Ok(response)
}
