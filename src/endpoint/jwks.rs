//! `GET /.well-known/jwks.json`: the public keys of proofs (RFC 7517).

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;

use crate::{problem::json_response, verifier::Verifier};

pub(super) fn serve(verifier: &Verifier) -> Response<Full<Bytes>> {
    let mut response = json_response(StatusCode::OK, &verifier.jwks());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
    response
}
