//! What the emulators of all vendors have in common.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::future::{Either, select};
use tokio::sync::watch;

use crate::sandbox::{
    Credentials,
    activity::{Activity, Feed},
    handset::Handsets,
    knob::Knobs,
    log::Log,
};

/// The handsets, the knobs and the books.
pub(super) struct Common {
    pub(super) handsets: Handsets,
    pub(super) knobs: Knobs,
    pub(super) log: Log,
    /// What the vendors called back.
    pub(super) callbacks: Arc<Log>,
    pub(super) feed: Feed,
    pub(super) stop: Stop,
    /// Those that were given.
    pub(super) credentials: Credentials,
    calls: AtomicUsize,
}

impl Common {
    /// `origin` is where the emulators are, such as `http://127.0.0.1:41234`.
    pub(super) fn new(stop: Stop, origin: String) -> Self {
        let feed = Feed::default();
        Self {
            handsets: Handsets::new(origin, feed.clone()),
            knobs: Knobs::default(),
            log: Log::new(feed.clone(), Activity::Request),
            callbacks: Arc::new(Log::new(feed.clone(), Activity::Callback)),
            feed,
            stop,
            credentials: Credentials::default(),
            calls: AtomicUsize::new(0),
        }
    }

    /// The same with credentials that were given.
    pub(super) fn with_credentials(self, credentials: Credentials) -> Self {
        Self { credentials, ..self }
    }

    /// Books an accepted call.
    pub(super) fn bill_call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

/// Knows when the sandbox is gone.
#[derive(Clone)]
pub(super) struct Stop(watch::Receiver<()>);

impl Stop {
    /// The sandbox is gone when the other end of `running` is.
    pub(super) fn new(running: watch::Receiver<()>) -> Self {
        Self(running)
    }

    /// Waits for the end of the sandbox.
    pub(super) fn wait(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut running = self.0.clone();
        // Nothing is ever sent, so the only change is the end.
        async move { while running.changed().await.is_ok() {} }
    }

    /// Waits for `future`, or gives `None` when the sandbox ends first.
    pub(super) async fn unless_stopped<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        match select(pin!(future), pin!(self.wait())).await {
            Either::Left((value, _)) => Some(value),
            Either::Right(_) => None,
        }
    }
}
