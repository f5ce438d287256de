//! The background sweep: a thread of its own, so that no request waits for it and no runtime is needed.

use std::{
    fmt,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use crate::{
    clock::Clock,
    error::{Error, ErrorKind, Result},
    limiter::Limiter,
    proof::Proofs,
    store::Store,
};

/// Sweeps for as long as it is held.
pub(super) struct Sweeper {
    /// Its end tells the thread to end.
    _alive: Mutex<mpsc::Sender<()>>,
}

impl Sweeper {
    pub(super) fn start(
        store: Arc<dyn Store>,
        limiter: Arc<dyn Limiter>,
        proofs: Arc<Proofs>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let (alive, ended) = mpsc::channel();
        let sweep = move || {
            while ended.recv_timeout(PERIOD) == Err(mpsc::RecvTimeoutError::Timeout) {
                let now = clock.now();
                store.sweep(now);
                limiter.sweep(now);
                proofs.sweep(now);
            }
        };
        thread::Builder::new().name("handset-sweep".to_owned()).spawn(sweep).map_err(|source| {
            Error::new(ErrorKind::Unavailable, "the sweeping thread could not be started").with_source(source)
        })?;
        Ok(Self { _alive: Mutex::new(alive) })
    }
}

impl fmt::Debug for Sweeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sweeper")
    }
}

/// How often it sweeps.
const PERIOD: Duration = Duration::from_secs(10);
