//! Between a check and its sinks: room for a while, and never a wait.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use tokio::sync::watch;

use super::{Record, Sink};
use crate::error::{Error, ErrorKind, Result};

/// What became of the records of a verifier, over all its sinks, since it was built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// How many a sink has taken.
    pub written: u64,
    /// How many a sink could not keep.
    pub failed: u64,
    /// How many found no room, because a sink is slow or has stopped.
    pub dropped: u64,
}

impl Counts {
    /// How many records wait for a slow sink before one is dropped.
    pub const ROOM: usize = 4096;
}

/// The sinks of a verifier, each with a thread and room of its own.
#[derive(Debug, Default)]
pub(crate) struct Records(Vec<Queue>);

struct Queue {
    sender: SyncSender<Arc<Record>>,
    /// How many were handed over.
    sent: AtomicU64,
    dropped: AtomicU64,
    done: watch::Receiver<Done>,
}

/// What the thread of a sink has done.
#[derive(Clone, Copy, Debug, Default)]
struct Done {
    written: u64,
    failed: u64,
}

impl Records {
    pub(crate) fn start(sinks: Vec<Box<dyn Sink>>) -> Result<Self> {
        sinks.into_iter().map(Queue::start).collect::<Result<_>>().map(Self)
    }

    /// Whether anybody wants records.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.0.is_empty()
    }

    /// Hands a record to every sink that has room. Never waits, never fails.
    pub(crate) fn put(&self, record: Record) {
        let record = Arc::new(record);
        self.0.iter().for_each(|queue| queue.put(&record));
    }

    /// Waits until every sink has been handed what was put before.
    pub(crate) async fn flush(&self) {
        for queue in &self.0 {
            let sent = queue.sent.load(Ordering::Acquire);
            // An error says that the thread is gone: nothing more will be done.
            let _ = queue.done.clone().wait_for(|done| done.written + done.failed >= sent).await;
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.0.iter().fold(Counts::default(), |sum, queue| {
            let Done { written, failed } = *queue.done.borrow();
            // What waits for a sink that panicked will never be taken.
            let is_gone = queue.done.has_changed().is_err();
            let lost = if is_gone { queue.sent.load(Ordering::Acquire).saturating_sub(written + failed) } else { 0 };
            Counts {
                written: sum.written + written,
                failed: sum.failed + failed,
                dropped: sum.dropped + queue.dropped.load(Ordering::Relaxed) + lost,
            }
        })
    }
}

impl Queue {
    fn start(sink: Box<dyn Sink>) -> Result<Self> {
        let (sender, receiver) = sync_channel(Counts::ROOM);
        let (done, seen) = watch::channel(Done::default());
        let work = move || run(sink, &receiver, &done);
        thread::Builder::new().name("handset-record".to_owned()).spawn(work).map_err(|source| {
            Error::new(ErrorKind::Unavailable, "the thread of a sink could not be started").with_source(source)
        })?;
        Ok(Self { sender, sent: AtomicU64::new(0), dropped: AtomicU64::new(0), done: seen })
    }

    fn put(&self, record: &Arc<Record>) {
        if self.sender.try_send(Arc::clone(record)).is_ok() {
            self.sent.fetch_add(1, Ordering::Release);
            return;
        }
        let dropped = self.dropped.fetch_add(1, Ordering::Relaxed) + 1;
        if is_worth_telling(dropped) {
            tracing::error!(dropped, "decision records are dropped: a sink is slow or has stopped");
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("dropped", &self.dropped).finish_non_exhaustive()
    }
}

/// Writes until the last verifier is gone and the queue is empty.
fn run(mut sink: Box<dyn Sink>, records: &Receiver<Arc<Record>>, done: &watch::Sender<Done>) {
    while let Ok(record) = records.recv() {
        let written = sink.write(&record);
        let mut failed = 0;
        done.send_modify(|done| match written {
            Ok(()) => done.written += 1,
            Err(_) => {
                done.failed += 1;
                failed = done.failed;
            }
        });
        if let (Err(error), true) = (written, is_worth_telling(failed)) {
            tracing::error!(?sink, failed, %error, "decision records cannot be written");
        }
    }
}

/// The first of a kind, and then ever fewer: a log that is full of one fault hides the others.
fn is_worth_telling(count: u64) -> bool {
    count.is_power_of_two()
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::mpsc::{Receiver, channel},
        time::SystemTime,
    };

    use super::*;
    use crate::record::{EndRecord, Outcome};

    /// Takes nothing before it is told to go on.
    #[derive(Debug)]
    struct Slow(Receiver<()>);

    impl Sink for Slow {
        fn write(&mut self, _: &Record) -> io::Result<()> {
            let _ = self.0.recv();
            Ok(())
        }
    }

    #[derive(Debug)]
    struct Fast;

    impl Sink for Fast {
        fn write(&mut self, _: &Record) -> io::Result<()> {
            Ok(())
        }
    }

    fn end() -> Record {
        Record::End(EndRecord {
            id: "id".to_owned(),
            at: SystemTime::UNIX_EPOCH,
            outcome: Outcome::Verified,
            provider: None,
            channel: None,
            messages: 1,
            ms: 1,
        })
    }

    #[tokio::test]
    async fn a_slow_sink_makes_nobody_wait_and_what_it_misses_is_counted() {
        let (go_on, told) = channel();
        let slow = Records::start(vec![Box::new(Slow(told))]).unwrap();
        let more = u64::try_from(Counts::ROOM).unwrap() + 100;
        (0..more).for_each(|_| slow.put(end()));
        let missed = slow.counts().dropped;
        // One may have left the queue for the sink.
        assert!((99..=100).contains(&missed), "{missed}");
        drop(go_on);
        slow.flush().await;
        assert_eq!(slow.counts(), Counts { written: more - missed, failed: 0, dropped: missed });
    }

    #[tokio::test]
    async fn a_slow_sink_holds_up_no_other() {
        let (_go_on, told) = channel();
        let records = Records::start(vec![Box::new(Fast), Box::new(Slow(told))]).unwrap();
        (0..10).for_each(|_| records.put(end()));
        records.0.first().unwrap().done.clone().wait_for(|done| done.written == 10).await.unwrap();
        assert!(!Records::default().is_wanted() && records.is_wanted());
    }
}
