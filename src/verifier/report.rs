//! A vendor's server calls.

use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, Method};
use tracing::Instrument;

use super::{Caller, Verifier, address::Addressee, answer::same_message, ended, private::Private};
use crate::{
    callback::{Message, RawCallback, local_time},
    error::{Error, ErrorKind, Result},
    ids::CheckId,
    limiter::LimitFacts,
    policy::On,
    provider::{Provider, Report, Verdict},
    store::{Judge, Record},
};

/// A request of a vendor's server, as the endpoint got it.
#[derive(Debug)]
pub(crate) struct Posted {
    pub(crate) method: Method,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Verifier {
    /// The URL at which a vendor reports that knows one URL for its whole account; put it into the vendor's dashboard. Keep it
    /// secret: with vendors that sign nothing it is all that tells their word from a stranger's.
    ///
    /// `None` without a public URL.
    #[must_use]
    pub fn callback_url(&self, provider: &str) -> Option<String> {
        self.inner.account_callback_url(provider)
    }

    /// A vendor's server calls. What it says counts only after its sender was checked, only for a check of that provider that
    /// is open, and only once.
    pub(crate) async fn report(&self, provider: &str, token: &str, posted: Posted, caller: Caller) -> Result<()> {
        let inner = &self.inner;
        let now = inner.trusted_time()?;
        let (vendor, addressee) = self.vendor(provider, token)?;
        let facts = LimitFacts { ip: caller.ip, provider: Some(provider), ..LimitFacts::default() };
        inner.limit(On::Callback, &facts, now).await?;
        inner.limit(On::Callback, &LimitFacts { provider: None, ..facts }, now).await?;

        let Posted { method, query, headers, body } = posted;
        let path = format!("callback/{provider}/{token}");
        let path = if query.is_empty() { path } else { format!("{path}?{query}") };
        let url = inner.url(&path).ok_or_else(ended)?;
        let raw = RawCallback::new(Message { method, url, headers, body, peer: caller.ip });
        let report = vendor.callback(raw, now).await.inspect_err(|error| {
            tracing::warn!(provider, ?error, "callback refused");
        })?;
        // A task of its own: a vendor that hangs up must not take half of its word with it, which it says only once.
        let verifier = self.clone();
        let provider = vendor.name();
        let task =
            tokio::spawn(async move { verifier.apply(provider, addressee, &report, now).await }.in_current_span());
        task.await.map_err(|source| Error::new(ErrorKind::Unavailable, "a callback broke off").with_source(source))?
    }

    /// The answer to a vendor that tests the URL with a `GET`.
    pub(crate) fn echo(&self, provider: &str, token: &str, query: &str) -> Option<String> {
        self.vendor(provider, token).ok()?.0.echo(query)
    }

    fn vendor(&self, provider: &str, token: &str) -> Result<(&dyn Provider, Addressee)> {
        let vendor = self.inner.providers.get(provider).ok_or_else(ended)?;
        Ok((vendor.as_ref(), self.inner.addressee(provider, token).ok_or_else(ended)?))
    }

    async fn apply(&self, provider: &str, addressee: Addressee, report: &Report, now: SystemTime) -> Result<()> {
        let inner = &self.inner;
        let Some(id) = self.about(provider, addressee, report, now).await? else {
            tracing::info!(provider, "callback about no open check");
            return Ok(());
        };
        tracing::info!(check = %id, provider, verdict = ?report.verdict, delivery = ?report.delivery, "callback");
        let Some(record) = inner.store.load(id, now).await? else { return Ok(()) };
        let private: Private = inner.keys.of(&id).open(&id, &record.sealed)?;
        let here = private.current().is_some_and(|route| route.provider == provider);
        // An order before the one that is out, whose message was left behind.
        let late = report.handle.is_some() && report.handle != private.handle || began_before(report, &private);
        // Not a redirect: that some device showed the number says nothing about the browser that started the check.
        let decides = matches!(record.judge, Judge::Callback | Judge::Poll);
        if !here || late || !decides || report.verdict == Verdict::Pending {
            return Ok(());
        }
        let news = match (&report.id, addressee) {
            (Some(report_id), Addressee::Check(_)) => {
                inner.is_news(provider, report_id, report.verdict, &record, now).await?
            }
            // The next check may go by the same name: a match that is told again must not be heard as its own.
            (Some(report_id), Addressee::Account) => {
                let told: [&[u8]; 2] = [provider.as_bytes(), report_id.as_bytes()];
                inner.first_time("report", &told, now + local_time::MEMORY, now).await?
            }
            (None, _) => true,
        };
        if !news {
            return Ok(());
        }
        // A check that has ended meanwhile stays as it ended, and one that went on stays where it is; the vendor is told that it
        // was heard.
        let settle = async |reserved: &Record| same_message(&record, reserved).map(|()| report.verdict);
        let settled = self.attempt(id, record.owner, false, now, settle).await;
        settled.map(drop).or_else(|error| match error.kind() {
            ErrorKind::CheckEnded | ErrorKind::RateLimited | ErrorKind::NotExpected => Ok(()),
            _ => Err(error),
        })
    }

    async fn about(&self, provider: &str, to: Addressee, report: &Report, now: SystemTime) -> Result<Option<CheckId>> {
        match (to, &report.alias) {
            (Addressee::Check(id), _) => Ok(Some(id)),
            (Addressee::Account, Some(alias)) => self.inner.find_alias(provider, alias, now).await,
            (Addressee::Account, None) => Ok(None),
        }
    }
}

/// Whether a report is about something that began before the order that is out was placed.
fn began_before(report: &Report, private: &Private) -> bool {
    report.began.is_some_and(|began| private.ordered_at.is_none_or(|ordered| began + local_time::SKEW < ordered))
}
