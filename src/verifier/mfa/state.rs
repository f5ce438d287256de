//! What is under the seal of a pending login, and what it becomes.

use std::time::SystemTime;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::{
    Ask, Done, MfaLogin, MfaStep, Over, PendingLogin,
    login::{Factor, Shown},
};
use crate::{
    check::{Digest, Status},
    error::{ErrorKind, Result},
    ids::{Binding, CheckId},
    phone::PhoneNumber,
    policy::StepUp,
    proof::Proof,
    random,
    verifier::{Check, StartRequest, Verified, ended},
};

/// A login whose phone step is not done. It holds names and keyed hashes, no number and no address.
#[derive(Serialize, Deserialize)]
pub(super) struct State {
    /// Names this login, so that it is done once.
    once: Digest,
    /// What check and proof are bound to: no proof of another login, of the same account even, ends this one.
    binding: String,
    pub(super) factors: Vec<Shown>,
    pub(super) asked: Option<Asked>,
    pub(super) expires_at: SystemTime,
}

/// The number that was asked, and the check by which.
#[derive(Serialize, Deserialize)]
pub(super) struct Asked {
    check: [u8; 16],
    /// Its [`MaskedNumber::id`](super::MaskedNumber).
    pub(super) number: String,
}

impl State {
    pub(super) fn begin(login: &MfaLogin<'_>, now: SystemTime) -> Result<Self> {
        let once: Digest = random::bytes()?;
        let factors: Vec<Shown> = login.factors.iter().map(|factor| login.shown(factor)).collect();
        let binding = match login.session.as_str() {
            "" => URL_SAFE_NO_PAD.encode(once),
            // Two clicks in one session are one login, as far as the phone is concerned.
            session => {
                let before = factors.iter().flat_map(|factor| [factor.method.as_bytes(), factor.address_bytes()]);
                let parts: Vec<_> = std::iter::once(session.as_bytes()).chain(before).collect();
                login.verifier.inner.keys.current().text_name("login", &parts)
            }
        };
        let expires_at = now + MfaStep::LIFETIME;
        Ok(Self { once, binding: format!("login:{binding}"), factors, asked: None, expires_at })
    }

    /// Asks a number, or joins the check by which it is being asked.
    pub(super) async fn ask(mut self, login: &MfaLogin<'_>, phone: &PhoneNumber) -> Result<MfaStep> {
        let mut request = StartRequest::new(login.subject.clone(), *phone, login.action.clone());
        request.binding = Some(Binding::new(self.binding.as_str())?);
        request.channel = login.channel;
        request.locale.clone_from(&login.locale);
        // An address to which access was shown before shows nothing more.
        request.email = login.email.clone().filter(|email| !self.had(login, &Factor::address_of_email(email)));
        request.client_ip = login.caller.ip.or(login.facts.client_ip);
        request.facts = login.facts.clone().with_phone(*phone);
        request.facts.email = None;
        let check = login.verifier.start(request).await?;
        self.asked = Some(Asked { check: *check.id.as_bytes(), number: login.mask(phone).id });
        self.show(login, Ok(check), false).await
    }

    /// Looks at the check, which gives its proof to the first look.
    pub(super) async fn look(self, login: &MfaLogin<'_>, id: CheckId, incorrect: bool) -> Result<MfaStep> {
        let check = login.verifier.status(&login.subject, id).await;
        self.show(login, check, incorrect).await
    }

    /// The step that goes with where the check stands.
    pub(super) async fn show(self, login: &MfaLogin<'_>, check: Result<Check>, incorrect: bool) -> Result<MfaStep> {
        let mut check = match check {
            Ok(check) => check,
            // It is this subject's, so it is its time that ran out.
            Err(error) if error.kind() == ErrorKind::CheckEnded => return Ok(MfaStep::Over(Over::Expired)),
            Err(error) => return Err(error),
        };
        match (check.status, check.verified.take()) {
            (Status::Verified, Some(verified)) => self.finish(login, verified).await,
            (Status::Verified, None) => Ok(MfaStep::Over(Over::Used)),
            (Status::Pending, _) => self.ask_on(login, check, incorrect),
            (Status::Failed, _) => Ok(MfaStep::Over(Over::Failed)),
            (Status::Expired, _) => Ok(MfaStep::Over(Over::Expired)),
            (Status::Cancelled, _) => Ok(MfaStep::Over(Over::Cancelled)),
        }
    }

    fn ask_on(self, login: &MfaLogin<'_>, check: Check, incorrect: bool) -> Result<MfaStep> {
        let asked = self.asked.as_ref().and_then(|asked| asked.phone(login)).ok_or_else(ended)?;
        let numbers = login.offered(&self.factors).iter().map(|phone| login.mask(phone)).collect();
        let pending = PendingLogin::seal(login, &self)?;
        Ok(MfaStep::Ask(Ask { pending, number: login.mask(&asked), numbers, check, incorrect }))
    }

    /// The one origin of [`Done`].
    pub(super) async fn finish(self, login: &MfaLogin<'_>, verified: Verified) -> Result<MfaStep> {
        let Verified { proof, token, .. } = verified;
        let asked = self.asked.as_ref().and_then(|asked| asked.phone(login));
        // The check was found by subject and id; that it is this login's in all else is looked at once more.
        let ours = proof.subject() == &login.subject
            && proof.action() == &login.action
            && proof.binding().map(Binding::as_str) == Some(&self.binding)
            && Some(*proof.phone()) == asked;
        if !ours {
            return Err(ended());
        }
        if let Some(over) = self.falls_short(login, &proof) {
            tracing::warn!(?over, channel = %proof.channel(), "a proof does not end the login");
            return Ok(MfaStep::Over(over));
        }
        if !self.use_up(login).await? {
            return Ok(MfaStep::Over(Over::Used));
        }
        let amr = self.amr(&proof);
        tracing::info!(?amr, "login done");
        Ok(MfaStep::Done(Done { proof, token, amr }))
    }

    /// What a proof lacks: it has to show something new, and what the policy requires.
    fn falls_short(&self, login: &MfaLogin<'_>, proof: &Proof) -> Option<Over> {
        let email = login.email.as_deref().map(Factor::address_of_email);
        let address = match shows_phone(proof) {
            true => Some(Factor::address_of(proof.phone())),
            false => email,
        };
        if address.is_some_and(|address| self.had(login, &address)) {
            return Some(Over::SameFactor);
        }
        match login.required(login.verifier.inner.clock.read().now) {
            StepUp::Require(requirement) if *requirement.acr != *proof.acr() => Some(Over::OtherClass),
            StepUp::Deny { .. } => Some(Over::OtherClass),
            _ => None,
        }
    }

    /// Ends this login for each of its copies; `false` when it was ended before.
    pub(super) async fn use_up(&self, login: &MfaLogin<'_>) -> Result<bool> {
        let inner = &login.verifier.inner;
        inner.first_time("login done", &[&self.once], self.expires_at, inner.clock.read().now).await
    }

    fn had(&self, login: &MfaLogin<'_>, address: &str) -> bool {
        self.factors.iter().any(|factor| factor.is(login, address))
    }

    /// RFC 8176, section 2: `mfa` says that factors of more than one kind were shown, and stands beside them.
    fn amr(&self, proof: &Proof) -> Vec<String> {
        let before = self.factors.iter().map(|factor| factor.method.clone());
        let mut amr: Vec<String> = Vec::new();
        for method in before.chain(proof.amr().iter().map(|&method| method.to_owned())) {
            if !amr.contains(&method) {
                amr.push(method);
            }
        }
        let other_kind = self.factors.iter().any(|factor| OTHER_KINDS.contains(&factor.method.as_str()));
        if other_kind && shows_phone(proof) && !proof.is_test() {
            amr.push("mfa".to_owned());
        }
        amr
    }
}

impl Asked {
    pub(super) fn check(&self) -> CheckId {
        CheckId::from_bytes(self.check)
    }

    /// The number, if it is still the account's.
    pub(super) fn phone(&self, login: &MfaLogin<'_>) -> Option<PhoneNumber> {
        login.phones.iter().find(|phone| login.mask(phone).id == self.number).copied()
    }
}

fn shows_phone(proof: &Proof) -> bool {
    proof.acr() != "email"
}

/// The words of RFC 8176 for what a person knows or is, and does not have.
const OTHER_KINDS: [&str; 8] = ["pwd", "pin", "kba", "face", "fpt", "iris", "retina", "vbm"];
