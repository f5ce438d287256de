//! What the vendors were asked.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use http::{Method, StatusCode};

use crate::sandbox::activity::{Activity, Feed};

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
pub(super) struct Log {
    entries: Mutex<VecDeque<Arc<Entry>>>,
    feed: Feed,
}

/// A request whose answer may still be missing.
pub(super) struct Entry {
    request: LoggedRequest,
    status: OnceLock<StatusCode>,
    feed: Feed,
}

impl Log {
    /// An empty one that tells of requests and answers.
    pub(super) fn new(feed: Feed) -> Self {
        Self { entries: Mutex::default(), feed }
    }

    /// Records that a request has come in.
    pub(super) fn begin(&self, request: LoggedRequest) -> Arc<Entry> {
        self.feed.tell(|| Activity::Request(request.clone()));
        let entry = Arc::new(Entry { request, status: OnceLock::new(), feed: self.feed.clone() });
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() == CAPACITY {
            entries.pop_front();
        }
        entries.push_back(Arc::clone(&entry));
        entry
    }

    pub(super) fn requests(&self) -> Vec<LoggedRequest> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().map(|entry| entry.snapshot()).collect()
    }
}

impl Entry {
    /// Records how the request was answered.
    pub(super) fn end(&self, status: StatusCode) {
        // A second answer to one request cannot be.
        if self.status.set(status).is_ok() {
            self.feed.tell(|| Activity::Request(self.snapshot()));
        }
    }

    fn snapshot(&self) -> LoggedRequest {
        LoggedRequest { status: self.status.get().map(StatusCode::as_u16), ..self.request.clone() }
    }
}

/// The most requests that are remembered.
const CAPACITY: usize = 10_000;
