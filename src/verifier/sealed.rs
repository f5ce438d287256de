//! What other services of this application hand out and get back: sealed under the server key, so that any process that shares the
//! key can read it and nobody else can.

use std::time::SystemTime;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};

use super::Verifier;
use crate::{
    check::{Keys, Sealed},
    error::Result,
    ids::CheckId,
};
#[cfg(feature = "oidc-provider")]
use crate::{
    ids::Action,
    policy::{Context, StepUp},
    verifier::Facts,
};

impl Verifier {
    /// The time, refused while the clock stands behind what it has shown.
    pub(crate) fn trusted_now(&self) -> Result<SystemTime> {
        self.inner.trusted_time()
    }

    /// What the policy asks of an action.
    #[cfg(feature = "oidc-provider")]
    pub(crate) fn step_up(&self, action: &Action, facts: &Facts, now: SystemTime) -> StepUp {
        self.inner.policy.load().step_up(&facts.describe(Context::new(action)).at(now))
    }

    /// Stands for `parts` where they must not be seen: the same parts give the same text.
    pub(crate) fn keyed_text(&self, kind: &str, parts: &[&[u8]]) -> String {
        self.inner.keys.current().text_name(kind, parts)
    }

    /// Whether the name of something is seen for the first time. It is remembered until `until`.
    #[cfg(any(feature = "oidc-provider", feature = "entra"))]
    pub(crate) async fn first_time(
        &self,
        kind: &str,
        parts: &[&[u8]],
        until: SystemTime,
        now: SystemTime,
    ) -> Result<bool> {
        self.inner.first_time(kind, parts, until, now).await
    }

    /// Encrypts a value into text for URLs and forms. What is sealed as one kind does not open as another.
    pub(crate) fn seal<T: Serialize>(&self, kind: &str, value: &T) -> Result<String> {
        let keys = self.inner.keys.current();
        let sealed = keys.seal(&name_of(keys, kind), value)?;
        Ok(URL_SAFE_NO_PAD.encode(sealed.as_bytes()))
    }

    /// Opens what [`seal`](Self::seal) made, in this process or another with the same server key, or under one that is accepted.
    pub(crate) fn open<T: DeserializeOwned>(&self, kind: &str, text: &str) -> Option<T> {
        let sealed = Sealed::from_bytes(URL_SAFE_NO_PAD.decode(text).ok()?.into());
        self.inner.keys.all().find_map(|keys| keys.open(&name_of(keys, kind), &sealed).ok())
    }
}

/// The name under which one kind is sealed.
fn name_of(keys: &Keys, kind: &str) -> CheckId {
    CheckId::from_bytes(keys.name("sealed kind", &[kind.as_bytes()]))
}
