//! Claims, aliases, and what was seen.

use futures_util::future::{FutureExt, join_all};

use super::{
    Case, Failure,
    stage::{LIFETIME, RACERS, Stage, at, digest, how_many},
};
use crate::{
    conformance::ensure,
    ids::CheckId,
    store::{Claim, Created, Step},
};

pub(super) const CASES: &[(&str, Case)] = &[
    ("of_many_equal_starts_one_is_new", |stage| racing_starts(stage).boxed()),
    ("of_many_starts_with_one_key_one_is_new", |stage| racing_keys(stage).boxed()),
    ("a_claim_ends_with_its_check_and_a_key_does_not", |stage| ends(stage).boxed()),
    ("a_key_stands_for_the_check_that_it_was_answered_with", |stage| stands(stage).boxed()),
    ("a_name_belongs_to_one_pending_check", |stage| aliases(stage).boxed()),
    ("once_is_once_until_its_time", |stage| once(stage).boxed()),
];

async fn racing_starts(stage: &Stage<'_>) -> Result<(), Failure> {
    let claim = Claim::new(digest("same", 0), digest("request", 0));
    race(stage, None, claim, false).await
}

async fn racing_keys(stage: &Stage<'_>) -> Result<(), Failure> {
    let key = Claim::new(digest("key", 0), digest("request", 0));
    race(stage, Some(key), Claim::new(digest("same", 0), digest("request", 0)), true).await
}

async fn race(stage: &Stage<'_>, keyed: Option<Claim>, unkeyed: Claim, by_key: bool) -> Result<(), Failure> {
    let (now, handles) = (at(0), stage.handles().await?);
    let ids = handles.iter().map(|_| CheckId::random()).collect::<Result<Vec<_>, _>>()?;
    let starts = handles.iter().zip(&ids).map(|(store, id)| stage.create_as(store, *id, (0, 0), keyed, unkeyed, now));
    let ended = join_all(starts).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let new: Vec<_> = ended.iter().zip(&ids).filter(|(created, _)| **created == Created::New).collect();
    let [(_, winner)] = new.as_slice() else {
        return Err(Failure::new(format!("of {RACERS} starts {} were new", new.len())));
    };
    for (created, id) in ended.iter().zip(&ids).filter(|(_, id)| id != winner) {
        let expected = Created::Existing { id: **winner, fingerprint: digest("request", 0), keyed: by_key };
        ensure(*created == expected, || format!("a start that came second ended as {created:?}, not as {expected:?}"))?;
        let found = stage.store.load(*id, now).await?;
        ensure(found.is_none(), || "of a start that came second a check is left".to_owned())?;
    }
    stage.load(**winner, now).await.map(drop)
}

async fn ends(stage: &Stage<'_>) -> Result<(), Failure> {
    let now = at(0);
    let key = Claim::new(digest("key", 0), digest("request", 0));
    let claim = Claim::new(digest("same", 0), digest("request", 0));
    let (first, second, third) = (CheckId::random()?, CheckId::random()?, CheckId::random()?);
    stage.create_as(&stage.store, first, (0, 0), Some(key), claim, now).await?;
    stage.made(first, Step::Cancel, now).await?;
    let by_key = stage.create_as(&stage.store, second, (0, 0), Some(key), claim, now).await?;
    let expected = Created::Existing { id: first, fingerprint: digest("request", 0), keyed: true };
    ensure(by_key == expected, || format!("the key of a check that was cancelled ended as {by_key:?}"))?;
    let without = stage.create_as(&stage.store, second, (0, 0), None, claim, now).await?;
    ensure(without == Created::New, || format!("after a check was cancelled the next start ended as {without:?}"))?;
    // When the check has run out of time, its claim has too; when it is forgotten, its key is free.
    let later = at(LIFETIME);
    let next = stage.create_as(&stage.store, third, (0, 0), None, claim, later).await?;
    ensure(next == Created::New, || format!("after a check ran out of time the next start ended as {next:?}"))?;
    let much_later = at(LIFETIME + 60);
    let other = Claim::new(digest("same", 1), digest("request", 1));
    let freed = stage.create_as(&stage.store, CheckId::random()?, (1, 1), Some(key), other, much_later).await?;
    ensure(freed == Created::New, || format!("the key of a forgotten check ended as {freed:?}"))
}

async fn stands(stage: &Stage<'_>) -> Result<(), Failure> {
    let now = at(0);
    let claim = Claim::new(digest("same", 0), digest("request", 0));
    let key = Claim::new(digest("key", 0), digest("request", 7));
    let first = CheckId::random()?;
    stage.create_as(&stage.store, first, (0, 0), None, claim, now).await?;
    let joined = stage.create_as(&stage.store, CheckId::random()?, (0, 0), Some(key), claim, now).await?;
    let expected = Created::Existing { id: first, fingerprint: digest("request", 0), keyed: false };
    ensure(joined == expected, || format!("an equal start with a key ended as {joined:?}"))?;
    let other = Claim::new(digest("same", 1), digest("request", 7));
    let again = stage.create_as(&stage.store, CheckId::random()?, (0, 0), Some(key), other, now).await?;
    let expected = Created::Existing { id: first, fingerprint: digest("request", 7), keyed: true };
    ensure(again == expected, || format!("the same key once more ended as {again:?}, not as {expected:?}"))
}

async fn aliases(stage: &Stage<'_>) -> Result<(), Failure> {
    let (now, until, name) = (at(0), at(LIFETIME - 1), digest("name", 0));
    let (one, two) = (stage.sent(0, 0, now).await?, stage.sent(1, 1, now).await?);
    let take = async |id, now| stage.store.alias(name, id, until, now).await;
    ensure(stage.store.find(name, now).await?.is_none(), || "a name that nobody took was found".to_owned())?;
    ensure(take(one, now).await?, || "a free name was not given".to_owned())?;
    ensure(take(one, now).await?, || "a name was refused to the check that has it".to_owned())?;
    ensure(!take(two, now).await?, || "a name was given to two pending checks".to_owned())?;
    let found = stage.shelf.handle().await?.find(name, now).await?;
    ensure(found == Some(one), || format!("the name of one check found {found:?}"))?;
    stage.made(one, Step::Cancel, now).await?;
    ensure(stage.store.find(name, now).await?.is_none(), || "a check that ended was found by its name".to_owned())?;
    ensure(take(two, now).await?, || "the name of a check that ended was not given again".to_owned())?;
    let found = stage.store.find(name, until).await?;
    ensure(found.is_none(), || "a name was found after its time".to_owned())
}

async fn once(stage: &Stage<'_>) -> Result<(), Failure> {
    let (now, until, key) = (at(0), at(60), digest("seen", 0));
    let handles = stage.handles().await?;
    let firsts = how_many(join_all(handles.iter().map(|store| store.once(key, until, now))).await, |first| *first)?;
    ensure(firsts == 1, || format!("something was seen for the first time {firsts} times"))?;
    let another = stage.store.once(digest("seen", 1), until, now).await?;
    ensure(another, || "something else was seen before".to_owned())?;
    let before = stage.store.once(key, until, until - std::time::Duration::from_millis(1)).await?;
    ensure(!before, || "something was forgotten before its time".to_owned())?;
    let after = stage.store.once(key, at(120), until).await?;
    ensure(after, || "something was remembered after its time".to_owned())
}
