//! From the order to the verdict.

use futures_util::future::FutureExt;
use http::Uri;

use super::{
    Case, Evidence, Failure, Outcome, Will,
    case::ensure,
    stage::{Placed, Stage, describe, made_up, stranger},
};
use crate::{
    channel::Channel,
    error::{ErrorKind, Result as OurResult},
    provider::{Handle, Prompt, Returned, Settle, Verdict},
    secret::Code,
};

pub(super) const CASES: &[Case] = &[
    Case::new("starts_and_the_prompt_fits", |stage| starts(stage).boxed()),
    Case::new("refuses_an_undeclared_channel", |stage| undeclared(stage).boxed()),
    Case::new("right_answer", |stage| right(stage).boxed()),
    Case::new("wrong_answer", |stage| wrong(stage).boxed()),
    Case::new("unknown_handle", |stage| unknown(stage).boxed()),
    Case::new("expired_handle", |stage| expired(stage).boxed()),
    Case::new("pending_then_settled", |stage| pending(stage).boxed()),
];

type Ended<'a> = Result<Outcome, Failure>;

async fn starts(stage: &Stage) -> Ended<'_> {
    let placed = stage.place(stage.order()?).await?;
    ensure(!placed.started.handle.as_str().is_empty(), || "the handle is empty".to_owned())?;
    fits(stage.channel, &placed)?;
    for ask in stage.asks().iter().filter(|ask| ask.orders) {
        let count = stage.wire.count(ask);
        ensure(count == 1, || format!("`{}` was sent {count} times for one order", ask.name))?;
    }
    Ok(Outcome::Passed)
}

/// Whether the client can do what it is told.
fn fits(channel: Channel, placed: &Placed) -> Result<(), Failure> {
    let started = &placed.started;
    let fits = match (&started.settle, &started.prompt) {
        (Settle::LocalCode(expected), None | Some(Prompt::EnterCode { .. })) => {
            let digits = expected.digits().expose().len();
            channel != Channel::SilentNetwork && channel != Channel::KeyPress && (4..=10).contains(&digits)
        }
        (Settle::RemoteCode { digits }, None | Some(Prompt::EnterCode { .. })) => {
            channel != Channel::SilentNetwork && channel != Channel::KeyPress && (4..=10).contains(digits)
        }
        (Settle::Redirect | Settle::Poll, Some(Prompt::OpenUrl { url, mobile_data })) => {
            let opens = url.parse::<Uri>().is_ok_and(|url| url.host().is_some());
            channel == Channel::SilentNetwork && *mobile_data && opens
        }
        (Settle::Redirect, Some(Prompt::OperatorToken)) => channel == Channel::SilentNetwork,
        (Settle::Redirect | Settle::Poll | Settle::Callback, Some(Prompt::Wait)) => channel == Channel::SilentNetwork,
        (Settle::Callback, Some(Prompt::PressKeys { digits })) => channel == Channel::KeyPress && !digits.is_empty(),
        _ => false,
    };
    ensure(fits, || format!("{:?} with the prompt {:?} does not fit {channel}", started.settle, started.prompt))
}

async fn undeclared(stage: &Stage) -> Ended<'_> {
    let declared = stage.provider.channels().to_vec();
    let mut tried = 0;
    for channel in Channel::ALL.into_iter().filter(|channel| !declared.contains(channel)) {
        let [phone, _] = stage.vendor.phones();
        let order = stage.order_on(channel, phone)?;
        let refused = stage.start(&order).await.map(|_| ()).map_err(|error| error.kind());
        ensure(refused == Err(ErrorKind::Unsupported), || {
            format!("an order on {channel}, which it does not declare, gets {refused:?} instead of `Unsupported`")
        })?;
        tried += 1;
    }
    for ask in stage.asks().iter().filter(|ask| ask.orders) {
        ensure(stage.wire.count(ask) == 0, || format!("`{}` was sent for an undeclared channel", ask.name))?;
    }
    Ok(if tried == 0 { Outcome::NOTHING_TO_TRY } else { Outcome::Passed })
}

async fn right(stage: &Stage) -> Ended<'_> {
    let placed = stage.place(stage.order()?).await?;
    let evidence = stage.act(&placed, Will::Pass).await?;
    let verdict = stage.settle(&placed, &evidence).await?;
    ensure(matches!(verdict, Ok(Verdict::Match)), || format!("the right answer gets {}", describe(&verdict)))?;
    Ok(Outcome::Passed)
}

async fn wrong(stage: &Stage) -> Ended<'_> {
    let placed = stage.place(stage.order()?).await?;
    let evidence = stage.act(&placed, Will::Fail).await?;
    let verdict = stage.settle(&placed, &evidence).await?;
    ensure(matches!(verdict, Ok(Verdict::NoMatch)), || format!("a wrong answer gets {}", describe(&verdict)))?;
    Ok(Outcome::Passed)
}

async fn unknown(stage: &Stage) -> Ended<'_> {
    let placed = stage.place(stage.order()?).await?;
    let evidence = stage.act(&placed, Will::Pass).await?;
    tried(ask_about(stage, &placed, &stranger(&placed.started.handle), &evidence).await, "an unknown handle")
}

async fn expired(stage: &Stage) -> Ended<'_> {
    let placed = stage.place(stage.order()?).await?;
    let evidence = stage.act(&placed, Will::Pass).await?;
    let results = match stage.vendor.forget(&placed.started.handle).await {
        true => ask_about(stage, &placed, &placed.started.handle, &evidence).await,
        false => Vec::new(),
    };
    tried(results, "an expired handle")
}

/// Asks everything that the vendor can be asked about an order.
async fn ask_about(stage: &Stage, placed: &Placed, handle: &Handle, evidence: &Evidence) -> Vec<OurResult<Verdict>> {
    let answers = match (&placed.started.settle, evidence) {
        (Settle::RemoteCode { .. }, Evidence::Typed(code)) => vec![stage.judge(handle, code).await],
        (Settle::Redirect, Evidence::Returned(returned)) => vec![stage.redirect(handle, returned).await],
        _ => vec![stage.poll(handle).await.map(|polled| polled.verdict)],
    };
    let unsupported =
        |answer: &OurResult<Verdict>| answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unsupported);
    answers.into_iter().filter(|answer| !unsupported(answer)).collect()
}

/// Passes when none of the answers says yes.
fn tried(answers: Vec<OurResult<Verdict>>, what: &str) -> Result<Outcome, Failure> {
    for answer in &answers {
        ensure(!matches!(answer, Ok(Verdict::Match)), || format!("{what} gets {}", describe(answer)))?;
    }
    Ok(if answers.is_empty() { Outcome::NOTHING_TO_TRY } else { Outcome::Passed })
}

async fn pending(stage: &Stage) -> Ended<'_> {
    let placed = stage.place(stage.order()?).await?;
    let handle = &placed.started.handle;
    let early = match &placed.started.settle {
        // Answers are judged here: there is nothing to wait for.
        Settle::LocalCode(_) => return Ok(Outcome::NOTHING_TO_TRY),
        // Before the phone has done anything, the vendor cannot say yes, whatever it is asked with.
        Settle::RemoteCode { .. } => stage.judge(handle, &Code::new("0")?).await,
        Settle::Redirect => stage.redirect(handle, &Returned::App { code: made_up() }).await,
        Settle::Poll | Settle::Callback => match stage.poll(handle).await {
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(Verdict::Pending),
            answer => answer.map(|polled| polled.verdict),
        },
    };
    ensure(!matches!(early, Ok(Verdict::Match)), || "verified before anything was shown".to_owned())?;
    if matches!(placed.started.settle, Settle::Poll | Settle::Callback) {
        ensure(matches!(early, Ok(Verdict::Pending)), || format!("still pending, but it gets {}", describe(&early)))?;
    }
    let evidence = stage.act(&placed, Will::Pass).await?;
    let verdict = stage.settle(&placed, &evidence).await?;
    ensure(matches!(verdict, Ok(Verdict::Match)), || format!("then the right answer gets {}", describe(&verdict)))?;
    Ok(Outcome::Passed)
}
