//! What a policy puts in force: for people and for programs.

use std::fmt;

use serde::Serialize;

use crate::policy::{Limit, Policy, Profile};

/// What holds, whether the file says it or leaves it out.
#[derive(Serialize)]
pub(super) struct InForce {
    hash: String,
    profile: Profile,
    digits: u8,
    lifetime_seconds: u64,
    attempts: u8,
    resend_after_seconds: u64,
    failures: String,
    limits: Vec<LimitInForce>,
}

#[derive(Serialize)]
struct LimitInForce {
    name: String,
    on: String,
    key: Vec<String>,
    quota: String,
}

impl InForce {
    pub(super) fn of(policy: &Policy) -> Self {
        let code = policy.code();
        Self {
            hash: policy.hash().to_owned(),
            profile: policy.profile(),
            digits: code.digits,
            lifetime_seconds: code.lifetime.as_secs(),
            attempts: code.attempts,
            resend_after_seconds: code.resend_after.as_secs(),
            failures: policy.failure_budget().to_string(),
            limits: policy.limits().iter().map(LimitInForce::of).collect(),
        }
    }
}

impl InForce {
    pub(super) fn hash(&self) -> &str {
        &self.hash
    }
}

impl LimitInForce {
    fn of(limit: &Limit) -> Self {
        Self {
            name: limit.name.to_string(),
            on: word(limit.on),
            key: limit.key.iter().copied().map(word).collect(),
            quota: limit.quota.to_string(),
        }
    }
}

/// For people, with what stands in the file.
impl fmt::Display for InForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { digits, lifetime_seconds, attempts, resend_after_seconds, .. } = self;
        writeln!(f, "in force, whether the file says so or not:")?;
        writeln!(f, "  policy   {}", self.hash)?;
        writeln!(f, "  profile  {}", self.profile)?;
        writeln!(
            f,
            "  code     {digits} digits, {lifetime_seconds} seconds, {attempts} attempts, again after {resend_after_seconds} seconds"
        )?;
        writeln!(f, "  budget   {} wrong answers of a subject, and of a number", self.failures)?;
        for LimitInForce { name, on, key, quota } in &self.limits {
            writeln!(f, "  limit    {quota} on {on} by {}: {name}", key.join(", "))?;
        }
        Ok(())
    }
}

/// The word of a file for one of its words.
fn word(variant: impl fmt::Debug) -> String {
    format!("{variant:?}").to_lowercase()
}
