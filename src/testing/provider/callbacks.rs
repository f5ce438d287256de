//! What the vendor posts, and what others post in its name.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::{
    Callbacks, Case, Covers, Failure, Outcome, Will,
    case::ensure,
    stage::{Placed, Stage},
};
use crate::{
    callback::Message,
    error::ErrorKind,
    provider::{Report, Settle, Verdict},
};

pub(super) const CASES: &[Case] = &[
    Case::new("callback_good", |stage| good(stage).boxed()),
    Case::new("callback_altered_by_one_byte", |stage| altered(stage).boxed()),
    Case::new("callback_without_its_signature", |stage| unsigned(stage).boxed()),
    Case::new("callback_stale", |stage| stale(stage).boxed()),
    Case::new("callback_repeated", |stage| repeated(stage).boxed()),
    Case::new("callback_of_another_provider", |stage| foreign(stage).boxed()),
    Case::new("callback_of_another_check", |stage| of_another_check(stage).boxed()),
];

/// An order, and what the vendor posted about it.
struct Reported {
    placed: Placed,
    message: Message,
}

/// Has the vendor post a report on an order to one of the phones; `None` when it posts nothing, and the provider says so.
async fn reported(stage: &Stage, other: bool) -> Result<Option<Reported>, Failure> {
    if matches!(stage.vendor.callbacks(stage.channel), Callbacks::None) {
        let posted = stage.callback(notice(&stage.wire.callback_url(), JSON, b"{}")).await;
        // Denied where the vendor posts about another channel, and this is not what it posts.
        let kind = posted.map_err(|error| error.kind());
        let refused = matches!(kind, Err(ErrorKind::Unsupported | ErrorKind::Denied));
        ensure(refused, || "the vendor posts nothing, but the provider takes what is posted".to_owned())?;
        return Ok(None);
    }
    let placed = stage.place(if other { stage.other_order()? } else { stage.order()? }).await?;
    let evidence = stage.act(&placed, Will::Pass).await?;
    if matches!(placed.started.settle, Settle::Redirect | Settle::RemoteCode { .. }) {
        // The vendor posts when our own exchange has ended its check.
        stage.settle(&placed, &evidence).await??;
    }
    let message = stage.posted().await?;
    Ok(Some(Reported { placed, message }))
}

async fn good(stage: &Stage) -> Result<Outcome, Failure> {
    let Some(Reported { placed, message }) = reported(stage, false).await? else { return Ok(Outcome::NOTHING_TO_TRY) };
    let report = stage.callback(message.clone()).await?;
    names(stage, &report, &placed)?;
    match (stage.vendor.callbacks(stage.channel), &placed.started.settle) {
        (Callbacks::Signed { .. }, Settle::Callback) => ensure(report.verdict == Verdict::Match, || {
            format!("the report that decides is read as {:?}", report.verdict)
        })?,
        (Callbacks::Unsigned, _) => {
            ensure(report.verdict == Verdict::Pending, || format!("an unsigned report decides: {:?}", report.verdict))?
        }
        _ => ensure(report.verdict != Verdict::NoMatch, || "the report on a right answer says no".to_owned())?,
    }
    Ok(Outcome::Passed)
}

/// A report names the order that it is about, unless the URL does.
fn names(stage: &Stage, report: &Report, placed: &Placed) -> Result<(), Failure> {
    let handle = report.handle.as_ref().is_none_or(|handle| *handle == placed.started.handle);
    let alias = report.alias == stage.provider.alias(&placed.order);
    ensure(handle && alias, || "the report names another order".to_owned())
}

async fn altered(stage: &Stage) -> Result<Outcome, Failure> {
    let Callbacks::Signed { covers, .. } = stage.vendor.callbacks(stage.channel) else {
        return nothing_signed(stage).await;
    };
    let Some(Reported { message, .. }) = reported(stage, false).await? else { return Ok(Outcome::NOTHING_TO_TRY) };
    let covered = covered(&message.body, covers);
    ensure(!covered.is_empty(), || "the signature covers nothing of the body".to_owned())?;
    for at in covered {
        let mut body = message.body.to_vec();
        body.get_mut(at).into_iter().for_each(|byte| *byte ^= 1);
        is_refused(stage, Message { body: body.into(), ..message.clone() }, &format!("byte {at} altered")).await?;
    }
    Ok(Outcome::Passed)
}

/// The bytes of a body that its signature covers.
fn covered(body: &Bytes, covers: Covers) -> Vec<usize> {
    let Covers::Fields(names) = covers else { return (0..body.len()).collect() };
    let mut start = 0;
    let mut covered = Vec::new();
    for pair in body.split(|byte| *byte == b'&') {
        let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
        if names.iter().any(|known| known.as_bytes() == name) {
            covered.extend(start + name.len() + 1..start + pair.len());
        }
        start += pair.len() + 1;
    }
    covered
}

async fn unsigned(stage: &Stage) -> Result<Outcome, Failure> {
    let Callbacks::Signed { headers, .. } = stage.vendor.callbacks(stage.channel) else {
        return nothing_signed(stage).await;
    };
    let Some(Reported { message, .. }) = reported(stage, false).await? else { return Ok(Outcome::NOTHING_TO_TRY) };
    for name in headers {
        let mut message = message.clone();
        ensure(message.headers.remove(*name).is_some(), || format!("the vendor sends no `{name}`"))?;
        is_refused(stage, message, &format!("`{name}` taken away")).await?;
    }
    Ok(Outcome::Passed)
}

async fn stale(stage: &Stage) -> Result<Outcome, Failure> {
    let Callbacks::Signed { dated: true, .. } = stage.vendor.callbacks(stage.channel) else {
        return nothing_signed(stage).await;
    };
    let Some(Reported { message, .. }) = reported(stage, false).await? else { return Ok(Outcome::NOTHING_TO_TRY) };
    let late = stage.callback_later(message.clone(), Duration::from_secs(3600)).await;
    refused(late.map(|_| ()), "an hour later")?;
    stage.callback(message).await?;
    Ok(Outcome::Passed)
}

async fn repeated(stage: &Stage) -> Result<Outcome, Failure> {
    let Some(Reported { message, .. }) = reported(stage, false).await? else { return Ok(Outcome::NOTHING_TO_TRY) };
    let (first, second) = (stage.callback(message.clone()).await?, stage.callback(message).await?);
    let decides = first.verdict != Verdict::Pending;
    ensure(!decides || first.id.is_some(), || "a report that decides has no `id` to tell its copy by".to_owned())?;
    ensure(first.id == second.id, || "a copy of a report has another `id`".to_owned())?;
    Ok(Outcome::Passed)
}

/// Reports of other vendors, with the signatures that strangers can make.
async fn foreign(stage: &Stage) -> Result<Outcome, Failure> {
    let Some(Reported { message, .. }) = reported(stage, false).await? else { return Ok(Outcome::NOTHING_TO_TRY) };
    for (kind, name, value, body) in FOREIGN {
        let mut posted = notice(&message.url, kind, body.as_bytes());
        posted.peer = message.peer;
        posted.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        match (stage.callback(posted).await, stage.vendor.callbacks(stage.channel)) {
            (Err(_), _) => {}
            (Ok(report), Callbacks::Unsigned) if report.verdict == Verdict::Pending => {}
            (Ok(report), _) => return Err(Failure::new(format!("a report of another vendor is read as {report:?}"))),
        }
    }
    Ok(Outcome::Passed)
}

async fn of_another_check(stage: &Stage) -> Result<Outcome, Failure> {
    let other = stage.place(stage.other_order()?).await?;
    let Some(Reported { mut message, placed }) = reported(stage, false).await? else {
        return Ok(Outcome::NOTHING_TO_TRY);
    };
    let unsigned = matches!(stage.vendor.callbacks(stage.channel), Callbacks::Unsigned);
    if unsigned && names(stage, &stage.callback(message.clone()).await?, &placed).is_err() {
        // A vendor that tells of deliveries does so whatever the person does: that was the other order's.
        message = stage.posted().await?;
    }
    // So that it is neither the first order nor the last one that the report is about.
    stage.place(stage.other_order()?).await?;
    let report = stage.callback(message).await?;
    names(stage, &report, &placed)?;
    let by_handle = report.handle.is_some_and(|handle| handle != other.started.handle);
    let by_alias = report.alias.is_some_and(|alias| stage.provider.alias(&other.order) != Some(alias));
    let by_url = report.verdict == Verdict::Pending;
    ensure(by_handle || by_alias || by_url, || "a report that decides does not say about which order".to_owned())?;
    Ok(Outcome::Passed)
}

/// For the cases that need a signature: whatever comes without one must not decide.
async fn nothing_signed(stage: &Stage) -> Result<Outcome, Failure> {
    if let Some(Reported { message, .. }) = reported(stage, false).await?
        && matches!(stage.vendor.callbacks(stage.channel), Callbacks::Unsigned)
    {
        let report = stage.callback(message).await?;
        ensure(report.verdict == Verdict::Pending, || "an unsigned report decides".to_owned())?;
    }
    Ok(Outcome::NOTHING_TO_TRY)
}

async fn is_refused(stage: &Stage, message: Message, what: &str) -> Result<(), Failure> {
    refused(stage.callback(message).await.map(|_| ()), what)
}

fn refused(result: crate::error::Result<()>, what: &str) -> Result<(), Failure> {
    let kind = result.map_err(|error| error.kind());
    ensure(kind == Err(ErrorKind::Denied), || format!("{what}: {kind:?} instead of `Denied`"))
}

fn notice(url: &str, kind: &'static str, body: &[u8]) -> Message {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Message::new(Method::POST, url, headers, Bytes::copy_from_slice(body))
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// What the vendors of this crate, and two others, post: a content type, a header, a body.
const FOREIGN: [(&str, &str, &str, &str); 5] = [
    (
        JSON,
        "authorization",
        r#"Signature keyId="1",algorithm="rsa-sha256",headers="(request-target) date",signature="AAAA""#,
        r#"{"check_id":"c69bc0e6-a429-11ea-bb37-0242ac130002","status":"COMPLETED","match":true}"#,
    ),
    (
        FORM,
        "signature",
        "ZjAzYmM1NTcyNTFkOGIyYjFlYjM5M2YwNGYxZjE1YmU1ZTRhZTQ5Zg==",
        "event=NOTIFY_OUT_END&caller_id=100&destination=37126123456&call_start=2026-11-23+10%3A00%3A00&pbx_call_id=1\
         &disposition=answered&callback_dtmf=1",
    ),
    (
        JSON,
        "authorization",
        "Apikey 00000000000000000000000000000000",
        r#"{"rc":"00","trxid":"20261123100000123456","msisdn":"6281234567890","result":"Success"}"#,
    ),
    (FORM, "x-twilio-signature", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "MessageSid=SM1&MessageStatus=delivered"),
    (JSON, "webhook-signature", "v1,AAAA", r#"{"type":"verification.completed","verified":true}"#),
];
