//! The provider, with one thing done wrong.

use std::{
    collections::HashMap,
    future::pending,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use handset::{
    Channel, CheckId, Code, Error, ErrorKind, PhoneNumber, Result,
    callback::{Freshness, Message, RawCallback, Scheme, refused},
    provider::{
        Handle, Order, Polled, Prompt, Provider, Report, Settle, Started, Verdict,
        http::{Http, HttpClient, Repeat},
    },
};
use reqwest::redirect::Policy;
use tokio::sync::Semaphore;
use tower::BoxError;

use crate::{
    acme::{Acme, Config, NAME, Signature, read_report},
    defect::Defect,
};

#[derive(Debug)]
pub(crate) struct Careless {
    honest: Acme,
    defect: Defect,
    config: Config,
    client: HttpClient,
    memory: Mutex<Memory>,
}

/// What a provider should not keep, nor show.
#[derive(Debug, Default)]
struct Memory {
    code: String,
    handles: Vec<Handle>,
    lines: HashMap<PhoneNumber, Arc<Semaphore>>,
}

impl Careless {
    pub(crate) fn new(config: Config, client: HttpClient, defect: Defect) -> Result<Self> {
        let client = match defect {
            Defect::FollowsRedirects => bare(Policy::default(), reqwest::Error::without_url)?,
            Defect::ShowsUrlsInErrors => bare(Policy::none(), |error| error)?,
            _ => client,
        };
        let honest = Acme::new(config.clone(), client.clone());
        Ok(Self { honest, defect, config, client, memory: Mutex::default() })
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn order(&self, order: &Order) -> Result<Started> {
        let declared = self.channels().contains(&order.channel);
        match self.defect {
            Defect::TakesAnyChannel => {
                let mut order = order.clone();
                order.channel = if declared { order.channel } else { Channel::Sms };
                self.honest.start(&order).await
            }
            Defect::HangsOnAnUndeclaredChannel if !declared => pending().await,
            Defect::OrdersTwice => {
                self.honest.start(order).await?;
                self.honest.start(order).await
            }
            Defect::FetchesATokenForEachStart => Acme::new(self.config.clone(), self.client.clone()).start(order).await,
            Defect::KeepsANumberLocked => self.one_at_a_time(order).await,
            _ => match self.honest.start(order).await {
                Err(error) if self.tries_again(&error) => self.honest.start(order).await,
                Err(error) if self.defect == Defect::ReadsAnyAnswerAsSuccess && says(&error, "not its JSON") => {
                    Ok(Started::new(Handle::new("-"), Settle::Poll))
                }
                ended => ended,
            },
        }
    }

    /// A future that is dropped does not give its permit back.
    async fn one_at_a_time(&self, order: &Order) -> Result<Started> {
        let line = self.memory().lines.entry(order.phone).or_insert_with(|| Arc::new(Semaphore::new(1))).clone();
        line.acquire().await.map_err(|_| Error::new(ErrorKind::Unavailable, "closed"))?.forget();
        let started = self.honest.start(order).await;
        line.add_permits(1);
        started
    }

    fn tries_again(&self, error: &Error) -> bool {
        match self.defect {
            Defect::OrdersAgainWhenTheAnswerIsLost => says(error, "reached") || says(error, "in time"),
            Defect::OrdersAgainAfterAServerError => says(error, "server error"),
            _ => false,
        }
    }

    /// What it makes of a verdict, and of an error that should be one.
    async fn misjudge(&self, verdict: Result<Verdict>) -> Result<Verdict> {
        Ok(match (self.defect, verdict) {
            (Defect::MatchesUnknownHandles, Err(error)) if says(&error, "does not know the order") => Verdict::Match,
            (Defect::MatchesExpiredHandles, Err(error)) if says(&error, "has closed the order") => Verdict::Match,
            (_, Err(error)) => return Err(self.misread(error).await),
            (Defect::MatchesWrongAnswers, Ok(Verdict::NoMatch)) => Verdict::Match,
            (Defect::RefusesRightAnswers, Ok(Verdict::Match)) => Verdict::NoMatch,
            (Defect::MatchesWhilePending, Ok(Verdict::Pending)) => Verdict::Match,
            (_, Ok(verdict)) => verdict,
        })
    }

    /// What it makes of an error, and does about it.
    async fn misread(&self, error: Error) -> Error {
        let kind = error.kind();
        let again = |kind| {
            let again = Error::new(kind, "went wrong").with_provider(NAME);
            error.retry_after().into_iter().fold(again, Error::with_retry_after)
        };
        match (self.defect, kind) {
            (Defect::BlamesTheNumberForTheAccount, ErrorKind::Misconfigured) => again(ErrorKind::Rejected),
            (Defect::TakesTooManyRequestsForAnOutage, ErrorKind::RateLimited) => again(ErrorKind::Unavailable),
            (Defect::ForgetsRetryAfter, ErrorKind::RateLimited) => Error::new(kind, "slower").with_provider(NAME),
            (Defect::ForgetsItsName, ErrorKind::Rejected) => Error::new(kind, "does not serve this number"),
            (Defect::TracesTheSecret, ErrorKind::Misconfigured) => {
                tracing::info!(secret = self.config.client_secret.expose(), "refused");
                error
            }
            (Defect::TracesTheToken, ErrorKind::Misconfigured) => {
                let token = self.honest.token().await;
                tracing::info!("refused with {:?}", token.map(|token| token.expose().to_owned()));
                error
            }
            (Defect::AsksWhatNoAskDescribesWhenRefused, ErrorKind::Misconfigured) => {
                self.call("/account").await;
                error
            }
            _ => error,
        }
    }

    /// Sends a request that nobody expects.
    async fn call(&self, path: &str) {
        let http = Http::new(NAME, self.client.clone(), self.config.time_out);
        let request = http::Request::get(format!("{}{path}", self.config.base_url)).body(Bytes::new());
        if let Ok(request) = request {
            let _unread = http.send(request, Repeat::Never).await;
        }
    }

    fn garble(&self, report: &mut Report) -> Result<()> {
        let memory = self.memory();
        match self.defect {
            Defect::GivesReportsANewIdEachTime => report.id = Some(CheckId::random()?.to_string()),
            Defect::GivesReportsNoId => report.id = None,
            Defect::NamesNoOrder => report.handle = None,
            Defect::NamesTheFirstOrder => report.handle = memory.handles.first().cloned(),
            Defect::NamesTheLastOrder => report.handle = memory.handles.last().cloned(),
            Defect::LetsUnsignedReportsDecide => report.verdict = Verdict::Match,
            _ => {}
        }
        Ok(())
    }
}

impl Provider for Careless {
    fn name(&self) -> &'static str {
        self.honest.name()
    }

    fn channels(&self) -> &[Channel] {
        self.honest.channels()
    }

    fn start<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Started>> {
        async move {
            let mut started = match self.order(order).await {
                Ok(started) => started,
                Err(error) if error.kind() == ErrorKind::Rejected => {
                    let number = match self.defect {
                        Defect::ShowsTheNumberInAnError => order.phone.to_e164(),
                        Defect::ShowsTheNationalNumberInAnError => national(&order.phone),
                        _ => return Err(self.misread(error).await),
                    };
                    return Err(Error::new(error.kind(), format!("will not call {number}")).with_provider(NAME));
                }
                Err(error) => return Err(self.misread(error).await),
            };
            if self.defect == Defect::PromptsForSomethingElse {
                started.prompt = Some(Prompt::Wait);
            }
            self.memory().handles.push(started.handle.clone());
            Ok(started)
        }
        .boxed()
    }

    fn judge<'a>(&'a self, handle: &'a Handle, typed: &'a Code) -> BoxFuture<'a, Result<Verdict>> {
        async move {
            let verdict = self.honest.judge(handle, typed).await;
            match (self.defect, &verdict) {
                (Defect::ShowsTheCodeInDebug, Ok(Verdict::NoMatch)) => {
                    typed.expose().clone_into(&mut self.memory().code)
                }
                (Defect::TracesTheCode, Ok(Verdict::NoMatch)) => tracing::info!(code = typed.expose(), "a wrong code"),
                (Defect::AsksWhatNoAskDescribes, Ok(Verdict::NoMatch)) => self.call("/attempts").await,
                _ => {}
            }
            self.misjudge(verdict).await
        }
        .boxed()
    }

    fn poll<'a>(&'a self, handle: &'a Handle) -> BoxFuture<'a, Result<Polled>> {
        async move {
            let verdict = self.honest.poll(handle).await.map(|polled| polled.verdict);
            self.misjudge(verdict).await.map(Polled::verdict)
        }
        .boxed()
    }

    fn callback<'a>(&'a self, raw: RawCallback, now: SystemTime) -> BoxFuture<'a, Result<Report>> {
        async move {
            let mut report = match &self.config.report_key {
                Some(key) => {
                    let lax = Lax { whole: Signature { key: key.clone() }, defect: self.defect };
                    let read = read_report(&raw.verify(&lax, now).await?);
                    if self.defect == Defect::ReadsWhateverIsPosted {
                        read.unwrap_or_else(|_| Report::new(Verdict::Pending))
                    } else {
                        read?
                    }
                }
                None => self.honest.callback(raw, now).await?,
            };
            self.garble(&mut report)?;
            report.verdict = self.misjudge(Ok(report.verdict)).await?;
            Ok(report)
        }
        .boxed()
    }
}

/// A look at the signature that leaves something out.
#[derive(Debug)]
struct Lax {
    whole: Signature,
    defect: Defect,
}

impl Scheme for Lax {
    fn check<'a>(&'a self, message: &'a Message, now: SystemTime) -> BoxFuture<'a, Result<()>> {
        async move {
            let signed = message.headers.contains_key("acme-signature");
            match self.defect {
                Defect::ReadsWhateverIsPosted => Ok(()),
                Defect::AcceptsAlteredReports if signed => Freshness::default().check(date(message)?, now),
                Defect::AcceptsReportsWithoutSignature if !signed => Freshness::default().check(date(message)?, now),
                Defect::AcceptsStaleReports => self.whole.check(message, date(message)?).await,
                _ => self.whole.check(message, now).await,
            }
        }
        .boxed()
    }
}

fn date(message: &Message) -> Result<SystemTime> {
    let date = message.headers.get("date").and_then(|value| value.to_str().ok());
    date.and_then(|date| httpdate::parse_http_date(date).ok()).ok_or_else(|| refused("the report has no date"))
}

/// Whether an error, or what is underneath, says so.
fn says(error: &Error, words: &str) -> bool {
    error.to_string().contains(words)
}

fn national(phone: &PhoneNumber) -> String {
    phone.to_e164().trim_start_matches(&format!("+{}", phone.country_code())).to_owned()
}

/// A client without what that of the crate looks after.
fn bare(redirect: Policy, shown: fn(reqwest::Error) -> reqwest::Error) -> Result<HttpClient> {
    let client = reqwest::Client::builder().no_proxy().redirect(redirect).build();
    let client = client.map_err(|source| Error::new(ErrorKind::Misconfigured, "no client").with_source(source))?;
    let service = tower::service_fn(move |request: http::Request<Bytes>| {
        let client = client.clone();
        async move {
            let mut answer = client.execute(request.try_into().map_err(shown)?).await.map_err(shown)?;
            let mut whole = http::Response::new(Bytes::new());
            *whole.status_mut() = answer.status();
            *whole.headers_mut() = std::mem::take(answer.headers_mut());
            *whole.body_mut() = answer.bytes().await.map_err(shown)?;
            Ok::<_, BoxError>(whole)
        }
    });
    Ok(HttpClient::new(service).danger_reach_private_addresses())
}
