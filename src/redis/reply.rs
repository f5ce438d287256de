//! What a script answers.

use ::redis::Value;

use crate::error::{Error, ErrorKind, Result};

/// What a script answers: numbers, bytes and lists of them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Nothing,
    Number(u64),
    Bytes(Vec<u8>),
    List(Vec<Self>),
}

impl Reply {
    pub(super) fn of(value: Value) -> Result<Self> {
        match value {
            Value::Nil => Ok(Self::Nothing),
            Value::Int(number) => u64::try_from(number).map(Self::Number).map_err(|_| unexpected()),
            Value::BulkString(bytes) => Ok(Self::Bytes(bytes)),
            Value::SimpleString(text) => Ok(Self::Bytes(text.into_bytes())),
            Value::Okay => Ok(Self::Nothing),
            Value::Array(values) => values.into_iter().map(Self::of).collect::<Result<_>>().map(Self::List),
            _ => Err(unexpected()),
        }
    }

    pub(crate) fn number(&self) -> Result<u64> {
        match self {
            Self::Number(number) => Ok(*number),
            _ => Err(unexpected()),
        }
    }
}

/// Nobody but a program of another version, or of somebody else, has written what our scripts did not.
pub(crate) fn unexpected() -> Error {
    Error::new(ErrorKind::Unavailable, "Redis answered with something that no script of this version answers")
}
