//! What the vendors were asked, and what they called back.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use axum::{body::Body, response::Response};
use http::Method;
use serde::{Serialize, Serializer};

use crate::{
    clock::{Clock, SystemClock},
    sandbox::{
        activity::{Activity, Feed},
        content::{Content, Kept},
        message::rfc3339,
    },
};

/// One request to an emulated vendor, or a callback of one. `Debug` hides the number and what was said.
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct LoggedRequest {
    /// Counts the requests of one sandbox from 1, and its callbacks likewise.
    pub id: u64,
    /// When it came; in JSON, RFC 3339 in UTC.
    #[serde(serialize_with = "rfc3339")]
    pub at: SystemTime,
    /// The vendor, such as `numcheck`.
    pub vendor: &'static str,
    /// The HTTP method.
    #[serde(serialize_with = "name")]
    pub method: Method,
    /// The path without its query; of a callback, the whole URL.
    pub path: String,
    /// The number it was about, in E.164, or the e-mail address, where that could be told.
    pub number: Option<String>,
    /// The HTTP status it was answered with; `None` while it waits for its answer, or for ever if the client gave up.
    pub status: Option<u16>,
    /// How long the answer took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// What was sent. The latest 200 requests have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<Content>,
    /// What was answered, once all of it is on its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered: Option<Content>,
}

impl LoggedRequest {
    /// The same without what was said.
    #[cfg(feature = "cli")]
    pub(crate) fn line(&self) -> Self {
        Self { sent: None, answered: None, ..self.clone() }
    }
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
    pub(super) sent: Content,
}

/// The latest [`CAPACITY`] requests.
pub(super) struct Log {
    book: Mutex<Book>,
    feed: Feed,
    told_as: fn(LoggedRequest) -> Activity,
}

#[derive(Default)]
struct Book {
    latest: u64,
    kept: VecDeque<Arc<Entry>>,
}

/// A request whose answer may still be missing.
pub(super) struct Entry {
    request: LoggedRequest,
    began: Instant,
    end: OnceLock<End>,
    /// Nobody's any more when there are many later ones.
    contents: Mutex<Contents>,
    feed: Feed,
    told_as: fn(LoggedRequest) -> Activity,
}

#[derive(Clone, Default)]
struct Contents {
    sent: Option<Content>,
    answered: Option<Content>,
}

/// How it was answered, and after how long.
struct End {
    status: u16,
    took: Duration,
}

impl Log {
    /// An empty one that tells of requests and answers.
    pub(super) fn new(feed: Feed, told_as: fn(LoggedRequest) -> Activity) -> Self {
        Self { book: Mutex::default(), feed, told_as }
    }

    /// Records that a request has come in, or goes out.
    pub(super) fn begin(&self, Incoming { vendor, method, path, number, sent }: Incoming) -> Arc<Entry> {
        let mut book = self.book();
        book.latest += 1;
        let (id, at) = (book.latest, SystemClock.now());
        let (status, took_ms) = (None, None);
        let request =
            LoggedRequest { id, at, vendor, method, path, number, status, took_ms, sent: None, answered: None };
        let entry = Arc::new(Entry {
            request,
            began: Instant::now(),
            end: OnceLock::new(),
            contents: Mutex::new(Contents { sent: Some(sent), answered: None }),
            feed: self.feed.clone(),
            told_as: self.told_as,
        });
        entry.tell();
        if book.kept.len() == CAPACITY {
            book.kept.pop_front();
        }
        if let Some(old) = book.kept.len().checked_sub(WITH_CONTENT).and_then(|place| book.kept.get(place)) {
            *old.contents() = Contents::default();
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
    /// Records how the request was answered, and what was answered when that has gone out.
    pub(super) fn end(self: &Arc<Self>, response: Response) -> Response {
        self.answered(response.status().as_u16());
        let (parts, body) = response.into_parts();
        let entry = Arc::clone(self);
        let body = Kept::new(body, parts.headers.clone(), move |answered| entry.close(answered));
        Response::from_parts(parts, Body::new(body))
    }

    /// Records the status of the answer.
    pub(super) fn answered(&self, status: u16) {
        // A second answer to one request cannot be.
        let _ = self.end.set(End { status, took: self.began.elapsed() });
    }

    /// Records what was answered, and tells of it.
    pub(super) fn close(&self, answered: Content) {
        {
            let mut contents = self.contents();
            // The others are forgotten.
            if contents.sent.is_some() {
                contents.answered = Some(answered);
            }
        }
        self.tell();
    }

    fn tell(&self) {
        self.feed.tell(|| (self.told_as)(self.snapshot()));
    }

    fn snapshot(&self) -> LoggedRequest {
        let (end, Contents { sent, answered }) = (self.end.get(), self.contents().clone());
        let took_ms = end.map(|end| u64::try_from(end.took.as_millis()).unwrap_or(u64::MAX));
        LoggedRequest { status: end.map(|end| end.status), took_ms, sent, answered, ..self.request.clone() }
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name<S: Serializer>(method: &Method, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(method.as_str())
}

/// The most requests that are remembered.
const CAPACITY: usize = 10_000;

/// How many of them still have what was said.
const WITH_CONTENT: usize = 200;
