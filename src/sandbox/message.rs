//! What can reach a handset beside a call that rings: texts with a code in them. `Debug` hides them.

use std::{fmt, time::SystemTime};

use serde::{Serialize, Serializer};

/// A text message.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Sms {
    /// The id of this event.
    pub id: u64,
    /// When it came; in JSON, RFC 3339 in UTC.
    #[serde(serialize_with = "rfc3339")]
    pub at: SystemTime,
    /// The sender: a name or a number.
    pub from: String,
    /// What it says.
    pub text: String,
}

/// A call that was taken and listened to.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct VoiceCall {
    /// The id of this event.
    pub id: u64,
    /// When it came; in JSON, RFC 3339 in UTC.
    #[serde(serialize_with = "rfc3339")]
    pub at: SystemTime,
    /// The caller's number in E.164.
    pub from: String,
    /// What was said, digits one by one: `Your code: 4 8 2 9 1 6.`
    pub spoken: String,
    /// Whether a machine took the call and recorded it, for whoever can listen to it.
    pub voicemail: bool,
}

/// An e-mail.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Email {
    /// The id of this event.
    pub id: u64,
    /// When it came; in JSON, RFC 3339 in UTC.
    #[serde(serialize_with = "rfc3339")]
    pub at: SystemTime,
    /// The sender's address.
    pub from: String,
    /// What it is about.
    pub subject: String,
    /// What it says.
    pub text: String,
}

impl Sms {
    /// The code that it carries: its first four or more digits in a row.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        written_code(&self.text)
    }
}

impl VoiceCall {
    /// The code that was said: the first digits with no word between them.
    #[must_use]
    pub fn code(&self) -> Option<String> {
        let run = self.spoken.trim_start_matches(|c: char| !c.is_ascii_digit());
        let digits = run.chars().take_while(|c| c.is_ascii_digit() || *c == ' ').filter(|c| *c != ' ');
        Some(digits.collect()).filter(|code: &String| !code.is_empty())
    }
}

impl Email {
    /// The code that it carries: its first four or more digits in a row.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        written_code(&self.text)
    }
}

impl fmt::Debug for Sms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sms").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for VoiceCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VoiceCall").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Email").field("id", &self.id).finish_non_exhaustive()
    }
}

fn written_code(text: &str) -> Option<&str> {
    text.split(|c: char| !c.is_ascii_digit()).find(|run| run.len() >= 4)
}

pub(super) fn rfc3339<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_millis(*at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Event;

    const AT: SystemTime = SystemTime::UNIX_EPOCH;

    fn sms(text: &str) -> Sms {
        Sms { id: 3, at: AT, from: "Teamsale".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn codes_are_found_in_their_texts() {
        assert_eq!(sms("Your code 482916.").code(), Some("482916"));
        assert_eq!(sms("24/7: 0042").code(), Some("0042"));
        assert_eq!(sms("Call 112!").code(), None);
        let call = |spoken: &str| VoiceCall {
            id: 3,
            at: AT,
            from: String::new(),
            spoken: spoken.to_owned(),
            voicemail: false,
        };
        assert_eq!(call("Your code: 4 8 2 9 1 6. Again: 4 8 2 9 1 6.").code().as_deref(), Some("482916"));
        assert_eq!(call("Hello?").code(), None);
    }

    #[test]
    fn messages_are_flat_json_and_hide_their_texts() {
        let events = [
            Event::Sms(sms("Your code 482916")),
            Event::VoiceCall(VoiceCall {
                id: 1,
                at: AT,
                from: "+442037691881".into(),
                spoken: "4 8 2 9 1 6".into(),
                voicemail: false,
            }),
            Event::Email(Email {
                id: 2,
                at: AT,
                from: "a@b.c".into(),
                subject: "482916".into(),
                text: "482916".into(),
            }),
        ];
        let kinds: Vec<_> = events.iter().map(|event| serde_json::to_value(event).unwrap()["kind"].take()).collect();
        assert_eq!(kinds, ["sms", "voice_call", "email"]);
        assert_eq!(
            serde_json::to_value(&events[0]).unwrap(),
            serde_json::json!({
                "kind": "sms", "id": 3, "at": "1970-01-01T00:00:00.000Z", "from": "Teamsale", "text": "Your code 482916",
            })
        );
        let shown = format!("{events:?}");
        assert!(!shown.contains("482916") && !shown.contains("4 8"), "{shown}");
    }
}
