//! A client hangs up, at every moment at which it can: each request is polled so many times and then dropped, for every number up
//! to that with which it ends. Nothing is judged for nothing, nothing is sent twice, nothing is lost for good.
//!
//! Store, limiter and vendor pause before and after whatever they do, so a request can be dropped after something was done and
//! before it has heard of it.
#![cfg(feature = "testing")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

#[path = "cancellation/slow.rs"]
mod slow;
#[path = "cancellation/vendor.rs"]
mod vendor;
#[path = "cancellation/world.rs"]
mod world;

use std::time::Duration;

use handset::{
    ErrorKind,
    check::Status,
    verifier::{Answer, Caller},
};
use world::{World, polled};

/// The attempts of a check and the failures of a budget, in [`world`].
const ATTEMPTS: usize = 3;

#[tokio::test]
async fn b3_a_wrong_answer_that_is_dropped_anywhere_is_one_attempt_or_none() {
    let mut moments = 0..;
    loop {
        let world = World::new();
        let check = world.start().await;
        let times = moments.next().unwrap();
        let wrong = world.wrong_code();
        let ended = polled(times, world.verifier.answer(&world.subject, check.id, &wrong, Caller::default())).await;
        world.calm().await;
        let spent = usize::from(world.done("reserve_attempt"));
        assert_eq!(world.attempts_left(&check).await, ATTEMPTS - spent, "dropped after {times}");

        // What is left is what the budget has, too: neither one more nor one fewer.
        let mut judged = 0;
        while let Ok(Answer::Incorrect { .. }) = world.answer(&check, &wrong).await {
            judged += 1;
        }
        assert_eq!(judged, ATTEMPTS - spent, "dropped after {times}");
        let refused = world.verifier.start(world.request()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::RateLimited, "dropped after {times}");
        if ended.is_some() {
            break;
        }
    }
    assert!(moments.start > 6, "the answer never waited");
}

#[tokio::test]
async fn b3_a_right_answer_that_is_dropped_anywhere_gives_one_proof_or_none() {
    let mut moments = 0..;
    loop {
        let world = World::new();
        let check = world.start().await;
        let (times, code) = (moments.next().unwrap(), world.code());
        let ended = polled(times, world.verifier.answer(&world.subject, check.id, &code, Caller::default())).await;
        world.calm().await;
        let settled = world.done("settle");
        let proofs = [
            ended.as_ref().is_some_and(|answer| matches!(answer, Ok(Answer::Verified(_)))),
            world.look(&check).await.verified.is_some(),
            matches!(world.answer(&check, &code).await, Ok(Answer::Verified(_))),
        ];
        let given = proofs.iter().filter(|given| **given).count();
        // A proof that was on its way when the client hung up went with it. It is never given again.
        let lost = settled && ended.is_none();
        assert_eq!(given, usize::from(!lost), "dropped after {times}: {proofs:?}");

        // Then the person takes the step again, and nothing that was stands in the way.
        if lost {
            let again = world.start().await;
            assert_ne!(again.id, check.id);
            assert!(matches!(world.answer(&again, &world.code()).await.unwrap(), Answer::Verified(_)));
        }
        if ended.is_some() {
            break;
        }
    }
    assert!(moments.start > 6, "the answer never waited");
}

#[tokio::test]
async fn b3_an_answer_that_the_vendor_judges_is_shown_to_it_no_more_often_than_attempts_were_spent() {
    let mut moments = 0..;
    loop {
        let world = World::judged_by_the_vendor();
        let check = world.start().await;
        let times = moments.next().unwrap();
        let ended = polled(times, world.verifier.answer(&world.subject, check.id, "000000", Caller::default())).await;
        world.calm().await;
        while world.answer(&check, "000000").await.is_ok() {}
        assert!(world.vendor.asked() <= ATTEMPTS, "dropped after {times}");
        if ended.is_some() {
            break;
        }
    }
    assert!(moments.start > 8, "the answer never waited");
}

/// Each attempt is reserved, and nobody waits for what becomes of it.
#[tokio::test]
async fn b3_a_check_whose_attempts_were_all_dropped_stands_in_nobodys_way() {
    let mut moments = 0..;
    loop {
        let world = World::with_more_failures();
        let check = world.start().await;
        let (times, wrong) = (moments.next().unwrap(), world.wrong_code());
        let mut ended = false;
        for _ in 0..ATTEMPTS {
            let answer = world.verifier.answer(&world.subject, check.id, &wrong, Caller::default());
            ended = polled(times, answer).await.is_some();
            world.calm().await;
        }
        if world.attempts_left(&check).await == 0 {
            world.clock.advance(Duration::from_secs(10));
            let next = world.verifier.next(&world.subject, check.id, Caller::default()).await;
            assert_eq!(next.unwrap_err().kind(), ErrorKind::CheckEnded, "dropped after {times}");
            assert_eq!(world.messages(), 1, "dropped after {times}");
        }
        let again = world.start().await;
        let answer = world.answer(&again, &world.code()).await;
        assert!(matches!(answer, Ok(Answer::Verified(_))), "dropped after {times}: {answer:?}");
        if ended {
            break;
        }
    }
    assert!(moments.start > 6, "the answer never waited");
}

#[tokio::test]
async fn c1_a_start_that_is_dropped_anywhere_and_repeated_is_one_message() {
    for key in [None, Some("a key of the client's")] {
        let mut moments = 0..;
        loop {
            let world = World::new();
            let request = || match key {
                Some(key) => world.request().with_idempotency_key(key),
                None => world.request(),
            };
            let times = moments.next().unwrap();
            let ended = polled(times, world.verifier.start(request())).await.map(Result::unwrap);
            let check = world.verifier.start(request()).await.unwrap();
            world.calm().await;
            assert_eq!(world.messages(), 1, "dropped after {times}");
            assert!(ended.as_ref().is_none_or(|ended| ended.id == check.id), "dropped after {times}");
            assert!(matches!(world.answer(&check, &world.code()).await.unwrap(), Answer::Verified(_)));
            if ended.is_some() {
                break;
            }
        }
        assert!(moments.start > 3, "the start never waited");
    }
}

#[tokio::test]
async fn c1_a_click_on_next_that_is_dropped_anywhere_and_repeated_is_one_message() {
    let mut moments = 0..;
    loop {
        let world = World::new();
        let check = world.start().await;
        world.clock.advance(Duration::from_secs(10));
        let next = || world.verifier.next(&world.subject, check.id, Caller::default());
        let times = moments.next().unwrap();
        let ended = polled(times, next()).await;
        let moved = next().await.unwrap();
        world.calm().await;
        assert_eq!((world.messages(), moved.id), (2, check.id), "dropped after {times}");
        assert!(matches!(world.answer(&check, &world.code()).await.unwrap(), Answer::Verified(_)));
        if ended.is_some() {
            break;
        }
    }
    assert!(moments.start > 3, "the click never waited");
}

#[tokio::test]
async fn b3_a_device_whose_return_is_dropped_anywhere_is_heard_once_or_may_come_again() {
    let mut moments = 0..;
    loop {
        let world = World::shown_by_a_device();
        let check = world.start().await;
        let query = world.vendor.came_back_with();
        let times = moments.next().unwrap();
        let back = || world.verifier.redirect(&world.subject, "vendor", &query, Caller::default());
        let ended = polled(times, back()).await;
        let again = back().await;
        world.calm().await;
        assert_eq!(world.vendor.asked(), 1, "dropped after {times}");
        assert!(ended.is_none() || again.is_err(), "its state is good once");
        let seen = world.look(&check).await;
        assert_eq!((seen.status, seen.verified.is_some()), (Status::Verified, true), "dropped after {times}");
        if ended.is_some() {
            break;
        }
    }
    assert!(moments.start > 3, "the redirect never waited");
}

/// The vendor hears nothing, and says it again.
#[tokio::test]
async fn b3_a_callback_that_is_dropped_anywhere_and_repeated_counts_once() {
    for (said, after) in [("match", (Status::Verified, ATTEMPTS)), ("no match", (Status::Pending, ATTEMPTS - 1))] {
        let mut moments = 0..;
        loop {
            let world = World::told_by_the_vendor();
            let check = world.start().await;
            let times = moments.next().unwrap();
            let ended = polled(times, world.call_back(said)).await;
            world.call_back(said).await;
            world.calm().await;
            let seen = world.look(&check).await;
            // The attempt in which a match was found is spent like any other.
            let left = usize::from(seen.attempts_left) + usize::from(seen.status == Status::Verified);
            assert_eq!((seen.status, left), after, "`{said}`, dropped after {times}");
            if ended.is_some() {
                break;
            }
        }
        assert!(moments.start > 3, "the callback never waited");
    }
}
