//! What the vendors were asked.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::SystemTime,
};

use http::{Method, StatusCode};
use serde::{Serialize, Serializer};

use crate::{
    clock::{Clock, SystemClock},
    sandbox::{
        activity::{Activity, Feed},
        message::rfc3339,
    },
};

/// One request to an emulated vendor. `Debug` hides the number.
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct LoggedRequest {
    /// Counts the requests of one sandbox from 1.
    pub id: u64,
    /// When it came; in JSON, RFC 3339 in UTC.
    #[serde(serialize_with = "rfc3339")]
    pub at: SystemTime,
    /// The vendor, such as `numcheck`.
    pub vendor: &'static str,
    /// The HTTP method.
    #[serde(serialize_with = "name")]
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

/// A request that comes in.
pub(super) struct Incoming {
    pub(super) vendor: &'static str,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) number: Option<String>,
}

/// The latest [`CAPACITY`] requests.
pub(super) struct Log {
    book: Mutex<Book>,
    feed: Feed,
}

#[derive(Default)]
struct Book {
    latest: u64,
    kept: VecDeque<Arc<Entry>>,
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
        Self { book: Mutex::default(), feed }
    }

    /// Records that a request has come in.
    pub(super) fn begin(&self, Incoming { vendor, method, path, number }: Incoming) -> Arc<Entry> {
        let mut book = self.book();
        book.latest += 1;
        let (id, at, status) = (book.latest, SystemClock.now(), None);
        let request = LoggedRequest { id, at, vendor, method, path, number, status };
        self.feed.tell(|| Activity::Request(request.clone()));
        let entry = Arc::new(Entry { request, status: OnceLock::new(), feed: self.feed.clone() });
        if book.kept.len() == CAPACITY {
            book.kept.pop_front();
        }
        book.kept.push_back(Arc::clone(&entry));
        entry
    }

    pub(super) fn requests(&self) -> Vec<LoggedRequest> {
        self.book().kept.iter().map(|entry| entry.snapshot()).collect()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
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

fn name<S: Serializer>(method: &Method, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(method.as_str())
}

/// The most requests that are remembered.
const CAPACITY: usize = 10_000;
