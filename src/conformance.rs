//! What the suites share that hold implementations of a trait to its promises.

use std::{error::Error as StdError, fmt};

use crate::error::Error;

/// What is done wrong: a line for people, or one for each case that failed.
#[derive(Clone, Debug)]
pub struct Failure(String);

impl Failure {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// Says where it happened.
    pub(crate) fn at(self, place: impl fmt::Display) -> Self {
        Self(format!("{place}: {}", self.0))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Failure {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(format!("unexpected error {:?}: {error:?}", error.kind()))
    }
}

/// Fails unless something holds.
pub(crate) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure(otherwise())) }
}

/// Runs cases one after the other, and tells of all that failed.
pub(crate) async fn run_all<C: Copy + 'static>(
    cases: impl IntoIterator<Item = &(&'static str, C)>,
    run: impl AsyncFn(C) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut failures = Vec::new();
    for (name, case) in cases {
        failures.extend(run(*case).await.err().map(|failure| failure.at(name).to_string()));
    }
    ensure(failures.is_empty(), || failures.join("\n"))
}

/// What came of the wish that the thing under test fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it fails or it cannot")]
pub enum Outage {
    /// It fails now.
    Down,
    /// There is nothing in it that can fail.
    Impossible {
        /// Why.
        reason: &'static str,
    },
}

impl Outage {
    /// Whether it is down. An outage is impossible for a reason only.
    pub(crate) fn is_down(self) -> Result<bool, Failure> {
        match self {
            Self::Down => Ok(true),
            Self::Impossible { reason } if reason.trim().is_empty() => {
                Err(Failure::new("an outage is said to be impossible without a reason"))
            }
            Self::Impossible { .. } => Ok(false),
        }
    }
}

/// Fails unless a verb has ended as an outage does.
pub(crate) fn is_unavailable<T>(verb: &str, ended: Result<T, Error>) -> Result<(), Failure> {
    match ended {
        Err(error) if error.kind() == crate::error::ErrorKind::Unavailable => Ok(()),
        Err(error) => Err(Failure::new(format!("`{verb}` failed with {:?}: {error}", error.kind()))),
        Ok(_) => Err(Failure::new(format!("`{verb}` answered as if nothing were wrong"))),
    }
}
