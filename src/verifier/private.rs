//! What a check remembers under seal.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    channel::Channel,
    error::Result,
    ids::{Action, Binding, KeyThumbprint, Subject},
    phone::PhoneNumber,
    policy::{CodeRules, Resend},
    provider::{Handle, Prompt},
    secret::Code,
};

/// The private part of a check: encrypted in the store, open only while a request is served.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Private {
    subject: String,
    phone: String,
    action: String,
    binding: Option<String>,
    key: Option<String>,
    pub(super) locale: Option<String>,
    pub(super) email: Option<String>,
    pub(super) client_ip: Option<IpAddr>,
    pub(super) began_at: SystemTime,
    pub(super) preflight: bool,
    /// The plan, as it was when the check began.
    pub(super) routes: Vec<(String, Channel)>,
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
    /// How many digits a code of ours has.
    pub(super) digits: u8,
    /// Whether the number is one for tests: nothing is sent to it, and what it proves is marked.
    pub(super) is_test: bool,
}

/// What the policy said when the check began.
pub(super) struct Planned {
    pub(super) routes: Vec<(String, Channel)>,
    pub(super) preflight: bool,
    pub(super) code: CodeRules,
    /// The code of a number for tests.
    pub(super) test: Option<Code>,
}

impl Private {
    pub(super) fn new(request: &super::StartRequest, plan: Planned, now: SystemTime) -> Self {
        Self {
            subject: request.subject.as_str().to_owned(),
            phone: request.phone.to_e164(),
            action: request.action.as_str().to_owned(),
            binding: request.binding.as_ref().map(|binding| binding.as_str().to_owned()),
            key: request.facts.key.as_ref().map(|key| key.as_str().to_owned()),
            locale: request.locale.clone(),
            email: request.email.clone(),
            client_ip: request.client_ip,
            began_at: now,
            preflight: plan.preflight,
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
            digits: plan.code.digits,
        }
    }

    pub(super) fn subject(&self) -> Result<Subject> {
        Subject::new(self.subject.as_str())
    }

    pub(super) fn phone(&self) -> Result<PhoneNumber> {
        PhoneNumber::parse(&self.phone, None)
    }

    pub(super) fn action(&self) -> Result<Action> {
        Action::new(self.action.as_str())
    }

    pub(super) fn binding(&self) -> Result<Option<Binding>> {
        self.binding.as_deref().map(Binding::new).transpose()
    }

    pub(super) fn key(&self) -> Result<Option<KeyThumbprint>> {
        self.key.as_deref().map(KeyThumbprint::new).transpose()
    }

    /// The route of the message that is out.
    pub(super) fn current(&self) -> Option<&(String, Channel)> {
        self.route.and_then(|index| self.routes.get(index))
    }

    /// The place in the plan after the message that is out.
    pub(super) fn next_index(&self) -> usize {
        self.route.map_or(0, |index| index + 1)
    }
}
