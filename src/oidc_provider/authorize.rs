//! `GET /authorize`: checks a request, and shows the person the page. Nothing is sent to a phone before the person asks for it.

use http::{StatusCode, header::SET_COOKIE, request::Parts};

use super::{
    OidcProvider,
    answer::{Answer, out_of_order, see_other, tell},
    request::{self, Asked, Refusal},
    step::{self, Look},
};
use crate::{
    error::Result,
    step_page::{Standing, Walk, dead_end},
    verifier::Facts,
    visitor,
};

pub(super) fn serve(provider: &OidcProvider, parts: &Parts) -> Answer {
    let query = parts.uri.query().unwrap_or_default();
    let facts = parts.extensions.get::<Facts>().cloned().unwrap_or_default();
    let now = match provider.verifier().trusted_now() {
        Ok(now) => now,
        Err(error) => return out_of_order(&error),
    };
    match request::read(provider, query, &facts, now) {
        Ok(asked) => show(provider, parts, asked).unwrap_or_else(|error| out_of_order(&error)),
        Err(Refusal::Page(why)) => {
            tracing::info!(why, "authorization request refused");
            dead_end(StatusCode::BAD_REQUEST, why)
        }
        Err(Refusal::Client(told)) => {
            tracing::info!(error = told.error, why = told.description, "authorization request refused");
            tell(&told, provider.issuer())
        }
    }
}

/// The same as a form (OpenID Connect Core, section 3.1.2.1), which goes on as a link: a form of another site comes without
/// the visitor's cookie.
pub(super) fn form(provider: &OidcProvider, body: &[u8]) -> Answer {
    let Ok(text) = std::str::from_utf8(body) else {
        return dead_end(StatusCode::BAD_REQUEST, "The form that brought you here cannot be read.");
    };
    let encoded: String =
        form_urlencoded::Serializer::new(String::new()).extend_pairs(form_urlencoded::parse(text.as_bytes())).finish();
    see_other(&provider.url(&format!("/authorize?{encoded}")))
}

fn show(provider: &OidcProvider, parts: &Parts, asked: Asked<'_>) -> Result<Answer> {
    let verifier = provider.verifier();
    let (subject, cookie) = match visitor::subject(verifier, &parts.extensions, &parts.headers) {
        Some(subject) => (subject, None),
        None => visitor::newcomer(verifier).map(|(subject, cookie)| (subject, Some(cookie)))?,
    };
    let Asked { client, wanted, phone } = asked;
    tracing::info!(client = client.id, number_from = ?wanted.number_from, "phone step asked for");
    let visit = &step::visit(provider, parts, subject)?;
    let walk = Walk::begin(verifier, visit, provider.url("/step"), wanted, phone)?;
    let mut response = Look { provider, client, visit, walk }.page(&Standing::Beginning, None, &parts.headers)?;
    response.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    Ok(response)
}
