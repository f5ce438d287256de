//! The list of cases, and how one ends.

use std::fmt;

use futures_util::future::BoxFuture;

use super::{answers, callbacks, care, faults, stage::Stage};

pub use crate::conformance::Failure;
pub(super) use crate::conformance::ensure;

/// One thing that every provider must do right.
#[derive(Clone, Copy)]
pub struct Case {
    name: &'static str,
    run: Run,
}

type Run = for<'a> fn(&'a Stage) -> BoxFuture<'a, Result<Outcome, Failure>>;

impl Case {
    pub(super) const fn new(name: &'static str, run: Run) -> Self {
        Self { name, run }
    }

    /// Its name, such as `right_answer`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn run<'a>(&self, stage: &'a Stage) -> BoxFuture<'a, Result<Outcome, Failure>> {
        (self.run)(stage)
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Case").field(&self.name).finish()
    }
}

/// Every case, in the order in which they are listed.
///
/// ```
/// use handset::{Channel, testing::provider::{Outcome, Suite, cases}};
///
/// async fn report(suite: &Suite) {
///     for case in cases() {
///         match suite.run(case, Channel::Sms).await {
///             Ok(Outcome::Passed) => println!("{}: passed", case.name()),
///             Ok(Outcome::DoesNotApply { reason }) => println!("{}: does not apply, {reason}", case.name()),
///             Err(failure) => println!("{}: {failure}", case.name()),
///         }
///     }
/// }
/// assert!(cases().any(|case| case.name() == "right_answer"));
/// ```
pub fn cases() -> impl Iterator<Item = &'static Case> {
    [answers::CASES, callbacks::CASES, faults::CASES, care::CASES].into_iter().flatten()
}

/// How a case ended that did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a case applies or it does not")]
pub enum Outcome {
    /// The provider does it right.
    Passed,
    /// It cannot apply, and the reason is declared.
    DoesNotApply {
        /// The declared reason.
        reason: &'static str,
    },
}

impl Outcome {
    /// For a case that has found that it cannot apply; the suite replaces the words by the declared ones.
    pub(super) const NOTHING_TO_TRY: Self = Self::DoesNotApply { reason: "" };
}
