//! `POST /checks/{id}/next` goes on to the next channel; `DELETE /checks/{id}` calls a check off.

use http::StatusCode;

use super::{Served, Visit, view};
use crate::{
    ids::CheckId,
    problem::{Problem, json_response},
    verifier::Verifier,
};

pub(super) async fn serve(verifier: &Verifier, visit: Visit, id: CheckId) -> Served {
    let check = verifier.next(&visit.subject, id, visit.caller).await.map_err(|error| Problem::from(&error))?;
    view::check(StatusCode::OK, &check)
}

pub(super) async fn cancel(verifier: &Verifier, visit: Visit, id: CheckId) -> Served {
    verifier.cancel(&visit.subject, id).await.map_err(|error| Problem::from(&error))?;
    let mut response = json_response(StatusCode::NO_CONTENT, &serde_json::Value::Null);
    response.headers_mut().remove(http::header::CONTENT_TYPE);
    *response.body_mut() = http_body_util::Full::default();
    Ok(response)
}
