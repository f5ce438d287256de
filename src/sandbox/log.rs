//! What the vendors were asked.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use http::{Method, StatusCode};

/// One request to an emulated vendor. `Debug` hides the number.
#[derive(Clone)]
#[non_exhaustive]
pub struct LoggedRequest {
    /// The vendor, such as `numcheck`.
    pub vendor: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The path without its query.
    pub path: String,
    /// The number it was about, in E.164, or the e-mail address, where that could be told.
    pub number: Option<String>,
    /// The HTTP status it was answered with; `None` while it waits for its answer, or for ever if the client gave up.
    pub status: Option<u16>,
}

impl fmt::Debug for LoggedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.vendor, self.method, self.path)?;
        match self.status {
            Some(status) => write!(f, " -> {status}"),
            None => f.write_str(" -> no answer"),
        }
    }
}

/// The latest [`CAPACITY`] requests.
#[derive(Default)]
pub(super) struct Log(Mutex<VecDeque<Arc<Entry>>>);

/// A request whose answer may still be missing.
pub(super) struct Entry {
    request: LoggedRequest,
    status: OnceLock<StatusCode>,
}

impl Log {
    /// Records that a request has come in.
    pub(super) fn begin(&self, request: LoggedRequest) -> Arc<Entry> {
        let entry = Arc::new(Entry { request, status: OnceLock::new() });
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() == CAPACITY {
            entries.pop_front();
        }
        entries.push_back(Arc::clone(&entry));
        entry
    }

    pub(super) fn requests(&self) -> Vec<LoggedRequest> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().map(|entry| entry.snapshot()).collect()
    }
}

impl Entry {
    /// Records how the request was answered.
    pub(super) fn end(&self, status: StatusCode) {
        // A second answer to one request cannot be.
        let _ = self.status.set(status);
    }

    fn snapshot(&self) -> LoggedRequest {
        LoggedRequest { status: self.status.get().map(StatusCode::as_u16), ..self.request.clone() }
    }
}

/// The most requests that are remembered.
const CAPACITY: usize = 10_000;
