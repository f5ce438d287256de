//! What a vendor, or what lies before it, answers when something is wrong.

use std::time::Duration;

use futures_util::future::FutureExt;

use super::{
    Ask, Case, Failure, Outcome, Reading, Step,
    case::ensure,
    stage::{Stage, describe},
    wire::{Fault, RETRY_AFTER},
};
use crate::{error::ErrorKind, error::Result as OurResult, provider::Verdict};

pub(super) const CASES: &[Case] = &[
    Case::new("answers_400", |stage| status(stage, 400).boxed()),
    Case::new("answers_401", |stage| status(stage, 401).boxed()),
    Case::new("answers_403", |stage| status(stage, 403).boxed()),
    Case::new("answers_404", |stage| status(stage, 404).boxed()),
    Case::new("answers_409", |stage| status(stage, 409).boxed()),
    Case::new("answers_412", |stage| status(stage, 412).boxed()),
    Case::new("answers_429_with_retry_after", |stage| status(stage, 429).boxed()),
    Case::new("answers_500", |stage| status(stage, 500).boxed()),
    Case::new("answers_503", |stage| status(stage, 503).boxed()),
    Case::new("does_not_answer", |stage| down(stage, Fault::Silence).boxed()),
    Case::new("cuts_its_json_off", |stage| down(stage, Fault::CutOff).boxed()),
    Case::new("answers_with_a_web_page", |stage| down(stage, Fault::Html).boxed()),
    Case::new("answers_with_2_mib", |stage| down(stage, Fault::TwoMib).boxed()),
    Case::new("redirects_to_another_host", |stage| down(stage, Fault::Redirect).boxed()),
    Case::new("hangs_up", |stage| down(stage, Fault::HangUp).boxed()),
];

/// Each request in turn gets this status, with the body that the vendor has for it.
async fn status(stage: &Stage, status: u16) -> Result<Outcome, Failure> {
    let asks = asks(stage)?;
    for ask in &asks {
        let (body, reading) = ask.answer(status).ok_or_else(|| {
            Failure::new(format!("test data are missing: what `{}` is answered with {status}", ask.name))
        })?;
        let stage = stage.again().await?;
        let got = spoiled(&stage, ask, Fault::Answer(status, body.to_owned())).await?;
        let right = match (&got, reading) {
            (Ok(verdict), Reading::Verdict(expected)) => *verdict == expected && expected != Verdict::Match,
            (Err(error), Reading::Error(expected)) => {
                let waits = expected != ErrorKind::RateLimited || error.retry_after() == Some(RETRY_AFTER);
                error.kind() == expected && waits && error.provider() == Some(stage.provider.name())
            }
            _ => false,
        };
        ensure(right, || format!("`{}`: {} instead of {reading:?}", ask.name, describe(&got)))?;
    }
    Ok(Outcome::Passed)
}

/// Each request in turn is not answered, or with nonsense: the vendor cannot be reached, and that is all.
async fn down(stage: &Stage, fault: Fault) -> Result<Outcome, Failure> {
    for ask in &asks(stage)? {
        let (stage, got) = match fault {
            Fault::Silence => unanswered(stage, ask).await?,
            _ => spoiled_again(stage, ask, fault.clone()).await?,
        };
        let unavailable = got.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unavailable);
        ensure(unavailable, || format!("`{}`: {} instead of `Unavailable`", ask.name, describe(&got)))?;
        ensure(stage.wire.led_away() == 0, || format!("`{}`: the redirect was followed", ask.name))?;
    }
    Ok(Outcome::Passed)
}

/// A provider that gives up soon may give up on a busy machine before its time; then it is given more.
async fn unanswered(stage: &Stage, ask: &Ask) -> Result<(Stage, OurResult<Verdict>), Failure> {
    let hurried = stage.hurried(HURRY).await?;
    match spoiled(&hurried, ask, Fault::Silence).await {
        Ok(got) => Ok((hurried, got)),
        Err(_) => {
            let patient = stage.hurried(HURRY * 5).await?;
            let got = spoiled(&patient, ask, Fault::Silence).await?;
            Ok((patient, got))
        }
    }
}

async fn spoiled_again(stage: &Stage, ask: &Ask, fault: Fault) -> Result<(Stage, OurResult<Verdict>), Failure> {
    let stage = stage.again().await?;
    let got = spoiled(&stage, ask, fault).await?;
    Ok((stage, got))
}

fn asks(stage: &Stage) -> Result<Vec<Ask>, Failure> {
    let asks = stage.asks();
    ensure(!asks.is_empty(), || "test data are missing: the vendor describes no request".to_owned())?;
    Ok(asks)
}

/// Goes up to where a request is sent, and spoils it. What orders a message is sent once, whatever comes back.
async fn spoiled(stage: &Stage, ask: &Ask, fault: Fault) -> Result<OurResult<Verdict>, Failure> {
    let got = stage.take(ask.step, || stage.wire.spoil(ask, fault)).await;
    let got = got.map_err(|failure| failure.at(format_args!("`{}`", ask.name)))?;
    stage.look_back()?;
    let sent = stage.wire.count(ask);
    ensure(sent > 0, || format!("`{}` is never sent at the step {:?}", ask.name, ask.step))?;
    for ask in stage.asks().iter().filter(|other| other.orders && (ask.step == Step::Start || other.step == ask.step)) {
        let sent = stage.wire.count(ask);
        ensure(sent <= 1, || format!("`{}` was sent {sent} times", ask.name))?;
    }
    Ok(got)
}

/// Soon enough for a test that waits for a time-out, late enough for what has to be done before.
const HURRY: Duration = Duration::from_secs(2);
