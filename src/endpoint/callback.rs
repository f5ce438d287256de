//! `POST /callback/{provider}/{token}`: where vendors report; `GET` where a vendor tests the URL.

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header::CONTENT_TYPE, request::Parts};
use http_body_util::Full;

use super::{Served, not_found};
use crate::{
    error::ErrorKind,
    problem::{Problem, json_response},
    verifier::{Caller, Posted, Verifier},
};

pub(super) async fn serve(verifier: &Verifier, provider: &str, token: &str, parts: &Parts, body: Bytes) -> Served {
    let query = parts.uri.query().unwrap_or_default();
    if parts.method == Method::GET {
        return verifier.echo(provider, token, query).map(plain).ok_or_else(nothing_here);
    }
    let posted = Posted { method: parts.method.clone(), query: query.to_owned(), headers: parts.headers.clone(), body };
    let caller = parts.extensions.get::<Caller>().copied().unwrap_or_default();
    match verifier.report(provider, token, posted, caller).await {
        Ok(()) => Ok(json_response(StatusCode::OK, &serde_json::json!({}))),
        // A wrong URL and a wrong signature look the same from outside.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::CheckEnded | ErrorKind::Denied | ErrorKind::Unsupported | ErrorKind::InvalidInput
            ) =>
        {
            Err(nothing_here())
        }
        Err(error) => Err(Problem::from(&error)),
    }
}

fn plain(text: String) -> Response<Full<Bytes>> {
    let mut response = json_response(StatusCode::OK, &serde_json::Value::Null);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    *response.body_mut() = Full::from(text);
    response
}

fn nothing_here() -> Problem {
    not_found("no callback of this kind is expected here")
}
