//! Who lets a bound number be changed.

use std::fmt;

use crate::{
    error::{Error, ErrorKind, Result},
    proof::Proof,
};

/// What lets the numbers of an account that has some be changed.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Leave<'a> {
    /// A proof of a bound number, for the action [`Enrolment::CHANGE`](super::Enrolment::CHANGE).
    Proof(&'a Proof),
    /// The application's own decision, for who has lost the phone.
    Recovery(&'a Recovery),
}

/// A decision to change an account's numbers without a proof of them. It is written to the log, with the change: put the account
/// into the log's span.
///
/// ```
/// use handset::enrolment::Recovery;
///
/// let recovery = Recovery::new("help desk, agent 7", "passport seen in the branch, ticket 4711")?;
/// # let _ = recovery;
/// assert!(Recovery::new("help desk, agent 7", "").is_err());
/// # Ok::<(), handset::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Recovery {
    decided_by: String,
    reason: String,
}

impl Recovery {
    /// Says who decided it, a person or a procedure, and why.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when one of them is empty, longer than 200 bytes or holds a control character.
    pub fn new(decided_by: impl Into<String>, reason: impl Into<String>) -> Result<Self> {
        let (decided_by, reason) = (decided_by.into(), reason.into());
        let sayable = |text: &str| !text.trim().is_empty() && text.len() <= 200 && !text.chars().any(char::is_control);
        if !sayable(&decided_by) || !sayable(&reason) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "a recovery says who decided it and why, each in 1 to 200 bytes without control characters",
            ));
        }
        Ok(Self { decided_by, reason })
    }

    /// Who decided it.
    #[must_use]
    pub fn decided_by(&self) -> &str {
        &self.decided_by
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Debug for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recovery(by {:?}: {:?})", self.decided_by, self.reason)
    }
}
