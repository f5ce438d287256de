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

    pub(super) fn ringing(&self) -> Vec<u64> {
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
