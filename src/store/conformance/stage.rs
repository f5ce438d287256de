//! Checks to be kept, and what is asked of each case again and again.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::future::join_all;

use super::{Failure, Shelf};
use crate::{
    check::{CodeMacs, Digest, Expected, Keys, Sealed, ServerKey, State},
    conformance::{ensure, is_unavailable},
    error::Result as OurResult,
    ids::CheckId,
    policy::Quota,
    secret::Code,
    store::{Change, Claim, Created, Judge, NewCheck, Outcome, Record, Step, Store},
};

/// A store through several handles.
pub(super) struct Stage<'a> {
    pub(super) store: Arc<dyn Store>,
    pub(super) shelf: &'a dyn Shelf,
    keys: Keys,
}

impl<'a> Stage<'a> {
    pub(super) async fn open(shelf: &'a dyn Shelf) -> Result<Self, Failure> {
        let keys = Keys::derive(&ServerKey::random()?);
        Ok(Self { store: shelf.handle().await?, shelf, keys })
    }

    /// As many handles as those who race.
    pub(super) async fn handles(&self) -> OurResult<Vec<Arc<dyn Store>>> {
        join_all((0..RACERS).map(|_| self.shelf.handle())).await.into_iter().collect()
    }

    pub(super) fn record(&self, id: CheckId, owner: u8, number: u8) -> OurResult<Record> {
        Ok(Record {
            owner: digest("owner", owner),
            number: digest("number", number),
            context: digest("context", owner),
            state: State::new(ATTEMPTS, at(LIFETIME)),
            judge: Judge::Nobody,
            sealed: self.sealed(id, 0)?,
        })
    }

    pub(super) fn judge(&self, id: CheckId, code: &str) -> OurResult<Judge> {
        let expected = Expected::code(Code::new(code)?);
        Ok(Judge::Us(CodeMacs::of(&self.keys, &id, &digest("context", 0), &expected)))
    }

    /// A private part, one of many, some as long as ours are.
    pub(super) fn sealed(&self, id: CheckId, which: u8) -> OurResult<Sealed> {
        self.keys.seal(&id, &"x".repeat(usize::from(which) * 8))
    }

    /// Adds a check of its own name.
    pub(super) async fn create(&self, id: CheckId, owner: u8, number: u8, now: SystemTime) -> Result<Created, Failure> {
        let unkeyed = Claim::new(*id.as_bytes(), digest("request", owner));
        Ok(self.create_as(&self.store, id, (owner, number), None, unkeyed, now).await?)
    }

    pub(super) async fn create_as(
        &self,
        store: &Arc<dyn Store>,
        id: CheckId,
        (owner, number): (u8, u8),
        keyed: Option<Claim>,
        unkeyed: Claim,
        now: SystemTime,
    ) -> OurResult<Created> {
        let mut record = self.record(id, owner, number)?;
        record.state = State::new(ATTEMPTS, now + Duration::from_secs(LIFETIME));
        store.create(NewCheck { id, record, keyed, unkeyed, failures: &budget()? }, now).await
    }

    /// A check whose message went out at `now`, with a new id.
    pub(super) async fn sent(&self, owner: u8, number: u8, now: SystemTime) -> Result<CheckId, Failure> {
        let id = CheckId::random()?;
        let created = self.create(id, owner, number, now).await?;
        ensure(created == Created::New, || format!("a check of a name of its own ended as {created:?}"))?;
        self.made(id, self.sent_step(id, 0)?, now).await?;
        Ok(id)
    }

    pub(super) fn sent_step(&self, id: CheckId, leg: u8) -> OurResult<Step> {
        Ok(Step::Sent { leg, judge: self.judge(id, "123456")?, sealed: self.sealed(id, leg + 1)? })
    }

    pub(super) async fn reserve(&self, id: CheckId, owner: u8, now: SystemTime) -> OurResult<Change> {
        self.store.reserve_attempt(id, digest("owner", owner), budget()?, now).await
    }

    /// An answer that is wrong.
    pub(super) async fn miss(&self, id: CheckId, owner: u8, now: SystemTime) -> Result<(), Failure> {
        let reserved = self.reserve(id, owner, now).await?;
        ensure(matches!(reserved, Change::Made(_)), || format!("an attempt was not reserved: {reserved:?}"))?;
        let settled = self.store.settle(id, Outcome::NoMatch, now).await?;
        ensure(matches!(settled, Change::Made(_)), || format!("an attempt was not settled: {settled:?}"))
    }

    pub(super) fn matched(&self, id: CheckId, given: bool) -> OurResult<Outcome> {
        Ok(Outcome::Match { given, sealed: self.sealed(id, 9)? })
    }

    /// A step that has to be made.
    pub(super) async fn made(&self, id: CheckId, step: Step, now: SystemTime) -> Result<Record, Failure> {
        let what = format!("{step:?}");
        match self.store.advance(id, step, now).await? {
            Change::Made(record) => Ok(record),
            other => Err(Failure::new(format!("{what} ended as {other:?}"))),
        }
    }

    pub(super) async fn load(&self, id: CheckId, now: SystemTime) -> Result<Record, Failure> {
        let found = self.shelf.handle().await?.load(id, now).await?;
        found.ok_or_else(|| Failure::new("a check is not there for another handle"))
    }
}

/// Every verb of a store that is down.
pub(super) async fn outage(stage: &Stage<'_>) -> Result<(), Failure> {
    let now = at(0);
    let id = stage.sent(0, 0, now).await?;
    if !stage.shelf.take_down().await?.is_down()? {
        return Ok(());
    }
    let (store, name) = (&stage.store, digest("name", 0));
    let (owner, budget, until) = (digest("owner", 0), budget()?, at(LIFETIME));
    let claim = Claim::new(name, name);
    is_unavailable("create", stage.create_as(store, CheckId::random()?, (1, 1), Some(claim), claim, now).await)?;
    is_unavailable("load", store.load(id, now).await)?;
    is_unavailable("reserve_attempt", store.reserve_attempt(id, owner, budget, now).await)?;
    is_unavailable("failures", store.failures(owner, budget, now).await)?;
    for outcome in [stage.matched(id, true)?, Outcome::NoMatch, Outcome::Refund] {
        is_unavailable("settle", store.settle(id, outcome, now).await)?;
    }
    for step in [Step::Leave { leg: 0, failures: budget }, Step::Cancel, Step::GiveProof] {
        is_unavailable("advance", store.advance(id, step, now).await)?;
    }
    is_unavailable("once", store.once(name, until, now).await)?;
    is_unavailable("alias", store.alias(name, id, until, now).await)?;
    is_unavailable("find", store.find(name, now).await)?;
    is_unavailable("changed", store.changed(id, 1).await)
}

/// What of those who raced was made.
pub(super) fn how_many<T>(ended: Vec<OurResult<T>>, made: impl Fn(&T) -> bool) -> Result<usize, Failure> {
    let ended = ended.into_iter().collect::<OurResult<Vec<_>>>()?;
    Ok(ended.iter().filter(|one| made(one)).count())
}

pub(super) fn digest(kind: &str, which: u8) -> Digest {
    let mut digest = [which; 16];
    digest.iter_mut().zip(kind.bytes()).for_each(|(place, byte)| *place = byte);
    digest
}

/// So many seconds after a time that is long ago: what the server's clock says must not matter.
pub(super) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_000_000_000 + seconds)
}

pub(super) fn budget() -> OurResult<Quota> {
    "4/1h".parse()
}

pub(super) const RACERS: usize = 64;
pub(super) const ATTEMPTS: u8 = 3;
pub(super) const LIFETIME: u64 = 300;
