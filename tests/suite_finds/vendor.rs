//! The vendor as the suite meets it.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt, ready};
use handset::{
    Channel, Code, Error,
    ErrorKind::{self, Misconfigured, RateLimited, Rejected, Unavailable},
    PhoneNumber, Result, Secret,
    provider::{Handle, Order, Provider, Started},
    testing::provider::{Ask, Callbacks, Covers, Declared, Evidence, Reading, Step, Vendor, Will, Wire},
};
use http::Method;

use crate::{
    acme::{Acme, Config},
    server::Server,
};

pub(crate) struct World {
    server: Server,
    phones: [PhoneNumber; 2],
}

impl World {
    /// A fresh vendor with a fresh account, whose reports are `signed` or not.
    pub(crate) async fn open(signed: bool) -> Result<Self> {
        let phones = [PhoneNumber::parse("+37126123456", None)?, PhoneNumber::parse("+37129876543", None)?];
        Ok(Self { server: Server::start(signed).await?, phones })
    }

    pub(crate) fn config(&self, wire: &Wire) -> Config {
        let account = self.server.account();
        Config {
            base_url: wire.url(),
            client_id: account.client_id.clone(),
            client_secret: account.client_secret.clone(),
            report_key: account.report_key.clone(),
            time_out: wire.time_out(),
        }
    }
}

impl Vendor for World {
    fn url(&self) -> String {
        self.server.account().url.clone()
    }

    fn provider(&self, wire: &Wire) -> Result<Arc<dyn Provider>> {
        Ok(Arc::new(Acme::new(self.config(wire), wire.client()?)))
    }

    fn phones(&self) -> [PhoneNumber; 2] {
        self.phones
    }

    fn asks(&self, channel: Channel) -> Vec<Ask> {
        let mut asks = vec![
            Ask::new("token", Step::Start, Method::POST, "/token").fetches_token(),
            Ask::new("order", Step::Start, Method::POST, "/orders").orders(),
            Ask::new("status", Step::Poll, Method::GET, "/orders/*"),
        ];
        if channel == Channel::Sms {
            asks.push(Ask::new("check", Step::Judge, Method::POST, "/orders/*/check"));
        }
        asks.into_iter().map(answered).collect()
    }

    fn callbacks(&self, _: Channel) -> Callbacks {
        match self.server.account().report_key {
            Some(_) => Callbacks::Signed { headers: &["date", "acme-signature"], covers: Covers::Body, dated: true },
            None => Callbacks::Unsigned,
        }
    }

    fn act<'a>(&'a self, order: &'a Order, started: &'a Started, will: Will) -> BoxFuture<'a, Result<Evidence>> {
        let id = started.handle.as_str();
        let done = match order.channel {
            Channel::Sms => self.server.sms(id).ok_or_else(no_message).and_then(|code| match will {
                Will::Pass => Ok(Evidence::Typed(code)),
                Will::Fail => Ok(Evidence::Typed(another(&code)?)),
            }),
            _ => {
                self.server.take_call(id, will == Will::Pass);
                Ok(Evidence::Acted)
            }
        };
        ready(done).boxed()
    }

    fn forget<'a>(&'a self, handle: &'a Handle) -> BoxFuture<'a, bool> {
        self.server.close(handle.as_str());
        ready(true).boxed()
    }

    fn secrets(&self) -> Vec<Secret> {
        let account = self.server.account();
        account.report_key.iter().chain([&account.client_secret]).cloned().collect()
    }

    fn declared(&self, _: Channel) -> Vec<Declared> {
        const UNSIGNED: &str = "this account's reports are not signed";
        match self.server.account().report_key {
            Some(_) => Vec::new(),
            None => vec![
                Declared::new("callback_altered_by_one_byte", UNSIGNED),
                Declared::new("callback_without_its_signature", UNSIGNED),
                Declared::new("callback_stale", UNSIGNED),
            ],
        }
    }
}

/// What the vendor says with each status. It has the same words for every request.
fn answered(ask: Ask) -> Ask {
    ANSWERS.iter().fold(ask, |ask, (status, body, kind)| ask.answers(*status, *body, Reading::Error(*kind)))
}

pub(crate) const ANSWERS: [(u16, &str, ErrorKind); 9] = [
    (400, r#"{"error":"bad request"}"#, Rejected),
    (401, r#"{"error":"who are you?"}"#, Misconfigured),
    (403, r#"{"error":"not for you"}"#, Misconfigured),
    (404, r#"{"error":"no such order"}"#, Unavailable),
    (409, r#"{"error":"conflict"}"#, Rejected),
    (412, r#"{"error":"not this number"}"#, Rejected),
    (429, r#"{"error":"slower"}"#, RateLimited),
    (500, r#"{"error":"sorry"}"#, Unavailable),
    (503, r#"{"error":"back soon"}"#, Unavailable),
];

/// A code of the same length that is not this one.
fn another(code: &Code) -> Result<Code> {
    let turned = code.expose().bytes().map(|digit| char::from(b'0' + (digit - b'0' + 1) % 10));
    Code::new(turned.collect::<String>())
}

fn no_message() -> Error {
    Error::new(Unavailable, "there is no such message")
}
