//! `POST /checks`: starts a check.

use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::{Served, Visit, view};
use crate::{
    channel::Channel,
    email,
    error::{Error, ErrorKind, Result},
    ids::{Action, Binding},
    phone::PhoneNumber,
    problem::Problem,
    verifier::{StartRequest, Verifier},
};

/// The body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Body {
    /// May be left out where the application says which number the account has.
    phone_number: Option<String>,
    /// Two letters of ISO 3166-1: where a national number is dialled.
    region: Option<String>,
    action: String,
    /// Read by its name: left to itself, serde says of a number in this place that it is no JSON.
    channel: Option<String>,
    binding: Option<String>,
    locale: Option<String>,
    email: Option<String>,
}

pub(super) async fn serve(verifier: &Verifier, visit: Visit, headers: &HeaderMap, body: Body) -> Served {
    let request = request(visit, headers, body).map_err(|error| Problem::from(&error))?;
    let check = verifier.start(request).await.map_err(|error| Problem::from(&error))?;
    view::check(StatusCode::CREATED, &check)
}

fn request(visit: Visit, headers: &HeaderMap, body: Body) -> Result<StartRequest> {
    let phone = phone(&visit, &body)?;
    let mut request = StartRequest::new(visit.subject, phone, Action::new(body.action)?);
    request.binding = body.binding.map(Binding::new).transpose()?;
    request.channel = body.channel.as_deref().map(str::parse::<Channel>).transpose()?;
    request.locale = body.locale.map(locale).transpose()?;
    request.email = address(visit.facts.email.as_deref(), body.email.as_deref())?;
    request.client_ip = visit.caller.ip.or(visit.facts.client_ip);
    request.idempotency_key = idempotency_key(headers)?;
    request.facts = visit.facts;
    Ok(request)
}

/// The number that is asked for, which is the account's own where the application has said so.
fn phone(visit: &Visit, body: &Body) -> Result<PhoneNumber> {
    let region = body.region.as_deref().map(str::parse).transpose()?;
    let asked = body.phone_number.as_deref().map(|text| PhoneNumber::parse(text, region)).transpose()?;
    match (visit.facts.phone, asked) {
        (None, Some(asked)) => Ok(asked),
        (Some(own), asked) if asked.is_none_or(|asked| asked == own) => Ok(own),
        (Some(_), _) => Err(invalid("this is not the account's phone number; leave `phone_number` out")),
        (None, None) => Err(invalid("missing field `phone_number`")),
    }
}

/// Where e-mails go, which is the account's own address where the application has said so.
fn address(own: Option<&str>, asked: Option<&str>) -> Result<Option<String>> {
    let asked = asked.map(email::checked).transpose()?;
    match own {
        Some(own) if asked.is_some_and(|asked| !asked.eq_ignore_ascii_case(own)) => {
            Err(invalid("this is not the account's e-mail address; leave `email` out"))
        }
        own => Ok(own.or(asked).map(str::to_owned)),
    }
}

/// The header of the IETF draft "The Idempotency-Key HTTP Header Field".
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    let wrong = || invalid("send one `Idempotency-Key`, of 1 to 255 printable ASCII characters");
    let key = value.to_str().map_err(|_| wrong())?.trim();
    match (key.len(), values.next()) {
        (1..=255, None) => Ok(Some(key.to_owned())),
        _ => Err(wrong()),
    }
}

fn locale(tag: String) -> Result<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    match tag.len() {
        2..=35 if tag.bytes().all(plain) => Ok(tag),
        _ => Err(invalid("`locale` is a BCP 47 language tag, such as `lv` or `pt-BR`")),
    }
}

fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}
