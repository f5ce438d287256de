//! Recorded starts, decided again: by another policy, or by two.
//!
//! ```text
//!  log ---> blocks of whole lines ---> a worker for each processor ---> a report each ---> one report
//! ```

use std::{
    io::{self, Read},
    num::NonZeroUsize,
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use super::{
    Record, StartRecord,
    report::{Change, Example, Report},
};
use crate::{
    channel::Channel,
    policy::{Decision, Policy, RecordedAnswer, Replayed, Replayer},
};

/// Decides recorded starts again with a candidate, and says what would be different.
///
/// They are compared with what was decided then, or with what a baseline says to the same records. Compared is what becomes of a
/// start: refused, or which routes in which order, the channel that the person asked for first. Limits and budgets are not
/// replayed.
///
/// ```
/// # use handset::{Channel, policy::{Catalogue, Policy}};
/// use handset::record::Replay;
///
/// # let catalogue = Catalogue::new().with("numcheck", [Channel::FlashCall]);
/// # let candidate = Policy::parse("policy.toml", include_str!("../../examples/policy.toml"), &catalogue)?;
/// let log = ""; // a file, say
/// let report = Replay::new(&candidate).run(log.as_bytes(), &mut |_| {})?;
/// assert_eq!((report.starts, report.changed()), (0, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Replay {
    candidate: Replayer,
    baseline: Option<Replayer>,
    workers: NonZeroUsize,
}

impl Replay {
    /// Compares a candidate with what was decided then.
    pub fn new(candidate: &Policy) -> Self {
        let workers = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { candidate: Replayer::new(candidate), baseline: None, workers }
    }

    /// Compares with what another policy says to the same records, in place of what was decided then.
    pub fn with_baseline(mut self, baseline: &Policy) -> Self {
        self.baseline = Some(Replayer::new(baseline));
        self
    }

    /// Reads a log to its end. `progress` is told now and then how many lines have been read.
    ///
    /// A line that is no record is counted and passed over.
    ///
    /// # Errors
    ///
    /// When the log cannot be read, or has a line that is longer than 8 MiB.
    pub fn run(&self, log: impl Read, progress: &mut dyn FnMut(u64)) -> io::Result<Report> {
        let (sender, receiver) = sync_channel(2 * self.workers.get());
        let receiver = Mutex::new(receiver);
        thread::scope(|scope| {
            let work = || self.work(&receiver);
            let workers: Vec<_> = (0..self.workers.get()).map(|_| scope.spawn(work)).collect();
            let read = read(log, &sender, progress);
            drop(sender);
            let mut report = Report::default();
            for worker in workers {
                match worker.join() {
                    Ok(part) => report.add(part),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            read.map(|()| report)
        })
    }

    fn work(&self, blocks: &Mutex<Receiver<Block>>) -> Report {
        let mut report = Report::default();
        loop {
            let next = blocks.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(Block { first, bytes }) = next else { return report };
            for (line, number) in bytes.split(|byte| *byte == b'\n').zip(first..) {
                if !line.trim_ascii().is_empty() {
                    self.line(line, number, &mut report);
                }
            }
        }
    }

    fn line(&self, line: &[u8], number: u64, report: &mut Report) {
        match std::str::from_utf8(line).ok().and_then(|line| Record::parse(line).ok()) {
            Some(Record::Start(start)) => self.start(&start, number, report),
            Some(Record::End(_)) => report.ends += 1,
            None => report.unreadable += 1,
        }
    }

    fn start(&self, start: &StartRecord, line: u64, report: &mut Report) {
        report.starts += 1;
        report.see(start);
        let asked = |replayer| Replayer::ask(replayer, &start.facts, start.at);
        let (Some(candidate), baseline) = (asked(&self.candidate), self.baseline.as_ref().map(asked)) else {
            report.withheld += 1;
            return;
        };
        for position in &candidate.missing {
            if let Some(fact) = self.candidate.reads().nth(*position) {
                report.miss(fact);
            }
        }
        let baseline = baseline.flatten();
        if !candidate.is_sure || baseline.as_ref().is_some_and(|baseline| !baseline.is_sure) {
            report.unsure += 1;
            return;
        }
        let after = Answer::replayed(&candidate, start.asked);
        let before = match &baseline {
            Some(baseline) => Answer::replayed(baseline, start.asked),
            None => Answer::recorded(&start.decision, start.asked),
        };
        let others = baseline.is_some_and(|old| !old.evaluation.decision.is_same(candidate.evaluation.decision));
        let change = before.change(&after).or(others.then_some(Change::Settings));
        report.count(start, &before, &after, change);
        if let Some(change) = change.filter(|change| report.wants(*change, line)) {
            report.show([Example::of(start, line, change, &before, &after)]);
        }
    }
}

/// What becomes of a start.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) rule: Option<&'a str>,
    /// What is tried, in this order; nothing when it is refused.
    pub(super) routes: Vec<(&'a str, Channel)>,
    pub(super) deny: Option<&'a str>,
}

impl<'a> Answer<'a> {
    fn replayed(replayed: &Replayed<'a>, asked: Option<Channel>) -> Self {
        let evaluation = &replayed.evaluation;
        let (routes, deny) = match evaluation.decision {
            Decision::Try(plan) => {
                (plan.routes().iter().map(|route| (route.provider(), route.channel())).collect(), None)
            }
            Decision::Deny(reason) => (Vec::new(), Some(reason)),
            Decision::Allow | Decision::Require(_) => (Vec::new(), None),
        };
        Self { rule: evaluation.rule.map(crate::ids::RuleName::as_str), routes, deny }.asked(asked)
    }

    fn recorded(answer: &'a RecordedAnswer, asked: Option<Channel>) -> Self {
        let route = |route: &'a String| {
            let (provider, channel) = route.split_once('/')?;
            Some((provider, channel.parse().ok()?))
        };
        let routes = answer.routes.iter().filter_map(route).collect();
        Self { rule: answer.rule.as_deref(), routes, deny: answer.deny.as_deref() }.asked(asked)
    }

    /// Puts the channel that the person asked for first; without it in the plan the start is refused.
    fn asked(mut self, asked: Option<Channel>) -> Self {
        let Some(asked) = asked.filter(|_| !self.routes.is_empty()) else { return self };
        if self.routes.iter().any(|(_, channel)| *channel == asked) {
            self.routes.sort_by_key(|(_, channel)| *channel != asked);
        } else {
            self.routes.clear();
            self.deny = Some("channel_not_in_plan");
        }
        self
    }

    fn change(&self, after: &Self) -> Option<Change> {
        match (self.routes.as_slice(), after.routes.as_slice()) {
            ([], []) => None,
            ([], _) => Some(Change::NowSent),
            (_, []) => Some(Change::NowDenied),
            (before, after) if before == after => None,
            (before, after) if before.first() == after.first() => Some(Change::OtherFallbacks),
            _ => Some(Change::OtherFirst),
        }
    }
}

/// Whole lines of a log, and the number of the first of them, from 1.
struct Block {
    first: u64,
    bytes: Vec<u8>,
}

/// Reads a log in blocks. Ends early when nobody takes them any more.
fn read(mut log: impl Read, blocks: &SyncSender<Block>, progress: &mut dyn FnMut(u64)) -> io::Result<()> {
    let (mut rest, mut first) = (Vec::new(), 1_u64);
    loop {
        let mut bytes = std::mem::take(&mut rest);
        let limit = u64::try_from(BLOCK).unwrap_or(u64::MAX);
        let is_end = log.by_ref().take(limit).read_to_end(&mut bytes)? == 0;
        match bytes.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => rest = bytes.split_off(end + 1),
            None if !is_end && bytes.len() < LONGEST => {
                rest = bytes;
                continue;
            }
            None if !is_end => return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is longer than 8 MiB")),
            None => {}
        }
        let lines = bytes.iter().fold(0, |lines, byte| lines + u64::from(*byte == b'\n'));
        if blocks.send(Block { first, bytes }).is_err() {
            return Ok(());
        }
        first += lines;
        progress(first - 1);
        if is_end && rest.is_empty() {
            return Ok(());
        }
    }
}

const BLOCK: usize = 1024 * 1024;

const LONGEST: usize = 8 * BLOCK;
