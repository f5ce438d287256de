//! The line of one phone: what reached it, and what is ringing.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::sync::watch;

use crate::{
    clock::{Clock, SystemClock},
    sandbox::{
        activity::{Activity, Feed},
        event::{CallState, Event, IncomingCall},
    },
};

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
    pub(super) fn told_to(number: String, feed: Feed) -> Self {
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
            self.later(ring_time, move |line| line.end(call, CallState::Missed));
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
        let _ = self.0.subscribe().wait_for(|events| !events.going_on().contains_key(&call)).await;
    }

    /// Ends a call that rings, unless it has ended or was taken.
    pub(super) fn end(&self, call: u64, state: CallState) {
        self.change(
            |open| open.call == call && open.state == CallState::Ringing,
            |ringing| IncomingCall { state, ..ringing },
        );
    }

    /// Takes the oldest call that rings; `false` when there is none. One that waits for keys goes on for `listening` at most.
    pub(super) fn answer(self: &Arc<Self>, listening: Duration) -> bool {
        let answered = self.change(
            |open| open.state == CallState::Ringing,
            |ringing| match ringing.greeting {
                Some(_) => IncomingCall { state: CallState::Taken, ..ringing },
                None => IncomingCall { state: CallState::Answered, ..ringing },
            },
        );
        if let Some(&IncomingCall { call, state: CallState::Taken, .. }) = answered.as_ref() {
            self.later(listening, move |line| {
                line.change(|open| open.call == call, |open| pressed(open, ""));
            });
        }
        answered.is_some()
    }

    /// Takes the oldest call that waits for keys, if it was not taken before, and presses some; `false` when there is none.
    pub(super) fn press(&self, keys: &str) -> bool {
        self.change(|open| open.greeting.is_some(), |open| pressed(open, keys)).is_some()
    }

    /// Refuses every call that rings, and leaves those that were taken.
    pub(super) fn hang_up(&self) {
        let refuse = |open: IncomingCall| match open.state {
            CallState::Taken => pressed(open, ""),
            _ => IncomingCall { state: CallState::Ended, ..open },
        };
        while self.change(|_| true, refuse).is_some() {}
    }

    /// Waits for the end of a call.
    pub(super) async fn end_of(&self, call: u64) -> IncomingCall {
        let mut seen = call.saturating_sub(1);
        loop {
            let event = self.after(seen).await;
            seen = event.id();
            match event {
                Event::IncomingCall(end) if end.call == call && !is_open(&end) => return end,
                _ => {}
            }
        }
    }

    /// Takes a message, made of its id and time.
    pub(super) fn receive(&self, message: impl FnOnce(u64, SystemTime) -> Event) {
        self.0.send_modify(|events| events.push(message));
    }

    pub(super) fn is_ringing(&self, call: u64) -> bool {
        self.0.borrow().going_on().get(&call).is_some_and(|open| open.state == CallState::Ringing)
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

    /// Makes something else of the oldest call that goes on and is so, and returns what; `None` when there is none.
    fn change(
        &self,
        is_so: impl Fn(&IncomingCall) -> bool,
        make: impl FnOnce(IncomingCall) -> IncomingCall,
    ) -> Option<IncomingCall> {
        let mut made = None;
        self.0.send_if_modified(|events| {
            made = events.going_on().into_values().find(is_so).map(make);
            made.iter().for_each(|call| events.push_call(call.clone()));
            made.is_some()
        });
        made
    }

    fn later(self: &Arc<Self>, wait: Duration, act: impl FnOnce(&Self) + Send + 'static) {
        // Weak, so that a long call keeps no line of a dropped sandbox.
        let line = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            if let Some(line) = line.upgrade() {
                act(&line);
            }
        });
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

    /// The calls whose last event says that they are not over.
    fn going_on(&self) -> BTreeMap<u64, IncomingCall> {
        let mut open = BTreeMap::new();
        for event in &self.kept {
            let Event::IncomingCall(call) = event else { continue };
            match is_open(call) {
                true => open.insert(call.call, call.clone()),
                false => open.remove(&call.call),
            };
        }
        open
    }
}

fn is_open(call: &IncomingCall) -> bool {
    matches!(call.state, CallState::Ringing | CallState::Taken)
}

/// The end of a call that waits for keys.
fn pressed(call: IncomingCall, keys: &str) -> IncomingCall {
    IncomingCall { state: CallState::Answered, pressed: Some(keys.to_owned()), ..call }
}

/// The most events that one line keeps.
const CAPACITY: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

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
