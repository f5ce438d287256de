//! `POST /authorize`: Entra's request, from the browser that brings it to a step that has begun.

use bytes::Bytes;
use http::{StatusCode, header::SET_COOKIE, request::Parts};

use super::{
    Inner, Reply, answer,
    carried::Carried,
    hint::{Doubt, Hinted},
    look_again,
    request::{self, Asked, Fault},
    step::{self, DENIED, Step, UNAVAILABLE},
};
use crate::{
    error::{Error, Result},
    step_page::dead_end,
    verifier::{Caller, Facts},
};

pub(super) async fn serve(inner: &Inner, parts: &Parts, form: &Bytes) -> Reply {
    let request = request::correlation(form).unwrap_or_default();
    match begin(inner, parts, form).await {
        Ok(reply) => {
            tracing::info!(request, "entra: a step has begun");
            reply
        }
        Err(Fault::Stranger(why)) => {
            tracing::warn!(request, why, "entra: a request of nobody we know");
            dead_end(
                StatusCode::BAD_REQUEST,
                "This request did not come from the sign-in page that is configured here.",
            )
        }
        Err(Fault::Told { error, state, why }) => {
            tracing::warn!(request, error, why, "entra: request refused");
            answer(inner, ("error", error), state.as_deref())
        }
    }
}

async fn begin(inner: &Inner, parts: &Parts, form: &Bytes) -> Result<Reply, Fault> {
    let asked = request::read(&inner.config.client, form)?;
    let state = asked.state.clone();
    let told = |error, why| Fault::Told { error, state: state.clone(), why };
    let failed = |error: Error| {
        tracing::error!(?error, "entra: a step could not begin");
        told(step::told(&error), "see the error before")
    };
    let hinted = identify(inner, &asked, &told, &failed).await?;
    let phones = inner.phones.phones(&hinted.account).await.map_err(|error| {
        tracing::error!(?error, "entra: the application could not say which phones an account has");
        told(UNAVAILABLE, "no phones can be looked up")
    })?;
    if phones.is_empty() {
        return Err(told(DENIED, "the account has no phone"));
    }
    let facts = parts.extensions.get::<Facts>().cloned().unwrap_or_default();
    let caller = parts.extensions.get::<Caller>().copied().unwrap_or_default();
    let mut carried = Carried::new(Step::new(asked, hinted, &phones)).map_err(failed)?;
    carried.begin(inner, &facts, caller).await.map_err(failed)?;
    let mut reply = look_again(inner, &carried, None, &parts.headers);
    reply.headers_mut().insert(SET_COOKIE, carried.cookie().map_err(failed)?);
    Ok(reply)
}

/// Checks the hint, and takes it and its nonce out of use.
async fn identify(
    inner: &Inner,
    asked: &Asked,
    told: &impl Fn(&'static str, &'static str) -> Fault,
    failed: &impl Fn(Error) -> Fault,
) -> Result<Hinted, Fault> {
    let now = inner.verifier.trusted_now().map_err(failed)?;
    let hinted = inner.tenants.check(&asked.hint, now).await.map_err(|doubt| match doubt {
        Doubt::Refused(why) => told("invalid_request", why),
        Doubt::Unknown(error) => {
            tracing::error!(?error, "entra: the tenant's keys cannot be had");
            told(UNAVAILABLE, "the hint cannot be checked")
        }
    })?;
    if asked.subject.as_ref().is_some_and(|subject| *subject != hinted.subject) {
        return Err(told(DENIED, "the request asks for another subject than its hint names"));
    }
    // What was signed, without the signature: that is what cannot be written in another way.
    let signed = asked.hint.expose().rsplit_once('.').map_or("", |(signed, _)| signed);
    let tenant = hinted.account.tenant().as_bytes();
    let until = step::forget_at(now);
    for (kind, parts) in
        [("entra hint", [tenant, signed.as_bytes()]), ("entra nonce", [tenant, asked.nonce.as_bytes()])]
    {
        if !inner.verifier.first_time(kind, &parts, until, now).await.map_err(failed)? {
            return Err(told("invalid_request", "this request came before"));
        }
    }
    Ok(hinted)
}
