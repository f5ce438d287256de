//! The suite that every [`Store`] passes.
//!
//! Whoever writes a store implements [`Shelf`] in a test, and the test is one line. No case can be skipped: a store that cannot fail says
//! so with its reason.
//!
//! ```
//! use std::sync::Arc;
//!
//! use futures_util::future::{BoxFuture, FutureExt, ready};
//! use handset::{Result, store::{MemoryStore, Store}};
//! use handset::store::conformance::{self, Failure, Outage, Shelf};
//!
//! struct Mine(Arc<MemoryStore>);
//!
//! impl Shelf for Mine {
//!     fn handle(&self) -> BoxFuture<'_, Result<Arc<dyn Store>>> {
//!         ready(Ok(self.0.clone() as Arc<dyn Store>)).boxed()
//!     }
//!     fn take_down(&self) -> BoxFuture<'_, Result<Outage>> {
//!         ready(Ok(Outage::Impossible { reason: "it is in the memory of the process" })).boxed()
//!     }
//! }
//!
//! # #[tokio::main] async fn main() -> Result<(), Failure> {
//! conformance::assert_conforms(|| async { Ok(Mine(Arc::default())) }).await
//! # }
//! ```

mod budgets;
mod life;
mod names;
mod stage;
mod story;

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt};

use self::stage::Stage;
use super::Store;
use crate::{conformance::run_all, error::Result as OurResult};

pub use crate::conformance::{Failure, Outage};

/// A place with nothing in it.
pub trait Shelf: Send + Sync {
    /// The store, as another process would open it: what is done through one handle is seen through the next one.
    fn handle(&self) -> BoxFuture<'_, OurResult<Arc<dyn Store>>>;

    /// Makes it fail, for handles that are open as well: end its process.
    fn take_down(&self) -> BoxFuture<'_, OurResult<Outage>>;
}

/// Runs every case, each at an empty place of its own that `open` makes.
///
/// # Errors
///
/// [`Failure`] with a line for each case that failed.
pub async fn assert_conforms<S, F>(open: impl Fn() -> F) -> Result<(), Failure>
where
    S: Shelf,
    F: Future<Output = OurResult<S>>,
{
    run_all([life::CASES, budgets::CASES, names::CASES, CASES].into_iter().flatten(), async |case| {
        let shelf = open().await?;
        case(&Stage::open(&shelf).await?).await
    })
    .await
}

type Case = for<'a> fn(&'a Stage<'a>) -> BoxFuture<'a, Result<(), Failure>>;

const CASES: &[(&str, Case)] = &[
    ("whatever_happens_it_answers_as_the_store_in_memory_does", |stage| story::tell(stage).boxed()),
    ("a_store_that_fails_is_unavailable", |stage| stage::outage(stage).boxed()),
];
