//! Virtual handsets: what a person with that phone would see.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use serde::Serialize;
use tokio::sync::watch;

use crate::{
    clock::{Clock, SystemClock},
    error::{Error, ErrorKind, Result},
    sandbox::{
        activity::{Activity, Feed},
        message::{Email, Sms, VoiceCall, rfc3339},
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

    /// Takes the call that rings and waits for keys, listens, and presses these: of `0` to `9`, `*` and `#` at most 32, none to
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

    /// Refuses every call that rings now, as a person with that phone might.
    pub fn hang_up(&self) {
        for call in self.line.ringing() {
            self.line.end(call, CallState::Ended);
        }
    }
}

impl fmt::Debug for Handset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handset").finish_non_exhaustive()
    }
}

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
    /// The phone took the call, pressed its keys or none, and the call is over.
    Answered,
    /// A machine took the call before the phone rang: nobody has seen who called.
    Voicemail,
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
}

/// The events of one number. Nothing is ever changed: an end is an event of its own, so that a reader who knows the last
/// id it saw can catch up.
#[derive(Default)]
pub(super) struct Line(watch::Sender<Events>);

#[derive(Default)]
struct Events {
    latest: u64,
    kept: VecDeque<Event>,
    /// Whose they are, and whom they are told to.
    feed: Option<(String, Feed)>,
}

impl Line {
    /// The line of a number, whose events are told.
    fn told_to(number: String, feed: Feed) -> Self {
        Self(watch::Sender::new(Events { feed: Some((number, feed)), ..Events::default() }))
    }

    /// Rings, and stops after `ring_time`. Returns the id of the call.
    pub(super) fn ring(self: &Arc<Self>, from: &str, ring_time: Duration) -> u64 {
        self.ring_and_ask(from, None, ring_time)
    }

    /// Rings with a call that plays a greeting to whoever takes it, and waits for keys.
    pub(super) fn ring_and_ask(self: &Arc<Self>, from: &str, greeting: Option<String>, ring_time: Duration) -> u64 {
        let mut call = 0;
        self.0.send_modify(|events| {
            call = events.latest + 1;
            let (from, state, pressed) = (from.to_owned(), CallState::Ringing, None);
            events.push_call(IncomingCall { id: 0, at: SystemTime::UNIX_EPOCH, call, from, state, greeting, pressed });
        });
        if ring_time.is_zero() {
            self.end(call, CallState::Missed);
        } else {
            // Weak, so that a long ring keeps no line of a dropped sandbox.
            let line = Arc::downgrade(self);
            tokio::spawn(async move {
                tokio::time::sleep(ring_time).await;
                if let Some(line) = line.upgrade() {
                    line.end(call, CallState::Missed);
                }
            });
        }
        call
    }

    /// Has a machine take a call. Returns the id of the call.
    pub(super) fn divert(&self, from: &str) -> u64 {
        let mut call = 0;
        self.0.send_modify(|events| {
            call = events.latest + 1;
            let (from, state) = (from.to_owned(), CallState::Voicemail);
            let (at, greeting, pressed) = (SystemTime::UNIX_EPOCH, None, None);
            events.push_call(IncomingCall { id: 0, at, call, from, state, greeting, pressed });
        });
        call
    }

    /// Waits until a call has ended.
    pub(super) async fn wait_for_end(&self, call: u64) {
        // An error would be the end of the line, which `self` holds.
        let _ = self.0.subscribe().wait_for(|events| !events.ringing().contains_key(&call)).await;
    }

    /// Ends a call, unless it has ended.
    pub(super) fn end(&self, call: u64, state: CallState) {
        self.0.send_if_modified(|events| match events.ringing().remove(&call) {
            Some(ringing) => {
                events.push_call(IncomingCall { state, ..ringing });
                true
            }
            None => false,
        });
    }

    /// Takes the oldest call that rings and waits for keys, and presses some; `false` when there is none.
    pub(super) fn press(&self, keys: &str) -> bool {
        self.0.send_if_modified(|events| match events.ringing().into_values().find(|call| call.greeting.is_some()) {
            Some(ringing) => {
                events.push_call(IncomingCall {
                    state: CallState::Answered,
                    pressed: Some(keys.to_owned()),
                    ..ringing
                });
                true
            }
            None => false,
        })
    }

    /// Waits for the end of a call.
    pub(super) async fn end_of(&self, call: u64) -> IncomingCall {
        let mut seen = call.saturating_sub(1);
        loop {
            let event = self.after(seen).await;
            seen = event.id();
            match event {
                Event::IncomingCall(end) if end.call == call && end.state != CallState::Ringing => return end,
                _ => {}
            }
        }
    }

    /// Takes a message, made of its id and time.
    pub(super) fn receive(&self, message: impl FnOnce(u64, SystemTime) -> Event) {
        self.0.send_modify(|events| events.push(message));
    }

    pub(super) fn is_ringing(&self, call: u64) -> bool {
        self.0.borrow().ringing().contains_key(&call)
    }

    fn ringing(&self) -> Vec<u64> {
        self.0.borrow().ringing().into_keys().collect()
    }

    /// The kept events with a higher id.
    pub(super) fn since(&self, id: u64) -> Vec<Event> {
        self.0.borrow().kept.iter().filter(|event| event.id() > id).cloned().collect()
    }

    /// Waits for the first event with a higher id.
    pub(super) async fn after(&self, id: u64) -> Event {
        let mut events = self.0.subscribe();
        loop {
            if let Some(event) = events.borrow_and_update().kept.iter().find(|event| event.id() > id) {
                return event.clone();
            }
            if events.changed().await.is_err() {
                // `self` holds the sender.
                std::future::pending::<()>().await;
            }
        }
    }

    /// The id of the last event, 0 before the first.
    pub(super) fn latest(&self) -> u64 {
        self.0.borrow().latest
    }
}

impl Events {
    fn push(&mut self, event: impl FnOnce(u64, SystemTime) -> Event) {
        if self.kept.len() == CAPACITY {
            self.kept.pop_front();
        }
        self.latest += 1;
        let event = event(self.latest, SystemClock.now());
        if let Some((number, feed)) = &self.feed {
            feed.tell(|| Activity::Handset { number: number.clone(), event: event.clone() });
        }
        self.kept.push_back(event);
    }

    /// An event of a call, which gets its id and time here.
    fn push_call(&mut self, call: IncomingCall) {
        self.push(|id, at| Event::IncomingCall(IncomingCall { id, at, ..call }));
    }

    /// The calls whose last event says that they ring.
    fn ringing(&self) -> BTreeMap<u64, IncomingCall> {
        let mut ringing = BTreeMap::new();
        for event in &self.kept {
            let Event::IncomingCall(call) = event else { continue };
            match call.state {
                CallState::Ringing => ringing.insert(call.call, call.clone()),
                CallState::Missed | CallState::Ended | CallState::Answered | CallState::Voicemail => {
                    ringing.remove(&call.call)
                }
            };
        }
        ringing
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

/// The most events that one handset keeps.
const CAPACITY: usize = 1_000;

#[cfg(test)]
mod tests {
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
    async fn only_the_latest_events_are_kept() {
        let line = Arc::new(Line::default());
        for _ in 0..CAPACITY {
            line.ring("+37166000001", Duration::ZERO);
        }
        assert_eq!(line.since(0).len(), CAPACITY);
        assert_eq!(line.latest(), 2 * u64::try_from(CAPACITY).unwrap());
    }
}
