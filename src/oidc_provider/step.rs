//! `/step`: the page while the step is taken. `GET` shows where it stands, `POST` does what a form says, and then shows that.

use std::time::SystemTime;

use http::{StatusCode, request::Parts};

use super::{
    OidcProvider,
    answer::{Answer, back, out_of_order, see_other, tell},
    client::{NumberSource, Registered},
    parameters::Parameters,
    request::Told,
    ticket::{Code, Shown, Ticket, seconds},
};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::{Binding, CheckId, Subject},
    phone::PhoneNumber,
    policy::StepUp,
    proof::Proof,
    step_page::{Notice, Stage, StepPage, dead_end},
    verifier::{self, Caller, Facts, StartRequest, Verified},
    visitor,
};

/// One look at a ticket, by the visitor to whom it belongs.
pub(super) struct Look<'p> {
    pub(super) provider: &'p OidcProvider,
    pub(super) client: &'p Registered,
    pub(super) ticket: Ticket,
    pub(super) sealed: String,
}

/// Who looks, from where, and what the application knows about it.
struct Visit {
    subject: Subject,
    caller: Caller,
    facts: Facts,
    now: SystemTime,
}

/// `GET /step`.
pub(super) async fn look(provider: &OidcProvider, parts: &Parts) -> Answer {
    let Some(said) = Parameters::read(parts.uri.query().unwrap_or_default().as_bytes()) else { return over() };
    let (look, visit) = match find(provider, parts, &said) {
        Ok(found) => found,
        Err(answer) => return *answer,
    };
    let returned = said.one("returned").map(|_| Notice::NotConfirmed);
    let notice = said.one("said").and_then(Notice::of_word).or(returned);
    let Some(id) = look.check() else {
        return page(&look, look.beginning(), notice, StatusCode::OK);
    };
    match provider.verifier().status(&visit.subject, id).await {
        Ok(mut check) => match check.verified.take() {
            Some(verified) => look.finish(&verified, &visit).unwrap_or_else(|error| out_of_order(&error)),
            None => page(&look, Stage::Check(&check), notice, StatusCode::OK),
        },
        Err(error) if error.kind() == ErrorKind::CheckEnded => page(&look, Stage::Over, notice, StatusCode::OK),
        Err(error) => out_of_order(&error),
    }
}

/// `POST /step`.
pub(super) async fn act(provider: &OidcProvider, parts: &Parts, body: &[u8]) -> Answer {
    let Some(said) = Parameters::read(body) else { return over() };
    let (look, visit) = match find(provider, parts, &said) {
        Ok(found) => found,
        Err(answer) => return *answer,
    };
    // The cookie comes with every form of this site; that the form is from this page, only the page can know.
    if said.one("csrf") != Some(look.ticket.csrf(provider.verifier()).as_str()) {
        return over();
    }
    let done = match said.one("do") {
        Some("start") => look.start(&visit, said.one("phone")).await,
        Some("answer") => look.answer(&visit, said.one("code").unwrap_or_default()).await,
        Some("next") => look.next(&visit).await,
        Some("cancel") => Ok(look.cancel(&visit).await),
        _ => return over(),
    };
    done.unwrap_or_else(|error| look.failed(&error))
}

/// The page for a ticket.
pub(super) fn page(look: &Look<'_>, stage: Stage<'_>, notice: Option<Notice>, status: StatusCode) -> Answer {
    let csrf = look.ticket.csrf(look.provider.verifier());
    let page = StepPage {
        asking: &look.client.name,
        phone: look.ticket.phone(),
        stage,
        notice,
        here: &look.url(notice),
        form_action: &look.provider.path("/step"),
        hidden: &[("ticket", &look.sealed), ("csrf", &csrf)],
        form_target: look.client.form_target(&look.ticket.request.redirect_uri),
    };
    page.response(status)
}

/// The ticket of a request, if this visitor got it. Otherwise everything gets one answer.
fn find<'p>(provider: &'p OidcProvider, parts: &Parts, said: &Parameters) -> Result<(Look<'p>, Visit), Box<Answer>> {
    let verifier = provider.verifier();
    let over = || Box::new(over());
    let now = verifier.trusted_now().map_err(|error| Box::new(out_of_order(&error)))?;
    let subject = visitor::subject(verifier, &parts.extensions, &parts.headers).ok_or_else(over)?;
    let mut sealed = said.one("ticket").ok_or_else(over)?.to_owned();
    let mut ticket = Ticket::open(verifier, &sealed, &subject, now).ok_or_else(over)?;
    // The ticket that a device comes back with was sealed before there was a check.
    if let Some(id) = said.one("returned").and_then(|text| verifier.returned_check(text))
        && ticket.check.is_none()
    {
        ticket.check = Some(id.to_string());
        sealed = ticket.seal(verifier).map_err(|error| Box::new(out_of_order(&error)))?;
    }
    // A client that was taken away since is answered no more.
    let client = provider.client(&ticket.request.client).ok_or_else(over)?;
    if !client.redirects_to(&ticket.request.redirect_uri) {
        return Err(over());
    }
    let caller = parts.extensions.get::<Caller>().copied().unwrap_or_default();
    let facts = parts.extensions.get::<Facts>().cloned().unwrap_or_default();
    Ok((Look { provider, client, ticket, sealed }, Visit { subject, caller, facts, now }))
}

impl Look<'_> {
    /// Starts a check, or sends its message again.
    async fn start(&self, visit: &Visit, typed: Option<&str>) -> Result<Answer> {
        let phone = match (self.ticket.phone(), typed) {
            (Some(phone), _) => phone,
            (None, Some(typed)) if self.ticket.number_from == NumberSource::Typed => {
                match PhoneNumber::parse(typed, None) {
                    Ok(phone) => phone,
                    Err(_) => return Ok(self.back_to_page(Some(Notice::NoNumber))),
                }
            }
            (None, _) => return Ok(self.back_to_page(Some(Notice::NoNumber))),
        };
        let mut request = StartRequest::new(visit.subject.clone(), phone, self.ticket.action()?);
        // One request of a client, one check: its code is good for that request and for no other.
        request.binding = Some(self.binding()?);
        request.locale.clone_from(&self.ticket.request.locale);
        request.client_ip = visit.caller.ip.or(visit.facts.client_ip);
        request.facts = visit.facts.clone();
        let mut look = self.with(self.ticket.asking(&phone))?;
        request.return_page = Some(look.url(None));
        let check = self.provider.verifier().start(request).await?;
        look.ticket.check = Some(check.id.to_string());
        Ok(self.with(look.ticket)?.back_to_page(None))
    }

    /// The same with another ticket.
    fn with(&self, ticket: Ticket) -> Result<Self> {
        let sealed = ticket.seal(self.provider.verifier())?;
        Ok(Self { provider: self.provider, client: self.client, ticket, sealed })
    }

    async fn answer(&self, visit: &Visit, code: &str) -> Result<Answer> {
        let Some(id) = self.check() else { return Ok(self.back_to_page(None)) };
        match self.provider.verifier().answer(&visit.subject, id, code, visit.caller).await? {
            verifier::Answer::Verified(verified) => self.finish(&verified, visit),
            verifier::Answer::Incorrect { .. } => Ok(self.back_to_page(Some(Notice::Incorrect))),
        }
    }

    async fn next(&self, visit: &Visit) -> Result<Answer> {
        if let Some(id) = self.check() {
            self.provider.verifier().next(&visit.subject, id, visit.caller).await?;
        }
        Ok(self.back_to_page(None))
    }

    async fn cancel(&self, visit: &Visit) -> Answer {
        if let Some(id) = self.check()
            && let Err(error) = self.provider.verifier().cancel(&visit.subject, id).await
        {
            // It may be over already.
            tracing::debug!(?error, "check not cancelled");
        }
        self.refuse("access_denied", "the person called it off")
    }

    /// The step was taken: sends the person back with a code.
    fn finish(&self, verified: &Verified, visit: &Visit) -> Result<Answer> {
        let provider = self.provider;
        let shown = match self.shown(&verified.proof, visit)? {
            Ok(shown) => shown,
            Err(why) => return Ok(self.refuse("access_denied", why)),
        };
        let code = Code::new(&self.ticket.request, shown, visit.now)?.seal(provider.verifier())?;
        tracing::info!(client = self.client.id, channel = %verified.proof.channel(), "code issued");
        let request = &self.ticket.request;
        Ok(back(&request.redirect_uri, request.state.as_deref(), provider.issuer(), &[("code", &code)]))
    }

    /// What the person showed, if it is what was asked for.
    fn shown(&self, proof: &Proof, visit: &Visit) -> Result<Result<Shown, &'static str>> {
        let request = &self.ticket.request;
        if *proof.action() != self.ticket.action()?
            || proof.binding() != Some(&self.binding()?)
            || Some(*proof.phone()) != self.ticket.phone()
        {
            return Err(Error::new(ErrorKind::Unavailable, "the proof is of another request"));
        }
        let needed = match self.provider.verifier().step_up(proof.action(), &visit.facts, visit.now) {
            StepUp::Require(requirement) => requirement.acr.as_ref().to_owned(),
            StepUp::Allow => super::DEFAULT_ACR.to_owned(),
            StepUp::Deny { .. } => return Ok(Err("the policy does not allow it")),
        };
        if proof.acr() != needed {
            return Ok(Err("what was shown is of another kind than the policy asks for"));
        }
        let sub = request.subject.clone().unwrap_or_else(|| self.provider.pairwise(self.client, proof.phone()));
        if request.only_subject.as_ref().is_some_and(|only| *only != sub) {
            return Ok(Err("this is another person"));
        }
        Ok(Ok(Shown {
            sub,
            acr: request.acr.clone().unwrap_or(needed),
            amr: proof.amr().iter().map(|&method| method.to_owned()).collect(),
            auth_time: seconds(proof.auth_time()),
            phone_number: proof.phone().to_e164(),
            phone_number_verified: proof.acr() == super::DEFAULT_ACR && !proof.is_test(),
            number_from: self.ticket.number_from,
            is_test: proof.is_test(),
        }))
    }

    /// What an error of the verifier means for the person.
    fn failed(&self, error: &Error) -> Answer {
        match error.kind() {
            ErrorKind::Denied => self.refuse("access_denied", "the policy does not allow it"),
            _ => self.back_to_page(Notice::of_error(error)),
        }
    }

    fn refuse(&self, error: &'static str, description: &'static str) -> Answer {
        let Ticket { request, .. } = &self.ticket;
        tracing::info!(client = self.client.id, error, why = description, "phone step not taken");
        let (redirect_uri, state) = (request.redirect_uri.clone(), request.state.clone());
        tell(&Told { redirect_uri, state, error, description }, self.provider.issuer())
    }

    fn back_to_page(&self, notice: Option<Notice>) -> Answer {
        see_other(&self.url(notice))
    }

    fn url(&self, notice: Option<Notice>) -> String {
        let said = notice.map_or_else(String::new, |notice| format!("&said={}", notice.word()));
        self.provider.url(&format!("/step?ticket={}{said}", self.sealed))
    }

    fn beginning(&self) -> Stage<'static> {
        Stage::Begin { asks_number: self.ticket.phone.is_none() }
    }

    fn check(&self) -> Option<CheckId> {
        self.ticket.check.as_deref()?.parse().ok()
    }

    fn binding(&self) -> Result<Binding> {
        Binding::new(format!("oidc:{}", self.ticket.id))
    }
}

/// The one answer to a ticket that is not good, or another visitor's.
fn over() -> Answer {
    dead_end(
        StatusCode::BAD_REQUEST,
        "This page is over, or belongs to another browser. Go back to the application that sent you here. It needs cookies.",
    )
}
