//! The scripts, each behind what all of them share.

use std::time::Duration;

use ::redis::Script;

/// The first number of what a script answers: the step was made, ...
pub(super) const MADE: u64 = 0;
/// ... it was refused, ...
pub(super) const REFUSED: u64 = 1;
/// ... or a failure budget is spent.
pub(super) const SPENT: u64 = 2;

/// By how much what must not be forgotten outlives its time, for clocks that differ.
pub(super) const MARGIN: Duration = Duration::from_secs(3600);

/// A year, in milliseconds: nothing is kept for longer.
pub(super) const LONGEST: u64 = 366 * 24 * 3_600_000;

pub(super) struct Scripts {
    pub(super) event: Script,
    pub(super) create: Script,
    pub(super) reserve: Script,
    pub(super) settle: Script,
    pub(super) leave: Script,
    pub(super) alias: Script,
    pub(super) find: Script,
    pub(super) once: Script,
    pub(super) failures: Script,
    pub(super) budget: Script,
    pub(super) claim: Script,
}

impl Default for Scripts {
    fn default() -> Self {
        let script = |verb: &str| Script::new(&format!("{}{verb}", include_str!("lib.lua")));
        Self {
            event: script(include_str!("event.lua")),
            create: script(include_str!("create.lua")),
            reserve: script(include_str!("reserve.lua")),
            settle: script(include_str!("settle.lua")),
            leave: script(include_str!("leave.lua")),
            alias: script(include_str!("alias.lua")),
            find: script(include_str!("find.lua")),
            once: script(include_str!("once.lua")),
            failures: script(include_str!("failures.lua")),
            budget: script(include_str!("budget.lua")),
            claim: script(include_str!("claim.lua")),
        }
    }
}
