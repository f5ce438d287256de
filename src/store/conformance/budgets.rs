//! Failure budgets: of an owner and of a number, over all checks.

use std::time::Duration;

use futures_util::future::{FutureExt, join_all};

use super::{
    Case, Failure,
    stage::{RACERS, Stage, at, budget, digest, how_many},
};
use crate::{
    conformance::ensure,
    store::{Change, Created, Outcome, Step},
};

pub(super) const CASES: &[(&str, Case)] = &[
    ("a_budget_outlives_new_checks", |stage| outlives(stage).boxed()),
    ("a_budget_ends_with_its_window", |stage| window(stage).boxed()),
    ("racing_answers_never_overdraw_a_budget", |stage| racing(stage).boxed()),
    ("a_strangers_failures_do_not_stop_a_first_attempt", |stage| first_attempt(stage).boxed()),
    ("a_match_clears_both_budgets", |stage| cleared(stage).boxed()),
    ("a_refund_takes_its_charges_back", |stage| refunded(stage).boxed()),
    ("a_refund_takes_back_no_more_than_was_charged", |stage| no_more(stage).boxed()),
    ("a_number_that_refuses_leaves_its_owner_uncharged", |stage| uncharged(stage).boxed()),
];

/// Four failures of an owner and a number, in two checks.
async fn spend(stage: &Stage<'_>, owner: u8, number: u8, seconds: u64) -> Result<(), Failure> {
    for second in [0, 1] {
        let now = at(seconds + second);
        let id = stage.sent(owner, number, now).await?;
        stage.miss(id, owner, now).await?;
        stage.miss(id, owner, now).await?;
    }
    Ok(())
}

async fn outlives(stage: &Stage<'_>) -> Result<(), Failure> {
    let open = stage.sent(0, 0, at(0)).await?;
    spend(stage, 0, 0, 0).await?;
    let id = crate::ids::CheckId::random()?;
    let expected = Created::BudgetSpent { retry_after: Duration::from_secs(3600 - 10) };
    for number in [0, 9] {
        let created = stage.create(id, 0, number, at(10)).await?;
        ensure(created == expected, || format!("a start of who has no failures left ended as {created:?}"))?;
    }
    let created = stage.create(id, 9, 0, at(10)).await?;
    ensure(created == expected, || format!("a start to a number that has no failures left ended as {created:?}"))?;
    let found = stage.store.load(id, at(10)).await?;
    ensure(found.is_none(), || "a start was refused, and its check is there".to_owned())?;
    let reserved = stage.reserve(open, 0, at(10)).await?;
    ensure(matches!(reserved, Change::BudgetSpent { .. }), || format!("an open check's answer ended as {reserved:?}"))?;
    let state = stage.load(open, at(10)).await?.state;
    ensure(state.attempts_left() == 3 && state.in_flight() == 0, || format!("what was refused spent of {state:?}"))?;
    let left = Step::Leave { leg: 0, failures: budget()? };
    let left = stage.store.advance(open, left, at(10)).await?;
    ensure(matches!(left, Change::BudgetSpent { .. }), || format!("asking for another message ended as {left:?}"))
}

async fn window(stage: &Stage<'_>) -> Result<(), Failure> {
    spend(stage, 0, 0, 0).await?;
    let owner = digest("owner", 0);
    for (seconds, expected) in [(0, 4), (3599, 4), (3600, 2), (3601, 0)] {
        let count = stage.store.failures(owner, budget()?, at(seconds)).await?;
        ensure(count == expected, || format!("after {seconds} s {count} failures count, and not {expected}"))?;
    }
    let moment = Duration::from_millis(1);
    let id = crate::ids::CheckId::random()?;
    let created = stage.create(id, 0, 0, at(3600) - moment).await?;
    let expected = Created::BudgetSpent { retry_after: moment };
    ensure(created == expected, || format!("a moment before a failure fits again, a start ended as {created:?}"))?;
    let created = stage.create(id, 0, 0, at(3600)).await?;
    ensure(created == Created::New, || format!("when a failure fits again, a start ended as {created:?}"))
}

async fn racing(stage: &Stage<'_>) -> Result<(), Failure> {
    let (now, quota, owner) = (at(0), budget()?, digest("owner", 0));
    let mut ids = Vec::new();
    for number in 0..8 {
        ids.push(stage.sent(0, number, now).await?);
    }
    let handles = stage.handles().await?;
    let answers = handles.iter().zip(ids.iter().cycle());
    let ended = join_all(answers.map(|(store, id)| store.reserve_attempt(*id, owner, quota, now))).await;
    let made = how_many(ended, |change| matches!(change, Change::Made(_)))?;
    ensure(made == 4, || format!("of {RACERS} answers to eight checks {made} were compared; the budget is 4"))
}

async fn first_attempt(stage: &Stage<'_>) -> Result<(), Failure> {
    let now = at(5);
    let open = stage.sent(1, 0, at(0)).await?;
    spend(stage, 0, 0, 0).await?;
    let first = stage.reserve(open, 1, now).await?;
    ensure(matches!(first, Change::Made(_)), || format!("the first attempt of a check ended as {first:?}"))?;
    let second = stage.reserve(open, 1, now).await?;
    ensure(matches!(second, Change::BudgetSpent { .. }), || format!("the second one ended as {second:?}"))
}

async fn cleared(stage: &Stage<'_>) -> Result<(), Failure> {
    let now = at(0);
    let id = stage.sent(0, 0, now).await?;
    stage.miss(id, 0, now).await?;
    stage.miss(id, 0, now).await?;
    stage.reserve(id, 0, now).await?;
    stage.store.settle(id, stage.matched(id, true)?, now).await?;
    let count = stage.store.failures(digest("owner", 0), budget()?, now).await?;
    ensure(count == 0, || format!("after a match {count} failures of the owner count"))?;
    // The number's budget is seen through another owner: four more failures fit.
    let open = stage.sent(2, 0, now).await?;
    spend(stage, 1, 0, 0).await?;
    let first = stage.reserve(open, 2, at(1)).await?;
    ensure(matches!(first, Change::Made(_)), || format!("after a match the number's budget ended as {first:?}"))
}

async fn refunded(stage: &Stage<'_>) -> Result<(), Failure> {
    let now = at(0);
    let id = stage.sent(0, 0, now).await?;
    for _ in 0..10 {
        let reserved = stage.reserve(id, 0, now).await?;
        ensure(matches!(reserved, Change::Made(_)), || format!("after refunds an attempt ended as {reserved:?}"))?;
        stage.store.settle(id, Outcome::Refund, now).await?;
    }
    let count = stage.store.failures(digest("owner", 0), budget()?, now).await?;
    ensure(count == 0, || format!("after refunds {count} failures count"))?;
    let state = stage.load(id, now).await?.state;
    ensure((state.attempts_left(), state.in_flight()) == (3, 0), || format!("after refunds {state:?} is kept"))
}

/// A first attempt is charged to a number whose budget is spent already; its refund leaves that as it was.
async fn no_more(stage: &Stage<'_>) -> Result<(), Failure> {
    let open = stage.sent(1, 0, at(0)).await?;
    spend(stage, 0, 0, 0).await?;
    stage.reserve(open, 1, at(2)).await?;
    stage.store.settle(open, Outcome::Refund, at(2)).await?;
    let created = stage.create(crate::ids::CheckId::random()?, 2, 0, at(2)).await?;
    let expected = Created::BudgetSpent { retry_after: Duration::from_secs(3598) };
    ensure(created == expected, || format!("a start to a number without failures left ended as {created:?}"))?;
    let count = stage.store.failures(digest("number", 0), budget()?, at(2)).await?;
    ensure(count <= 4, || format!("{count} failures count, and the budget counts 4"))
}

async fn uncharged(stage: &Stage<'_>) -> Result<(), Failure> {
    let open = stage.sent(1, 0, at(0)).await?;
    stage.miss(open, 1, at(0)).await?;
    let stranger = stage.sent(0, 0, at(0)).await?;
    for _ in 0..3 {
        stage.miss(stranger, 0, at(0)).await?;
    }
    let refused = stage.reserve(open, 1, at(1)).await?;
    ensure(matches!(refused, Change::BudgetSpent { .. }), || format!("a spent number's answer ended as {refused:?}"))?;
    let count = stage.store.failures(digest("owner", 1), budget()?, at(1)).await?;
    ensure(count == 1, || format!("what was refused for the number is counted for the owner: {count} failures"))?;
    let state = stage.load(open, at(1)).await?.state;
    ensure((state.attempts_left(), state.in_flight()) == (2, 0), || format!("what was refused left {state:?}"))
}
