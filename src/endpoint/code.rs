//! `POST /checks/{id}/code`: hands in a code.

use http::StatusCode;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Served, Visit, view};
use crate::{
    ids::CheckId,
    problem::Problem,
    verifier::{Answer, Verifier},
};

/// The body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Body {
    code: Zeroizing<String>,
}

pub(super) async fn serve(verifier: &Verifier, visit: Visit, id: CheckId, body: Body) -> Served {
    match verifier.answer(&visit.subject, id, &body.code, visit.caller).await {
        Ok(Answer::Verified(verified)) => view::verified(&verified),
        Ok(Answer::Incorrect { attempts_left }) => Err(incorrect(attempts_left)),
        Err(error) => Err(Problem::from(&error)),
    }
}

fn incorrect(attempts_left: u8) -> Problem {
    let detail = match attempts_left {
        0 => "the code is not right, and this was the last attempt; start another check",
        _ => "the code is not right; look again and type it once more",
    };
    Problem::new("incorrect-code", StatusCode::UNPROCESSABLE_ENTITY, "The code is not right", detail)
        .with("attempts_left", attempts_left)
}
