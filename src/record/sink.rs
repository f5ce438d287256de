//! Where records go.

use std::{fmt, io};

use tokio::sync::mpsc;

use super::Record;

/// Takes the records of a verifier, one after the other.
///
/// It is called on a thread of its own, so it may wait. While it does, up to [`Counts::ROOM`](super::Counts::ROOM) records wait
/// for it, and what comes then is dropped and counted; no check waits, and none fails.
pub trait Sink: fmt::Debug + Send + 'static {
    /// Takes one record.
    ///
    /// # Errors
    ///
    /// When it could not be kept. It is counted and not tried again.
    fn write(&mut self, record: &Record) -> io::Result<()>;
}

/// Hands records to the program's own `tracing`, as events of the target `handset::record` with the line as `record`.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct TracingSink;

impl Sink for TracingSink {
    fn write(&mut self, record: &Record) -> io::Result<()> {
        let kind = match record {
            Record::Start(_) => "start",
            Record::End(_) => "end",
        };
        tracing::info!(target: "handset::record", kind, %record, "decision record");
        Ok(())
    }
}

/// Hands records to whoever listens at the other end. A full channel is waited for.
impl Sink for mpsc::Sender<Record> {
    fn write(&mut self, record: &Record) -> io::Result<()> {
        self.blocking_send(record.clone())
            .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "nobody listens at the other end of the channel"))
    }
}
