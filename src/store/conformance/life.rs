//! The life of a check.

use std::time::Duration;

use futures_util::future::{FutureExt, join_all};

use super::{
    Case, Failure,
    stage::{ATTEMPTS, LIFETIME, RACERS, Stage, at, budget, digest, how_many},
};
use crate::{
    check::Status,
    conformance::ensure,
    ids::CheckId,
    store::{Change, Claim, Created, GRACE, Outcome, Step},
};

pub(super) const CASES: &[(&str, Case)] = &[
    ("what_is_kept_comes_back", |stage| comes_back(stage).boxed()),
    ("racing_answers_have_as_many_attempts_as_there_are", |stage| racing_attempts(stage).boxed()),
    ("of_many_matches_one_is_made", |stage| racing_matches(stage).boxed()),
    ("the_proof_is_given_once", |stage| racing_proofs(stage).boxed()),
    ("one_message_follows_however_many_ask", |stage| racing_leaves(stage).boxed()),
    ("a_strangers_answer_changes_nothing", |stage| strangers(stage).boxed()),
    ("a_check_ends_at_its_time_and_is_forgotten_a_minute_later", |stage| ends(stage).boxed()),
    ("what_was_never_sent_is_forgotten", |stage| never_sent(stage).boxed()),
    ("who_waits_is_woken", |stage| wakes(stage).boxed()),
];

async fn comes_back(stage: &Stage<'_>) -> Result<(), Failure> {
    let (id, now) = (CheckId::random()?, at(0));
    stage.create(id, 1, 2, now).await?;
    let found = stage.load(id, now).await?;
    let kept = stage.record(id, 1, 2)?;
    let names = |record: &crate::store::Record| (record.owner, record.number, record.context);
    ensure(names(&found) == names(&kept) && found.state == kept.state, || format!("{kept:?} came back as {found:?}"))?;

    let step = stage.sent_step(id, 0)?;
    let told = format!("{step:?}");
    let made = stage.made(id, step, now).await?;
    let found = stage.load(id, now).await?;
    ensure(format!("{made:?}") == format!("{found:?}"), || format!("{made:?} was answered, and {found:?} is kept"))?;
    ensure(told.contains(&format!("{:?}", found.judge)), || format!("{told} left {:?}", found.judge))?;
    ensure(told.contains(&format!("{:?}", found.sealed)), || format!("{told} left another private part"))?;
    ensure(found.state.sent_at() == Some(now), || format!("it went out at {now:?}, not at {:?}", found.state.sent_at()))
}

async fn racing_attempts(stage: &Stage<'_>) -> Result<(), Failure> {
    let (now, quota) = (at(0), budget()?);
    let id = stage.sent(0, 0, now).await?;
    let handles = stage.handles().await?;
    let owner = digest("owner", 0);
    let ended = join_all(handles.iter().map(|store| store.reserve_attempt(id, owner, quota, now))).await;
    let mut left: Vec<u8> = Vec::new();
    for change in ended {
        if let Change::Made(record) = change? {
            left.push(record.state.attempts_left());
        }
    }
    left.sort_unstable();
    let expected: Vec<u8> = (0..ATTEMPTS).collect();
    ensure(left == expected, || format!("of {RACERS} answers those were compared that found {left:?} attempts left"))?;
    let state = stage.load(id, now).await?.state;
    ensure((state.attempts_left(), state.in_flight()) == (0, ATTEMPTS), || format!("afterwards {state:?} is kept"))
}

async fn racing_matches(stage: &Stage<'_>) -> Result<(), Failure> {
    let now = at(0);
    let id = stage.sent(0, 0, now).await?;
    for _ in 0..ATTEMPTS {
        stage.reserve(id, 0, now).await?;
    }
    let (handles, outcome) = (stage.handles().await?, stage.matched(id, true)?);
    let ended = join_all(handles.iter().map(|store| store.settle(id, outcome.clone(), now))).await;
    let made = how_many(ended, |change| matches!(change, Change::Made(_)))?;
    ensure(made == 1, || format!("of {RACERS} matches {made} were made"))?;
    let found = stage.load(id, now).await?;
    let Outcome::Match { sealed, .. } = outcome else { return Err(Failure::new("a match is a match")) };
    ensure(found.state.status_at(now) == Status::Verified, || format!("a match left {:?}", found.state))?;
    ensure(found.sealed == sealed, || "a match left another private part than its own".to_owned())?;
    let again = stage.reserve(id, 0, now).await?;
    ensure(matches!(again, Change::Refused), || format!("an answer to a verified check ended as {again:?}"))
}

async fn racing_proofs(stage: &Stage<'_>) -> Result<(), Failure> {
    let now = at(0);
    let id = stage.sent(0, 0, now).await?;
    stage.reserve(id, 0, now).await?;
    stage.store.settle(id, stage.matched(id, false)?, now).await?;
    let handles = stage.handles().await?;
    let ended = join_all(handles.iter().map(|store| store.advance(id, Step::GiveProof, now))).await;
    let made = how_many(ended, |change| matches!(change, Change::Made(_)))?;
    ensure(made == 1, || format!("the proof was given {made} times"))
}

async fn racing_leaves(stage: &Stage<'_>) -> Result<(), Failure> {
    let now = at(0);
    let id = stage.sent(0, 0, now).await?;
    let (handles, failures) = (stage.handles().await?, budget()?);
    let ended = join_all(handles.iter().map(|store| store.advance(id, Step::Leave { leg: 0, failures }, now))).await;
    let made = how_many(ended, |change| matches!(change, Change::Made(_)))?;
    ensure(made == 1, || format!("{made} messages would have gone out"))?;
    stage.made(id, stage.sent_step(id, 1)?, now).await?;
    let late = stage.store.advance(id, stage.sent_step(id, 0)?, now).await?;
    ensure(matches!(late, Change::Refused), || format!("the message of a leg that was left ended as {late:?}"))
}

async fn strangers(stage: &Stage<'_>) -> Result<(), Failure> {
    let now = at(0);
    let id = stage.sent(0, 0, now).await?;
    let before = format!("{:?}", stage.load(id, now).await?);
    let change = stage.reserve(id, 1, now).await?;
    ensure(matches!(change, Change::Refused), || format!("a stranger's answer ended as {change:?}"))?;
    let count = stage.store.failures(digest("owner", 1), budget()?, now).await?;
    ensure(count == 0, || format!("a stranger's answer was counted {count} times"))?;
    let after = format!("{:?}", stage.load(id, now).await?);
    ensure(before == after, || format!("a stranger's answer made {after} of {before}"))
}

async fn ends(stage: &Stage<'_>) -> Result<(), Failure> {
    let (now, end) = (at(0), at(LIFETIME));
    let id = stage.sent(0, 0, now).await?;
    let just_before = end - Duration::from_millis(1);
    let early = stage.reserve(id, 0, just_before).await?;
    ensure(matches!(early, Change::Made(_)), || format!("an answer of the last moment ended as {early:?}"))?;
    let late = stage.reserve(id, 0, end).await?;
    ensure(matches!(late, Change::Refused), || format!("an answer at its end ended as {late:?}"))?;
    let late = stage.store.settle(id, stage.matched(id, true)?, end).await?;
    ensure(matches!(late, Change::Refused), || format!("a match at its end ended as {late:?}"))?;
    stage.load(id, end + GRACE - Duration::from_millis(1)).await?;
    let gone = stage.store.load(id, end + GRACE).await?;
    ensure(gone.is_none(), || "a minute after its end it is still there".to_owned())?;
    // It is the caller's time that counts, and the caller's goes on.
    let much_later = at(100 * 366 * 24 * 3600);
    let other = CheckId::random()?;
    stage.create(other, 0, 0, much_later).await?;
    stage.load(other, much_later).await.map(drop)
}

async fn never_sent(stage: &Stage<'_>) -> Result<(), Failure> {
    let (id, now) = (CheckId::random()?, at(0));
    stage.create(id, 0, 0, now).await?;
    let ended = stage.made(id, Step::NotSent { leg: 0 }, now).await?;
    ensure(ended.state.status_at(now) == Status::Failed, || format!("nothing went out, and it ended as {ended:?}"))?;
    let found = stage.store.load(id, now).await?;
    ensure(found.is_none(), || "nothing went out, and it is still there".to_owned())?;
    let (name, id) = (id, CheckId::random()?);
    let unkeyed = Claim::new(*name.as_bytes(), digest("request", 0));
    let again = stage.create_as(&stage.store, id, (0, 0), None, unkeyed, now).await?;
    ensure(again == Created::New, || format!("nothing went out, and the next start ended as {again:?}"))?;

    // Where an earlier message went out, that one still counts.
    stage.made(id, stage.sent_step(id, 0)?, now).await?;
    stage.made(id, Step::Leave { leg: 0, failures: budget()? }, now).await?;
    stage.made(id, Step::NotSent { leg: 1 }, now).await?;
    let reserved = stage.reserve(id, 0, now).await?;
    ensure(matches!(reserved, Change::Made(_)), || format!("an answer to the earlier message ended as {reserved:?}"))
}

async fn wakes(stage: &Stage<'_>) -> Result<(), Failure> {
    let now = at(0);
    let id = stage.sent(0, 0, now).await?;
    let version = stage.load(id, now).await?.state.version();
    let slow = || Failure::new("who waits for a change that was made is not woken");
    let (waiting, other) = (stage.shelf.handle().await?, stage.shelf.handle().await?);
    tokio::time::timeout(PATIENCE, waiting.changed(id, version.wrapping_sub(1))).await.map_err(|_| slow())??;
    {
        let mut changed = waiting.changed(id, version);
        // Polled until it waits.
        let early = tokio::time::timeout(Duration::from_millis(50), &mut changed).await;
        ensure(early.is_err(), || "who waits is woken although nothing has changed".to_owned())?;
        other.advance(id, Step::Cancel, now).await?;
        tokio::time::timeout(PATIENCE, changed).await.map_err(|_| slow())??;
    }
    let unknown = waiting.changed(CheckId::random()?, 0);
    tokio::time::timeout(PATIENCE, unknown).await.map_err(|_| slow())??;
    Ok(())
}

const PATIENCE: Duration = Duration::from_secs(10);
