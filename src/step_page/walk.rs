//! How a step goes on: what the page shows of it, and what each of its forms does.

use std::time::{Duration, SystemTime};

use super::{
    Notice, Stage,
    ticket::{Asked, Errand, Ticket},
};
use crate::{
    check::Status,
    email,
    error::{ErrorKind, Result},
    ids::Subject,
    parameters::Parameters,
    phone::{PhoneNumber, Region},
    verifier::{Answer, Caller, Check, Facts, Verified, Verifier},
};

/// Who looks, from where, and what the application knows about it.
pub(crate) struct Visit {
    pub(crate) subject: Subject,
    /// The browser, where that is somebody else than the subject.
    pub(crate) browser: Option<Subject>,
    pub(crate) caller: Caller,
    pub(crate) facts: Facts,
    pub(crate) now: SystemTime,
}

/// A step in the hands of those to whom it belongs.
pub(crate) struct Walk<'w, E> {
    verifier: &'w Verifier,
    visit: &'w Visit,
    /// The page itself, without a query.
    page: String,
    pub(crate) ticket: Ticket<E>,
}

/// Where a step stands.
pub(crate) enum Standing {
    /// Nothing was sent.
    Beginning,
    /// It waits for the person, or has ended without a proof for this page.
    Check(Check),
    /// It ended well, and this is the evidence.
    Verified(Verified),
    /// The check that there was is gone.
    Over,
}

/// What came of a form.
pub(crate) enum Done {
    /// Go and look where the step is, with something to say.
    Look(Option<Notice>),
    /// The person called it off.
    CalledOff,
}

impl<'w, E: Errand> Walk<'w, E> {
    /// Begins a step. Nothing is sent before the person asks for it.
    pub(crate) fn begin(
        verifier: &'w Verifier,
        visit: &'w Visit,
        page: String,
        errand: E,
        phone: Option<PhoneNumber>,
    ) -> Result<Self> {
        let ticket = Ticket::new(verifier, &visit.owners(), errand, phone, visit.now)?;
        Ok(Self { verifier, visit, page, ticket })
    }

    /// Goes on with the step of a query or a form, if it is theirs who come with it.
    pub(crate) fn open(verifier: &'w Verifier, visit: &'w Visit, page: String, said: &Parameters) -> Option<Self> {
        let mut ticket = Ticket::open(verifier, said.one("ticket")?, &visit.owners(), visit.now)?;
        // The ticket that a device comes back with was sealed before there was a check.
        if let Some(id) = said.one("returned").and_then(|text| verifier.returned_check(text))
            && ticket.check().is_none()
        {
            ticket = ticket.asked(id);
        }
        Some(Self { verifier, visit, page, ticket })
    }

    /// The page's address while the step stands as it does.
    pub(crate) fn url(&self, notice: Option<Notice>) -> Result<String> {
        let said = notice.map_or_else(String::new, |notice| format!("&said={}", notice.word()));
        Ok(format!("{}?ticket={}{said}", self.page, self.sealed()?))
    }

    pub(crate) fn sealed(&self) -> Result<String> {
        self.ticket.seal(self.verifier)
    }

    /// What its forms carry so that they are known to come from this page.
    pub(crate) fn csrf(&self) -> String {
        self.ticket.csrf(self.verifier)
    }

    /// Where the step stands. The first look at one that ended well gets the evidence.
    pub(crate) async fn look(&self) -> Result<Standing> {
        let Some(id) = self.ticket.check() else { return Ok(Standing::Beginning) };
        match self.verifier.status(&self.visit.subject, id).await {
            Ok(mut check) => Ok(match check.verified.take() {
                Some(verified) => Standing::Verified(verified),
                None => Standing::Check(check),
            }),
            Err(error) if error.kind() == ErrorKind::CheckEnded => Ok(Standing::Over),
            Err(error) => Err(error),
        }
    }

    /// Waits until there is something else to see than what the page shows; `false` when there was nothing within `patience`.
    pub(crate) async fn changes(&self, seen: &str, patience: Duration) -> Result<bool> {
        let Some(id) = self.ticket.check() else { return Ok(true) };
        let subject = &self.visit.subject;
        let is_new = |found: Result<Check>| match found {
            Ok(check) => Ok(sight(&check) != seen),
            Err(error) if error.kind() == ErrorKind::CheckEnded => Ok(true),
            Err(error) => Err(error),
        };
        Ok(is_new(self.verifier.status_without_proof(subject, id).await)?
            || is_new(self.verifier.wait_without_proof(subject, id, patience).await)?)
    }

    /// Does what a form of the page asks; `None` for a form that is not the page's.
    pub(crate) async fn act(&mut self, said: &Parameters) -> Result<Option<Done>> {
        // The cookie comes with every form of this site; that the form is from this page, only the page can know.
        if said.one("csrf") != Some(self.csrf().as_str()) {
            return Ok(None);
        }
        let done = match said.one("do") {
            Some("start") => self.start(said).await,
            Some("answer") => self.answer(said.one("code").unwrap_or_default()).await,
            Some("next") => self.next().await,
            Some("change") if self.ticket.errand.asks_number() => Ok(self.change().await),
            Some("cancel") => Ok(self.cancel().await),
            _ => return Ok(None),
        };
        done.map(Some)
    }

    /// Starts a check, or sends its message again.
    async fn start(&mut self, said: &Parameters) -> Result<Done> {
        if self.is_early().await? {
            return Ok(Done::Look(Some(Notice::Early)));
        }
        let Some(phone) = self.phone(said) else { return Ok(Done::Look(Some(Notice::NoNumber))) };
        let Some(email) = self.email(said) else { return Ok(Done::Look(Some(Notice::NoEmail))) };
        let ticket = self.ticket.asking(&phone, email.clone());
        let Visit { subject, browser, caller, facts, .. } = self.visit;
        let mut request = ticket.errand.request(ticket.id(), subject.clone(), phone)?;
        request.client_ip = caller.ip.or(facts.client_ip);
        request.email = email;
        request.browser.clone_from(browser);
        request.facts.clone_from(facts);
        request.return_page = Some(format!("{}?ticket={}", self.page, ticket.seal(self.verifier)?));
        let before = self.ticket.check();
        let check = self.verifier.start(request).await?;
        self.ticket = ticket.asked(check.id);
        Ok(Done::Look((before == Some(check.id)).then_some(Notice::Again)))
    }

    /// Whether the message that is out may not be sent again yet.
    async fn is_early(&self) -> Result<bool> {
        let Some(id) = self.ticket.check() else { return Ok(false) };
        match self.verifier.status_without_proof(&self.visit.subject, id).await {
            Ok(check) => {
                let due = check.resend_after.is_none_or(|due| due <= self.visit.now);
                Ok(check.status == Status::Pending && !due)
            }
            Err(error) if error.kind() == ErrorKind::CheckEnded => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The number that was said first, and else the one that the person types.
    fn phone(&self, said: &Parameters) -> Option<PhoneNumber> {
        let typed = said.one("phone").filter(|_| self.ticket.errand.asks_number());
        let region = said.one("region").and_then(|letters| letters.parse::<Region>().ok());
        let said = self.ticket.phone().or_else(|| PhoneNumber::parse(typed?, region).ok());
        // Of an account that has a number no other one is asked.
        match self.visit.facts.phone {
            Some(own) => said.is_none_or(|said| said == own).then_some(own),
            None => said,
        }
    }

    /// Where e-mails go, if anywhere: the address that the person types, or has typed before. Nothing when it is none, or has to be there.
    fn email(&self, said: &Parameters) -> Option<Option<String>> {
        let asked = match self.visit.facts.email {
            Some(_) => Asked::No,
            None => self.ticket.errand.asks_email(),
        };
        let typed = said.one("email").map(str::trim).filter(|_| asked != Asked::No);
        let email = match typed {
            Some(typed) => Some(email::checked(typed).ok()?.to_owned()),
            None => self.ticket.email().map(str::to_owned),
        };
        (asked != Asked::Yes || email.is_some()).then_some(email)
    }

    /// Hands in a code. The evidence is for the look that follows: whoever clicks twice gets it as well.
    async fn answer(&self, code: &str) -> Result<Done> {
        let Some(id) = self.ticket.check() else { return Ok(Done::Look(None)) };
        match self.verifier.answer_without_proof(&self.visit.subject, id, code, self.visit.caller).await? {
            Answer::Verified(_) => Ok(Done::Look(None)),
            Answer::Incorrect { .. } => Ok(Done::Look(Some(Notice::Incorrect))),
        }
    }

    async fn next(&self) -> Result<Done> {
        let Some(id) = self.ticket.check() else { return Ok(Done::Look(None)) };
        self.verifier.next(&self.visit.subject, id, self.visit.caller).await?;
        Ok(Done::Look(Some(Notice::Moved)))
    }

    /// Begins anew with another number.
    async fn change(&mut self) -> Done {
        self.cancel().await;
        self.ticket = self.ticket.asking_nobody();
        Done::Look(None)
    }

    async fn cancel(&self) -> Done {
        if let Some(id) = self.ticket.check()
            && let Err(error) = self.verifier.cancel(&self.visit.subject, id).await
        {
            // It may be over already.
            tracing::debug!(?error, "check not cancelled");
        }
        Done::CalledOff
    }
}

impl Standing {
    /// What the page shows of it; nothing of what has ended well, which goes on elsewhere.
    pub(crate) fn stage(&self, errand: &impl Errand) -> Stage<'_> {
        match self {
            Self::Beginning => Stage::Begin { asks_number: errand.asks_number(), asks_email: errand.asks_email() },
            Self::Check(check) => Stage::Check(check),
            Self::Verified(_) | Self::Over => Stage::Over,
        }
    }
}

impl Visit {
    /// Those to whom a page belongs that is shown here.
    fn owners(&self) -> Vec<&Subject> {
        [&self.subject].into_iter().chain(&self.browser).collect()
    }
}

/// Stands for what a page shows of a check.
pub(crate) fn sight(check: &Check) -> String {
    let sent = check.resend_after.and_then(|due| due.duration_since(SystemTime::UNIX_EPOCH).ok());
    let channel = check.channel.map_or("", |channel| channel.as_str());
    format!("{:?}-{channel}-{}-{}", check.status, check.attempts_left, sent.unwrap_or_default().as_millis())
}
