//! The steps of a cluster, each in parts that touch one slot.
//!
//! Whatever breaks off in between has spent an attempt or a budget and compared nothing; nothing is given back that might have been
//! used.

use std::time::{Duration, SystemTime};

use super::{
    Event, RedisStore,
    codec::{change, claim_bytes, claimed, lasts, wait_of},
    keep, quota,
};
use crate::{
    check::{self, Digest, Status},
    error::{Error, ErrorKind, Result},
    ids::CheckId,
    policy::Quota,
    redis::{Reply, unexpected},
    store::{Change, Created, GRACE, NewCheck, Record, Store},
};

impl RedisStore {
    pub(super) async fn create_spread(&self, check: NewCheck<'_>, now: SystemTime) -> Result<Created> {
        let NewCheck { id, record, keyed, unkeyed, failures } = check;
        let retry_after = self.longest_wait(&record, *failures, now).await?;
        if !retry_after.is_zero() {
            return Ok(Created::BudgetSpent { retry_after });
        }
        let until = record.state.expires_at() + GRACE;
        // The check is there before its claims are, so that whoever finds a claim finds the check.
        self.set(self.check_key(&id), record.to_bytes(), until, now).await?;
        if let Some(keyed) = &keyed {
            let claim = claim_bytes(&id, &keyed.fingerprint, until);
            if let Some(held) = self.claim_spread(&keyed.key, claim, until, true, now).await? {
                self.remove(self.check_key(&id)).await?;
                let (id, fingerprint) = claimed(&held)?;
                return Ok(Created::Existing { id, fingerprint, keyed: true });
            }
        }
        let claim = claim_bytes(&id, &unkeyed.fingerprint, until);
        let Some(held) = self.claim_spread(&unkeyed.key, claim, until, false, now).await? else {
            return Ok(Created::New);
        };
        let (holder, fingerprint) = claimed(&held)?;
        if let Some(keyed) = keyed {
            // From now on the key stands for the check that the request was answered with. Ours goes after that: a key whose check is
            // gone is free, and would be taken by the next request with it.
            self.set(self.key("claim", &keyed.key), claim_bytes(&holder, &keyed.fingerprint, until), until, now)
                .await?;
        }
        self.remove(self.check_key(&id)).await?;
        Ok(Created::Existing { id: holder, fingerprint, keyed: false })
    }

    pub(super) async fn reserve_spread(
        &self,
        id: CheckId,
        owner: Digest,
        failures: Quota,
        now: SystemTime,
    ) -> Result<Change> {
        let reserve = Event { owner: Some(&owner), ..Event::new("reserve") };
        let record = match change(self.event(&id, reserve, now).await?)? {
            Change::Made(record) => record,
            other => return Ok(other),
        };
        let untried = record.state.is_first_attempt();
        let mut refused = self.budget(&record.owner, failures, "enforce", now).await?;
        if refused.is_zero() {
            let enforce = if untried { "charge" } else { "enforce" };
            refused = self.budget(&record.number, failures, enforce, now).await?;
            if !refused.is_zero() {
                self.take_back(&record.owner).await?;
            }
        }
        if refused.is_zero() {
            return Ok(Change::Made(record));
        }
        // Nothing was compared, so the attempt is as good as it was.
        self.event(&id, Event::new("refund"), now).await?;
        Ok(Change::BudgetSpent { retry_after: refused })
    }

    pub(super) async fn settle_spread(&self, id: CheckId, event: Event<'_>, now: SystemTime) -> Result<Change> {
        let is_match = event.name == "match";
        let settled = change(self.event(&id, event, now).await?)?;
        if let Change::Made(record) = &settled {
            for key in [&record.owner, &record.number] {
                let cleared = match is_match {
                    true => self.remove(self.key("failures", key)).await,
                    false => self.take_back(key).await,
                };
                if let Err(error) = cleared {
                    // It counts as a failure that was none, until its window ends. The answer stands.
                    tracing::warn!(check = %id, ?error, "a failure budget was not cleared");
                }
            }
        }
        Ok(settled)
    }

    pub(super) async fn leave_spread(&self, id: CheckId, leg: u8, failures: Quota, now: SystemTime) -> Result<Change> {
        let Some(record) = self.load(id, now).await? else { return Ok(Change::Refused) };
        if record.state.on(check::Event::Left { leg }, now).is_none() {
            return Ok(Change::Refused);
        }
        let retry_after = self.longest_wait(&record, failures, now).await?;
        if !retry_after.is_zero() {
            return Ok(Change::BudgetSpent { retry_after });
        }
        change(self.event(&id, Event { detail: leg, ..Event::new("leave") }, now).await?)
    }

    /// Takes a name, or says which claim holds it.
    pub(super) async fn claim_spread(
        &self,
        name: &Digest,
        claim: Vec<u8>,
        until: SystemTime,
        keyed: bool,
        now: SystemTime,
    ) -> Result<Option<Vec<u8>>> {
        let mut void = Vec::new();
        for _ in 0..TRIES {
            let mut args = self.args(now);
            args.extend([claim.clone(), keep(until, now), void]);
            match self.redis.call(&self.scripts.claim, &[self.key("claim", name)], &args).await? {
                Reply::Nothing => return Ok(None),
                Reply::Bytes(held) if self.holds(&held, keyed, now).await? => return Ok(Some(held)),
                Reply::Bytes(held) => void = held,
                _ => return Err(unexpected()),
            }
        }
        Err(Error::new(ErrorKind::Unavailable, "the same start comes in again and again; try later"))
    }

    pub(super) async fn find_spread(&self, name: &Digest, now: SystemTime) -> Result<Option<CheckId>> {
        let mut get = ::redis::cmd("GET");
        get.arg(self.key("claim", name));
        match self.redis.command(&get).await? {
            Reply::Bytes(held) if self.holds(&held, false, now).await? => claimed(&held).map(|(id, _)| Some(id)),
            _ => Ok(None),
        }
    }

    /// An idempotency key is held as long as its check is remembered; other names only while it is pending.
    async fn holds(&self, claim: &[u8], keyed: bool, now: SystemTime) -> Result<bool> {
        let (id, _) = claimed(claim)?;
        if !lasts(claim, now)? {
            return Ok(false);
        }
        let record = self.load(id, now).await?;
        Ok(record.is_some_and(|record| keyed || record.state.status_at(now) == Status::Pending))
    }

    /// How long the owner or the number must wait, if one of them has spent its budget.
    async fn longest_wait(&self, record: &Record, failures: Quota, now: SystemTime) -> Result<Duration> {
        let owner = self.budget(&record.owner, failures, "wait", now).await?;
        Ok(owner.max(self.budget(&record.number, failures, "wait", now).await?))
    }

    async fn budget(&self, whose: &Digest, failures: Quota, how: &str, now: SystemTime) -> Result<Duration> {
        let mut args = self.args(now);
        args.extend(quota(failures));
        args.push(how.into());
        wait_of(&self.redis.call(&self.scripts.budget, &[self.key("failures", whose)], &args).await?)
    }

    async fn take_back(&self, whose: &Digest) -> Result<()> {
        let mut pop = ::redis::cmd("RPOP");
        pop.arg(self.key("failures", whose));
        self.redis.command(&pop).await.map(drop)
    }

    async fn set(&self, key: Vec<u8>, value: Vec<u8>, until: SystemTime, now: SystemTime) -> Result<()> {
        let mut set = ::redis::cmd("SET");
        set.arg(key).arg(value).arg("PX").arg(keep(until, now));
        self.redis.command(&set).await.map(drop)
    }

    async fn remove(&self, key: Vec<u8>) -> Result<()> {
        let mut del = ::redis::cmd("DEL");
        del.arg(key);
        self.redis.command(&del).await.map(drop)
    }
}

/// How often a name may change hands while it is being claimed.
const TRIES: u8 = 4;
