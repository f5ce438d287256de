//! What the parts around a verifier get to see, written down.

use std::{
    fmt::{self, Debug, Write as _},
    io,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use futures_util::future::{BoxFuture, FutureExt};
use handset::{
    Channel, CheckId, Code, Error, Result,
    check::Digest,
    limiter::{Admission, Limiter, LocalLimiter, Take},
    policy::Quota,
    provider::{Handle, Order, Polled, Provider, Started, Verdict, numcheck::NumCheck},
    store::{Change, Created, Judge, MemoryStore, NewCheck, Outcome, Record, Step, Store},
};

/// Text and bytes, as they came. Clones share the book. It does not print, for what prints is written into it.
#[derive(Clone, Default)]
pub(super) struct Book(Arc<Mutex<Vec<u8>>>);

impl Book {
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    pub(super) fn write(&self, bytes: &[u8]) {
        let mut book = self.0.lock().unwrap();
        book.extend_from_slice(bytes);
        book.push(b'\n');
    }

    /// Writes down how a value prints.
    pub(super) fn show(&self, value: &dyn Debug) {
        self.write(format!("{value:?}\n{value:#?}").as_bytes());
    }

    /// Writes down how an error prints, with everything underneath.
    pub(super) fn show_error(&self, error: &Error) {
        self.show(error);
        let mut chain = String::new();
        let mut next: Option<&dyn std::error::Error> = Some(error);
        while let Some(error) = next {
            write!(chain, "{error}\n{error:?}\n{error:#?}\n").unwrap();
            next = error.source();
        }
        self.write(chain.as_bytes());
    }
}

impl io::Write for Book {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What crates log through the older facade.
pub(super) struct Facade {
    pub(super) log: Book,
    /// Where the one dependency is heard that writes numbers into its log.
    pub(super) talkative: Book,
}

impl log::Log for Facade {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let tells = record.target().starts_with("rlibphonenumber") && record.level() == log::Level::Trace;
        let book = if tells { &self.talkative } else { &self.log };
        book.write(format!("{} {}: {}", record.level(), record.target(), record.args()).as_bytes());
    }

    fn flush(&self) {}
}

/// A store that writes down every record and every name it is shown.
#[derive(Default)]
pub(super) struct RecordingStore {
    inner: MemoryStore,
    pub(super) book: Book,
    pub(super) hashes: Arc<Mutex<Vec<Hashed>>>,
}

impl Debug for RecordingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// What an attacker with a copy of the store has of one record.
#[derive(Clone, Debug)]
pub(super) struct Hashed {
    pub(super) id: [u8; 16],
    pub(super) context: Digest,
    /// Every keyed hash of it: of owner, number, context and codes.
    pub(super) digests: Vec<Digest>,
}

impl RecordingStore {
    fn record(&self, id: CheckId, record: &Record) {
        self.book.show(record);
        for digest in [record.owner, record.number, record.context] {
            self.book.write(&digest);
        }
        self.judge(id, record.context, &record.judge, &[record.owner, record.number, record.context]);
        self.book.write(record.sealed.as_bytes());
    }

    fn judge(&self, id: CheckId, context: Digest, judge: &Judge, more: &[Digest]) {
        let digests: Vec<Digest> = printed(judge).into_iter().chain(more.iter().copied()).collect();
        digests.iter().for_each(|digest| self.book.write(digest));
        self.hashes.lock().unwrap().push(Hashed { id: *id.as_bytes(), context, digests });
    }

    fn change(&self, id: CheckId, change: Result<Change>) -> Result<Change> {
        self.book.show(&change);
        if let Ok(Change::Made(record)) = &change {
            self.record(id, record);
        }
        change
    }
}

impl Store for RecordingStore {
    fn create<'a>(&'a self, check: NewCheck<'a>, now: SystemTime) -> BoxFuture<'a, Result<Created>> {
        self.book.show(&check);
        self.record(check.id, &check.record);
        for claim in check.keyed.iter().chain([&check.unkeyed]) {
            self.book.write(&claim.key);
            self.book.write(&claim.fingerprint);
        }
        async move { self.inner.create(check, now).await.inspect(|created| self.book.show(created)) }.boxed()
    }

    fn load(&self, id: CheckId, now: SystemTime) -> BoxFuture<'_, Result<Option<Record>>> {
        async move { self.inner.load(id, now).await.inspect(|found| found.iter().for_each(|r| self.record(id, r))) }
            .boxed()
    }

    fn reserve_attempt(
        &self,
        id: CheckId,
        owner: Digest,
        failures: Quota,
        now: SystemTime,
    ) -> BoxFuture<'_, Result<Change>> {
        async move { self.change(id, self.inner.reserve_attempt(id, owner, failures, now).await) }.boxed()
    }

    fn failures(&self, owner: Digest, failures: Quota, now: SystemTime) -> BoxFuture<'_, Result<u32>> {
        self.book.write(&owner);
        self.inner.failures(owner, failures, now)
    }

    fn settle(&self, id: CheckId, outcome: Outcome, now: SystemTime) -> BoxFuture<'_, Result<Change>> {
        async move { self.change(id, self.inner.settle(id, outcome, now).await) }.boxed()
    }

    fn advance(&self, id: CheckId, step: Step, now: SystemTime) -> BoxFuture<'_, Result<Change>> {
        self.book.show(&step);
        if let Step::Sent { sealed, .. } = &step {
            self.book.write(sealed.as_bytes());
        }
        async move { self.change(id, self.inner.advance(id, step, now).await) }.boxed()
    }

    fn once(&self, key: Digest, until: SystemTime, now: SystemTime) -> BoxFuture<'_, Result<bool>> {
        self.book.write(&key);
        self.inner.once(key, until, now)
    }

    fn alias(&self, name: Digest, id: CheckId, until: SystemTime, now: SystemTime) -> BoxFuture<'_, Result<bool>> {
        self.book.write(&name);
        self.inner.alias(name, id, until, now)
    }

    fn find(&self, name: Digest, now: SystemTime) -> BoxFuture<'_, Result<Option<CheckId>>> {
        self.inner.find(name, now)
    }

    fn changed(&self, id: CheckId, version: u32) -> BoxFuture<'_, Result<()>> {
        self.inner.changed(id, version)
    }

    fn sweep(&self, now: SystemTime) {
        self.inner.sweep(now);
    }
}

/// A limiter that writes down the keys it is shown.
pub(super) struct RecordingLimiter {
    inner: LocalLimiter,
    book: Book,
}

impl Debug for RecordingLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl RecordingLimiter {
    pub(super) fn new(book: &Book) -> Self {
        Self { inner: LocalLimiter::default(), book: book.clone() }
    }
}

impl Limiter for RecordingLimiter {
    fn check<'a>(&'a self, takes: &'a [Take<'a>], now: SystemTime) -> BoxFuture<'a, Result<Admission>> {
        self.book.show(&takes);
        takes.iter().for_each(|take| self.book.write(take.key.as_bytes()));
        self.inner.check(takes, now)
    }

    fn sweep(&self, now: SystemTime) {
        self.inner.sweep(now);
    }
}

/// NumCheck, with everything that goes in and out of it printed.
pub(super) struct RecordingNumCheck {
    pub(super) inner: NumCheck,
    pub(super) book: Book,
}

impl Debug for RecordingNumCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl Provider for RecordingNumCheck {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn channels(&self) -> &[Channel] {
        self.inner.channels()
    }

    fn start<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Started>> {
        async move {
            let started = self.inner.start(order).await;
            self.book.show(&(order, &started));
            started.inspect_err(|error| self.book.show_error(error))
        }
        .boxed()
    }

    fn judge<'a>(&'a self, handle: &'a Handle, typed: &'a Code) -> BoxFuture<'a, Result<Verdict>> {
        self.inner.judge(handle, typed)
    }

    fn poll<'a>(&'a self, handle: &'a Handle) -> BoxFuture<'a, Result<Polled>> {
        self.inner.poll(handle)
    }
}

/// The hashes of codes, which have no accessor: read from how they print.
fn printed(judge: &Judge) -> Vec<Digest> {
    let text = format!("{judge:?}");
    let numbers: Vec<u8> = text.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
    numbers.chunks_exact(16).map(|chunk| chunk.try_into().unwrap()).collect()
}
