//! Why an account's numbers stay as they are.

use std::fmt;

use crate::error::{Error, ErrorKind};

/// Why an account's numbers stay as they are: refused, or the book or the verifier's store failed.
///
/// As an [`Error`] it is [`ErrorKind::Denied`], or what failed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EnrolmentError {
    /// It may not be.
    Refused(Refusal),
    /// It cannot be told.
    Failed(Error),
}

impl EnrolmentError {
    /// The refusal, if it is one.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Refused(refusal) => Some(*refusal),
            Self::Failed(_) => None,
        }
    }
}

/// Why a wish about an account's numbers is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The proof is another subject's.
    OtherSubject,
    /// The proof was asked for another action.
    OtherAction,
    /// The proof is of another number.
    OtherNumber,
    /// The proof shows nothing of the phone: it is of an e-mail address, of a number for tests, or over.
    NoPossession,
    /// The proof has been used here.
    ProofUsed,
    /// The account has a number: a proof of it has to agree, or a recovery.
    NeedsLeave,
    /// The account has this number already.
    AlreadyBound,
    /// Another account has this number.
    TakenElsewhere,
    /// The account does not have the number that is to go.
    NotBound,
    /// The account has as many numbers as it may have.
    TooMany,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherSubject => "the proof is another subject's",
            Self::OtherAction => "the proof is for another action",
            Self::OtherNumber => "the proof is of another number",
            Self::NoPossession => "the proof shows no possession of the number now; get another one",
            Self::ProofUsed => "the proof has been used; get another one",
            Self::NeedsLeave => "the account has a number already; show a proof of it as well",
            Self::AlreadyBound => "the account has this number already",
            Self::TakenElsewhere => "the number cannot be bound to this account; use another one",
            Self::NotBound => "the account does not have this number",
            Self::TooMany => "the account has as many numbers as it may have; take one away first",
        })
    }
}

impl std::error::Error for Refusal {}

impl fmt::Display for EnrolmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for EnrolmentError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(_) => None,
            Self::Failed(error) => error.source(),
        }
    }
}

impl From<Refusal> for EnrolmentError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for EnrolmentError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<EnrolmentError> for Error {
    fn from(error: EnrolmentError) -> Self {
        match error {
            EnrolmentError::Refused(refusal) => Self::new(ErrorKind::Denied, refusal.to_string()),
            EnrolmentError::Failed(error) => error,
        }
    }
}
