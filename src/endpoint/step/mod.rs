//! `/step`: the page of a step, for applications that have none of their own. `GET` shows where it stands, `POST` does what a form
//! says, and then shows that; the proof goes into a cookie, and the browser back to the application.

mod errand;
mod way_back;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header::SET_COOKIE, request::Parts};
use http_body::Body;
use http_body_util::Full;
use tower::BoxError;

use self::errand::Hosted;
use super::{Endpoints, NO_ENDPOINT, Served, body, method_not_allowed, not_found};
use crate::{
    check::Status,
    error::Result,
    ids::Subject,
    parameters::Parameters,
    step_page::{
        Done, Errand, Notice, Stage, Standing, StepPage, StepPages, Visit, Walk, Words, dead_end_in, see_other, sight,
    },
    verifier::{Caller, Facts, Verified, Verifier},
    visitor,
};

type Answer = Response<Full<Bytes>>;

pub(super) async fn serve<B>(endpoints: &Endpoints, parts: &Parts, body: B, rest: &[&str], method: &str) -> Served
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let Some(pages) = &endpoints.pages else { return Err(not_found(NO_ENDPOINT)) };
    let host = Host { verifier: &endpoints.verifier, pages, parts };
    match (rest, method) {
        ([], "GET") => Ok(host.look().await),
        ([], "POST") => Ok(host.act(body::form(&parts.headers, body, endpoints.body_time_out).await).await),
        ([], _) => Err(method_not_allowed("GET, POST")),
        (["changes"], "GET") => Ok(host.changes().await),
        (["changes"], _) => Err(method_not_allowed("GET")),
        _ => Err(not_found(NO_ENDPOINT)),
    }
}

/// The page, for one request.
struct Host<'h> {
    verifier: &'h Verifier,
    pages: &'h StepPages,
    parts: &'h Parts,
}

impl<'h> Host<'h> {
    async fn look(&self) -> Answer {
        match Parameters::read(self.parts.uri.query().unwrap_or_default().as_bytes()) {
            None => self.dead_end(StatusCode::BAD_REQUEST, "dead-end-link"),
            Some(said) if said.one("ticket").is_some() => self.go_on(&said).await,
            Some(said) => self.begin(&said).unwrap_or_else(|error| self.out_of_order(&error)),
        }
    }

    /// Shows the page of a new step.
    fn begin(&self, said: &Parameters) -> Result<Answer> {
        let (browser, cookie) = match visitor::of_cookie(self.verifier, &self.parts.headers) {
            Some(browser) => (browser, None),
            None => visitor::newcomer(self.verifier).map(|(browser, cookie)| (browser, Some(cookie)))?,
        };
        let visit = self.visit(browser)?;
        let words = self.words(said.one("locale"));
        let Some(hosted) = Hosted::read(said, &visit.facts, &self.verifier.policy(), &words, self.pages.origins())
        else {
            return Ok(self.dead_end(StatusCode::BAD_REQUEST, "dead-end-link"));
        };
        let walk = Walk::begin(self.verifier, &visit, self.page_url(), hosted, visit.facts.phone)?;
        let mut response = self.show(&walk, Standing::Beginning.stage(&walk.ticket.errand), None, &visit)?;
        response.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
        Ok(response)
    }

    /// Shows where a step stands.
    async fn go_on(&self, said: &Parameters) -> Answer {
        let Some(visit) = self.known_visit() else { return self.over() };
        let Some(walk) = self.open(&visit, said) else { return self.over() };
        let returned = said.one("returned").map(|_| Notice::NotConfirmed);
        let notice = said.one("said").and_then(Notice::of_word).or(returned);
        let shown = match walk.look().await {
            Ok(Standing::Verified(verified)) => finish(&walk.ticket.errand, Some(&verified)),
            // Another tab of this browser was quicker, and has left the proof with it.
            Ok(Standing::Check(check)) if check.status == Status::Verified => finish(&walk.ticket.errand, None),
            Ok(standing) => self.show(&walk, standing.stage(&walk.ticket.errand), notice, &visit),
            Err(error) => Err(error),
        };
        shown.unwrap_or_else(|error| self.out_of_order(&error))
    }

    async fn act(&self, form: Option<Bytes>) -> Answer {
        let (Some(visit), Some(said)) = (self.known_visit(), form.and_then(|form| Parameters::read(&form))) else {
            return self.over();
        };
        let Some(mut walk) = self.open(&visit, &said) else { return self.over() };
        let notice = match walk.act(&said).await {
            Ok(None) => return self.over(),
            Ok(Some(Done::Look(notice))) => notice,
            Ok(Some(Done::CalledOff)) => return self.called_off(&walk, &visit),
            Err(error) => Notice::of_error(&error),
        };
        let again = walk.url(notice).and_then(|url| see_other(&url));
        again.unwrap_or_else(|error| self.out_of_order(&error))
    }

    fn called_off(&self, walk: &Walk<'_, Hosted>, visit: &Visit) -> Answer {
        let gone = match &walk.ticket.errand.cancel_to {
            Some(url) => see_other(url),
            None => self.show(walk, Stage::CalledOff, None, visit),
        };
        gone.unwrap_or_else(|error| self.out_of_order(&error))
    }

    /// Says when there is something else to see: 200 then, and 204 when there was nothing for a while.
    async fn changes(&self) -> Answer {
        let said = Parameters::read(self.parts.uri.query().unwrap_or_default().as_bytes());
        let (Some(visit), Some(said)) = (self.known_visit(), said) else { return self.over() };
        let Some(walk) = self.open(&visit, &said) else { return self.over() };
        match walk.changes(said.one("seen").unwrap_or_default(), LONGEST_WAIT).await {
            Ok(changed) => {
                let mut response = Response::default();
                *response.status_mut() = if changed { StatusCode::OK } else { StatusCode::NO_CONTENT };
                response.headers_mut().insert("cache-control", HeaderValue::from_static("no-store"));
                response
            }
            Err(error) => self.out_of_order(&error),
        }
    }

    fn show(&self, walk: &Walk<'_, Hosted>, stage: Stage<'_>, notice: Option<Notice>, visit: &Visit) -> Result<Answer> {
        let (hosted, sealed) = (&walk.ticket.errand, walk.sealed()?);
        let seen = match &stage {
            Stage::Check(check) => sight(check),
            _ => String::new(),
        };
        let page = StepPage {
            words: &self.words(hosted.locale.as_deref()),
            brand: self.pages.brand(),
            asking: self.pages.brand().name.as_deref(),
            transaction: hosted.binding.as_deref(),
            phone: walk.ticket.phone(),
            email: visit.facts.email.as_deref().or(walk.ticket.email()),
            may_change: hosted.asks_number(),
            stage,
            notice,
            now: visit.now,
            here: &walk.url(notice)?,
            changes: Some(&format!("{}/changes?ticket={sealed}&seen={seen}", self.page_url())),
            form_action: &self.page_url(),
            hidden: &[("ticket", &sealed), ("csrf", &walk.csrf())],
            form_target: &hosted.targets(),
        };
        Ok(page.response(StatusCode::OK))
    }

    /// The visit of somebody who was here before.
    fn known_visit(&self) -> Option<Visit> {
        let browser = visitor::of_cookie(self.verifier, &self.parts.headers)?;
        self.visit(browser).inspect_err(|error| tracing::error!(?error, "unavailable")).ok()
    }

    /// Failures count for the application's own subject, if there is one; the page belongs to the browser all the same.
    fn visit(&self, browser: Subject) -> Result<Visit> {
        let extensions = &self.parts.extensions;
        let own = extensions.get::<Subject>().cloned();
        let now = self.verifier.trusted_now()?;
        let caller = extensions.get::<Caller>().copied().unwrap_or_default();
        let facts = extensions.get::<Facts>().cloned().unwrap_or_default();
        Ok(match own {
            Some(subject) => Visit { subject, browser: Some(browser), caller, facts, now },
            None => Visit { subject: browser, browser: None, caller, facts, now },
        })
    }

    fn open<'w>(&'w self, visit: &'w Visit, said: &Parameters) -> Option<Walk<'w, Hosted>> {
        Walk::open(self.verifier, visit, self.page_url(), said)
    }

    fn page_url(&self) -> String {
        format!("{}/step", self.verifier.mount())
    }

    fn words(&self, locale: Option<&str>) -> Words {
        self.pages.words(&[locale], &self.parts.headers)
    }

    /// The one answer to a ticket that is not good, or another browser's.
    fn over(&self) -> Answer {
        self.dead_end(StatusCode::BAD_REQUEST, "dead-end-over")
    }

    fn out_of_order(&self, error: &crate::error::Error) -> Answer {
        tracing::error!(?error, "unavailable");
        self.dead_end(StatusCode::SERVICE_UNAVAILABLE, "dead-end-later")
    }

    fn dead_end(&self, status: StatusCode, message: &str) -> Answer {
        dead_end_in(self.pages, &self.words(None), status, message)
    }
}

/// Sends the browser back, with the proof in its cookies.
fn finish(hosted: &Hosted, verified: Option<&Verified>) -> Result<Answer> {
    let mut response = see_other(&hosted.return_to)?;
    if let Some(verified) = verified {
        let cookie = visitor::proof_cookie(verified.token.expose(), verified.expires_in)?;
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Proxies cut connections that are silent for a minute; this leaves room.
const LONGEST_WAIT: Duration = Duration::from_secs(25);
