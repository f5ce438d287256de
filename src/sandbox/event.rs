//! What reaches a handset.

use std::{fmt, time::SystemTime};

use serde::Serialize;

use crate::sandbox::message::{Email, Sms, VoiceCall, rfc3339};

/// Something that reached a handset, or changed there. In JSON, `kind` says what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// A call rings, or stops ringing.
    IncomingCall(IncomingCall),
    /// A text message came.
    Sms(Sms),
    /// A call came and was listened to.
    VoiceCall(VoiceCall),
    /// An e-mail came.
    Email(Email),
}

impl Event {
    /// Counts the events of one handset from 1.
    #[must_use]
    pub fn id(&self) -> u64 {
        match self {
            Self::IncomingCall(call) => call.id,
            Self::Sms(sms) => sms.id,
            Self::VoiceCall(call) => call.id,
            Self::Email(email) => email.id,
        }
    }

    /// When it happened.
    #[must_use]
    pub fn at(&self) -> SystemTime {
        match self {
            Self::IncomingCall(call) => call.at,
            Self::Sms(sms) => sms.at,
            Self::VoiceCall(call) => call.at,
            Self::Email(email) => email.at,
        }
    }
}

/// A call at one moment of its life. `Debug` hides the caller, whose last digits are a code.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct IncomingCall {
    /// The id of this event.
    pub id: u64,
    /// When it happened; in JSON, RFC 3339 in UTC.
    #[serde(serialize_with = "rfc3339")]
    pub at: SystemTime,
    /// Tells calls apart: the id of the event with which the call began.
    pub call: u64,
    /// The caller's number in E.164, such as `+37166004953`.
    pub from: String,
    /// Where the call stands.
    pub state: CallState,
    /// What a call that waits for keys plays to whoever takes it: the vendor's id of the sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub greeting: Option<String>,
    /// The keys that were pressed, none or more, once such a call was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pressed: Option<String>,
}

impl IncomingCall {
    /// The last four digits of the caller's number: the code of a flash call.
    #[must_use]
    pub fn ending(&self) -> &str {
        self.from.len().checked_sub(4).and_then(|start| self.from.get(start..)).unwrap_or(&self.from)
    }
}

impl fmt::Debug for IncomingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingCall")
            .field("id", &self.id)
            .field("call", &self.call)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CallState {
    /// The phone rings.
    Ringing,
    /// The caller gave up, as flash calls do.
    Missed,
    /// The phone refused the call.
    Ended,
    /// The phone has taken a call that waits for keys, and has not pressed any yet.
    Taken,
    /// The phone took the call, pressed its keys or none, and the call is over.
    Answered,
    /// A machine took the call before the phone rang: nobody has seen who called.
    Voicemail,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn events_are_flat_json_tagged_by_kind() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        let from = "+37166004953".to_owned();
        let event = Event::IncomingCall(IncomingCall {
            id: 2,
            at,
            call: 1,
            from,
            state: CallState::Missed,
            greeting: None,
            pressed: None,
        });
        assert_eq!(
            serde_json::to_value(&event).unwrap(),
            serde_json::json!({
                "kind": "incoming_call", "id": 2, "at": "2023-11-14T22:13:20.123Z", "call": 1,
                "from": "+37166004953", "state": "missed",
            })
        );
        assert!(!format!("{event:?}").contains("4953"));
    }
}
