//! What a check remembers under seal.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::plan::Planned;
use crate::{
    channel::Channel,
    error::{Error, ErrorKind, Result},
    ids::{Action, Binding, KeyThumbprint, Subject},
    phone::{Line, PhoneNumber},
    policy::Resend,
    provider::{Handle, Prompt},
};

/// The private part of a check: encrypted in the store, open only while a request is served.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Private {
    subject: String,
    phone: String,
    line: Line,
    action: String,
    binding: Option<String>,
    /// Whether the application has said what the binding is, and not the client.
    binding_is_ours: bool,
    key: Option<String>,
    browser: Option<String>,
    pub(super) return_page: Option<String>,
    pub(super) locale: Option<String>,
    pub(super) email: Option<String>,
    pub(super) client_ip: Option<IpAddr>,
    pub(super) began_at: SystemTime,
    /// As in the state; nothing moves it.
    pub(super) expires_at: SystemTime,
    /// The plan, as it was when the check began.
    pub(super) routes: Vec<PlannedRoute>,
    /// The place in the plan of the message that is out.
    pub(super) route: Option<usize>,
    /// When that was ordered, before the vendor was asked.
    pub(super) ordered_at: Option<SystemTime>,
    pub(super) handle: Option<Handle>,
    pub(super) prompt: Prompt,
    /// What the device has to bring back.
    pub(super) state: Option<Zeroizing<String>>,
    /// The code that was sent, where the policy wants the same one sent again.
    pub(super) code: Option<Zeroizing<String>>,
    pub(super) resend_after: Duration,
    pub(super) resend: Resend,
    /// Whether the number is one for tests: nothing is sent to it, and what it proves is marked.
    pub(super) is_test: bool,
}

/// A message that may go out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PlannedRoute {
    pub(super) provider: String,
    pub(super) channel: Channel,
    pub(super) preflight: bool,
    /// How many digits a code of ours has.
    pub(super) digits: u8,
    /// What the message says, if the policy says it.
    pub(super) message: Option<String>,
}

impl PlannedRoute {
    /// Whether both reach the phone the same way.
    pub(super) fn is(&self, other: &Self) -> bool {
        (&self.provider, self.channel) == (&other.provider, other.channel)
    }
}

impl Private {
    pub(super) fn new(request: &super::StartRequest, plan: Planned, now: SystemTime) -> Self {
        Self {
            subject: request.subject.as_str().to_owned(),
            phone: request.phone.to_e164(),
            line: request.phone.line(),
            action: request.action.as_str().to_owned(),
            binding: request.binding.as_ref().map(|binding| binding.as_str().to_owned()),
            binding_is_ours: request.facts.binding.is_some() && request.facts.binding == request.binding,
            key: request.facts.key.as_ref().map(|key| key.as_str().to_owned()),
            browser: request.browser.as_ref().map(|browser| browser.as_str().to_owned()),
            return_page: request.return_page.clone(),
            locale: request.locale.clone(),
            // What the application knows goes before what the client brings.
            email: request.facts.email.clone().or_else(|| request.email.clone()),
            client_ip: request.client_ip,
            began_at: now,
            expires_at: now + plan.code.lifetime,
            routes: plan.routes,
            route: None,
            ordered_at: None,
            handle: None,
            prompt: Prompt::Wait,
            state: None,
            is_test: plan.test.is_some(),
            code: plan.test.map(|code| Zeroizing::new(code.expose().to_owned())),
            resend_after: plan.code.resend_after,
            resend: plan.code.resend,
        }
    }

    pub(super) fn subject(&self) -> Result<Subject> {
        Subject::new(self.subject.as_str())
    }

    /// Who comes back with an answer: the browser, where it has a name of its own.
    pub(super) fn comes_back(&self) -> Result<Subject> {
        Subject::new(self.browser.as_ref().unwrap_or(&self.subject).as_str())
    }

    pub(super) fn phone(&self) -> Result<PhoneNumber> {
        PhoneNumber::kept(&self.phone, &self.line)
            .ok_or_else(|| Error::new(ErrorKind::Unavailable, "the stored number of a check cannot be read"))
    }

    pub(super) fn action(&self) -> Result<Action> {
        Action::new(self.action.as_str())
    }

    pub(super) fn binding(&self) -> Result<Option<Binding>> {
        self.binding.as_deref().map(Binding::new).transpose()
    }

    /// The transaction, in words that may go to a phone: whoever starts a check writes no messages.
    pub(super) fn transaction(&self) -> Option<&str> {
        self.binding.as_deref().filter(|_| self.binding_is_ours)
    }

    pub(super) fn key(&self) -> Result<Option<KeyThumbprint>> {
        self.key.as_deref().map(KeyThumbprint::new).transpose()
    }

    /// The route of the message that is out.
    pub(super) fn current(&self) -> Option<&PlannedRoute> {
        self.route.and_then(|index| self.routes.get(index))
    }

    /// The place in the plan after the message that is out.
    pub(super) fn next_index(&self) -> usize {
        self.route.map_or(0, |index| index + 1)
    }
}
