//! Whether a request may pass: the layer's decision, pure.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use super::{Inner, Verifier, ask_shadow};
use crate::{
    channel::Channel,
    error::Result,
    ids::{Action, Binding, KeyThumbprint, RuleName, Subject},
    phone::{PhoneNumber, Region},
    policy::{Context, Requirement, Section, Signals, StepUp},
    proof::Proof,
};

/// What the application knows of a request, for the rules of the policy. What it leaves out is read the careful way: rules
/// that ask or deny apply, rules that allow do not.
///
/// ```
/// use handset::{Binding, verifier::Facts};
///
/// let facts = Facts::default().with_amount(120_000).with_currency("EUR").with_binding(Binding::new("120000 EUR to Ada")?);
/// # let _ = facts;
/// # Ok::<(), handset::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Facts {
    /// The amount, in the unit that the policy is written in.
    pub amount: Option<i64>,
    /// The currency, by its three letters of ISO 4217.
    pub currency: Option<String>,
    /// Whether the subject has paid this payee before.
    pub payee_known: Option<bool>,
    /// The client's address.
    pub client_ip: Option<IpAddr>,
    /// Where that address is.
    pub client_ip_region: Option<Region>,
    /// Whether the client is on mobile data.
    pub client_mobile_data: Option<bool>,
    /// What the client runs on, in words of the application, such as `ios`.
    pub client_platform: Option<String>,
    /// Whether the subject is an account, and not a visitor.
    pub subject_known: Option<bool>,
    /// How old the account is.
    pub subject_age: Option<Duration>,
    /// Whether the account has shown possession of a phone before.
    pub subject_had_verified_phone: Option<bool>,
    /// How many answers of the subject were wrong of late.
    pub subject_failures: Option<u32>,
    /// What others know of the number or the client.
    pub signals: Signals,
    /// The transaction that the proof has to be bound to. A proof that is bound to another one, or to none, is refused; so is
    /// a bound proof where no binding is given.
    pub binding: Option<Binding>,
    /// The number of the account. With it, checks of other numbers are not started and proofs of other numbers are refused;
    /// without it, possession of *some* phone is shown, and the application compares [`Proof::phone`] itself.
    pub phone: Option<PhoneNumber>,
    /// The e-mail address of the account. With it, what a check sends by e-mail goes there, whatever address the client brings.
    pub email: Option<String>,
    /// The key that the client has shown to be its own, by DPoP (RFC 9449) or another way that the application has checked.
    /// A check that is started with it gives a proof that is good with that key only; without it, proofs of a key are refused.
    pub key: Option<KeyThumbprint>,
}

impl Facts {
    /// Says the amount.
    #[must_use]
    pub fn with_amount(mut self, amount: i64) -> Self {
        self.amount = Some(amount);
        self
    }

    /// Says the currency.
    #[must_use]
    pub fn with_currency(mut self, currency: impl Into<String>) -> Self {
        self.currency = Some(currency.into());
        self
    }

    /// Says where the client is.
    #[must_use]
    pub fn with_client_ip(mut self, ip: IpAddr) -> Self {
        self.client_ip = Some(ip);
        self
    }

    /// Says what others know of the number or the client.
    #[must_use]
    pub fn with_signals(mut self, signals: Signals) -> Self {
        self.signals = signals;
        self
    }

    /// Says which transaction the proof has to be bound to.
    #[must_use]
    pub fn with_binding(mut self, binding: Binding) -> Self {
        self.binding = Some(binding);
        self
    }

    /// Says which number the account has.
    #[must_use]
    pub fn with_phone(mut self, phone: PhoneNumber) -> Self {
        self.phone = Some(phone);
        self
    }

    /// Says which e-mail address the account has.
    #[must_use]
    pub fn with_email(mut self, address: impl Into<String>) -> Self {
        self.email = Some(address.into());
        self
    }

    /// Says which key the client has shown to be its own.
    #[must_use]
    pub fn with_key(mut self, key: KeyThumbprint) -> Self {
        self.key = Some(key);
        self
    }

    pub(super) fn describe<'a>(&'a self, mut context: Context<'a>) -> Context<'a> {
        if let Some(amount) = self.amount {
            context = context.amount(amount);
        }
        if let Some(currency) = &self.currency {
            context = context.currency(currency);
        }
        if let Some(known) = self.payee_known {
            context = context.payee_known(known);
        }
        self.describe_subject(self.describe_client(context)).signals(&self.signals)
    }

    fn describe_client<'a>(&'a self, mut context: Context<'a>) -> Context<'a> {
        if let Some(ip) = self.client_ip {
            context = context.client_ip(ip);
        }
        if let Some(region) = self.client_ip_region {
            context = context.client_ip_region(region);
        }
        if let Some(on) = self.client_mobile_data {
            context = context.client_mobile_data(on);
        }
        if let Some(platform) = &self.client_platform {
            context = context.client_platform(platform);
        }
        context
    }

    fn describe_subject<'a>(&'a self, mut context: Context<'a>) -> Context<'a> {
        if let Some(known) = self.subject_known {
            context = context.subject_known(known);
        }
        if let Some(age) = self.subject_age {
            context = context.subject_age(age);
        }
        if let Some(had) = self.subject_had_verified_phone {
            context = context.subject_had_verified_phone(had);
        }
        if let Some(failures) = self.subject_failures {
            context = context.subject_failures(failures);
        }
        context
    }
}

/// A request as the gate sees it.
#[derive(Debug)]
pub(crate) struct Visit<'a> {
    pub(crate) action: &'a Action,
    pub(crate) subject: Option<&'a Subject>,
    pub(crate) token: Option<&'a str>,
    pub(crate) facts: &'a Facts,
}

/// What the gate says.
#[derive(Debug)]
pub(crate) enum Gate {
    /// Nothing is asked.
    Open,
    /// The proof meets the requirement. When it may be used once, `claim` has to be taken first.
    Proven { proof: Arc<Proof>, requirement: Requirement, claim: Option<SingleUse> },
    /// A proof has to be shown.
    StepUp { requirement: Requirement, why: &'static str },
    /// Never.
    Deny { rule: RuleName, reason: String },
}

/// The one use of a proof.
#[derive(Debug)]
pub(crate) struct SingleUse {
    proof: Arc<Proof>,
    now: SystemTime,
}

impl Verifier {
    /// Decides about a request, without I/O.
    pub(crate) fn gate(&self, visit: &Visit<'_>) -> Gate {
        let inner = &self.inner;
        let policy = inner.policy.load();
        let now = inner.clock.read().now;
        let facts = visit.facts.describe(Context::new(visit.action)).at(now);
        ask_shadow(&policy, Section::StepUp, &facts);
        let requirement = match policy.step_up(&facts) {
            StepUp::Allow => return Gate::Open,
            StepUp::Deny { rule, reason } => return Gate::Deny { rule, reason },
            StepUp::Require(requirement) => requirement,
        };
        match inner.meets(visit, &requirement, now) {
            Ok(proof) => {
                let claim = requirement.single_use.then(|| SingleUse { proof: Arc::clone(&proof), now });
                Gate::Proven { proof, requirement, claim }
            }
            Err(why) => Gate::StepUp { requirement, why },
        }
    }

    /// Takes the single use of a proof; `false` when it has been used.
    pub(crate) async fn claim(&self, claim: SingleUse) -> Result<bool> {
        self.inner.use_once("used proof", &claim.proof, claim.now).await
    }

    /// Whether a proof shows possession of its number here and now: not an address of e-mail, not a test, not over.
    pub(crate) fn shows_phone(&self, proof: &Proof) -> Result<bool> {
        let now = self.inner.trusted_time()?;
        let real = !proof.is_test() || self.inner.takes_test_numbers;
        Ok(real && proof.channel() != Channel::Email && now < proof.expires_at())
    }

    /// Takes the one use of a proof for `purpose`; `false` when it was taken before. Apart from what a layer takes, which
    /// guards the very request that comes here.
    pub(crate) async fn spend(&self, purpose: &str, proof: &Proof) -> Result<bool> {
        let now = self.inner.trusted_time()?;
        self.inner.use_once(purpose, proof, now).await
    }

    /// The time, for what is written down elsewhere.
    pub(crate) fn time(&self) -> SystemTime {
        self.inner.clock.read().now
    }

    /// The subject that stands for a visitor: a hash of its cookie, so that a proof does not carry the cookie about. It is hashed
    /// without a key, since nobody can guess so many random bytes, and stays the same under the next server key.
    pub(crate) fn visitor(&self, secret: &[u8]) -> Result<Subject> {
        let hash = Sha256::new_with_prefix("handset visitor").chain_update(secret).finalize();
        let name: String = URL_SAFE_NO_PAD.encode(hash).chars().take(22).collect();
        Subject::new(format!("visitor:{name}"))
    }

    /// Whether some rule asks anything of an action.
    pub(crate) fn guards(&self, action: &Action) -> bool {
        self.inner.policy.load().guards(action)
    }
}

impl Inner {
    async fn use_once(&self, purpose: &str, proof: &Proof, now: SystemTime) -> Result<bool> {
        self.first_time(purpose, &[proof.id().as_bytes()], proof.expires_at(), now).await
    }

    /// The proof of a request, if it is good for this request; else what is wrong with it, in words for the client.
    fn meets(&self, visit: &Visit<'_>, requirement: &Requirement, now: SystemTime) -> Result<Arc<Proof>, &'static str> {
        let token = visit.token.ok_or("show a proof of phone possession")?;
        let proof = self.proofs.verify(token, now).map_err(|refusal| {
            tracing::info!(?refusal, "proof refused");
            "the proof is not valid; get another one"
        })?;
        if Some(proof.subject()) != visit.subject {
            return Err("the proof is another subject's");
        }
        if proof.action() != visit.action {
            return Err("the proof is for another action");
        }
        if proof.binding() != visit.facts.binding.as_ref() {
            return Err("the proof is for another transaction");
        }
        if proof.key() != visit.facts.key.as_ref() {
            return Err("the proof is for another key");
        }
        if visit.facts.phone.is_some_and(|phone| phone != *proof.phone()) {
            return Err("the proof is for another number");
        }
        if proof.is_test() && !self.takes_test_numbers {
            return Err("the proof is of a number for tests");
        }
        if proof.acr() != &*requirement.acr {
            return Err("the proof is of another kind");
        }
        if proof.auth_time() + requirement.max_age < now {
            return Err("the proof is too old");
        }
        Ok(proof)
    }
}
