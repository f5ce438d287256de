//! Virtual handsets: what a person with that phone would see.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    error::{Error, ErrorKind, Result},
    sandbox::{
        activity::Feed,
        event::{CallState, Event, IncomingCall},
        line::Line,
        message::{Email, Sms, VoiceCall},
    },
};

/// The phone of one number, or the inbox of one e-mail address. It remembers its latest 1,000 events.
///
/// Each value keeps its own place: waiting gives every event once, from the first one on.
pub struct Handset {
    number: String,
    /// Where the emulators are, such as `http://127.0.0.1:41234`.
    pub(super) origin: String,
    line: Arc<Line>,
    /// The id of the last event that waiting has given.
    place: tokio::sync::Mutex<u64>,
}

impl Handset {
    /// The number in E.164, or the address.
    #[must_use]
    pub fn number(&self) -> &str {
        &self.number
    }

    /// Everything that reached the phone, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.line.since(0)
    }

    /// Waits for the next event that this value has not given yet. It waits for ever if none comes.
    pub async fn wait_for_event(&self) -> Event {
        let mut place = self.place.lock().await;
        let event = self.line.after(*place).await;
        *place = event.id();
        event
    }

    /// Waits for the next call that begins to ring, and passes over every other event before it.
    pub async fn next_call(&self) -> IncomingCall {
        loop {
            match self.wait_for_event().await {
                Event::IncomingCall(call) if call.state == CallState::Ringing => return call,
                _ => {}
            }
        }
    }

    /// Waits for the next text message, and passes over every other event before it.
    pub async fn next_sms(&self) -> Sms {
        loop {
            if let Event::Sms(sms) = self.wait_for_event().await {
                return sms;
            }
        }
    }

    /// Waits for the next call that speaks, and passes over every other event before it.
    pub async fn next_voice_call(&self) -> VoiceCall {
        loop {
            if let Event::VoiceCall(call) = self.wait_for_event().await {
                return call;
            }
        }
    }

    /// Waits for the next e-mail, and passes over every other event before it.
    pub async fn next_email(&self) -> Email {
        loop {
            if let Event::Email(email) = self.wait_for_event().await {
                return email;
            }
        }
    }

    /// Takes the oldest call that rings, as a person with that phone might; `false` when none rings. A call that waits for keys
    /// goes on until some are [pressed](Self::press), or for half a minute; any other is over.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime.
    pub fn answer(&self) -> bool {
        self.line.answer(LISTENING)
    }

    /// Takes the oldest call that waits for keys, unless it was taken before, listens, and presses these: of `0` to `9`, `*` and `#` at most 32, none to
    /// press nothing, as voice mail does. `false` when no such call rings.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when there is something else among them.
    pub fn press(&self, keys: &str) -> Result<bool> {
        if keys.len() > 32 || !keys.bytes().all(|key| key.is_ascii_digit() || b"*#".contains(&key)) {
            let message = "the keys of a phone are `0` to `9`, `*` and `#`; press at most 32";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        Ok(self.line.press(keys))
    }

    /// Refuses every call that rings now, as a person with that phone might, and leaves the calls that it has taken.
    pub fn hang_up(&self) {
        self.line.hang_up();
    }
}

impl fmt::Debug for Handset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handset").finish_non_exhaustive()
    }
}

/// Every handset that was asked for or called.
#[derive(Default)]
pub(super) struct Handsets {
    lines: Mutex<BTreeMap<String, Arc<Line>>>,
    origin: String,
    feed: Feed,
}

impl Handsets {
    /// The handsets of the emulators at an origin.
    pub(super) fn new(origin: String, feed: Feed) -> Self {
        Self { lines: Mutex::default(), origin, feed }
    }

    pub(super) fn handset(&self, number: &str) -> Handset {
        let number = inbox(number);
        let (line, origin) = (self.line(&number), self.origin.clone());
        Handset { number, origin, line, place: tokio::sync::Mutex::default() }
    }

    /// The line of a number in E.164, or of an address.
    pub(super) fn line(&self, number: &str) -> Arc<Line> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let line = || Arc::new(Line::told_to(number.to_owned(), self.feed.clone()));
        Arc::clone(lines.entry(number.to_owned()).or_insert_with(line))
    }

    /// The known numbers and addresses, in order.
    pub(super) fn numbers(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// What has reached them, by number and address.
    pub(super) fn events(&self) -> BTreeMap<String, Vec<Event>> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(|(number, line)| (number.clone(), line.since(0))).collect()
    }
}

/// `+` and the digits of a number, however it is written.
pub(super) fn e164(number: &str) -> String {
    std::iter::once('+').chain(number.chars().filter(char::is_ascii_digit)).collect()
}

/// Where a number's or an address's events are kept: an address in small letters, a number in E.164.
pub(super) fn inbox(recipient: &str) -> String {
    match recipient.contains('@') {
        true => recipient.trim().to_lowercase(),
        false => e164(recipient),
    }
}

/// How long a call that was taken waits for keys.
const LISTENING: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_value_is_given_every_event_once() {
        let handsets = Handsets::default();
        let (first, second) = (handsets.handset("+37126123456"), handsets.handset("371 26-123-456"));
        handsets.line("+37126123456").ring("+37166000001", Duration::ZERO);
        handsets.line("+37126123456").ring("+37166000002", Duration::MAX);

        assert_eq!(first.next_call().await.ending(), "0001");
        assert_eq!(first.next_call().await.ending(), "0002");
        let states: Vec<u64> = [second.wait_for_event().await, second.wait_for_event().await].map(|e| e.id()).into();
        assert_eq!(states, [1, 2]);
    }

    #[tokio::test]
    async fn waiting_ends_when_a_call_comes() {
        let handsets = Handsets::default();
        let phone = handsets.handset("+37126123456");
        let ring = async { handsets.line("+37126123456").ring("+37166000001", Duration::MAX) };
        let (call, id) = tokio::join!(phone.next_call(), ring);
        assert_eq!(call.call, id);
    }

    #[tokio::test]
    async fn a_refused_call_ends_once() {
        let handsets = Handsets::default();
        let (phone, line) = (handsets.handset("+37126123456"), handsets.line("+37126123456"));
        let call = line.ring("+37166000001", Duration::MAX);
        assert!(line.is_ringing(call));
        phone.hang_up();
        phone.hang_up();
        line.end(call, CallState::Missed);
        assert!(!line.is_ringing(call));
        assert_eq!(phone.events().len(), 2);
    }

    #[tokio::test]
    async fn keys_go_to_the_call_that_waits_for_them() {
        let handsets = Handsets::default();
        let (phone, line) = (handsets.handset("+37126123456"), handsets.line("+37126123456"));
        line.ring("+37166000001", Duration::MAX);
        assert!(!phone.press("1").unwrap(), "a missed call plays nothing");
        let call = line.ring_and_ask("+37166000002", Some("657c2c822fb364c1d201f685".to_owned()), Duration::MAX);
        for keys in ["one", "1 2", "+", &"1".repeat(33)] {
            assert_eq!(phone.press(keys).unwrap_err().kind(), ErrorKind::InvalidInput, "{keys}");
        }
        assert!(phone.press("1#").unwrap());
        assert!(!phone.press("1").unwrap(), "the call is over");
        let end = line.end_of(call).await;
        assert_eq!((end.state, end.pressed.as_deref()), (CallState::Answered, Some("1#")));
        assert!(!format!("{end:?}").contains("1#"));
    }

    #[tokio::test]
    async fn a_call_that_was_taken_waits_for_keys_and_is_missed_no_more() {
        let handsets = Handsets::default();
        let (phone, line) = (handsets.handset("+37126123456"), handsets.line("+37126123456"));
        assert!(!phone.answer(), "nothing rings");
        let ask = || line.ring_and_ask("+37166000002", Some("greeting".to_owned()), Duration::from_millis(1));
        let end_of = async |call| {
            let end = line.end_of(call).await;
            (end.state, end.pressed)
        };

        let pressed = ask();
        assert!(phone.answer() && !phone.answer());
        assert!(!line.is_ringing(pressed));
        assert!(phone.press("1").unwrap());
        assert_eq!(end_of(pressed).await, (CallState::Answered, Some("1".to_owned())));

        let left = ask();
        assert!(phone.answer());
        phone.hang_up();
        assert_eq!(end_of(left).await, (CallState::Answered, Some(String::new())));

        let forgotten = ask();
        assert!(line.answer(Duration::from_millis(2)));
        assert_eq!(end_of(forgotten).await, (CallState::Answered, Some(String::new())));

        let flash = line.ring("+37166000001", Duration::MAX);
        assert!(phone.answer());
        assert_eq!(end_of(flash).await, (CallState::Answered, None));
    }
}
