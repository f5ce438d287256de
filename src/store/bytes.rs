//! Records as bytes, for stores that keep them elsewhere.

use bytes::Bytes;

use super::{Judge, Record};
use crate::{
    check::{CodeMacs, Sealed, State},
    error::{Error, ErrorKind, Result},
};

impl Record {
    /// The format that this version writes, and reads.
    pub const FORMAT: u8 = 1;

    /// The record as bytes, of which the first is the [`FORMAT`](Self::FORMAT). Times are kept to the microsecond.
    ///
    /// | bytes | |
    /// |---|---|
    /// | 0 | the format |
    /// | 1 | status: 0 pending, 1 verified, 2 failed, 3 expired, 4 cancelled |
    /// | 2 | flags: 1 sending, 2 proof given, 4 sent, 8 settled |
    /// | 3 to 6 | leg, attempts, attempts left, attempts in flight |
    /// | 7 to 10 | version |
    /// | 11, 19, 27 | sent at, settled at, expires at: 8 bytes each, microseconds since 1970 |
    /// | 35, 51, 67 | the keyed hashes of owner, number and context: 16 bytes each |
    /// | 83 | who judges: 0 nobody, 1 we, 2 to 5 the vendor by code, redirect, poll, callback |
    /// | 84 to 131 | three keyed hashes of the code, or nothing |
    /// | 132 .. | the sealed part |
    ///
    /// Numbers are big-endian.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (state, judge) = (self.state.to_bytes(), self.judge.to_bytes());
        let parts: [&[u8]; 7] =
            [&[Self::FORMAT], &state, &self.owner, &self.number, &self.context, &judge, self.sealed.as_bytes()];
        parts.concat()
    }

    /// The record of these bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when they are of another format, as while a newer version is rolled out, or of none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let no_record = || Error::new(ErrorKind::Unavailable, "the store has something else in the place of a check");
        let (format, rest) = bytes.split_first().ok_or_else(no_record)?;
        if *format != Self::FORMAT {
            return Err(foreign(*format));
        }
        let read = || {
            let (state, rest) = rest.split_first_chunk::<{ State::BYTES }>()?;
            let (owner, rest) = rest.split_first_chunk()?;
            let (number, rest) = rest.split_first_chunk()?;
            let (context, rest) = rest.split_first_chunk()?;
            let (judge, sealed) = rest.split_first_chunk()?;
            Some(Self {
                owner: *owner,
                number: *number,
                context: *context,
                state: State::from_bytes(state)?,
                judge: Judge::from_bytes(judge)?,
                sealed: Sealed::from_bytes(Bytes::copy_from_slice(sealed)),
            })
        };
        read().ok_or_else(no_record)
    }
}

impl Judge {
    /// How long the bytes are.
    const BYTES: usize = 49;

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let (kind, macs) = match self {
            Self::Nobody => (0, None),
            Self::Us(macs) => (1, Some(macs)),
            Self::Vendor => (2, None),
            Self::Redirect => (3, None),
            Self::Poll => (4, None),
            Self::Callback => (5, None),
        };
        let macs = macs.map_or([0; CodeMacs::BYTES], CodeMacs::to_bytes);
        [&[kind][..], &macs].concat()
    }

    fn from_bytes(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let (kind, macs) = bytes.split_first()?;
        Some(match kind {
            0 => Self::Nobody,
            1 => Self::Us(CodeMacs::from_bytes(macs.try_into().ok()?)),
            2 => Self::Vendor,
            3 => Self::Redirect,
            4 => Self::Poll,
            5 => Self::Callback,
            _ => return None,
        })
    }
}

/// What is said of a record of another version, which stays as it is for those that know it.
fn foreign(format: u8) -> Error {
    tracing::error!(format, known = Record::FORMAT, "a check in the store is of another format");
    Error::new(ErrorKind::Unavailable, "this check is of another version; try again")
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use proptest::prelude::*;

    use super::*;

    fn record(judge: u8, sealed: &[u8]) -> Record {
        let judge = Judge::from_bytes(&[&[judge][..], &[7; 48]].concat().try_into().unwrap()).unwrap();
        let sealed = Sealed::from_bytes(Bytes::copy_from_slice(sealed));
        Record { owner: [1; 16], number: [2; 16], context: [3; 16], state: State::new(3, UNIX_EPOCH), judge, sealed }
    }

    proptest! {
        #[test]
        fn a_record_comes_back_as_it_was(judge in 0_u8..6, sealed in proptest::collection::vec(any::<u8>(), 0..600)) {
            let record = record(judge, &sealed);
            let back = Record::from_bytes(&record.to_bytes()).unwrap();
            prop_assert_eq!(format!("{back:?}"), format!("{record:?}"));
            prop_assert_eq!(back.to_bytes(), record.to_bytes());
            prop_assert_eq!(back.sealed.as_bytes(), &sealed);
        }

        #[test]
        fn whatever_is_there_instead_is_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..132)) {
            prop_assert_eq!(Record::from_bytes(&bytes).unwrap_err().kind(), ErrorKind::Unavailable);
        }
    }

    #[test]
    fn a_record_of_a_newer_version_is_refused() {
        let mut bytes = record(1, b"sealed").to_bytes();
        bytes[0] = Record::FORMAT + 1;
        let error = Record::from_bytes(&bytes).unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string()),
            (ErrorKind::Unavailable, "this check is of another version; try again".to_owned(),)
        );
    }
}
