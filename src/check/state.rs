//! The whole life of a check, without a clock and without I/O.

mod bytes;

use std::time::SystemTime;

use serde::Serialize;

#[cfg(feature = "redis")]
pub(crate) use bytes::micros;

/// Where a check stands, as its subject sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// It waits for the subject, or for the vendor.
    Pending,
    /// The subject has shown possession.
    Verified,
    /// All attempts are spent, or nothing could be sent.
    Failed,
    /// Its time has run out.
    Expired,
    /// It was called off.
    Cancelled,
}

/// What can happen to a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// An answer has been handed in: one attempt is spent before anything is compared.
    Reserved,
    /// The attempt was right. `given` says whether the proof goes out with this very answer.
    Matched {
        /// Whether the proof is handed out at once.
        given: bool,
    },
    /// The attempt was wrong.
    Missed,
    /// Nobody could judge the attempt: it is given back.
    Refunded,
    /// The proof of a verified check is handed out.
    ProofGiven,
    /// The subject asks for another message, on the same or on the next route.
    Left {
        /// The leg that is left; another one means that somebody else was faster.
        leg: u8,
    },
    /// The message of a leg went out.
    Sent {
        /// The leg that it belongs to.
        leg: u8,
    },
    /// No message of a leg could be sent.
    NotSent {
        /// The leg that it belongs to.
        leg: u8,
    },
    /// The check is called off.
    Cancelled,
}

/// The state of one check. Small, plain and comparable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct State {
    status: Status,
    /// Whether a message is being ordered right now.
    sending: bool,
    /// Whether the proof has been handed out.
    proof_given: bool,
    /// How many messages have been asked for before this one.
    leg: u8,
    attempts: u8,
    attempts_left: u8,
    /// Attempts that are reserved and not yet settled.
    in_flight: u8,
    /// Grows with every change, for those who wait for one.
    version: u32,
    sent_at: Option<SystemTime>,
    settled_at: Option<SystemTime>,
    expires_at: SystemTime,
}

impl State {
    /// A check whose first message is being ordered.
    #[must_use]
    pub fn new(attempts: u8, expires_at: SystemTime) -> Self {
        Self {
            status: Status::Pending,
            sending: true,
            proof_given: false,
            leg: 0,
            attempts,
            attempts_left: attempts,
            in_flight: 0,
            version: 0,
            sent_at: None,
            settled_at: None,
            expires_at,
        }
    }

    /// What becomes of the check when `event` happens at `now`; `None` when it cannot happen to a check in this state.
    ///
    /// Nothing leaves `verified`, `failed`, `expired` or `cancelled`, and nothing moves the expiry.
    #[must_use]
    pub fn on(self, event: Event, now: SystemTime) -> Option<Self> {
        let next = match event {
            Event::ProofGiven if self.status == Status::Verified && !self.proof_given => {
                Self { proof_given: true, ..self }
            }
            _ if self.status_at(now) != Status::Pending => return None,
            Event::Reserved if self.sent_at.is_some() && self.attempts_left > 0 => {
                Self { attempts_left: self.attempts_left - 1, in_flight: self.in_flight + 1, ..self }
            }
            Event::Matched { given } if self.in_flight > 0 => {
                Self { proof_given: given, in_flight: self.in_flight - 1, ..self.ended(Status::Verified, now) }
            }
            Event::Missed if self.in_flight > 0 => {
                let state = Self { in_flight: self.in_flight - 1, ..self };
                // The last of the attempts in flight decides; an earlier one may still be right.
                if state.attempts_left == 0 && state.in_flight == 0 { state.ended(Status::Failed, now) } else { state }
            }
            Event::Refunded if self.in_flight > 0 => {
                Self { attempts_left: self.attempts_left + 1, in_flight: self.in_flight - 1, ..self }
            }
            Event::Left { leg } if leg == self.leg && !self.sending => {
                Self { leg: self.leg.checked_add(1)?, sending: true, ..self }
            }
            Event::Sent { leg } if leg == self.leg && self.sending => {
                Self { sending: false, sent_at: Some(now), ..self }
            }
            Event::NotSent { leg } if leg == self.leg && self.sending => match self.sent_at {
                // An earlier message still counts.
                Some(_) => Self { sending: false, ..self },
                None => self.ended(Status::Failed, now),
            },
            Event::Cancelled => self.ended(Status::Cancelled, now),
            _ => return None,
        };
        Some(Self { version: self.version.wrapping_add(1), ..next })
    }

    /// Where the check stands at `now`.
    #[must_use]
    pub fn status_at(&self, now: SystemTime) -> Status {
        match self.status {
            Status::Pending if now >= self.expires_at => Status::Expired,
            status => status,
        }
    }

    /// Attempts that can still be made.
    #[must_use]
    pub fn attempts_left(&self) -> u8 {
        self.attempts_left
    }

    /// Attempts that are reserved and not yet settled.
    #[must_use]
    pub fn in_flight(&self) -> u8 {
        self.in_flight
    }

    /// Whether no attempt has been made yet.
    #[must_use]
    pub fn is_untried(&self) -> bool {
        self.attempts_left == self.attempts
    }

    /// Whether the attempt that was just reserved is the first one.
    #[cfg(feature = "redis")]
    pub(crate) fn is_first_attempt(&self) -> bool {
        self.attempts.saturating_sub(self.attempts_left) == 1
    }

    /// Whether a message is being ordered right now.
    #[must_use]
    pub fn is_sending(&self) -> bool {
        self.sending
    }

    /// Whether the proof of this check has been handed out.
    #[must_use]
    pub fn is_proof_given(&self) -> bool {
        self.proof_given
    }

    /// How many messages were asked for before the current one.
    #[must_use]
    pub fn leg(&self) -> u8 {
        self.leg
    }

    /// A number that changes with every change.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// When the last message went out.
    #[must_use]
    pub fn sent_at(&self) -> Option<SystemTime> {
        self.sent_at
    }

    /// When the check was decided.
    #[must_use]
    pub fn settled_at(&self) -> Option<SystemTime> {
        self.settled_at
    }

    /// When the check ends by itself. Nothing moves it.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }

    fn ended(self, status: Status, now: SystemTime) -> Self {
        Self { status, sending: false, settled_at: Some(now), ..self }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const START: SystemTime = SystemTime::UNIX_EPOCH;

    fn at(seconds: u64) -> SystemTime {
        START + Duration::from_secs(seconds)
    }

    fn sent() -> State {
        State::new(3, at(300)).on(Event::Sent { leg: 0 }, START).unwrap()
    }

    #[test]
    fn an_attempt_is_spent_before_it_is_judged() {
        let state = sent().on(Event::Reserved, START).unwrap();
        assert_eq!(state.attempts_left(), 2);
        assert_eq!(state.on(Event::Refunded, START).unwrap().attempts_left(), 3);
        assert_eq!(state.on(Event::Missed, START).unwrap().attempts_left(), 2);
    }

    #[test]
    fn the_last_miss_fails_the_check_unless_another_attempt_is_in_flight() {
        let mut state = sent();
        for _ in 0..3 {
            state = state.on(Event::Reserved, START).unwrap();
        }
        assert_eq!(state.on(Event::Reserved, START), None);
        state = state.on(Event::Missed, START).unwrap();
        state = state.on(Event::Missed, START).unwrap();
        assert_eq!(state.status_at(START), Status::Pending);
        assert_eq!(state.on(Event::Missed, START).unwrap().status_at(START), Status::Failed);
        let matched = state.on(Event::Matched { given: true }, START).unwrap();
        assert_eq!(matched.status_at(START), Status::Verified);
    }

    #[test]
    fn nothing_matches_without_a_reserved_attempt() {
        assert_eq!(sent().on(Event::Matched { given: true }, START), None);
    }

    #[test]
    fn a_check_expires_at_its_time_and_a_resend_does_not_move_it() {
        let again = sent().on(Event::Left { leg: 0 }, at(200)).unwrap().on(Event::Sent { leg: 1 }, at(201)).unwrap();
        assert_eq!(again.expires_at(), at(300));
        assert_eq!(again.status_at(at(299)), Status::Pending);
        assert_eq!(again.status_at(at(300)), Status::Expired);
        assert_eq!(again.on(Event::Reserved, at(300)), None);
    }

    #[test]
    fn two_who_leave_the_same_leg_make_one_message() {
        let left = sent().on(Event::Left { leg: 0 }, START).unwrap();
        assert_eq!(left.on(Event::Left { leg: 0 }, START), None);
        assert_eq!(left.on(Event::Left { leg: 1 }, START), None, "not while a message is being ordered");
    }

    #[test]
    fn a_failed_first_message_fails_the_check_and_a_failed_second_one_does_not() {
        let first = State::new(3, at(300)).on(Event::NotSent { leg: 0 }, START).unwrap();
        assert_eq!(first.status_at(START), Status::Failed);
        let second = sent().on(Event::Left { leg: 0 }, START).unwrap().on(Event::NotSent { leg: 1 }, START).unwrap();
        assert_eq!(second.status_at(START), Status::Pending);
    }

    #[test]
    fn the_proof_is_given_once() {
        let verified = sent().on(Event::Reserved, START).unwrap().on(Event::Matched { given: false }, START).unwrap();
        let given = verified.on(Event::ProofGiven, at(400)).unwrap();
        assert_eq!(given.on(Event::ProofGiven, at(400)), None);
    }

    fn any_event() -> impl Strategy<Value = Event> {
        prop_oneof![
            Just(Event::Reserved),
            any::<bool>().prop_map(|given| Event::Matched { given }),
            Just(Event::Missed),
            Just(Event::Refunded),
            Just(Event::ProofGiven),
            (0_u8..4).prop_map(|leg| Event::Left { leg }),
            (0_u8..4).prop_map(|leg| Event::Sent { leg }),
            (0_u8..4).prop_map(|leg| Event::NotSent { leg }),
            Just(Event::Cancelled),
        ]
    }

    proptest! {
        #[test]
        fn e5_whatever_happens_what_has_ended_stays_as_it_ended(
            attempts in 1_u8..6,
            story in proptest::collection::vec((any_event(), 0_u64..20), 0..60),
        ) {
            let mut state = State::new(attempts, at(300));
            let (mut now, mut reserved, mut refunded) = (0, 0_u32, 0_u32);
            let mut ended: Option<Status> = None;
            for (event, wait) in story {
                now += wait;
                let before = state;
                let Some(after) = state.on(event, at(now)) else { continue };
                state = after;
                reserved += u32::from(event == Event::Reserved);
                refunded += u32::from(event == Event::Refunded);
                // What has ended stays as it ended; only the proof of a verified check may still be handed out.
                if let Some(status) = ended {
                    prop_assert_eq!(state.status_at(at(now)), status);
                    prop_assert_eq!(event, Event::ProofGiven);
                }
                if state.status_at(at(now)) != Status::Pending {
                    ended = Some(state.status_at(at(now)));
                }
                prop_assert_ne!(after.version(), before.version());
                prop_assert_eq!(after.expires_at(), before.expires_at());
                prop_assert!(after.attempts_left() <= attempts);
            }
            prop_assert!(reserved - refunded <= u32::from(attempts), "more comparisons than attempts");
            prop_assert_eq!(u32::from(state.attempts_left()), u32::from(attempts) + refunded - reserved);
        }
    }
}
