//! A login between two requests.

use std::{fmt, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::{MfaLogin, MfaStep, Over, state::State};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::CheckId,
    verifier::{Answer, ended},
};

/// A login whose phone step is not done: what the server keeps until the next request. It is no login.
///
/// Sealed by the verifier for one subject, action and session, so that it may be kept in a plain cookie: some 700 bytes of
/// base64url that tell nothing. What is changed, another's, another server key's or older than
/// [`MfaStep::LIFETIME`] is refused. There is nothing to read on it; it is only good for going on.
///
/// Whatever ends in an error leaves it as it was, so that the person may try again.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PendingLogin(String);

impl PendingLogin {
    pub(super) fn seal(login: &MfaLogin<'_>, state: &State) -> Result<Self> {
        let sealed = login.verifier.inner.keys.current().seal_for(&whose(login), state)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(sealed)))
    }

    /// Asks a number, by its [`MaskedNumber::id`](super::MaskedNumber): the first one, or another one in place of the one before,
    /// whose check is called off.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::CheckEnded`] when the state is not this login's, [`ErrorKind::InvalidInput`] when it has no such number, else
    /// as in [`Verifier::start`](crate::Verifier::start).
    pub async fn choose(&self, login: &MfaLogin<'_>, number: &str) -> Result<MfaStep> {
        let Some(mut state) = self.open(login)? else { return Ok(MfaStep::Over(Over::Expired)) };
        let offered = login.offered(&state.factors);
        let Some(phone) = offered.iter().find(|phone| login.mask(phone).id == number) else {
            return Err(Error::new(ErrorKind::InvalidInput, "there is no such number to choose"));
        };
        let before = state.asked.take();
        if let Some(before) = before.filter(|before| before.number != login.mask(phone).id) {
            call_off(login, before.check()).await?;
        }
        state.ask(login, phone).await
    }

    /// Hands in what the person typed, or what the app on the phone got.
    ///
    /// # Errors
    ///
    /// As in [`Verifier::answer`](crate::Verifier::answer); [`ErrorKind::CheckEnded`] only when the state is not this login's:
    /// what ended is told by [`MfaStep::Over`]. [`ErrorKind::RateLimited`] when the failure budget is spent.
    pub async fn answer(&self, login: &MfaLogin<'_>, typed: &str) -> Result<MfaStep> {
        let (state, id) = match self.reopen(login).await? {
            Ok(found) => found,
            Err(over) => return Ok(MfaStep::Over(over)),
        };
        match login.verifier.answer(&login.subject, id, typed, login.caller).await {
            Ok(Answer::Verified(verified)) => state.finish(login, verified).await,
            Ok(Answer::Incorrect { .. }) => state.look(login, id, true).await,
            Err(error) if error.kind() == ErrorKind::CheckEnded => state.look(login, id, false).await,
            Err(error) => Err(error),
        }
    }

    /// Where the login stands: after a key was pressed or a device came back, and to show its page again.
    ///
    /// # Errors
    ///
    /// As in [`answer`](Self::answer).
    pub async fn look(&self, login: &MfaLogin<'_>) -> Result<MfaStep> {
        match self.reopen(login).await? {
            Ok((state, id)) => state.look(login, id, false).await,
            Err(over) => Ok(MfaStep::Over(over)),
        }
    }

    /// The same, but waits up to `patience` for something to happen.
    ///
    /// # Errors
    ///
    /// As in [`answer`](Self::answer).
    pub async fn wait(&self, login: &MfaLogin<'_>, patience: Duration) -> Result<MfaStep> {
        match self.reopen(login).await? {
            Ok((state, id)) => {
                let check = login.verifier.wait(&login.subject, id, patience).await;
                state.show(login, check, false).await
            }
            Err(over) => Ok(MfaStep::Over(over)),
        }
    }

    /// Sends the message again, when [`resend_after`](crate::verifier::Check::resend_after) has passed. Of a check that ended, it begins another one.
    ///
    /// # Errors
    ///
    /// As in [`choose`](Self::choose).
    pub async fn resend(&self, login: &MfaLogin<'_>) -> Result<MfaStep> {
        let Some(mut state) = self.open(login)? else { return Ok(MfaStep::Over(Over::Expired)) };
        let asked = state.asked.take().ok_or_else(nothing_asked)?;
        match asked.phone(login) {
            Some(phone) => state.ask(login, &phone).await,
            None => {
                call_off(login, asked.check()).await?;
                Ok(MfaStep::Over(Over::NumberGone))
            }
        }
    }

    /// Goes on to the next channel of the plan.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoMoreChannels`] at the end of the plan, else as in [`answer`](Self::answer).
    pub async fn next(&self, login: &MfaLogin<'_>) -> Result<MfaStep> {
        match self.reopen(login).await? {
            Ok((state, id)) => {
                let check = login.verifier.next(&login.subject, id, login.caller).await;
                state.show(login, check, false).await
            }
            Err(over) => Ok(MfaStep::Over(over)),
        }
    }

    /// The device's browser came back from `provider` with this query: for a server that serves the path
    /// `redirect/{provider}` below the [mount](crate::Verifier::mount) itself.
    ///
    /// Only what belongs to this very login is taken: the same account may be logging in elsewhere, and somebody who has its
    /// password may have sent this browser here.
    ///
    /// # Errors
    ///
    /// As in [`Verifier::redirect`](crate::Verifier::redirect).
    pub async fn redirect(&self, login: &MfaLogin<'_>, provider: &str, query: &str) -> Result<MfaStep> {
        let (state, id) = match self.reopen(login).await? {
            Ok(found) => found,
            Err(over) => return Ok(MfaStep::Over(over)),
        };
        let returned = login.verifier.inner.returned(provider, query);
        if returned.is_none_or(|(_, _, theirs)| theirs != id) {
            return Err(ended());
        }
        login.verifier.redirect(&login.subject, provider, query, login.caller).await?;
        state.look(login, id, false).await
    }

    /// Calls the login off, for every copy of this state.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::CheckEnded`] when the state is not this login's, [`ErrorKind::Unavailable`] when the store cannot be reached.
    pub async fn cancel(&self, login: &MfaLogin<'_>) -> Result<MfaStep> {
        let Some(state) = self.open(login)? else { return Ok(MfaStep::Over(Over::Expired)) };
        state.use_up(login).await?;
        if let Some(asked) = &state.asked {
            call_off(login, asked.check()).await?;
        }
        Ok(MfaStep::Over(Over::Cancelled))
    }

    /// What is under the seal, if it is this login's; `None` when its time is over.
    fn open(&self, login: &MfaLogin<'_>) -> Result<Option<State>> {
        let sealed = Some(&self.0).filter(|text| text.len() <= LONGEST);
        let sealed = sealed.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).ok_or_else(not_this_login)?;
        let inner = &login.verifier.inner;
        let state: State = inner.keys.current().open_for(&whose(login), &sealed).map_err(|_| not_this_login())?;
        Ok(Some(state).filter(|state| inner.clock.read().now < state.expires_at))
    }

    /// The same, with the check of the number that was asked.
    async fn reopen(&self, login: &MfaLogin<'_>) -> Result<Result<(State, CheckId), Over>> {
        let Some(state) = self.open(login)? else { return Ok(Err(Over::Expired)) };
        let asked = state.asked.as_ref().ok_or_else(nothing_asked)?;
        let id = asked.check();
        if asked.phone(login).is_none() {
            call_off(login, id).await?;
            return Ok(Err(Over::NumberGone));
        }
        Ok(Ok((state, id)))
    }
}

/// What the seal is good for.
fn whose(login: &MfaLogin<'_>) -> Vec<u8> {
    let parts = [login.subject.as_str(), login.action.as_str(), login.session.as_str()].map(str::as_bytes);
    // Longer than the id that the checks in the store are sealed for, so that neither opens the other.
    [b"pending login".as_slice(), &login.verifier.inner.keys.current().name("pending login", &parts)].concat()
}

/// Ends a check, if it has not ended.
async fn call_off(login: &MfaLogin<'_>, id: CheckId) -> Result<()> {
    match login.verifier.cancel(&login.subject, id).await {
        Err(error) if error.kind() != ErrorKind::CheckEnded => Err(error),
        _ => Ok(()),
    }
}

impl fmt::Debug for PendingLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PendingLogin([sealed])")
    }
}

/// The same answer to what was changed, made for somebody else, or made by another verifier.
fn not_this_login() -> Error {
    Error::new(ErrorKind::CheckEnded, "there is no such pending login: it ended, or it never was; sign in again")
}

fn nothing_asked() -> Error {
    Error::new(ErrorKind::NotExpected, "no number has been asked yet: choose one")
}

/// More than the longest state has, with a dozen factors.
const LONGEST: usize = 4096;
