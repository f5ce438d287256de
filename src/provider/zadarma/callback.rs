//! What the vendor's server posts: who may, and what the end of a call says.
//!
//! The signature covers the fields of [`signed_fields`] and no more: **the key that was pressed and whether the call was
//! answered are not among them.** Whoever has seen one true callback can change the verdict and keep the signature. So a report
//! counts only from the vendor's network, at a secret URL, for a call that we ordered, to that number, at that time, once.

use std::time::SystemTime;

use futures_util::future::{BoxFuture, FutureExt};
use subtle::ConstantTimeEq;

use super::{error, sign};
use crate::{
    callback::{Form, Message, Scheme, Unsigned, local_time, refused},
    error::{ErrorKind, Result},
    phone::{PhoneNumber, Region},
    provider::{Delivery, Report, Verdict},
    secret::Secret,
};

/// The key that the greeting asks for.
pub(super) const KEY: &str = "1";

/// From the vendor's network, and signed with the account's secret.
#[derive(Debug)]
pub(super) struct Signed<'a> {
    pub(super) sources: Unsigned,
    pub(super) secret: &'a Secret,
}

impl Scheme for Signed<'_> {
    fn check<'a>(&'a self, message: &'a Message, now: SystemTime) -> BoxFuture<'a, Result<()>> {
        async move {
            self.sources.check(message, now).await?;
            let form = message.form()?;
            let names = signed_fields(form.field("event")).ok_or_else(|| refused("this event is not known"))?;
            let parts: Vec<&str> = names.iter().map(|name| form.field(name)).collect();
            let expected = sign::signature(self.secret, &parts)?;
            // The vendor sends it once the account has keys, and without them nothing can be ordered.
            match message.headers.get("signature") {
                Some(given) if bool::from(expected.as_bytes().ct_eq(given.as_bytes())) => Ok(()),
                _ => Err(refused("the signature of a callback is missing or wrong")),
            }
        }
        .boxed()
    }
}

/// Reads the end of a call that we ordered; every other event says nothing.
///
/// The vendor's pages tell of `NOTIFY_OUT_END` and show `NOTIFY_END`, so both are taken. Of the latter only the kind that is
/// shown, with the `called_did` of an outgoing call: that of an incoming call names who called, which a caller can forge.
pub(super) fn read(form: &Form<'_>, region: Option<Region>, now: SystemTime) -> Result<Report> {
    let called = match form.field("event") {
        "NOTIFY_END" if form.field("calltype") == "callback_leg1" && form.field("called_did") == "0" => "caller_id",
        "NOTIFY_OUT_END" => "destination",
        _ => return Ok(Report::new(Verdict::Pending)),
    };
    let (called, start) = (form.field(called), form.field("call_start"));
    let no_time = || error(ErrorKind::InvalidInput, "`call_start` is no time up to now");
    let (verdict, delivery) = match (form.field("disposition"), form.field("callback_dtmf")) {
        ("answered", KEY) => (Verdict::Match, Delivery::Delivered),
        // Voice mail presses nothing either.
        ("answered", "") => (Verdict::Pending, Delivery::Delivered),
        ("answered", _) => (Verdict::NoMatch, Delivery::Delivered),
        _ => (Verdict::Pending, Delivery::NotDelivered),
    };
    let alias = PhoneNumber::from_network(called, region).map(|phone| phone.digits().to_string());
    Ok(Report {
        began: Some(local_time::latest(start, now + local_time::SKEW).ok_or_else(no_time)?),
        // Of what is signed. The vendor's id of the call is not, nor does it stand in the answer to an order.
        id: alias.as_ref().map(|alias| format!("{alias} {start}")),
        alias,
        delivery: Some(delivery),
        ..Report::new(verdict)
    })
}

/// What the vendor asks of a URL before it takes it: the value of `zd_echo`, to be answered as it is, in plain text.
pub(super) fn echo(query: &str) -> Option<String> {
    let (_, value) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "zd_echo")?;
    let value = value.into_owned();
    ((1..=128).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_alphanumeric())).then_some(value)
}

/// The fields whose values, one behind the other, are signed.
fn signed_fields(event: &str) -> Option<&'static [&'static str]> {
    Some(match event {
        "NOTIFY_START" | "NOTIFY_IVR" | "NOTIFY_INTERNAL" | "NOTIFY_END" => &["caller_id", "called_did", "call_start"],
        "NOTIFY_ANSWER" => &["caller_id", "destination", "call_start"],
        "NOTIFY_OUT_START" | "NOTIFY_OUT_END" => &["internal", "destination", "call_start"],
        "NOTIFY_RECORD" => &["pbx_call_id", "call_id_with_rec"],
        "SMS" | "NUMBER_LOOKUP" | "CALL_TRACKING" => &["result"],
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
