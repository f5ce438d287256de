//! Answering a check: reserve, compare, settle, in this order.

use std::time::SystemTime;

use super::{Answer, Caller, Inner, Verified, Verifier, ended, over_limit, private::Private};
use crate::{
    check::{CodeMacs, TypedCode},
    error::{Error, ErrorKind, Result},
    ids::{CheckId, Subject},
    limiter::LimitFacts,
    policy::On,
    proof::Assertion,
    provider::Verdict,
    store::{Change, Judge, Outcome, Record},
};

impl Verifier {
    /// Hands in what the person typed.
    ///
    /// The attempt is spent before anything is compared, and stays spent whatever becomes of the request. Of many right
    /// answers one gets the proof.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when the text cannot be a code; no attempt is spent. [`ErrorKind::CheckEnded`] when there
    /// is no open check of this id for this subject. [`ErrorKind::RateLimited`] by a limit or a failure budget.
    /// [`ErrorKind::Unavailable`] when the store, the limiter or the judging provider cannot be reached.
    pub async fn answer(&self, subject: &Subject, id: CheckId, typed: &str, caller: Caller) -> Result<Answer> {
        let inner = &self.inner;
        let typed = TypedCode::parse(typed)?;
        let now = inner.trusted_time()?;
        let facts = LimitFacts { phone: None, subject: Some(subject), ip: caller.ip, action: None, provider: None };
        inner.limit(On::Answer, &facts, now).await?;

        let failures = inner.policy.load().failure_budget();
        match inner.store.reserve_attempt(id, inner.owner(subject), failures, now).await? {
            Change::Made(record) => self.judge(id, &record, &typed, now).await,
            Change::BudgetSpent { retry_after } => {
                CodeMacs::matches_nothing(&inner.keys, &id, &typed);
                tracing::info!(check = %id, "failure budget spent");
                Err(over_limit(retry_after))
            }
            Change::Refused => {
                CodeMacs::matches_nothing(&inner.keys, &id, &typed);
                Err(ended())
            }
        }
    }

    async fn judge(&self, id: CheckId, record: &Record, typed: &TypedCode, now: SystemTime) -> Result<Answer> {
        let inner = &self.inner;
        let matched = match &record.judge {
            Judge::Us(macs) => macs.matches(&inner.keys, &id, &record.context, typed),
            Judge::Vendor => match self.ask_vendor(&id, record, typed).await {
                Ok(matched) => matched,
                Err(error) => {
                    inner.store.settle(id, Outcome::Refund, now).await?;
                    return Err(Error::new(ErrorKind::Unavailable, "the answer could not be judged; try again")
                        .with_source(error));
                }
            },
            Judge::Nobody => {
                inner.store.settle(id, Outcome::Refund, now).await?;
                return Err(Error::new(ErrorKind::NotExpected, "this check takes no code; see its prompt"));
            }
        };
        if !matched {
            tracing::info!(check = %id, attempts_left = record.state.attempts_left(), "answer incorrect");
            inner.store.settle(id, Outcome::NoMatch, now).await?;
            return Ok(Answer::Incorrect { attempts_left: record.state.attempts_left() });
        }
        // The proof is made before the check is settled: if it cannot be made, the check is not used up.
        let verified = inner.prove(id, record, now, now)?;
        match inner.store.settle(id, Outcome::Match, now).await? {
            Change::Made(_) => {
                tracing::info!(check = %id, channel = %verified.proof.channel(), "check verified");
                Ok(Answer::Verified(verified))
            }
            // Another answer was faster and has the proof.
            _ => Err(ended()),
        }
    }

    async fn ask_vendor(&self, id: &CheckId, record: &Record, typed: &TypedCode) -> Result<bool> {
        let private: Private = self.inner.keys.open(id, &record.sealed)?;
        let gone = || Error::new(ErrorKind::Unavailable, "the provider of this check is not configured any more");
        let (name, _) = private.current().ok_or_else(gone)?;
        let provider = self.inner.providers.get(name.as_str()).ok_or_else(gone)?;
        let handle = private.handle.as_ref().ok_or_else(gone)?;
        match provider.judge(handle, &typed.to_code()?).await? {
            Verdict::Match => Ok(true),
            Verdict::NoMatch => Ok(false),
            Verdict::Pending => Err(Error::new(ErrorKind::Unavailable, "the vendor has not decided")),
        }
    }
}

impl Inner {
    /// Makes the proof of a check. Whoever calls this knows that the check ended well, or ends it with the result.
    pub(super) fn prove(
        &self,
        id: CheckId,
        record: &Record,
        auth_time: SystemTime,
        now: SystemTime,
    ) -> Result<Verified> {
        let private: Private = self.keys.open(&id, &record.sealed)?;
        let nothing_sent = || Error::new(ErrorKind::Unavailable, "nothing was sent for this check");
        let (_, channel) = private.current().ok_or_else(nothing_sent)?;
        let assertion = Assertion {
            // One check has one proof, however often it is made.
            jti: self.keys.text_name("proof", &[id.as_bytes()]),
            subject: private.subject()?,
            phone: private.phone()?,
            action: private.action()?,
            binding: private.binding()?,
            channel: *channel,
            auth_time,
        };
        let (proof, token) = self.proofs.issue(assertion)?;
        let expires_in = proof.expires_at().duration_since(now).unwrap_or_default();
        Ok(Verified { proof, token, expires_in })
    }
}
