//! `/step`: the page while the step is taken. `GET` shows where it stands, `POST` does what a form says, and then shows that.

use http::{HeaderMap, StatusCode, request::Parts};

use super::{
    OidcProvider,
    answer::{Answer, back, out_of_order, see_other, tell},
    client::Registered,
    request::Told,
    ticket::{Code, Shown, Wanted, seconds},
};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::Subject,
    parameters::Parameters,
    policy::StepUp,
    proof::Proof,
    step_page::{Done, Errand, Notice, Standing, StepPage, Visit, Walk, dead_end_in},
    verifier::{Caller, Facts, Verified},
    visitor,
};

/// One look at a step, by the visitor to whom it belongs.
pub(super) struct Look<'p> {
    pub(super) provider: &'p OidcProvider,
    pub(super) client: &'p Registered,
    pub(super) visit: &'p Visit,
    pub(super) walk: Walk<'p, Wanted>,
}

/// `GET /step`.
pub(super) async fn look(provider: &OidcProvider, parts: &Parts) -> Answer {
    let Some(said) = Parameters::read(parts.uri.query().unwrap_or_default().as_bytes()) else {
        return over(provider, parts);
    };
    let visit = match visitor(provider, parts) {
        Ok(visit) => visit,
        Err(answer) => return *answer,
    };
    let Some(look) = find(provider, &visit, &said) else { return over(provider, parts) };
    let returned = said.one("returned").map(|_| Notice::NotConfirmed);
    let notice = said.one("said").and_then(Notice::of_word).or(returned);
    let shown = match look.walk.look().await {
        Ok(Standing::Verified(verified)) => look.finish(&verified),
        Ok(standing) => look.page(&standing, notice, &parts.headers),
        Err(error) => Err(error),
    };
    shown.unwrap_or_else(|error| out_of_order(&error))
}

/// `POST /step`.
pub(super) async fn act(provider: &OidcProvider, parts: &Parts, body: &[u8]) -> Answer {
    let Some(said) = Parameters::read(body) else { return over(provider, parts) };
    let visit = match visitor(provider, parts) {
        Ok(visit) => visit,
        Err(answer) => return *answer,
    };
    let Some(mut look) = find(provider, &visit, &said) else { return over(provider, parts) };
    match look.walk.act(&said).await {
        Ok(Some(Done::Look(notice))) => look.back_to_page(notice),
        Ok(Some(Done::CalledOff)) => look.refuse("access_denied", "the person called it off"),
        Ok(None) => over(provider, parts),
        Err(error) if error.kind() == ErrorKind::Denied => look.refuse("access_denied", "the policy does not allow it"),
        Err(error) => look.back_to_page(Notice::of_error(&error)),
    }
}

/// Who comes with a request.
pub(super) fn visit(provider: &OidcProvider, parts: &Parts, subject: Subject) -> Result<Visit> {
    Ok(Visit {
        subject,
        browser: None,
        caller: parts.extensions.get::<Caller>().copied().unwrap_or_default(),
        facts: parts.extensions.get::<Facts>().cloned().unwrap_or_default(),
        now: provider.verifier().trusted_now()?,
    })
}

/// The same, of somebody who was here before.
fn visitor(provider: &OidcProvider, parts: &Parts) -> Result<Visit, Box<Answer>> {
    let subject = visitor::subject(provider.verifier(), &parts.extensions, &parts.headers);
    let subject = subject.ok_or_else(|| Box::new(over(provider, parts)))?;
    visit(provider, parts, subject).map_err(|error| Box::new(out_of_order(&error)))
}

/// The step of a request, if this visitor got it. Otherwise everything gets one answer.
fn find<'p>(provider: &'p OidcProvider, visit: &'p Visit, said: &Parameters) -> Option<Look<'p>> {
    let walk: Walk<'p, Wanted> = Walk::open(provider.verifier(), visit, provider.url("/step"), said)?;
    let wanted = &walk.ticket.errand;
    // A client that was taken away since is answered no more.
    let client = provider.client(&wanted.client).filter(|client| client.redirects_to(&wanted.redirect_uri))?;
    Some(Look { provider, client, visit, walk })
}

impl Look<'_> {
    /// The page of the step.
    pub(super) fn page(&self, standing: &Standing, notice: Option<Notice>, headers: &HeaderMap) -> Result<Answer> {
        let (pages, wanted) = (self.provider.pages(), self.wanted());
        let page = StepPage {
            words: &pages.words(&[wanted.locale.as_deref()], headers),
            brand: pages.brand(),
            asking: Some(&self.client.name),
            transaction: None,
            phone: self.walk.ticket.phone(),
            email: self.visit.facts.email.as_deref(),
            may_change: wanted.asks_number(),
            stage: standing.stage(wanted),
            notice,
            now: self.visit.now,
            here: &self.walk.url(notice)?,
            changes: None,
            form_action: &self.provider.path("/step"),
            hidden: &[("ticket", &self.walk.sealed()?), ("csrf", &self.walk.csrf())],
            form_target: self.client.form_target(&wanted.redirect_uri),
        };
        Ok(page.response(StatusCode::OK))
    }

    /// The step was taken: sends the person back with a code.
    fn finish(&self, verified: &Verified) -> Result<Answer> {
        let (provider, wanted) = (self.provider, self.wanted());
        let shown = match self.shown(&verified.proof)? {
            Ok(shown) => shown,
            Err(why) => return Ok(self.refuse("access_denied", why)),
        };
        let code = Code::new(wanted, shown, self.visit.now)?.seal(provider.verifier())?;
        tracing::info!(client = self.client.id, channel = %verified.proof.channel(), "code issued");
        Ok(back(&wanted.redirect_uri, wanted.state.as_deref(), provider.issuer(), &[("code", &code)]))
    }

    /// What the person showed, if it is what was asked for.
    fn shown(&self, proof: &Proof) -> Result<Result<Shown, &'static str>> {
        let (wanted, ticket) = (self.wanted(), &self.walk.ticket);
        if *proof.action() != wanted.action()?
            || proof.binding() != Some(&Wanted::binding(ticket.id())?)
            || Some(*proof.phone()) != ticket.phone()
        {
            return Err(Error::new(ErrorKind::Unavailable, "the proof is of another request"));
        }
        let needed = match self.provider.verifier().step_up(proof.action(), &self.visit.facts, self.visit.now) {
            StepUp::Require(requirement) => requirement.acr.as_ref().to_owned(),
            StepUp::Allow => super::DEFAULT_ACR.to_owned(),
            StepUp::Deny { .. } => return Ok(Err("the policy does not allow it")),
        };
        if proof.acr() != needed {
            return Ok(Err("what was shown is of another kind than the policy asks for"));
        }
        let sub = wanted.subject.clone().unwrap_or_else(|| self.provider.pairwise(self.client, proof.phone()));
        if wanted.only_subject.as_ref().is_some_and(|only| *only != sub) {
            return Ok(Err("this is another person"));
        }
        Ok(Ok(Shown {
            sub,
            acr: wanted.acr.clone().unwrap_or(needed),
            amr: proof.amr().iter().map(|&method| method.to_owned()).collect(),
            auth_time: seconds(proof.auth_time()),
            phone_number: proof.phone().to_e164(),
            phone_number_verified: proof.acr() == super::DEFAULT_ACR && !proof.is_test(),
            number_from: wanted.number_from,
            is_test: proof.is_test(),
        }))
    }

    fn refuse(&self, error: &'static str, description: &'static str) -> Answer {
        let wanted = self.wanted();
        tracing::info!(client = self.client.id, error, why = description, "phone step not taken");
        let (redirect_uri, state) = (wanted.redirect_uri.clone(), wanted.state.clone());
        tell(&Told { redirect_uri, state, error, description }, self.provider.issuer())
    }

    fn back_to_page(&self, notice: Option<Notice>) -> Answer {
        self.walk.url(notice).map_or_else(|error| out_of_order(&error), |url| see_other(&url))
    }

    fn wanted(&self) -> &Wanted {
        &self.walk.ticket.errand
    }
}

/// The one answer to a ticket that is not good, or another visitor's.
fn over(provider: &OidcProvider, parts: &Parts) -> Answer {
    let pages = provider.pages();
    dead_end_in(pages, &pages.words(&[], &parts.headers), StatusCode::BAD_REQUEST, "dead-end-over")
}
