//! What a check leaves in the log of decisions.

use std::time::SystemTime;

use super::{Inner, StartRequest, private::Private};
use crate::{
    check::Status,
    error::{Error, ErrorKind, Result},
    ids::CheckId,
    policy::{Context, Policy, RecordedAnswer, RecordedFacts, Section},
    record::{EndRecord, Outcome, Record as Line, StartRecord, StartResult},
    store::{Change, Record},
};

/// The record of a start while it is made.
#[derive(Debug, Default)]
pub(super) struct Note {
    /// Nothing before the policy was asked, and when nobody wants records.
    line: Option<Box<StartRecord>>,
    /// The limits that counted it.
    pub(super) limits: Vec<String>,
}

impl Note {
    /// Keeps what the policy says.
    pub(super) fn decided(
        &mut self,
        inner: &Inner,
        id: &CheckId,
        policy: &Policy,
        request: &StartRequest,
        context: &Context<'_>,
        now: SystemTime,
    ) {
        if !inner.records.is_wanted() {
            return;
        }
        let shadow = policy.shadow().filter(|_| policy.shadow_difference(Section::Route, context).is_some());
        self.line = Some(Box::new(StartRecord {
            id: id.to_string(),
            at: now,
            result: StartResult::Started,
            decision: RecordedAnswer::of(policy, context),
            shadow: shadow.map(|shadow| RecordedAnswer::of(shadow, context)),
            asked: request.channel,
            limits: Vec::new(),
            phone: inner.keys.current().text_name("recorded number", &[&request.phone.digits().to_be_bytes()]),
            subject: inner.keys.current().text_name("recorded subject", &[request.subject.as_str().as_bytes()]),
            facts: RecordedFacts::of(policy, context),
        }));
    }
}

/// What came of the claim that a start makes.
pub(super) enum Admitted {
    /// A check of its own, whose first message is to be ordered.
    New(Box<Private>),
    /// The open check of another start of the same.
    Joined(CheckId),
    /// The check of the same idempotency key.
    Repeated(CheckId),
}

impl Inner {
    /// Writes the record of a start.
    pub(super) fn record_start(&self, note: Note, admitted: &Result<Admitted>) {
        let Some(mut line) = note.line else { return };
        line.limits = note.limits;
        line.result = match admitted {
            Ok(Admitted::New(_)) => StartResult::Started,
            Ok(Admitted::Joined(id) | Admitted::Repeated(id)) => {
                line.id = id.to_string();
                StartResult::Joined
            }
            Err(error) => result_of(error),
        };
        self.records.put(Line::Start(line));
    }

    /// Writes the record of a check that a step has ended; of one that goes on, nothing.
    pub(super) fn record_end(&self, id: &CheckId, change: &Change, now: SystemTime) {
        let Change::Made(record) = change else { return };
        let outcome = match record.state.status_at(now) {
            Status::Verified => Outcome::Verified,
            Status::Failed if record.state.sent_at().is_none() => Outcome::NotSent,
            Status::Failed => Outcome::Failed,
            Status::Cancelled => Outcome::Cancelled,
            Status::Pending | Status::Expired => return,
        };
        if self.records.is_wanted() {
            self.write_end(id, record, outcome, now);
        }
    }

    fn write_end(&self, id: &CheckId, record: &Record, outcome: Outcome, now: SystemTime) {
        let Ok(private) = self.keys.of(id).open::<Private>(id, &record.sealed) else { return };
        let route = private.current();
        let messages = u32::from(record.state.leg()) + u32::from(record.state.sent_at().is_some());
        let took = now.duration_since(private.began_at).unwrap_or_default();
        self.records.put(Line::End(EndRecord {
            id: id.to_string(),
            at: now,
            outcome,
            provider: route.map(|route| route.provider.clone()),
            channel: route.map(|route| route.channel),
            messages,
            ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }));
    }
}

fn result_of(error: &Error) -> StartResult {
    match error.kind() {
        ErrorKind::Denied => StartResult::Denied,
        ErrorKind::RateLimited => StartResult::Limited,
        ErrorKind::Unavailable => StartResult::Unavailable,
        _ => StartResult::Refused,
    }
}
