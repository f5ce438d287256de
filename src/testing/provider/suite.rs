//! Runs cases.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::{
    future::{FutureExt, ready},
    stream::{self, StreamExt},
};
use tracing::instrument::WithSubscriber;

use super::{
    Declared, Vendor,
    case::{Case, Failure, Outcome, cases, ensure},
    hearing::Book,
    stage::{Open, Stage},
};
use crate::{channel::Channel, error::Result as OurResult};

/// The suite for one vendor.
///
/// ```
/// use handset::{Result, testing::provider::{Failure, Suite, Vendor}};
///
/// // With `#[tokio::test]` on it, this is the whole test.
/// async fn acme_conforms() -> Result<(), Failure> {
///     Suite::new(open).assert_conforms().await
/// }
///
/// /// Starts the vendor's server with a fresh account.
/// async fn open() -> Result<Box<dyn Vendor>> {
///     # std::future::pending().await
///     // ..
/// }
/// ```
#[derive(Clone)]
pub struct Suite {
    open: Open,
    patience: Duration,
}

impl Suite {
    /// The suite for the vendor that `open` opens: a fresh one, with a fresh account, each time.
    pub fn new<F, O>(open: O) -> Self
    where
        O: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = OurResult<Box<dyn Vendor>>> + Send + 'static,
    {
        Self { open: Arc::new(move || open().boxed()), patience: PATIENCE }
    }

    /// Says how long one case may take before it is said to hang: three minutes, where nothing else is said. A case that
    /// lets each request of a provider run out of time takes two seconds for each.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Runs every case on every channel of the provider.
    ///
    /// # Errors
    ///
    /// [`Failure`] with a line for each case that failed.
    pub async fn assert_conforms(&self) -> Result<(), Failure> {
        let stage = self.stage(Channel::Sms, &Book::default()).await?;
        let channels = stage.provider.channels().to_vec();
        ensure(!channels.is_empty(), || "the provider has no channel".to_owned())?;
        let runs = channels.iter().flat_map(|channel| cases().map(|case| self.failure(case, *channel)));
        let failures: Vec<_> = stream::iter(runs).buffered(AT_ONCE).filter_map(ready).collect().await;
        ensure(failures.is_empty(), || failures.join("\n"))
    }

    /// Runs one case on one channel, for a harness that lists them: [`cases`] has an example.
    ///
    /// # Errors
    ///
    /// [`Failure`] when the provider does it wrong, when the case cannot apply and no reason is declared, and when one is
    /// declared for a case that does apply.
    pub async fn run(&self, case: &Case, channel: Channel) -> Result<Outcome, Failure> {
        let book = Book::default();
        let run = async {
            let stage = self.stage(channel, &book).await?;
            let outcome = case.run(&stage).await?;
            stage.look_back()?;
            book.shows_nothing_secret()?;
            judge(case, outcome, &stage.vendor.declared(channel))
        };
        let run = tokio::time::timeout(self.patience, run.with_subscriber(book.clone()));
        run.await.unwrap_or_else(|_| Err(Failure::new("it hangs")))
    }

    async fn failure(&self, case: &Case, channel: Channel) -> Option<String> {
        let failure = self.run(case, channel).await.err()?;
        Some(failure.at(format_args!("{channel}::{}", case.name())).to_string())
    }

    async fn stage(&self, channel: Channel, book: &Book) -> Result<Stage, Failure> {
        Stage::open(Arc::clone(&self.open), channel, book.clone()).await
    }
}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite").finish_non_exhaustive()
    }
}

/// Holds what a case has found against what was declared.
fn judge(case: &Case, outcome: Outcome, declared: &[Declared]) -> Result<Outcome, Failure> {
    for entry in declared {
        let known = cases().any(|case| case.name() == entry.case);
        ensure(known, || format!("`{}` is declared, and there is no such case", entry.case))?;
        ensure(!entry.reason.trim().is_empty(), || format!("`{}` is declared without a reason", entry.case))?;
    }
    let declared = declared.iter().find(|entry| entry.case == case.name());
    match (outcome, declared) {
        (Outcome::Passed, None) => Ok(Outcome::Passed),
        (Outcome::Passed, Some(_)) => {
            Err(Failure::new("it is declared not to apply, and it does: take the declaration out"))
        }
        (Outcome::DoesNotApply { .. }, Some(entry)) => Ok(Outcome::DoesNotApply { reason: entry.reason }),
        (Outcome::DoesNotApply { .. }, None) => {
            Err(Failure::new("there was nothing to try: declare the reason, or complete the vendor"))
        }
    }
}

/// No case takes so long, not on a loaded machine either.
const PATIENCE: Duration = Duration::from_secs(180);

/// How many cases run at a time: most of them wait.
const AT_ONCE: usize = 4;
