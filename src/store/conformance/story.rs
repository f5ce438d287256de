//! Whatever happens, in whatever order: the store answers as the one in memory does, which stands for the promises.

use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};

use super::{
    Failure,
    stage::{Stage, at, budget, digest},
};
use crate::{
    conformance::ensure,
    error::Result as OurResult,
    ids::CheckId,
    store::{Claim, MemoryStore, NewCheck, Outcome, Step, Store},
};

pub(super) async fn tell(stage: &Stage<'_>) -> Result<(), Failure> {
    let model = MemoryStore::default();
    let mut ids = (0..CHECKS).map(|_| CheckId::random()).collect::<OurResult<Vec<_>>>()?;
    let (mut now, mut told) = (at(0), Vec::new());
    for chapter in 0..LENGTH {
        let mut dice = Dice::new(chapter);
        now += Duration::from_millis(dice.below(4) * dice.below(4) * dice.below(3000));
        let happens = Happens::roll(stage, &ids, &mut dice, now)?;
        if let Happens::Create { id, .. } = &happens {
            // No id is used twice; the new one takes the place of another, of which nothing more is told.
            ids.remove(0);
            ids.push(*id);
        }
        told.push(format!("{:>6} ms  {happens:?}", now.duration_since(at(0)).unwrap_or_default().as_millis()));
        let expected = happens.to(&model, now).await?;
        let answer = happens.to(stage.store.as_ref(), now).await?;
        let story = || told.get(told.len().saturating_sub(SHOWN)..).unwrap_or_default().join("\n  ");
        ensure(answer == expected, || format!("after\n  {}\nit answered {answer}\nand not {expected}", story()))?;
    }
    Ok(())
}

/// Something that happens to a store. What is random in it is in it, so that it happens to two stores alike.
#[derive(Debug)]
enum Happens {
    Create { id: CheckId, keyed: Option<Claim>, unkeyed: Claim, record: Box<crate::store::Record> },
    Load(CheckId),
    Reserve(CheckId, u8),
    Settle(CheckId, Outcome),
    Advance(CheckId, Step),
    Failures(u8),
    Once(u8, SystemTime),
    Alias(u8, CheckId, SystemTime),
    Find(u8),
}

impl Happens {
    fn roll(stage: &Stage<'_>, ids: &[CheckId], dice: &mut Dice, now: SystemTime) -> OurResult<Self> {
        let id = ids.get(dice.small(CHECKS)).copied().map_or_else(CheckId::random, Ok)?;
        let leg = dice.byte(3);
        Ok(match dice.below(16) {
            0 => {
                let id = CheckId::random()?;
                let record = Box::new(stage.record(id, dice.byte(2), dice.byte(2))?);
                let claim =
                    |kind, dice: &mut Dice| Claim::new(digest(kind, dice.byte(4)), digest("request", dice.byte(2)));
                let keyed = (dice.below(2) == 0).then(|| claim("key", dice));
                Self::Create { id, keyed, unkeyed: claim("same", dice), record }
            }
            1 => Self::Load(id),
            2..=5 => Self::Reserve(id, dice.byte(2)),
            6 => Self::Settle(id, Outcome::NoMatch),
            7 => Self::Settle(id, Outcome::Refund),
            8 if dice.below(3) == 0 => Self::Settle(id, stage.matched(id, dice.below(2) == 0)?),
            8..=10 => Self::Advance(id, stage.sent_step(id, leg)?),
            11 => match dice.below(6) {
                0 => Self::Advance(id, Step::Cancel),
                1 => Self::Advance(id, Step::NotSent { leg }),
                2 => Self::Advance(id, Step::GiveProof),
                _ => Self::Advance(id, Step::Leave { leg, failures: budget()? }),
            },
            12 => Self::Failures(dice.byte(2)),
            13 => Self::Once(dice.byte(3), now + Duration::from_secs(dice.below(60))),
            14 => Self::Alias(dice.byte(3), id, now + Duration::from_secs(dice.below(120))),
            _ => Self::Find(dice.byte(3)),
        })
    }

    /// How the store answers, in a form that can be compared.
    async fn to(&self, store: &dyn Store, now: SystemTime) -> OurResult<String> {
        let failures = budget()?;
        Ok(match self {
            Self::Create { id, keyed, unkeyed, record } => {
                let mut record = record.as_ref().clone();
                record.state = crate::check::State::new(3, now + Duration::from_secs(100));
                let check = NewCheck { id: *id, record, keyed: *keyed, unkeyed: *unkeyed, failures: &failures };
                format!("{:?}", store.create(check, now).await?)
            }
            Self::Load(id) => format!("{:?}", store.load(*id, now).await?),
            Self::Reserve(id, owner) => {
                format!("{:?}", store.reserve_attempt(*id, digest("owner", *owner), failures, now).await?)
            }
            Self::Settle(id, outcome) => format!("{:?}", store.settle(*id, outcome.clone(), now).await?),
            Self::Advance(id, step) => format!("{:?}", store.advance(*id, step.clone(), now).await?),
            Self::Failures(owner) => format!("{:?}", store.failures(digest("owner", *owner), failures, now).await?),
            Self::Once(key, until) => format!("{:?}", store.once(digest("seen", *key), *until, now).await?),
            Self::Alias(name, id, until) => {
                format!("{:?}", store.alias(digest("name", *name), *id, *until, now).await?)
            }
            Self::Find(name) => format!("{:?}", store.find(digest("name", *name), now).await?),
        })
    }
}

/// Numbers that are the same in every run, so that a failure can be looked at again.
struct Dice(std::vec::IntoIter<u8>);

impl Dice {
    fn new(chapter: u32) -> Self {
        Self(Sha256::digest(chapter.to_be_bytes()).to_vec().into_iter())
    }

    fn below(&mut self, end: u64) -> u64 {
        let [high, low] = [self.0.next(), self.0.next()].map(|byte| u64::from(byte.unwrap_or_default()));
        (high << 8 | low) % end
    }

    fn byte(&mut self, end: u8) -> u8 {
        u8::try_from(self.below(end.into())).unwrap_or_default()
    }

    fn small(&mut self, end: usize) -> usize {
        usize::from(self.byte(u8::try_from(end).unwrap_or(u8::MAX)))
    }
}

/// How many checks there are at a time, how much happens, and how much of it a failure shows.
const CHECKS: usize = 4;
const LENGTH: u32 = 4000;
const SHOWN: usize = 40;
