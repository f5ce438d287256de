//! How codes are made and tried.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How codes are made, and how long and how often they may be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CodeRules {
    /// How many digits a code has: 6 to 10 (NIST SP 800-63B-4, section 3.1.3; 20 bits in ASVS 5.0, 6.5.4). A flash call has the
    /// digits that its vendor gives.
    pub digits: u8,
    /// How long a code may be answered: 1 second to 10 minutes.
    pub lifetime: Duration,
    /// How many answers a check takes: 1 to 10.
    pub attempts: u8,
    /// What is sent when it is sent again.
    pub resend: Resend,
    /// How long to wait before it can be sent again.
    pub resend_after: Duration,
}

/// What is sent when a code is sent again. Neither resets the failure budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Resend {
    /// The same code: messages that arrive in the wrong order do no harm.
    Reuse,
    /// A new code.
    Rotate,
}

impl CodeRules {
    /// NIST SP 800-63B-4, section 3.1.3: six digits at least.
    pub(super) const LEAST_DIGITS: u8 = 6;

    pub(super) const MOST_DIGITS: u8 = 10;

    pub(super) const MOST_ATTEMPTS: u8 = 10;

    /// NIST SP 800-63B-4, 3.1.3.2, and OWASP ASVS 6.5.5: an out-of-band code lives at most ten minutes.
    pub(super) const MAX_LIFETIME: Duration = Duration::from_secs(600);
}

impl Default for CodeRules {
    fn default() -> Self {
        Self {
            digits: 6,
            lifetime: Duration::from_secs(300),
            attempts: 5,
            resend: Resend::Reuse,
            resend_after: Duration::from_secs(30),
        }
    }
}
