//! Many at once, and those who leave early.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use futures_util::future::{FutureExt, join_all};

use super::{
    Case, Failure, Outcome, Will,
    case::ensure,
    stage::{Stage, describe},
};
use crate::provider::Verdict;

pub(super) const CASES: &[Case] = &[
    Case::new("32_parallel_starts_fetch_one_token", |stage| parallel(stage).boxed()),
    Case::new("a_dropped_future_leaves_nothing_locked", |stage| dropped(stage).boxed()),
    Case::new("shows_no_code_secret_or_number", |stage| discreet(stage).boxed()),
];

async fn parallel(stage: &Stage) -> Result<Outcome, Failure> {
    let orders = (0..32).map(|_| stage.order()).collect::<Result<Vec<_>, _>>()?;
    let started = join_all(orders.iter().map(|order| stage.start(order))).await;
    if let Some(error) = started.into_iter().find_map(Result::err) {
        return Err(Failure::from(error).at("one of 32 starts at once"));
    }
    let asks = stage.asks();
    for ask in asks.iter().filter(|ask| ask.orders) {
        let sent = stage.wire.count(ask);
        ensure(sent == orders.len(), || format!("`{}` was sent {sent} times for 32 orders", ask.name))?;
    }
    let mut tokens = asks.iter().filter(|ask| ask.fetches_token).peekable();
    if tokens.peek().is_none() {
        return Ok(Outcome::NOTHING_TO_TRY);
    }
    for ask in tokens {
        let sent = stage.wire.count(ask);
        ensure(sent == 1, || format!("`{}` was sent {sent} times", ask.name))?;
    }
    Ok(Outcome::Passed)
}

/// Drops a start at each of its await points; the next one goes through.
async fn dropped(stage: &Stage) -> Result<Outcome, Failure> {
    for polls in 1..=MOST_POLLS {
        let stage = stage.again().await?;
        let order = stage.order()?;
        let ended = poll_times(stage.start(&order), polls).await.is_some();
        let after = |failure: Failure| {
            failure.at(format_args!("after a start that was dropped when it had been polled {polls} times"))
        };
        // The same number is free again, and so is another one, whose messages are not mixed up with lost ones.
        stage.place(stage.order()?).await.map_err(after)?;
        let placed = stage.place(stage.other_order()?).await.map_err(after)?;
        let evidence = stage.act(&placed, Will::Pass).await?;
        let verdict = stage.settle(&placed, &evidence).await?;
        ensure(matches!(verdict, Ok(Verdict::Match)), || format!("after a dropped start: {}", describe(&verdict)))?;
        stage.look_back()?;
        if ended {
            return Ok(Outcome::Passed);
        }
    }
    Err(Failure::new("a start takes more than a hundred polls"))
}

/// Polls a future so many times and drops it; what it has become if it was ready by then.
async fn poll_times<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(|context| {
        left = left.saturating_sub(1);
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Goes the whole way, right and wrong; that nothing was shown is looked at after every case.
async fn discreet(stage: &Stage) -> Result<Outcome, Failure> {
    for will in [Will::Fail, Will::Pass] {
        let placed = stage.place(if will == Will::Pass { stage.order()? } else { stage.other_order()? }).await?;
        let evidence = stage.act(&placed, will).await?;
        let _noted = stage.settle(&placed, &evidence).await?;
        let _noted = stage.poll(&placed.started.handle).await;
    }
    Ok(Outcome::Passed)
}

const MOST_POLLS: usize = 100;
