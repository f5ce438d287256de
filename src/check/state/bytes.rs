//! A state as bytes: a part of `Record::to_bytes`, which has the table. The scripts in `src/store/redis` read and write the same.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{State, Status};

impl State {
    /// How long the bytes are.
    pub(crate) const BYTES: usize = 34;

    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let flags = [self.sending, self.proof_given, self.sent_at.is_some(), self.settled_at.is_some()];
        let flags = flags.iter().rev().fold(0, |flags, flag| flags << 1 | u8::from(*flag));
        let (head, times) = bytes.split_at_mut(10);
        let (small, version) = head.split_at_mut(6);
        small.copy_from_slice(&[
            status_byte(self.status),
            flags,
            self.leg,
            self.attempts,
            self.attempts_left,
            self.in_flight,
        ]);
        version.copy_from_slice(&self.version.to_be_bytes());
        let at = |time: Option<SystemTime>| time.map_or(0, micros).to_be_bytes();
        let all = [at(self.sent_at), at(self.settled_at), at(Some(self.expires_at))];
        times.chunks_exact_mut(8).zip(all).for_each(|(place, time)| place.copy_from_slice(&time));
        bytes
    }

    /// `None` for what are no bytes of a state.
    pub(crate) fn from_bytes(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let [status, flags, leg, attempts, attempts_left, in_flight, ..] = *bytes;
        let (head, times) = bytes.split_at(10);
        let mut times = times.chunks_exact(8).map(|time| time.try_into().map(u64::from_be_bytes));
        let mut time = || times.next()?.ok().map(|micros| UNIX_EPOCH + Duration::from_micros(micros));
        let (sent_at, settled_at, expires_at) = (time()?, time()?, time()?);
        Some(Self {
            status: status_of(status)?,
            sending: flags & 1 != 0,
            proof_given: flags & 2 != 0,
            leg,
            attempts,
            attempts_left,
            in_flight,
            version: u32::from_be_bytes(head.get(6..)?.try_into().ok()?),
            sent_at: (flags & 4 != 0).then_some(sent_at),
            settled_at: (flags & 8 != 0).then_some(settled_at),
            expires_at,
        })
    }
}

/// Microseconds since 1970. Times before are taken for its beginning.
pub(crate) fn micros(time: SystemTime) -> u64 {
    u64::try_from(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros()).unwrap_or(u64::MAX)
}

fn status_byte(status: Status) -> u8 {
    match status {
        Status::Pending => 0,
        Status::Verified => 1,
        Status::Failed => 2,
        Status::Expired => 3,
        Status::Cancelled => 4,
    }
}

fn status_of(byte: u8) -> Option<Status> {
    let all = [Status::Pending, Status::Verified, Status::Failed, Status::Expired, Status::Cancelled];
    all.into_iter().find(|status| status_byte(*status) == byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_state_comes_back_as_it_was(
            status in 0_u8..5,
            flags in any::<[bool; 4]>(),
            small in any::<[u8; 4]>(),
            version: u32,
            times in any::<[u32; 3]>(),
        ) {
            let at = |seconds: u32| UNIX_EPOCH + Duration::from_secs(seconds.into()) + Duration::from_micros(7);
            let state = State {
                status: status_of(status).unwrap(),
                sending: flags[0],
                proof_given: flags[1],
                leg: small[0],
                attempts: small[1],
                attempts_left: small[2],
                in_flight: small[3],
                version,
                sent_at: flags[2].then_some(at(times[0])),
                settled_at: flags[3].then_some(at(times[1])),
                expires_at: at(times[2]),
            };
            prop_assert_eq!(State::from_bytes(&state.to_bytes()), Some(state));
        }
    }

    #[test]
    fn what_is_no_status_is_no_state() {
        let mut bytes = State::new(3, UNIX_EPOCH).to_bytes();
        bytes[0] = 5;
        assert_eq!(State::from_bytes(&bytes), None);
    }
}
