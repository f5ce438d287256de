//! What the vendor tells the URL that stands on the account's page.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use reqwest::Url;

use super::php;
use crate::{
    error::{Error, ErrorKind, Result},
    phone::PhoneNumber,
    sandbox::{
        CallState, IncomingCall,
        common::Common,
        courier::{Courier, Letter},
        knob::{CallbackFault, Dials, Knob},
        random,
    },
    secret::Secret,
};

/// The URL for notifications, and who brings them there.
pub(super) struct Notices {
    courier: Courier,
    url: Mutex<Option<String>>,
}

impl Notices {
    pub(super) fn new(common: &Common) -> Result<Self> {
        Ok(Self { courier: Courier::new(common, "zadarma")?, url: Mutex::default() })
    }

    /// Takes a URL as the account's page does: once it has repeated what it was asked to.
    pub(super) async fn set_url(&self, url: &str) -> Result<()> {
        let wrong = |message| Error::new(ErrorKind::InvalidInput, message);
        let url = Url::parse(url).ok().filter(|url| url.scheme().starts_with("http"));
        let url = url.ok_or_else(|| wrong("the URL for notifications is an absolute one"))?;
        let echo = random::alphanumeric(32)?;
        let mut asked = url.clone();
        asked.query_pairs_mut().append_pair("zd_echo", &echo);
        let lost = |source: reqwest::Error| {
            wrong("the URL for notifications does not answer").with_source(source.without_url())
        };
        let answer = self.courier.client().get(asked).send().await.map_err(lost)?;
        if !answer.status().is_success() || answer.text().await.map_err(lost)? != echo {
            return Err(wrong("the URL for notifications does not repeat the value of `zd_echo`"));
        }
        *self.url.lock().unwrap_or_else(PoisonError::into_inner) = Some(url.into());
        Ok(())
    }

    pub(super) fn url(&self) -> Option<String> {
        self.url.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn answers(&self) -> Vec<u16> {
        self.courier.answers()
    }

    /// Posts a notification, as a knob may have it.
    pub(super) async fn post(&self, secret: &Secret, mut notice: Notice, fault: Option<CallbackFault>) {
        let Some(url) = self.url() else { return };
        let signature = match fault {
            Some(CallbackFault::Unsigned) => None,
            Some(CallbackFault::WrongSignature) => Some(format!("{}A", notice.signature(secret))),
            Some(CallbackFault::ForeignKey) => Some(notice.signature(&Secret::new("somebody else's key"))),
            _ => Some(notice.signature(secret)),
        };
        let times = match fault {
            Some(CallbackFault::None) => 0,
            Some(CallbackFault::Duplicate) => 2,
            _ => 1,
        };
        if fault == Some(CallbackFault::Forged) {
            notice.name_another_number();
        }
        let letter = Letter {
            url,
            content_type: "application/x-www-form-urlencoded",
            headers: signature.into_iter().map(|signature| ("Signature", signature)).collect(),
            body: form_urlencoded::Serializer::new(String::new()).extend_pairs(&notice.0).finish(),
        };
        self.courier.deliver(vec![letter; times]).await;
    }
}

/// The fields of a notification, in the vendor's order.
pub(super) struct Notice(Vec<(&'static str, String)>);

impl Notice {
    /// The end of a call that asked for a key, which began at `start`.
    pub(super) fn of(to: &str, call: &IncomingCall, start: SystemTime, dials: &Dials) -> Result<Self> {
        let late = if dials.callback() == Some(CallbackFault::Late) { LATE } else { Duration::ZERO };
        let (disposition, cause) = match call.state {
            CallState::Answered | CallState::Voicemail => ("answered", "16"),
            CallState::Ended => ("busy", "17"),
            _ => ("cancel", "19"),
        };
        let national = PhoneNumber::parse(to, None).ok().filter(|_| dials.has(&Knob::NationalNumbers));
        let to = national.map_or_else(|| to.trim_start_matches('+').to_owned(), |phone| phone.national_digits());
        let id: String =
            (0..40).map(|_| random::below(16)).map(|n| n.map(|n| format!("{n:x}"))).collect::<Result<_>>()?;
        let (event, called) = match dials.has(&Knob::NotifyOutEnd) {
            true => ("NOTIFY_OUT_END", vec![("destination", to)]),
            false => ("NOTIFY_END", vec![("caller_id", to), ("called_did", "0".to_owned())]),
        };
        let text = |fields: &[(&'static str, &str)]| -> Vec<_> {
            fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
        };
        let start = local(start - late, dials.utc_offset());
        let head = text(&[("event", event), ("call_start", &start), ("pbx_call_id", &format!("out_{id}"))]);
        let tail = text(&[
            ("internal", "100"),
            ("last_internal", "100"),
            ("duration", "3"),
            ("status_code", cause),
            ("is_recorded", "0"),
            ("calltype", "callback_leg1"),
            ("callback_dtmf", call.pressed.as_deref().unwrap_or_default()),
            ("disposition", disposition),
        ]);
        Ok(Self([head, called, tail].concat()))
    }

    fn signature(&self, secret: &Secret) -> String {
        let fields: Vec<_> = self.0.iter().map(|(name, value)| (*name, value.as_str())).collect();
        signature(secret, &fields)
    }

    fn name_another_number(&mut self) {
        for (_, number) in self.0.iter_mut().filter(|(name, _)| ["caller_id", "destination"].contains(name)) {
            let last = number.pop();
            number.push(if last == Some('7') { '8' } else { '7' });
        }
    }
}

/// The `Signature` of these fields: over three of them, which three says the first.
pub(super) fn signature(secret: &Secret, fields: &[(&str, &str)]) -> String {
    let value = |wanted: &str| fields.iter().find(|(name, _)| *name == wanted).map_or("", |(_, value)| *value);
    let signed = match value("event") {
        event if event.starts_with("NOTIFY_OUT_") => ["internal", "destination", "call_start"],
        "NOTIFY_ANSWER" => ["caller_id", "destination", "call_start"],
        _ => ["caller_id", "called_did", "call_start"],
    };
    php::signature(secret.expose(), &signed.map(value).concat())
}

/// `2024-10-23 16:00:47`, in the zone of the account.
fn local(at: SystemTime, utc_offset: i16) -> String {
    let ahead = Duration::from_secs(u64::from(utc_offset.unsigned_abs()) * 60);
    let local = if utc_offset < 0 { at - ahead } else { at + ahead };
    humantime::format_rfc3339_seconds(local).to_string().replace('T', " ").replace('Z', "")
}

/// How old a late notification is.
const LATE: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_that_of_the_account() {
        let at = humantime::parse_rfc3339("2024-10-23T14:00:47Z").unwrap();
        for (offset, text) in
            [(0, "2024-10-23 14:00:47"), (120, "2024-10-23 16:00:47"), (-900 / 2, "2024-10-23 06:30:47")]
        {
            assert_eq!(local(at, offset), text);
        }
    }

    #[test]
    fn the_first_field_says_what_is_signed() {
        let secret = Secret::new("9f8e7d6c5b4a39281706");
        let out = [
            ("event", "NOTIFY_OUT_END"),
            ("internal", "100"),
            ("destination", "499999999999"),
            ("call_start", "2024-10-23 16:00:47"),
        ];
        assert_eq!(signature(&secret, &out), "MjFlMjkwZmIxZGEyZWJmZjdmYjQ4ODM5ZTM0MzE0ZWVkMmYwM2ViYg==");
    }
}
