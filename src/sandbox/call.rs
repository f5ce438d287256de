//! A call that a vendor makes, and what becomes of it.

use std::sync::Arc;

use crate::sandbox::{
    common::Common,
    knob::{Dials, Knob},
    line::Line,
};

/// What becomes of a call.
#[derive(Clone)]
pub(super) enum Call {
    /// It rings on a line, under that id.
    Rings(Arc<Line>, u64),
    /// A machine took it.
    Voicemail,
    /// The phone cannot be reached, and the vendor knows.
    Unreachable,
    /// It never came, and nobody knows.
    Lost,
}

impl Call {
    /// Calls a number from another one, both in E.164, as the knobs say.
    pub(super) fn place(common: &Common, number: &str, from: &str, dials: &Dials) -> Self {
        common.bill_call();
        if dials.has(&Knob::Lost) {
            return Self::Lost;
        }
        if dials.has(&Knob::NotAnswered) {
            return Self::Unreachable;
        }
        let line = common.handsets.line(number);
        if dials.has(&Knob::Voicemail) {
            line.divert(from);
            return Self::Voicemail;
        }
        let id = line.ring(from, dials.ring_time());
        Self::Rings(line, id)
    }

    /// Waits for the end of a call that rings.
    pub(super) async fn wait_for_end(&self) {
        if let Self::Rings(line, id) = self {
            line.wait_for_end(*id).await;
        }
    }

    pub(super) fn is_ringing(&self) -> bool {
        matches!(self, Self::Rings(line, id) if line.is_ringing(*id))
    }
}
