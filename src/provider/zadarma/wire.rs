//! Zadarma's words: requests built, answers read. No I/O.
//!
//! Source: the vendor's page "Multichannel data verification API" and its OpenAPI description, methods `/v1/verify/` and
//! `/v1/verify/check`. Everything goes as a form in the body of a POST, signed over the same text.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use ::http::{Method, Request, Response, StatusCode, header};
use bytes::Bytes;
use serde::Deserialize;

use super::{Config, error, sign};
use crate::{
    channel::Channel,
    error::{Error, ErrorKind, Result},
    provider::{Handle, Order, Verdict, http},
    secret::Code,
};

/// How many digits a code of the vendor's has, and for how long the vendor knows a request.
pub(super) const DIGITS: u8 = 6;
pub(super) const LIFETIME: Duration = Duration::from_secs(600);

/// `/v1/verify/`: sends a message with `own`, or with a code of the vendor's.
pub(super) fn verify(config: &Config, order: &Order, own: Option<&Code>) -> Result<Request<Bytes>> {
    let phone = order.phone.to_e164();
    let (channel, to, special) = match order.channel {
        Channel::Sms => {
            let template = config.template_id.map(|id| id.to_string());
            ("sms", phone, vec![("template_id", template), ("caller_id", config.caller_id.clone())])
        }
        Channel::VoiceCode => ("call_code", phone, vec![("from", config.call_from.clone())]),
        Channel::Email => {
            let address = order.email.clone().ok_or_else(|| error(ErrorKind::Rejected, "needs an e-mail address"))?;
            let subject = config.email_subject.clone();
            // The vendor puts the code in, so it has another mark for its place.
            let body = order.message.as_ref().map(|message| message.replace("{code}", "{#code#}"));
            let body = body.or_else(|| config.email_body.clone());
            let from = config.email_from.clone();
            ("email", address, vec![("from", from), ("email_subject", subject), ("email_body", body)])
        }
        Channel::KeyPress => {
            let from = ("from", config.call_from.clone());
            ("call_button", phone, config.sounds().into_iter().chain([from]).collect())
        }
        _ => return Err(error(ErrorKind::Unsupported, "has no such channel")),
    };
    // The sounds of a call that asks for a key are in one language.
    let locale = order.locale.as_deref().filter(|_| order.channel != Channel::KeyPress);
    let language = locale.and_then(language).map(str::to_owned);
    let code = own.map(|code| code.expose().to_owned());
    let common = [("channel", Some(channel.to_owned())), ("to", Some(to)), ("language", language), ("code", code)];
    let given = common.into_iter().chain(special).filter_map(|(name, value)| Some((name, value?)));
    request(config, "/v1/verify/", given.collect())
}

/// `/v1/verify/check`: has the vendor judge a code.
pub(super) fn check(config: &Config, handle: &Handle, typed: &Code) -> Result<Request<Bytes>> {
    let (id, code) = (handle.as_str().to_owned(), typed.expose().to_owned());
    request(config, "/v1/verify/check", [("request_id", id), ("code", code)].into())
}

/// Reads the answer to `/v1/verify/`.
pub(super) fn read_started(answer: &Response<Bytes>, channel: Channel, now: SystemTime) -> Result<Handle> {
    let body = read(answer, now)?;
    match (body.status, body.request_id) {
        (Said::Success, Some(id)) if !id.is_empty() => Ok(Handle::new(id)),
        // A call that asks for a key gets no name.
        (Said::Success, _) if channel == Channel::KeyPress => Ok(Handle::new("call_button")),
        (Said::Success, _) => Err(error(ErrorKind::Unavailable, "answered without a `request_id`")),
        // The vendor's words are not repeated: they may hold the number.
        (Said::Error, _) => Err(error(ErrorKind::Rejected, "does not send the message")),
    }
}

/// Reads the answer to `/v1/verify/check`.
///
/// The vendor's "no" spends the attempt in whatever words it comes: if it began to word wrong codes otherwise, and that were
/// taken for a failure, every guess would be given back. Only "no such request" is told apart. Nothing was compared then and
/// nothing ever will be, so it is no wrong answer; the person needs another message.
pub(super) fn read_verdict(answer: &Response<Bytes>, now: SystemTime) -> Result<Verdict> {
    let body = read(answer, now)?;
    match body.status {
        Said::Success if body.says("Code is correct") => Ok(Verdict::Match),
        Said::Success => Err(error(ErrorKind::Unavailable, "does not say whether the code is right")),
        Said::Error if body.says("No such request id") => {
            Err(error(ErrorKind::Unavailable, "does not know the message any more; send another one"))
        }
        Said::Error => Ok(Verdict::NoMatch),
    }
}

fn request(config: &Config, path: &str, mut parameters: BTreeMap<&str, String>) -> Result<Request<Bytes>> {
    parameters.insert("format", "json".to_owned());
    let query = sign::query(&parameters);
    Request::builder()
        .method(Method::POST)
        .uri(format!("{}{path}", config.base_url.trim_end_matches('/')))
        .header(header::AUTHORIZATION, sign::authorization(&config.key, &config.secret, path, &query)?)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from(query))
        .map_err(|source| error(ErrorKind::Misconfigured, "`base_url` makes no URL").with_source(source))
}

/// The vendor's name for the language of a BCP 47 tag, if it has one. It calls Ukrainian by the country's letters.
fn language(tag: &str) -> Option<&'static str> {
    let primary = tag.split('-').next().unwrap_or_default();
    LANGUAGES.iter().find(|(ours, _)| primary.eq_ignore_ascii_case(ours)).map(|(_, theirs)| *theirs)
}

const LANGUAGES: [(&str, &str); 7] =
    [("en", "en"), ("es", "es"), ("de", "de"), ("pl", "pl"), ("ru", "ru"), ("uk", "ua"), ("fr", "fr")];

/// The fields of both answers.
#[derive(Deserialize)]
struct Body {
    status: Said,
    message: Option<String>,
    request_id: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Success,
    Error,
}

impl Body {
    fn says(&self, words: &str) -> bool {
        self.message.as_ref().is_some_and(|message| message.trim().eq_ignore_ascii_case(words))
    }
}

/// Reads an answer, or makes our error of what the vendor says of the account: the only place where that happens. A refusal
/// of the message or of the code is left to the caller, who knows which it is.
fn read(answer: &Response<Bytes>, now: SystemTime) -> Result<Body> {
    let body: Option<Body> = serde_json::from_slice(answer.body()).ok();
    let says = |words| body.as_ref().is_some_and(|body| matches!(body.status, Said::Error) && body.says(words));
    let status = answer.status();
    // The vendor refuses with status 200 as well: what is said counts as much as the status.
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) || says("Auth error") {
        return Err(error(ErrorKind::Misconfigured, "refuses `key` and `secret`"));
    }
    if status == StatusCode::PAYMENT_REQUIRED {
        return Err(error(ErrorKind::Misconfigured, "wants the account to be paid"));
    }
    if status == StatusCode::TOO_MANY_REQUESTS || says("You exceeded the rate limit") {
        let error = error(ErrorKind::RateLimited, "takes no more requests for now");
        return Err(http::rate_limit_reset(answer, now).into_iter().fold(error, Error::with_retry_after));
    }
    match body {
        Some(body) if status.is_success() || matches!(body.status, Said::Error) => Ok(body),
        _ if status.is_client_error() => Err(error(ErrorKind::Rejected, "does not accept the request")),
        _ => Err(error(ErrorKind::Unavailable, "answered with something that is not its JSON")),
    }
}

#[cfg(test)]
mod tests;
