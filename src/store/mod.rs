//! What must be remembered between requests: checks, failure budgets, idempotency claims and what has been seen.
//!
//! A store speaks in atomic steps; there is no `get` then `put`, and no step has a default body. It sees no phone number, no
//! subject and no code: names are keyed hashes, codes are keyed hashes, the rest of a check is encrypted.

mod bytes;
#[cfg(feature = "testing")]
pub mod conformance;
mod memory;
#[cfg(feature = "redis")]
mod redis;

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use futures_util::future::BoxFuture;

use crate::{
    check::{CodeMacs, Digest, Sealed, State},
    error::Result,
    ids::CheckId,
    policy::Quota,
};

#[cfg(feature = "redis")]
pub use self::redis::RedisStore;
pub use memory::MemoryStore;

/// Keeps checks and what bounds them.
///
/// Every step is atomic: of two that race, one comes first, also across processes that share the store. A store that cannot
/// be reached, or that is full, answers with [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable), never with a default.
/// `now` is the caller's time; a store uses no clock of its own for anything that the answer depends on. Hold yours to the suite
/// in `store::conformance` (feature `testing`).
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Adds a check, unless one of its claims belongs to another one already, or a failure budget is spent.
    fn create<'a>(&'a self, check: NewCheck<'a>, now: SystemTime) -> BoxFuture<'a, Result<Created>>;

    /// The record of a check, or `None` when there is none or its time ran out a while ago.
    fn load(&self, id: CheckId, now: SystemTime) -> BoxFuture<'_, Result<Option<Record>>>;

    /// Spends one attempt of a check of `owner`, and charges the failure budgets of its owner and its number, before
    /// anything is compared.
    ///
    /// The budget of the number does not stop the first attempt of a check, only the owner's does: a stranger who fails on
    /// somebody's number cannot burn the right answer to a check that is already open.
    fn reserve_attempt(
        &self,
        id: CheckId,
        owner: Digest,
        failures: Quota,
        now: SystemTime,
    ) -> BoxFuture<'_, Result<Change>>;

    /// How many answers of `owner` were wrong within the window of its budget; at most as many as the budget counts.
    fn failures(&self, owner: Digest, failures: Quota, now: SystemTime) -> BoxFuture<'_, Result<u32>>;

    /// Writes down how a reserved attempt ended. Of many matches one is made. A match clears both budgets; a refund takes
    /// back the attempt and its charges.
    fn settle(&self, id: CheckId, outcome: Outcome, now: SystemTime) -> BoxFuture<'_, Result<Change>>;

    /// Moves a check along its plan, or ends it. A check of which nothing could be sent is forgotten, with its claims.
    fn advance(&self, id: CheckId, step: Step, now: SystemTime) -> BoxFuture<'_, Result<Change>>;

    /// Whether `key` is seen for the first time. It is remembered until `until`.
    fn once(&self, key: Digest, until: SystemTime, now: SystemTime) -> BoxFuture<'_, Result<bool>>;

    /// Takes a name that a vendor will call a check by, unless another pending check has it.
    fn alias(&self, name: Digest, id: CheckId, until: SystemTime, now: SystemTime) -> BoxFuture<'_, Result<bool>>;

    /// The pending check that has taken a name.
    fn find(&self, name: Digest, now: SystemTime) -> BoxFuture<'_, Result<Option<CheckId>>>;

    /// Waits until the record of a check differs from `version`, or is gone. The caller sets the time limit.
    fn changed(&self, id: CheckId, version: u32) -> BoxFuture<'_, Result<()>>;

    /// Drops what no answer depends on any more. Called in the background, off the way of requests.
    fn sweep(&self, now: SystemTime);
}

/// What a store keeps of one check. A store that keeps it elsewhere writes its [bytes](Record::to_bytes).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Record {
    /// The keyed hash of the subject that started it; nobody else gets an answer about it.
    pub owner: Digest,
    /// The keyed hash of the phone number.
    pub number: Digest,
    /// The keyed hash of action and binding, which is hashed into the code.
    pub context: Digest,
    /// Where it stands.
    pub state: State,
    /// How an answer is judged.
    pub judge: Judge,
    /// Everything else, encrypted.
    pub sealed: Sealed,
}

/// Who judges the answer to the current message of a check.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Judge {
    /// Nobody: no code is expected.
    Nobody,
    /// We do, with these hashes of the accepted forms.
    Us(CodeMacs),
    /// The vendor does, each answer.
    Vendor,
    /// The vendor does, what the device comes back with.
    Redirect,
    /// The vendor has decided, and says so when it is asked.
    Poll,
    /// The vendor decides, and calls.
    Callback,
}

/// A check to be added.
#[derive(Debug)]
#[non_exhaustive]
pub struct NewCheck<'a> {
    /// Its id.
    pub id: CheckId,
    /// Its record.
    pub record: Record,
    /// The claim of the `Idempotency-Key` that came with the request, if one did. It is held for the life of the check.
    pub keyed: Option<Claim>,
    /// The claim of subject, number, action and binding. It is held while the check is pending.
    pub unkeyed: Claim,
    /// How many failures an owner and a number may have.
    pub failures: &'a Quota,
}

/// A name that belongs to one check at a time.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Claim {
    /// The keyed hash that is claimed.
    pub key: Digest,
    /// The keyed hash of the request that claims it.
    pub fingerprint: Digest,
}

impl Claim {
    pub(crate) fn new(key: Digest, fingerprint: Digest) -> Self {
        Self { key, fingerprint }
    }
}

/// What came of [`Store::create`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Created {
    /// The check was added.
    New,
    /// Another check holds a claim.
    Existing {
        /// That check.
        id: CheckId,
        /// The fingerprint that it was claimed with.
        fingerprint: Digest,
        /// Whether it was the idempotency key that is claimed already.
        keyed: bool,
    },
    /// Too many answers have been wrong.
    BudgetSpent {
        /// How long until one more may be given.
        retry_after: Duration,
    },
}

/// How a reserved attempt ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The answer was right.
    Match {
        /// Whether the proof is handed out at once.
        given: bool,
        /// The private part from now on: that of the message that was answered, which another one may have followed meanwhile.
        sealed: Sealed,
    },
    /// The answer was wrong.
    NoMatch,
    /// Nobody could judge it.
    Refund,
}

/// A step of a check along its plan.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Step {
    /// Leaves a leg for another message, unless a failure budget is spent.
    Leave {
        /// The leg that is left.
        leg: u8,
        /// How many failures an owner and a number may have.
        failures: Quota,
    },
    /// The message of a leg went out.
    Sent {
        /// The leg.
        leg: u8,
        /// Who judges the answer from now on.
        judge: Judge,
        /// The private part from now on.
        sealed: Sealed,
    },
    /// The message of a leg could not be sent.
    NotSent {
        /// The leg.
        leg: u8,
    },
    /// The subject calls the check off.
    Cancel,
    /// The proof is handed out.
    GiveProof,
}

/// What came of a step.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Change {
    /// It was made; this is the record after it.
    Made(Record),
    /// Too many answers have been wrong; nothing was changed.
    BudgetSpent {
        /// How long until one more may be given.
        retry_after: Duration,
    },
    /// There is no such check for this owner, or it does not take this step now; nothing was changed.
    Refused,
}

/// How long a check is remembered after its expiry, so that a result of the last second can still be fetched.
pub const GRACE: Duration = Duration::from_secs(60);
