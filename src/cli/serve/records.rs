//! Decision records on standard output.

use std::io::{self, Write};

use crate::record::{Record, Sink};

/// Writes each record on a line of its own.
#[derive(Debug)]
pub(super) struct StdoutSink;

impl Sink for StdoutSink {
    fn write(&mut self, record: &Record) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{record}")?;
        out.flush()
    }
}
