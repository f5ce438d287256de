//! What must not be found, how it could look, and where it is looked for.

use std::fmt::Write as _;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use handset::PhoneNumber;

use super::recorder::{Book, Facade};

/// Hears everything that is logged by anybody, at every level.
pub(super) fn listen(log: &Book, talkative: &Book) {
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .without_time()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    log::set_boxed_logger(Box::new(Facade { log: log.clone(), talkative: talkative.clone() })).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
}

/// Something that must not be found, in every form that it could be found in.
pub(super) struct Needle {
    pub(super) name: String,
    pub(super) forms: Vec<Vec<u8>>,
    /// Short ones count only where they stand alone.
    alone: bool,
}

impl Needle {
    pub(super) fn text(name: &str, text: &str) -> Self {
        Self::bytes(name, text.as_bytes())
    }

    pub(super) fn bytes(name: &str, bytes: &[u8]) -> Self {
        let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
        let list = format!("{bytes:?}");
        let list = list.trim_matches(['[', ']']).to_owned();
        let texts = [hex.to_uppercase(), hex, list, STANDARD.encode(bytes), URL_SAFE_NO_PAD.encode(bytes)];
        let forms = texts.map(String::into_bytes).into_iter().chain([bytes.to_vec()]).collect();
        Self { name: name.to_owned(), forms, alone: false }
    }

    pub(super) fn number(number: &str) -> Self {
        let forms = spellings(number).iter().flat_map(|spelling| Self::text("", spelling).forms).collect();
        Self { name: format!("the number {number}"), forms, alone: false }
    }

    pub(super) fn code(name: &str, code: &str) -> Self {
        Self { alone: true, ..Self::text(name, code) }
    }

    fn is_in(&self, hay: &str) -> bool {
        self.forms.iter().map(|form| characters(form)).any(|form| {
            hay.match_indices(&form).any(|(at, found)| {
                let (before, after) = (hay.split_at(at).0, hay.split_at(at + found.len()).1);
                let joined = |next: Option<char>| next.is_some_and(|c| c.is_ascii_alphanumeric());
                !self.alone || !(joined(before.chars().next_back()) || joined(after.chars().next()))
            })
        })
    }
}

/// Which of them are there.
pub(super) fn search(needles: &[Needle], hay: &[u8]) -> Vec<String> {
    let hay = characters(hay);
    needles.iter().filter(|needle| needle.is_in(&hay)).map(|needle| needle.name.clone()).collect()
}

/// A character for each byte, so that bytes can be searched as text.
pub(super) fn characters(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// E.164 with and without `+`, national, and as people write it.
pub(super) fn spellings(number: &str) -> Vec<String> {
    let phone = PhoneNumber::parse(number, None).unwrap();
    let digits = phone.digits().to_string();
    let country = phone.country_code().to_string();
    let national = digits.strip_prefix(&country).unwrap().to_owned();
    vec![format!("+{digits}"), format!("%2B{digits}"), format!("+{country} {national}"), digits, national]
}
