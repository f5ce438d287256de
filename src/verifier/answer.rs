//! Answering a check: reserve, compare, settle, in this order.

use std::time::SystemTime;

use super::{Answer, Caller, Inner, Verified, Verifier, ended, over_limit, private::Private};
use crate::{
    check::{CodeMacs, Digest, TypedCode},
    error::{Error, ErrorKind, Result},
    ids::{CheckId, Subject},
    limiter::LimitFacts,
    policy::On,
    proof::Assertion,
    provider::{Returned, Verdict},
    secret::Secret,
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
        self.judge(subject, id, typed, caller, true).await
    }

    /// The same, but the proof of a right answer waits for the next look at the check.
    #[cfg(feature = "ui")]
    pub(crate) async fn answer_without_proof(
        &self,
        subject: &Subject,
        id: CheckId,
        typed: &str,
        caller: Caller,
    ) -> Result<Answer> {
        self.judge(subject, id, typed, caller, false).await
    }

    async fn judge(&self, subject: &Subject, id: CheckId, typed: &str, caller: Caller, given: bool) -> Result<Answer> {
        let inner = &self.inner;
        let typed = Typed::parse(typed)?;
        let now = inner.trusted_time()?;
        self.limit_answer(subject, caller, now).await?;
        let owner = inner.owner(&id, subject);
        if let Err(not_digits) = &typed.digits {
            // No code of ours has letters: only an app that got one from a vendor hands it in, and only for such a check.
            let record = inner.store.load(id, now).await?.filter(|record| record.owner == owner);
            if !record.is_some_and(|record| matches!(record.judge, Judge::Redirect)) {
                return Err(not_digits.clone());
            }
        }
        let settled =
            self.attempt(id, owner, given, now, async |record| inner.verdict(&id, record, &typed).await).await;
        if settled.as_ref().is_err_and(|error| error.kind() == ErrorKind::CheckEnded)
            && let Ok(digits) = &typed.digits
        {
            CodeMacs::matches_nothing(inner.keys.of(&id), &id, digits);
        }
        settled
    }

    /// Counts an answer against the limits.
    pub(super) async fn limit_answer(&self, subject: &Subject, caller: Caller, now: SystemTime) -> Result<()> {
        let facts = LimitFacts { subject: Some(subject), ip: caller.ip, ..LimitFacts::default() };
        self.inner.limit(On::Answer, &facts, now).await
    }

    /// One attempt, whatever it is judged by: reserved, judged, settled. `given` says whether the proof goes out at once.
    pub(super) async fn attempt(
        &self,
        id: CheckId,
        owner: Digest,
        given: bool,
        now: SystemTime,
        judge: impl AsyncFnOnce(&Record) -> Result<Verdict>,
    ) -> Result<Answer> {
        let inner = &self.inner;
        let failures = inner.policy.load().failure_budget();
        let record = match inner.store.reserve_attempt(id, owner, failures, now).await? {
            Change::Made(record) => record,
            Change::BudgetSpent { retry_after } => {
                tracing::info!(check = %id, "failure budget spent");
                return Err(over_limit(retry_after));
            }
            Change::Refused => return Err(ended()),
        };
        match judge(&record).await {
            Ok(Verdict::Match) => self.matched(id, &record, given, now).await,
            Ok(Verdict::NoMatch) => {
                let attempts_left = record.state.attempts_left();
                tracing::info!(check = %id, attempts_left, "answer incorrect");
                let change = inner.store.settle(id, Outcome::NoMatch, now).await?;
                inner.record_end(&id, &change, now);
                Ok(Answer::Incorrect { attempts_left })
            }
            Ok(Verdict::Pending) => {
                inner.store.settle(id, Outcome::Refund, now).await?;
                Err(Error::new(ErrorKind::Unavailable, "the vendor has not decided yet; try again"))
            }
            Err(error) => {
                inner.store.settle(id, Outcome::Refund, now).await?;
                Err(match error.kind() {
                    ErrorKind::NotExpected => error,
                    _ => Error::new(ErrorKind::Unavailable, "the answer could not be judged; try again")
                        .with_source(error),
                })
            }
        }
    }

    async fn matched(&self, id: CheckId, record: &Record, given: bool, now: SystemTime) -> Result<Answer> {
        // The proof is made before the check is settled: if it cannot be made, the check is not used up.
        let verified = self.inner.prove(id, record, now, now)?;
        let outcome = Outcome::Match { given, sealed: record.sealed.clone() };
        let change = self.inner.store.settle(id, outcome, now).await?;
        self.inner.record_end(&id, &change, now);
        match change {
            Change::Made(_) => {
                tracing::info!(check = %id, channel = %verified.proof.channel(), "check verified");
                Ok(Answer::Verified(verified))
            }
            // Another answer was faster and has the proof.
            _ => Err(ended()),
        }
    }
}

impl Inner {
    /// Whether what was typed is right: we say so, or the vendor.
    async fn verdict(&self, id: &CheckId, record: &Record, typed: &Typed) -> Result<Verdict> {
        match (&record.judge, &typed.digits) {
            (Judge::Us(macs), Ok(digits)) => match macs.matches(self.keys.of(id), id, &record.context, digits) {
                true => Ok(Verdict::Match),
                false => Ok(Verdict::NoMatch),
            },
            (Judge::Vendor, Ok(digits)) => {
                let private: Private = self.keys.of(id).open(id, &record.sealed)?;
                let (provider, handle) = self.current(&private)?;
                provider.judge(handle, &digits.to_code()?).await
            }
            (Judge::Redirect, _) => self.exchange(id, record, &Returned::App { code: typed.raw.clone() }).await,
            _ => Err(Error::new(ErrorKind::NotExpected, "this check takes no code; see its prompt")),
        }
    }
}

/// Refuses what is known of the message that was out at `before`, if another one is out now that an attempt is reserved.
pub(super) fn same_message(before: &Record, reserved: &Record) -> Result<()> {
    // The private part is sealed anew with each message, and with nothing else while the check is pending.
    match before.sealed == reserved.sealed {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::NotExpected, "another message has gone out meanwhile")),
    }
}

/// What was handed in: digits that a person typed, or a vendor's code or token that an app got.
struct Typed {
    raw: Secret,
    digits: Result<TypedCode>,
}

impl Typed {
    fn parse(text: &str) -> Result<Self> {
        let digits = TypedCode::parse(text);
        let opaque = (1..=LONGEST).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b))
            && text.bytes().any(|b| b.is_ascii_alphabetic());
        match digits {
            Err(error) if !opaque => Err(error),
            digits => Ok(Self { raw: Secret::new(text), digits }),
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
        let private: Private = self.keys.of(&id).open(&id, &record.sealed)?;
        let nothing_sent = || Error::new(ErrorKind::Unavailable, "nothing was sent for this check");
        let channel = private.current().ok_or_else(nothing_sent)?.channel;
        let assertion = Assertion {
            // One check has one proof, however often it is made.
            jti: self.keys.of(&id).text_name("proof", &[id.as_bytes()]),
            subject: private.subject()?,
            phone: private.phone()?,
            action: private.action()?,
            binding: private.binding()?,
            key: private.key()?,
            channel,
            is_test: private.is_test,
            auth_time,
        };
        let (proof, token) = self.proofs.issue(assertion)?;
        let expires_in = proof.expires_at().duration_since(now).unwrap_or_default();
        Ok(Verified { proof, token, expires_in })
    }
}

/// The most bytes of what an app got: enough for a token that is a signed document.
const LONGEST: usize = 4096;
