//! Another policy, while checks are running.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::{Verifier, builder};
use crate::{error::Result, policy::Sources};

/// How often another policy was tried, since the verifier was built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReloadCounts {
    /// How often one was put in force.
    pub accepted: u64,
    /// How often one was refused: the one before it stayed in force. Worth an alarm.
    pub refused: u64,
}

/// Counts them.
#[derive(Debug, Default)]
pub(super) struct Reloads {
    accepted: AtomicU64,
    refused: AtomicU64,
}

impl Verifier {
    /// Puts another policy in force, if it loads. Checks that are running keep the plan they began with.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misconfigured`](crate::ErrorKind::Misconfigured) with every fault of the file; the policy in force stays, a
    /// warning is logged, and [`reload_counts`](Self::reload_counts) tells.
    pub fn replace_policy(&self, file_name: &str, text: &str) -> Result<()> {
        self.replace_policy_sources(&Sources::new(file_name, text))
    }

    /// The same for a policy and the files that it names.
    ///
    /// # Errors
    ///
    /// As [`replace_policy`](Self::replace_policy).
    pub fn replace_policy_sources(&self, sources: &Sources) -> Result<()> {
        self.inner.replace_policy(builder::load(sources, &self.inner.catalogue))
    }

    /// How often another policy was put in force, and how often one was refused.
    #[must_use]
    pub fn reload_counts(&self) -> ReloadCounts {
        let Reloads { accepted, refused } = &self.inner.reloads;
        ReloadCounts { accepted: accepted.load(Ordering::Relaxed), refused: refused.load(Ordering::Relaxed) }
    }
}

impl super::Inner {
    /// Takes the new policy, or tells why there is none.
    pub(super) fn replace_policy(&self, loaded: Result<crate::policy::Policy>) -> Result<()> {
        match loaded {
            Ok(policy) => {
                tracing::info!(policy = policy.hash(), "policy replaced");
                self.policy.store(Arc::new(policy));
                self.reloads.accepted.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => {
                let refused = self.reloads.refused.fetch_add(1, Ordering::Relaxed) + 1;
                let kept = self.policy.load();
                tracing::warn!(
                    policy = kept.hash(),
                    refused,
                    ?error,
                    "policy refused; the last good one stays in force"
                );
                Err(error)
            }
        }
    }
}
