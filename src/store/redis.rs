//! The store of many processes: one record a check, on Redis or Valkey.
//!
//! On one server every step is one script and one round trip. On a cluster a script touches the keys of one slot, so steps that touch a
//! check and a budget go in an order that fails closed: an attempt is spent before a budget is charged, and given back only
//! when the budget refuses. `docs/redis.md` has the keys.

mod codec;
mod scripts;
mod spread;
mod watch;

use std::{fmt, sync::Arc, time::SystemTime};

use futures_util::future::{BoxFuture, FutureExt};

use self::{
    codec::{change, claim_bytes, claimed, wait_of},
    scripts::Scripts,
    watch::Watch,
};
use super::{Change, Claim, Created, GRACE, NewCheck, Outcome, Record, Step, Store};
use crate::{
    check::{Digest, micros},
    error::Result,
    ids::CheckId,
    policy::Quota,
    redis::{Redis, Reply, unexpected},
};

/// Remembers in Redis or Valkey, for all processes that share it, the server key and the prefix.
///
/// Records carry the version of their format. One of another format is refused with
/// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable), and stays as it is for processes that know it.
///
/// Times are kept to the microsecond.
#[derive(Clone)]
pub struct RedisStore {
    redis: Redis,
    scripts: Arc<Scripts>,
    watch: Watch,
}

impl RedisStore {
    /// A store at the end of this connection.
    #[must_use]
    pub fn new(redis: &Redis) -> Self {
        Self { redis: redis.clone(), scripts: Arc::default(), watch: Watch::new(redis) }
    }

    fn key(&self, kind: &str, name: &[u8; 16]) -> Vec<u8> {
        let name = u128::from_be_bytes(*name);
        format!("{}{kind}:{{{name:032x}}}", self.redis.prefix()).into_bytes()
    }

    fn check_key(&self, id: &CheckId) -> Vec<u8> {
        self.key("check", id.as_bytes())
    }

    /// What every script is told first.
    fn args(&self, now: SystemTime) -> Vec<Vec<u8>> {
        vec![self.redis.prefix().into(), text(micros(now))]
    }

    /// Lets something happen to one check, and to nothing else.
    async fn event(&self, id: &CheckId, event: Event<'_>, now: SystemTime) -> Result<Reply> {
        let mut args = self.args(now);
        args.extend([event.name.into(), text(event.detail.into())]);
        args.push(event.owner.map(|owner| owner.to_vec()).unwrap_or_default());
        args.push(event.judge.unwrap_or_default());
        args.push(event.sealed.unwrap_or_default().to_vec());
        self.redis.call(&self.scripts.event, &[self.check_key(id)], &args).await
    }

    async fn create_whole(&self, check: NewCheck<'_>, now: SystemTime) -> Result<Created> {
        let NewCheck { id, record, keyed, unkeyed, failures } = check;
        let until = record.state.expires_at() + GRACE;
        let claim = |claim: &Claim| claim_bytes(&id, &claim.fingerprint, until);
        let mut args = self.args(now);
        args.extend(quota(*failures));
        args.extend([record.to_bytes(), record.owner.to_vec(), record.number.to_vec(), keep(until, now)]);
        args.extend([claim(&unkeyed), keyed.as_ref().map(claim).unwrap_or_default()]);
        let mut keys = vec![self.check_key(&id), self.key("claim", &unkeyed.key)];
        keys.extend(keyed.map(|keyed| self.key("claim", &keyed.key)));
        let reply = self.redis.call(&self.scripts.create, &keys, &args).await?;
        let Reply::List(parts) = &reply else { return Err(unexpected()) };
        match parts.as_slice() {
            [Reply::Number(scripts::MADE)] => Ok(Created::New),
            [Reply::Number(scripts::REFUSED), Reply::Bytes(held), Reply::Number(keyed)] => {
                let (id, fingerprint) = claimed(held)?;
                Ok(Created::Existing { id, fingerprint, keyed: *keyed == 1 })
            }
            [Reply::Number(scripts::SPENT), wait] => Ok(Created::BudgetSpent { retry_after: wait_of(wait)? }),
            _ => Err(unexpected()),
        }
    }

    async fn reserve_whole(&self, id: CheckId, owner: Digest, failures: Quota, now: SystemTime) -> Result<Change> {
        let mut args = self.args(now);
        args.push(owner.to_vec());
        args.extend(quota(failures));
        change(self.redis.call(&self.scripts.reserve, &[self.check_key(&id)], &args).await?)
    }

    async fn settle_whole(&self, id: CheckId, event: Event<'_>, now: SystemTime) -> Result<Change> {
        let mut args = self.args(now);
        args.extend([event.name.into(), text(event.detail.into()), event.sealed.unwrap_or_default().to_vec()]);
        change(self.redis.call(&self.scripts.settle, &[self.check_key(&id)], &args).await?)
    }

    async fn leave_whole(&self, id: CheckId, leg: u8, failures: Quota, now: SystemTime) -> Result<Change> {
        let mut args = self.args(now);
        args.push(text(leg.into()));
        args.extend(quota(failures));
        change(self.redis.call(&self.scripts.leave, &[self.check_key(&id)], &args).await?)
    }
}

impl Store for RedisStore {
    fn create<'a>(&'a self, check: NewCheck<'a>, now: SystemTime) -> BoxFuture<'a, Result<Created>> {
        match self.redis.is_cluster() {
            true => self.create_spread(check, now).boxed(),
            false => self.create_whole(check, now).boxed(),
        }
    }

    fn load(&self, id: CheckId, now: SystemTime) -> BoxFuture<'_, Result<Option<Record>>> {
        async move {
            let mut get = ::redis::cmd("GET");
            get.arg(self.check_key(&id));
            match self.redis.command(&get).await? {
                Reply::Nothing => Ok(None),
                Reply::Bytes(bytes) => {
                    Ok(Some(Record::from_bytes(&bytes)?).filter(|record| record.state.expires_at() + GRACE > now))
                }
                _ => Err(unexpected()),
            }
        }
        .boxed()
    }

    fn reserve_attempt(
        &self,
        id: CheckId,
        owner: Digest,
        failures: Quota,
        now: SystemTime,
    ) -> BoxFuture<'_, Result<Change>> {
        match self.redis.is_cluster() {
            true => self.reserve_spread(id, owner, failures, now).boxed(),
            false => self.reserve_whole(id, owner, failures, now).boxed(),
        }
    }

    fn failures(&self, owner: Digest, failures: Quota, now: SystemTime) -> BoxFuture<'_, Result<u32>> {
        async move {
            let mut args = self.args(now);
            args.extend(quota(failures));
            let count = self.redis.call(&self.scripts.failures, &[self.key("failures", &owner)], &args).await?;
            u32::try_from(count.number()?).map_err(|_| unexpected())
        }
        .boxed()
    }

    fn settle(&self, id: CheckId, outcome: Outcome, now: SystemTime) -> BoxFuture<'_, Result<Change>> {
        async move {
            match &outcome {
                Outcome::NoMatch => change(self.event(&id, Event::new("miss"), now).await?),
                settled => {
                    let event = match settled {
                        Outcome::Match { given, sealed } => {
                            Event { detail: u8::from(*given), sealed: Some(sealed.as_bytes()), ..Event::new("match") }
                        }
                        _ => Event::new("refund"),
                    };
                    match self.redis.is_cluster() {
                        true => self.settle_spread(id, event, now).await,
                        false => self.settle_whole(id, event, now).await,
                    }
                }
            }
        }
        .boxed()
    }

    fn advance(&self, id: CheckId, step: Step, now: SystemTime) -> BoxFuture<'_, Result<Change>> {
        async move {
            let event = match &step {
                Step::Leave { leg, failures } if self.redis.is_cluster() => {
                    return self.leave_spread(id, *leg, *failures, now).await;
                }
                Step::Leave { leg, failures } => return self.leave_whole(id, *leg, *failures, now).await,
                Step::Sent { leg, judge, sealed } => Event {
                    detail: *leg,
                    judge: Some(judge.to_bytes()),
                    sealed: Some(sealed.as_bytes()),
                    ..Event::new("sent")
                },
                Step::NotSent { leg } => Event { detail: *leg, ..Event::new("not sent") },
                Step::Cancel => Event::new("cancel"),
                Step::GiveProof => Event::new("give"),
            };
            change(self.event(&id, event, now).await?)
        }
        .boxed()
    }

    fn once(&self, key: Digest, until: SystemTime, now: SystemTime) -> BoxFuture<'_, Result<bool>> {
        async move {
            let mut args = self.args(now);
            // What is forgotten could be played again, so it outlives clocks that differ.
            args.extend([text(micros(until)), keep(until + scripts::MARGIN, now)]);
            let first = self.redis.call(&self.scripts.once, &[self.key("seen", &key)], &args).await?;
            Ok(first.number()? == 1)
        }
        .boxed()
    }

    fn alias(&self, name: Digest, id: CheckId, until: SystemTime, now: SystemTime) -> BoxFuture<'_, Result<bool>> {
        async move {
            let claim = claim_bytes(&id, &name, until);
            if self.redis.is_cluster() {
                let held = self.claim_spread(&name, claim, until, false, now).await?;
                return Ok(held.is_none());
            }
            let mut args = self.args(now);
            args.extend([claim, keep(until, now)]);
            let taken = self.redis.call(&self.scripts.alias, &[self.key("claim", &name)], &args).await?;
            Ok(taken.number()? == 1)
        }
        .boxed()
    }

    fn find(&self, name: Digest, now: SystemTime) -> BoxFuture<'_, Result<Option<CheckId>>> {
        async move {
            if self.redis.is_cluster() {
                return self.find_spread(&name, now).await;
            }
            match self.redis.call(&self.scripts.find, &[self.key("claim", &name)], &self.args(now)).await? {
                Reply::Nothing => Ok(None),
                Reply::Bytes(held) => claimed(&held).map(|(id, _)| Some(id)),
                _ => Err(unexpected()),
            }
        }
        .boxed()
    }

    fn changed(&self, id: CheckId, version: u32) -> BoxFuture<'_, Result<()>> {
        self.watch.changed(self.check_key(&id), version).boxed()
    }

    /// Redis ends its keys by itself.
    fn sweep(&self, _: SystemTime) {}
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("redis", &self.redis).finish_non_exhaustive()
    }
}

/// What happens to a check, as `event.lua` takes it.
struct Event<'a> {
    name: &'static str,
    /// The leg, or whether the proof is given.
    detail: u8,
    owner: Option<&'a Digest>,
    judge: Option<Vec<u8>>,
    sealed: Option<&'a [u8]>,
}

impl Event<'_> {
    fn new(name: &'static str) -> Self {
        Self { name, detail: 0, owner: None, judge: None, sealed: None }
    }
}

fn text(number: u64) -> Vec<u8> {
    number.to_string().into_bytes()
}

/// How many, in how many microseconds.
fn quota(quota: Quota) -> [Vec<u8>; 2] {
    let per = u64::try_from(quota.per().as_micros()).unwrap_or(u64::MAX);
    [text(quota.count().get().into()), text(per)]
}

/// For how many milliseconds of the server's a key is kept: a minute longer than anybody asks for it, and never for ever.
fn keep(until: SystemTime, now: SystemTime) -> Vec<u8> {
    let left = until.duration_since(now).unwrap_or_default() + GRACE;
    text(u64::try_from(left.as_millis()).unwrap_or(u64::MAX).min(scripts::LONGEST))
}
