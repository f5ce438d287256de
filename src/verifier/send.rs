//! Sending a message: down the plan until a provider takes the order.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

use zeroize::Zeroizing;

use super::{
    Inner, Verifier,
    private::{PlannedRoute, Private},
};
use crate::{
    channel::Channel,
    check::{CodeMacs, Digest, Expected, Keys},
    error::{Error, ErrorKind, Result},
    ids::CheckId,
    limiter::LimitFacts,
    policy::{On, Resend},
    provider::{CodeSource, Handle, Order, Prompt, Settle, Started},
    secret::Code,
    store::{Change, Judge, Record, Step},
};

impl Verifier {
    /// Orders the message of a leg from the first route at or after `first` that takes it. The record when it has gone out, unless the
    /// check ended meanwhile.
    pub(super) async fn send(
        &self,
        id: CheckId,
        mut private: Private,
        leg: u8,
        first: usize,
    ) -> Result<Option<Record>> {
        let mut failures = Failures::default();
        for index in first..private.routes.len() {
            match self.order(&id, &mut private, index).await {
                Ok((started, channel)) => return self.sent(id, private, leg, started, channel).await,
                Err(error) => failures.note(error),
            }
        }
        let now = self.inner.clock.read().now;
        let change = self.inner.store.advance(id, Step::NotSent { leg }, now).await?;
        self.inner.record_end(&id, &change, now);
        Err(failures.sum_up())
    }

    async fn order(&self, id: &CheckId, private: &mut Private, index: usize) -> Result<(Started, Channel)> {
        let inner = &self.inner;
        let unknown = || Error::new(ErrorKind::Misconfigured, "a provider of the plan is not configured any more");
        let PlannedRoute { provider: name, channel, preflight, digits, message } =
            private.routes.get(index).cloned().ok_or_else(unknown)?;
        if let (true, Some(code)) = (private.is_test, &private.code) {
            // Nobody is reached: the code is the one of the policy.
            let expected = Expected::code(Code::new(code.as_str())?);
            private.route = Some(index);
            return Ok((Started::new(Handle::new("test"), Settle::LocalCode(expected)), channel));
        }
        let (name, provider) = inner.providers.get_key_value(name.as_str()).ok_or_else(unknown)?;
        let message = message.map(|message| inner.worded(message, private)).transpose()?;
        let (phone, subject, action) = (private.phone()?, private.subject()?, private.action()?);
        let facts = LimitFacts {
            phone: Some(&phone),
            subject: Some(&subject),
            ip: None,
            action: Some(&action),
            provider: Some(name),
        };
        inner.limit(On::Start, &facts, inner.clock.read().now).await?;

        let code = match &private.code {
            Some(code) if private.resend == Resend::Reuse && code.len() == usize::from(digits) => {
                Code::new(code.as_str())?
            }
            _ => Code::random(digits)?,
        };
        let order = Order {
            check_id: *id,
            phone,
            channel,
            code,
            message,
            locale: private.locale.clone(),
            email: private.email.clone(),
            client_ip: private.client_ip,
            preflight,
            callback_url: inner.callback_url(name, id),
            return_to: inner.return_to(name, id)?,
        };
        inner.claim_alias(name, provider.alias(&order), id, private.expires_at).await?;
        let ordered_at = inner.clock.read().now;
        match provider.start(&order).await.and_then(|started| fit(name, started)) {
            Ok(started) => {
                tracing::info!(check = %id, provider = name, %channel, "message ordered");
                inner.out_of_reach.invalidate(name);
                private.route = Some(index);
                private.ordered_at = Some(ordered_at);
                private.code = Some(Zeroizing::new(order.code.expose().to_owned()));
                private.state = order.return_to.map(|return_to| Zeroizing::new(return_to.state));
                Ok((started, channel))
            }
            Err(error) => {
                tracing::warn!(check = %id, provider = name, %channel, error = ?error, "message not ordered");
                if error.kind() == ErrorKind::Unavailable {
                    inner.out_of_reach.insert(name, ());
                }
                Err(error)
            }
        }
    }

    async fn sent(
        &self,
        id: CheckId,
        mut private: Private,
        leg: u8,
        started: Started,
        channel: Channel,
    ) -> Result<Option<Record>> {
        let inner = &self.inner;
        let now = inner.clock.read().now;
        private.handle = Some(started.handle);
        let typed = |digits| Prompt::EnterCode { length: digits, source: source(channel) };
        let (judge, prompt) = match started.settle {
            Settle::LocalCode(expected) => {
                let context = inner.context(&id, &private.action()?, private.binding()?.as_ref());
                let digits = u8::try_from(expected.digits().expose().len()).unwrap_or(u8::MAX);
                (Judge::Us(CodeMacs::of(inner.keys.of(&id), &id, &context, &expected)), typed(digits))
            }
            Settle::RemoteCode { digits } => (Judge::Vendor, typed(digits)),
            Settle::Redirect => (Judge::Redirect, Prompt::Wait),
            Settle::Poll => (Judge::Poll, Prompt::Wait),
            Settle::Callback => (Judge::Callback, Prompt::Wait),
        };
        private.prompt = started.prompt.unwrap_or(prompt);
        let sealed = inner.keys.of(&id).seal(&id, &private)?;
        match inner.store.advance(id, Step::Sent { leg, judge, sealed }, now).await? {
            Change::Made(record) => Ok(Some(record)),
            // It was cancelled or ran out meanwhile; the caller sees that in its status.
            _ => Ok(None),
        }
    }

    /// Sends the message of a pending check once more, when enough time has passed since the last one.
    pub(super) async fn resend_if_due(
        &self,
        id: CheckId,
        record: &Record,
        ip: Option<IpAddr>,
        now: SystemTime,
    ) -> Result<Option<Record>> {
        let private: Private = self.inner.keys.of(&id).open(&id, &record.sealed)?;
        let state = &record.state;
        let due = !state.is_sending() && state.sent_at().is_some_and(|sent| sent + private.resend_after <= now);
        match private.route {
            Some(route) if due => self.leave(id, record, private, route, ip, now).await,
            _ => Ok(None),
        }
    }

    /// Leaves the current message of a check for another one, within budgets and limits.
    pub(super) async fn leave(
        &self,
        id: CheckId,
        record: &Record,
        private: Private,
        to: usize,
        ip: Option<IpAddr>,
        now: SystemTime,
    ) -> Result<Option<Record>> {
        let inner: &Inner = &self.inner;
        let leg = record.state.leg();
        let step = Step::Leave { leg, failures: inner.policy.load().failure_budget() };
        match inner.store.advance(id, step, now).await? {
            Change::Made(_) => {}
            Change::BudgetSpent { retry_after } => return Err(super::over_limit(retry_after)),
            // Somebody else left the same leg: that message is the one.
            Change::Refused => return Ok(None),
        }
        let leg = leg.saturating_add(1);
        let (phone, subject, action) = (private.phone()?, private.subject()?, private.action()?);
        let facts =
            LimitFacts { phone: Some(&phone), subject: Some(&subject), ip, action: Some(&action), provider: None };
        if let Err(error) = inner.limit_start(&facts, private.is_test, &mut Vec::new(), now).await {
            inner.store.advance(id, Step::NotSent { leg }, now).await?;
            return Err(error);
        }
        self.send(id, private, leg, to).await
    }
}

impl Inner {
    /// The check that a vendor's callback means by the name of its order.
    pub(super) async fn find_alias(&self, provider: &str, alias: &str, now: SystemTime) -> Result<Option<CheckId>> {
        for keys in self.keys.all() {
            if let Some(id) = self.store.find(alias_name(keys, provider, alias), now).await? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// What a message says, but for the code.
    fn worded(&self, message: String, private: &Private) -> Result<String> {
        let missing = |what| Error::new(ErrorKind::Misconfigured, what);
        let mut message = message;
        if message.contains("{transaction}") {
            let transaction = private.transaction().ok_or_else(|| {
                missing("the message names the transaction: give the check a `binding` that is also in its `Facts`")
            })?;
            // Its words are no places for ours.
            message = message.replace("{transaction}", &transaction.replace(['{', '}'], ""));
        }
        if message.contains("{host}") {
            let host = self.public_url.as_deref().and_then(|url| url.split_once("://"));
            let (_, host) =
                host.ok_or_else(|| missing("the message names our host: give the verifier its `public_url`"))?;
            message = message.replace("{host}", host.split(':').next().unwrap_or(host));
        }
        Ok(message)
    }

    /// Takes the name that a vendor will call the order by, before the order goes out: two open orders of one name could not
    /// be told apart.
    async fn claim_alias(&self, provider: &str, alias: Option<String>, id: &CheckId, until: SystemTime) -> Result<()> {
        let Some(alias) = alias else { return Ok(()) };
        let now = self.clock.read().now;
        for keys in self.keys.all() {
            if !self.store.alias(alias_name(keys, provider, &alias), *id, until, now).await? {
                let message = "another check of this number is open on this channel";
                return Err(Error::new(ErrorKind::Unavailable, message));
            }
        }
        Ok(())
    }
}

/// The name of an order in a vendor's callbacks, as the store knows it.
fn alias_name(keys: &Keys, provider: &str, alias: &str) -> Digest {
    keys.name("alias", &[provider.as_bytes(), alias.as_bytes()])
}

/// Refuses a prompt that is not fit for clients, as if the vendor had answered nonsense.
fn fit(provider: &'static str, started: Started) -> Result<Started> {
    if started.prompt.as_ref().is_none_or(Prompt::can_be_shown) {
        return Ok(started);
    }
    let message = "answered with a URL that is too long, or has other characters than those of URLs";
    Err(Error::new(ErrorKind::Unavailable, message).with_provider(provider))
}

fn source(channel: Channel) -> CodeSource {
    match channel {
        Channel::FlashCall => CodeSource::CallerId,
        Channel::VoiceCode | Channel::KeyPress => CodeSource::Call,
        Channel::Email => CodeSource::Email,
        Channel::Sms | Channel::SilentNetwork => CodeSource::Message,
    }
}

/// Why no route took the order.
#[derive(Default)]
struct Failures {
    all_rejected: Option<bool>,
    retry_after: Option<Duration>,
    last: Option<Error>,
}

impl Failures {
    fn note(&mut self, error: Error) {
        let rejected = error.kind() == ErrorKind::Rejected;
        self.all_rejected = Some(self.all_rejected.unwrap_or(true) && rejected);
        self.retry_after = match (self.retry_after, error.retry_after()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self.last = Some(error);
    }

    /// One error for the client: it does not say which vendor failed, nor why.
    fn sum_up(self) -> Error {
        let error = match self.all_rejected {
            Some(true) => {
                Error::new(ErrorKind::Rejected, "this number cannot be reached; check it, or use another one")
            }
            _ => Error::new(ErrorKind::Unavailable, "the phone cannot be reached right now; try again later"),
        };
        let error = match self.retry_after {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        };
        match self.last {
            Some(last) => error.with_source(last),
            None => error,
        }
    }
}
