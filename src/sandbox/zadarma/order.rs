//! The messages that are asked for, each channel with its own parameters.

use std::time::SystemTime;

use super::{
    ask::{Ask, Refusal},
    wording::Wording,
};
use crate::sandbox::{
    event::Event,
    handset::inbox,
    message::{Email, Sms, VoiceCall},
};

/// A message that is asked for.
pub(super) struct Order {
    /// A number in E.164 or an address.
    pub(super) to: String,
    pub(super) code: Option<u64>,
    from: String,
    wording: Wording,
    form: Form,
}

enum Form {
    Sms { template: Option<u64> },
    Call,
    Button { greeting: String },
    Email { subject: Option<String>, body: Option<String> },
}

impl Order {
    pub(super) fn read(ask: &Ask) -> Result<Self, Refusal> {
        let wording = match ask.checked("language", |letters| Wording::of(letters).is_some())? {
            Some(letters) => Wording::of(letters).unwrap_or(Wording::of_the_account()),
            None => Wording::of_the_account(),
        };
        let is_code = |code: &str| code.len() <= 10 && code.parse::<u64>().is_ok();
        let code = ask.checked("code", is_code)?.and_then(|code| code.parse().ok());
        let to = ask.required("to")?;
        let text = |name| ask.checked(name, |text| !text.trim().is_empty()).map(|text| text.map(str::to_owned));
        let (good, from, form) = match ask.required("channel")? {
            "sms" => {
                ask.only(&["channel", "to", "code", "language", "template_id", "caller_id"])?;
                let template = ask.checked("template_id", |id| id.parse().is_ok_and(|id: u64| id > 0))?;
                let template = template.and_then(|id| id.parse().ok());
                (is_number(to), text("caller_id")?.unwrap_or_else(|| "Teamsale".to_owned()), Form::Sms { template })
            }
            "call_code" => {
                ask.only(&["channel", "to", "code", "language", "from"])?;
                (is_number(to), ask.checked("from", is_number)?.map_or_else(|| CALLER.to_owned(), inbox), Form::Call)
            }
            "call_button" => {
                ask.only(&[&["channel", "to", "from"][..], &SOUNDS].concat())?;
                for name in SOUNDS {
                    ask.required(name)?;
                    ask.checked(name, is_sound)?;
                }
                let greeting = ask.required(GREETING)?;
                let from = ask.checked("from", is_number)?.map_or_else(|| CALLER.to_owned(), inbox);
                (is_number(to), from, Form::Button { greeting: greeting.to_owned() })
            }
            "email" => {
                ask.only(&["channel", "to", "code", "language", "from", "email_subject", "email_body"])?;
                if code.is_some_and(|code| !(100_000..=999_999).contains(&code)) {
                    return Err(Refusal::Invalid("code".to_owned()));
                }
                let body = ask.checked("email_body", |text| text.contains("{#code#}"))?.map(str::to_owned);
                let from = ask.checked("from", is_address)?.unwrap_or("noreply@example.com").to_owned();
                (is_address(to), from, Form::Email { subject: text("email_subject")?, body })
            }
            _ => return Err(Refusal::Invalid("channel".to_owned())),
        };
        if !good {
            return Err(Refusal::Invalid("to".to_owned()));
        }
        Ok(Self { to: inbox(to), code, from, wording, form })
    }

    /// Who calls and what is played first, where the person has to press a key.
    pub(super) fn button(&self) -> Option<(&str, &str)> {
        match &self.form {
            Form::Button { greeting } => Some((&self.from, greeting)),
            _ => None,
        }
    }

    /// `voicemail` says that a machine takes calls.
    pub(super) fn message(&self, id: u64, at: SystemTime, code: &str, voicemail: bool) -> Event {
        let from = self.from.clone();
        let text = self.wording.written(code);
        match &self.form {
            Form::Sms { template: None } => Event::Sms(Sms { id, at, from, text }),
            Form::Sms { template: Some(template) } => {
                Event::Sms(Sms { id, at, from, text: format!("[template {template}] {text}") })
            }
            Form::Call | Form::Button { .. } => {
                Event::VoiceCall(VoiceCall { id, at, from, spoken: self.wording.spoken(code), voicemail })
            }
            Form::Email { subject, body } => Event::Email(Email {
                id,
                at,
                from,
                subject: subject.clone().unwrap_or_else(|| self.wording.subject().to_owned()),
                text: body.as_ref().map_or(text, |body| body.replace("{#code#}", code)),
            }),
        }
    }
}

/// A number in E.164, with or without `+`.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0')
}

/// The id of a sound, as in the vendor's example.
fn is_sound(text: &str) -> bool {
    text.len() == 24 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn is_address(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.') && !domain.contains('@'))
        && !text.contains(char::is_whitespace)
}

/// What is played first.
const GREETING: &str = "greeting_sound_id";

/// That, what is played to whoever presses 1, and to everybody else.
const SOUNDS: [&str; 3] = [GREETING, "button_1_sound_id", "fallback_sound_id"];

/// The account's number.
const CALLER: &str = "+442037691881";
