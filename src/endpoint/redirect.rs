//! `GET /redirect/{provider}`: where a device comes back to.

use http::{HeaderValue, StatusCode, header::LOCATION, request::Parts};

use super::Served;
use crate::{
    problem::{Problem, json_response},
    verifier::{Caller, Verifier},
    visitor,
};

/// Sends the device on to the page of the check or of the application, or tells it that it may go back. The proof is not handed to
/// a browser that passes through: the client that started the check fetches it.
pub(super) async fn serve(verifier: &Verifier, parts: &Parts, provider: &str) -> Served {
    let browser = visitor::names(verifier, &parts.extensions, &parts.headers);
    let caller = parts.extensions.get::<Caller>().copied().unwrap_or_default();
    let query = parts.uri.query().unwrap_or_default();
    let arrival = verifier.come_back(&browser, provider, query, caller).await.map_err(|error| Problem::from(&error))?;
    let body = serde_json::json!({ "check_id": arrival.check.id, "status": arrival.check.status });
    let Some(page) = arrival.page else { return Ok(json_response(StatusCode::OK, &body)) };
    let mut response = json_response(StatusCode::SEE_OTHER, &body);
    // The page was checked when the verifier was built, or is made of a URL that was.
    if let Ok(page) = HeaderValue::try_from(page) {
        response.headers_mut().insert(LOCATION, page);
    }
    Ok(response)
}
